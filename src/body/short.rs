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

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn all_its_bytes_are_one_frame_and_then_it_is_at_its_end() {
        let mut body = ShortBody::new(Bytes::from_static(b"hello"));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
        let mut next = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Some(Ok(frame))) = next() else { panic!("it is in memory") };
        assert_eq!(frame.into_data().unwrap(), "hello");
        assert!(matches!(next(), Poll::Ready(None)));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert_eq!(body.into_bytes(), "");
    }

    #[test]
    fn no_bytes_are_an_empty_body_and_bytes_can_be_had_back() {
        assert!(ShortBody::new(Bytes::new()).is_end_stream());
        assert_eq!(ShortBody::new(Bytes::from_static(b"hello")).into_bytes(), "hello");
    }
}
