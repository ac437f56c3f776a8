//! A body that does what a list says, frame by frame.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// One thing that a scripted body does when it is polled.
#[derive(Clone, Debug)]
pub enum Step {
    /// Yields a data frame of this many bytes.
    Data(usize),
    /// Yields trailers.
    Trailers,
    /// Is not ready, and wakes its task.
    Pending,
    /// Fails.
    Error,
}

/// A body that follows its script, then ends.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
    hint: SizeHint,
    knows_end: bool,
}

impl Script {
    /// A body that tells nothing of its length, nor that its last frame is the last.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), ..Self::default() }
    }

    /// Makes it claim this exact length, true or not.
    pub fn declaring(mut self, bytes: u64) -> Self {
        self.hint = SizeHint::with_exact(bytes);
        self
    }

    /// Makes it give this size hint, true or not.
    pub fn hinting(mut self, hint: SizeHint) -> Self {
        self.hint = hint;
        self
    }

    /// Makes it say with its last frame that it is at its end.
    pub fn knowing_its_end(mut self) -> Self {
        self.knows_end = true;
        self
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match self.steps.pop_front() {
            Some(Step::Data(bytes)) => Some(Ok(Frame::data(vec![b'x'; bytes].into()))),
            Some(Step::Trailers) => Some(Ok(Frame::trailers(HeaderMap::new()))),
            Some(Step::Error) => Some(Err(io::Error::other("scripted"))),
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.knows_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}
