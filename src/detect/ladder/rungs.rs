//! The state of one series, and what it says.

use super::climb::{Climb, Climbs, evidence};
use super::edges::{Edges, Tick};
use super::statistic::{RUNGS, Statistic};
use crate::detect::settings::Quantile;

/// The state of one series: how high the evidence stands on each rung. It takes ticks, and gives verdicts.
///
/// # The method
///
/// "p99 grew by no more than m" is the same sentence as "no more than 1 % of the bodies are larger than m times the
/// baseline's p99". So each quantile q is a coin: every body of a tick lies above the quantile's edge or not, and as
/// long as nothing grew, the share above is at most `p0 = 1 - q`. However heavy the tail, only the share counts.
///
/// Each coin is tested at every tick against a few larger shares `p1` at once, by likelihood ratios that are kept at 1
/// or above:
///
/// ```text
/// d_j = min(cap, k ln(p1_j/p0) + (n-k) ln((1-p1_j)/(1-p0)))    n bodies in the tick, k of them above the edge
/// S_j = max(0, S_j + d_j)                                      how much a share p1_j explains the last bodies better
/// M   = ln(mean_j exp(S_j))                                    the evidence, whichever p1 is true
/// h0  = ln(K A),  h = h0 + 2 max(0, worst - 4)                 what it takes; worst: of the last calm period
/// ```
///
/// `M >= h` is evidence. It is an alert if, too, at least a share p0 of the bodies since the leading S_j last left 0
/// lies above the gate edge: the size gate. With A as the number of ticks in a week by alpha, a false alarm in a series
/// has a probability of at most (T+1)/A in T ticks with traffic, as long as the true share stays at most p0.
///
/// Source: e-detectors, in J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential
/// change detection", New England Journal of Statistics in Data Science, 2023. Ladder, gate, cap and the term of the
/// calm period are ours: normal traffic has seasons, and those break the clause on the share.
///
/// # Example
///
/// ```
/// use plimsoll::detect::{Edges, Ladder, Statistic};
/// use plimsoll::{Bucket, Growth, Quantile};
/// use std::time::Duration;
///
/// let baseline: Vec<Bucket> = (0..1_000).map(|body| Bucket::of_size(7_000 + 2 * body)).collect();
/// let edges = Edges::new(baseline, &Growth::default());
/// let statistic = Statistic::new(1e-3, Duration::from_secs(10));
/// let mut ladder = Ladder::default();
///
/// let grown = edges.count([Bucket::of_size(85_000); 10]);
/// for _ in 0..4 {
///     ladder.tick(&statistic, &edges, &grown);
/// }
/// assert!(!ladder.verdict(&statistic, Quantile::P99, None).has_evidence());
/// ladder.tick(&statistic, &edges, &grown);
/// let verdict = ladder.verdict(&statistic, Quantile::P99, None);
/// assert!(verdict.is_alert());
/// assert_eq!((verdict.bodies, verdict.above_gate, verdict.since), (50, 50, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(into = "super::saved::SavedLadder", try_from = "super::saved::SavedLadder")
)]
pub struct Ladder {
    pub(super) ticks: u64,
    /// Nothing for a rung on which every S_j is 0: most are, most of the time.
    pub(super) rungs: [Option<Box<Climbs>>; RUNGS],
}

/// What a rung says at present.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Which rung.
    pub quantile: Quantile,
    /// M: the logarithm of the e-value, by which chance alone would not have done it. 0 where nothing speaks for growth.
    pub evidence: f64,
    /// h: what `evidence` must reach.
    pub threshold: f64,
    /// The number of the tick in which the leading S_j last left 0, counted from 1: the estimate of *when*.
    pub since: u64,
    /// Bodies since then, that tick's included.
    pub bodies: u64,
    /// Of these, the ones above the gate edge.
    pub above_gate: u64,
}

impl Ladder {
    /// Takes the bodies of one tick. A tick without bodies changes nothing.
    pub fn tick(&mut self, statistic: &Statistic, edges: &Edges, tick: &Tick) {
        let Self { ticks, rungs } = self;
        let Tick { bodies, above_evidence, above_gate } = tick;
        if *bodies == 0 {
            return;
        }
        *ticks = ticks.saturating_add(1);
        let counted = above_evidence.iter().zip(above_gate);
        for (((rung, alternatives), edges), (above, over_gate)) in
            rungs.iter_mut().zip(&statistic.rungs).zip(&edges.0).zip(counted)
        {
            // What stands at 0 stays there where no body is above.
            if edges.is_none() || (rung.is_none() && *above == 0) {
                continue;
            }
            let climbs = rung.get_or_insert_default();
            #[allow(clippy::cast_precision_loss, reason = "a tick's bodies")]
            let (above, below) = (*above as f64, bodies.saturating_sub(*above) as f64);
            for (climb, weights) in climbs.iter_mut().zip(alternatives.weights()) {
                let step = (above * weights.above + below * weights.below).min(statistic.cap);
                climb.step(step, *ticks, *bodies, *over_gate);
            }
            if climbs.iter().all(|climb| climb.height == 0.0) {
                *rung = None;
            }
        }
    }

