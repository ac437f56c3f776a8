//! With feature `opentelemetry`: numbers lead to the spans of the process, and spans tell the sizes.
#![cfg(test)]
#![cfg(feature = "opentelemetry")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod attributes;
mod calls;
mod detected;
mod exemplars;
mod meter;
mod through_tracing;

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use axum::middleware::Next;
use http_body_util::BodyExt;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt, SpanKind, TraceContextExt, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracer, SdkTracerProvider, SpanData};
use tower::{Service, ServiceExt};

use crate::support::readings::eventually;

/// Spans of a test, exported when they end.
struct Traces {
    provider: SdkTracerProvider,
    exported: InMemorySpanExporter,
}

impl Traces {
    fn all() -> Self {
        Self::sampled_by(Sampler::AlwaysOn)
    }

    fn sampled_by(sampler: Sampler) -> Self {
        let exported = InMemorySpanExporter::default();
        let provider =
            SdkTracerProvider::builder().with_sampler(sampler).with_simple_exporter(exported.clone()).build();
        Self { provider, exported }
    }

    fn tracer(&self) -> SdkTracer {
        self.provider.tracer("test")
    }

    /// A context in which a new span is active.
    fn active(&self) -> Context {
        Context::new().with_span(self.tracer().start("call"))
    }

    fn exported(&self) -> Vec<SpanData> {
        self.exported.get_finished_spans().unwrap()
    }

    /// The only span, once it has ended: it may be kept until the bodies of its request have.
    async fn ended(&self) -> SpanData {
        let mut spans = eventually(|| Some(self.exported()).filter(|spans| !spans.is_empty())).await;
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }
}

/// A span for each request, active while it is handled: what an instrumentation of a server does.
async fn traced(State(tracer): State<SdkTracer>, request: Request<Body>, next: Next) -> Response<Body> {
    let span = tracer.span_builder("request").with_kind(SpanKind::Server).start(&tracer);
    next.run(request).with_context(Context::current_with_span(span)).await
}

/// One request through a service, and its answer to the end.
async fn ask<S, B>(service: S, request: Request<Body>)
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible>,
    B: http_body::Body,
{
    let answer = service.oneshot(request).await.unwrap();
    let _ = answer.into_body().collect().await;
}

/// What a span says of bodies, each as `name=value`, sorted.
fn attributes(span: &SpanData) -> Vec<String> {
    let ours = |key: &str| key.contains("body") || key.contains("plimsoll") || key == "error.type";
    let mut attributes: Vec<String> = span
        .attributes
        .iter()
        .filter(|attribute| ours(attribute.key.as_str()))
        .map(|attribute| format!("{}={}", attribute.key, attribute.value))
        .collect();
    attributes.sort();
    attributes
}
