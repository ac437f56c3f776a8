//! Chance that repeats: the same seed gives the same numbers.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Chance {
    random: Xoshiro256PlusPlus,
    /// Normal numbers come in pairs.
    second: Option<f64>,
}

impl Chance {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self { random: Xoshiro256PlusPlus::seed_from_u64(seed), second: None }
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.random.next_u64() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    /// Uniform in 0..`end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.uniform() * end as f64) as usize
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Normal, of mean 0 and deviation 1 (the polar method).
    pub fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.second = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// A number of independent events of which `mean` are expected (Poisson, by inversion: for small means).
    pub fn count(&mut self, mean: f64) -> usize {
        let (mut product, limit, mut count) = (self.uniform(), (-mean).exp(), 0);
        while product > limit {
            product *= self.uniform();
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            [chance.uniform(), chance.normal(), chance.normal(), chance.count(3.0) as f64]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn moments_are_those_of_the_laws() {
        let mut chance = Chance::new(1);
        let n = 200_000;
        let mean = |mut draw: Box<dyn FnMut() -> f64 + '_>| (0..n).map(|_| draw()).sum::<f64>() / f64::from(n);
        assert!((mean(Box::new(|| chance.uniform())) - 0.5).abs() < 0.01);
        assert!(mean(Box::new(|| chance.normal())).abs() < 0.01);
        assert!((mean(Box::new(|| chance.normal().powi(2))) - 1.0).abs() < 0.02);
        assert!((mean(Box::new(|| chance.count(3.0) as f64)) - 3.0).abs() < 0.03);
    }
}
