//! A textbook CUSUM: as if `ln size` were normal, and for growth by one half.

use crate::traffic::Tick;

/// The sum of likelihood ratios of a mean that is `ln 1.5` larger, kept at 0 or above (Page, 1954).
#[derive(Clone, Debug)]
pub struct Gaussian {
    mean: f64,
    /// What a body at one deviation above weighs.
    slope: f64,
    half_a_step: f64,
    sum: f64,
}

/// As much evidence as the ladder's own level asks for: `ln 1e8`.
const THRESHOLD: f64 = 18.420_680_743_952_367;

/// Mean and variance, taken one by one (Welford, 1962).
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Adds the bodies of a tick of the baseline.
    pub fn add(&mut self, tick: &Tick) {
        for size in &tick.sizes {
            let log = (*size as f64).ln();
            self.count += 1.0;
            let from_mean = log - self.mean;
            self.mean += from_mean / self.count;
            self.squares += from_mean * (log - self.mean);
        }
    }
}

impl Gaussian {
    /// Over a baseline of these moments.
    pub fn new(baseline: Moments) -> Self {
        let Moments { count, mean, squares } = baseline;
        let shift = 1.5f64.ln();
        Self { mean, slope: shift / (squares / (count - 1.0)), half_a_step: shift / 2.0, sum: 0.0 }
    }

    /// The number of the body of this tick at which it alarms, counted from 1.
    pub fn watch(&mut self, tick: &Tick) -> Option<usize> {
        let reaches = |size: &u64| {
            let step = self.slope * ((*size as f64).ln() - self.mean - self.half_a_step);
            self.sum = (self.sum + step).max(0.0);
            self.sum >= THRESHOLD
        };
        tick.sizes.iter().position(reaches).map(|before| before + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_alarms_when_the_mean_has_moved_and_not_before() {
        let mut tick = Tick::default();
        [6_000, 8_000, 10_000].into_iter().for_each(|size| tick.push(size));
        let mut moments = Moments::default();
        (0..100).for_each(|_| moments.add(&tick));
        let mut rule = Gaussian::new(moments);
        assert!((0..1_000).all(|_| rule.watch(&tick).is_none()));
        let mut grown = Tick::default();
        grown.push(16_000);
        assert_eq!((0..10).find_map(|before| rule.watch(&grown).map(|body| before + body)), Some(4));
    }
}
