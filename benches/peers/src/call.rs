//! One call, without a network: the request, the handler that reads it, and the reader of the answer.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Buf;
use http::{HeaderValue, Request, Response, header, request};
use http_body::Body;
use http_body_util::BodyExt;
use plimsoll::Route;

use crate::exchange::{self, Exchange, Pieces, ROUTES, Shape};

/// The heads of the requests that go round the endpoints, as a browser or a service sends them.
pub(crate) fn heads(exchange: Exchange) -> impl Iterator<Item = request::Parts> {
    ROUTES.iter().take(exchange.endpoints).map(move |route| {
        let request = Request::post(exchange::path(route))
            .header(header::HOST, "shop.example")
            .header(header::USER_AGENT, "bench/1")
            .header(header::ACCEPT, "*/*")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, exchange.question.bytes)
            .extension(Route(route))
            .body(());
        request.expect("the head is well-formed").into_parts().0
    })
}

/// Reads the request to its end, frame by frame, and answers.
pub(crate) async fn handler<B>(request: Request<B>, exchange: Exchange) -> Result<Response<Pieces>, Infallible>
where
    B: Body + Unpin,
{
    let mut body = request.into_body();
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Buf::remaining);
    }
    assert_eq!(black_box(read), exchange.question.bytes, "the handler reads the whole request");
    let mut response = Response::new(exchange.answer.body());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Reads an answer as hyper writes one: it asks for the length first, and stops where the body says that it ends.
///
/// # Panics
///
/// If not all of it arrives.
pub fn read<B: Body>(body: B, answer: Shape) {
    let mut body = pin!(body);
    black_box(body.size_hint());
    let mut read = 0;
    while !body.is_end_stream() {
        match now(body.frame()) {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Buf::remaining),
            Some(Err(_)) | None => break,
        }
    }
    assert_eq!(black_box(read), answer.bytes, "the whole answer arrives");
}

/// The output of a future that never waits.
///
/// # Panics
///
/// If it waits.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits for anything"),
    }
}
