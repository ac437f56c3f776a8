//! The counters of one octave of the histogram: a size is counted, and its bytes with it, by one addition. And the place
//! for its exemplar.
//!
//! A counter of bodies and one of bytes would take two locked operations, and on common processors one takes as long as
//! all else that recording does. So each bucket has a word for both: in its low bits how many sizes, above them by how
//! many bytes these exceed the octave's lower end. A word that is half full is emptied into wider counters by whoever
//! finds it so; most octaves never have any. It loses nothing as long as not thousands of threads stand between the look
//! at a word and the addition.
//!
//! Writers never wait: where another empties the word, they add to the wider counters. Readers wait for that.

use std::sync::PoisonError;

use super::core::Memory;
use super::exemplar::Slot;
use crate::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sync::{Mutex, OnceLock};

/// Buckets an octave (a doubling): 2^4, for scale 4.
pub(super) const BUCKETS: usize = PER_OCTAVE as usize;
/// The same, as bucket numbers count them.
pub(super) const PER_OCTAVE: u16 = 16;

/// How many of a word's bits count sizes.
const COUNT_BITS: u32 = if cfg!(loom) { 2 } else { 20 };
const COUNT: u64 = (1 << COUNT_BITS) - 1;
/// Sizes that a word takes have so many bits: larger ones, from 4 GiB, go beside.
pub(super) const SIZE_BITS: u32 = 32;
/// A word that has one of these bits takes no more: 2^19 sizes, or 4 GiB. It has room for as many, or for 4,095 times
/// those bytes, from those who looked before.
const FULL: u64 = 1 << (COUNT_BITS - 1) | !0 << (COUNT_BITS + SIZE_BITS);

/// Alone on its cache lines: who counts for another series does not wait for this one.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Octave {
    words: [AtomicU64; BUCKETS],
    /// For the octave's sizes, where they have a classic bucket of their own.
    pub(super) exemplar: Slot,
    beside: OnceLock<Box<Beside>>,
}

/// What is counted beside the words of an octave, once one of them was full.
#[derive(Debug, Default)]
struct Beside {
    /// How many sizes, by bucket.
    counts: [AtomicU64; BUCKETS],
    /// Their bytes above the octave's lower end, of all buckets; stays at `u64::MAX` once reached.
    excess: AtomicU64,
    /// Held while a word is emptied, and while it is read: a size is found once, in its word or beside.
    moving: Mutex<()>,
}

/// What an octave counted, as read at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// How many sizes, by bucket.
    pub(super) counts: [u64; BUCKETS],
    /// The bytes of all of them above the octave's lower end.
    pub(super) excess: u64,
}

