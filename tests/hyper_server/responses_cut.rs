//! Answers that are cut: a client must never take what it got for the whole.

use plimsoll::Limit;

use super::Server;
use super::support::frames::{DATA, FrameSocket, RST_STREAM};
use super::support::protocol::Protocol;
use super::support::raw::Raw;

const LIMIT: u64 = 10;
const INTERNAL_ERROR: u32 = 2;

async fn start(protocol: Protocol) -> Server {
    Server::start(protocol, |layer| layer.response_limit(Limit::reject_over(LIMIT))).await
}

#[tokio::test]
async fn an_http1_answer_cut_at_its_limit_never_has_a_last_chunk() {
    for (path, fully_flushed) in [("/chunked/100", false), ("/slow/100", true)] {
        let server = start(Protocol::Http1).await;
        let mut raw = Raw::connect(server.address).await;
        raw.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        let all = raw.rest().await;
        let text = String::from_utf8(all).unwrap();
        assert!(!text.contains("\r\n0\r\n"), "{path}: {text}");
        // What fitted may have left, the frame that crossed the line may not.
        let (head, chunks) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let sent = chunks.matches('x').count();
        assert!(sent <= LIMIT as usize, "{path}: {text}");
        if fully_flushed {
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {text}");
            assert_eq!(chunks, "4\r\nxxxx\r\n4\r\nxxxx\r\n", "{path}");
        }
        let route = path.rsplit_once('/').unwrap().0;
        let request = format!("server request GET {route}: 1 complete, 0 B");
        let cut = format!("server response GET {route} 200: 1 rejected_streaming, 0 B, 12 B offered, 1 over limit");
        server.leaves(path, &[&request, &cut]).await;
    }
}

#[tokio::test]
async fn an_http2_answer_cut_at_its_limit_is_reset_and_never_ended() {
    for path in ["/chunked/100", "/slow/100"] {
        let server = start(Protocol::Http2).await;
        let mut frames = FrameSocket::connect(server.address).await;
        frames.request(1, "GET", path, &[], true).await;
        let answer = frames.answer(1).await;
        assert!(answer.iter().all(|frame| !frame.ends_stream()), "{path}: {answer:?}");
        let last = answer.last().unwrap();
        assert_eq!((last.kind, last.error_code()), (RST_STREAM, INTERNAL_ERROR), "{path}: {answer:?}");
        let sent: usize = answer.iter().filter(|frame| frame.kind == DATA).map(|frame| frame.payload.len()).sum();
        assert!(sent <= LIMIT as usize, "{path}: {answer:?}");

        // The connection is none the worse.
        frames.request(3, "GET", "/declared/5", &[], true).await;
        let answer = frames.answer(3).await;
        assert!(
            answer.last().unwrap().ends_stream() && answer.iter().any(|frame| frame.payload == b"xxxxx"),
            "{answer:?}"
        );
        let route = path.rsplit_once('/').unwrap().0;
        let request = format!("server request GET {route}: 1 complete, 0 B");
        let cut = format!("server response GET {route} 200: 1 rejected_streaming, 0 B, 12 B offered, 1 over limit");
        let [r1, r2] =
            ["server request GET /declared: 1 complete, 0 B", "server response GET /declared 200: 1 complete, 5 B"];
        let expected = if route < "/declared" { [&*request, &cut, r1, r2] } else { [r1, r2, &request, &cut] };
        server.leaves(path, &expected).await;
    }
}

