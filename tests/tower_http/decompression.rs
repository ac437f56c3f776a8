//! Decompression: what is counted on either side of it, and what becomes of a bomb.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use plimsoll::{ClientLayer, Direction, KIB, Ledger, Limit, LimitExceeded, Outcome, ServerLayer, View};
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_http::compression::CompressionLayer;
use tower_http::decompression::{DecompressionLayer, RequestDecompressionLayer};

use crate::support::book::{book, book_reads};
use crate::support::protocol::Protocol;
use crate::support::upstream::Upstream;
use crate::support::wire::serve;

const ZEROS: u64 = 10_000_000;
const LIMIT: u64 = 64 * KIB;
/// tower-http decodes into buffers of this size: a body is over its limit by at most one of them.
const BUFFER: u64 = 4 * KIB;

/// Ten megabytes of zeros in this coding.
async fn bomb(coding: &'static str) -> Bytes {
    let zeros = Bytes::from(vec![0; usize::try_from(ZEROS).unwrap()]);
    let compress = ServiceBuilder::new()
        .layer(CompressionLayer::new())
        .service_fn(|_: Request<()>| ready(Ok::<_, BoxError>(Response::new(Full::new(zeros.clone())))));
    let request = Request::builder().header("accept-encoding", coding).body(()).unwrap();
    let packed = compress.oneshot(request).await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], coding);
    let packed = packed.into_body().collect().await.unwrap().to_bytes();
    assert!(packed.len() < 16 << 10, "{coding}: {}", packed.len());
    packed
}

/// Reads an upload as it comes, and tells how much of it there was.
fn uploads(handled: &Arc<AtomicU64>) -> Router {
    let handled = Arc::clone(handled);
    let upload = async move |mut body: Body| {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
            handled.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Relaxed);
        }
        Ok::<_, (StatusCode, String)>(handled.load(Relaxed).to_string())
    };
    Router::new().route("/upload", post(upload))
}

#[tokio::test]
async fn inside_the_decompression_a_limit_stops_a_bomb_in_every_coding() {
    for coding in ["gzip", "br", "zstd"] {
        let bomb = bomb(coding).await;
        let (ledger, handled) = (Ledger::new(), Arc::default());
        // The last layer of a router is the outermost.
        let app = uploads(&handled)
            .layer(ServerLayer::new(&ledger).request_limit(Limit::reject_over(LIMIT)).view(View::Decoded))
            .layer(RequestDecompressionLayer::new());
        let server = serve(app).await;

        for protocol in Protocol::BOTH {
            handled.store(0, Relaxed);
            let upload = protocol.reqwest().post(format!("{server}/upload")).header("content-encoding", coding);
            let answer = upload.body(bomb.clone()).send().await.unwrap();
            assert_eq!(answer.status(), 413, "{coding} {protocol:?}");
            assert!(answer.text().await.unwrap().contains("larger than 65536 bytes"), "{coding} {protocol:?}");
            let handled = handled.load(Relaxed);
            assert!(handled > LIMIT - BUFFER && handled <= LIMIT, "{coding} {protocol:?}: {handled}");
        }
        let snapshot = ledger.snapshot();
        let requests: Vec<_> = snapshot.series().iter().filter(|s| s.direction == Direction::Request).collect();
        assert_eq!(requests.len(), Protocol::BOTH.len(), "{coding}: a series for each version of HTTP");
        for requests in requests {
            assert_eq!((requests.view, requests.bodies(Outcome::RejectedStreaming)), (View::Decoded, 1), "{coding}");
            assert!(requests.offered.max() > LIMIT && requests.offered.max() <= LIMIT + BUFFER, "{coding}");
        }
    }
}

/// The wire's few kilobytes are within any limit: the order to avoid where a bomb is to be stopped.
#[tokio::test]
async fn outside_the_decompression_the_bytes_of_the_wire_are_counted() {
    for coding in ["gzip", "br", "zstd"] {
        let bomb = bomb(coding).await;
        let (ledger, handled) = (Ledger::new(), Arc::default());
        let app = uploads(&handled)
            .layer(RequestDecompressionLayer::new())
            .layer(ServerLayer::new(&ledger).request_limit(Limit::reject_over(LIMIT)));
        let server = serve(app).await;

        let upload = Protocol::Http1.reqwest().post(format!("{server}/upload")).header("content-encoding", coding);
        let answer = upload.body(bomb.clone()).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), ZEROS.to_string());
        book_reads(
            &ledger,
            &[
                &format!("server request POST /upload {coding}: 1 complete, {} B", bomb.len()),
                "server response POST /upload 200: 1 complete, 8 B",
            ],
        )
        .await;
    }
}

