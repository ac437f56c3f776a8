//! What the server does behind the layer, by path.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use plimsoll::LimitExceeded;
use tower::{BoxError, Service};

use super::support::script::{Script, Step};

pub(crate) type Payload = UnsyncBoxBody<Bytes, BoxError>;

/// What has happened behind the layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    calls: AtomicUsize,
    polls: AtomicUsize,
    first_frames: AtomicUsize,
    refusals: Mutex<Vec<LimitExceeded>>,
}

impl Calls {
    /// Requests that have reached a handler.
    pub(crate) fn count(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// How often a body of `/counted` was polled.
    pub(crate) fn polls(&self) -> usize {
        self.0.polls.load(Ordering::SeqCst)
    }

    /// First frames that `/first` has read.
    pub(crate) fn first_frames(&self) -> usize {
        self.0.first_frames.load(Ordering::SeqCst)
    }

    /// The refusals that handlers found in the errors of their bodies.
    pub(crate) fn refusals(&self) -> Vec<LimitExceeded> {
        self.0.refusals.lock().unwrap().clone()
    }
}

/// The service behind the layer.
///
/// | path | what it does |
/// |---|---|
/// | `/read` | reads the request, and answers with its length and trailers; with 400 where that fails |
/// | `/busy`, `/swallow` | the same with 503, or with a 200 whatever happens |
/// | `/unread` | answers without a look at the request's body |
/// | `/first` | reads one frame and waits for ever |
/// | `/streaming` | answers at once with what it reads |
/// | `/declared/{bytes}`, `/chunked/{bytes}` | so many bytes, in frames of four where they are streamed |
/// | `/slow/{bytes}` | the same, with a pause before each frame |
/// | `/header/{bytes}` | streams ten bytes under a `Content-Length` of its own |
/// | `/counted/{bytes}` | declares so many bytes by a header, and counts how often it is polled |
/// | `/broken` | four bytes, then an error |
/// | `/stalled` | four bytes, then nothing |
/// | `/events` | an event stream of a hundred bytes |
/// | `/trailers` | ten bytes and trailers |
/// | `/status/{code}`, `/empty/{code}` | that status, with a body of a hundred bytes or none |
#[derive(Clone, Debug)]
pub(crate) struct Handlers(Calls);

impl Handlers {
    pub(crate) fn new(calls: &Calls) -> Self {
        Self(calls.clone())
    }
}

impl<B> Service<Request<B>> for Handlers
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Payload>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Payload>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let calls = self.0.clone();
        calls.0.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(answer(request, &calls).await) })
    }
}

async fn answer<B>(request: Request<B>, calls: &Calls) -> Response<Payload>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let (head, mut body) = request.into_parts();
    let mut segments = head.uri.path().split('/').skip(1);
    let (name, number) = (segments.next().unwrap(), segments.next().map(|number| number.parse::<usize>().unwrap()));
    match (name, number) {
        ("read", None) => read(body, calls, StatusCode::BAD_REQUEST).await,
        ("busy", None) => read(body, calls, StatusCode::SERVICE_UNAVAILABLE).await,
        ("swallow", None) => read(body, calls, StatusCode::OK).await,
        ("unread", None) => text(StatusCode::OK, "unread"),
        ("first", None) => {
            body.frame().await.unwrap().unwrap_or_else(|_| panic!("no first frame"));
            calls.0.first_frames.fetch_add(1, Ordering::SeqCst);
            pending().await
        }
        ("streaming", None) => Response::new(body.map_err(Into::into).boxed_unsync()),
        ("declared", Some(bytes)) => text(StatusCode::OK, "x".repeat(bytes)),
        ("chunked", Some(bytes)) => Response::new(boxed(super::streamed(bytes))),
        ("slow", Some(bytes)) => Response::new(boxed(slow(bytes))),
        ("header", Some(bytes)) => declaring(bytes, boxed(super::streamed(10))),
        ("counted", Some(bytes)) => declaring(bytes, counted(calls.clone())),
        ("broken", None) => Response::new(boxed(Script::new([Step::Data(4), Step::Pending, Step::Error]))),
        ("stalled", None) => Response::new(stalled()),
        ("events", None) => {
            let mut response = Response::new(boxed(super::streamed(100)));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            response
        }
        ("trailers", None) => {
            let mut response = Response::new(trailed());
            response.headers_mut().insert(header::TRAILER, HeaderValue::from_static("x-checksum"));
            response
        }
        ("empty", Some(code)) => text(StatusCode::from_u16(code as u16).unwrap(), ""),
        ("status", Some(code)) => text(StatusCode::from_u16(code as u16).unwrap(), "x".repeat(100)),
        _ => text(StatusCode::NOT_FOUND, ""),
    }
}

/// Reads the body and says how much came; with `otherwise` where it fails.
async fn read<B>(mut body: B, calls: &Calls, otherwise: StatusCode) -> Response<Payload>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    let (mut bytes, mut trailers) = (0, String::new());
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                let error = error.into();
                calls.0.refusals.lock().unwrap().extend(LimitExceeded::find(&*error).cloned());
                return text(otherwise, format!("after {bytes} bytes: {error}"));
            }
        };
        match frame.into_data() {
            Ok(data) => bytes += data.len(),
            Err(frame) => trailers = format!(" and {:?}", frame.into_trailers().unwrap()),
        }
    }
    text(StatusCode::OK, format!("{bytes} bytes{trailers}"))
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Payload> {
    let mut response = Response::new(Full::new(text.into()).map_err(Into::into).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn boxed(script: Script) -> Payload {
    script.map_err(Into::into).boxed_unsync()
}

fn slow(bytes: usize) -> Script {
    let frames = (0..bytes).step_by(4).map(|at| Step::Data(4.min(bytes - at)));
    Script::new(frames.flat_map(|frame| [Step::Pending, frame]))
}

fn declaring(bytes: usize, body: Payload) -> Response<Payload> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
    response
}

fn counted(calls: Calls) -> Payload {
    let polled = stream::poll_fn(move |_| {
        calls.0.polls.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(None::<Result<Frame<Bytes>, BoxError>>)
    });
    StreamBody::new(polled).boxed_unsync()
}

fn stalled() -> Payload {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"xxxx")))]);
    StreamBody::new(first.chain(stream::pending())).boxed_unsync()
}

fn trailed() -> Payload {
    let data = Frame::data(Bytes::from_static(b"xxxxxxxxxx"));
    let trailers = [(header::HeaderName::from_static("x-checksum"), HeaderValue::from_static("0a1b2c"))];
    let frames = [Ok(data), Ok(Frame::trailers(trailers.into_iter().collect()))];
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}
