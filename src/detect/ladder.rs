//! The statistic: a ladder of four quantiles, on each an e-CUSUM of the bodies above a fixed edge.
//!
//! "p99 grew by no more than m" is the same sentence as "no more than 1 % of the bodies are larger than m times the
//! baseline's p99". So each quantile q is a coin: every body of a tick lies above the quantile's edge or not, and as
//! long as nothing grew, the share above is at most `p0 = 1 - q`. However heavy the tail, only the share counts.
//!
//! Each coin is tested at every tick against a few larger shares `p1` at once, by likelihood ratios that are kept at 1
//! or above:
//!
//! ```text
//! d_j = min(cap, k ln(p1_j/p0) + (n-k) ln((1-p1_j)/(1-p0)))    n bodies in the tick, k of them above the edge
//! S_j = max(0, S_j + d_j)                                      how much a share p1_j explains the last bodies better
//! M   = ln(mean_j exp(S_j))                                    the evidence, whichever p1 is true
//! h0  = ln(K A),  h = h0 + 2 max(0, worst - 4)                 what it takes; worst: of the last calm period
//! ```
//!
//! `M >= h` is evidence. It is an alert if, too, at least a share p0 of the bodies since the leading S_j last left 0
//! lies above the gate edge: the size gate. With A as the number of ticks in a week by alpha, a false alarm in a series
//! has a probability of at most (T+1)/A in T ticks with traffic, as long as the true share stays at most p0.
//!
//! Source: e-detectors, in J. Shin, A. Ramdas, A. Rinaldo, "E-detectors: a nonparametric framework for sequential
//! change detection", New England Journal of Statistics in Data Science, 2023. Ladder, gate, cap and the term of the
//! calm period are ours: normal traffic has seasons, and those break the clause on the share.

use std::time::Duration;

use super::settings::{Growth, Quantile};
use crate::ledger::Bucket;

/// The rungs of a ladder.
const RUNGS: usize = Quantile::ALL.len();
/// Evidence of a calm period up to this is normal, and raises no threshold.
pub(super) const CALM: f64 = 4.0;
/// In how many ticks at least a change is found is one more than this, rounded down.
const CAPS_BELOW_THRESHOLD: f64 = 4.5;
/// How many times as likely, in odds, a body above the edge is under each alternative.
const ODDS: [f64; 3] = [1.4, 3.0, 12.0];
/// The alternative for the case that most bodies are above the edge, where p0 is less than `FEW`.
const MOST: f64 = 0.6;
const FEW: f64 = 0.3;
/// The normal quantile of the confidence in a baseline's quantile: 99 %, one-sided.
const CONFIDENCE: f64 = 2.33;
/// Fewer bodies than these, in all and above the quantile, say nothing of it.
const LEAST_BODIES: u64 = 100;
const LEAST_ABOVE: u64 = 10;
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
    cap: f64,
    rungs: [Alternatives; RUNGS],
}

/// Larger shares than p0, each as what a body above the edge and one below weighs.
#[derive(Clone, Debug, Default, PartialEq)]
struct Alternatives {
    weights: [Weights; ALTERNATIVES],
    count: usize,
}

const ALTERNATIVES: usize = ODDS.len() + 1;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Weights {
    above: f64,
    below: f64,
}

/// Where a baseline puts the edges of the rungs. A rung for which it holds too few bodies has none.
///
/// With n0 bodies in the baseline B, margin m and gate g, and 16 buckets a doubling:
///
/// ```text
/// usable where n0 >= 100 and n0 (1-q) >= 10
/// evidence edge = bucket(B, ceil(n0 q + 2.33 sqrt(n0 q (1-q)))) + ceil(16 log2 m)    the quantile's upper confidence
/// gate edge     = bucket(B, ceil(n0 q)) + floor(16 log2 g)
/// ```
///
/// Empty bodies count as bodies of one byte here: twice nothing is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edges([Option<RungEdges>; RUNGS]);

/// The edges of one rung, as numbers of buckets: a body lies above where its bucket's number is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RungEdges {
    /// The bucket that the baseline's quantile lies in.
    pub quantile: u16,
    /// Bodies above are evidence.
    pub evidence: u16,
    /// Bodies above are larger than the gate.
    pub gate: u16,
}

