//! Many endpoints of one traffic: in how many weeks each rule was wrong, and how late it was when it was right.

use std::fmt;

use crate::simulation::{Alarm, Endpoint, Rule, Statistics};
use crate::traffic::{Change, Traffic, Volume};

/// What became of many endpoints with the same traffic and volume.
#[derive(Clone, Debug)]
pub struct Study {
    /// What the bodies are like.
    pub traffic: Traffic,
    /// How many there are.
    pub volume: Volume,
    false_weeks: [Share; Rule::ALL.len()],
    delays: Vec<(Change, [Delay; Rule::ALL.len()])>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Those that it holds for.
    pub part: usize,
    /// All.
    pub of: usize,
}

/// The median delay; `None` where in half of the weeks or more nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay(pub Option<Alarm>);

impl Study {
    /// Watches so many endpoints, each through a week in which nothing happens and one for each of the changes.
    pub fn of(
        traffic: Traffic,
        volume: Volume,
        statistics: &Statistics,
        replicates: usize,
        changes: &[Change],
    ) -> Self {
        let mut false_weeks = [Share { part: 0, of: replicates }; Rule::ALL.len()];
        let mut found = vec![[const { Vec::new() }; Rule::ALL.len()]; changes.len()];
        for replicate in 0..replicates {
            let endpoint = Endpoint::after_calm_week(traffic, volume, statistics, seed(traffic, volume, replicate));
            for (share, alarm) in false_weeks.iter_mut().zip(endpoint.watch(Change::NONE)) {
                share.part += usize::from(alarm.is_some());
            }
            for (change, found) in changes.iter().zip(&mut found) {
                found.iter_mut().zip(endpoint.watch(*change)).for_each(|(found, alarm)| found.push(alarm));
            }
        }
        let delays = changes.iter().zip(found).map(|(change, found)| (*change, found.map(Delay::median)));
        Self { traffic, volume, false_weeks, delays: delays.collect() }
    }

    /// In how many weeks, with nothing wrong, the rule alarmed.
    pub fn false_weeks(&self, rule: Rule) -> Share {
        self.false_weeks[rule as usize]
    }

    /// How late the rule finds the change; `None` where it was not tried.
    pub fn delay(&self, change: Change, rule: Rule) -> Option<Delay> {
        self.delays.iter().find(|(tried, _)| *tried == change).map(|(_, delays)| delays[rule as usize])
    }
}

/// Each endpoint has a seed of its own: FNV-1a of what it is.
fn seed(traffic: Traffic, volume: Volume, replicate: usize) -> u64 {
    let numbers = [volume.a_week, replicate].into_iter().flat_map(usize::to_le_bytes);
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    traffic.name.bytes().chain(numbers).fold(0xcbf2_9ce4_8422_2325, add)
}

impl Delay {
    fn median(mut found: Vec<Option<Alarm>>) -> Self {
        // What was not found comes last.
        found.sort_by_key(|alarm| (alarm.is_none(), *alarm));
        Self(found.get(found.len().saturating_sub(1) / 2).copied().flatten())
    }

    /// Bodies; infinitely many where it is not found.
    pub fn bodies(self) -> f64 {
        self.0.map_or(f64::INFINITY, |alarm| alarm.bodies as f64)
    }
}

impl Share {
    /// In per cent.
    pub fn percent(self) -> f64 {
        100.0 * self.part as f64 / self.of.max(1) as f64
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { part: self.part + other.part, of: self.of + other.of }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.part, self.of))
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.map_or("never".to_owned(), |alarm| alarm.bodies.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_repeats_to_the_body() {
        let study = || {
            Study::of(Traffic::CRAWLER, Volume::SMALL, &Statistics::default(), 3, &[Change::INCIDENT, Change::DOUBLE])
        };
        assert_eq!(format!("{:?}", study()), format!("{:?}", study()));
    }

    #[test]
    fn what_is_not_found_in_half_of_the_weeks_has_no_median() {
        let alarm = |bodies| Some(Alarm { bodies, ticks: bodies });
        assert_eq!(Delay::median(vec![None, alarm(5), alarm(3)]), Delay(alarm(5)));
        assert_eq!(Delay::median(vec![None, alarm(5), None]), Delay(None));
    }
}
