//! What a call carries: how large its bodies are, in how many frames, and how many endpoints there are to call.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// How large a body is, and how it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// All of it, in bytes.
    pub bytes: usize,
    /// In how many frames of one size, the last of which may be shorter; an empty body has none.
    pub frames: usize,
}

/// The two bodies of a call, and among how many endpoints the calls go round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request's body.
    pub question: Shape,
    /// The response's body.
    pub answer: Shape,
    /// At most [`Exchange::MANY`].
    pub endpoints: usize,
}

/// A body in memory that is handed out in frames, its length known.
#[derive(Clone, Debug)]
pub struct Pieces {
    left: Bytes,
    frame: usize,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest body.
const LARGEST: usize = 10 * MIB;

static DATA: [u8; LARGEST] = [0; LARGEST];

impl Shape {
    /// What bodies are compared by: from none to a download, whole and in the frames that a connection cuts them into
    /// (HTTP/2's are of 16 KiB at first).
    pub const ALL: [Self; 9] = [
        Self::whole(0),
        Self::whole(KIB),
        Self::cut(KIB, 8),
        Self::whole(8 * KIB),
        Self::cut(8 * KIB, 8),
        Self::whole(85 * KIB),
        Self::cut(85 * KIB, 8),
        Self::whole(LARGEST),
        Self::cut(LARGEST, 640),
    ];

    const fn whole(bytes: usize) -> Self {
        Self::cut(bytes, if bytes == 0 { 0 } else { 1 })
    }

    const fn cut(bytes: usize, frames: usize) -> Self {
        Self { bytes, frames }
    }

    /// A body of this shape.
    #[must_use]
    pub fn body(self) -> Pieces {
        Pieces { left: Bytes::from_static(&DATA[..self.bytes]), frame: self.bytes.div_ceil(self.frames.max(1)) }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, frames } = *self;
        match bytes {
            MIB.. => write!(f, "{} MiB", bytes / MIB)?,
            KIB.. => write!(f, "{} KiB", bytes / KIB)?,
            _ => write!(f, "{bytes} B")?,
        }
        if frames > 1 { write!(f, " in {frames}") } else { Ok(()) }
    }
}

impl Exchange {
    /// What a service does all day: a small request, an answer of 8 KiB, one endpoint.
    pub const USUAL: Self = Self { question: Shape::whole(256), answer: Shape::whole(8 * KIB), endpoints: 1 };

    /// As many endpoints as a large service has.
    pub const MANY: usize = 1_000;

    /// Both bodies of this shape, on this many endpoints.
    #[must_use]
    pub const fn both(shape: Shape, endpoints: usize) -> Self {
        Self { question: shape, answer: shape, endpoints }
    }

    /// What a layer that limits requests allows, in bytes: as much as axum does by default, more where it must.
    #[must_use]
    pub const fn request_limit(&self) -> u64 {
        let limit = if self.question.bytes > 2 * MIB { 16 * MIB } else { 2 * MIB };
        limit as u64
    }
}

/// Question and answer as the command line gives them: `BYTES/FRAMES BYTES/FRAMES ENDPOINTS`.
impl Exchange {
    /// What [`parse`](Self::parse) reads, of one length: that of a command line moves the stack, and copies take a few
    /// instructions more or less.
    #[must_use]
    pub fn arguments(&self) -> [String; 3] {
        let Self { question, answer, endpoints } = *self;
        let shape = |Shape { bytes, frames }| format!("{bytes:08}/{frames:03}");
        [shape(question), shape(answer), format!("{endpoints:04}")]
    }

    /// The exchange of these arguments, if they make sense.
    #[must_use]
    pub fn parse([question, answer, endpoints]: [&str; 3]) -> Option<Self> {
        let shape = |text: &str| {
            let (bytes, frames) = text.split_once('/')?;
            let (bytes, frames) = (bytes.parse().ok()?, frames.parse().ok()?);
            (bytes <= LARGEST).then_some(Shape { bytes, frames })
        };
        let endpoints = endpoints.parse().ok().filter(|endpoints| (1..=Self::MANY).contains(endpoints))?;
        Some(Self { question: shape(question)?, answer: shape(answer)?, endpoints })
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self { left, frame } = &mut *self;
        let data = match left.len() {
            0 => return Poll::Ready(None),
            length if length <= *frame => std::mem::take(left),
            _ => left.split_to(*frame),
        };
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

/// Templates of [`Exchange::MANY`] endpoints; the first is where a call goes that has but one.
pub(crate) static ROUTES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let route = |number| match number {
        0 => "/checkout/{cart}",
        number => &*format!("/checkout{number}/{{cart}}").leak(),
    };
    (0..Exchange::MANY).map(route).collect()
});

/// A path under each of this many endpoints.
pub fn paths(endpoints: usize) -> impl Iterator<Item = String> {
    ROUTES.iter().take(endpoints).map(|route| path(route))
}

/// A path under a template.
pub(crate) fn path(route: &str) -> String {
    route.replace("{cart}", "4711")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::call::now;

    #[test]
    fn a_body_has_the_bytes_and_the_frames_that_its_shape_says() {
        for shape in Shape::ALL {
            let mut body = shape.body();
            let (mut bytes, mut frames) = (0, 0);
            assert_eq!(body.size_hint().exact(), Some(shape.bytes as u64), "{shape}");
            while let Some(Ok(frame)) = now(body.frame()) {
                bytes += frame.into_data().map_or(0, |data| data.len());
                frames += 1;
            }
            assert_eq!((bytes, frames), (shape.bytes, shape.frames), "{shape}");
            assert!(body.is_end_stream(), "{shape}");
        }
    }

    #[test]
    fn arguments_read_back() {
        for shape in Shape::ALL {
            let exchange = Exchange { endpoints: 1_000, ..Exchange::both(shape, 1) };
            assert_eq!(Exchange::parse(exchange.arguments().each_ref().map(String::as_str)), Some(exchange));
        }
        for wrong in [["1/1", "1", "1"], ["1/1", "1/1", "0"], ["1/1", "1/1", "1001"], ["99999999/1", "1/1", "1"]] {
            assert_eq!(Exchange::parse(wrong), None, "{wrong:?}");
        }
    }
}
