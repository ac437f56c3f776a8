//! The histogram of sizes: base-2 exponential, scale 4, written without a lock.
//!
//! Bucket `i` holds the sizes in `(2^((i-1)/16), 2^(i/16)]`, upper edge included: bit for bit bucket `i` of a
//! Prometheus native histogram of schema 4 and bucket `i-1` of an OpenTelemetry exponential histogram of scale 4.
//! An edge is compared as an integer scaled to 64 bits, so no size ever lands beside its bucket.

use std::ops::Range;

use super::core::Memory;
use super::exemplar::{CLASSIC_BOUNDS, Exemplar, Slot};
use super::octave::{BUCKETS, Counted, Octave, PER_OCTAVE, SIZE_BITS};
use super::size_distribution::{Bucket, SizeDistribution};
use crate::sync::OnceLock;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Octaves kept apart: up to 2^40 bytes, 1 TiB. Larger sizes are counted in the last bucket.
const OCTAVES: usize = 40;
pub(super) const LAST: u16 = 640;
/// The octaves that are classic buckets: from the first bound to the last, both powers of two.
const CLASSIC: Range<usize> = {
    let [first, .., last] = CLASSIC_BOUNDS;
    first.ilog2() as usize..last.ilog2() as usize
};
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

/// For each 64th of an octave, how many buckets end below it. An edge's distance to the next is more than two 64ths, so
/// one comparison decides the rest.
const ENDED: [u8; 64] = ended();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated when compiled")]
const fn ended() -> [u8; 64] {
    let mut cells = [0; 64];
    let mut cell = 0;
    while cell < 64 {
        let low = (1 << 63) + ((cell as u64) << 57);
        let mut ended = 0;
        while EDGES[ended as usize + 1] < low {
            ended += 1;
        }
        cells[cell] = ended;
        cell += 1;
    }
    cells
}

/// The bucket of a size of 1 byte or more: `ceil(16 * log2(size))`, exact, at most 640.
pub(super) fn bucket_of(size: u64) -> u16 {
    match size {
        0 | 1 => 0,
        _ => {
            let (octave, bucket) = place_of(size.min(LARGEST));
            let number = octave.saturating_mul(BUCKETS).saturating_add(bucket).saturating_add(1);
            u16::try_from(number).unwrap_or(LAST)
        }
    }
}

/// The octave of a size of 2 bytes to 1 TiB, and its bucket there, both counted from 0: octave `o` holds the sizes in
/// `(2^o, 2^(o+1)]`.
#[inline(always)]
fn place_of(size: u64) -> (usize, usize) {
    // As upper edges belong to buckets, it is the size below that has the leading bit of the octave.
    let below = size.wrapping_sub(1);
    let zeros = below.leading_zeros();
    // One unit less than the size scaled to 64 bits: no edge but the last, which ends the octave, lies in between.
    let scaled = !(!below).wrapping_shl(zeros);
    let ended = usize::from(ENDED.get((scaled >> 57 & 63) as usize).copied().unwrap_or(0));
    let over = EDGES.get(ended.wrapping_add(1)).is_some_and(|edge| scaled > *edge);
    ((zeros ^ 63) as usize, ended.wrapping_add(usize::from(over)))
}

/// `floor(2^(index/16))`, exact: the largest whole size in a bucket.
pub(super) fn edge(index: u16) -> u64 {
    let scaled = EDGES.get(usize::from(index % PER_OCTAVE)).copied().unwrap_or(0);
    scaled >> 63u16.saturating_sub(index / PER_OCTAVE)
}

/// Counts of sizes by bucket; an octave's counters are allocated when its first size comes.
#[derive(Debug)]
pub(super) struct Sizes {
    max: AtomicU64,
    zero: AtomicU64,
    one: AtomicU64,
    octaves: [OnceLock<Box<Octave>>; OCTAVES],
    /// For sizes up to the first classic bound, and for those above the last. Each octave in between is a classic bucket.
    small: Slot,
    large: Slot,
}

impl Default for Sizes {
    fn default() -> Self {
        let [max, zero, one] = Default::default();
        let [small, large] = Default::default();
        Self { max, zero, one, octaves: std::array::from_fn(|_| OnceLock::new()), small, large }
    }
}

impl Sizes {
    /// Counts a size that needs nothing but one addition, as nearly all do, and gives the place for its exemplar. `None`,
    /// and nothing counted, where it is not of 2 bytes to 4 GiB, where its octave is yet to be made, and where a counter is
    /// full.
    #[inline(always)]
    pub(super) fn add_usual(&self, size: u64) -> Option<&Slot> {
        if size.wrapping_sub(2) >> SIZE_BITS != 0 {
            return None;
        }
        let (octave, bucket) = place_of(size);
        let counters = self.octaves.get(octave)?.get()?;
        counters.add_to_word(bucket, size.wrapping_sub(1 << octave)).then(|| {
            self.note_max(size);
            self.slot(octave, counters)
        })
    }

    /// Counts one size, and gives the place for its exemplar. `None`, and nothing counted, where it needs memory that there
    /// is not.
    pub(super) fn add(&self, size: u64, memory: Memory<'_>) -> Option<&Slot> {
        let slot = match size {
            0 | 1 => {
                let counter = if size == 0 { &self.zero } else { &self.one };
                counter.fetch_add(1, Relaxed);
                &self.small
            }
            _ => {
                let (octave, bucket) = place_of(size.min(LARGEST));
                let counters = memory.get_or_make(self.octaves.get(octave)?)?;
                if !counters.add(bucket, size.wrapping_sub(1 << octave), memory) {
                    return None;
                }
                self.slot(octave, counters)
            }
        };
        self.note_max(size);
        Some(slot)
    }

