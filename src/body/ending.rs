//! The one rule for how a body ended.

use crate::ledger::Outcome;

/// What was just learnt about a body, and is its end; so is a data frame after which the body says that it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Trailers came: nothing follows them.
    Trailers,
    /// The body said that nothing follows.
    End,
    /// The body failed.
    Error,
    /// Its owner dropped it.
    Dropped,
}

/// How a body ended. `all_seen` where it has delivered as many bytes as it had.
#[inline(always)]
pub(super) fn outcome(event: Event, polled: bool, all_seen: bool) -> Outcome {
    match event {
        Event::Trailers | Event::End => Outcome::Complete,
        Event::Error => Outcome::Failed,
        Event::Dropped if all_seen => Outcome::Complete,
        Event::Dropped if polled => Outcome::Aborted,
        Event::Dropped => Outcome::Unread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        assert_eq!(outcome(Event::Trailers, true, false), Outcome::Complete);
        assert_eq!(outcome(Event::End, true, false), Outcome::Complete);
        assert_eq!(outcome(Event::Error, true, true), Outcome::Failed);
        assert_eq!(outcome(Event::Dropped, true, true), Outcome::Complete);
        assert_eq!(outcome(Event::Dropped, true, false), Outcome::Aborted);
        assert_eq!(outcome(Event::Dropped, false, false), Outcome::Unread);
        assert_eq!(outcome(Event::Dropped, false, true), Outcome::Complete);
    }
}
