//! Any bytes as `Content-Length` and `Content-Encoding` of an upload of unknown length: a header refuses a body only
//! where it plainly claims too much, never admits one, and every body leaves one sample.
#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};
use libfuzzer_sys::fuzz_target;
use plimsoll::{Direction, Ledger, Limit, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

const LIMIT: u64 = 1_000;

fuzz_target!(|input: (u16, Vec<Vec<u8>>, Vec<u8>)| {
    let (size, lengths, coding) = input;
    let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; usize::from(size)])))];
    let mut request = Request::new(StreamBody::new(futures_util::stream::iter(frames)));
    let mut claims: Vec<_> = lengths.iter().filter_map(|value| HeaderValue::from_bytes(value).ok()).collect();
    for value in &claims {
        request.headers_mut().append(header::CONTENT_LENGTH, value.clone());
    }
    if let Ok(value) = HeaderValue::from_bytes(&coding) {
        request.headers_mut().append(header::CONTENT_ENCODING, value);
    }

    let ledger = Ledger::builder().max_series(8).build();
    let layer = ServerLayer::new(&ledger).request_limit(Limit::reject_over(LIMIT));
    let service = layer.layer(service_fn(|request: Request<_>| async {
        let read = BodyExt::collect(request.into_body()).await;
        let mut response = Response::new(Empty::<Bytes>::new());
        if read.is_err() {
            *response.status_mut() = http::StatusCode::BAD_REQUEST;
        }
        Ok::<_, Infallible>(response)
    }));
    let response = service.oneshot(request).now_or_never().expect("nothing is waited for").expect("it answers");

    // What a plain reading of the header comes to: digits only, all values alike.
    claims.dedup();
    let claimed = match &*claims {
        [one] if !one.is_empty() && one.as_bytes().iter().all(u8::is_ascii_digit) => {
            Some(one.to_str().expect("digits").parse::<u64>().unwrap_or(u64::MAX))
        }
        _ => None,
    };
    let refused = u64::from(size) > LIMIT || claimed.is_some_and(|claimed| claimed > LIMIT);
    assert_eq!(response.status().as_u16(), if refused { 413 } else { 200 }, "{claimed:?}");
    let snapshot = ledger.snapshot();
    let bodies = snapshot.series().iter().filter(|series| series.direction == Direction::Request);
    assert_eq!(bodies.map(|series| series.outcomes.total()).sum::<u64>(), 1);
});
