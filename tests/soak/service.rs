//! A service that misbehaves on request, the bodies it is made of, and counts of what begins on both ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tower::BoxError;

/// What is sent, either way.
pub type AnyBody = BoxBody<Bytes, Infallible>;
/// What is received, either way, through our layers.
pub type Received = UnsyncBoxBody<Bytes, BoxError>;
/// What a server does, whatever stack it is in.
pub type Handler = Arc<dyn Fn(Request<Received>) -> BoxFuture<'static, Response<AnyBody>> + Send + Sync>;

/// Where servers refuse an answer; clients do at half of it.
pub const LIMIT: u64 = 20_000;
/// The limit of requests, on both ends.
pub const UPLOAD_LIMIT: u64 = 8_000;

/// The paths that do something of their own; any other answers without reading.
pub const PATHS: [&str; 8] = ["/read", "/read", "/stream", "/forever", "/large", "/over", "/panic", "/hang"];

/// What was begun, counted apart from any ledger.
#[derive(Clone, Debug, Default)]
pub struct Begun(Arc<[AtomicU64; 6]>);

/// One thing that is counted.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// Connections that a server has taken.
    Connection,
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
    Full::new(Bytes::from(vec![b'x'; usize::try_from(bytes).unwrap()])).boxed()
}

pub fn empty() -> AnyBody {
    Empty::new().boxed()
}

/// Frames of a kilobyte, each of which waits for its turn: nobody knows how many there will be.
pub fn frames(count: usize) -> AnyBody {
    static KILOBYTE: [u8; 1_000] = [b'x'; 1_000];
    let frames = stream::repeat(()).take(count).then(async |()| {
        yield_now().await;
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(&KILOBYTE)))
    });
    BodyExt::boxed(StreamBody::new(frames))
}

/// A handler whose every path goes wrong in its way. `/hang` does so until the gate is closed: hyper does not see that a
/// client has gone while a request lies unread before a handler that does not end.
pub fn misbehaving(gate: &Arc<Semaphore>) -> Handler {
    let gate = Arc::clone(gate);
    Arc::new(move |request| misbehave(request, Arc::clone(&gate)).boxed())
}

async fn misbehave(request: Request<Received>, gate: Arc<Semaphore>) -> Response<AnyBody> {
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
        "/hang" => drop(gate.acquire().await),
        _ => {
            let status = path.rsplit('/').next().and_then(|code| code.parse().ok());
            *response.status_mut() = status.unwrap_or(StatusCode::OK);
        }
    }
    response
}
