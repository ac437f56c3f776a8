//! A body of one piece in memory: refusals and metrics pages.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body that is in memory as a whole: what [`OpenMetrics`](crate::OpenMetrics) and refusals answer with.
#[derive(Clone, Debug, Default)]
pub struct ShortBody(Option<Bytes>);

impl ShortBody {
    /// A body of these bytes; none of them is an empty body.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// What is left of it.
    #[cfg_attr(not(all(feature = "otlp", feature = "reqwest")), allow(dead_code))]
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0.unwrap_or_default()
    }
}

impl Body for ShortBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
