//! A request that turns out too large while an extractor or a handler reads it.

use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection, StringRejection};
use axum::extract::{FromRequest, Request};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Json, Router};
use futures_util::TryStreamExt;
use http_body_util::BodyExt;
use plimsoll::{Ledger, Limit, LimitExceeded, ServerLayer};
use tower::ServiceExt;

use crate::support::book::{book, book_reads};
use crate::support::protocol::Protocol;
use crate::support::wire::{fed, pieces, serve};
use crate::{ask, text};

const LIMIT: u64 = 8;

fn limited(ledger: &Ledger) -> ServerLayer {
    ServerLayer::new(ledger).request_limit(Limit::reject_over(LIMIT))
}

/// An upload of unknown length that crosses the limit with its second piece.
fn too_long() -> Body {
    Body::from_stream(pieces(["\"12345", "67890\""]))
}

/// An extractor that reads the body as a stream, as one for multipart forms does.
struct Lines(usize);

impl<S: Send + Sync> FromRequest<S> for Lines {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let mut lines = 0;
        let mut stream = request.into_body().into_data_stream();
        loop {
            match stream.try_next().await {
                Ok(Some(bytes)) => lines += bytes.iter().filter(|byte| **byte == b'\n').count(),
                Ok(None) => return Ok(Self(lines)),
                Err(error) => return Err((StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response()),
            }
        }
    }
}

fn extractors() -> Router {
    Router::new()
        .route("/bytes", post(async |body: Bytes| body))
        .route("/string", post(async |body: String| body))
        .route("/json", post(async |Json(body): Json<String>| body))
        .route("/form", post(async |Form(body): Form<Vec<(String, String)>>| body.len().to_string()))
        .route("/stream", post(async |Lines(lines): Lines| lines.to_string()))
        .route("/body", post(async |body: Body| body.collect().await.map_err(|_| StatusCode::BAD_REQUEST).map(|_| ())))
}

#[tokio::test]
async fn whatever_extractor_reads_it_a_body_over_the_limit_is_answered_by_413() {
    let server = serve(extractors().layer(limited(&Ledger::new()))).await;
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        for (path, kind) in [
            ("/bytes", "text/plain"),
            ("/string", "text/plain"),
            ("/json", "application/json"),
            ("/form", "application/x-www-form-urlencoded"),
            ("/stream", "text/plain"),
            ("/body", "text/plain"),
        ] {
            let (feeder, body) = fed();
            feeder.send(Bytes::from_static(b"\"12345")).unwrap();
            feeder.send(Bytes::from_static(b"67890\"")).unwrap();
            let upload = client.post(format!("{server}{path}")).header("content-type", kind);
            let answer = upload.body(reqwest::Body::wrap_stream(body)).send().await.unwrap();
            assert_eq!(answer.status(), 413, "{protocol:?} {path}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json", "{protocol:?} {path}");
            assert!(answer.text().await.unwrap().contains("larger than 8 bytes"), "{protocol:?} {path}");
        }
    }
}

#[tokio::test]
async fn a_body_within_the_limit_reaches_every_extractor() {
    let server = serve(extractors().layer(limited(&Ledger::new()))).await;
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        for (path, kind, expected) in [
            ("/bytes", "text/plain", "\"a=\nbcd\""),
            ("/string", "text/plain", "\"a=\nbcd\""),
            ("/form", "application/x-www-form-urlencoded", "1"),
            ("/stream", "text/plain", "1"),
            ("/body", "text/plain", ""),
        ] {
            let upload = client.post(format!("{server}{path}")).header("content-type", kind);
            let body = reqwest::Body::wrap_stream(pieces(["\"a=\n", "bcd\""]));
            let answer = upload.body(body).send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
                (200, expected),
                "{protocol:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_rejection_of_every_extractor_leads_to_the_refusal() {
    fn told(rejection: Option<impl std::error::Error + 'static>) -> String {
        let rejection = rejection.expect("it was refused");
        LimitExceeded::find(&rejection).expect("it was refused by us").to_string()
    }

    let app = Router::new()
        .route("/bytes", post(async |body: Result<Bytes, BytesRejection>| told(body.err())))
        .route("/string", post(async |body: Result<String, StringRejection>| told(body.err())))
        .route("/json", post(async |body: Result<Json<String>, JsonRejection>| told(body.err())))
        .route("/form", post(async |body: Result<Form<Vec<()>>, FormRejection>| told(body.err())))
        .layer(limited(&Ledger::new()));
    for (path, kind) in [
        ("/bytes", "text/plain"),
        ("/string", "text/plain"),
        ("/json", "application/json"),
        ("/form", "application/x-www-form-urlencoded"),
    ] {
        let upload = Request::post(path).header("content-type", kind).body(too_long()).unwrap();
        let (status, told) = text(app.clone().oneshot(upload).await.unwrap()).await;
        let expected = format!(
            "server request body of POST {path}: at least 12 bytes seen, over the limit of 8 bytes; \
             to allow it, raise ServerLayer::request_limit"
        );
        assert_eq!((status, told), (200, expected));
    }
}

#[tokio::test]
async fn the_error_of_a_body_leads_to_the_refusal() {
    async fn upload(body: Body) -> String {
        let error: axum::Error = body.collect().await.unwrap_err();
        let exceeded = LimitExceeded::find(&error).expect("it was refused by us");
        format!("{} over {}", exceeded.seen(), exceeded.limit())
    }

    let app = Router::new().route("/body", post(upload)).layer(limited(&Ledger::new()));
    assert_eq!(ask(&app, Method::POST, "/body", too_long()).await, (200, "12 over 8".into()));
}

#[tokio::test]
async fn a_handler_that_answers_well_all_the_same_has_acted_and_is_left_alone() {
    async fn upload(body: Result<Bytes, BytesRejection>) -> String {
        format!("stored {} bytes", body.map_or(0, |body| body.len()))
    }

    let ledger = Ledger::new();
    let app = Router::new().route("/upload", post(upload)).layer(limited(&ledger));
    assert_eq!(ask(&app, Method::POST, "/upload", too_long()).await, (200, "stored 0 bytes".into()));
    assert_eq!(
        book(&ledger),
        [
            "server request POST /upload: 1 rejected_streaming, 0 B, 12 B offered, 1 over limit",
            "server response POST /upload 200: 1 complete, 14 B",
        ]
    );
}

#[tokio::test]
async fn a_reader_in_another_task_is_told_and_so_is_the_caller() {
    async fn upload(body: Body) -> Result<String, StatusCode> {
        let reader = tokio::spawn(async move { body.collect().await.map(|body| body.to_bytes().len()) });
        let read = reader.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        read.map(|bytes| bytes.to_string()).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    }

    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let server = serve(Router::new().route("/upload", post(upload)).layer(limited(&ledger))).await;
        let (feeder, body) = fed();
        feeder.send(Bytes::from_static(b"123456789")).unwrap();
        let body = reqwest::Body::wrap_stream(body);
        let answer = client.post(format!("{server}/upload")).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 413, "{protocol:?}");
        let text = answer.text().await.unwrap();
        book_reads(
            &ledger,
            &[
                "server request POST /upload: 1 rejected_streaming, 0 B, 9 B offered, 1 over limit",
                &format!("server response POST /upload 413: 1 complete, {} B", text.len()),
            ],
        )
        .await;
    }
}
