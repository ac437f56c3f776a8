//! The naive rule, as it is written for dashboards: p99 of a window is more than 1.5 times last week's.

use std::collections::VecDeque;

use plimsoll::SizeDistribution;

use crate::traffic::Tick;

/// A window that slides over the ticks.
#[derive(Clone, Debug)]
pub struct Percentile {
    /// 1.5 times last week's p99, in bytes.
    line: f64,
    least: usize,
    /// For each tick of the window: bodies, and those above the line.
    ticks: VecDeque<(usize, usize)>,
    bodies: usize,
    above: usize,
}

impl Percentile {
    /// A window of so many ticks, which says nothing where fewer than `least` bodies are in it.
    pub fn new(ticks: usize, least: usize) -> Self {
        Self { line: f64::INFINITY, least, ticks: VecDeque::from(vec![(0, 0); ticks]), bodies: 0, above: 0 }
    }

    /// Compares with this week from now on, whose last ticks are in the window.
    pub fn last_week<'a>(&mut self, week: &SizeDistribution, last_ticks: impl Iterator<Item = &'a Tick>) {
        self.line = week.quantile(0.99).map_or(f64::INFINITY, |p99| 1.5 * p99 as f64);
        for tick in last_ticks {
            self.watch(tick);
        }
    }

    /// Whether the window's p99 is too large after this tick.
    pub fn watch(&mut self, tick: &Tick) -> bool {
        let new = (tick.sizes.len(), tick.sizes.iter().filter(|size| **size as f64 > self.line).count());
        let old = self.ticks.pop_front().unwrap_or_default();
        self.ticks.push_back(new);
        self.bodies = self.bodies + new.0 - old.0;
        self.above = self.above + new.1 - old.1;
        // p99 is the size that 99 of a hundred do not exceed: more than one of a hundred is above the line.
        self.bodies >= self.least.max(1) && self.above > self.bodies - (self.bodies * 99).div_ceil(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(sizes: &[u64]) -> Tick {
        let mut tick = Tick::default();
        sizes.iter().for_each(|size| tick.push(*size));
        tick
    }

    #[test]
    fn one_in_a_hundred_may_be_above_the_line_and_no_more() {
        let mut rule = Percentile::new(2, 100);
        let last_week: SizeDistribution = [1_000; 1_000].into_iter().collect();
        rule.last_week(&last_week, std::iter::empty());
        let mut sizes = [1_000; 100];
        sizes[0] = 2_000;
        assert!(!rule.watch(&tick(&sizes)));
        assert!(rule.watch(&tick(&[2_000])), "2 of 101");
        assert!(!rule.watch(&tick(&[1_000; 199])), "1 of 200, the first tick having left");
    }

    #[test]
    fn too_few_bodies_say_nothing() {
        let mut rule = Percentile::new(10, 3);
        let last_week: SizeDistribution = [1_000; 10].into_iter().collect();
        rule.last_week(&last_week, std::iter::empty());
        assert!(!rule.watch(&tick(&[9_000, 9_000])));
        assert!(rule.watch(&tick(&[9_000])));
    }
}
