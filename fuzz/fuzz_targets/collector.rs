//! Any bytes as what a collector answers, over HTTP or gRPC: an export comes to an end in its time, after few attempts, and
//! repeats no more than a few words of what came.
#![no_main]

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body::Frame;
use http_body_util::{Empty, StreamBody};
use libfuzzer_sys::fuzz_target;
use plimsoll::{Ledger, MeteredBody, OtlpExporter, OtlpSettings, ServerLayer, ShortBody};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

const NAMES: [&str; 6] =
    ["grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after", "content-encoding", "grpc-encoding"];
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pauses between attempts last a quarter of a second at least, and grow.
const ATTEMPTS: u32 = 40;

thread_local! {
    /// Whose time goes on by itself where all there is to do is to wait.
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime starts");
    static LEDGER: Ledger = ledger();
}

/// A ledger with something to send.
fn ledger() -> Ledger {
    let ledger = Ledger::new();
    let answer = service_fn(async |_: Request<MeteredBody<Empty<Bytes>>>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let call = ServerLayer::new(&ledger).layer(answer).oneshot(Request::new(Empty::new()));
    drop(call.now_or_never().expect("nothing is waited for"));
    ledger
}

fn headers(fields: &[(u8, Vec<u8>)]) -> HeaderMap {
    let field = |(name, value): &(u8, Vec<u8>)| {
        let name = NAMES[usize::from(*name) % NAMES.len()];
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(value).ok()?))
    };
    fields.iter().filter_map(field).collect()
}

type Fields = Vec<(u8, Vec<u8>)>;

fuzz_target!(|input: (bool, u16, Fields, Vec<Vec<u8>>, Fields)| {
    let (grpc, status, head, frames, trailers) = input;
    let status = StatusCode::from_u16(200 + status % 400).expect("from 200 to 599");
    let url = Uri::from_static("http://collector:4317/v1/metrics");
    let settings = if grpc { OtlpSettings::grpc(url) } else { OtlpSettings::http(url) }.timeout(TIMEOUT);
    let attempts = Cell::new(0);
    let answered = RefCell::new(|| {
        attempts.set(attempts.get() + 1);
        let data = frames.iter().map(|data| Frame::data(Bytes::from(data.clone())));
        let last = [Frame::trailers(headers(&trailers))];
        let body =
            StreamBody::new(futures_util::stream::iter(data.chain(last).map(Ok::<_, Infallible>).collect::<Vec<_>>()));
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers(&head);
        response
    });
    let collector =
        service_fn(|_: Request<ShortBody>| std::future::ready(Ok::<_, Infallible>(answered.borrow_mut()())));
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let began = Instant::now();
            let mut exporter = LEDGER.with(|ledger| OtlpExporter::new(ledger, collector, settings));
            match exporter.export_once().await {
                Ok(exported) => assert!(exported.message().chars().count() <= 500),
                Err(error) => assert!((1..1_000).contains(&error.to_string().chars().count()), "{error}"),
            }
            assert!(began.elapsed() <= TIMEOUT);
            assert!((1..=ATTEMPTS).contains(&attempts.get()), "{} attempts", attempts.get());
        });
    });
});
