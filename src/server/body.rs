//! The body of a response that leaves a [`ServerService`](crate::ServerService).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::body::{MeteredBody, ShortBody, Tally};
use crate::error::BoxError;

pin_project! {
    /// The inner service's body, metered, or the short one of a refusal that stands in its place.
    #[derive(Debug)]
    pub struct ServerBody<R> {
        #[pin]
        inner: MeteredBody<Answer<R>>,
    }
}

pin_project! {
    /// Whose answer it is.
    #[project = AnswerProjection]
    #[derive(Debug)]
    enum Answer<R> {
        Theirs { #[pin] body: R },
        Ours { #[pin] body: ShortBody },
    }
}

impl<R> ServerBody<R> {
    #[inline]
    pub(super) fn theirs(body: R, tally: Tally) -> Self {
        Self { inner: MeteredBody::metered(Answer::Theirs { body }, tally) }
    }

    pub(super) fn ours(body: ShortBody, tally: Tally) -> Self {
        Self { inner: MeteredBody::metered(Answer::Ours { body }, tally) }
    }
}

/// An empty body, neither limited nor recorded: what a layer around ours answers with on its own.
impl<R> Default for ServerBody<R> {
    fn default() -> Self {
        Self::ours(ShortBody::default(), Tally::unrecorded())
    }
}

impl<R> Body for ServerBody<R>
where
    R: Body,
    R::Data: From<Bytes>,
    R::Error: Into<BoxError>,
{
    type Data = R::Data;
    type Error = BoxError;

    #[inline]
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<R::Data>, BoxError>>> {
        self.project().inner.poll_frame(cx)
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<R> Body for Answer<R>
where
    R: Body,
    R::Data: From<Bytes>,
{
    type Data = R::Data;
    type Error = R::Error;

    #[inline]
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        match self.project() {
            AnswerProjection::Theirs { body } => body.poll_frame(cx),
            AnswerProjection::Ours { body } => body.poll_frame(cx).map(|frame| match frame {
                Some(Ok(frame)) => Some(Ok(frame.map_data(R::Data::from))),
                Some(Err(never)) => match never {},
                None => None,
            }),
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Theirs { body } => body.is_end_stream(),
            Self::Ours { body } => body.is_end_stream(),
        }
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Theirs { body } => body.size_hint(),
            Self::Ours { body } => body.size_hint(),
        }
    }
}
