//! A real upstream on loopback: answers of any size, declared, streamed or coded; it remembers what was sent to it.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Router, response::IntoResponse};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderName, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;

/// The bytes of one frame of a streamed answer.
pub const FRAME: usize = 4096;
/// On every answer: the address of the client's end of the connection, which tells connections apart.
pub const PEER: HeaderName = HeaderName::from_static("x-peer");

/// A server that runs until its test's runtime ends. It speaks HTTP/1, and HTTP/2 to clients that know it does.
///
/// | path | answer |
/// |---|---|
/// | `/declared/{bytes}`, `/chunked/{bytes}` | so many bytes, with or without a length |
/// | `/zeros/{bytes}` | so many zeros, streamed, coded as the client accepts |
/// | `/bomb/{bytes}` | so many zeros as gzip, with the length of the gzip |
/// | `/status/{code}` | so many hundred |
/// | `/redirect/{path}` | 302 to that path; `/resend/{path}` 307 |
/// | `/echo` | the request's headers and body |
/// | `/upload` | reads the request's body, and answers with its length |
/// | `/never`, `/stalled` | nothing, or the first frame of a body and then nothing |
#[derive(Clone, Debug)]
pub struct Upstream {
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: AtomicUsize,
    uploads: Mutex<Vec<Upload>>,
}

/// A request's body as it arrived at `/upload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    pub bytes: usize,
    /// Whether it came to a proper end.
    pub whole: bool,
}

impl Upstream {
    pub async fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = router(Arc::clone(&seen)).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests have reached it.
    pub fn calls(&self) -> usize {
        self.seen.calls.load(Ordering::Relaxed)
    }

    pub fn uploads(&self) -> Vec<Upload> {
        self.seen.uploads.lock().unwrap().clone()
    }
}

/// An address at which nobody listens.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap()
}

fn router(seen: Arc<Seen>) -> Router {
    let coded = get(async |Path(bytes): Path<usize>| chunks(bytes, 0)).layer(CompressionLayer::new());
    Router::new()
        .route("/declared/{bytes}", any(async |Path(bytes): Path<usize>| vec![b'x'; bytes]))
        .route("/chunked/{bytes}", any(async |Path(bytes): Path<usize>| chunks(bytes, b'x')))
        .route("/zeros/{bytes}", coded)
        .route("/bomb/{bytes}", get(bomb))
        .route("/status/{code}", any(async |Path(code): Path<u16>| StatusCode::from_u16(code).unwrap()))
        .route("/redirect/{*path}", any(async |Path(path): Path<String>| redirect(StatusCode::FOUND, &path)))
        .route("/resend/{*path}", any(async |Path(path): Path<String>| redirect(StatusCode::TEMPORARY_REDIRECT, &path)))
        .route("/echo", post(echo))
        .route("/upload", post(upload))
        .route("/never", any(std::future::pending::<StatusCode>))
        .route("/stalled", get(stalled))
        .layer(from_fn_with_state(Arc::clone(&seen), notice))
        .with_state(seen)
}

async fn notice(
    State(seen): State<Arc<Seen>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    seen.calls.fetch_add(1, Ordering::Relaxed);
    let mut response = next.run(request).await;
    response.headers_mut().insert(PEER, peer.to_string().parse().unwrap());
    response
}

fn chunks(bytes: usize, fill: u8) -> Body {
    Body::from_stream(frames(bytes, fill).map(Ok::<_, Infallible>))
}

/// So many bytes in frames of [`FRAME`], the last one shorter.
pub fn frames(bytes: usize, fill: u8) -> impl Stream<Item = Bytes> + Send + 'static {
    let sizes = (0..bytes).step_by(FRAME).map(move |at| FRAME.min(bytes - at));
    stream::iter(sizes.map(move |size| Bytes::from(vec![fill; size])))
}

/// So many zeros, packed.
pub fn gzip(bytes: usize) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&vec![0; bytes]).unwrap();
    gzip.finish().unwrap()
}

async fn bomb(Path(bytes): Path<usize>) -> impl IntoResponse {
    ([(header::CONTENT_ENCODING, "gzip")], gzip(bytes))
}

fn redirect(status: StatusCode, path: &str) -> impl IntoResponse + use<> {
    (status, [(header::LOCATION, format!("/{path}"))])
}

async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = Response::new(body);
    *response.headers_mut() = parts.headers;
    response.headers_mut().remove(header::HOST);
    response.headers_mut().insert("x-version", format!("{:?}", parts.version).parse().unwrap());
    response
}

async fn upload(State(seen): State<Arc<Seen>>, mut body: Body) -> String {
    let mut upload = Upload { bytes: 0, whole: true };
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => upload.bytes += data.len(),
            Ok(Err(_trailers)) => {}
            Err(_) => {
                upload.whole = false;
                break;
            }
        }
    }
    seen.uploads.lock().unwrap().push(upload);
    upload.bytes.to_string()
}

async fn stalled() -> Body {
    let first = stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b'x'; FRAME])))]);
    Body::new(StreamBody::new(first.chain(stream::pending())))
}
