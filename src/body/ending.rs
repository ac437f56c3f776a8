//! The one rule for how a body ended.

use crate::ledger::Outcome;

/// What was just learnt about a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A data frame came; `last` where the body then said that it is at its end.
    Data { last: bool },
    /// Trailers came: nothing follows them.
    Trailers,
    /// The body said that nothing follows.
    End,
    /// The body failed.
    Error,
    /// Its owner dropped it.
    Dropped,
}

/// How a body ended, if `event` is its end. `all_seen` where it has delivered as many bytes as it had.
#[inline(always)]
pub(super) fn outcome(event: Event, polled: bool, all_seen: bool) -> Option<Outcome> {
    match event {
        Event::Data { last: false } => None,
        Event::Data { last: true } | Event::Trailers | Event::End => Some(Outcome::Complete),
        Event::Error => Some(Outcome::Failed),
        Event::Dropped if all_seen => Some(Outcome::Complete),
        Event::Dropped if polled => Some(Outcome::Aborted),
        Event::Dropped => Some(Outcome::Unread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        assert_eq!(outcome(Event::Data { last: false }, true, true), None);
        assert_eq!(outcome(Event::Data { last: true }, true, false), Some(Outcome::Complete));
        assert_eq!(outcome(Event::Trailers, true, false), Some(Outcome::Complete));
        assert_eq!(outcome(Event::End, true, false), Some(Outcome::Complete));
        assert_eq!(outcome(Event::Error, true, true), Some(Outcome::Failed));
        assert_eq!(outcome(Event::Dropped, true, true), Some(Outcome::Complete));
        assert_eq!(outcome(Event::Dropped, true, false), Some(Outcome::Aborted));
        assert_eq!(outcome(Event::Dropped, false, false), Some(Outcome::Unread));
        assert_eq!(outcome(Event::Dropped, false, true), Some(Outcome::Complete));
    }
}
