//! Which trace a number leads to: that of the active span, else the caller's, else none.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{Request, Response};
use opentelemetry::trace::{FutureExt, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Sampler;
use plimsoll::{Direction, Exemplar, ExemplarFilter, Ledger, Limit, ServerLayer};
use tower::{ServiceBuilder, ServiceExt};

use crate::support::readings::only;
use crate::{Traces, ask};

/// The caller's context, as it comes in a header.
const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CALLER_IDS: (u128, u64) = (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331);

/// Answers `hello`, with this layer around it, and the caller's context in the request.
async fn call(layer: ServerLayer) {
    let service = ServiceBuilder::new()
        .layer(layer)
        .service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(Body::from("hello"))));
    ask(service, Request::builder().header("traceparent", CALLER).body(Body::empty()).unwrap()).await;
}

/// The exemplars of the answers, as pairs of trace id and span id.
fn answers(ledger: &Ledger) -> Vec<(u128, u64)> {
    only(ledger, Direction::Response).completed_exemplars.iter().map(ids).collect()
}

fn ids(exemplar: &Exemplar) -> (u128, u64) {
    (exemplar.trace_id(), exemplar.span_id())
}

fn ids_of(span: &SpanContext) -> (u128, u64) {
    (u128::from_be_bytes(span.trace_id().to_bytes()), u64::from_be_bytes(span.span_id().to_bytes()))
}

fn remote(flags: TraceFlags) -> SpanContext {
    SpanContext::new(TraceId::from(7), SpanId::from(9), flags, true, TraceState::default())
}

#[tokio::test]
async fn the_active_span_wins_over_the_header() {
    let (traces, ledger) = (Traces::all(), Ledger::new());
    let active = traces.active();
    call(ServerLayer::new(&ledger)).with_context(active.clone()).await;
    assert_eq!(answers(&ledger), [ids_of(active.span().span_context())]);
}

#[tokio::test]
async fn without_an_active_span_the_header_says_it() {
    let ledger = Ledger::new();
    call(ServerLayer::new(&ledger)).await;
    assert_eq!(answers(&ledger), [CALLER_IDS]);
}

#[tokio::test]
async fn a_context_without_a_span_is_no_trace_of_its_own() {
    #[derive(Debug)]
    struct Tenant;

    let ledger = Ledger::new();
    call(ServerLayer::new(&ledger)).with_context(Context::new().with_value(Tenant)).await;
    assert_eq!(answers(&ledger), [CALLER_IDS]);
}

#[tokio::test]
async fn a_span_without_ids_is_none() {
    let ledger = Ledger::new();
    let invalid = Context::new().with_remote_span_context(SpanContext::empty_context());
    call(ServerLayer::new(&ledger)).with_context(invalid).await;
    assert_eq!(answers(&ledger), [CALLER_IDS]);
}

#[tokio::test]
async fn a_remote_span_that_is_active_counts_as_one() {
    for write in [true, false] {
        let ledger = Ledger::new();
        let active = Context::new().with_remote_span_context(remote(TraceFlags::SAMPLED));
        call(ServerLayer::new(&ledger).span_attributes(write)).with_context(active).await;
        assert_eq!(answers(&ledger), [(7, 9)]);
    }
}

#[tokio::test]
async fn a_trace_that_is_not_sampled_leaves_an_exemplar_only_where_all_do() {
    for (filter, left) in
        [(ExemplarFilter::TraceBased, false), (ExemplarFilter::AlwaysOn, true), (ExemplarFilter::AlwaysOff, false)]
    {
        let ledger = Ledger::builder().exemplars(filter).build();
        let unsampled = Traces::sampled_by(Sampler::AlwaysOff);
        let active = unsampled.active();
        let span = ids_of(active.span().span_context());
        assert!(!active.span().span_context().is_sampled());
        call(ServerLayer::new(&ledger)).with_context(active).await;
        assert_eq!(answers(&ledger), if left { vec![span] } else { vec![] }, "{filter:?}");

        let ledger = Ledger::builder().exemplars(filter).build();
        let active = Context::new().with_remote_span_context(remote(TraceFlags::NOT_SAMPLED));
        call(ServerLayer::new(&ledger)).with_context(active).await;
        assert_eq!(answers(&ledger), if left { vec![(7, 9)] } else { vec![] }, "{filter:?}");
    }
}

#[tokio::test]
async fn a_refused_body_leads_to_the_span_of_its_call() {
    let (traces, ledger) = (Traces::all(), Ledger::new());
    let active = traces.active();
    call(ServerLayer::new(&ledger).response_limit(Limit::warn_over(4))).with_context(active.clone()).await;
    let answers = only(&ledger, Direction::Response);
    let span = ids_of(active.span().span_context());
    let exemplar = answers.over_limit_exemplar.expect("it was over its limit");
    assert_eq!((exemplar.value(), ids(&exemplar)), (5, span));
}

/// The body is read when the span's context is long no longer active.
#[tokio::test]
async fn it_is_the_span_of_the_call_not_of_the_reader() {
    let (traces, ledger) = (Traces::all(), Ledger::new());
    let service = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(Body::from("hello"))));
    let active = traces.active();
    active.span().set_attribute(KeyValue::new("which", "the call's"));
    let answer = service.oneshot(Request::new(Body::empty())).with_context(active.clone()).await.unwrap();
    let reader = traces.active();
    http_body_util::BodyExt::collect(answer.into_body()).with_context(reader).await.unwrap();
    assert_eq!(answers(&ledger), [ids_of(active.span().span_context())]);
}
