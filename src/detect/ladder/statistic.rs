//! The constants of the method: what each body weighs, and what evidence it takes.

use std::time::Duration;

use crate::detect::settings::Quantile;

/// The rungs of a ladder.
pub(super) const RUNGS: usize = Quantile::ALL.len();
/// Evidence of a calm period up to this is normal, and raises no threshold.
pub(crate) const CALM: f64 = 4.0;
/// In how many ticks at least a change is found is one more than this, rounded down.
const CAPS_BELOW_THRESHOLD: f64 = 4.5;
/// How many times as likely, in odds, a body above the edge is under each alternative.
const ODDS: [f64; 3] = [1.4, 3.0, 12.0];
/// The alternative for the case that most bodies are above the edge, where p0 is less than `FEW`.
const MOST: f64 = 0.6;
const FEW: f64 = 0.3;
/// Alternatives of a rung, at most.
pub(super) const ALTERNATIVES: usize = ODDS.len() + 1;
/// A week, for which the rate of false alarms is given.
const WEEK: f64 = 604_800.0;

/// The constants that all ladders of a detector share: what each body weighs, and what evidence it takes.
///
/// ```
/// use plimsoll::detect::Statistic;
/// use std::time::Duration;
///
/// let statistic = Statistic::new(1e-3, Duration::from_secs(10));
/// assert_eq!(statistic.level().round(), 60_480_000.0); // ticks in a week, by alpha
/// assert!((statistic.threshold(None) - 19.3).abs() < 0.01); // ln(4 * level)
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    level: f64,
    threshold: f64,
    pub(super) cap: f64,
    pub(super) rungs: [Alternatives; RUNGS],
}

/// Larger shares than p0, each as what a body above the edge and one below weighs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Alternatives {
    weights: [Weights; ALTERNATIVES],
    pub(super) count: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weights {
    pub(super) above: f64,
    pub(super) below: f64,
}

impl Statistic {
    /// For at most `alpha` false alarms a week in a series that is looked at every `tick`.
    ///
    /// `alpha` outside of 1e-12 to 1 counts as the nearer of these, and a tick under a millisecond as one.
    #[must_use]
    pub fn new(alpha: f64, tick: Duration) -> Self {
        let alpha = if alpha.is_finite() { alpha.clamp(1e-12, 1.0) } else { 1.0 };
        Self::at_level(WEEK / tick.as_secs_f64().max(1e-3) / alpha)
    }

    /// For a level A of your own: a false alarm has a probability of at most (T+1)/A in T ticks. Less than 2 counts as 2.
    #[must_use]
    pub fn at_level(level: f64) -> Self {
        let level = level.max(2.0);
        #[allow(clippy::cast_precision_loss, reason = "four")]
        let threshold = (RUNGS as f64 * level).ln();
        Self {
            level,
            threshold,
            cap: threshold / CAPS_BELOW_THRESHOLD,
            rungs: Quantile::ALL.map(|quantile| Alternatives::to(quantile.share_above())),
        }
    }

    /// The same with another cap: the evidence that one tick may add.
    #[must_use]
    pub fn with_cap(self, cap: f64) -> Self {
        Self { cap, ..self }
    }

    /// A.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.level
    }

    /// What evidence one tick may add at most: so little that no rung alarms before its fifth tick with traffic.
    #[must_use]
    pub fn cap(&self) -> f64 {
        self.cap
    }

    /// h: what evidence it takes, where the largest of the last calm period was `worst`.
    #[must_use]
    pub fn threshold(&self, worst: Option<f64>) -> f64 {
        self.threshold + 2.0 * (worst.unwrap_or(0.0) - CALM).max(0.0)
    }
}

impl Alternatives {
    fn to(p0: f64) -> Self {
        let from_odds = ODDS.map(|factor| {
            let odds = factor * p0 / (1.0 - p0);
            odds / (1.0 + odds)
        });
        let mut these = Self::default();
        for p1 in from_odds.into_iter().chain((p0 < FEW).then_some(MOST)) {
            if let Some(weights) = these.weights.get_mut(these.count) {
                *weights = Weights { above: (p1 / p0).ln(), below: ((1.0 - p1) / (1.0 - p0)).ln() };
            }
            these.count = these.count.saturating_add(1);
        }
        these
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = &Weights> {
        self.weights.iter().take(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistic() -> Statistic {
        Statistic::new(1e-3, Duration::from_secs(10))
    }

    #[test]
    fn another_cap_changes_the_cap_alone() {
        let (before, after) = (statistic(), statistic().with_cap(0.5));
        assert!(before.cap() > 0.5);
        assert_eq!((after.cap(), after.level()), (0.5, before.level()));
    }

    #[test]
    fn the_constants_are_those_of_the_method() {
        let statistic = statistic();
        assert_eq!(statistic.level(), 60_480_000.0);
        assert!((statistic.threshold(None) - 241_920_000f64.ln()).abs() < 1e-12);
        assert_eq!(statistic.threshold(Some(4.0)), statistic.threshold(None));
        assert_eq!(statistic.threshold(Some(6.5)), statistic.threshold(None) + 5.0);
        assert!((Statistic::new(1e-3, Duration::from_millis(250)).level() / 2.4192e9 - 1.0).abs() < 1e-12);
        assert_eq!(statistic.rungs.each_ref().map(|rung| rung.count), [3, 4, 4, 4]);
    }

    #[test]
    fn wrong_settings_are_taken_to_the_nearest_right_ones() {
        for alpha in [f64::NAN, f64::INFINITY, 7.0, 0.0, -1.0] {
            assert!(Statistic::new(alpha, Duration::ZERO).threshold(None).is_finite());
        }
        assert!(Statistic::at_level(f64::NAN).threshold(None) > 0.0);
    }
}
