//! A wall clock that is set while a detector runs: by seconds, hours, years, to 1970 and beyond the times that there are.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plimsoll::Direction;
use plimsoll::detect::{Detector, Period, Severity, Stage};

use super::support::readings::eventually;
use super::watched::{TICK, Watched};
use super::{Random, alone, rounds};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const TICKS_A_PERIOD: usize = 360;

/// By how much a clock may be set, in seconds.
const STEPS: [u64; 7] = [2, 30, 90, HOUR, DAY, 30 * DAY, 365 * DAY];

/// Sets it forwards or back.
fn set(watched: &Watched, random: &mut Random) {
    let (now, by) = (watched.time.clock().now(), Duration::from_secs(random.pick(&STEPS)));
    watched.time.set(if random.below(2) == 0 { now + by } else { now - by });
}

fn stage(detector: &Detector) -> Option<Stage> {
    let mut stage = None;
    detector.visit(|series| {
        if series.direction() == Direction::Response {
            stage = Some(series.stage());
        }
    });
    stage
}

/// The id of the trace that the answers' only exemplar leads to.
fn trace(watched: &Watched) -> u128 {
    let mut traces = Vec::new();
    watched.ledger.visit(|series| {
        if series.direction() == Direction::Response {
            traces.extend(series.completed_exemplars().map(|exemplar| exemplar.trace_id()));
        }
    });
    assert_eq!(traces.len(), 1);
    traces[0]
}

#[test]
fn a_clock_that_is_set_makes_no_finding_and_hides_none_and_ends_no_period() {
    let _alone = alone();
    for round in 1..=rounds() {
        let mut random = Random(round);
        let watched = Watched::new(|detector| detector.period(Period::Time(Duration::from_secs(HOUR))));
        for tick in 0..2 * TICKS_A_PERIOD {
            if tick % 10 == 5 {
                set(&watched, &mut random);
            }
            assert_eq!(watched.ticks(1, 8_000), [], "tick {tick} of round {round}");
            // A baseline stands from the tick in which its period is over.
            let expected = match (tick + 1) / TICKS_A_PERIOD {
                0 => Stage::Learning,
                1 => Stage::FirstPeriod,
                _ => Stage::Watching,
            };
            let close = (tick + 1) % TICKS_A_PERIOD < 2 || (tick + 1) % TICKS_A_PERIOD > TICKS_A_PERIOD - 2;
            assert!(stage(&watched.detector) == Some(expected) || close, "tick {tick} of round {round}");
            // A clock that was set back by less than a minute shows older traces until it has caught up.
            if tick % 10 == 4 {
                watched.answer("/watched", 8_000, tick as u64 + 1_000);
                assert_eq!(trace(&watched), tick as u128 + 1_000, "tick {tick} of round {round}");
            }
        }
        for _ in 0..5 {
            assert_eq!(watched.detector.findings(), []);
            set(&watched, &mut random);
            watched.ticks(1, 80_000);
        }
        assert_eq!(watched.detector.findings()[0].severity, Severity::Alert, "round {round}");
    }
}

#[test]
fn a_ticker_goes_on_whatever_time_it_is_told() {
    let _alone = alone();
    let watched = Watched::new(|detector| detector.tick_interval(Duration::from_millis(1)));
    let ticker = watched.detector.start().unwrap();
    let (mut random, over) = (Random(3), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(SeqCst) {
                watched.time.advance(TICK);
                watched.answer("/watched", 8_000, 1);
            }
        });
        for _ in 0..rounds() * 1_000 {
            let beyond = [UNIX_EPOCH, UNIX_EPOCH - TICK, UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 8)];
            let any = UNIX_EPOCH + Duration::from_secs(random.below(100 * 365 * DAY));
            let time: SystemTime = if random.below(4) == 0 { random.pick(&beyond) } else { any };
            watched.time.set(time);
            std::thread::yield_now();
        }
        over.store(true, SeqCst);
    });
    watched.answer("/last", 8_000, 1);
    let sees_last = || {
        let mut seen = None;
        watched.detector.visit(|series| seen = seen.or((series.endpoint().route() == Some("/last")).then_some(())));
        seen
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(eventually(sees_last));
    drop(ticker);
    assert_eq!(watched.detector.findings(), []);
}
