//! The detector, fed through a layer and a ledger, says what the ladder says that is driven by hand.

use std::time::Duration;

use plimsoll::Direction;
use plimsoll::detect::{Detector, Finding, Period, Severity, Statistic};
use plimsoll_detector_report::{Change, Judge, Site, Stream, Tick, Traffic, Volume};

const TICK: Duration = Duration::from_secs(10);
const PERIOD: usize = 1_000;
const VOLUME: Volume = Volume::LARGE;
/// Ticks after the change, before the period is over.
const WATCHED: usize = PERIOD / VOLUME.a_tick - 1;

/// In which tick after the change each alarmed.
#[derive(Debug, PartialEq, Eq)]
struct Alarm(Option<usize>);

fn by_hand(traffic: Traffic, change: Change, seed: u64) -> Alarm {
    let mut stream = Stream::new(traffic, VOLUME, seed);
    let mut period = || {
        let ticks = (0..PERIOD / VOLUME.a_tick).map(|_| {
            let mut tick = Tick::default();
            stream.advance(Change::NONE, &mut tick);
            tick
        });
        ticks.collect::<Vec<_>>()
    };
    let (baseline, calm) = (period(), period());
    let sizes = |ticks: &[Tick]| ticks.iter().flat_map(|tick| tick.sizes.clone()).collect();
    let mut judge = Judge::new(Statistic::new(1e-3, TICK), &sizes(&baseline));
    calm.iter().for_each(|tick| judge.calm(tick));
    judge.roll(&sizes(&calm));
    let mut tick = Tick::default();
    Alarm((0..WATCHED).find(|_| {
        stream.advance(change, &mut tick);
        judge.watch(&tick).is_some()
    }))
}

fn by_detector(traffic: Traffic, change: Change, seed: u64) -> Alarm {
    let mut stream = Stream::new(traffic, VOLUME, seed);
    let site = Site::new(1);
    let detector = Detector::builder(&site.ledger).tick_interval(TICK).period(Period::Bodies(PERIOD as u64)).build();
    let mut tick = Tick::default();
    let mut advance = |change| {
        stream.advance(change, &mut tick);
        tick.sizes.iter().for_each(|size| site.call("/stock/{sku}", 0, *size));
        site.time.advance(TICK);
        detector.tick();
    };
    (0..2 * PERIOD / VOLUME.a_tick).for_each(|_| advance(Change::NONE));
    Alarm((0..WATCHED).find(|_| {
        advance(change);
        let is_alert =
            |finding: &Finding| finding.direction == Direction::Response && finding.severity == Severity::Alert;
        detector.findings().iter().any(is_alert)
    }))
}

#[test]
fn both_alarm_in_the_same_tick() {
    for (traffic, change) in [
        (Traffic::STATIONARY[0], Change::INCIDENT),
        (Traffic::STATIONARY[0], Change::DOUBLE),
        (Traffic::STATIONARY[2], Change::TENFOLD),
        (Traffic::STATIONARY[3], Change::DOUBLE),
    ] {
        for seed in 0..10 {
            let alarm = by_hand(traffic, change, seed);
            assert!(alarm.0.is_some(), "{}, {}, seed {seed}", traffic.name, change.name);
            assert_eq!(by_detector(traffic, change, seed), alarm, "{}, {}, seed {seed}", traffic.name, change.name);
        }
    }
}
