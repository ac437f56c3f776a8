//! What is known of a body from the layers around it: they tell it through a shared reference.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::ledger::Outcome;

/// In a byte: whether somebody asked, whether the body is known to be over a limit, and how it was refused.
#[derive(Debug, Default)]
pub(super) struct Hearsay(AtomicU8);

/// A layer further out holds the body too.
const WATCHED: u8 = 1 << 7;
const OVER: u8 = 1 << 6;
/// The place of the outcome; `Complete`, 0, is never told.
const VERDICT: u8 = OVER - 1;

impl Hearsay {
    pub(super) fn new(over: bool) -> Self {
        Self(AtomicU8::new(if over { OVER } else { 0 }))
    }

    pub(super) fn watch(&self) {
        self.0.fetch_or(WATCHED, Relaxed);
    }

    #[inline(always)]
    pub(super) fn is_watched(&self) -> bool {
        self.0.load(Relaxed) & WATCHED != 0
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(Relaxed) & OVER != 0
    }

    /// The body is over a limit. Gives whether that was known.
    pub(super) fn note_over(&self) -> bool {
        self.0.fetch_or(OVER, Relaxed) & OVER != 0
    }

    /// The body is refused, once: this is how it ends.
    pub(super) fn refuse(&self, verdict: Outcome) {
        let place = Outcome::ALL.iter().zip(0..).find(|(known, _)| **known == verdict).map_or(0, |(_, place)| place);
        self.0.fetch_or(place, Relaxed);
    }

    /// How the body ended, where that was told by one who refused it.
    #[inline]
    pub(super) fn verdict(&self) -> Option<Outcome> {
        match self.0.load(Relaxed) & VERDICT {
            0 => None,
            place => Outcome::ALL.get(usize::from(place)).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_stands_beside_what_was() {
        for verdict in [Outcome::RejectedEarly, Outcome::RejectedStreaming] {
            let told = Hearsay::new(false);
            assert_eq!((told.is_watched(), told.is_over(), told.verdict()), (false, false, None));
            told.watch();
            assert_eq!([told.note_over(), told.note_over()], [false, true]);
            told.refuse(verdict);
            assert_eq!((told.is_watched(), told.is_over(), told.verdict()), (true, true, Some(verdict)));
        }
    }

    #[test]
    fn a_body_that_was_over_before_is_over() {
        let told = Hearsay::new(true);
        assert_eq!((told.is_over(), told.is_watched(), told.note_over()), (true, false, true));
    }
}
