//! The histogram of sizes: base-2 exponential, scale 4, written without a lock.
//!
//! Bucket `i` holds the sizes in `(2^((i-1)/16), 2^(i/16)]`, upper edge included: bit for bit bucket `i` of a
//! Prometheus native histogram of schema 4 and bucket `i-1` of an OpenTelemetry exponential histogram of scale 4.
//! An edge is compared as an integer scaled to 64 bits, so no size ever lands beside its bucket.

use super::core::Memory;
use super::size_distribution::{Bucket, SizeDistribution};
use crate::sync::OnceLock;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Buckets an octave (a doubling): 2^4, for scale 4.
pub(super) const PER_OCTAVE: u16 = 16;
/// Octaves kept apart: up to 2^40 bytes, 1 TiB. Larger sizes are counted in the last bucket.
const OCTAVES: usize = 40;
pub(super) const LAST: u16 = 640;
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
pub(super) fn edge(index: u16) -> u64 {
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
    }
}