    /// What a rung says; `worst` is the largest evidence it has shown in the last calm period.
    #[must_use]
    pub fn verdict(&self, statistic: &Statistic, quantile: Quantile, worst: Option<f64>) -> Verdict {
        let climbs = self.climbs(statistic, quantile);
        let leading = climbs.iter().fold(Climb::default(), |best, climb| {
            // Of equals the last, against the largest share: it is the first to see that all is well again.
            if climb.height >= best.height { *climb } else { best }
        });
        let Climb { height, since, bodies, above_gate } = leading;
        let threshold = statistic.threshold(worst);
        Verdict { quantile, evidence: evidence(climbs, height), threshold, since, bodies, above_gate }
    }

    /// A ladder that stands at 0, and counts its ticks on from this one.
    pub(crate) fn after(ticks: u64) -> Self {
        Self { ticks, ..Self::default() }
    }

    /// How many ticks it took.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Takes every S_j back to 0.
    pub(crate) fn restart(&mut self) {
        self.rungs = Default::default();
    }

    /// The leading S_j of a rung: no less than its evidence, and cheaper to have.
    pub(crate) fn height(&self, quantile: Quantile) -> f64 {
        self.standing(quantile).iter().fold(0.0, |best, climb| climb.height.max(best))
    }

    /// The highest S_j that left 0 in this tick; 0 where none did.
    pub(crate) fn height_since(&self, tick: u64) -> f64 {
        let since = self.rungs.iter().flatten().flat_map(|climbs| climbs.iter()).filter(|climb| climb.since == tick);
        since.fold(0.0, |best, climb| climb.height.max(best))
    }

    /// The rungs of which an S_j left 0 in this tick, counted from 1.
    pub(crate) fn began_in(&self, tick: u64) -> impl Iterator<Item = Quantile> {
        let began = move |quantile: &Quantile| self.standing(*quantile).iter().any(|climb| climb.since == tick);
        Quantile::ALL.into_iter().filter(began)
    }

    /// Which S_j leads a rung.
    pub(crate) fn leading(&self, quantile: Quantile) -> usize {
        let climbs = self.standing(quantile).iter().enumerate();
        climbs.max_by(|a, b| a.1.height.total_cmp(&b.1.height)).map_or(0, |(place, _)| place)
    }

    /// How high one S_j stands.
    pub(crate) fn height_of(&self, quantile: Quantile, alternative: usize) -> f64 {
        self.standing(quantile).get(alternative).map_or(0.0, |climb| climb.height)
    }

    /// Holds every S_j of a rung at most this high, so that it falls as soon as it rose.
    pub(crate) fn hold(&mut self, quantile: Quantile, at_most: f64) {
        let rung = self.rungs.get_mut(quantile as usize).and_then(Option::as_mut);
        for climb in rung.into_iter().flat_map(|climbs| climbs.iter_mut()) {
            climb.height = climb.height.min(at_most);
        }
    }

    fn climbs(&self, statistic: &Statistic, quantile: Quantile) -> &[Climb] {
        let count = statistic.rungs.get(quantile as usize).map_or(0, |rung| rung.count);
        self.standing(quantile).get(..count).unwrap_or(&[])
    }

    fn standing(&self, quantile: Quantile) -> &[Climb] {
        self.rungs.get(quantile as usize).and_then(Option::as_ref).map_or(&[], |climbs| climbs.as_slice())
    }
}

impl Verdict {
    /// Whether chance is ruled out.
    #[must_use]
    pub fn has_evidence(&self) -> bool {
        self.evidence >= self.threshold
    }

    /// Whether the growth is larger than the gate: enough bodies since the change are.
    #[must_use]
    pub fn is_over_gate(&self) -> bool {
        let least = u128::from(1_000u16.saturating_sub(self.quantile.per_mille()));
        u128::from(self.above_gate).saturating_mul(1_000) >= u128::from(self.bodies).saturating_mul(least)
    }

    /// Both.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        self.has_evidence() && self.is_over_gate()
    }
}
