//! Uploads to axum's router: the behaviours that axum tests a request's limit for.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, StatusCode, header};
use plimsoll::{Direction, Ledger, Limit, Outcome, ServerLayer};
use tower::ServiceExt;

use crate::support::readings::only;

const LIMIT: usize = 3;

/// The status that an upload of this body is answered with, by a handler that wants to read all of it, and how the
/// body ended.
async fn upload(body: Body, length: Option<usize>) -> (StatusCode, Outcome) {
    let ledger = Ledger::new();
    let app: Router = Router::new()
        .route(
            "/",
            post(move |headers: HeaderMap, _: Bytes| async move {
                assert_eq!(headers.contains_key(header::CONTENT_LENGTH), length.is_some());
            }),
        )
        .layer(ServerLayer::new(&ledger).request_limit(Limit::reject_over(LIMIT as u64)));
    let mut request = Request::post("/").body(body).unwrap();
    if let Some(length) = length {
        request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    let status = app.oneshot(request).await.unwrap().status();
    let requests = only(&ledger, Direction::Request);
    assert_eq!(requests.outcomes.total(), 1);
    let ended = Outcome::ALL.into_iter().find(|outcome| requests.bodies(*outcome) == 1);
    (status, ended.unwrap())
}

/// A body that comes in these pieces and declares nothing.
fn streamed(pieces: &[usize]) -> Body {
    let pieces: Vec<_> = pieces.iter().map(|size| Ok::<_, std::io::Error>("a".repeat(*size))).collect();
    Body::from_stream(stream::iter(pieces))
}

#[tokio::test]
async fn an_upload_with_a_content_length_passes_up_to_the_limit() {
    for size in [0, LIMIT - 1, LIMIT] {
        let body = Body::from("a".repeat(size));
        assert_eq!(upload(body, Some(size)).await, (StatusCode::OK, Outcome::Complete), "{size}");
    }
    for size in [LIMIT + 1, LIMIT * 2] {
        let body = Body::from("a".repeat(size));
        assert_eq!(upload(body, Some(size)).await, (StatusCode::PAYLOAD_TOO_LARGE, Outcome::RejectedEarly), "{size}");
    }
}

#[tokio::test]
async fn a_streamed_upload_passes_up_to_the_limit() {
    for pieces in [&[][..], &[LIMIT - 1], &[LIMIT], &[1; LIMIT], &[LIMIT, 0]] {
        assert_eq!(upload(streamed(pieces), None).await, (StatusCode::OK, Outcome::Complete), "{pieces:?}");
    }
    for pieces in [&[LIMIT + 1][..], &[LIMIT * 2], &[LIMIT, 1], &[1; LIMIT + 1]] {
        let answer = (StatusCode::PAYLOAD_TOO_LARGE, Outcome::RejectedStreaming);
        assert_eq!(upload(streamed(pieces), None).await, answer, "{pieces:?}");
    }
}

#[tokio::test]
async fn a_header_that_promises_too_little_admits_nothing() {
    let answer = upload(streamed(&[LIMIT, LIMIT]), Some(LIMIT)).await;
    assert_eq!(answer, (StatusCode::PAYLOAD_TOO_LARGE, Outcome::RejectedStreaming));
}

#[tokio::test]
async fn a_header_that_promises_too_much_refuses_whatever_would_come() {
    let answer = upload(streamed(&[1]), Some(LIMIT + 1)).await;
    assert_eq!(answer, (StatusCode::PAYLOAD_TOO_LARGE, Outcome::RejectedEarly));
}
