//! tower-http's own `RequestBodyLimitLayer` beside ours: the smaller limit holds, whichever is outside.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use plimsoll::{Direction, Ledger, Limit, ServerLayer};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::limit::RequestBodyLimitLayer;

use crate::support::book::book_of;
use crate::support::wire::pieces;
use crate::{post as upload, text};

const OURS: &str = r#"{"type":"about:blank","title":"Content Too Large","status":413,"#;

fn uploads() -> Router {
    Router::new().route("/upload", post(async |body: Bytes| body.len().to_string()))
}

fn ours(ledger: &Ledger, limit: u64) -> ServerLayer {
    ServerLayer::new(ledger).request_limit(Limit::reject_over(limit))
}

/// Six bytes in two pieces, of unknown length.
fn streamed() -> Body {
    Body::from_stream(pieces(["123", "456"]))
}

#[tokio::test]
async fn the_smaller_limit_holds_when_ours_is_inside() {
    let app = || uploads().layer(ours(&Ledger::new(), 5)).layer(RequestBodyLimitLayer::new(100));
    for body in [Body::from("123456"), streamed()] {
        let (status, text) = text(app().oneshot(upload(body)).await.unwrap()).await;
        assert!(status == 413 && text.starts_with(OURS), "{status} {text}");
    }
}

#[tokio::test]
async fn the_smaller_limit_holds_when_ours_is_outside() {
    let app = || uploads().layer(RequestBodyLimitLayer::new(100)).layer(ours(&Ledger::new(), 5));
    for body in [Body::from("123456"), streamed()] {
        let (status, text) = text(app().oneshot(upload(body)).await.unwrap()).await;
        assert!(status == 413 && text.starts_with(OURS), "{status} {text}");
    }
}

/// axum tells 413 from 400 by the type of the body's error: ours must not hide that it is the other layer's.
#[tokio::test]
async fn a_smaller_limit_of_tower_http_outside_ours_still_answers_413() {
    for body in [Body::from("123456"), streamed()] {
        let ours = ours(&Ledger::new(), 100);
        let app = uploads().layer(ServiceBuilder::new().layer(RequestBodyLimitLayer::new(5)).layer(ours));
        let (status, text) = text(app.oneshot(upload(body)).await.unwrap()).await;
        assert!(status == 413 && text.contains("length limit exceeded"), "{status} {text}");
    }
}

/// Between two layers of a router axum boxes the body, and its error.
#[tokio::test]
async fn a_smaller_limit_of_tower_http_outside_ours_answers_413_through_axum_s_boxes() {
    for body in [Body::from("123456"), streamed()] {
        let app = uploads().layer(ours(&Ledger::new(), 100)).layer(RequestBodyLimitLayer::new(5));
        let (status, text) = text(app.oneshot(upload(body)).await.unwrap()).await;
        assert!(status == 413 && text.contains("length limit exceeded"), "{status} {text}");
    }
}

#[tokio::test]
async fn a_smaller_limit_of_tower_http_inside_ours_answers_413_and_its_uploads_are_not_counted_as_whole() {
    for (body, left) in [(Body::from("123456"), "unread"), (streamed(), "aborted")] {
        let ledger = Ledger::new();
        let app = uploads().layer(RequestBodyLimitLayer::new(5)).layer(ours(&ledger, 100));
        let mut request = upload(body);
        if let Some(bytes) = http_body::Body::size_hint(request.body()).exact() {
            // What hyper's client would write, and all that tower-http looks at.
            request.headers_mut().insert("content-length", bytes.into());
        }
        let (status, text) = text(app.oneshot(request).await.unwrap()).await;
        assert!(status == 413 && text.contains("length limit exceeded"), "{status} {text}");
        assert_eq!(
            book_of(&ledger, Direction::Request),
            [format!("server request POST /upload: 1 {left}, 0 B")],
            "6 B may have been offered, but not to us to say"
        );
    }
}
