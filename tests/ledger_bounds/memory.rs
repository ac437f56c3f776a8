//! Memory: flat under a million made-up names, and never more than the settings say.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use plimsoll::{Ledger, Limit};

use crate::calls::{Random, callers, made_up};
use crate::support::events::Events;
use crate::{NOISE, alone, live_bytes};

/// Unoptimised, each call takes about ten times as long.
const CALLS: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

#[test]
fn a_million_made_up_names_leave_the_series_at_their_cap_and_the_memory_flat() {
    let _alone = alone();
    let ledger = Ledger::new();
    let bodies = Arc::default();
    let mut callers = callers(&ledger, Limit::unlimited(), &bodies);
    let mut random = Random::new(1);
    let events = Events::default();
    let mut early = 0;
    events.of(|| {
        for call in 0..CALLS {
            if call == CALLS / 10 {
                early = live_bytes();
            }
            // Sizes of one octave: another one may cost its series 192 bytes, at any time.
            callers[call % 3](made_up(&mut random, 65..101));
        }
    });
    let bodies = bodies.load(Relaxed);
    let growth = live_bytes().saturating_sub(early);
    assert!(growth < NOISE, "{growth} bytes more than after the first tenth");

    let snapshot = ledger.snapshot();
    let (overflow, own): (Vec<_>, Vec<_>) = snapshot.series().iter().partition(|series| series.endpoint.is_overflow());
    assert_eq!((own.len(), overflow.len()), (4_096, 4));
    assert_eq!(snapshot.outcomes().total(), bodies);
    let of = |series: &[&plimsoll::SeriesSnapshot]| series.iter().map(|series| series.outcomes.total()).sum::<u64>();
    assert_eq!(of(&own) + of(&overflow), bodies);
    assert!(of(&overflow) > bodies / 2, "the rest is in the overflow series");
    assert!(ledger.has_overflowed());

    let full: Vec<_> = events.take().into_iter().map(|event| (event.level, event.message)).collect();
    assert_eq!(full.len(), 1, "{full:?}");
    assert!(full[0].0 == tracing::Level::WARN && full[0].1.starts_with("the ledger is full"), "{full:?}");
}

#[test]
fn a_ledger_takes_no_more_memory_than_it_was_allowed() {
    let _alone = alone();
    for (max_series, max_bytes) in [(4_096, 1 << 20), (1_000, 4 << 20), (100, 100_000), (10, 32 << 20)] {
        let before = live_bytes();
        let ledger = Ledger::builder().max_series(max_series).max_bytes(max_bytes).build();
        let empty = live_bytes() - before;
        let bodies = Arc::default();
        let mut callers = callers(&ledger, Limit::reject_over(500_000).and_warn_over(1_000), &bodies);
        let mut random = Random::new(max_bytes as u64);
        (0..CALLS / 10).for_each(|call| callers[call % 3](made_up(&mut random, 0..1 << 20)));
        drop(callers);
        let bodies = bodies.load(Relaxed);
        let taken = live_bytes() - before - empty;
        // Beside it, what the overflow series take in any case: four times the room for sizes of every octave.
        assert!(taken < max_bytes + 4 * 16_384, "{taken} bytes taken of {max_bytes}");
        let snapshot = ledger.snapshot();
        assert!(snapshot.series().len() <= max_series + 4);
        assert_eq!(snapshot.outcomes().total(), bodies);
        let over_limit: u64 = snapshot.series().iter().map(|series| series.over_limit).sum();
        assert!(over_limit > bodies / 2, "{over_limit}");
    }
}

#[test]
fn a_ledger_that_is_dropped_leaves_nothing_behind() {
    let _alone = alone();
    let run = |calls| {
        let ledger = Ledger::builder().max_series(64).build();
        let mut callers = callers(&ledger, Limit::reject_over(1_000), &Arc::default());
        let mut random = Random::new(7);
        for call in 0..calls {
            callers[call % 3](made_up(&mut random, 0..2_000));
        }
    };
    // What the standard library and the log keep for themselves is there after the first.
    run(100);
    let before = live_bytes();
    for _ in 0..50 {
        run(100);
    }
    let left = live_bytes().saturating_sub(before);
    assert!(left < NOISE, "{left} bytes of 50 ledgers");
}

#[test]
fn beyond_the_cap_another_endpoint_leaves_nothing_at_all() {
    let _alone = alone();
    let ledger = Ledger::builder().max_series(1_000).build();
    let [mut careless, ..] = callers(&ledger, Limit::unlimited(), &Arc::default());
    let mut random = Random::new(11);
    let mut call = |calls| (0..calls).for_each(|_| careless(made_up(&mut random, 65..101)));
    // By then the series are given out, and so are the places for endpoints.
    call(1_010);
    let before = live_bytes();
    call(1_000);
    let growth = live_bytes().saturating_sub(before);
    assert!(growth < NOISE, "{growth} bytes for 1,000 endpoints");
}
