//! One sample for a body that several layers wrap: the outer ones ask whether it is counted inside already.
//!
//! The question travels with a call of `size_hint()`, which every transparent wrapper passes on to the body that
//! it holds: through boxes, `axum::body::Body`, `reqwest::Body`, and other middleware. A wrapper that changes the
//! bytes (a decompressing one, say) has a hint of its own and does not pass the question on, and what it makes is
//! another body indeed. So "the same body" is asked of the body itself. A marker among the request's extensions
//! would need an allocation for each request, and would call those two the same.

use std::cell::Cell;

use http_body::{Body, SizeHint};

use crate::ledger::{Outcome, Population};

thread_local! {
    static QUESTION: Cell<Option<Question>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug)]
struct Question {
    population: Population,
    /// How the body is about to end, where that is decided by the one who asks.
    verdict: Option<Outcome>,
    answered: bool,
}

/// Asks for a body's size hint, and whether it is counted inside for this population already.
pub(super) fn ask<B: Body>(body: &B, population: Option<Population>) -> (SizeHint, bool) {
    match population {
        Some(population) => put(body, Question { population, verdict: None, answered: false }),
        None => (body.size_hint(), false),
    }
}

/// Tells the one who counts this body how it is about to end.
pub(super) fn tell<B: Body>(body: &B, population: Option<Population>, verdict: Outcome) {
    if let Some(population) = population {
        put(body, Question { population, verdict: Some(verdict), answered: false });
    }
}

fn put<B: Body>(body: &B, question: Question) -> (SizeHint, bool) {
    /// Takes the question back also where the body's hint panics.
    struct Asking;
    impl Drop for Asking {
        fn drop(&mut self) {
            QUESTION.set(None);
        }
    }

    let asking = Asking;
    QUESTION.set(Some(question));
    let hint = body.size_hint();
    let answered = QUESTION.get().is_some_and(|question| question.answered);
    drop(asking);
    (hint, answered)
}

/// Answers a question that is being asked, for a body that is counted for `population`. Gives the verdict told.
pub(super) fn answer(population: impl FnOnce() -> Option<Population>) -> Option<Outcome> {
    let question = QUESTION.get()?;
    if population() != Some(question.population) {
        return None;
    }
    QUESTION.set(Some(Question { answered: true, ..question }));
    question.verdict
}
