//! How often one kind of event may be logged: once an interval, with what was held back in between.

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A clock that is further back than this, in nanoseconds, was set back: the interval starts anew, or a series would be
/// silent until the clock is where it was. What is closer is another thread that read it a moment before.
const SET_BACK: u64 = 1_000_000_000;

/// The pace of one kind of event of one series.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the last event was let through, in nanoseconds since 1970; 0 is never.
    last: AtomicU64,
    held: AtomicU64,
    max: AtomicU64,
}

/// An event that may be logged, and for which others it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Burst {
    /// Events held back since the last one that was let through.
    pub(super) held: u64,
    /// The largest size among them and this one.
    pub(super) max: u64,
}

impl Pace {
    /// Whether an event of a body of `size` may be logged at `now`.
    pub(super) fn admit(&self, now: u64, interval: u64, size: u64) -> Option<Burst> {
        self.max.fetch_max(size, Relaxed);
        let last = self.last.load(Relaxed);
        if interval == 0 {
            return Some(Burst { held: 0, max: size });
        }
        let now = now.max(1);
        let set_back = last.saturating_sub(now) > SET_BACK;
        let quiet = last == 0 || set_back || now.saturating_sub(last) >= interval;
        if quiet && self.last.compare_exchange(last, now, Relaxed, Relaxed).is_ok() {
            return Some(Burst { held: self.held.swap(0, Relaxed), max: self.max.swap(0, Relaxed).max(size) });
        }
        self.held.fetch_add(1, Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_passes_and_the_next_carries_those_in_between() {
        let pace = Pace::default();
        assert_eq!(pace.admit(100, 10, 5), Some(Burst { held: 0, max: 5 }));
        assert_eq!(pace.admit(100, 10, 4), None);
        assert_eq!(pace.admit(105, 10, 90), None);
        assert_eq!(pace.admit(109, 10, 7), None);
        assert_eq!(pace.admit(110, 10, 8), Some(Burst { held: 3, max: 90 }));
        assert_eq!(pace.admit(120, 10, 1), Some(Burst { held: 0, max: 1 }));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_silence_a_series() {
        const SECOND: u64 = 1_000_000_000;
        let pace = Pace::default();
        assert!(pace.admit(1_000 * SECOND, 10 * SECOND, 1).is_some());
        assert!(pace.admit(5 * SECOND, 10 * SECOND, 1).is_some());
        assert!(pace.admit(6 * SECOND, 10 * SECOND, 1).is_none());
    }

    /// It used to pass for a clock that was set back.
    #[test]
    fn a_thread_that_read_the_clock_a_moment_before_is_held_back() {
        let pace = Pace::default();
        assert!(pace.admit(1_000, 10, 1).is_some());
        assert!(pace.admit(999, 10, 1).is_none());
    }

    /// At the clock's zero each event used to be the first.
    #[test]
    fn at_the_start_of_1970_there_is_a_pace_too() {
        let pace = Pace::default();
        assert!(pace.admit(0, 10, 1).is_some());
        assert!(pace.admit(0, 10, 1).is_none());
    }

    #[test]
    fn an_interval_of_zero_holds_nothing_back() {
        let pace = Pace::default();
        assert!((0..5).all(|_| pace.admit(0, 0, 1).is_some()));
    }
}
