//! The counters of one octave of the histogram: a size is counted, and its bytes with it, by one addition. And the place
//! for its exemplar.
//!
//! A counter of bodies and one of bytes would take two locked operations, and on common processors one takes as long as
//! all else that recording does. So each bucket has a word for both: in its low bits how many sizes, above them by how
//! many bytes these exceed the octave's lower end. A word that is half full is emptied into wider counters by whoever
//! finds it so. It loses nothing as long as not thousands of threads stand between the look at a word and the addition.
//!
//! Writers never wait: where another empties the word, they add to the wider counters. Readers wait for that.

use std::sync::PoisonError;

use super::exemplar::Slot;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
    /// How many sizes were counted beside their words, by bucket.
    counts: [AtomicU64; BUCKETS],
    /// Their bytes above the octave's lower end, of all buckets; stays at `u64::MAX` once reached.
    excess: AtomicU64,
    /// Held while a word is emptied, and while it is read: a size is found once, in its word or beside.
    moving: Mutex<()>,
    /// For the octave's sizes, where they have a classic bucket of their own.
    pub(super) exemplar: Slot,
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

    /// Counts any size, beside its word where it must; that is emptied then.
    pub(super) fn add(&self, bucket: usize, excess: u64) {
        if excess >> SIZE_BITS == 0 && self.add_to_word(bucket, excess) {
            return;
        }
        let (Some(word), Some(count)) = (self.words.get(bucket), self.counts.get(bucket)) else { return };
        let Ok(_moving) = self.moving.try_lock() else {
            count.fetch_add(1, Relaxed);
            self.exceed(excess);
            return;
        };
        let emptied = word.swap(0, Relaxed);
        count.fetch_add((emptied & COUNT).saturating_add(1), Relaxed);
        self.exceed((emptied >> COUNT_BITS).saturating_add(excess));
    }

    fn exceed(&self, by: u64) {
        let _ = self.excess.fetch_update(Relaxed, Relaxed, |excess| Some(excess.saturating_add(by)));
    }

    /// A number that is another one as soon as a size was counted. Nothing is waited for: a word that is emptied meanwhile
    /// makes it another one, too.
    pub(super) fn fingerprint(&self) -> u64 {
        let all = self.words.iter().chain(&self.counts);
        all.fold(0, |all: u64, part| all.wrapping_add(part.load(Relaxed)))
    }

    pub(super) fn read(&self) -> Counted {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read = Counted { counts: [0; BUCKETS], excess: self.excess.load(Relaxed) };
        for ((read_count, word), count) in read.counts.iter_mut().zip(&self.words).zip(&self.counts) {
            let word = word.load(Relaxed);
            *read_count = count.load(Relaxed).saturating_add(word & COUNT);
            read.excess = read.excess.saturating_add(word >> COUNT_BITS);
        }
        read
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn count(octave: &Octave) -> u64 {
        octave.read().counts.iter().sum()
    }

    #[test]
    fn a_word_that_is_half_full_is_emptied_and_nothing_is_lost() {
        let octave = Octave::default();
        let half = 1 << (COUNT_BITS - 1);
        for added in 1..=half + 2 {
            octave.add(3, 362);
            octave.add(4, 1);
            if added == half {
                assert_eq!(octave.counts[3].load(Relaxed), 0, "not yet");
            }
        }
        assert_eq!(octave.counts[3].load(Relaxed), half + 1);
        let Counted { counts, excess } = octave.read();
        assert_eq!((counts[3], counts[4], count(&octave)), (half + 2, half + 2, 2 * (half + 2)));
        assert_eq!(excess, 363 * (half + 2));
    }

    #[test]
    fn large_sizes_fill_a_word_by_their_bytes() {
        let octave = Octave::default();
        let (below, from) = (u64::from(u32::MAX), 1 << SIZE_BITS);
        for _ in 0..3 {
            octave.add(15, below);
        }
        let [within, beside] = [&octave.words, &octave.counts].map(|of| of[15].load(Relaxed) & COUNT);
        assert_eq!((within, beside), (0, 3), "two fill the word, and the third finds it so");
        octave.add(15, from);
        octave.add(15, below);
        assert_eq!((count(&octave), octave.read().excess), (5, 4 * below + from));
        octave.add(15, u64::MAX - 1);
        octave.add(15, u64::MAX - 1);
        octave.add(15, 1);
        assert_eq!((count(&octave), octave.read().excess), (8, u64::MAX));
    }

    #[test]
    fn while_a_word_is_emptied_others_count_beside_it() {
        let octave = Octave::default();
        octave.words[0].store(FULL & COUNT, Relaxed);
        let moving = octave.moving.lock().unwrap();
        octave.add(0, 7);
        assert_eq!((octave.counts[0].load(Relaxed), octave.excess.load(Relaxed)), (1, 7));
        drop(moving);
        assert_eq!((count(&octave), octave.read().excess), ((FULL & COUNT) + 1, 7));
    }

    #[test]
    fn of_many_threads_none_loses_a_size_and_no_reading_goes_back() {
        const EACH: u64 = 400_000;
        let octave = Octave::default();
        std::thread::scope(|scope| {
            let writers = [5, 5, 6].map(|bucket| {
                let octave = &octave;
                scope.spawn(move || (0..EACH).for_each(|_| octave.add(bucket, 3)))
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
