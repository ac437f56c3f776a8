//! Made-up traffic: bodies of one endpoint, tick by tick, with the seasons and the visitors that real ones have.

use std::f64::consts::{LN_2, TAU};

use plimsoll::Bucket;

use crate::chance::Chance;

/// What the bodies of an endpoint are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// What tables call it.
    pub name: &'static str,
    bodies: Bodies,
    season: Season,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bodies {
    /// `ln size` is normal, with this deviation.
    LogNormal(f64),
    /// 5 % follow a Pareto law of exponent 1.3, which has no variance; the rest is log-normal.
    HeavyTail,
    /// 85 % are small, 15 % large: two kinds of answers on one endpoint.
    TwoKinds,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Season {
    None,
    /// Sizes go up and down by this factor each way in a day, and fewer come by night.
    Daily(f64),
    /// A crawler comes by once a day or so and takes what is large, for half an hour to an hour.
    Crawler,
}

impl Traffic {
    /// Nothing changes from one week to the next, nor within one.
    pub const STATIONARY: [Self; 4] = [
        Self { name: "log-normal s .5", bodies: Bodies::LogNormal(0.5), season: Season::None },
        Self { name: "log-normal s 1.2", bodies: Bodies::LogNormal(1.2), season: Season::None },
        Self { name: "5 % Pareto 1.3", bodies: Bodies::HeavyTail, season: Season::None },
        Self { name: "85:15 mix", bodies: Bodies::TwoKinds, season: Season::None },
    ];
    /// Sizes a fifth up by day and down by night.
    pub const DIURNAL: Self = Self { name: "diurnal", bodies: Bodies::LogNormal(0.5), season: Season::Daily(1.2) };
    /// Sizes doubled by day and halved by night.
    pub const SEASON: Self = Self { name: "strong season", bodies: Bodies::LogNormal(0.5), season: Season::Daily(2.0) };
    /// With a crawler.
    pub const CRAWLER: Self = Self { name: "crawler bursts", bodies: Bodies::LogNormal(0.5), season: Season::Crawler };

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::STATIONARY.into_iter().chain([Self::DIURNAL, Self::SEASON, Self::CRAWLER])
    }

    /// Whether nothing changes within a week.
    pub fn is_stationary(self) -> bool {
        self.season == Season::None
    }

    /// `ln size` of one body.
    fn body(self, chance: &mut Chance) -> f64 {
        let median = 8e3f64.ln();
        match self.bodies {
            Bodies::LogNormal(deviation) => median + deviation * chance.normal(),
            Bodies::HeavyTail if chance.happens(0.05) => 30e3f64.ln() - chance.uniform().ln() / 1.3,
            Bodies::HeavyTail => median + 0.7 * chance.normal(),
            Bodies::TwoKinds if chance.happens(0.15) => 200e3f64.ln() + 0.3 * chance.normal(),
            Bodies::TwoKinds => median + 0.25 * chance.normal(),
        }
    }
}

/// How many bodies come in a week, and how many of them in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Bodies a week.
    pub a_week: usize,
    /// Bodies a tick.
    pub a_tick: usize,
}

impl Volume {
    /// 100,000 bodies a week, ten in a tick.
    pub const LARGE: Self = Self { a_week: 100_000, a_tick: 10 };
    /// 5,000 bodies a week, one in a tick.
    pub const SMALL: Self = Self { a_week: 5_000, a_tick: 1 };

    /// Ticks a week.
    pub const fn ticks(self) -> usize {
        self.a_week / self.a_tick
    }
}

/// What happens to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// What tables call it.
    pub name: &'static str,
    /// The share of bodies that it happens to.
    share: f64,
    factor: f64,
}

impl Change {
    /// Nothing.
    pub const NONE: Self = Self { name: "nothing", share: 0.0, factor: 1.0 };
    /// The incident.
    pub const INCIDENT: Self = Self { name: "8 -> 85 KB", share: 1.0, factor: 85.0 / 8.0 };
    /// All bodies doubled.
    pub const DOUBLE: Self = Self { name: "x2", share: 1.0, factor: 2.0 };
    /// The least that is to be found.
    pub const BOUNDARY: Self = Self { name: "x1.5", share: 1.0, factor: 1.5 };
    /// A few bodies grow much.
    pub const FEW: Self = Self { name: "2 % x10", share: 0.02, factor: 10.0 };
    /// Ten times the size.
    pub const TENFOLD: Self = Self { name: "x10", share: 1.0, factor: 10.0 };

    fn apply(self, log: f64, chance: &mut Chance) -> f64 {
        if self.share >= 1.0 || (self.share > 0.0 && chance.happens(self.share)) { log + self.factor.ln() } else { log }
    }
}

/// The bodies of one tick.
#[derive(Clone, Debug, Default)]
pub struct Tick {
    /// Bytes of each.
    pub sizes: Vec<u64>,
    /// The bucket of each, as the ledger has it.
    pub buckets: Vec<Bucket>,
}

impl Tick {
    /// Takes away what was there.
    pub fn clear(&mut self) {
        self.sizes.clear();
        self.buckets.clear();
    }

    /// Adds a body.
    pub fn push(&mut self, size: u64) {
        self.sizes.push(size);
        self.buckets.push(Bucket::of_size(size));
    }
}

/// The traffic of one endpoint, from one tick to the next.
///
/// The median is about 8 KB: it differs from one endpoint to the next by up to half an octave each way, so that no
/// figure hangs on where a median lies in its bucket of the histogram.
#[derive(Clone, Debug)]
pub struct Stream {
    traffic: Traffic,
    volume: Volume,
    chance: Chance,
    /// What `ln size` of all its bodies is larger by than that of the traffic.
    place: f64,
    /// Ticks so far.
    at: usize,
    /// Ticks that the crawler will stay.
    crawling: usize,
}

impl Stream {
    /// The traffic of this seed.
    pub fn new(traffic: Traffic, volume: Volume, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let place = (chance.uniform() - 0.5) * LN_2;
        Self { traffic, volume, chance, place, at: 0, crawling: 0 }
    }

    /// The bodies of the next tick.
    pub fn advance(&mut self, change: Change, tick: &mut Tick) {
        tick.clear();
        let Self { traffic, volume, chance, place, at, crawling } = self;
        let an_hour = volume.ticks() as f64 / (7.0 * 24.0);
        let day = (*at as f64 / (24.0 * an_hour)).fract();
        *at += 1;
        let mean = volume.a_tick as f64;
        let (count, shift) = match traffic.season {
            Season::None | Season::Crawler => (volume.a_tick, *place),
            Season::Daily(factor) => {
                let phase = (TAU * day).sin();
                (chance.count(mean * (1.0 + 0.6 * phase)), *place + factor.ln() * phase)
            }
        };
        for _ in 0..count {
            let log = traffic.body(chance) + shift;
            tick.push(change.apply(log, chance).exp().round() as u64);
        }
        if traffic.season == Season::Crawler {
            if *crawling == 0 && chance.happens(1.0 / (24.0 * an_hour)) {
                *crawling = ((0.5 + 0.5 * chance.uniform()) * an_hour).ceil() as usize;
            }
            if *crawling > 0 {
                *crawling -= 1;
                for _ in 0..chance.count(mean / 2.0) {
                    let log = traffic.body(chance) + shift + 4f64.ln();
                    tick.push(change.apply(log, chance).exp().round() as u64);
                }
            }
        }
    }
}
