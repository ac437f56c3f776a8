//! Bodies through a real layer into a real ledger, at the times of a clock that is moved by hand.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll::{Ledger, ManualClock, Route, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

/// A server with as many endpoints as are asked for.
#[derive(Clone, Debug)]
pub struct Site {
    /// What it records.
    pub ledger: Ledger,
    /// Its time.
    pub time: ManualClock,
    layer: ServerLayer,
}

/// The largest body there is; a larger one is cut to this.
const LARGEST: usize = 16 << 20;
static BYTES: [u8; LARGEST] = [0; LARGEST];

impl Site {
    /// A site with room for this many endpoints.
    pub fn new(endpoints: usize) -> Self {
        let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let ledger = Ledger::builder().clock(time.clock()).max_series(2 * endpoints).max_bytes(usize::MAX).build();
        let layer = ServerLayer::new(&ledger);
        Self { ledger, time, layer }
    }

    /// One request of so many bytes, and its answer; part of a sampled trace.
    ///
    /// # Panics
    ///
    /// If it waits or fails, which nothing here does.
    pub fn call(&self, route: &'static str, request: u64, answer: u64) {
        let service = self.layer.layer(service_fn(async |request: Request<_>| {
            let _ = BodyExt::collect(request.into_body()).await;
            Ok::<_, Infallible>(Response::new(body(answer)))
        }));
        let mut request = Request::new(body(request));
        request.headers_mut().insert("traceparent", TRACE);
        request.extensions_mut().insert(Route(route));
        let call = async {
            let Ok(response) = service.oneshot(request).await;
            response.into_body().collect().await.is_ok()
        };
        assert!(now(call), "the whole answer arrives");
    }
}

const TRACE: http::HeaderValue =
    http::HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

fn body(bytes: u64) -> Full<Bytes> {
    Full::new(Bytes::from_static(&BYTES).slice(..usize::try_from(bytes).map_or(LARGEST, |bytes| bytes.min(LARGEST))))
}

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits for anything"),
    }
}
