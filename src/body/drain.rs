//! Reading a refused body to its end, within bounds, so that an HTTP/1 connection can be used again.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::Body;
use pin_project_lite::pin_project;

pin_project! {
    /// A refused body that is read and thrown away, up to a number of bytes.
    #[derive(Debug)]
    pub(crate) struct Drain<B> {
        #[pin]
        body: Option<B>,
        left: u64,
    }
}

impl<B: Body> Drain<B> {
    /// Drains a body of `size` bytes if that is within `limit`, else drops it at once.
    pub(crate) fn new(body: B, size: u64, limit: u64) -> Self {
        Self { body: Some(body).filter(|_| size <= limit), left: limit }
    }

    /// Ready when nothing more is to be read: `true` where the body came to its end.
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let mut this = self.project();
        while let Some(body) = this.body.as_mut().as_pin_mut() {
            let whole = match ready!(body.poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let bytes = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                    match this.left.checked_sub(bytes) {
                        Some(left) => {
                            *this.left = left;
                            continue;
                        }
                        None => false,
                    }
                }
                Some(Err(_)) => false,
                None => true,
            };
            this.body.set(None);
            return Poll::Ready(whole);
        }
        Poll::Ready(false)
    }
}
