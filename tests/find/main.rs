//! `LimitExceeded::find` on every error that a stack hands to its user; and what hides a refusal, with what to do then.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod connections;
#[cfg(feature = "reqwest-middleware")]
mod middlewares;
#[cfg(feature = "reqwest")]
mod reqwests;
mod services;
mod wrapped;

use std::convert::Infallible;
use std::error::Error as StdError;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use plimsoll::{ClientLayer, Error, Ledger, Limit, LimitExceeded, MeteredBody};
use tower::{BoxError, Layer, ServiceExt, service_fn};

/// What every refusal here is about: 11 bytes, or the frame that crosses the line, over a limit of 10.
const LIMIT: Limit = Limit::reject_over(10);

/// That `error` leads to a refusal.
#[track_caller]
fn finds(error: &(dyn StdError + 'static)) {
    match LimitExceeded::find(error) {
        Some(exceeded) => assert_eq!(exceeded.limit(), 10, "{error:?}"),
        None => panic!("no refusal behind {error:?}"),
    }
}

/// That it does not.
#[track_caller]
fn hides(error: &(dyn StdError + 'static)) {
    assert!(LimitExceeded::find(error).is_none(), "{error:?}");
}

/// A refusal as a call gives it.
async fn refused() -> Error {
    let answer = |_: Request<MeteredBody<Full<Bytes>>>| async { Ok::<_, Infallible>(Response::new(eleven_bytes())) };
    let client = ClientLayer::new(&Ledger::new()).response_limit(LIMIT).layer(service_fn(answer));
    client.oneshot(Request::new(Full::default())).await.unwrap_err()
}

/// A refusal as a body gives it.
async fn refused_body() -> BoxError {
    MeteredBody::new(eleven_bytes(), LIMIT).collect().await.unwrap_err()
}

/// The refusal itself, taken out of its error.
async fn bare_refusal() -> LimitExceeded {
    refused().await.limit_exceeded().unwrap().clone()
}

fn eleven_bytes() -> Full<Bytes> {
    Full::from("eleven byte")
}

type Streamed = BoxBody<Bytes, std::io::Error>;

/// A body of unknown length, over the limit with its last frame.
fn streamed() -> Streamed {
    let frames =
        futures_util::stream::iter(["eleven", " ", "byte"]).map(|text| Ok(Bytes::from_static(text.as_bytes())));
    BodyExt::boxed(StreamBody::new(frames.map_ok(Frame::data)))
}