/// axum counts what its extractors read: with a limit of ours on the wire, its own still stands between them and a bomb.
#[tokio::test]
async fn a_limit_on_the_wire_is_one_for_what_axum_s_extractors_unpack_too() {
    let bomb = bomb("gzip").await;
    let app = Router::new()
        .route("/upload", post(async |body: Bytes| body.len().to_string()))
        .layer(RequestDecompressionLayer::new());
    let limited = |limit| app.clone().layer(ServerLayer::new(&Ledger::new()).request_limit(limit));
    for (app, expected) in [
        (app.clone(), StatusCode::PAYLOAD_TOO_LARGE),
        (limited(Limit::reject_over(ZEROS - 1)), StatusCode::PAYLOAD_TOO_LARGE),
        (limited(Limit::reject_over(ZEROS)), StatusCode::OK),
    ] {
        let upload =
            Request::post("/upload").header("content-encoding", "gzip").body(Body::from(bomb.clone())).unwrap();
        assert_eq!(app.oneshot(upload).await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn on_either_side_each_layer_counts_what_it_sees() {
    let packed = bomb("gzip").await;
    let (ledger, handled) = (Ledger::new(), Arc::default());
    let app = uploads(&handled)
        .layer(ServerLayer::new(&ledger).view(View::Decoded))
        .layer(RequestDecompressionLayer::new())
        .layer(ServerLayer::new(&ledger));
    let upload = Request::post("/upload").header("content-encoding", "gzip").body(Body::from(packed.clone())).unwrap();
    let answer = app.oneshot(upload).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), ZEROS.to_string());
    assert_eq!(
        book(&ledger),
        [
            "server request POST /upload decoded: 1 complete, 10000000 B".to_owned(),
            format!("server request POST /upload gzip: 1 complete, {} B", packed.len()),
            // The answer is the same body to both, and counted in the view of each.
            "server response POST /upload 200: 1 complete, 8 B".to_owned(),
            "server response POST /upload 200 decoded: 1 complete, 8 B".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_refusal_on_the_wire_is_found_behind_the_error_of_the_decompression() {
    async fn upload(body: Body) -> String {
        let error = body.collect().await.unwrap_err();
        LimitExceeded::find(&error).expect("it was refused by us").to_string()
    }

    let ledger = Ledger::new();
    let app = Router::new()
        .route("/upload", post(upload))
        .layer(RequestDecompressionLayer::new())
        .layer(ServerLayer::new(&ledger).request_limit(Limit::reject_over(100)));
    // Of unknown length, or it would be refused before the decompression sees it.
    let packed = futures_util::stream::iter([Ok::<_, BoxError>(bomb("gzip").await)]);
    let upload = Request::post("/upload").header("content-encoding", "gzip").body(Body::from_stream(packed)).unwrap();
    let (status, text) = crate::text(app.oneshot(upload).await.unwrap()).await;
    assert_eq!(status, 200);
    assert!(text.contains("over the limit of 100 bytes; to allow it, raise ServerLayer::request_limit"), "{text}");
}

/// On a client it is the other way round: responses come from the inside.
#[tokio::test]
async fn outside_a_client_s_decompression_a_limit_stops_a_bomb() {
    let upstream = Upstream::start().await;
    for coding in ["gzip", "br", "zstd"] {
        let ledger = Ledger::new();
        let only = DecompressionLayer::new().no_gzip().no_br().no_zstd().no_deflate();
        let only = match coding {
            "gzip" => only.gzip(true),
            "br" => only.br(true),
            _ => only.zstd(true),
        };
        let client = ServiceBuilder::new()
            .layer(
                ClientLayer::new(&ledger)
                    .upstream("shop")
                    .response_limit(Limit::reject_over(LIMIT))
                    .view(View::Decoded),
            )
            .layer(only)
            .service(Client::builder(TokioExecutor::new()).build_http());
        let request = Request::get(upstream.url("/zeros/10000000")).body(Full::<Bytes>::default()).unwrap();
        let answer = client.oneshot(request).await.unwrap();
        assert!(!answer.headers().contains_key("content-encoding"), "{coding}: it was decoded");

        let mut read = 0;
        let mut body = answer.into_body();
        let error = loop {
            match body.frame().await.expect("a refused body has no end") {
                Ok(frame) => read += frame.into_data().unwrap().len() as u64,
                Err(error) => break error,
            }
        };
        let exceeded = LimitExceeded::find(&*error).expect("it was refused by us");
        assert!(exceeded.seen() > LIMIT && exceeded.seen() <= LIMIT + BUFFER, "{coding}");
        assert!(read > LIMIT - BUFFER && read <= LIMIT, "{coding}: {read}");
        assert_eq!(
            book(&ledger),
            [
                "client request GET (no template) of shop decoded: 1 complete, 0 B".to_owned(),
                format!(
                    "client response GET (no template) of shop 200 decoded: 1 rejected_streaming, 0 B, {} B offered, \
                     1 over limit",
                    exceeded.seen()
                ),
            ]
        );
    }
}

#[tokio::test]
async fn inside_a_client_s_decompression_the_wire_is_counted_and_its_refusal_is_found_outside() {
    let upstream = Upstream::start().await;
    let ledger = Ledger::new();
    let client = |limit| {
        ServiceBuilder::new()
            .layer(DecompressionLayer::new().no_br().no_zstd().no_deflate())
            .layer(ClientLayer::new(&ledger).upstream("shop").response_limit(limit))
            .service(Client::builder(TokioExecutor::new()).build_http())
    };
    let request = || Request::get(upstream.url("/zeros/1000000")).body(Full::<Bytes>::default()).unwrap();

    let answer = client(Limit::unlimited()).oneshot(request()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 1_000_000);
    let lines = book(&ledger);
    assert!(lines[1].starts_with("client response GET (no template) of shop 200 gzip: 1 complete, "), "{lines:?}");
    let wire = ledger.snapshot().series()[1].completed.sum();
    assert!(wire > 100 && wire < 10_000, "{wire}");

    let answer = client(Limit::reject_over(wire - 1)).oneshot(request()).await.unwrap();
    let error = answer.into_body().collect().await.unwrap_err();
    assert_eq!(LimitExceeded::find(&*error).expect("it was refused by us").seen(), wire);
}
