//! What should happen, told from the whole script at once: no state, no frame by frame.

use plimsoll::{Enforcement, Outcome};

use crate::case::{Case, Lines, bytes_of};
use crate::support::script::Step;

/// All that the owner of a body and the reader of a ledger get to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// The refusal, if it came before the body was handed on.
    pub refused_early: Option<Refusal>,
    /// How the body looked when it was handed on, and at each poll.
    pub looks: Vec<Look>,
    pub outcome: Outcome,
    /// Bytes in the completed and in the offered sizes; `None` where nothing was counted there.
    pub completed: Option<u64>,
    pub offered: Option<u64>,
    pub over_limit: u64,
}

/// What a poll yielded (at first, before any: nothing), and what the body then says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub yielded: Option<Yielded>,
    pub hint: (u64, Option<u64>),
    pub at_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yielded {
    Data(usize),
    Trailers,
    Pending,
    /// The body's own error.
    Failed,
    Refused(Refusal),
    End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub limit: u64,
    pub seen: u64,
    pub declared: Option<u64>,
}

/// As which a refused body counts that declares more, in bytes: 1 TiB.
const LARGEST: u64 = 1 << 40;

/// Tells what should happen to a body that a layer wraps.
pub fn story(case: &Case) -> Story {
    let (least, claimed) = claims(case);

    let too_small = case.limits.iter().find(|lines| least > lines.rejects_over());
    if let (Some(lines), Enforcement::Reject) = (too_small, case.enforcement) {
        return Story {
            refused_early: Some(Refusal { limit: lines.rejects_over(), seen: 0, declared: Some(least) }),
            looks: Vec::new(),
            outcome: Outcome::RejectedEarly,
            completed: None,
            offered: Some(least.min(LARGEST)),
            over_limit: 1,
        };
    }

    // Of several that refuse the same frame, the first one that the body meets.
    let refused =
        case.limits.iter().filter_map(|lines| refusing_poll(case, least, *lines)).min_by_key(|(poll, _)| *poll);
    let refused_at = refused.map(|(poll, _)| poll);
    let polled = refused_at.map_or(case.polls, |poll| poll + 1);
    let over = |line| least > line || delivered(case, polled) > line;
    let (outcome, bytes) = ending(case, claimed, refused_at);
    let counted = matches!(outcome, Outcome::Complete | Outcome::RejectedStreaming).then_some(bytes);
    Story {
        refused_early: None,
        looks: looks(case, refused, claimed),
        outcome,
        completed: counted.filter(|_| outcome == Outcome::Complete),
        offered: counted.map(|bytes| bytes.min(LARGEST)),
        over_limit: u64::from(case.limits.iter().any(|lines| over(lines.lowest()))),
    }
}

/// The least that there will be, and the length that is claimed to be exact: by the body, or else by the header, but no
/// less than what the body knows to come. One that is at its end already has no bytes, whatever is claimed.
fn claims(case: &Case) -> (u64, Option<u64>) {
    let (lower, upper) = case.hint;
    let exact = match upper {
        _ if case.knows_end && case.steps.is_empty() => return (0, Some(0)),
        Some(upper) if upper == lower => Some(upper),
        _ => case.header.map(|length| length.max(lower)),
    };
    (exact.unwrap_or(lower), exact)
}

/// The bytes that the first polls take out of the script.
fn delivered(case: &Case, polls: usize) -> u64 {
    bytes_of(case.steps.get(..polls).unwrap_or(&case.steps))
}

/// The poll that crosses the rejecting line, with that line, if that is how it goes. What is decided about a body
/// when it crosses (or was before, when it claimed as much) stays.
fn refusing_poll(case: &Case, least: u64, lines: Lines) -> Option<(usize, u64)> {
    let reject = lines.rejects_over();
    let crossing = (0..case.polls).find(|poll| delivered(case, poll + 1) > reject)?;
    (least <= reject && case.enforcement_at(crossing) == Enforcement::Reject).then_some((crossing, reject))
}

/// How the body ended, and at how many bytes.
fn ending(case: &Case, claimed: Option<u64>, refused_at: Option<usize>) -> (Outcome, u64) {
    if case.knows_end && case.steps.is_empty() {
        return (Outcome::Complete, 0);
    }
    let last_step = case.steps.len().checked_sub(1);
    let at_poll = |poll: usize| {
        let outcome = match case.steps.get(poll) {
            _ if refused_at == Some(poll) => Some(Outcome::RejectedStreaming),
            None | Some(Step::Trailers) => Some(Outcome::Complete),
            Some(Step::Error) => Some(Outcome::Failed),
            Some(Step::Data(_)) => (case.knows_end && last_step == Some(poll)).then_some(Outcome::Complete),
            Some(Step::Pending) => None,
        };
        outcome.map(|outcome| (outcome, delivered(case, poll + 1)))
    };
    let dropped = || {
        let bytes = delivered(case, case.polls);
        match case.polls {
            _ if claimed == Some(bytes) => (Outcome::Complete, bytes),
            0 => (Outcome::Unread, 0),
            _ => (Outcome::Aborted, bytes),
        }
    };
    (0..case.polls).find_map(at_poll).unwrap_or_else(dropped)
}

/// Up to a refusal, exactly what the body itself yields and says; from then on its error, and never an end.
fn looks(case: &Case, refused: Option<(usize, u64)>, declared: Option<u64>) -> Vec<Look> {
    let untouched = |polls: usize, yielded: Option<Yielded>| Look {
        yielded,
        hint: case.hint,
        at_end: case.knows_end && polls >= case.steps.len(),
    };
    let at_poll = |poll: usize| {
        if let Some((refused, limit)) = refused.filter(|(refused, _)| *refused <= poll) {
            let refusal = Refusal { limit, seen: delivered(case, refused + 1), declared };
            return Look { yielded: Some(Yielded::Refused(refusal)), hint: (0, None), at_end: false };
        }
        let yielded = match case.steps.get(poll) {
            Some(Step::Data(bytes)) => Yielded::Data(*bytes),
            Some(Step::Trailers) => Yielded::Trailers,
            Some(Step::Pending) => Yielded::Pending,
            Some(Step::Error) => Yielded::Failed,
            None => Yielded::End,
        };
        untouched(poll + 1, Some(yielded))
    };
    std::iter::once(untouched(0, None)).chain((0..case.polls).map(at_poll)).collect()
}

/// What the owner of a body sees that is limited on its own, without a layer: its refusal comes with the first poll,
/// and neither a header nor a switch counts.
pub fn looks_alone(case: &Case) -> Vec<Look> {
    let reject = case.limits.first().map_or(u64::MAX, |lines| lines.rejects_over());
    let (least, exact) = claims(&Case { header: None, ..case.clone() });
    if least > reject {
        let refusal = Refusal { limit: reject, seen: 0, declared: Some(least) };
        let look = |yielded| Look { yielded, hint: (0, None), at_end: false };
        let polls = (0..case.polls).map(|_| look(Some(Yielded::Refused(refusal.clone()))));
        return std::iter::once(look(None)).chain(polls).collect();
    }
    let refused_at = (0..case.polls).find(|poll| delivered(case, poll + 1) > reject);
    looks(case, refused_at.map(|poll| (poll, reject)), exact)
}
