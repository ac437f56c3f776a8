//! The sizes of many bodies as read at one moment: how many, their sum, their quantiles, and the buckets they fell in.

use super::core::Memory;
use super::octave::PER_OCTAVE;
use super::sizes::{LAST, Sizes, bucket_of, edge};

/// Sizes as read at one moment: count, sum and buckets, in bytes.
///
/// Two distributions add up exactly with [`merge`](Self::merge), whatever they were read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SizeDistribution {
    pub(super) count: u64,
    pub(super) sum: u64,
    pub(super) max: u64,
    pub(super) buckets: Vec<Bucket>,
}

/// One bucket of a [`SizeDistribution`] that holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    index: Option<u16>,
    count: u64,
}

impl Bucket {
    /// A bucket of this number that holds so many bodies. A number beyond the last, 640, counts as that.
    #[must_use]
    pub fn new(index: Option<u16>, count: u64) -> Self {
        Self { index: index.map(|index| index.min(LAST)), count }
    }

    /// The bucket of a body of so many bytes, with this one in it.
    #[must_use]
    pub fn of_size(bytes: u64) -> Self {
        Self { index: (bytes > 0).then(|| bucket_of(bytes)), count: 1 }
    }

    /// The bucket's number `i`: it holds the sizes in `(2^((i-1)/16), 2^(i/16)]` bytes. `None` for the bucket of
    /// empty bodies. OpenTelemetry's exponential histograms call it `i-1`, Prometheus' native ones `i`.
    #[must_use]
    pub fn index(&self) -> Option<u16> {
        self.index
    }

    /// The largest size that belongs here, in bytes: its upper edge, which need not be whole.
    #[must_use]
    pub fn upper(&self) -> f64 {
        self.index.map_or(0.0, |index| (f64::from(index) / f64::from(PER_OCTAVE)).exp2())
    }

    /// The smallest and the largest whole size that belong here, in bytes; the last bucket takes all that is larger.
    #[must_use]
    pub fn whole_sizes(&self) -> (u64, u64) {
        let Some(index) = self.index else { return (0, 0) };
        let first = index.checked_sub(1).map_or(1, |before| edge(before).saturating_add(1));
        (first, if index == LAST { u64::MAX } else { edge(index) })
    }

    /// The largest whole size that belongs here, in bytes; 2^40 for the last bucket, though it takes what is larger.
    pub(crate) fn largest(&self) -> u64 {
        self.index.map_or(0, edge)
    }

    /// How many bodies it holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The size that stands for all in it: the middle, on a logarithmic scale.
    pub(crate) fn middle(&self) -> u64 {
        let middle = |index| ((f64::from(index) - 0.5) / f64::from(PER_OCTAVE)).exp2().round();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 2^40")]
        self.index.map_or(0, |index| middle(index) as u64)
    }
}

impl SizeDistribution {
    /// The distribution of these parts, buckets in order; `None` where a bucket is not in order, empty, or none of ours.
    #[cfg(feature = "serde")]
    pub(super) fn of_parts(sum: u64, max: u64, buckets: Vec<(Option<u16>, u64)>) -> Option<Self> {
        let valid = buckets.iter().all(|(index, count)| *count > 0 && *index <= Some(LAST));
        let buckets: Vec<_> = buckets.into_iter().map(|(index, count)| Bucket { index, count }).collect();
        let count = buckets.iter().fold(0u64, |sum, bucket| sum.saturating_add(bucket.count));
        let in_order = buckets.is_sorted_by(|one, next| one.index < next.index);
        (valid && in_order).then_some(Self { count, sum, max, buckets })
    }

