//! What is done with findings, and what clocks, deploys and slow growth do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use plimsoll::AcceptedChange;
use plimsoll::detect::{Detector, FindingKind, Notice, Period, Resolution, Severity};

use crate::world::{Answer, PERIOD, World, closing, found};

fn change() -> AcceptedChange {
    AcceptedChange::new("client GET /inventory/{sku} of inventory".parse().unwrap(), "full details, as agreed")
}

fn learnt(world: &mut World) {
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
}

#[test]
fn what_is_accepted_is_the_new_baseline() {
    let mut world = World::new();
    learnt(&mut world);
    let id = found(&world.until_found(Answer::of(30_000), 10).1)[0].id;
    for _ in 0..10 {
        world.tick(Answer::of(30_000));
    }
    let accepted = world.detector.accept(id, "full details, as agreed").unwrap();
    assert_eq!(accepted.resolution, Resolution::Accepted("full details, as agreed".into()));
    assert_eq!(accepted.sizes.bodies, 150);
    world.calm(30, &[Answer::of(30_000); 10]);
    assert!(world.detector.accept(id, "again").is_none());
}

#[test]
fn a_change_that_was_declared_is_accepted_when_it_comes_and_no_other_is() {
    let mut world = World::with(|detector| detector.accepted([change().version("2.31.0")]));
    learnt(&mut world);
    let (_, notices) = world.until_found(Answer::of(30_000).version("2.31.0"), 10);
    assert!(found(&notices).is_empty() && matches!(closing(&notices).resolution, Resolution::Accepted(_)));
    world.calm(30, &[Answer::of(30_000).version("2.31.0"); 10]);

    let mut world = World::with(|detector| detector.accepted([change().version("2.31.0")]));
    learnt(&mut world);
    assert_eq!(found(&world.until_found(Answer::of(30_000).version("2.32.0"), 10).1).len(), 1);

    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let mut world = World::with(|detector| detector.accepted([change().expires(past)]));
    learnt(&mut world);
    assert_eq!(found(&world.until_found(Answer::of(30_000), 10).1).len(), 1);
}

#[test]
fn what_is_said_to_be_fixed_and_is_not_stays_open_until_it_is() {
    let mut world = World::new();
    learnt(&mut world);
    let id = found(&world.until_found(Answer::of(30_000), 10).1)[0].id;
    assert!(world.detector.fixed(id) && !world.detector.fixed(id + 1));
    world.calm(10, &[Answer::of(30_000); 10]);
    assert_eq!(world.detector.findings().len(), 1);
    assert!(world.detector.fixed(id));
    let (ticks, notices) = world.until_found(Answer::of(8_000), 10);
    assert_eq!((ticks, closing(&notices).resolution, closing(&notices).sizes.bodies), (5, Resolution::Fixed, 50));
}

#[test]
fn a_warning_that_lasts_is_usual_from_its_period_s_end_on_and_slow_creep_is_found_all_the_same() {
    let mut world = World::new();
    learnt(&mut world);
    let (mut size, mut creep, mut usual) = (8_000, None, 0);
    for _ in 0..8 {
        size = size * 13 / 10;
        for _ in 0..PERIOD / 10 {
            let notices = world.tick(Answer::of(size));
            let taken = |n: &&Notice| matches!(n, Notice::Closed(c) if c.resolution == Resolution::TakenForUsual);
            usual += notices.iter().filter(taken).count();
            creep = creep.or(found(&notices).into_iter().find(|finding| finding.severity == Severity::Alert));
        }
    }
    let creep = creep.unwrap();
    assert_eq!(creep.kind, FindingKind::Creep, "{creep}");
    assert!((7_500..9_000).contains(&creep.before.p50), "against the oldest: {creep}");
    assert!(usual > 0);
}

#[test]
fn an_endpoint_whose_median_warns_in_every_period_leaves_the_first_one_all_the_same() {
    let mut world = World::new();
    let mix = |large: usize| (0..50).map(|n| Answer::of(if n < large { 40_000 } else { 8_000 })).collect::<Vec<_>>();
    let mut warned = [0; 3];
    for tick in 0..120 {
        let large = if tick % 20 < 10 { 5 } else { 40 };
        warned[tick / 40] += found(&world.tick_of(&mix(large))).len();
    }
    let mut stages = Vec::new();
    world.detector.visit(|series| stages.push(series.stage()));
    assert!(warned[1] > 0 && warned[2] == 0, "what is usual here is known by then: {warned:?}");
    assert!(stages.iter().all(|stage| *stage == plimsoll::detect::Stage::Watching), "{stages:?}");
}

