//! Layers of tower-http that answer on their own, around ours in one `ServiceBuilder`, and what they leave to count.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use axum::routing::post;
use http_body_util::BodyExt;
use plimsoll::{Ledger, ServerLayer};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;
use tower_http::validate_request::ValidateRequestHeaderLayer;

use crate::post as upload;
use crate::support::book::book;
use crate::support::wire::pieces;

#[tokio::test]
async fn what_is_answered_outside_ours_never_comes_to_it() {
    let ledger = Ledger::new();
    let shop: HeaderValue = "http://shop.example".parse().unwrap();
    let stack = ServiceBuilder::new()
        .layer(CorsLayer::new().allow_origin(shop).allow_methods([Method::POST]))
        .layer(ValidateRequestHeaderLayer::accept("text/plain"))
        .layer(ServerLayer::new(&ledger));
    let app = Router::new().route("/upload", post(async |body: String| body)).layer(stack);

    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/upload")
        .header("origin", "http://shop.example")
        .header("access-control-request-method", "POST")
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.clone().oneshot(preflight).await.unwrap().headers()["access-control-allow-methods"], "POST");
    let mut unacceptable = upload("12345");
    unacceptable.headers_mut().insert("accept", HeaderValue::from_static("image/png"));
    assert_eq!(app.clone().oneshot(unacceptable).await.unwrap().status(), 406);
    assert!(book(&ledger).is_empty());

    assert_eq!(crate::text(app.oneshot(upload("12345")).await.unwrap()).await, (200, "12345".into()));
    assert_eq!(
        book(&ledger),
        ["server request POST /upload: 1 complete, 5 B", "server response POST /upload 200: 1 complete, 5 B"]
    );
}

/// Reads half of its request and panics.
async fn clumsy(mut body: Body) {
    body.frame().await.unwrap().unwrap();
    panic!("while reading");
}

#[tokio::test]
async fn a_handler_that_panics_has_aborted_its_request() {
    let clumsy = || Router::new().route("/upload", post(clumsy));
    let ledger = Ledger::new();
    let outside = clumsy().layer(ServerLayer::new(&ledger)).layer(CatchPanicLayer::new());
    let answer = outside.oneshot(upload(Body::from_stream(pieces(["12345", "67890"])))).await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(book(&ledger), ["server request POST /upload: 1 aborted, 0 B"]);

    let ledger = Ledger::new();
    let inside = clumsy().layer(CatchPanicLayer::new()).layer(ServerLayer::new(&ledger));
    let answer = inside.oneshot(upload(Body::from_stream(pieces(["12345", "67890"])))).await.unwrap();
    let (status, text) = crate::text(answer).await;
    assert_eq!(status, 500);
    assert_eq!(
        book(&ledger),
        [
            "server request POST /upload: 1 aborted, 0 B".to_owned(),
            format!("server response POST /upload 500: 1 complete, {} B", text.len()),
        ]
    );
}
