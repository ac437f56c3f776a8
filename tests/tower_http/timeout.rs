//! Timeouts: a body that takes too long ends once, and never as a whole one.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use plimsoll::{ClientLayer, Ledger, ServerLayer};
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_http::timeout::{
    RequestBodyDeadlineLayer, RequestBodyTimeoutLayer, ResponseBodyDeadlineLayer, ResponseBodyTimeoutLayer,
    TimeoutError, TimeoutLayer,
};

use crate::post;
use crate::support::book::book;

const SECOND: Duration = Duration::from_secs(1);

/// Five bytes, and then nothing for ever.
fn stalled() -> Body {
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"12345"))]);
    Body::from_stream(first.chain(stream::pending()))
}

/// Reads its request to the end, and says what came of it.
async fn read<B>(request: Request<B>) -> Result<Response<Body>, Infallible>
where
    B: http_body::Body<Error: Into<BoxError>>,
{
    Ok(match request.into_body().collect().await {
        Ok(_) => Response::new(Body::empty()),
        Err(error) => {
            let timed_out = find_timeout(&*error.into());
            let status = if timed_out { StatusCode::REQUEST_TIMEOUT } else { StatusCode::BAD_REQUEST };
            Response::builder().status(status).body(Body::empty()).unwrap()
        }
    })
}

/// Whether tower-http's timeout is behind this error.
fn find_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<TimeoutError>() || error.source().is_some_and(find_timeout)
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, SECOND)
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_ours_aborts_the_upload_and_takes_the_answer() {
    let ledger = Ledger::new();
    let app = ServiceBuilder::new().layer(timeout()).layer(ServerLayer::new(&ledger)).service_fn(read);
    assert_eq!(app.oneshot(post(stalled())).await.unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(book(&ledger), ["server request POST (no route): 1 aborted, 0 B"]);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_ours_aborts_the_upload_and_its_answer_is_counted() {
    let ledger = Ledger::new();
    let app = ServiceBuilder::new().layer(ServerLayer::new(&ledger)).layer(timeout()).service_fn(read);
    assert_eq!(app.oneshot(post(stalled())).await.unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(
        book(&ledger),
        ["server request POST (no route): 1 aborted, 0 B", "server response POST (no route) 504: 1 complete, 0 B"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_has_failed_to_a_layer_inside_its_timeout() {
    let ledger = Ledger::new();
    let idle = ServiceBuilder::new()
        .layer(RequestBodyTimeoutLayer::new(SECOND))
        .layer(ServerLayer::new(&ledger))
        .service_fn(read);
    let deadline = ServiceBuilder::new()
        .layer(RequestBodyDeadlineLayer::new(SECOND))
        .layer(ServerLayer::new(&ledger))
        .service_fn(read);
    assert_eq!(idle.oneshot(post(stalled())).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(deadline.oneshot(post(stalled())).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(
        book(&ledger),
        ["server request POST (no route): 2 failed, 0 B", "server response POST (no route) 408: 2 complete, 0 B"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stalls_was_aborted_to_a_layer_outside_its_timeout() {
    let ledger = Ledger::new();
    let idle = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .layer(RequestBodyTimeoutLayer::new(SECOND))
        .service_fn(read);
    let deadline = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .layer(RequestBodyDeadlineLayer::new(SECOND))
        .service_fn(read);
    assert_eq!(idle.oneshot(post(stalled())).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(deadline.oneshot(post(stalled())).await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(
        book(&ledger),
        ["server request POST (no route): 2 aborted, 0 B", "server response POST (no route) 408: 2 complete, 0 B"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stalls_ends_once_on_either_side_of_its_timeout() {
    async fn stall(_: Request<impl Send>) -> Result<Response<Body>, Infallible> {
        Ok(Response::new(stalled()))
    }

    let ledger = Ledger::new();
    let inside = ServiceBuilder::new()
        .layer(ResponseBodyTimeoutLayer::new(SECOND))
        .layer(ServerLayer::new(&ledger))
        .service_fn(stall);
    let error = inside.oneshot(post(())).await.unwrap().into_body().collect().await.unwrap_err();
    assert!(find_timeout(&*error));
    assert_eq!(
        book(&ledger),
        ["server request POST (no route): 1 complete, 0 B", "server response POST (no route) 200: 1 aborted, 0 B"]
    );

    let ledger = Ledger::new();
    let outside = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .layer(ResponseBodyDeadlineLayer::new(SECOND))
        .service_fn(stall);
    let error = outside.oneshot(post(())).await.unwrap().into_body().collect().await.unwrap_err();
    assert!(find_timeout(&*error), "{error}");
    assert_eq!(
        book(&ledger),
        ["server request POST (no route): 1 complete, 0 B", "server response POST (no route) 200: 1 failed, 0 B"]
    );
}

/// tower-http's body hides the size hint of the one inside, so the layers cannot see that it is the same: documented.
#[tokio::test(start_paused = true)]
async fn a_timeout_between_two_layers_makes_two_samples_of_one_body() {
    let ledger = Ledger::new();
    let app = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .layer(RequestBodyTimeoutLayer::new(SECOND))
        .layer(ResponseBodyTimeoutLayer::new(SECOND))
        .layer(ServerLayer::new(&ledger))
        .service_fn(async |request: Request<_>| Ok::<_, Infallible>(Response::new(request.into_body())));
    let answer = app.oneshot(post("12345")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "12345");
    assert_eq!(
        book(&ledger),
        ["server request POST (no route): 2 complete, 10 B", "server response POST (no route) 200: 2 complete, 10 B"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_s_timeout_leaves_no_answer_to_count() {
    let ledger = Ledger::new();
    let client = ServiceBuilder::new()
        .timeout(SECOND)
        .layer(ClientLayer::new(&ledger).upstream("inventory"))
        .service_fn(async |_: Request<_>| pending::<Result<Response<Body>, BoxError>>().await);
    let error = client.oneshot(post("12345")).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());
    assert_eq!(book(&ledger), ["client request POST (no template) of inventory: 1 unread, 0 B"]);
}