/// What one tick saw: how many bodies, and how many of them above each edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick {
    /// All bodies since the last tick.
    pub bodies: u64,
    /// For each rung, those above the evidence edge.
    pub above_evidence: [u64; RUNGS],
    /// For each rung, those above the gate edge.
    pub above_gate: [u64; RUNGS],
}

/// The state of one series: how high the evidence stands on each rung. It takes ticks, and gives verdicts.
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
    serde(into = "super::saved_ladder::SavedLadder", try_from = "super::saved_ladder::SavedLadder")
)]
pub struct Ladder {
    pub(super) ticks: u64,
    /// Nothing for a rung on which every S_j is 0: most are, most of the time.
    pub(super) rungs: [Option<Box<Climbs>>; RUNGS],
}

/// The S_j of one rung.
pub(super) type Climbs = [Climb; ALTERNATIVES];

/// One alternative's S_j, and what was counted since it last left 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Climb {
    pub(super) height: f64,
    pub(super) since: u64,
    pub(super) bodies: u64,
    pub(super) above_gate: u64,
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

    fn weights(&self) -> impl Iterator<Item = &Weights> {
        self.weights.iter().take(self.count)
    }
}

impl Edges {
    /// The edges over this baseline. Buckets in order of size, each once or more.
    #[must_use]
    pub fn new<I>(baseline: I, growth: &Growth) -> Self
    where
        I: IntoIterator<Item = Bucket>,
    {
        let baseline: Vec<Bucket> = baseline.into_iter().collect();
        let bodies = baseline.iter().fold(0, |sum: u64, bucket| sum.saturating_add(bucket.count()));
        Self(Quantile::ALL.map(|quantile| {
            let above = bodies.saturating_mul(u64::from(1_000u16.saturating_sub(quantile.per_mille()))) / 1_000;
            let usable = bodies >= LEAST_BODIES && above >= LEAST_ABOVE;
            usable.then(|| RungEdges::new(&baseline, bodies, quantile, growth)).flatten()
        }))
    }

    /// These edges, where they are not lower than those of an earlier baseline: of each rung that has edges here, the
    /// higher ones.
    ///
    /// What a series did in one of its last two periods is usual in it. A crawler that comes in some weeks only would
    /// otherwise stand out in each week after one without it.
    #[must_use]
    pub fn or_higher(self, earlier: &Self) -> Self {
        let mut edges = self;
        for (rung, earlier) in edges.0.iter_mut().zip(&earlier.0) {
            if let (Some(rung), Some(earlier)) = (rung, earlier) {
                rung.evidence = rung.evidence.max(earlier.evidence);
                rung.gate = rung.gate.max(earlier.gate);
            }
        }
        edges
    }

    /// Whether no rung has edges: there are too few bodies to say anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The edges of one rung; `None` where the baseline holds too few bodies for it.
    #[must_use]
    pub fn rung(&self, quantile: Quantile) -> Option<RungEdges> {
        self.0.get(quantile as usize).copied().flatten()
    }

    /// Counts the bodies of a tick against these edges.
    #[must_use]
    pub fn count(&self, bodies: impl IntoIterator<Item = Bucket>) -> Tick {
        let mut tick = Tick::default();
        for bucket in bodies {
            let (place, count) = (place(&bucket), bucket.count());
            tick.bodies = tick.bodies.saturating_add(count);
            let rungs = self.0.iter().zip(&mut tick.above_evidence).zip(&mut tick.above_gate);
            for ((edges, above_evidence), above_gate) in rungs {
                let Some(edges) = edges else { continue };
                if place > edges.evidence {
                    *above_evidence = above_evidence.saturating_add(count);
                }
                if place > edges.gate {
                    *above_gate = above_gate.saturating_add(count);
                }
            }
        }
        tick
    }
}