impl Octave {
    /// Counts a size of less than 4 GiB that exceeds the octave's lower end by so many bytes, in this of its buckets.
    /// `false`, and nothing counted, where its word is full.
    #[inline(always)]
    pub(super) fn add_to_word(&self, bucket: usize, excess: u64) -> bool {
        match self.words.get(bucket) {
            Some(word) if word.load(Relaxed) & FULL == 0 => {
                word.fetch_add(excess << COUNT_BITS | 1, Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Counts any size, beside its word where it must; that is emptied then. `false`, and nothing counted, where that
    /// needs memory that there is not.
    pub(super) fn add(&self, bucket: usize, excess: u64, memory: Memory<'_>) -> bool {
        if excess >> SIZE_BITS == 0 && self.add_to_word(bucket, excess) {
            return true;
        }
        let beside = memory.get_or_make(&self.beside);
        let (Some(word), Some(beside)) = (self.words.get(bucket), beside) else { return false };
        let Ok(_moving) = beside.moving.try_lock() else {
            beside.add(bucket, 1, excess);
            return true;
        };
        // Whoever reads what stands in the word after that knows that there are counters beside it.
        let emptied = word.swap(0, Release);
        beside.add(bucket, (emptied & COUNT).saturating_add(1), (emptied >> COUNT_BITS).saturating_add(excess));
        true
    }

    /// A number that is another one as soon as a size was counted. Nothing is waited for: a word that is emptied meanwhile
    /// makes it another one, too.
    pub(super) fn fingerprint(&self) -> u64 {
        let beside = self.beside.get().into_iter().flat_map(|beside| &beside.counts);
        self.words.iter().chain(beside).fold(0, |all: u64, part| all.wrapping_add(part.load(Relaxed)))
    }

    pub(super) fn read(&self) -> Counted {
        let words = self.read_words();
        match self.beside.get() {
            // No word had been emptied when it was read.
            None => words,
            Some(beside) => {
                let _moving = beside.moving.lock().unwrap_or_else(PoisonError::into_inner);
                beside.read_into(self.read_words())
            }
        }
    }

    fn read_words(&self) -> Counted {
        let mut read = Counted { counts: [0; BUCKETS], excess: 0 };
        for (count, word) in read.counts.iter_mut().zip(&self.words) {
            let word = word.load(Acquire);
            *count = word & COUNT;
            read.excess = read.excess.saturating_add(word >> COUNT_BITS);
        }
        read
    }
}

impl Beside {
    fn add(&self, bucket: usize, count: u64, excess: u64) {
        if let Some(counts) = self.counts.get(bucket) {
            counts.fetch_add(count, Relaxed);
            let _ = self.excess.fetch_update(Relaxed, Relaxed, |sum| Some(sum.saturating_add(excess)));
        }
    }

    fn read_into(&self, mut read: Counted) -> Counted {
        read.excess = read.excess.saturating_add(self.excess.load(Relaxed));
        for (read, count) in read.counts.iter_mut().zip(&self.counts) {
            *read = read.saturating_add(count.load(Relaxed));
        }
        read
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::builder::LedgerBuilder;
    use super::super::core::Core;
    use super::*;

    fn add(octave: &Octave, bucket: usize, excess: u64) {
        assert!(octave.add(bucket, excess, Memory::UNBOUNDED));
    }

    /// How many sizes are counted beside their words.
    fn beside(octave: &Octave) -> u64 {
        octave.beside.get().map_or(0, |beside| beside.counts.iter().map(|count| count.load(Relaxed)).sum())
    }

    fn count(octave: &Octave) -> u64 {
        octave.read().counts.iter().sum()
    }

    #[test]
    fn a_word_that_is_half_full_is_emptied_and_nothing_is_lost() {
        let octave = Octave::default();
        let half = 1 << (COUNT_BITS - 1);
        for added in 1..=half + 2 {
            add(&octave, 3, 362);
            add(&octave, 4, 1);
            if added == half {
                assert!(octave.beside.get().is_none(), "not yet");
            }
        }
        assert_eq!(beside(&octave), 2 * (half + 1));
        let Counted { counts, excess } = octave.read();
        assert_eq!((counts[3], counts[4], count(&octave)), (half + 2, half + 2, 2 * (half + 2)));
        assert_eq!(excess, 363 * (half + 2));
    }

    #[test]
    fn large_sizes_fill_a_word_by_their_bytes() {
        let octave = Octave::default();
        let (below, from) = (u64::from(u32::MAX), 1 << SIZE_BITS);
        for _ in 0..3 {
            add(&octave, 15, below);
        }
        let within = octave.words[15].load(Relaxed) & COUNT;
        assert_eq!((within, beside(&octave)), (0, 3), "two fill the word, and the third finds it so");
        add(&octave, 15, from);
        add(&octave, 15, below);
        assert_eq!((count(&octave), octave.read().excess), (5, 4 * below + from));
        add(&octave, 15, u64::MAX - 1);
        add(&octave, 15, u64::MAX - 1);
        add(&octave, 15, 1);
        assert_eq!((count(&octave), octave.read().excess), (8, u64::MAX));
    }

    #[test]
    fn while_a_word_is_emptied_others_count_beside_it() {
        let octave = Octave::default();
        octave.words[0].store(FULL & COUNT, Relaxed);
        let moving = octave.beside.get_or_init(Box::default).moving.lock().unwrap();
        add(&octave, 0, 7);
        assert_eq!((beside(&octave), octave.words[0].load(Relaxed)), (1, FULL & COUNT));
        drop(moving);
        assert_eq!((count(&octave), octave.read().excess), ((FULL & COUNT) + 1, 7));
    }

    #[test]
    fn without_memory_for_more_a_full_word_stays_as_it_is() {
        let octave = Octave::default();
        octave.words[0].store(FULL & COUNT, Relaxed);
        let core = Core::new(&LedgerBuilder::default().max_bytes(size_of::<Beside>()));
        assert!(core.take_series(1), "so that a byte is missing");
        assert!(!octave.add(0, 7, Memory::of(&core)));
        assert!(octave.add(1, 7, Memory::of(&core)), "there is room in this one");
        assert_eq!((count(&octave), octave.read().excess), ((FULL & COUNT) + 1, 7));
    }

    #[test]
    fn an_octave_takes_three_cache_lines() {
        assert_eq!(size_of::<Octave>(), 3 * 64);
    }

    #[test]
    fn of_many_threads_none_loses_a_size_and_no_reading_goes_back() {
        const EACH: u64 = 400_000;
        let octave = Octave::default();
        std::thread::scope(|scope| {
            let writers = [5, 5, 6].map(|bucket| {
                let octave = &octave;
                scope.spawn(move || (0..EACH).for_each(|_| add(octave, bucket, 3)))
            });
            let mut last = 0;
            while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                let now = count(&octave);
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        let Counted { counts, excess } = octave.read();
        assert_eq!((counts[5], counts[6], excess), (2 * EACH, EACH, 9 * EACH));
    }
}
