//! What is written on the active span when the bodies of its request end.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use opentelemetry::trace::{FutureExt, TraceContextExt};
use plimsoll::{Direction, Ledger, Limit, ServerLayer};
use tower::{ServiceBuilder, ServiceExt};

use crate::support::protocol::Protocol;
use crate::support::readings::only;
use crate::support::wire::{fed, pieces, serve};
use crate::{Traces, ask, attributes, traced};

fn app() -> Router {
    Router::new()
        .route("/echo", post(async |body: String| body))
        .route("/stream", get(async || Body::from_stream(pieces(["12345", "67890"]))))
}

/// The usual stack: the tracing middleware outside, and so added last.
fn stack(traces: &Traces, ours: ServerLayer) -> Router {
    app().layer(ours).layer(from_fn_with_state(traces.tracer(), traced))
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn the_span_of_a_request_tells_the_sizes_of_both_bodies() {
    for protocol in Protocol::BOTH {
        let traces = Traces::all();
        let server = serve(stack(&traces, ServerLayer::new(&Ledger::new()))).await;
        let answer = protocol.reqwest().post(format!("{server}/echo")).body("12345").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "12345");
        let span = traces.ended().await;
        assert_eq!(attributes(&span), ["http.request.body.size=5", "http.response.body.size=5"], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_after_its_handler_has_returned_is_told_as_well() {
    for protocol in Protocol::BOTH {
        let traces = Traces::all();
        let (feeder, body) = fed();
        let body = std::sync::Mutex::new(Some(body));
        let answer = move || std::future::ready(Body::from_stream(body.lock().unwrap().take().unwrap()));
        let answer = std::sync::Arc::new(answer);
        let app = Router::new().route("/late", get(move || answer()));
        let ours = ServerLayer::new(&Ledger::new());
        let server = serve(app.layer(ours).layer(from_fn_with_state(traces.tracer(), traced))).await;

        let mut answer = protocol.reqwest().get(format!("{server}/late")).send().await.unwrap();
        assert!(traces.exported().is_empty(), "the span is kept while the body lasts");
        feeder.send("1234567".into()).unwrap();
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "1234567");
        drop(feeder);
        assert_eq!(answer.bytes().await.unwrap(), "");
        let span = traces.ended().await;
        assert_eq!(attributes(&span), ["http.request.body.size=0", "http.response.body.size=7"], "{protocol:?}");
    }
}

/// Whatever memory there is: for an endpoint, for its series, for their counters of five bytes, or for none of them.
#[tokio::test]
async fn a_size_is_told_once_also_where_another_series_counts_it() {
    for max_bytes in (0..8_192).step_by(64) {
        let (traces, ledger) = (Traces::all(), Ledger::builder().max_bytes(max_bytes).build());
        let request = Request::post("/echo").body(Body::from("12345")).unwrap();
        ask(stack(&traces, ServerLayer::new(&ledger)), request).await;
        let told = attributes(&traces.ended().await);
        assert_eq!(told, ["http.request.body.size=5", "http.response.body.size=5"], "of {max_bytes} bytes");
    }
}

#[tokio::test]
async fn a_body_that_is_not_read_to_its_end_has_no_size_to_tell() {
    let traces = Traces::all();
    let answer = stack(&traces, ServerLayer::new(&Ledger::new())).oneshot(get_request("/stream")).await.unwrap();
    let mut body = answer.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(attributes(&traces.ended().await), ["http.request.body.size=0"]);
}

#[tokio::test]
async fn a_refusal_marks_the_span_so_that_its_trace_can_be_kept() {
    let refused_request = Request::post("/echo").body(Body::from("123456")).unwrap();
    let ours =
        ServerLayer::new(&Ledger::new()).request_limit(Limit::reject_over(5)).response_limit(Limit::reject_over(9));
    let cases: [(_, &[&str]); 3] = [
        (
            refused_request,
            &["error.type=plimsoll.limit_exceeded", "plimsoll.limit=5", "plimsoll.request.body.refused_size=6"],
        ),
        (
            Request::post("/echo").body(Body::from_stream(pieces(["123", "456"]))).unwrap(),
            &["error.type=plimsoll.limit_exceeded", "plimsoll.limit=5", "plimsoll.request.body.refused_size=6"],
        ),
        (
            get_request("/stream"),
            &[
                "error.type=plimsoll.limit_exceeded",
                "http.request.body.size=0",
                "plimsoll.limit=9",
                "plimsoll.response.body.refused_size=10",
            ],
        ),
    ];
    for (request, expected) in cases {
        let traces = Traces::all();
        ask(stack(&traces, ours.clone()), request).await;
        let told = attributes(&traces.ended().await);
        // The refusal's own body is the response of such a request, and told as any other.
        let told: Vec<&str> =
            told.iter().map(String::as_str).filter(|told| !told.starts_with("http.response.body.size=1")).collect();
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn a_warning_is_not_an_error() {
    let traces = Traces::all();
    let ours = ServerLayer::new(&Ledger::new()).response_limit(Limit::warn_over(5));
    ask(stack(&traces, ours), get_request("/stream")).await;
    assert_eq!(attributes(&traces.ended().await), ["http.request.body.size=0", "http.response.body.size=10"]);
}

#[tokio::test]
async fn switched_off_nothing_is_written_and_the_span_is_not_kept_but_exemplars_are() {
    let (traces, ledger) = (Traces::all(), Ledger::new());
    let ours = ServerLayer::new(&ledger).span_attributes(false).response_limit(Limit::reject_over(9));
    let answer = stack(&traces, ours).oneshot(get_request("/stream")).await.unwrap();
    let span = traces.ended().await;
    answer.into_body().collect().await.unwrap_err();
    assert_eq!(attributes(&span), Vec::<String>::new());
    let exemplar = only(&ledger, Direction::Response).over_limit_exemplar.unwrap();
    assert_eq!(exemplar.trace_id().to_be_bytes(), span.span_context.trace_id().to_bytes());
}

#[tokio::test]
async fn a_span_that_its_owner_has_ended_is_left_alone() {
    let traces = Traces::all();
    let service = ServiceBuilder::new()
        .layer(ServerLayer::new(&Ledger::new()))
        .service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(Body::from("hello"))));
    let active = traces.active();
    let answer = service.oneshot(get_request("/")).with_context(active.clone()).await.unwrap();
    active.span().end();
    answer.into_body().collect().await.unwrap();
    assert_eq!(attributes(&traces.ended().await), ["http.request.body.size=0"]);
}
