//! What does an export cost, and how does it grow with the number of endpoints?
//!
//! For 10, 100 and 1,000 endpoints of five series each: the time to read the ledger, write the message and hand it to a
//! client that only answers, and the bytes allocated meanwhile as a multiple of the bytes sent. Nothing is sent over a
//! network. Known cost: the runtime's, a few microseconds an export.
//!
//! ```sh
//! cargo bench --features otlp --bench otlp
//! ```
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a bench"
)]
#![allow(missing_docs, clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::alloc::System;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use plimsoll::{Ledger, OtlpExporter, OtlpSettings, ServerLayer, ShortBody, TraceContext};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, ServiceExt, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 21;

/// Fills a ledger: each endpoint answers with four status codes, sizes from 100 B to 1 MB, in sampled traces.
async fn filled(endpoints: usize) -> Ledger {
    let ledger = Ledger::builder().max_series(endpoints * 5 + 100).max_bytes(1 << 30).build();
    for endpoint in 0..endpoints {
        let layer =
            ServerLayer::new(&ledger).route(move |_, _| Some(format!("/service/{endpoint}/items/{{id}}").into()));
        for (nth, status) in [200, 200, 200, 200, 404, 500, 304].into_iter().enumerate() {
            let size = [1_000, 10_000, 100_000, 1_000_000][nth % 4];
            let answer = move |_: Request<_>| {
                let mut response = Response::new(Full::<Bytes>::from(vec![b'x'; size]));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                std::future::ready(Ok::<_, Infallible>(response))
            };
            let mut request = Request::new(Full::<Bytes>::from("hello"));
            let trace = TraceContext::new(7 << 64 | nth as u128, 9, true).unwrap();
            request.headers_mut().insert("traceparent", trace.to_string().parse().unwrap());
            let response = layer.clone().layer(service_fn(answer)).oneshot(request).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
    }
    ledger
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    println!("| endpoints | series | message | median time | allocated / message, first | later |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for endpoints in [10, 100, 1_000] {
        runtime.block_on(async {
            let ledger = filled(endpoints).await;
            let sent = Arc::new(AtomicU64::new(0));
            let noting = Arc::clone(&sent);
            let client = service_fn(move |request: Request<ShortBody>| {
                noting.store(request.body().size_hint().lower(), Relaxed);
                std::future::ready(Ok::<_, Infallible>(Response::new(ShortBody::default())))
            });
            let settings = OtlpSettings::http("http://localhost/".parse().unwrap());
            let mut exporter = OtlpExporter::new(&ledger, client, settings);
            let (mut times, mut allocated) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let region = Region::new(ALLOCATOR);
                let began = Instant::now();
                exporter.export_once().await.unwrap();
                times.push(began.elapsed());
                allocated.push(region.change().bytes_allocated as f64 / sent.load(Relaxed) as f64);
            }
            times.sort();
            let median: Duration = times.get(ROUNDS / 2).copied().unwrap_or_default();
            let (series, bytes) = (ledger.snapshot().series().len(), sent.load(Relaxed));
            let (first, last) = (allocated.first().unwrap(), allocated.last().unwrap());
            println!("| {endpoints} | {series} | {bytes} B | {median:.2?} | {first:.2} | {last:.2} |");
        });
    }
}