#[test]
fn ticks_that_come_late_or_twice_and_clocks_that_jump_do_no_harm() {
    let mut world = World::with(|detector| detector.period(Period::Time(Duration::from_secs(3_600))));
    let usual = [Answer::of(8_000); 10];
    for tick in 0..1_200u64 {
        assert_eq!(world.tick_of(&usual), []);
        assert_eq!(world.detector.tick(), []);
        match tick % 100 {
            20 => world.time.advance(Duration::from_secs(86_400 * 365)),
            40 => world.time.set(SystemTime::UNIX_EPOCH),
            60 => world.time.advance(Duration::from_secs(1_795_600_000)),
            _ => {}
        }
    }
    let (ticks, notices) = world.until_found(Answer::of(85_000), 10);
    assert_eq!((ticks, found(&notices)[0].severity), (5, Severity::Alert));
}

#[test]
fn whoever_asks_to_be_told_is_told_of_the_opening_and_the_closing() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let mut world = World::with(|detector| {
        detector.on_notice(move |notice| tell.lock().unwrap().push(matches!(notice, Notice::Closed(_))))
    });
    learnt(&mut world);
    world.until_found(Answer::of(30_000), 10);
    world.until_found(Answer::of(8_000), 10);
    assert_eq!(*told.lock().unwrap(), [false, true]);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a deadline")]
fn a_ticker_ticks_until_it_is_dropped() {
    let mut world = World::with(|detector| detector.tick_interval(Duration::from_millis(1)));
    let ticker = world.detector.start().unwrap();
    world.get(Answer::of(8_000));
    let seen = |detector: &Detector| {
        let mut groups = 0;
        detector.visit(|_| groups += 1);
        groups
    };
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while seen(&world.detector) == 0 {
        assert!(std::time::Instant::now() < deadline, "the ticker has ticked");
        std::thread::yield_now();
    }
    drop(ticker);
    world.get(Answer::of(8_000).route("/other"));
    assert_eq!(seen(&world.detector), 2, "request and response of the first: it ticks no more");
}

/// A callback that panicked used to end the thread, and nothing was noticed from then on.
#[allow(clippy::disallowed_methods, reason = "a deadline")]
#[test]
fn a_callback_that_panics_does_not_end_the_ticker() {
    let told = Arc::new(Mutex::new(0));
    let tell = Arc::clone(&told);
    let mut world = World::with(|detector| {
        // Not a tick is too short for the thread that ticks, either.
        detector.tick_interval(Duration::ZERO).on_notice(move |_| {
            *tell.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
            panic!("as a callback may");
        })
    });
    learnt(&mut world);
    let ticker = world.detector.start().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    for (size, notices) in [(30_000, 1), (8_000, 2)] {
        while *told.lock().unwrap_or_else(std::sync::PoisonError::into_inner) < notices {
            assert!(std::time::Instant::now() < deadline, "{notices} notices");
            world.get(Answer::of(size));
        }
    }
    drop(ticker);
}

/// What an alert showed while it was open used to be taken for what calm traffic does, and raised the threshold of the next
/// period: a second incident was found late, or never.
#[test]
fn an_incident_makes_nobody_deaf_to_the_next_one() {
    let mut world = World::new();
    learnt(&mut world);
    let mut delays = Vec::new();
    for _ in 0..4 {
        delays.push(world.until_found(Answer::of(60_000), 40).0);
        for _ in 0..20 {
            world.tick(Answer::of(60_000));
        }
        world.until_found(Answer::of(8_000), 40);
        world.period(Answer::of(8_000));
    }
    assert_eq!(delays, [5; 4]);
}

/// The period used to end with the first large bodies in it, which raised the edges above those that followed.
#[test]
fn a_change_that_begins_as_a_period_ends_is_found_as_soon_as_any() {
    let mut world = World::new();
    learnt(&mut world);
    world.calm(PERIOD as usize / 10 - 2, &[Answer::of(8_000); 10]);
    let (ticks, notices) = world.until_found(Answer::of(60_000), 10);
    assert_eq!((ticks, found(&notices)[0].severity), (5, Severity::Alert));
}
