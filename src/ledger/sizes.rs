//! The histogram of sizes: base-2 exponential, scale 4, written without a lock.
//!
//! Bucket `i` holds the sizes in `(2^((i-1)/16), 2^(i/16)]`, upper edge included: bit for bit bucket `i` of a
//! Prometheus native histogram of schema 4 and bucket `i-1` of an OpenTelemetry exponential histogram of scale 4.
//! An edge is compared as an integer scaled to 64 bits, so no size ever lands beside its bucket.

use super::core::Memory;
use crate::sync::OnceLock;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Buckets an octave (a doubling): 2^4, for scale 4.
const PER_OCTAVE: u16 = 16;
/// Octaves kept apart: up to 2^40 bytes, 1 TiB. Larger sizes are counted in the last bucket.
const OCTAVES: usize = 40;
const LAST: u16 = 640;
/// The last bucket's end, in bytes.
pub(super) const LARGEST: u64 = 1 << 40;

/// `floor(2^63 * 2^(k/16))`; a scaled size exceeds the edge exactly where it exceeds this integer.
const EDGES: [u64; 17] = [
    0x8000_0000_0000_0000,
    0x85aa_c367_cc48_7b14,
    0x8b95_c1e3_ea8b_d6e6,
    0x91c3_d373_ab11_c336,
    0x9837_f051_8db8_a96f,
    0x9ef5_3260_91a1_11ad,
    0xa5fe_d6a9_b151_38ea,
    0xad58_3eea_42a1_4ac6,
    0xb504_f333_f9de_6484,
    0xbd08_a39f_580c_36be,
    0xc567_2a11_5506_dadd,
    0xce24_8c15_1f84_80e3,
    0xd744_fcca_d69d_6af4,
    0xe0cc_deec_2a94_e111,
    0xeac0_c6e7_dd24_392e,
    0xf525_7d15_2486_cc2c,
    u64::MAX,
];

/// For each 64th of an octave, the first edge at or above its lower end. An edge's distance to the next is more
/// than two 64ths, so one comparison decides the rest.
const FIRST_EDGE: [u8; 64] = first_edges();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated when compiled")]
const fn first_edges() -> [u8; 64] {
    let mut cells = [0; 64];
    let mut cell = 0;
    while cell < 64 {
        let low = (1 << 63) + ((cell as u64) << 57);
        let mut edge = 0;
        while EDGES[edge as usize] < low {
            edge += 1;
        }
        cells[cell] = edge;
        cell += 1;
    }
    cells
}

/// The bucket of a size of 1 byte or more: `ceil(16 * log2(size))`, exact, at most 640.
#[inline]
pub(super) fn bucket_of(size: u64) -> u16 {
    let zeros = size.leading_zeros();
    let scaled = size.wrapping_shl(zeros);
    let cell = (scaled >> 57 & 63) as usize;
    let first = FIRST_EDGE.get(cell).copied().unwrap_or(0);
    let over = EDGES.get(usize::from(first)).is_some_and(|edge| scaled > *edge);
    let octave = (63u32.saturating_sub(zeros) & 63) as u16;
    octave.wrapping_mul(PER_OCTAVE).wrapping_add(u16::from(first)).wrapping_add(u16::from(over)).min(LAST)
}

/// `floor(2^(index/16))`, exact: the largest whole size in a bucket.
fn edge(index: u16) -> u64 {
    let scaled = EDGES.get(usize::from(index % PER_OCTAVE)).copied().unwrap_or(0);
    scaled >> 63u16.saturating_sub(index / PER_OCTAVE)
}

/// Counts of sizes by bucket; an octave's counters are allocated when its first size comes.
#[derive(Debug)]
pub(super) struct Sizes {
    sum: AtomicU64,
    max: AtomicU64,
    zero: AtomicU64,
    one: AtomicU64,
    octaves: [OnceLock<Box<Octave>>; OCTAVES],
}

/// Alone on its cache lines: who counts for another series does not wait for this one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Octave([AtomicU64; PER_OCTAVE as usize]);

