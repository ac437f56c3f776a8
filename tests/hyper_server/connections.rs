//! What a refusal costs on HTTP/1: its connection, unless nothing is left unread on it.

use plimsoll::{Direction, Limit};

use super::support::book::book_of;
use super::support::frames::FrameSocket;
use super::support::protocol::Protocol;
use super::support::raw::{Answer, Raw};
use super::support::readings::eventually;
use super::{OURS_WAS_TOO_LARGE, Server, too_large};

const LIMIT: u64 = 10;
const DRAIN: u64 = 100;

async fn draining(protocol: Protocol) -> Server {
    let limit = Limit::reject_over(LIMIT);
    Server::start(protocol, |layer| layer.request_limit(limit).drain_refused_up_to(DRAIN)).await
}

fn upload(bytes: usize) -> String {
    format!("POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: {bytes}\r\n\r\n")
}

async fn check_refused(raw: &mut Raw, connection: Option<&str>, case: &str) -> Answer {
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.text(), answer.whole), (413, &*too_large(LIMIT), true), "{case}");
    assert_eq!(answer.header("connection"), connection, "{case}");
    answer
}

/// A second request on the same connection, under the limit.
async fn check_goes_on(raw: &mut Raw) {
    raw.send(upload(5) + "01234").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "5 bytes"));
}

#[tokio::test]
async fn a_drained_refusal_keeps_its_connection() {
    let server = draining(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    for bytes in [11, 100] {
        raw.send(upload(bytes)).await;
        // In two parts: the rest of the body must not be taken for the next request.
        raw.send("x".repeat(bytes / 2)).await;
        raw.send("x".repeat(bytes - bytes / 2)).await;
        check_refused(&mut raw, None, &format!("{bytes} bytes")).await;
    }
    check_goes_on(&mut raw).await;
    assert_eq!(server.calls.count(), 1);
    let requests = "server request POST /read: 1 complete, 2 rejected_early, 5 B, 116 B offered, 2 over limit";
    let refusals = format!("server response POST /read 413: 2 complete, {} B", 2 * too_large(LIMIT).len());
    server.leaves("drained", &[requests, "server response POST /read 200: 1 complete, 7 B", &refusals]).await;
}

#[tokio::test]
async fn a_refusal_that_is_not_drained_closes_its_connection() {
    let without_drain = |layer: plimsoll::ServerLayer| layer.request_limit(Limit::reject_over(LIMIT));
    let server = Server::start(Protocol::Http1, without_drain).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send(upload(11) + "0123456789a").await;
    check_refused(&mut raw, Some("close"), "no drain").await;
    assert!(raw.is_over().await);

    let server = draining(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send(upload(101)).await;
    check_refused(&mut raw, Some("close"), "beyond the drain").await;
    assert!(raw.is_over().await);
    let refused = "server request POST /read: 1 rejected_early, 0 B, 101 B offered, 1 over limit";
    let told = format!("server response POST /read 413: 1 complete, {} B", too_large(LIMIT).len());
    server.leaves("beyond the drain", &[refused, &told]).await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_not_drained() {
    let server = draining(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("POST /read HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n").await;
    check_refused(&mut raw, Some("close"), "expect").await;
    assert!(raw.is_over().await);
    let refused = "server request POST /read: 1 rejected_early, 0 B, 11 B offered, 1 over limit";
    let told = format!("server response POST /read 413: 1 complete, {} B", too_large(LIMIT).len());
    server.leaves("expect", &[refused, &told]).await;
}

#[tokio::test]
async fn an_http2_stream_is_refused_without_a_drain() {
    let server = draining(Protocol::Http2).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "POST", "/read", &[("content-length", "50")], false).await;
    // The body never comes: a drain would wait for it.
    let answer = frames.answer(1).await;
    assert!(answer.iter().any(|frame| frame.payload == too_large(LIMIT).as_bytes()), "{answer:?}");
    let refused = "server request POST /read: 1 rejected_early, 0 B, 50 B offered, 1 over limit";
    let told = format!("server response POST /read 413: 1 complete, {} B", too_large(LIMIT).len());
    server.leaves("HTTP/2", &[refused, &told]).await;
}

#[tokio::test]
async fn a_client_that_goes_away_while_it_is_drained_leaves_one_sample() {
    let server = draining(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send(upload(50) + "01234").await;
    let refused = "server request POST /read: 1 rejected_early, 0 B, 50 B offered, 1 over limit";
    eventually(|| (book_of(&server.ledger, Direction::Request) == [refused]).then_some(())).await;
    drop(raw);
    server.leaves_of_the_request("gone", refused).await;
}

#[tokio::test]
async fn a_body_refused_while_it_is_read_closes_its_connection() {
    let server = draining(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nb\r\n0123456789a\r\n").await;
    check_refused(&mut raw, Some("close"), "streamed").await;
    assert!(raw.is_over().await);
    let refused = "server request POST /read: 1 rejected_streaming, 0 B, 11 B offered, 1 over limit";
    let told = format!("server response POST /read 413: 1 complete, {} B", too_large(LIMIT).len());
    server.leaves("streamed", &[refused, &told]).await;
}

#[tokio::test]
async fn an_answer_of_ours_that_is_replaced_keeps_the_connection() {
    let server = Server::start(Protocol::Http1, |layer| layer.response_limit(Limit::reject_over(LIMIT))).await;
    let mut raw = Raw::connect(server.address).await;
    for _ in 0..3 {
        raw.send("POST /declared/11 HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.text()), (500, OURS_WAS_TOO_LARGE));
        assert_eq!(answer.header("connection"), None);
    }
    check_goes_on(&mut raw).await;
    let replaced = format!("server response POST /declared 500: 3 complete, {} B", 3 * OURS_WAS_TOO_LARGE.len());
    let expected = [
        "server request POST /declared: 3 complete, 0 B",
        "server response POST /declared 200: 3 rejected_early, 0 B, 33 B offered, 3 over limit",
        &replaced,
        "server request POST /read: 1 complete, 5 B",
        "server response POST /read 200: 1 complete, 7 B",
    ];
    server.leaves("replaced", &expected).await;
}
