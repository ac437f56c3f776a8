//! The messages that are sent: every way in which hyper frames a body.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};

pub(crate) type Payload = UnsyncBoxBody<Bytes, Infallible>;

/// A body, and how it is made.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// None at all.
    Empty,
    /// So many bytes in memory.
    Full(usize),
    /// Frames of these sizes, of which nothing is known before.
    Streamed(Vec<usize>),
    /// The same, with a `Content-Length` set by hand.
    Declared(Vec<usize>),
    /// The same, with trailers behind, and no length.
    Trailed(Vec<usize>),
    /// None, beside a `Content-Length` that tells what there would be.
    Told(usize),
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) request: Kind,
    pub(crate) status: StatusCode,
    pub(crate) response: Kind,
    /// What HTTP/1 must show to either side: without it, the case is not the one that it is named for.
    pub(crate) shows: [&'static str; 2],
}

impl Kind {
    /// All bytes of its data.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Empty | Self::Told(_) => 0,
            Self::Full(bytes) => *bytes,
            Self::Streamed(frames) | Self::Declared(frames) | Self::Trailed(frames) => frames.iter().sum(),
        }
    }

    fn body(&self) -> Payload {
        match self {
            Self::Empty | Self::Told(_) => Empty::new().boxed_unsync(),
            Self::Full(bytes) => Full::new(Bytes::from(vec![b'x'; *bytes])).boxed_unsync(),
            Self::Streamed(frames) | Self::Declared(frames) => streamed(frames, None),
            Self::Trailed(frames) => {
                let trailers = HeaderMap::from_iter([(CHECKSUM, HeaderValue::from_static("0a1b2c"))]);
                streamed(frames, Some(trailers))
            }
        }
    }

    fn headers(&self, headers: &mut HeaderMap) {
        match self {
            Self::Declared(_) => {
                headers.insert(header::CONTENT_LENGTH, self.bytes().into());
            }
            Self::Told(bytes) => {
                headers.insert(header::CONTENT_LENGTH, (*bytes).into());
            }
            Self::Trailed(_) => {
                headers.insert(header::TRAILER, HeaderValue::from_static("x-checksum"));
            }
            Self::Empty | Self::Full(_) | Self::Streamed(_) => {}
        }
    }
}

const CHECKSUM: header::HeaderName = header::HeaderName::from_static("x-checksum");

fn streamed(sizes: &[usize], trailers: Option<HeaderMap>) -> Payload {
    let mut frames: Vec<_> = sizes.iter().map(|size| Frame::data(Bytes::from(vec![b'x'; *size]))).collect();
    frames.extend(trailers.map(Frame::trailers));
    StreamBody::new(stream::iter(frames.into_iter().map(Ok))).boxed_unsync()
}

impl Case {
    pub(crate) fn to_request(&self) -> Request<Payload> {
        let mut request = Request::new(self.request.body());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = "http://loopback/wire?a=1".parse().unwrap();
        request.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
        self.request.headers(request.headers_mut());
        request
    }

    pub(crate) fn to_response(&self) -> Response<Payload> {
        let mut response = Response::new(self.response.body());
        *response.status_mut() = self.status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        self.response.headers(response.headers_mut());
        response
    }

    pub(crate) fn is_answered_without_body(&self) -> bool {
        self.method == Method::HEAD || matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }
}

fn ok(name: &'static str, request: Kind, response: Kind, shows: [&'static str; 2]) -> Case {
    let method = if matches!(request, Kind::Empty) { Method::GET } else { Method::POST };
    Case { name, method, request, status: StatusCode::OK, response, shows }
}

