//! The size that stands for many: exact, or known to lie between two.

use std::fmt;

use crate::files::grouped;
use crate::ledger::SizeDistribution;

use super::factor::Factor;

/// The median of some bodies in bytes: the smallest size that at least half of them do not exceed.
///
/// Exact for sizes given by hand. A ledger keeps 16 buckets an octave, so that the median of many bodies is known to
/// lie between two sizes that are 4.4 % apart; it is exact where all bodies are as large, and of one or two.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Median {
    at_least: u64,
    at_most: u64,
}

impl Median {
    /// A median that is known.
    #[must_use]
    pub const fn exact(bytes: u64) -> Self {
        Self { at_least: bytes, at_most: bytes }
    }

    /// One that is known to lie between these two, both included; `None` where they are in the wrong order.
    #[must_use]
    pub const fn between(at_least: u64, at_most: u64) -> Option<Self> {
        if at_least <= at_most { Some(Self { at_least, at_most }) } else { None }
    }

    /// That of these sizes; `None` where there are none.
    #[must_use]
    pub fn of(sizes: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut sizes: Vec<_> = sizes.into_iter().collect();
        let rank = sizes.len().div_ceil(2).checked_sub(1)?;
        let (_, median, _) = sizes.select_nth_unstable(rank);
        Some(Self::exact(*median))
    }

    /// That of sizes in a ledger; `None` where there are none.
    #[must_use]
    pub fn of_distribution(sizes: &SizeDistribution) -> Option<Self> {
        let rank = sizes.count().div_ceil(2);
        let mut below = 0u64;
        let bucket = sizes.buckets().iter().find(|bucket| {
            below = below.saturating_add(bucket.count());
            below >= rank
        })?;
        let (at_least, at_most) = bucket.whole_sizes();
        let known = Self::between(at_least, at_most.min(sizes.max()).max(at_least))?;
        let all_as_large = u128::from(sizes.max()).checked_mul(sizes.count().into()) == Some(sizes.sum().into());
        // Of two, the smaller.
        let exact = match sizes.count() {
            _ if all_as_large => Some(sizes.max()),
            2 => sizes.sum().checked_sub(sizes.max()),
            _ => None,
        };
        Some(exact.filter(|size| known.holds(*size)).map_or(known, Self::exact))
    }

    const fn holds(self, size: u64) -> bool {
        self.at_least <= size && size <= self.at_most
    }

    /// The least that it can be, in bytes.
    #[must_use]
    pub const fn at_least(self) -> u64 {
        self.at_least
    }

    /// The most that it can be, in bytes.
    #[must_use]
    pub const fn at_most(self) -> u64 {
        self.at_most
    }

    /// Whether it is known to the byte.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        self.at_least == self.at_most
    }

    /// Whether `is` is larger than this by more than the factor, beyond doubt: where a bucket leaves it open, it is not.
    ///
    /// So what grew by the factor or less never counts as grown. Where both come from a ledger, what grew by more than
    /// 1.0905 times the factor (two buckets) always does; with both exact there is no such gap.
    #[must_use]
    pub const fn grew_beyond(self, factor: Factor, is: Self) -> bool {
        !factor.allows(self.at_most, is.at_least)
    }
}

impl fmt::Display for Median {
    /// `8,421`, or `84,449-88,388` where it lies between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_exact() {
            true => f.pad(&grouped(self.at_least)),
            false => f.pad(&format!("{}-{}", grouped(self.at_least), grouped(self.at_most))),
        }
    }
}

impl fmt::Debug for Median {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Median({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(sizes: &[u64]) -> Median {
        Median::of_distribution(&sizes.iter().copied().collect()).unwrap()
    }

    #[test]
    fn few_bodies_and_equal_ones_are_known_to_the_byte() {
        assert_eq!(read(&[8_421]), Median::exact(8_421));
        assert_eq!(read(&[8_421, 9_000]), Median::exact(8_421));
        assert_eq!(read(&[8_421; 50]), Median::exact(8_421));
        assert_eq!(read(&[0, 0, 0]), Median::exact(0));
        assert_eq!(read(&[0, 0, 7]), Median::exact(0));
        assert_eq!(read(&[u64::MAX, u64::MAX, 3]).at_most(), u64::MAX);
        assert_eq!(Median::of_distribution(&SizeDistribution::default()), None);
        assert_eq!(Median::of([]), None);
        assert_eq!(Median::of([9, 1, 5, 7]), Some(Median::exact(5)));
    }

    #[test]
    fn of_many_it_lies_between() {
        let many = read(&[8_000, 8_421, 9_000]);
        assert_eq!((many.at_least(), many.at_most(), many.is_exact()), (8_193, 8_554, false));
        assert_eq!(many.to_string(), "8,193-8,554");
        assert_eq!(read(&[8_400, 8_421, 8_421]).at_most(), 8_421, "never over the largest");
    }

    proptest! {
        #[test]
        fn the_true_median_lies_within_and_the_bounds_are_near(
            sizes in proptest::collection::vec(1u64..1 << 36, 1..60),
        ) {
            let truth = Median::of(sizes.iter().copied()).unwrap().at_least();
            let known = read(&sizes);
            prop_assert!(known.holds(truth), "{truth} in {known}");
            prop_assert!(known.at_most() as f64 <= known.at_least() as f64 * 1.0443, "{known}");
        }

        #[test]
        fn a_true_doubling_passes_and_a_byte_more_of_exact_ones_does_not(
            sizes in proptest::collection::vec(0u64..1 << 36, 1..60),
        ) {
            let twice: Vec<u64> = sizes.iter().map(|size| size * 2).collect();
            prop_assert!(!read(&sizes).grew_beyond(Factor::TWO, read(&twice)));
            let exact = Median::of(sizes).unwrap();
            prop_assert!(!exact.grew_beyond(Factor::TWO, Median::of(twice).unwrap()));
            prop_assert!(exact.grew_beyond(Factor::TWO, Median::exact(exact.at_least() * 2 + 1)));
        }

        #[test]
        fn beyond_two_buckets_growth_is_always_seen(
            sizes in proptest::collection::vec(1_000u64..1 << 35, 3..60),
            factor in 1.0f64..20.0,
        ) {
            let allowed = Factor::new(factor).unwrap();
            let grown = sizes.iter().map(|size| (*size as f64 * factor * 1.094).ceil() as u64);
            prop_assert!(read(&sizes).grew_beyond(allowed, read(&grown.collect::<Vec<_>>())));
        }
    }
}