impl Default for Sizes {
    fn default() -> Self {
        let [sum, max, zero, one] = Default::default();
        Self { sum, max, zero, one, octaves: std::array::from_fn(|_| OnceLock::new()) }
    }
}

impl Sizes {
    /// Counts one size. `false`, and nothing counted, where it needs memory that there is not.
    #[inline]
    pub(super) fn add(&self, size: u64, memory: Memory<'_>) -> bool {
        let Some(counter) = self.counter(size, memory) else { return false };
        counter.fetch_add(1, Relaxed);
        // A refused body may have declared anything: a sum that runs over stays at its end.
        if self.sum.fetch_add(size, Relaxed).checked_add(size).is_none() {
            self.sum.store(u64::MAX, Relaxed);
        }
        if size > self.max.load(Relaxed) {
            self.max.fetch_max(size, Relaxed);
        }
        true
    }

    #[inline]
    fn counter(&self, size: u64, memory: Memory<'_>) -> Option<&AtomicU64> {
        match size {
            0 => Some(&self.zero),
            1 => Some(&self.one),
            _ => {
                let place = bucket_of(size).wrapping_sub(1);
                let octave = self.octaves.get(usize::from(place / PER_OCTAVE))?;
                memory.get_or_make(octave)?.0.get(usize::from(place % PER_OCTAVE))
            }
        }
    }

    /// Calls `each` for every bucket that is not empty, in order; the bucket of empty bodies first, as `None`.
    pub(super) fn for_each(&self, mut each: impl FnMut(Option<u16>, u64)) {
        let mut visit = |bucket, counter: &AtomicU64| match counter.load(Relaxed) {
            0 => {}
            count => each(bucket, count),
        };
        visit(None, &self.zero);
        visit(Some(0), &self.one);
        for (octave, first) in self.octaves.iter().zip((1..).step_by(usize::from(PER_OCTAVE))) {
            for (counter, bucket) in octave.get().into_iter().flat_map(|octave| &octave.0).zip(first..) {
                visit(Some(bucket), counter);
            }
        }
    }

    /// A number that is another one as soon as a size was counted: their sum, and the empty ones far above it. Where the
    /// sum can grow no more, the counts themselves.
    pub(super) fn fingerprint(&self) -> u64 {
        const EMPTY: u64 = 0x9e37_79b9_7f4a_7c15;
        match self.sum.load(Relaxed) {
            u64::MAX => {
                let mut all = 0u64;
                self.for_each(|_, count| all = all.wrapping_add(count));
                all
            }
            sum => sum.wrapping_add(self.zero.load(Relaxed).wrapping_mul(EMPTY)),
        }
    }

    /// Adds what is counted here to `into`.
    pub(super) fn read_into(&self, into: &mut SizeDistribution) {
        let mut other = SizeDistribution {
            sum: self.sum.load(Relaxed),
            max: self.max.load(Relaxed),
            ..SizeDistribution::default()
        };
        self.for_each(|index, count| {
            other.count = other.count.saturating_add(count);
            other.buckets.push(Bucket::new(index, count));
        });
        into.merge(&other);
    }
}

