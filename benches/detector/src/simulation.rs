//! One endpoint for three weeks: a baseline, a calm week, and a watched one; and what each rule says of it.

use std::collections::VecDeque;
use std::time::Duration;

use plimsoll::SizeDistribution;
use plimsoll::detect::Statistic;

use crate::rule::{Gaussian, Judge, Moments, Percentile};
use crate::traffic::{Change, Stream, Tick, Traffic, Volume};

/// The rules that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The ladder, with the detector's defaults.
    Ladder,
    /// The same over the calm week as its baseline, as the detector has it once that week is over.
    Rolled,
    /// The ladder with the settings of its prototype: a level of 1e8, and a cap of a quarter of the threshold.
    Prototype,
    /// p99 of the last hour is more than 1.5 times last week's.
    AnHour,
    /// The same of the last day, if it has 1,000 bodies.
    ADay,
    /// The Gaussian CUSUM on `ln size`.
    Gaussian,
}

impl Rule {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 6] = [Self::Ladder, Self::Rolled, Self::Prototype, Self::AnHour, Self::ADay, Self::Gaussian];
}

/// The settings of both ladders.
#[derive(Clone, Debug)]
pub struct Statistics {
    pub(crate) defaults: Statistic,
    pub(crate) prototype: Statistic,
}

impl Default for Statistics {
    fn default() -> Self {
        let prototype = Statistic::at_level(1e8);
        let cap = prototype.threshold(None) / 4.0;
        Self { defaults: Statistic::new(1e-3, Duration::from_secs(10)), prototype: prototype.with_cap(cap) }
    }
}

/// How late a rule alarmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// Bodies since the change, the one at which it alarmed included.
    pub bodies: usize,
    /// Ticks with traffic since then, likewise.
    pub ticks: usize,
}

/// An endpoint at the end of its calm week, with all rules ready to watch.
#[derive(Clone, Debug)]
pub struct Endpoint {
    stream: Stream,
    week: usize,
    ladder: Judge,
    rolled: Judge,
    prototype: Judge,
    an_hour: Percentile,
    a_day: Percentile,
    gaussian: Gaussian,
}

impl Endpoint {
    /// The first two weeks.
    pub fn after_calm_week(traffic: Traffic, volume: Volume, statistics: &Statistics, seed: u64) -> Self {
        let mut stream = Stream::new(traffic, volume, seed);
        let week = volume.ticks();
        let mut tick = Tick::default();

        let (mut sizes, mut moments) = (Vec::with_capacity(2 * volume.a_week), Moments::default());
        for _ in 0..week {
            stream.advance(Change::NONE, &mut tick);
            sizes.extend(&tick.sizes);
            moments.add(&tick);
        }
        let baseline: SizeDistribution = sizes.drain(..).collect();
        let Statistics { defaults, prototype } = statistics;
        let mut ladders = [defaults, prototype].map(|statistic| Judge::new(statistic.clone(), &baseline));

        let (hour, day) = (week / (7 * 24), week / 7);
        let mut last_day: VecDeque<Tick> = vec![Tick::default(); day].into();
        for _ in 0..week {
            let mut tick = last_day.pop_front().unwrap_or_default();
            stream.advance(Change::NONE, &mut tick);
            sizes.extend(&tick.sizes);
            ladders.iter_mut().for_each(|ladder| ladder.calm(&tick));
            last_day.push_back(tick);
        }
        let calm: SizeDistribution = sizes.into_iter().collect();
        let (mut an_hour, mut a_day) = (Percentile::new(hour, 0), Percentile::new(day, 1_000));
        for rule in [&mut an_hour, &mut a_day] {
            rule.last_week(&calm, last_day.iter());
        }
        let [ladder, prototype] = ladders;
        let mut rolled = ladder.clone();
        rolled.roll(&calm);
        Self { stream, week, ladder, rolled, prototype, an_hour, a_day, gaussian: Gaussian::new(moments) }
    }

    /// The third week, changed from its first tick on; each rule is watched until it alarms. In the order of
    /// [`Rule::ALL`].
    pub fn watch(&self, change: Change) -> [Option<Alarm>; Rule::ALL.len()] {
        let Self { mut stream, week, mut ladder, mut rolled, mut prototype, mut an_hour, mut a_day, mut gaussian } =
            self.clone();
        let mut alarms = [None; Rule::ALL.len()];
        let (mut tick, mut bodies, mut ticks) = (Tick::default(), 0, 0);
        for _ in 0..week {
            stream.advance(change, &mut tick);
            let count = tick.sizes.len();
            ticks += usize::from(count > 0);
            for (rule, alarm) in Rule::ALL.into_iter().zip(&mut alarms).filter(|(_, alarm)| alarm.is_none()) {
                let within = match rule {
                    Rule::Ladder => ladder.watch(&tick).map(|_| count),
                    Rule::Rolled => rolled.watch(&tick).map(|_| count),
                    Rule::Prototype => prototype.watch(&tick).map(|_| count),
                    Rule::AnHour => an_hour.watch(&tick).then_some(count),
                    Rule::ADay => a_day.watch(&tick).then_some(count),
                    Rule::Gaussian => gaussian.watch(&tick),
                };
                *alarm = within.map(|within| Alarm { bodies: bodies + within, ticks });
            }
            bodies += count;
            if alarms.iter().all(Option::is_some) {
                break;
            }
        }
        alarms
    }
}
