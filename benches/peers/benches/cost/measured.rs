//! What was found, and where it is looked up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use plimsoll_peers::{CASES, Case, Exchange, Setting, Spread};

use crate::allocations;
use crate::runner::Runner;

/// What a call costs; absolute, or what it costs more than another.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
}

/// The costs of cases, by their places in the list.
#[derive(Default)]
pub(crate) struct Measured {
    costs: Vec<(usize, Exchange, Cost)>,
    times: HashMap<(usize, usize), Vec<(Exchange, Spread)>>,
}

impl Cost {
    pub(crate) fn over(self, base: Self) -> Self {
        let Self { instructions, allocations, bytes } = self;
        Self {
            instructions: instructions - base.instructions,
            allocations: allocations - base.allocations,
            bytes: bytes - base.bytes,
        }
    }
}

impl Measured {
    /// The cases of these settings, with each of the exchanges: instructions and allocations.
    ///
    /// Instructions are the same whatever else runs, so that as many processes count as there are processors.
    pub(crate) fn count(
        &mut self,
        runner: &Runner,
        settings: &[Setting],
        exchanges: &[Exchange],
    ) -> Result<(), String> {
        let places = (0..CASES.len()).filter(|place| settings.contains(&CASES[*place].setting));
        let jobs: Vec<_> = places.flat_map(|place| exchanges.iter().map(move |exchange| (place, *exchange))).collect();
        eprintln!("cost: {} runs under callgrind, a second or two each", jobs.len());
        let instructions = in_parallel(&jobs, |(place, exchange)| runner.instructions(*place, *exchange))?;
        for ((place, exchange), instructions) in jobs.into_iter().zip(instructions) {
            let found = allocations::a_call(&CASES[place], exchange);
            let cost = Cost { instructions, allocations: found.allocations, bytes: found.bytes };
            self.costs.push((place, exchange, cost));
        }
        Ok(())
    }

    /// The cases of these settings, with each of the exchanges, on this many threads: time. One after the other.
    pub(crate) fn time(
        &mut self,
        runner: &Runner,
        settings: &[Setting],
        exchanges: &[Exchange],
        threads: usize,
    ) -> Result<(), String> {
        for (place, case) in CASES.iter().enumerate() {
            if !settings.contains(&case.setting) || case.name == Case::BARE {
                continue;
            }
            let base = place_of(case.setting, Case::BARE);
            for exchange in exchanges {
                let ratio = runner.ratio(base, place, *exchange, threads)?;
                self.times.entry((place, threads)).or_default().push((*exchange, ratio));
            }
        }
        Ok(())
    }

    /// What a call of this case costs.
    pub(crate) fn cost(&self, setting: Setting, name: &str, exchange: Exchange) -> Cost {
        let wanted = (place_of(setting, name), exchange);
        let found = self.costs.iter().find(|(place, exchange, _)| (*place, *exchange) == wanted);
        found.expect("it was measured").2
    }

    /// What it costs more than without a layer.
    pub(crate) fn over_bare(&self, setting: Setting, name: &str, exchange: Exchange) -> Cost {
        self.cost(setting, name, exchange).over(self.cost(setting, Case::BARE, exchange))
    }

    /// Its time, as a multiple of that without a layer; `None` for what has none itself.
    pub(crate) fn time_of(&self, setting: Setting, name: &str, exchange: Exchange, threads: usize) -> Option<Spread> {
        let times = self.times.get(&(place_of(setting, name), threads))?;
        times.iter().find(|(found, _)| *found == exchange).map(|(_, ratio)| *ratio)
    }
}

/// The cases of a setting.
pub(crate) fn cases(setting: Setting) -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(move |case| case.setting == setting)
}

fn place_of(setting: Setting, name: &str) -> usize {
    let place = CASES.iter().position(|case| case.setting == setting && case.name == name);
    place.unwrap_or_else(|| panic!("no case {name} in {setting:?}"))
}

/// The results of all jobs, in their order, or the first error.
fn in_parallel<J: Sync, R: Send>(jobs: &[J], run: impl Fn(&J) -> Result<R, String> + Sync) -> Result<Vec<R>, String> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(place) else { break };
                    let result = run(job);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}
