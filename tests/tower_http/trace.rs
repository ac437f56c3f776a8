//! `TraceLayer`: outside ours it sees what leaves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use plimsoll::{Ledger, Limit, ServerLayer};
use tower::ServiceExt;
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::support::book::book;
use crate::support::wire::pieces;

/// What the layer was told of failures, in words.
type Failures = Arc<Mutex<Vec<String>>>;

fn noted(failures: &Failures) -> impl Fn(ServerErrorsFailureClass, Duration, &Span) + Clone + use<> {
    let failures = Arc::clone(failures);
    move |class, _, _| failures.lock().unwrap().push(class.to_string())
}

fn app() -> Router {
    Router::new()
        .route("/", post(async |body: String| body))
        .route("/large", get(async || "1234567890"))
        .route("/stream", get(async || Body::from_stream(pieces(["12345", "67890"]))))
}

fn ours(ledger: &Ledger) -> ServerLayer {
    ServerLayer::new(ledger).request_limit(Limit::reject_over(5)).response_limit(Limit::reject_over(9))
}

#[tokio::test]
async fn outside_ours_it_sees_the_refusal_as_the_caller_does() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let trace = TraceLayer::new_for_http().on_response(move |response: &axum::http::Response<_>, _, _: &Span| {
        note.lock().unwrap().push(response.status().as_u16());
    });
    let ledger = Ledger::new();
    let app = app().layer(ours(&ledger)).layer(trace);
    for body in ["12345", "123456"] {
        app.clone().oneshot(Request::post("/").body(Body::from(body)).unwrap()).await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [200, 413]);
}

/// As a failure it counts the 500 that takes the place of an answer. Of one that breaks off later it says nothing,
/// here as without us: that is for our own event to tell.
#[tokio::test]
async fn outside_ours_it_counts_a_replaced_answer_as_a_failure() {
    let (failures, ledger) = (Failures::default(), Ledger::new());
    let app = app().layer(ours(&ledger)).layer(TraceLayer::new_for_http().on_failure(noted(&failures)));
    app.clone().oneshot(Request::get("/large").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(*failures.lock().unwrap(), ["Status code: 500 Internal Server Error"]);
    let answer = app.oneshot(Request::get("/stream").body(Body::empty()).unwrap()).await.unwrap();
    answer.into_body().collect().await.unwrap_err();
    assert_eq!(failures.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn inside_ours_it_takes_part_as_any_layer_and_bodies_are_counted_through_it() {
    let (failures, ledger) = (Failures::default(), Ledger::new());
    let app = app().layer(TraceLayer::new_for_http().on_failure(noted(&failures))).layer(ours(&ledger));
    let answer = app.oneshot(Request::get("/stream").body(Body::empty()).unwrap()).await.unwrap();
    answer.into_body().collect().await.unwrap_err();
    assert!(failures.lock().unwrap().is_empty());
    assert_eq!(
        book(&ledger)[1],
        "server response GET /stream 200: 1 rejected_streaming, 0 B, 10 B offered, 1 over limit"
    );
}