impl RungEdges {
    fn new(baseline: &[Bucket], bodies: u64, quantile: Quantile, growth: &Growth) -> Option<Self> {
        let per_mille = u64::from(quantile.per_mille());
        let rank = bodies.saturating_mul(per_mille).div_ceil(1_000);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let upper_rank = {
            let (n0, p0) = (bodies as f64, quantile.share_above());
            let expected = bodies.saturating_mul(per_mille) as f64 / 1_000.0;
            (expected + CONFIDENCE * (n0 * p0 * (1.0 - p0)).sqrt()).ceil() as u64
        };
        let rule = growth.rule(quantile);
        let at = |rank| bucket_at(baseline, rank);
        let quantile = at(rank)?;
        Some(Self {
            quantile,
            evidence: at(upper_rank.min(bodies))?.saturating_add(rule.evidence_buckets()),
            gate: quantile.saturating_add(rule.alert_buckets()),
        })
    }
}

/// The number of a body's bucket, with empty bodies among those of one byte.
fn place(bucket: &Bucket) -> u16 {
    bucket.index().unwrap_or(0)
}

/// The bucket of the body of this rank, counted from 1 in order of size.
fn bucket_at(buckets: &[Bucket], rank: u64) -> Option<u16> {
    let mut below = 0u64;
    let reaches = |bucket: &&Bucket| {
        below = below.saturating_add(bucket.count());
        below >= rank
    };
    buckets.iter().find(reaches).map(place)
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
    pub(super) fn after(ticks: u64) -> Self {
        Self { ticks, ..Self::default() }
    }

    /// How many ticks it took.
    pub(super) fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Takes every S_j back to 0.
    pub(super) fn restart(&mut self) {
        self.rungs = Default::default();
    }

    /// The leading S_j of a rung: no less than its evidence, and cheaper to have.
    pub(super) fn height(&self, quantile: Quantile) -> f64 {
        self.standing(quantile).iter().fold(0.0, |best, climb| climb.height.max(best))
    }

    /// The highest S_j that left 0 in this tick; 0 where none did.
    pub(super) fn height_since(&self, tick: u64) -> f64 {
        let since = self.rungs.iter().flatten().flat_map(|climbs| climbs.iter()).filter(|climb| climb.since == tick);
        since.fold(0.0, |best, climb| climb.height.max(best))
    }

    /// The rungs of which an S_j left 0 in this tick.
    pub(super) fn began_in(&self, tick: u64) -> impl Iterator<Item = Quantile> {
        let began = move |climb: &Climb| climb.height > 0.0 && climb.since == tick;
        Quantile::ALL.into_iter().filter(move |quantile| self.standing(*quantile).iter().any(began))
    }

    /// Which S_j leads a rung.
    pub(super) fn leading(&self, quantile: Quantile) -> usize {
        let climbs = self.standing(quantile).iter().enumerate();
        let highest = climbs.filter(|(_, climb)| climb.height > 0.0).max_by(|a, b| a.1.height.total_cmp(&b.1.height));
        highest.map_or(0, |(place, _)| place)
    }

    /// How high one S_j stands.
    pub(super) fn height_of(&self, quantile: Quantile, alternative: usize) -> f64 {
        self.standing(quantile).get(alternative).map_or(0.0, |climb| climb.height)
    }

    /// Holds every S_j of a rung at most this high, so that it falls as soon as it rose.
    pub(super) fn hold(&mut self, quantile: Quantile, at_most: f64) {
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

impl Climb {
    fn step(&mut self, step: f64, tick: u64, bodies: u64, above_gate: u64) {
        let height = (self.height + step).max(0.0);
        if height == 0.0 {
            *self = Self::default();
            return;
        }
        if self.height == 0.0 {
            *self = Self { since: tick, ..Self::default() };
        }
        self.height = height;
        self.bodies = self.bodies.saturating_add(bodies);
        self.above_gate = self.above_gate.saturating_add(above_gate);
    }
}

/// `ln(mean_j exp(S_j))`, without ever raising e to a large number.
fn evidence(climbs: &[Climb], highest: f64) -> f64 {
    if highest == 0.0 {
        return 0.0;
    }
    let sum: f64 = climbs.iter().map(|climb| (climb.height - highest).exp()).sum();
    #[allow(clippy::cast_precision_loss, reason = "four")]
    let count = climbs.len().max(1) as f64;
    highest + (sum / count).ln()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// `count` bodies in each bucket from `first` on.
    fn even(first: u16, buckets: u16, count: u64) -> Vec<Bucket> {
        (first..first + buckets).map(|index| Bucket::new(Some(index), count)).collect()
    }

    fn edges(baseline: impl IntoIterator<Item = Bucket>) -> Edges {
        Edges::new(baseline, &Growth::default())
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

    #[test]
    fn a_rung_needs_ten_bodies_above_it_and_a_hundred_in_all() {
        let usable = |bodies| Quantile::ALL.map(|quantile| edges(even(200, 1, bodies)).rung(quantile).is_some());
        assert_eq!(usable(0), [false; 4]);
        assert_eq!(usable(99), [false; 4]);
        assert_eq!(usable(100), [true, true, false, false]);
        assert_eq!(usable(999), [true, true, false, false]);
        assert_eq!(usable(1_000), [true, true, true, false]);
        assert_eq!(usable(10_000), [true; 4]);
    }

    #[test]
    fn edges_stand_over_the_baselines_quantiles() {
        // 1,000 bodies, 10 to a bucket. The ranks: 500 and ceil(500 + 2.33 sqrt(250)) = 537; 990 and 998.
        let edges = edges(even(200, 100, 10));
        assert_eq!(edges.rung(Quantile::P50), Some(RungEdges { quantile: 249, evidence: 253 + 5, gate: 249 + 9 }));
        assert_eq!(edges.rung(Quantile::P99), Some(RungEdges { quantile: 298, evidence: 299 + 5, gate: 298 + 9 }));
    }

    #[test]
    fn each_quantile_has_margins_of_its_own() {
        let growth = Growth::default().alert_over(Quantile::P50, 100).evidence_over(Quantile::P90, 0);
        let edges = Edges::new(even(200, 1, 1_000), &growth);
        assert_eq!(edges.rung(Quantile::P50), Some(RungEdges { quantile: 200, evidence: 205, gate: 216 }));
        assert_eq!(edges.rung(Quantile::P90), Some(RungEdges { quantile: 200, evidence: 200, gate: 209 }));
        let huge = Growth::alert_over_percent(u32::MAX);
        assert!(Edges::new(even(200, 1, 1_000), &huge).rung(Quantile::P50).is_some_and(|rung| rung.gate > 600));
    }

    #[test]
    fn of_two_periods_the_higher_edges_stand_on_rungs_that_the_later_has() {
        let (low, high) = (edges(even(200, 1, 1_000)), edges(even(220, 1, 10_000)));
        let quantile = |edges: Edges, quantile| edges.rung(quantile).map(|rung| (rung.evidence, rung.gate));
        assert_eq!(quantile(low.or_higher(&high), Quantile::P99), quantile(high, Quantile::P99));
        assert_eq!(low.or_higher(&high).rung(Quantile::P999), None, "too few bodies, whatever there were before");
        assert_eq!(high.or_higher(&low), high);
        assert_eq!(low.or_higher(&Edges::default()), low);
        assert!(Edges::default().is_empty() && !low.is_empty());
    }

    #[test]
    fn empty_bodies_are_the_smallest() {
        let edges = edges([Bucket::new(None, 1_000)]);
        let tick = edges.count([Bucket::new(None, 3), Bucket::of_size(1), Bucket::of_size(2)]);
        assert_eq!((tick.bodies, tick.above_evidence, tick.above_gate), (5, [1, 1, 1, 0], [1, 1, 1, 0]));
    }

    #[test]
    fn no_change_is_found_before_the_fifth_tick_and_a_large_one_in_it() {
        let (statistic, edges) = (statistic(), edges(even(200, 20, 500)));
        for bodies in [10, 1_000, 1_000_000_000] {
            let mut ladder = Ladder::default();
            let grown = edges.count([Bucket::new(Some(300), bodies)]);
            for tick in 1..=5 {
                ladder.tick(&statistic, &edges, &grown);
                let alerts = |quantile| ladder.verdict(&statistic, quantile, None).is_alert();
                assert_eq!(Quantile::ALL.map(alerts), [tick == 5; 4], "tick {tick} of {bodies} bodies");
            }
        }
    }

    #[test]
    fn growth_within_the_gate_is_evidence_and_no_alert() {
        let (statistic, edges) = (statistic(), edges(even(200, 1, 10_000)));
        let mut ladder = Ladder::default();
        for _ in 0..20 {
            ladder.tick(&statistic, &edges, &edges.count([Bucket::new(Some(207), 10)]));
        }
        let verdict = ladder.verdict(&statistic, Quantile::P50, None);
        assert!(verdict.has_evidence() && !verdict.is_alert(), "{verdict:?}");
        assert!(!ladder.verdict(&statistic, Quantile::P50, Some(1_000.0)).has_evidence());
    }

    #[test]
    fn what_is_counted_is_what_came_since_the_leading_climb_began() {
        let (statistic, edges) = (statistic(), edges(even(200, 1, 10_000)));
        let (normal, grown) = (edges.count([Bucket::new(Some(200), 50)]), edges.count([Bucket::new(Some(300), 4)]));
        let mut ladder = Ladder::default();
        for tick in [&normal, &grown, &normal, &normal, &grown, &Tick::default(), &grown] {
            ladder.tick(&statistic, &edges, tick);
        }
        let verdict = ladder.verdict(&statistic, Quantile::P50, None);
        assert_eq!((verdict.since, verdict.bodies, verdict.above_gate), (5, 8, 8), "{verdict:?}");
    }

    /// The method once more, from its other side: S_j is the largest sum of steps that ends now, over all beginnings.
    fn reference(statistic: &Statistic, p0: f64, ticks: &[(u64, u64)]) -> f64 {
        let mut shares = vec![];
        for odds in [1.4, 3.0, 12.0] {
            shares.push(1.0 / (1.0 + (1.0 - p0) / (odds * p0)));
        }
        if p0 < 0.3 {
            shares.push(0.6);
        }
        let likelihood = |p: f64, n: u64, k: u64| k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln();
        let e_values = shares.iter().map(|p1| {
            let steps: Vec<f64> = ticks
                .iter()
                .map(|(n, k)| (likelihood(*p1, *n, *k) - likelihood(p0, *n, *k)).min(statistic.cap()))
                .collect();
            (0..=steps.len()).map(|begin| steps[begin..].iter().sum::<f64>()).fold(0.0, f64::max).exp()
        });
        (e_values.sum::<f64>() / shares.len() as f64).ln()
    }

    proptest! {
        #[test]
        fn the_statistic_equals_a_slow_reference(
            ticks in proptest::collection::vec((0u64..30, 0u64..30), 1..60),
        ) {
            let (statistic, edges) = (statistic(), edges(even(200, 1, 10_000)));
            let ticks: Vec<(u64, u64)> = ticks.into_iter().map(|(n, k)| (n, k.min(n))).collect();
            let mut ladder = Ladder::default();
            for (n, k) in &ticks {
                let bodies = [Bucket::new(Some(200), n - k), Bucket::new(Some(300), *k)];
                ladder.tick(&statistic, &edges, &edges.count(bodies));
            }
            for quantile in Quantile::ALL {
                let verdict = ladder.verdict(&statistic, quantile, None);
                let expected = reference(&statistic, quantile.share_above(), &ticks);
                prop_assert!((verdict.evidence - expected).abs() < 1e-6, "{verdict:?} for {expected}");
                prop_assert!(verdict.evidence <= ladder.height(quantile));
            }
        }

        #[test]
        fn as_many_ticks_as_a_bound_allows_stay_below_it(ticks in proptest::collection::vec(0u64..=100, 1..4)) {
            let (statistic, edges) = (statistic(), edges(even(200, 1, 10_000)));
            let mut ladder = Ladder::default();
            for k in ticks {
                let bodies = [Bucket::new(Some(200), 100 - k), Bucket::new(Some(300), k)];
                ladder.tick(&statistic, &edges, &edges.count(bodies));
            }
            for quantile in Quantile::ALL {
                prop_assert!(!ladder.verdict(&statistic, quantile, None).has_evidence());
            }
        }
    }
}