#[tokio::test]
async fn an_answer_being_written_is_cut_without_harm_to_the_one_beside_it() {
    let server = start(Protocol::Http2).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "POST", "/streaming", &[], false).await;
    frames.data(1, b"0123", false).await;
    frames.request(3, "GET", "/chunked/100", &[], true).await;
    let cut = frames.answer(3).await;
    assert_eq!(cut.last().unwrap().error_code(), INTERNAL_ERROR, "{cut:?}");
    frames.data(1, b"456789", true).await;
    let mut echoed = cut;
    echoed.extend(frames.answer(1).await);
    let echoed: Vec<_> = echoed.into_iter().filter(|frame| frame.stream == 1).collect();
    let data: Vec<u8> =
        echoed.iter().filter(|frame| frame.kind == DATA).flat_map(|frame| frame.payload.clone()).collect();
    assert_eq!(String::from_utf8(data).unwrap(), "0123456789");
    assert!(echoed.last().unwrap().ends_stream(), "{echoed:?}");
    let expected = [
        "server request GET /chunked: 1 complete, 0 B",
        "server response GET /chunked 200: 1 rejected_streaming, 0 B, 12 B offered, 1 over limit",
        "server request POST /streaming: 1 complete, 10 B",
        "server response POST /streaming 200: 1 complete, 10 B",
    ];
    server.leaves("siblings", &expected).await;
}

#[tokio::test]
async fn an_answer_longer_than_its_own_length_is_cut_where_the_limit_is_nearer() {
    // Ten bytes in frames of four under `content-length: 9`, which lies below the limit.
    let server = Server::start(Protocol::Http1, |layer| layer.response_limit(Limit::reject_over(9))).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("GET /header/9 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let all = String::from_utf8(raw.rest().await).unwrap();
    assert!(all.matches('x').count() <= 8, "{all}");
    let cut = "server response GET /header 200: 1 rejected_streaming, 0 B, 10 B offered, 1 over limit";
    server.leaves("HTTP/1", &["server request GET /header: 1 complete, 0 B", cut]).await;
}

#[tokio::test]
async fn an_answer_whose_own_length_lies_is_never_recorded_twice() {
    for (length, ends) in [(9, "1 aborted, 0 B"), (20, "1 complete, 10 B")] {
        let server = Server::start(Protocol::Http1, |layer| layer.response_limit(Limit::reject_over(30))).await;
        let mut raw = Raw::connect(server.address).await;
        raw.send(format!("GET /header/{length} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")).await;
        let all = String::from_utf8(raw.rest().await).unwrap();
        // What hyper makes of it without us: a body cut to its length, or a connection closed before it.
        let sent = all.matches('x').count();
        assert!(if length == 9 { sent == 9 } else { sent <= 10 }, "{length}: {all}");
        let sent = format!("server response GET /header 200: {ends}");
        server.leaves(&format!("{length}"), &["server request GET /header: 1 complete, 0 B", &sent]).await;
    }
}

#[tokio::test]
async fn an_answer_that_fails_by_itself_has_failed_once() {
    let read = "server request GET /broken: 1 complete, 0 B";
    let failed = "server response GET /broken 200: 1 failed, 0 B";

    let server = start(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("GET /broken HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.text(), answer.whole), (200, "xxxx", false));
    server.leaves("HTTP/1", &[read, failed]).await;

    let server = start(Protocol::Http2).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "GET", "/broken", &[], true).await;
    let answer = frames.answer(1).await;
    assert!(answer.iter().all(|frame| !frame.ends_stream()), "{answer:?}");
    assert_eq!(answer.last().unwrap().error_code(), INTERNAL_ERROR, "{answer:?}");
    server.leaves("HTTP/2", &[read, failed]).await;
}

#[tokio::test]
async fn an_answer_whose_client_goes_away_is_aborted_once() {
    let read = "server request GET /stalled: 1 complete, 0 B";
    let aborted = "server response GET /stalled 200: 1 aborted, 0 B";

    let server = start(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("GET /stalled HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
    drop(raw);
    server.leaves("HTTP/1", &[read, aborted]).await;

    let server = start(Protocol::Http2).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "GET", "/stalled", &[], true).await;
    while frames.next().await.is_none_or(|frame| frame.kind != DATA) {}
    frames.reset(1, 8).await;
    server.leaves("HTTP/2", &[read, aborted]).await;
}
