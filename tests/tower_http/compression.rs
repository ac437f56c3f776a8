//! Compression of answers: inside it the bytes that a handler writes, outside it those that leave.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::routing::get;
use http_body_util::BodyExt;
use plimsoll::{KIB, Ledger, Limit, ServerLayer, View};
use tower::ServiceExt;
use tower_http::compression::CompressionLayer;

use crate::support::book::{book, book_reads};
use crate::support::protocol::Protocol;
use crate::support::wire::serve;

const TEXT: usize = 100_000;

fn catalogue() -> Router {
    Router::new().route("/catalogue", get(async || "x".repeat(TEXT)))
}

/// What arrives of an answer in gzip, as it came over the wire.
async fn fetch(client: &reqwest::Client, server: &str) -> reqwest::Result<usize> {
    let request = client.get(format!("{server}/catalogue")).header(header::ACCEPT_ENCODING, "gzip");
    let answer = request.send().await?;
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    Ok(answer.bytes().await?.len())
}

fn client(protocol: Protocol) -> reqwest::Client {
    protocol.reqwest_builder().no_gzip().no_brotli().no_zstd().build().unwrap()
}

#[tokio::test]
async fn outside_it_the_bytes_of_the_wire_are_counted() {
    for protocol in Protocol::BOTH {
        let ledger = Ledger::new();
        let server = serve(catalogue().layer(CompressionLayer::new()).layer(ServerLayer::new(&ledger))).await;
        let wire = fetch(&client(protocol), &server).await.unwrap();
        assert!(wire < 1000, "{wire}");
        book_reads(
            &ledger,
            &[
                "server request GET /catalogue: 1 complete, 0 B",
                &format!("server response GET /catalogue 200 gzip: 1 complete, {wire} B"),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn inside_it_the_bytes_that_the_handler_writes_are_counted() {
    for protocol in Protocol::BOTH {
        let ledger = Ledger::new();
        let ours = ServerLayer::new(&ledger).view(View::Decoded);
        let server = serve(catalogue().layer(ours).layer(CompressionLayer::new())).await;
        fetch(&client(protocol), &server).await.unwrap();
        book_reads(
            &ledger,
            &[
                "server request GET /catalogue decoded: 1 complete, 0 B",
                "server response GET /catalogue 200 decoded: 1 complete, 100000 B",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn inside_it_an_answer_too_large_is_refused_by_its_length_however_small_it_would_leave() {
    let ledger = Ledger::new();
    let ours = ServerLayer::new(&ledger).response_limit(Limit::reject_over(64 * KIB)).view(View::Decoded);
    let app = catalogue().layer(ours).layer(CompressionLayer::new());
    let request = Request::get("/catalogue").header(header::ACCEPT_ENCODING, "gzip").body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 500);
    answer.into_body().collect().await.unwrap();
    assert_eq!(
        book(&ledger),
        [
            "server request GET /catalogue decoded: 1 complete, 0 B",
            "server response GET /catalogue 200 decoded: 1 rejected_early, 0 B, 100000 B offered, 1 over limit",
            "server response GET /catalogue 500 decoded: 1 complete, 67 B",
        ]
    );
}

#[tokio::test]
async fn a_limit_that_breaks_off_a_compressed_answer_never_makes_it_look_whole() {
    for protocol in Protocol::BOTH {
        let limit = Limit::reject_over(64 * KIB);
        let streamed = get(async || {
            let frames = crate::support::upstream::frames(TEXT, b'x');
            Body::from_stream(futures_util::StreamExt::map(frames, Ok::<_, std::convert::Infallible>))
        });
        let app = Router::new().route("/catalogue", streamed);
        let app = app.layer(ServerLayer::new(&Ledger::new()).response_limit(limit)).layer(CompressionLayer::new());
        let server = serve(app).await;
        fetch(&client(protocol), &server).await.expect_err("it was cut off");
    }
}
