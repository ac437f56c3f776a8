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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::Waker;

    use bytes::Bytes;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    /// What becomes of a body of these pieces that is to have `size` bytes, within ten; and how many pieces were read.
    fn drained(pieces: &[Result<usize, ()>], size: u64) -> (Poll<bool>, usize) {
        let read = Cell::new(0);
        let frames = pieces.iter().inspect(|_| read.set(read.get() + 1));
        let frames = frames.map(|piece| piece.map(|bytes| Frame::data(Bytes::from(vec![b'x'; bytes]))));
        let mut drain = pin!(Drain::new(StreamBody::new(stream::iter(frames)), size, 10));
        let mut cx = Context::from_waker(Waker::noop());
        let whole = drain.as_mut().poll(&mut cx);
        assert_eq!(drain.poll(&mut cx), Poll::Ready(false), "nothing more is to be read");
        (whole, read.get())
    }

    #[test]
    fn a_body_within_the_bound_is_read_to_its_end() {
        assert_eq!(drained(&[Ok(3), Ok(0), Ok(7)], 10), (Poll::Ready(true), 3));
        assert_eq!(drained(&[], 0), (Poll::Ready(true), 0));
    }

    #[test]
    fn a_body_over_the_bound_is_not_read() {
        assert_eq!(drained(&[Ok(11)], 11), (Poll::Ready(false), 0));
    }

    #[test]
    fn a_body_that_fails_or_has_more_than_it_was_to_have_is_read_no_further() {
        assert_eq!(drained(&[Ok(10), Ok(1), Ok(1)], 10), (Poll::Ready(false), 2));
        assert_eq!(drained(&[Ok(1), Err(()), Ok(1)], 3), (Poll::Ready(false), 2));
    }

    #[test]
    fn a_body_that_waits_is_waited_for() {
        let waiting = StreamBody::new(stream::pending::<Result<Frame<Bytes>, ()>>());
        let mut drain = pin!(Drain::new(waiting, 1, 1));
        assert_eq!(drain.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
    }
}
