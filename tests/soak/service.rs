//! A server that misbehaves on request, and counts what begins and what is answered on both ends.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use tokio::task::yield_now;

pub type AnyBody = UnsyncBoxBody<Bytes, Infallible>;

/// Where servers refuse an answer; clients do at half of it.
pub const LIMIT: u64 = 20_000;
/// The limit of requests, on both ends.
pub const UPLOAD_LIMIT: u64 = 8_000;

/// The paths that do something of their own; any other answers without reading.
pub const PATHS: [&str; 8] = ["/read", "/read", "/stream", "/forever", "/large", "/over", "/panic", "/hang"];

/// What was begun, counted apart from any ledger.
#[derive(Clone, Debug, Default)]
pub struct Begun(Arc<[AtomicU64; 5]>);

/// One thing that is counted.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// Requests that came to the server's layer, or were given to the client's.
    ServerRequest,
    ClientRequest,
    /// Answers that left the server's layer.
    ServerResponse,
    /// Answers that the server's layer refused: each is a body beside the one that took its place.
    ServerRefused,
    /// Answers that came to the client's layer.
    ClientResponse,
}

impl Begun {
    pub fn add(&self, what: What) {
        self.0[what as usize].fetch_add(1, SeqCst);
    }

    pub fn get(&self, what: What) -> u64 {
        self.0[what as usize].load(SeqCst)
    }
}

pub fn full(bytes: u64) -> AnyBody {
    Full::new(Bytes::from(vec![b'x'; usize::try_from(bytes).unwrap()])).boxed_unsync()
}

pub fn empty() -> AnyBody {
    Empty::new().boxed_unsync()
}

/// Frames of a kilobyte, each of which waits for its turn: nobody knows how many there will be.
pub fn frames(count: usize) -> AnyBody {
    static KILOBYTE: [u8; 1_000] = [b'x'; 1_000];
    let frames = stream::repeat(()).take(count).then(async |()| {
        yield_now().await;
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(&KILOBYTE)))
    });
    StreamBody::new(frames).boxed_unsync()
}

pub async fn handle<B>(request: Request<B>) -> Result<Response<AnyBody>, Infallible>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (parts, mut body) = request.into_parts();
    let path = parts.uri.path();
    let mut response = Response::new(empty());
    match path {
        "/read" => match body.collect().await {
            Ok(_) => *response.body_mut() = full(1_000),
            Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
        },
        "/stream" => *response.body_mut() = frames(8),
        "/forever" => *response.body_mut() = frames(usize::MAX),
        "/large" => *response.body_mut() = full(LIMIT + 1),
        "/over" => *response.body_mut() = frames(30),
        "/panic" => {
            let _read = body.frame().await;
            // Says nothing on its way, unlike `panic!`.
            std::panic::resume_unwind(Box::new("a handler that panics"));
        }
        "/hang" => pending().await,
        _ => {
            let status = path.rsplit('/').next().and_then(|code| code.parse().ok());
            *response.status_mut() = status.unwrap_or(StatusCode::OK);
        }
    }
    Ok(response)
}