pub(crate) fn all() -> Vec<Case> {
    use Kind::{Declared, Empty, Full, Streamed, Told, Trailed};
    const CHUNKED: &str = "transfer-encoding: chunked\r\n";
    const ANY: &str = "\r\n\r\n";
    let frames = || vec![1, 300, 4096, 2];
    vec![
        ok("nothing both ways", Empty, Empty, [ANY, "content-length: 0\r\n"]),
        ok("a response in memory", Empty, Full(5), [ANY, "content-length: 5\r\n"]),
        ok("a large response in memory", Empty, Full(60_000), [ANY, "content-length: 60000\r\n"]),
        ok("a response in memory, of no bytes", Empty, Full(0), [ANY, "content-length: 0\r\n"]),
        ok("a streamed response", Empty, Streamed(frames()), [ANY, CHUNKED]),
        ok("a streamed response of one frame", Empty, Streamed(vec![5]), [ANY, "5\r\nxxxxx\r\n0\r\n\r\n"]),
        ok("a streamed response of no frame", Empty, Streamed(vec![]), [ANY, CHUNKED]),
        ok("a streamed response with empty frames", Empty, Streamed(vec![0, 5, 0, 0, 6, 0]), [ANY, CHUNKED]),
        ok(
            "a streamed response that declares its length",
            Empty,
            Declared(frames()),
            [ANY, "content-length: 4399\r\n"],
        ),
        ok("a response with trailers", Empty, Trailed(frames()), [ANY, "0\r\nx-checksum: 0a1b2c\r\n\r\n"]),
        ok("a response of trailers alone", Empty, Trailed(vec![]), [ANY, "0\r\nx-checksum: 0a1b2c\r\n\r\n"]),
        ok("a request in memory", Full(7), Full(2), ["content-length: 7\r\n", ANY]),
        ok("a large request in memory", Full(60_000), Full(2), ["content-length: 60000\r\n", ANY]),
        ok("a streamed request", Streamed(frames()), Full(2), [CHUNKED, ANY]),
        ok("a streamed request of no frame", Streamed(vec![]), Full(2), [CHUNKED, ANY]),
        ok("a streamed request with empty frames", Streamed(vec![0, 5, 0, 0, 6, 0]), Full(2), [CHUNKED, ANY]),
        ok(
            "a streamed request that declares its length",
            Declared(frames()),
            Full(2),
            ["content-length: 4399\r\n", ANY],
        ),
        ok("a request with trailers", Trailed(frames()), Full(2), ["0\r\nx-checksum: 0a1b2c\r\n\r\n", ANY]),
        ok("streams both ways", Streamed(frames()), Streamed(frames()), [CHUNKED, CHUNKED]),
        Case {
            method: Method::HEAD,
            ..ok("HEAD, answered with a body in memory", Empty, Full(7_000), ["HEAD", "content-length: 7000\r\n"])
        },
        Case {
            method: Method::HEAD,
            ..ok(
                "HEAD, answered with a declared stream",
                Empty,
                Declared(frames()),
                ["HEAD", "content-length: 4399\r\n"],
            )
        },
        Case {
            method: Method::HEAD,
            ..ok("HEAD, answered with a length alone", Empty, Told(70_000), ["HEAD", "content-length: 70000\r\n"])
        },
        Case { status: StatusCode::NO_CONTENT, ..ok("204", Empty, Empty, [ANY, "204 No Content\r\n"]) },
        Case {
            status: StatusCode::NO_CONTENT,
            ..ok("204 in answer to a stream", Streamed(frames()), Empty, [CHUNKED, "204 No Content\r\n"])
        },
        Case {
            status: StatusCode::NOT_MODIFIED,
            ..ok("304, with a body all the same", Empty, Full(7_000), [ANY, "304 Not Modified\r\n"])
        },
        Case {
            status: StatusCode::NOT_MODIFIED,
            ..ok("304 that tells a length", Empty, Told(70_000), [ANY, "304 Not Modified\r\n"])
        },
        Case {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..ok("a handler's own 500", Full(9), Full(5), ["content-length: 9\r\n", "500 Internal Server Error\r\n"])
        },
    ]
}

/// Reads a body to its end, whatever it holds; whether it came to one.
pub(crate) async fn read<B: Body<Data = Bytes>>(body: B) -> bool {
    body.collect().await.is_ok()
}
