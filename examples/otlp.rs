//! Sends body sizes to an OpenTelemetry collector, with the trace ids behind them.
//!
//! ```sh
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 cargo run --features otlp --example otlp
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 OTEL_EXPORTER_OTLP_PROTOCOL=grpc cargo run --features otlp --example otlp
//! ```
//!
//! `OTEL_SERVICE_NAME`, `OTEL_METRIC_EXPORT_INTERVAL` and the others that `OtlpSettings::from_env` lists count too.
#![allow(clippy::print_stdout, reason = "an example")]

use std::convert::Infallible;
use std::error::Error;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use plimsoll::{
    KIB, Ledger, Limit, OtlpExporter, OtlpProtocol, OtlpSettings, Route, ServerLayer, ShortBody, TraceContext,
};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let ledger = Ledger::new();
    for nth in 1..=100 {
        answer(&ledger, nth).await?;
    }

    let settings = OtlpSettings::from_env()?;
    println!("{} bodies to {}", ledger.snapshot().outcomes().total(), settings.endpoint());
    let http = Client::builder(TokioExecutor::new())
        .http2_only(settings.protocol() == OtlpProtocol::Grpc)
        .build_http::<ShortBody>();
    // A service would `tokio::spawn(exporter.run_until(shutdown))`; this is done with one.
    let exported = OtlpExporter::new(&ledger, http, settings).export_once().await?;
    println!("arrived; {} points rejected", exported.rejected_points());
    Ok(())
}

/// One request through the layer, as a server gets it: in a trace, and each tenth with an answer that is too large.
async fn answer(ledger: &Ledger, nth: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
    let size = if nth % 10 == 0 { 85 * 1024 } else { 8 * 1024 };
    let body = Bytes::from(vec![b'x'; size]);
    let service = ServerLayer::new(ledger).response_limit(Limit::reject_over(64 * KIB)).layer(service_fn(
        move |_: Request<_>| std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(body.clone())))),
    ));
    let mut request = Request::new(Full::<Bytes>::default());
    request.extensions_mut().insert(Route("/inventory/{sku}"));
    if let Some(trace) = TraceContext::new(u128::from(nth) << 64 | 1, nth, true) {
        request.headers_mut().insert("traceparent", trace.to_string().parse()?);
    }
    service.oneshot(request).await?.into_body().collect().await?;
    Ok(())
}
