//! One sample for a body that several layers wrap: the outer ones ask whether it is counted inside already.
//!
//! The question travels with a call of `size_hint()`, which every transparent wrapper passes on to the body that
//! it holds: through boxes, `axum::body::Body`, `reqwest::Body`, and other middleware. A wrapper that changes the
//! bytes (a decompressing one, say) has a hint of its own and does not pass the question on, and what it makes is
//! another body indeed. So "the same body" is asked of the body itself. A marker among the request's extensions
//! would need an allocation for each request, and would call those two the same. What it costs: a wrapper that
//! keeps the bytes but not the hint (tower-http's `TimeoutBody`, a stream made of a body and back) between two
//! layers of one ledger makes two samples.

use std::cell::Cell;

use http_body::{Body, SizeHint};

use crate::ledger::{Outcome, Population};

thread_local! {
    static QUESTION: Cell<Option<Question>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug)]
struct Question {
    population: Population,
    news: Option<News>,
    answer: Option<Answer>,
}

/// What the one who counts a body is told by one who does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It is over a limit.
    Over,
    /// It is over a limit, and is refused: this is how it ends.
    Refused(Outcome),
}

/// What the one who counts a body says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// Whether the body is known to be over a limit, before the news if any is told.
    pub(super) over: bool,
}

/// Asks for a body's size hint, and whether it is counted inside for this population already.
#[inline]
pub(super) fn ask<B: Body>(body: &B, population: Option<Population>) -> (SizeHint, bool) {
    match population {
        Some(population) => {
            let (hint, answer) = put(body, Question { population, news: None, answer: None });
            (hint, answer.is_some())
        }
        None => (body.size_hint(), false),
    }
}

/// Tells the one who counts this body what has become of it.
pub(super) fn tell<B: Body>(body: &B, population: Option<Population>, news: News) -> Option<Answer> {
    /// Takes the news back also where the body's hint panics: they are not meant for the next body.
    struct Telling;
    impl Drop for Telling {
        fn drop(&mut self) {
            QUESTION.set(None);
        }
    }

    let _telling = Telling;
    put(body, Question { population: population?, news: Some(news), answer: None }).1
}

#[inline]
fn put<B: Body>(body: &B, question: Question) -> (SizeHint, Option<Answer>) {
    QUESTION.set(Some(question));
    let hint = body.size_hint();
    (hint, QUESTION.take().and_then(|question| question.answer))
}

/// Whether a question is being asked.
#[inline]
pub(super) fn is_asked() -> bool {
    QUESTION.get().is_some()
}

/// Answers a question that is being asked, for a body that is counted for `population`.
pub(super) fn answer(population: impl FnOnce() -> Option<Population>, answer: impl FnOnce(Option<News>) -> Answer) {
    if let Some(question) = QUESTION.get() {
        if population() == Some(question.population) {
            QUESTION.set(Some(Question { answer: Some(answer(question.news)), ..question }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::panic::catch_unwind;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use http::Method;
    use http_body::Frame;
    use http_body_util::Empty;

    use super::*;
    use crate::endpoint::{Key, Role, Upstream};
    use crate::ledger::{Attributes, Ledger, View};

    /// A body that cannot even say how long it is.
    struct Broken;

    impl Body for Broken {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(None)
        }

        fn size_hint(&self) -> SizeHint {
            panic!("broken")
        }
    }

    #[test]
    fn news_of_a_body_that_panics_are_not_told_to_the_next_one() {
        let key = Key::new(Role::Server, &Method::GET, Upstream::default(), Some("/"));
        let population = Ledger::new().entry(&key).series(Attributes::of(View::Wire)).population();
        assert!(catch_unwind(|| tell(&Broken, Some(population), News::Over)).is_err());
        assert!(!is_asked());
        assert!(tell(&Empty::<Bytes>::new(), Some(population), News::Over).is_none());
    }
}