    #[inline(always)]
    fn slot<'a>(&'a self, octave: usize, counters: &'a Octave) -> &'a Slot {
        if CLASSIC.contains(&octave) {
            &counters.exemplar
        } else if octave < CLASSIC.start {
            &self.small
        } else {
            &self.large
        }
    }

    /// The exemplars that stand, the last of each classic bucket, smallest first.
    pub(super) fn exemplars(&self) -> impl Iterator<Item = Exemplar> {
        let octaves = self.octaves.iter().enumerate().filter(|(octave, _)| CLASSIC.contains(octave));
        let slots = octaves.filter_map(|(_, counters)| Some(&counters.get()?.exemplar));
        [&self.small].into_iter().chain(slots).chain([&self.large]).filter_map(Slot::get)
    }

    #[inline(always)]
    fn note_max(&self, size: u64) {
        if size > self.max.load(Relaxed) {
            self.max.fetch_max(size, Relaxed);
        }
    }

    /// Calls `each` for every bucket that is not empty, in order; the bucket of empty bodies first, as `None`. Gives the
    /// bytes of all sizes; a sum that runs over stays at its end.
    pub(super) fn for_each(&self, mut each: impl FnMut(Option<u16>, u64)) -> u64 {
        let mut visit = |bucket, count| {
            if count > 0 {
                each(bucket, count);
            }
        };
        visit(None, self.zero.load(Relaxed));
        let mut sum = self.one.load(Relaxed);
        visit(Some(0), sum);
        for ((octave, lower), first) in self.octaves.iter().zip(0..).zip((1..).step_by(BUCKETS)) {
            let Some(octave) = octave.get() else { continue };
            let Counted { counts, excess } = octave.read();
            sum = sum.saturating_add(excess);
            for (count, bucket) in counts.into_iter().zip(first..) {
                sum = sum.saturating_add(count.saturating_mul(1 << lower));
                visit(Some(bucket), count);
            }
        }
        sum
    }

    /// A number that is another one as soon as a size was counted.
    pub(super) fn fingerprint(&self) -> u64 {
        let few = self.zero.load(Relaxed).wrapping_add(self.one.load(Relaxed));
        let octaves = self.octaves.iter().filter_map(OnceLock::get);
        octaves.fold(few, |all, octave| all.wrapping_add(octave.fingerprint()))
    }

    /// Adds what is counted here to `into`.
    pub(super) fn read_into(&self, into: &mut SizeDistribution) {
        let mut other = SizeDistribution { max: self.max.load(Relaxed), ..SizeDistribution::default() };
        other.sum = self.for_each(|index, count| {
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
    fn a_usual_size_is_one_of_2_bytes_to_4_gib_whose_octave_stands() {
        const END: u64 = 1 << SIZE_BITS;
        let sizes = Sizes::default();
        assert!(sizes.add_usual(5_000).is_none(), "its octave is yet to be made");
        for size in [2, 5_000, END, END + 1, 2 * END + 2, LARGEST] {
            assert!(sizes.add(size, Memory::UNBOUNDED).is_some());
        }
        let usual = [2, 5_000, END, END + 1].map(|size| sizes.add_usual(size).is_some());
        let other = [0, 1, END + 2, 2 * END + 2, LARGEST, u64::MAX].map(|size| sizes.add_usual(size).is_some());
        let mut counted = 0;
        sizes.for_each(|_, count| counted += count);
        assert_eq!((usual, other, counted), ([true; 4], [false; 6], 10));
    }

    #[test]
    fn sizes_of_no_byte_and_of_one_are_counted_like_any() {
        let sizes = Sizes::default();
        let mut fingerprints = vec![sizes.fingerprint()];
        for size in [0, 1, 1, 2, 2, 5_000] {
            assert!(sizes.add(size, Memory::UNBOUNDED).is_some());
            assert!(!fingerprints.contains(&sizes.fingerprint()));
            fingerprints.push(sizes.fingerprint());
        }
        let mut counted = vec![];
        let sum = sizes.for_each(|bucket, count| counted.push((bucket, count)));
        assert_eq!(counted, [(None, 1), (Some(0), 2), (Some(16), 2), (Some(bucket_of(5_000)), 1)]);
        assert_eq!(sum, 5_006);
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
        assert!(sizes.add(5_000, Memory::of(&core)).is_some());
        assert!(sizes.add(10_000, Memory::of(&core)).is_some());
        assert!(sizes.add(20_000, Memory::of(&core)).is_none());
        assert!(sizes.add(5_001, Memory::of(&core)).is_some(), "its octave stands already");
        let mut read = SizeDistribution::default();
        sizes.read_into(&mut read);
        assert_eq!((read.count(), read.sum()), (3, 20_001));
    }

    #[test]
    fn a_size_has_its_exemplar_at_the_first_bound_that_holds_it() {
        let sizes = Sizes::default();
        let mut last = [None; CLASSIC_BOUNDS.len() + 1];
        for size in
            [0, 1, 2, 255, 256, 257, 512, 513, 65_535, 65_536, 65_537, 1 << 24, (1 << 24) + 1, 1 << 40, u64::MAX]
        {
            for slot in [sizes.add(size, Memory::UNBOUNDED), sizes.add_usual(size)].into_iter().flatten() {
                slot.put(&Exemplar { value: size, unix_nanos: 1, ids: [1; 3] });
                let bucket = CLASSIC_BOUNDS.iter().position(|bound| size <= *bound).unwrap_or(CLASSIC_BOUNDS.len());
                last[bucket] = Some(size);
                assert!(sizes.exemplars().map(|exemplar| exemplar.value()).eq(last.into_iter().flatten()), "{size}");
            }
        }
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
