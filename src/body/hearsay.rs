//! What is known of a body from the layers around it: they tell it through a shared reference.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::ledger::Outcome;

/// In a byte: whether somebody asked, whether the body is known to be over a limit, and how it was refused.
#[derive(Debug, Default)]
pub(super) struct Hearsay(AtomicU8);

/// A layer further out holds the body too.
const WATCHED: u8 = 1;
const OVER: u8 = 1 << 1;
const REFUSED_EARLY: u8 = 1 << 2;
const REFUSED_STREAMING: u8 = 1 << 3;

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

    /// The body is refused: this is how it ends.
    pub(super) fn refuse(&self, verdict: Outcome) {
        let bit = if verdict == Outcome::RejectedEarly { REFUSED_EARLY } else { REFUSED_STREAMING };
        self.0.fetch_or(bit, Relaxed);
    }

    /// How the body ended, where that was told by one who refused it. One that was refused early may be drained, and be
    /// refused once more as it is.
    #[inline]
    pub(super) fn verdict(&self) -> Option<Outcome> {
        let told = self.0.load(Relaxed);
        if told & REFUSED_STREAMING != 0 {
            Some(Outcome::RejectedStreaming)
        } else if told & REFUSED_EARLY != 0 {
            Some(Outcome::RejectedEarly)
        } else {
            None
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
    fn of_two_refusals_the_one_that_saw_bytes_stands() {
        use Outcome::{RejectedEarly, RejectedStreaming};
        for order in [[RejectedEarly, RejectedStreaming], [RejectedStreaming, RejectedEarly]] {
            let told = Hearsay::default();
            order.into_iter().for_each(|verdict| told.refuse(verdict));
            assert_eq!(told.verdict(), Some(RejectedStreaming));
        }
    }

    #[test]
    fn a_body_that_was_over_before_is_over() {
        let told = Hearsay::new(true);
        assert_eq!((told.is_over(), told.is_watched(), told.note_over()), (true, false, true));
    }
}
