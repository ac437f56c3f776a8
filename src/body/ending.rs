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

/// How a body ended that has delivered `seen` bytes, if `event` is its end.
pub(super) fn outcome(event: Event, polled: bool, seen: u64, declared: Option<u64>) -> Option<Outcome> {
    match event {
        Event::Data { last: false } => None,
        Event::Data { last: true } | Event::Trailers | Event::End => Some(Outcome::Complete),
        Event::Error => Some(Outcome::Failed),
        Event::Dropped if declared == Some(seen) => Some(Outcome::Complete),
        Event::Dropped if polled => Some(Outcome::Aborted),
        Event::Dropped => Some(Outcome::Unread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule() {
        let at = |event, polled, seen, declared| outcome(event, polled, seen, declared);
        assert_eq!(at(Event::Data { last: false }, true, 5, Some(5)), None);
        assert_eq!(at(Event::Data { last: true }, true, 5, None), Some(Outcome::Complete));
        assert_eq!(at(Event::Trailers, true, 5, Some(9)), Some(Outcome::Complete));
        assert_eq!(at(Event::End, true, 0, None), Some(Outcome::Complete));
        assert_eq!(at(Event::Error, true, 5, Some(5)), Some(Outcome::Failed));
        assert_eq!(at(Event::Dropped, true, 5, Some(5)), Some(Outcome::Complete));
        assert_eq!(at(Event::Dropped, true, 4, Some(5)), Some(Outcome::Aborted));
        assert_eq!(at(Event::Dropped, true, 6, Some(5)), Some(Outcome::Aborted));
        assert_eq!(at(Event::Dropped, true, 0, None), Some(Outcome::Aborted));
        assert_eq!(at(Event::Dropped, false, 0, None), Some(Outcome::Unread));
        assert_eq!(at(Event::Dropped, false, 0, Some(5)), Some(Outcome::Unread));
        assert_eq!(at(Event::Dropped, false, 0, Some(0)), Some(Outcome::Complete));
    }
}
