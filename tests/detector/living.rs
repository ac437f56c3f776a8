//! What is done with findings, and what clocks, deploys and slow growth do.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use plimsoll::AcceptedChange;
use plimsoll::detect::{Closed, Detector, GrowthKind, Period, Severity};

use crate::world::{Answer, PERIOD, World};

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
    let (_, found) = world.until_found(Answer::of(30_000), 10);
    for _ in 0..10 {
        world.tick(Answer::of(30_000));
    }
    let accepted = world.detector.accept(found[0].id, "full details, as agreed").unwrap();
    let closing = accepted.closed.unwrap();
    assert_eq!((closing.how, closing.sizes.bodies), (Closed::Accepted("full details, as agreed".into()), 150));
    world.calm(30, &[Answer::of(30_000); 10]);
    assert!(world.detector.accept(found[0].id, "again").unwrap_err().to_string().contains(&found[0].id.to_string()));
}

#[test]
fn a_change_that_was_declared_is_accepted_when_it_comes_and_no_other_is() {
    let mut world = World::with(|detector| detector.accepted([change().version("2.31.0")]));
    learnt(&mut world);
    let (_, found) = world.until_found(Answer::of(30_000).version("2.31.0"), 10);
    assert!(matches!(found[0].closed.as_ref().unwrap().how, Closed::Accepted(_)), "{}", found[0]);
    world.calm(30, &[Answer::of(30_000).version("2.31.0"); 10]);

    let mut world = World::with(|detector| detector.accepted([change().version("2.31.0")]));
    learnt(&mut world);
    assert!(world.until_found(Answer::of(30_000).version("2.32.0"), 10).1[0].is_open());

    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let mut world = World::with(|detector| detector.accepted([change().expires(past)]));
    learnt(&mut world);
    assert!(world.until_found(Answer::of(30_000), 10).1[0].is_open());
}

#[test]
fn what_is_said_to_be_fixed_and_is_not_is_found_again() {
    let mut world = World::new();
    learnt(&mut world);
    let (_, found) = world.until_found(Answer::of(30_000), 10);
    let fixed = world.detector.fixed(found[0].id).unwrap();
    assert_eq!(fixed.closed.unwrap().how, Closed::Fixed);
    let (ticks, again) = world.until_found(Answer::of(30_000), 10);
    assert_eq!((ticks, again[0].before), (5, found[0].before));
    assert_eq!(world.detector.findings().len(), 2);
}

#[test]
fn a_warning_that_lasts_is_usual_from_its_period_s_end_on_and_slow_creep_is_found_all_the_same() {
    let mut world = World::new();
    learnt(&mut world);
    let mut size = 8_000;
    let mut creep = None;
    'periods: for _ in 0..8 {
        size = size * 13 / 10;
        for _ in 0..PERIOD / 10 {
            for finding in world.tick(Answer::of(size)) {
                match finding.severity {
                    Severity::Warning => {}
                    Severity::Alert => {
                        creep = Some(finding);
                        break 'periods;
                    }
                }
            }
        }
    }
    let creep = creep.unwrap();
    assert_eq!(creep.kind, GrowthKind::SlowCreep, "{creep}");
    assert!((7_500..9_000).contains(&creep.before.p50), "against the oldest: {creep}");
    let usual = world.detector.findings();
    assert!(usual.iter().any(|finding| finding.closed.as_ref().is_some_and(|c| c.how == Closed::TakenForUsual)));
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
    let (ticks, found) = world.until_found(Answer::of(85_000), 10);
    assert_eq!((ticks, found[0].severity), (5, Severity::Alert));
}

#[test]
fn whoever_asks_to_be_told_is_told_of_the_opening_and_the_closing() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let mut world = World::with(|detector| {
        detector.on_finding(move |finding| tell.lock().unwrap().push((finding.id, finding.is_open())))
    });
    learnt(&mut world);
    world.until_found(Answer::of(30_000), 10);
    world.until_found(Answer::of(8_000), 10);
    assert_eq!(*told.lock().unwrap(), [(1, true), (1, false)]);
}

#[test]
fn a_ticker_ticks_until_it_is_dropped() {
    let mut world = World::with(|detector| detector.tick(Duration::from_millis(1)));
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
