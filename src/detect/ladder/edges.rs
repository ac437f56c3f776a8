//! Where a baseline puts the edges, and how the bodies of a tick lie to them.

use super::statistic::RUNGS;
use crate::detect::settings::{Growth, Quantile};
use crate::ledger::Bucket;

/// The normal quantile of the confidence in a baseline's quantile: 99 %, one-sided.
const CONFIDENCE: f64 = 2.33;
/// Fewer bodies than these, in all and above the quantile, say nothing of it.
const LEAST_BODIES: u64 = 100;
const LEAST_ABOVE: u64 = 10;

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
pub struct Edges(pub(super) [Option<RungEdges>; RUNGS]);

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

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` bodies in each bucket from `first` on.
    fn even(first: u16, buckets: u16, count: u64) -> Vec<Bucket> {
        (first..first + buckets).map(|index| Bucket::new(Some(index), count)).collect()
    }

    fn edges(baseline: impl IntoIterator<Item = Bucket>) -> Edges {
        Edges::new(baseline, &Growth::default())
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
    fn growth_that_is_an_alert_is_evidence_however_small() {
        for percent in 0..=60 {
            let growth = Growth::alert_over_percent(percent);
            let rung = Edges::new(even(200, 1, 1_000), &growth).rung(Quantile::P50).expect("there are enough bodies");
            assert!(rung.evidence <= rung.gate + 1 || percent >= 20, "{percent} %: {rung:?}");
            assert!(rung.evidence <= 205, "{percent} %: {rung:?}");
        }
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
    fn bodies_in_the_bucket_of_an_edge_are_not_above_it() {
        let edges = edges(even(200, 1, 100));
        let rung = edges.rung(Quantile::P50).unwrap();
        let tick = edges.count(
            [rung.evidence, rung.evidence + 1, rung.gate, rung.gate + 1].map(|index| Bucket::new(Some(index), 7)),
        );
        assert_eq!((tick.bodies, tick.above_evidence, tick.above_gate), (28, [21, 21, 0, 0], [7, 7, 0, 0]));
    }

    #[test]
    fn empty_bodies_are_the_smallest() {
        let edges = edges([Bucket::new(None, 1_000)]);
        let tick = edges.count([Bucket::new(None, 3), Bucket::of_size(1), Bucket::of_size(2)]);
        assert_eq!((tick.bodies, tick.above_evidence, tick.above_gate), (5, [1, 1, 1, 0], [1, 1, 1, 0]));
    }
}
