//! Calls whose names an adversary picks, through layers set up as badly as can be.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::Full;
use plimsoll::{ClientLayer, Ledger, Limit, ServerLayer};
use tower::{Layer, Service, service_fn};

/// Numbers that look random and are the same every time (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// How the service answers, as an extension of the request.
#[derive(Clone, Copy, Debug)]
struct Answer {
    status: u16,
    coding: &'static str,
    size: usize,
}

const CODINGS: [&str; 7] = ["identity", "gzip", "br", "zstd", "deflate", "gzip, br", "mine"];
const METHODS: [&str; 7] = ["GET", "POST", "HEAD", "CONNECT", "QUERY", "get", "BREW"];

/// A request whose every name is made up, with bodies of `sizes` both ways.
pub fn made_up(random: &mut Random, sizes: std::ops::Range<u64>) -> Request<Full<Bytes>> {
    let method = match random.below(3) {
        0 => Method::from_bytes(format!("M{:X}", random.next()).as_bytes()).unwrap(),
        _ => Method::from_bytes(random.one_of(&METHODS).as_bytes()).unwrap(),
    };
    let (host, port, path) = (random.next(), random.below(65_536), random.next());
    let mut size = || (sizes.start + random.below(sizes.end - sizes.start)) as usize;
    let (asked, answered) = (size(), size());
    let answer = Answer { status: 100 + random.below(900) as u16, coding: random.one_of(&CODINGS), size: answered };
    Request::builder()
        .method(method)
        .uri(format!("http://h{host}.example:{port}/{path}"))
        .header(header::CONTENT_ENCODING, random.one_of(&CODINGS))
        .header("traceparent", format!("00-{:032x}-{:016x}-01", random.next() | 1, random.next() | 1))
        .extension(answer)
        .body(bytes_of(asked))
        .unwrap()
}

fn bytes_of(size: usize) -> Full<Bytes> {
    static ZEROS: [u8; 1 << 20] = [0; 1 << 20];
    Full::new(Bytes::from_static(&ZEROS[..size]))
}

/// Makes a call.
pub type Caller = Box<dyn FnMut(Request<Full<Bytes>>)>;

/// A server whose routes are whatever path is asked for, a server without routes, and a client of any host. Every body
/// that there is adds one to `bodies`.
pub fn callers(ledger: &Ledger, limit: Limit, bodies: &Arc<AtomicU64>) -> [Caller; 3] {
    let refusals = Arc::clone(bodies);
    let layer = ServerLayer::new(ledger).request_limit(limit).response_limit(limit).on_refusal(move |refusal| {
        refusals.fetch_add(1, Relaxed);
        refusal.response()
    });
    let careless = layer.clone().route(|uri, _| Some(uri.path().into()));
    let client = ClientLayer::new(ledger).request_limit(limit).response_limit(limit);
    [
        caller(careless.layer(service_fn(answer(bodies))), bodies),
        caller(layer.layer(service_fn(answer(bodies))), bodies),
        caller(client.layer(service_fn(answer(bodies))), bodies),
    ]
}

fn caller<S, R>(mut service: S, bodies: &Arc<AtomicU64>) -> Caller
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + 'static,
    R: Body,
{
    let bodies = Arc::clone(bodies);
    Box::new(move |request| {
        bodies.fetch_add(1, Relaxed);
        if let Ok(response) = service.call(request).now_or_never().expect("nothing is waited for") {
            read(response.into_body());
        }
    })
}

fn answer<B: Body>(
    bodies: &Arc<AtomicU64>,
) -> impl Fn(Request<B>) -> Ready<Result<Response<Full<Bytes>>, Infallible>> + use<B> {
    let bodies = Arc::clone(bodies);
    move |request| {
        let Answer { status, coding, size } = *request.extensions().get().unwrap();
        read(request.into_body());
        bodies.fetch_add(1, Relaxed);
        let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
        ready(Ok(response.header(header::CONTENT_ENCODING, coding).body(bytes_of(size)).unwrap()))
    }
}

/// Reads a body to its end, or to its error.
pub fn read(body: impl Body) {
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(_))) = body.as_mut().poll_frame(&mut context) {}
}
