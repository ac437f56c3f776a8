//! The body that counts and limits: [`MeteredBody`].

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::ending::Event;
use super::opening::Opening;
use super::start::{Held, Standing};
use super::tally::Tally;
use crate::axum::unwrap_error;
use crate::error::{BoxError, Setting};
use crate::limit::Limit;

pin_project! {
    /// A body whose bytes are counted and held against a [`Limit`], frame by frame, without a copy.
    ///
    /// The layers wrap bodies in it. On its own, [`MeteredBody::new`] limits a body without a ledger. Unlike
    /// `http_body_util::Limited` it is safe on outgoing bodies: its size hint is that of the inner body, so a
    /// server or client never sends a shortened body that looks whole.
    ///
    /// Errors are boxed, as those of tower-http's bodies are: a refusal is a [`LimitExceeded`], an inner body's
    /// error stays what it is (with feature `axum`, without axum's wrapper around it). Once refused, it gives its
    /// error again on every poll, and never an end: stop at the first one.
    ///
    /// It is `Unpin`, `Send` and `Sync` exactly where `B` is.
    #[derive(Debug)]
    pub struct MeteredBody<B> {
        // None once the body was refused.
        #[pin]
        inner: Option<B>,
        tally: Tally,
    }
}

impl<B: Body> MeteredBody<B> {
    /// Holds a body against a limit, without a ledger: nothing is recorded.
    ///
    /// One whose declared length is over the limit gives the error on its first poll, and is never read.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::{BodyExt, Full};
    /// use plimsoll::{Limit, LimitExceeded, MeteredBody};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let body = MeteredBody::new(Full::<Bytes>::from("12345"), Limit::reject_over(5));
    /// assert_eq!(body.collect().await.expect("it fits").to_bytes(), "12345");
    ///
    /// let body = MeteredBody::new(Full::<Bytes>::from("123456"), Limit::reject_over(5));
    /// let error = body.collect().await.expect_err("it does not");
    /// assert_eq!(LimitExceeded::find(&*error).map(LimitExceeded::size), Some(6));
    /// # });
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn new(inner: B, limit: Limit) -> Self {
        Self::held(inner, Held { limit, by: Setting::Body })
    }

    pub(crate) fn held(inner: B, held: Held) -> Self {
        let opening = Opening::of(&inner, &HeaderMap::new(), None);
        let standing = Standing::new(held, &opening);
        match Tally::unled(standing).settle(&inner, &opening) {
            Ok(standing) => Self::metered(inner, Tally::unled(standing)),
            // Over its limit by what it has at least, whether or not that is all.
            Err(_) => Self { inner: None, tally: Tally::unled(Standing { declares: true, ..standing }) },
        }
    }
}

impl<B> MeteredBody<B> {
    /// A body with its tally.
    #[inline(always)]
    pub(crate) fn metered(inner: B, tally: Tally) -> Self {
        Self { inner: Some(inner), tally }
    }
}

/// Of a body that has a default: unlimited and not recorded.
impl<B: Default> Default for MeteredBody<B> {
    fn default() -> Self {
        Self::metered(B::default(), Tally::unrecorded())
    }
}

impl<B> Body for MeteredBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    #[inline]
    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = self.project();
        let tally = this.tally;
        let mut place = this.inner;
        let Some(mut inner) = place.as_mut().as_pin_mut() else {
            return Poll::Ready(Some(Err(tally.refusal())));
        };
        tally.poll();
        match ready!(inner.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    if let Err(exceeded) = tally.count(&*inner, data.remaining() as u64) {
                        place.set(None);
                        return Poll::Ready(Some(Err(exceeded)));
                    }
                    if inner.is_end_stream() {
                        tally.finish();
                    }
                    Poll::Ready(Some(Ok(Frame::data(data))))
                }
                Err(frame) => {
                    if frame.is_trailers() {
                        tally.learn(Event::Trailers);
                    }
                    Poll::Ready(Some(Ok(frame)))
                }
            },
            Some(Err(error)) => {
                tally.learn(Event::Error);
                let error = tally.request_refusal().unwrap_or_else(|| unwrap_error(error.into()));
                Poll::Ready(Some(Err(error)))
            }
            None => {
                tally.learn(Event::End);
                Poll::Ready(None)
            }
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_some_and(Body::is_end_stream)
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.tally.answer();
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
