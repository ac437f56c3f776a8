//! One call, without a network: the request, the handler that reads it, and the reader of the answer.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use http::{HeaderValue, Request, Response, header, request};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use plimsoll::Route;

/// The template that both settings count a call under.
pub(crate) const ROUTE: &str = "/checkout/{cart}";

static QUESTION: [u8; 256] = [b'q'; 256];
static ANSWER: [u8; 8 * 1024] = [b'a'; 8 * 1024];

/// The head of a request as a browser or a service sends it.
pub(crate) fn head() -> request::Parts {
    let request = Request::post("/checkout/4711")
        .header(header::HOST, "shop.example")
        .header(header::USER_AGENT, "bench/1")
        .header(header::ACCEPT, "*/*")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, QUESTION.len())
        .extension(Route(ROUTE))
        .body(());
    request.expect("the head is well-formed").into_parts().0
}

/// The request's body: all of it in memory, its length known.
pub(crate) fn question() -> Full<Bytes> {
    Full::new(Bytes::from_static(&QUESTION))
}

/// The answer's body: 8 KiB in memory, its length known.
#[must_use]
pub fn answer() -> Full<Bytes> {
    Full::new(Bytes::from_static(&ANSWER))
}

/// Reads the request to its end, frame by frame, and answers with 8 KiB.
pub(crate) async fn handler<B>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible>
where
    B: Body + Unpin,
{
    let mut body = request.into_body();
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Buf::remaining);
    }
    assert_eq!(black_box(read), QUESTION.len(), "the handler reads the whole request");
    let mut response = Response::new(answer());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Reads an answer as hyper writes one: it asks for the length first, and stops where the body says that it ends.
///
/// # Panics
///
/// If not all of it arrives.
pub fn read<B: Body>(body: B) {
    let mut body = pin!(body);
    black_box(body.size_hint());
    let mut read = 0;
    while !body.is_end_stream() {
        match now(body.frame()) {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Buf::remaining),
            Some(Err(_)) | None => break,
        }
    }
    assert_eq!(black_box(read), ANSWER.len(), "the whole answer arrives");
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
