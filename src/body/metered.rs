//! The body that counts and limits: [`MeteredBody`].

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::declared::content_length;
use super::ending::Event;
use super::stacked;
use super::tally::{Held, Tally, Trip};
use crate::error::{BoxError, Error, LimitExceeded, Setting};
use crate::ledger::Outcome;
use crate::limit::Limit;
use crate::trace::CallTrace;

pin_project! {
    /// A body whose bytes are counted and held against a [`Limit`], frame by frame, without a copy.
    ///
    /// The layers wrap bodies in it. On its own, [`MeteredBody::new`] limits a body without a ledger. Unlike
    /// `http_body_util::Limited` it is safe on outgoing bodies: its size hint is that of the inner body, so a
    /// server or client never sends a shortened body that looks whole.
    ///
    /// Once refused, it gives its error again on every poll, and never an end: stop at the first error.
    /// It is `Unpin`, `Send` and `Sync` exactly where `B` is.
    #[derive(Debug)]
    pub struct MeteredBody<B> {
        // None once the body was refused.
        #[pin]
        inner: Option<B>,
        tally: Tally,
    }
}

/// A body that was refused before it was read.
#[derive(Debug)]
pub(crate) struct Refused<B> {
    pub(crate) exceeded: LimitExceeded,
    pub(crate) body: B,
}

impl<B: Body> MeteredBody<B> {
    /// Holds a body against a limit, without a ledger: nothing is recorded.
    ///
    /// One whose declared length is over the limit gives the error on its first poll, and is never read.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::{BodyExt, Full};
    /// use plimsoll::{Limit, MeteredBody};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let body = MeteredBody::new(Full::<Bytes>::from("12345"), Limit::reject_over(5));
    /// assert_eq!(body.collect().await.expect("it fits").to_bytes(), "12345");
    ///
    /// let body = MeteredBody::new(Full::<Bytes>::from("123456"), Limit::reject_over(5));
    /// let error = body.collect().await.expect_err("it does not");
    /// assert_eq!(error.limit_exceeded().map(|exceeded| exceeded.size()), Some(6));
    /// # });
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn new(inner: B, limit: Limit) -> Self {
        let mut tally = Tally::new(None, CallTrace::default(), Held { limit, by: Setting::Body });
        let hint = inner.size_hint();
        let inner = tally.begin(hint.lower(), hint.exact(), false).is_ok().then_some(inner);
        Self { inner, tally }
    }

    /// Meters the body of a message with these headers, unless its limit refuses it for its declared length.
    pub(crate) fn metered(inner: B, tally: Tally, headers: &HeaderMap) -> Result<Self, Refused<B>> {
        match Self::start(inner, tally, headers) {
            (inner, tally, None) => Ok(Self { inner: Some(inner), tally }),
            (body, _, Some(exceeded)) => Err(Refused { exceeded, body }),
        }
    }

    /// Meters a body that no limit refuses.
    pub(crate) fn unlimited(inner: B, tally: Tally, headers: &HeaderMap) -> Self {
        let (inner, tally, _) = Self::start(inner, tally, headers);
        Self { inner: Some(inner), tally }
    }

    fn start(inner: B, mut tally: Tally, headers: &HeaderMap) -> (B, Tally, Option<LimitExceeded>) {
        let population = tally.population();
        let (hint, counted_inside) = stacked::ask(&inner, population);
        // A body that knows its length keeps to it; of another the header may tell.
        let exact = hint.exact().or_else(|| {
            tally.make_trip();
            content_length(headers)
        });
        let refused = tally.begin(hint.lower().max(exact.unwrap_or(0)), exact, counted_inside).err();
        if refused.is_none() && inner.is_end_stream() {
            tally.learn(Event::End);
        }
        if refused.is_some() && counted_inside {
            stacked::tell(&inner, population, Outcome::RejectedEarly);
        }
        (inner, tally, refused)
    }

    /// Where this body says that it was refused, if it can be while it is read.
    pub(crate) fn trip(&self) -> Option<Trip> {
        self.tally.trip()
    }
}

impl<B> Body for MeteredBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, Error>>> {
        let mut this = self.project();
        let tally = this.tally;
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(Some(Err(tally.refusal().into())));
        };
        tally.poll();
        let frame = match ready!(inner.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                tally.learn(Event::Error);
                return Poll::Ready(Some(Err(Error::inner(error))));
            }
            None => {
                tally.learn(Event::End);
                return Poll::Ready(None);
            }
        };
        let Some(data) = frame.data_ref() else {
            if frame.is_trailers() {
                tally.learn(Event::Trailers);
            }
            return Poll::Ready(Some(Ok(frame)));
        };
        let silent = tally.is_silent();
        if let Err(exceeded) = tally.count(data.remaining() as u64) {
            if silent {
                stacked::tell(&*inner, tally.population(), Outcome::RejectedStreaming);
            }
            this.inner.set(None);
            return Poll::Ready(Some(Err(exceeded.into())));
        }
        tally.learn(Event::Data { last: inner.is_end_stream() });
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.tally.answer();
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
