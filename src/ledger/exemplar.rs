//! One recorded value with the ids of the call that produced it: a slot that is written without a lock and never
//! read torn.

use std::time::SystemTime;

use crate::clock;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU64, fence};

/// The upper bounds, in bytes, of the buckets that have an exemplar each: powers of two from 256 B to 16 MiB.
/// One more slot takes what is larger.
pub(crate) const CLASSIC_BOUNDS: [u64; 17] = {
    let mut bounds = [1 << FIRST_EXPONENT; 17];
    let mut at = 1;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated when compiled")]
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] * 2;
        at += 1;
    }
    bounds
};
const FIRST_EXPONENT: u32 = 8;

/// A body's size and the trace it belongs to: the way from a number to a call that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemplar {
    pub(super) value: u64,
    pub(super) unix_nanos: u64,
    pub(super) ids: [u64; 3],
}

impl Exemplar {
    /// One that was written down, with ids that were read back.
    #[cfg(feature = "serde")]
    pub(crate) fn of(value: u64, unix_nanos: u64, trace_id: u128, span_id: u64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of the id, each in full")]
        let (high, low) = ((trace_id >> 64) as u64, trace_id as u64);
        Self { value, unix_nanos, ids: [high, low, span_id] }
    }

    /// The size in bytes: as read, or of a refused body what it declared or what was seen of it.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value
    }

    /// When the body ended, or was refused.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        clock::time(self.unix_nanos)
    }

    /// The same in nanoseconds since 1970.
    #[must_use]
    pub fn unix_nanos(&self) -> u64 {
        self.unix_nanos
    }

    /// The trace id; 32 hexadecimal digits where it is written (`{:032x}`).
    #[must_use]
    pub fn trace_id(&self) -> u128 {
        let [high, low, _] = self.ids;
        u128::from(high) << 64 | u128::from(low)
    }

    /// The span id; 16 hexadecimal digits where it is written (`{:016x}`).
    #[must_use]
    pub fn span_id(&self) -> u64 {
        let [_, _, span] = self.ids;
        span
    }
}

/// A slot for one exemplar: a sequence lock over plain atomics.
///
/// The version is even while the slot is at rest (0: never written) and odd while it is written. A writer that
/// finds another at work leaves, a reader that finds its reading overtaken tries again.
#[derive(Debug, Default)]
pub(super) struct Slot {
    version: AtomicU64,
    value: AtomicU64,
    unix_nanos: AtomicU64,
    ids: [AtomicU64; 3],
}

impl Slot {
    /// Attempts a reader makes before it does without: each fails only when a writer finished in between.
    /// loom tries every order, so two tell it all.
    const ATTEMPTS: usize = if cfg!(loom) { 2 } else { 16 };
    /// How far back a time means that the clock was set, in nanoseconds: a minute.
    const SET_BACK: u64 = 60_000_000_000;

    /// Writes the exemplar; skipped while another is being written, and where a later one stands.
    #[inline]
    pub(super) fn put(&self, exemplar: &Exemplar) {
        let Exemplar { value, unix_nanos, ids } = exemplar;
        // With it comes the time that was written with it.
        let version = self.version.load(Acquire);
        // Backends drop an exemplar that is older than the last, so a slot's times do not go back; but for a clock that
        // was set back by much, which would silence it for as long.
        let standing = self.unix_nanos.load(Relaxed);
        let older = *unix_nanos < standing && standing.wrapping_sub(*unix_nanos) < Self::SET_BACK;
        if version & 1 == 1 || older {
            return;
        }
        if self.version.compare_exchange(version, version.wrapping_add(1), Acquire, Relaxed).is_err() {
            return;
        }
        fence(Release);
        self.value.store(*value, Relaxed);
        self.unix_nanos.store(*unix_nanos, Relaxed);
        for (word, id) in self.ids.iter().zip(ids) {
            word.store(*id, Relaxed);
        }
        self.version.store(version.wrapping_add(2), Release);
    }

    /// How many exemplars were written so far.
    #[cfg(all(test, loom))]
    pub(super) fn written(&self) -> u64 {
        self.version.load(Relaxed) / 2
    }

    /// The exemplar that stands, if any.
    pub(super) fn get(&self) -> Option<Exemplar> {
        for _ in 0..Self::ATTEMPTS {
            let version = self.version.load(Acquire);
            if version == 0 {
                return None;
            }
            let [high, low, span] = &self.ids;
            let exemplar = Exemplar {
                value: self.value.load(Relaxed),
                unix_nanos: self.unix_nanos.load(Relaxed),
                ids: [high.load(Relaxed), low.load(Relaxed), span.load(Relaxed)],
            };
            fence(Acquire);
            if version & 1 == 0 && self.version.load(Relaxed) == version {
                return Some(exemplar);
            }
            std::hint::spin_loop();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exemplar(value: u64) -> Exemplar {
        Exemplar { value, unix_nanos: value, ids: [value; 3] }
    }

    #[test]
    fn an_exemplar_tells_its_value_its_moment_and_the_two_ids() {
        let told = Exemplar { value: 5, unix_nanos: 7, ids: [1, 2, 3] };
        assert_eq!((told.value(), told.unix_nanos(), told.trace_id(), told.span_id()), (5, 7, (1 << 64) + 2, 3));
        assert_eq!(told.time(), SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(7));
        #[cfg(feature = "serde")]
        assert_eq!(Exemplar::of(5, 7, (1 << 64) + 2, 3), told);
    }

    #[test]
    fn bounds_are_powers_of_two_from_256_bytes_to_16_mebibytes() {
        assert_eq!((CLASSIC_BOUNDS[0], CLASSIC_BOUNDS[8], CLASSIC_BOUNDS[16]), (256, 65_536, 1 << 24));
    }

    #[test]
    fn of_one_moment_the_last_stands_and_a_clock_set_back_by_a_minute_is_followed() {
        const MINUTE: u64 = 60_000_000_000;
        let slot = Slot::default();
        let put = |value, unix_nanos| {
            slot.put(&Exemplar { value, unix_nanos, ids: [value; 3] });
            slot.get().map(|stands| stands.value())
        };
        assert_eq!(put(1, 2 * MINUTE), Some(1));
        assert_eq!(put(2, 2 * MINUTE), Some(2));
        assert_eq!(put(3, MINUTE + 1), Some(2));
        assert_eq!(put(4, MINUTE), Some(4));
        assert_eq!(put(5, 1), Some(4));
        assert_eq!(put(6, 0), Some(6));
    }

    #[test]
    fn a_slot_that_is_being_written_is_neither_read_nor_written_to() {
        let slot = Slot::default();
        slot.put(&exemplar(5));
        let at_rest = slot.version.fetch_add(1, Relaxed);
        slot.put(&exemplar(6));
        assert_eq!(slot.get(), None);
        slot.version.store(at_rest, Relaxed);
        assert_eq!(slot.get(), Some(exemplar(5)));
    }

    #[test]
    fn readers_never_see_half_of_two_exemplars() {
        let slot = Slot::default();
        std::thread::scope(|scope| {
            for start in 1..=2 {
                let slot = &slot;
                scope.spawn(move || (start..20_000).step_by(2).for_each(|value| slot.put(&exemplar(value))));
            }
            for _ in 0..20_000 {
                if let Some(Exemplar { value, unix_nanos, ids }) = slot.get() {
                    assert_eq!((unix_nanos, ids), (value, [value; 3]));
                }
            }
        });
        assert!(slot.get().is_some_and(|last| last.value() > 0));
    }
}