/// Sizes as read at one moment: count, sum and buckets, in bytes.
///
/// Two distributions add up exactly with [`merge`](Self::merge), whatever they were read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SizeDistribution {
    count: u64,
    sum: u64,
    max: u64,
    buckets: Vec<Bucket>,
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

    /// The largest whole size that belongs here, in bytes.
    pub(crate) fn largest(&self) -> u64 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^40")]
        let edge = self.upper() as u64;
        // A power of two is exact; no other edge is whole, so rounding can only have gone one too far.
        match self.index {
            Some(index) if edge > 1 && bucket_of(edge) > index => edge.saturating_sub(1),
            _ => edge,
        }
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
        let legal = buckets.iter().all(|(index, count)| *count > 0 && *index <= Some(LAST));
        let buckets: Vec<_> = buckets.into_iter().map(|(index, count)| Bucket { index, count }).collect();
        let count = buckets.iter().fold(0u64, |sum, bucket| sum.saturating_add(bucket.count));
        let in_order = buckets.is_sorted_by(|one, next| one.index < next.index);
        (legal && in_order).then_some(Self { count, sum, max, buckets })
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
    use super::super::builder::LedgerBuilder;
    use super::super::core::Core;
    use super::*;
    use proptest::prelude::*;

    /// `size > 2^(index/16)` in exact arithmetic: `size^16 > 2^index`, with 1,024 bits.
    fn exceeds(size: u64, index: u32) -> bool {
        let mut power = vec![1u64];
        for _ in 0..16 {
            let mut carry = 0u128;
            for word in &mut power {
                let product = u128::from(*word) * u128::from(size) + carry;
                *word = product as u64;
                carry = product >> 64;
            }
            power.push(carry as u64);
        }
        let bits = power
            .iter()
            .rposition(|word| *word != 0)
            .map_or(0, |top| top as u32 * 64 + 64 - power[top].leading_zeros());
        // 2^index has index + 1 bits; more bits is larger, as many is larger unless it is that power itself.
        let is_power = power.iter().map(|word| word.count_ones()).sum::<u32>() == 1;
        bits > index + 1 || (bits == index + 1 && !is_power)
    }

    #[test]
    fn the_largest_size_of_a_bucket_belongs_to_it_and_the_next_does_not() {
        for index in 16..LAST {
            let largest = Bucket::new(Some(index), 1).largest();
            assert!(bucket_of(largest) <= index && bucket_of(largest + 1) > index, "{index}: {largest}");
        }
    }

    #[test]
    fn powers_of_two_lie_on_upper_edges() {
        for octave in 0..=40u32 {
            assert_eq!(u32::from(bucket_of(1 << octave)), 16 * octave);
        }
        assert_eq!(bucket_of(u64::MAX), LAST);
    }

    #[test]
    fn counters_of_two_histograms_share_no_cache_line() {
        let lines = |size: usize| size % 64;
        assert_eq!((lines(size_of::<Octave>()), lines(align_of::<Octave>())), (0, 0));
        use crate::ledger::entry::Entry;
        use crate::ledger::series::Series;
        assert_eq!((lines(align_of::<Entry>()), lines(align_of::<Series>())), (0, 0));
    }

    #[test]
    fn each_edge_of_the_large_octaves_is_exact() {
        for index in 400..640u32 {
            let edge = (f64::from(index) / 16.0).exp2() as u64;
            for size in edge - 2..=edge + 2 {
                let bucket = u32::from(bucket_of(size));
                assert!(!exceeds(size, bucket) && exceeds(size, bucket - 1), "{size} in {bucket}");
            }
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

    #[test]
    fn without_memory_nothing_is_counted() {
        let sizes = Sizes::default();
        let core = Core::new(&LedgerBuilder::default().max_bytes(2 * size_of::<Octave>()));
        assert!(sizes.add(5_000, Memory::of(&core)));
        assert!(sizes.add(10_000, Memory::of(&core)));
        assert!(!sizes.add(20_000, Memory::of(&core)));
        assert!(sizes.add(5_001, Memory::of(&core)), "its octave stands already");
        let mut read = SizeDistribution::default();
        sizes.read_into(&mut read);
        assert_eq!((read.count(), read.sum()), (3, 20_001));
    }

    proptest! {
        #[test]
        fn every_size_lies_in_its_bucket(shift in 0u32..63, any: u64) {
            let size = (any >> shift).max(1);
            let bucket = u32::from(bucket_of(size));
            if bucket < u32::from(LAST) {
                prop_assert!(!exceeds(size, bucket));
            }
            if bucket > 0 {
                prop_assert!(exceeds(size, bucket - 1));
            }
        }

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
        fn counts_up_to_a_power_of_two_are_exact(sizes in proptest::collection::vec(0u64..1 << 26, 0..100), exponent in 0u8..26) {
            let read: SizeDistribution = sizes.iter().copied().collect();
            let truth = sizes.iter().filter(|size| **size <= 1 << exponent).count() as u64;
            prop_assert_eq!(read.count_up_to_power_of_two(exponent), truth);
        }
    }
}
