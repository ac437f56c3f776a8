//! A body held against a limit: what other projects' suites ask of such a wrapper, and the ends of the number line.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod alone;
mod answers;
mod extremes;
mod types;
mod uploads;

use std::convert::Infallible;
use std::fmt;

use bytes::{Buf, Bytes};
use futures_util::stream;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use plimsoll::LimitExceeded;
use tower::BoxError;

/// A body of these pieces that declares nothing.
fn pieces<D: Buf>(pieces: impl IntoIterator<Item = D>) -> impl Body<Data = D, Error = Infallible> + Unpin {
    let frames: Vec<_> = pieces.into_iter().map(|piece| Ok(Frame::data(piece))).collect();
    StreamBody::new(stream::iter(frames))
}

async fn next_data<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Bytes
where
    B::Error: fmt::Debug,
{
    body.frame().await.unwrap().unwrap().into_data().unwrap()
}

async fn next_refusal<B: Body<Error = BoxError> + Unpin>(body: &mut B) -> LimitExceeded {
    match body.frame().await {
        Some(Err(error)) => LimitExceeded::find(&*error).cloned().unwrap(),
        Some(Ok(_)) => panic!("a frame was delivered"),
        None => panic!("the body ended"),
    }
}
