//! Our layers beside those of tower-http and tower, in the orders that users have.
#![cfg(test)]
#![cfg(feature = "axum")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod answering;
mod compression;
mod decompression;
mod limit;
mod timeout;
mod tower_layers;
mod trace;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use http_body_util::BodyExt;

/// A `POST` with this body.
fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/upload").body(body.into()).unwrap()
}

/// The status and the text of an answer of any service.
async fn text<B>(response: Response<B>) -> (u16, String)
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}
