//! Spans of calls to an upstream: one that is the call's own, and that of the request whose handler makes it.

use std::convert::Infallible;
use std::future::{Ready, ready};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use futures_util::stream;
use http_body_util::BodyExt;
use opentelemetry::trace::FutureExt;
use plimsoll::{ClientLayer, ClientService, KIB, Ledger, Limit, MeteredBody, ServerLayer};
use tower::util::ServiceFn;
use tower::{Layer, ServiceExt, service_fn};

use crate::{Traces, ask, attributes, traced};

type Answer = fn(Request<MeteredBody<Body>>) -> Ready<Result<Response<Body>, Infallible>>;

/// An upstream behind our layer. It answers with 85,000 bytes, of known length or not.
fn inventory(layer: ClientLayer, declares: bool) -> ClientService<ServiceFn<Answer>> {
    let declared: Answer = |_| ready(Ok(Response::new(Body::from("x".repeat(85_000)))));
    let streamed: Answer = |_| {
        let pieces = stream::iter(vec![Ok::<_, Infallible>("x".repeat(1000)); 85]);
        ready(Ok(Response::new(Body::from_stream(pieces))))
    };
    layer.layer(service_fn(if declares { declared } else { streamed }))
}

fn layer() -> ClientLayer {
    ClientLayer::new(&Ledger::new()).upstream("inventory")
}

/// What the span tells of a request whose handler calls the upstream, and falls back where that fails.
async fn told_by_checkout(layer: ClientLayer, declares: bool) -> Vec<String> {
    let traces = Traces::all();
    let inventory = inventory(layer, declares);
    let checkout = async move || match inventory.oneshot(Request::new(Body::empty())).await {
        Ok(answer) => answer.into_body().collect().await.map_or("from the cache", |_| "up to date"),
        Err(_) => "from the cache",
    };
    let app = Router::new().route("/checkout", get(checkout)).layer(ServerLayer::new(&Ledger::new()));
    let app = app.layer(from_fn_with_state(traces.tracer(), traced));
    ask(app, Request::get("/checkout").body(Body::empty()).unwrap()).await;
    attributes(&traces.ended().await)
}

#[tokio::test]
async fn a_span_of_the_call_s_own_tells_its_sizes() {
    let traces = Traces::all();
    let call = inventory(layer().span_attributes(true), false).oneshot(Request::new(Body::from("12345")));
    let answer = call.with_context(traces.active()).await.unwrap();
    answer.into_body().collect().await.unwrap();
    // Nobody read the five bytes.
    assert_eq!(attributes(&traces.ended().await), ["http.response.body.size=85000"]);
}

#[tokio::test]
async fn a_span_of_the_call_s_own_tells_that_it_was_refused() {
    for declares in [true, false] {
        let traces = Traces::all();
        let layer = layer().span_attributes(true).response_limit(Limit::reject_over(64 * KIB));
        let call = inventory(layer, declares).oneshot(Request::new(Body::empty()));
        if let Ok(answer) = call.with_context(traces.active()).await {
            answer.into_body().collect().await.expect_err("it is refused while it is read");
        }
        let size = if declares { 85_000 } else { 66_000 };
        assert_eq!(
            attributes(&traces.ended().await),
            [
                "error.type=plimsoll.limit_exceeded".to_owned(),
                "http.request.body.size=0".to_owned(),
                "plimsoll.limit=65536".to_owned(),
                format!("plimsoll.response.body.refused_size={size}"),
            ]
        );
    }
}

/// Otherwise a call runs in its handler's span, and that one tells the sizes of the handler's own request.
#[tokio::test]
async fn the_span_of_a_request_tells_no_sizes_of_calls_that_it_makes() {
    for declares in [true, false] {
        assert_eq!(
            told_by_checkout(layer(), declares).await,
            ["http.request.body.size=0", "http.response.body.size=10"]
        );
    }
}

/// So that its trace can be kept. Whether the request has failed with it is not for us to say.
#[tokio::test]
async fn the_span_of_a_request_is_marked_by_a_call_that_was_refused() {
    for (declares, size) in [(true, 85_000), (false, 66_000)] {
        let layer = layer().response_limit(Limit::reject_over(64 * KIB));
        assert_eq!(
            told_by_checkout(layer, declares).await,
            [
                "http.request.body.size=0".to_owned(),
                "http.response.body.size=14".to_owned(),
                "plimsoll.limit=65536".to_owned(),
                format!("plimsoll.response.body.refused_size={size}"),
            ]
        );
    }
}

#[tokio::test]
async fn switched_off_a_refused_call_leaves_no_mark() {
    let layer = layer().response_limit(Limit::reject_over(64 * KIB)).span_attributes(false);
    assert_eq!(told_by_checkout(layer, true).await, ["http.request.body.size=0", "http.response.body.size=14"]);
}