    /// How many bodies.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their bytes, exact; stays at `u64::MAX` once reached.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The largest, exact; 0 where there is none.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The size that a share `q` of the bodies does not exceed, within 2.2 % of the true one; `None` where there
    /// are no bodies. `q` outside 0 to 1 counts as 0 or 1.
    ///
    /// The error is half a bucket, as far as the size is below 1 TiB; `quantile(1.0)` is exact.
    ///
    /// ```
    /// # use plimsoll::SizeDistribution;
    /// let sizes: SizeDistribution = [100, 200, 300, 400, 87_040].into_iter().collect();
    /// assert_eq!(sizes.quantile(1.0), Some(87_040));
    /// let median = sizes.quantile(0.5).expect("there are five");
    /// assert!((294..=306).contains(&median));
    /// ```
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let rank = ((q.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        if rank == self.count {
            return Some(self.max);
        }
        let mut below = 0u64;
        self.buckets
            .iter()
            .find(|bucket| {
                below = below.saturating_add(bucket.count);
                below >= rank
            })
            .map(|bucket| bucket.middle().min(self.max))
    }

    /// The buckets that hold something, smallest sizes first.
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// How many bodies have at most 2^`exponent` bytes, exact below 2^40, where the last bucket takes all that is
    /// larger.
    #[must_use]
    pub fn count_up_to_power_of_two(&self, exponent: u8) -> u64 {
        let last = u16::from(exponent).saturating_mul(PER_OCTAVE);
        let within = self.buckets.iter().take_while(|bucket| bucket.index <= Some(last));
        within.fold(0, |sum, bucket| sum.saturating_add(bucket.count))
    }

    /// The bodies that are here and were not in `before`, an earlier reading of the same sizes; the largest stays.
    #[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "for exporters"))]
    pub(crate) fn less(&self, before: &Self) -> Self {
        let mut known = before.buckets.iter().peekable();
        let mut less = Self { sum: self.sum.saturating_sub(before.sum), max: self.max, ..Self::default() };
        for bucket in &self.buckets {
            while known.next_if(|then| then.index < bucket.index).is_some() {}
            let then = known.next_if(|then| then.index == bucket.index).map_or(0, |then| then.count);
            let count = bucket.count.saturating_sub(then);
            if count > 0 {
                less.count = less.count.saturating_add(count);
                less.buckets.push(Bucket { index: bucket.index, count });
            }
        }
        less
    }

    /// Adds the bodies of `other`: the result is what one ledger would hold that had seen both.
    pub fn merge(&mut self, other: &Self) {
        let Self { count, sum, max, buckets } = other;
        self.count = self.count.saturating_add(*count);
        self.sum = self.sum.saturating_add(*sum);
        self.max = self.max.max(*max);
        for bucket in buckets {
            match self.buckets.binary_search_by_key(&bucket.index, |mine| mine.index) {
                Ok(found) => {
                    if let Some(mine) = self.buckets.get_mut(found) {
                        mine.count = mine.count.saturating_add(bucket.count);
                    }
                }
                Err(place) => self.buckets.insert(place, *bucket),
            }
        }
    }
}

impl Extend<u64> for SizeDistribution {
    fn extend<T: IntoIterator<Item = u64>>(&mut self, sizes: T) {
        let all = Sizes::default();
        for size in sizes {
            all.add(size, Memory::UNBOUNDED);
        }
        all.read_into(self);
    }
}

impl FromIterator<u64> for SizeDistribution {
    fn from_iter<T: IntoIterator<Item = u64>>(sizes: T) -> Self {
        let mut distribution = Self::default();
        distribution.extend(sizes);
        distribution
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_body_has_a_bucket_of_its_own_below_that_of_a_single_byte() {
        assert_eq!([0, 1, 2].map(|bytes| Bucket::of_size(bytes).index()), [None, Some(0), Some(16)]);
    }

    #[test]
    fn the_largest_size_of_a_bucket_belongs_to_it_and_the_next_does_not() {
        for index in 0..LAST {
            let largest = Bucket::new(Some(index), 1).largest();
            assert!(bucket_of(largest) <= index && bucket_of(largest + 1) > index, "{index}: {largest}");
        }
    }

    #[test]
    fn the_whole_sizes_of_a_bucket_are_those_that_it_counts() {
        for index in 0..LAST {
            let (first, last) = Bucket::new(Some(index), 1).whole_sizes();
            if first <= last {
                assert_eq!((bucket_of(first), bucket_of(last)), (index, index));
                assert_eq!(bucket_of(last + 1).min(index + 1), index + 1);
            }
        }
        assert_eq!(Bucket::new(None, 1).whole_sizes(), (0, 0));
        assert_eq!(Bucket::new(Some(LAST), 1).whole_sizes(), (1_052_895_941_925, u64::MAX));
    }

    #[test]
    fn quantiles_of_nothing_are_none_and_of_one_are_it() {
        assert_eq!(SizeDistribution::default().quantile(0.5), None);
        let one: SizeDistribution = [8_000].into_iter().collect();
        for q in [-1.0, 0.0, 0.5, 1.0, 7.0, f64::NAN] {
            assert_eq!(one.quantile(q), Some(8_000));
        }
        let empty: SizeDistribution = [0, 0].into_iter().collect();
        assert_eq!(empty.quantile(0.5), Some(0));
    }

    #[test]
    fn a_sum_beyond_64_bits_stays_at_the_end() {
        let sizes: SizeDistribution = [u64::MAX, 5, 5].into_iter().collect();
        assert_eq!((sizes.sum(), sizes.count(), sizes.max()), (u64::MAX, 3, u64::MAX));
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_half_a_bucket_of_the_order_statistic(
            mut sizes in proptest::collection::vec(1u64..1 << 36, 1..200),
            q in 0.0f64..=1.0,
        ) {
            let read: SizeDistribution = sizes.iter().copied().collect();
            sizes.sort_unstable();
            let rank = ((q * sizes.len() as f64).ceil() as usize).clamp(1, sizes.len());
            let truth = sizes[rank - 1] as f64;
            let estimate = read.quantile(q).unwrap() as f64;
            prop_assert!((estimate - truth).abs() <= truth * 0.0219 + 0.5, "{estimate} for {truth}");
        }


        #[test]
        fn merging_is_as_if_one_had_seen_both(a: Vec<u64>, b: Vec<u64>) {
            let mut merged: SizeDistribution = a.iter().copied().collect();
            merged.merge(&b.iter().copied().collect());
            let both: SizeDistribution = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(merged, both);
        }


        #[test]
        fn what_is_less_than_a_later_reading_is_what_came_in_between(
            before in proptest::collection::vec(0u64..1 << 10, 0..20),
            since in proptest::collection::vec(0u64..1 << 10, 0..20),
        ) {
            let [before, since] = [before, since].map(|sizes| sizes.into_iter().collect::<SizeDistribution>());
            let mut now = before.clone();
            now.merge(&since);
            let expected = SizeDistribution { max: now.max(), ..since };
            prop_assert_eq!(now.less(&before), expected);
        }

        #[test]
        fn counts_up_to_a_power_of_two_are_exact(sizes in proptest::collection::vec(0u64..1 << 26, 0..100), exponent in 0u8..26) {
            let read: SizeDistribution = sizes.iter().copied().collect();
            let truth = sizes.iter().filter(|size| **size <= 1 << exponent).count() as u64;
            prop_assert_eq!(read.count_up_to_power_of_two(exponent), truth);
        }
    }
}
