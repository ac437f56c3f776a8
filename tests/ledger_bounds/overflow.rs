//! Ledgers with no room, or next to none: every body is counted all the same, and the log says so once.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use plimsoll::{Direction, Ledger, LedgerBuilder, Limit, Role};

use crate::alone;
use crate::calls::{Random, callers, made_up};
use crate::support::events::Events;

/// Makes calls with bodies of up to 2,000 bytes, and gives back the ledger, its number of bodies and the settings
/// that the log named.
fn fill(builder: LedgerBuilder, calls: usize) -> (Ledger, u64, Vec<String>) {
    let ledger = builder.build();
    let bodies = Arc::default();
    let mut callers = callers(&ledger, Limit::reject_over(1_000).and_warn_over(500), &bodies);
    let mut random = Random::new(3);
    let events = Events::default();
    events.of(|| (0..calls).for_each(|call| callers[call % 3](made_up(&mut random, 0..2_000))));
    let full = events.take().into_iter().filter(|event| event.message.starts_with("the ledger is full"));
    let settings = full.map(|event| event.get("setting").unwrap().to_owned()).collect();
    (ledger, bodies.load(Relaxed), settings)
}

#[test]
fn without_room_for_a_series_everything_is_in_the_overflow_series() {
    let _alone = alone();
    let (ledger, bodies, settings) = fill(Ledger::builder().max_series(0), 3_000);
    let snapshot = ledger.snapshot();
    let found: Vec<_> =
        snapshot.series().iter().map(|series| (series.endpoint.to_string(), series.direction, series.status)).collect();
    let all = |role: Role| format!("all other {role} endpoints");
    let expected = [Role::Server, Role::Client]
        .into_iter()
        .flat_map(|role| [Direction::Request, Direction::Response].map(|direction| (all(role), direction, None)));
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_eq!(snapshot.outcomes().total(), bodies);
    assert!(ledger.has_overflowed());
    assert_eq!(settings, ["max_series"]);
}

#[test]
fn without_memory_everything_is_in_the_overflow_series() {
    let _alone = alone();
    let (ledger, bodies, settings) = fill(Ledger::builder().max_bytes(0), 3_000);
    let snapshot = ledger.snapshot();
    assert!(snapshot.series().iter().all(|series| series.endpoint.is_overflow()));
    assert_eq!(snapshot.outcomes().total(), bodies);
    assert_eq!(settings, ["max_bytes"]);
}

#[test]
fn with_any_little_memory_no_body_is_lost() {
    let _alone = alone();
    for max_bytes in (0..60_000).step_by(997) {
        let (ledger, bodies, settings) = fill(Ledger::builder().max_bytes(max_bytes), 120);
        let snapshot = ledger.snapshot();
        assert_eq!(snapshot.outcomes().total(), bodies, "{max_bytes}");
        let offered: u64 = snapshot.series().iter().map(|series| series.offered.count()).sum();
        let refused = snapshot.outcomes().get(plimsoll::Outcome::RejectedEarly);
        let completed: u64 = snapshot.series().iter().map(|series| series.completed.count()).sum();
        assert_eq!(offered, completed + refused, "{max_bytes}");
        assert!(refused > 0 && completed > 0);
        assert_eq!(settings, ["max_bytes"], "{max_bytes}");
    }
}

#[test]
fn with_room_for_a_few_series_the_first_ones_keep_theirs() {
    let _alone = alone();
    for max_series in [1, 2, 3, 5, 17] {
        let (ledger, bodies, settings) = fill(Ledger::builder().max_series(max_series), 300);
        let snapshot = ledger.snapshot();
        let own = snapshot.series().iter().filter(|series| !series.endpoint.is_overflow()).count();
        assert_eq!((own, snapshot.outcomes().total()), (max_series, bodies));
        assert_eq!(settings, ["max_series"]);
    }
}

#[test]
fn with_room_enough_nothing_overflows_and_nothing_is_said() {
    let _alone = alone();
    let (ledger, bodies, settings) = fill(Ledger::builder(), 300);
    let snapshot = ledger.snapshot();
    assert!(snapshot.series().iter().all(|series| !series.endpoint.is_overflow()));
    assert_eq!(snapshot.outcomes().total(), bodies);
    assert!(!ledger.has_overflowed());
    assert!(settings.is_empty());
}
