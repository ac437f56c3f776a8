//! With `tracing` spans that tracing-opentelemetry exports: the stack that most services have.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use plimsoll::{Direction, Ledger, Limit, ServerLayer};
use tower_http::trace::{DefaultMakeSpan, HttpMakeClassifier, TraceLayer};
use tracing::subscriber::DefaultGuard;
use tracing::{Instrument, Level};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::support::protocol::Protocol;
use crate::support::readings::only;
use crate::support::wire::{pieces, serve};
use crate::{Traces, ask, attributes};

/// Exports `tracing` spans of this thread, and so of a test's runtime, until it is dropped.
fn subscribe(traces: &Traces) -> DefaultGuard {
    Registry::default().with(tracing_opentelemetry::layer().with_tracer(traces.tracer())).set_default()
}

fn trace_layer() -> TraceLayer<HttpMakeClassifier> {
    TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new().level(Level::INFO))
}

fn app() -> Router {
    Router::new()
        .route("/echo", post(async |body: String| body))
        .route("/stream", get(async || Body::from_stream(pieces(["12345", "67890"]))))
}

#[tokio::test]
async fn inside_the_trace_layer_its_span_tells_the_sizes_of_both_bodies() {
    for protocol in Protocol::BOTH {
        let traces = Traces::all();
        let _subscribed = subscribe(&traces);
        let ledger = Ledger::new();
        let server = serve(app().layer(ServerLayer::new(&ledger)).layer(trace_layer())).await;

        let answer = protocol.reqwest().post(format!("{server}/echo")).body("12345").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "12345");
        let span = eventually_ended(&traces).await;
        assert_eq!(attributes(&span), ["http.request.body.size=5", "http.response.body.size=5"], "{protocol:?}");
        let exemplars = only(&ledger, Direction::Response).completed_exemplars;
        assert_eq!(exemplars[0].trace_id().to_be_bytes(), span.span_context.trace_id().to_bytes());
        assert_eq!(exemplars[0].span_id().to_be_bytes(), span.span_context.span_id().to_bytes());
    }
}

#[tokio::test]
async fn inside_the_trace_layer_a_stream_is_told_when_it_ends() {
    for protocol in Protocol::BOTH {
        let traces = Traces::all();
        let _subscribed = subscribe(&traces);
        let server = serve(app().layer(ServerLayer::new(&Ledger::new())).layer(trace_layer())).await;
        let answer = protocol.reqwest().get(format!("{server}/stream")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "1234567890");
        let span = eventually_ended(&traces).await;
        assert_eq!(attributes(&span), ["http.request.body.size=0", "http.response.body.size=10"], "{protocol:?}");
    }
}

/// A span for each request that nobody but the handler's future holds.
async fn instrumented(request: Request, next: Next) -> Response<Body> {
    next.run(request).instrument(tracing::info_span!("request")).await
}

/// Such a span ends with that future: what comes later is lost, and what is known by then is not.
#[tokio::test]
async fn inside_an_instrumented_future_a_stream_that_ends_later_is_not_told() {
    let traces = Traces::all();
    let _subscribed = subscribe(&traces);
    let app = app().layer(ServerLayer::new(&Ledger::new())).layer(from_fn(instrumented));
    ask(app, Request::get("/stream").body(Body::empty()).unwrap()).await;
    let span = eventually_ended(&traces).await;
    assert_eq!(attributes(&span), ["http.request.body.size=0"]);
}

#[tokio::test]
async fn a_span_that_is_kept_tells_of_a_stream_that_ends_after_the_handler() {
    let traces = Traces::all();
    let _subscribed = subscribe(&traces);
    let app = app().layer(ServerLayer::new(&Ledger::new()).keep_span(true)).layer(from_fn(instrumented));
    let answer = tower::ServiceExt::oneshot(app, Request::get("/stream").body(Body::empty()).unwrap()).await.unwrap();
    assert!(
        traces.exported().iter().all(|span| span.name != "request"),
        "the handler has returned, the body not ended"
    );
    http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
    let span = eventually_ended(&traces).await;
    assert_eq!(attributes(&span), ["http.request.body.size=0", "http.response.body.size=10"]);
}

#[tokio::test]
async fn a_refusal_marks_the_span() {
    let traces = Traces::all();
    let _subscribed = subscribe(&traces);
    let ours = ServerLayer::new(&Ledger::new()).response_limit(Limit::reject_over(9));
    ask(app().layer(ours).layer(trace_layer()), Request::get("/stream").body(Body::empty()).unwrap()).await;
    assert_eq!(
        attributes(&eventually_ended(&traces).await),
        [
            "error.type=plimsoll.limit_exceeded",
            "http.request.body.size=0",
            "plimsoll.limit=9",
            "plimsoll.response.body.refused_size=10",
        ]
    );
}

/// The order to avoid: there the span of the request is not active yet.
#[tokio::test]
async fn outside_the_trace_layer_only_the_caller_s_trace_is_known() {
    let traces = Traces::all();
    let _subscribed = subscribe(&traces);
    let ledger = Ledger::new();
    let app = app().layer(trace_layer()).layer(ServerLayer::new(&ledger));
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    ask(app, Request::get("/stream").header("traceparent", caller).body(Body::empty()).unwrap()).await;

    let span = eventually_ended(&traces).await;
    assert_eq!(attributes(&span), Vec::<String>::new());
    let exemplars = only(&ledger, Direction::Response).completed_exemplars;
    assert_eq!(exemplars[0].trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    assert_ne!(exemplars[0].trace_id().to_be_bytes(), span.span_context.trace_id().to_bytes());
}

/// The only span of the server's: reqwest and hyper may have some of their own.
async fn eventually_ended(traces: &Traces) -> opentelemetry_sdk::trace::SpanData {
    crate::support::readings::eventually(|| traces.exported().into_iter().find(|span| span.name == "request")).await
}
