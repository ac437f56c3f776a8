//! The ladder driven by hand: against the method written down a second time, and at the ends of its bounds.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::detect::{Growth, Quantile};
use crate::ledger::Bucket;

fn statistic() -> Statistic {
    Statistic::new(1e-3, Duration::from_secs(10))
}

/// `count` bodies in each bucket from `first` on.
fn even(first: u16, buckets: u16, count: u64) -> Vec<Bucket> {
    (first..first + buckets).map(|index| Bucket::new(Some(index), count)).collect()
}

fn edges(baseline: impl IntoIterator<Item = Bucket>) -> Edges {
    Edges::new(baseline, &Growth::default())
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

#[test]
fn a_rung_without_edges_stands_as_it_stood() {
    let (statistic, edges) = (statistic(), edges(even(200, 1, 10_000)));
    let (normal, grown) = (edges.count([Bucket::new(Some(200), 50)]), edges.count([Bucket::new(Some(300), 4)]));
    let mut ladder = Ladder::default();
    ladder.tick(&statistic, &edges, &grown);
    let before = ladder.verdict(&statistic, Quantile::P99, None);
    ladder.tick(&statistic, &Edges::default(), &normal);
    assert_eq!((ladder.ticks(), ladder.verdict(&statistic, Quantile::P99, None)), (2, before));
}

#[test]
fn a_rung_began_in_the_tick_in_which_it_left_0_and_in_no_other() {
    let (statistic, edges) = (statistic(), edges(even(200, 1, 1_000)));
    let in_the_tail = edges.count([Bucket::new(Some(200), 95), Bucket::new(Some(300), 5)]);
    let everywhere = edges.count([Bucket::new(Some(300), 50)]);
    let mut ladder = Ladder::after(40);
    for tick in [&in_the_tail, &everywhere, &everywhere] {
        ladder.tick(&statistic, &edges, tick);
    }
    let began = |tick| ladder.began_in(tick).collect::<Vec<_>>();
    assert_eq!(
        [41, 42, 43].map(began),
        [vec![Quantile::P99], vec![Quantile::P50, Quantile::P90, Quantile::P99], vec![]]
    );
}

#[test]
fn what_is_held_falls_from_where_it_is_held_and_the_other_rungs_stay() {
    let (statistic, edges) = (statistic(), edges(even(200, 1, 1_000)));
    let mut ladder = Ladder::default();
    for _ in 0..100 {
        ladder.tick(&statistic, &edges, &edges.count([Bucket::new(Some(300), 50)]));
    }
    let heights = |ladder: &Ladder| [Quantile::P50, Quantile::P90].map(|quantile| ladder.height(quantile));
    let [p50, p90] = heights(&ladder);
    ladder.hold(Quantile::P50, p50 + 1.0);
    assert_eq!(heights(&ladder), [p50, p90]);
    ladder.hold(Quantile::P50, 20.0);
    assert_eq!(heights(&ladder), [20.0, p90]);
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
