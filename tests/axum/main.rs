//! `ServerLayer` in axum's stacks, in the places where users put it.
#![cfg(feature = "axum")]
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod extractors;
mod limits;
mod refusals;
mod responses;
mod routes;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use tower::ServiceExt;

/// One request through a router, without a connection: the status and the text of the answer.
async fn ask(app: &Router, method: Method, path: &str, body: impl Into<Body>) -> (u16, String) {
    let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    text(app.clone().oneshot(request).await.unwrap()).await
}

/// The status and the whole text of an answer.
async fn text(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}
