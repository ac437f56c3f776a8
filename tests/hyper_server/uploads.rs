//! Uploads that do not end: endless ones, and those whose client or whose connection goes away.

use bytes::Bytes;
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use plimsoll::{Direction, Limit, Outcome};
use tokio::sync::mpsc;

use super::support::frames::{FrameSocket, HEADERS};
use super::support::loopback::http2_connection;
use super::support::protocol::Protocol;
use super::support::raw::Raw;
use super::support::readings::{eventually, only};
use super::{Server, too_large};

const LIMIT: u64 = 10_000;
const CHUNK: usize = 1_000;

async fn start(protocol: Protocol) -> Server {
    Server::start(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await
}

/// What an endless body has left: at most one chunk over the limit was looked at, and none of that delivered.
async fn check_endless(server: Server, protocol: Protocol) {
    let request = eventually(|| {
        let found = server.ledger.snapshot().series().first().cloned();
        found.filter(|series| series.direction == Direction::Request)
    });
    let request = request.await;
    assert_eq!(request.bodies(Outcome::RejectedStreaming), 1, "{protocol:?}: {request:?}");
    let seen = request.offered.sum();
    assert!(seen > LIMIT && seen <= LIMIT + CHUNK as u64, "{protocol:?}: {seen} bytes seen");
    let found = server.calls.refusals();
    assert_eq!((found.len(), found[0].seen()), (1, seen), "{protocol:?}: {found:?}");
    let request = format!("server request POST /read: 1 rejected_streaming, 0 B, {seen} B offered, 1 over limit");
    let response = format!("server response POST /read 413: 1 complete, {} B", too_large(LIMIT).len());
    server.leaves(&format!("{protocol:?}"), &[&request, &response]).await;
}

#[tokio::test]
async fn an_endless_chunked_body_is_cut_at_the_limit_and_its_connection_closed() {
    let server = start(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("POST /read HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let chunk = format!("{CHUNK:x}\r\n{}\r\n", "x".repeat(CHUNK));
    for _ in 0..11 {
        raw.send(&chunk).await;
    }
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.text()), (413, &*too_large(LIMIT)));
    assert_eq!(answer.header("connection"), Some("close"));
    // It goes on for as long as it can; nobody takes it in.
    while raw.try_send(&chunk).await.is_ok() {}
    check_endless(server, Protocol::Http1).await;
}

#[tokio::test]
async fn an_endless_http2_body_is_cut_at_the_limit_and_its_connection_goes_on() {
    let server = start(Protocol::Http2).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "POST", "/read", &[], false).await;
    for _ in 0..11 {
        frames.data(1, &[b'x'; CHUNK], false).await;
    }
    let answer = frames.answer(1).await;
    assert!(answer.last().unwrap().ends_stream(), "{answer:?}");
    assert!(answer.iter().any(|frame| frame.payload == too_large(LIMIT).as_bytes()), "{answer:?}");
    check_endless_goes_on(&mut frames).await;
    server.tasks.end().await;
    let request = only(&server.ledger, Direction::Request);
    assert_eq!((request.bodies(Outcome::RejectedStreaming), request.bodies(Outcome::Complete)), (1, 1));
    assert_eq!((request.outcomes.total(), request.over_limit, request.completed.sum()), (2, 1, 5));
}

/// More of the refused stream hurts nobody, and the next one is served.
async fn check_endless_goes_on(frames: &mut FrameSocket) {
    for _ in 0..11 {
        frames.data(1, &[b'x'; CHUNK], false).await;
    }
    frames.request(3, "POST", "/read", &[], false).await;
    frames.data(3, b"01234", true).await;
    let answer: Vec<_> = frames.answer(3).await.into_iter().filter(|frame| frame.stream == 3).collect();
    assert_eq!(answer[0].kind, HEADERS, "{answer:?}");
    assert!(answer.iter().any(|frame| frame.payload == b"5 bytes"), "{answer:?}");
}

#[tokio::test]
async fn an_upload_whose_client_goes_away_while_it_is_read_has_failed_once() {
    for framing in ["content-length: 100", "transfer-encoding: chunked"] {
        let server = start(Protocol::Http1).await;
        let mut raw = Raw::connect(server.address).await;
        raw.send(format!("POST /read HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n5\r\n01234\r\n")).await;
        eventually(|| (server.calls.count() == 1).then_some(())).await;
        drop(raw);
        fails_once(server, framing).await;
    }
    let server = start(Protocol::Http2).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "POST", "/read", &[], false).await;
    frames.data(1, b"01234", false).await;
    eventually(|| (server.calls.count() == 1).then_some(())).await;
    drop(frames);
    fails_once(server, "HTTP/2").await;
}

/// One request that failed or was dropped with its handler, whichever hyper did first, and no second sample.
async fn fails_once(server: Server, case: &str) {
    let ended = || {
        let snapshot = server.ledger.snapshot();
        let request = snapshot.series().iter().find(|series| series.direction == Direction::Request)?;
        Some((request.bodies(Outcome::Failed) + request.bodies(Outcome::Aborted), request.outcomes.total()))
    };
    assert_eq!(eventually(ended).await, (1, 1), "{case}");
    server.tasks.end().await;
    assert_eq!(ended(), Some((1, 1)), "{case}");
    assert_eq!(only(&server.ledger, Direction::Request).offered.sum(), 0, "{case}");
}

#[tokio::test]
async fn a_stream_that_is_reset_has_failed_or_is_aborted_once_and_spares_its_siblings() {
    let server = start(Protocol::Http2).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "POST", "/first", &[], false).await;
    frames.data(1, b"01234", false).await;
    frames.request(3, "POST", "/read", &[], false).await;
    eventually(|| (server.calls.first_frames() == 1 && server.calls.count() == 2).then_some(())).await;
    const CANCEL: u32 = 8;
    frames.reset(1, CANCEL).await;
    frames.data(3, b"01234", true).await;
    let answer = frames.answer(3).await;
    assert!(answer.iter().any(|frame| frame.payload == b"5 bytes"), "{answer:?}");
    let (aborted, read) = ("server request POST /first: 1 aborted, 0 B", "server request POST /read: 1 complete, 5 B");
    server.leaves("reset", &[aborted, read, "server response POST /read 200: 1 complete, 7 B"]).await;
}

#[tokio::test]
async fn a_body_that_is_dropped_half_read_with_its_connection_is_aborted_once() {
    for (framing, body) in [("content-length: 100", "01234"), ("transfer-encoding: chunked", "5\r\n01234\r\n")] {
        let server = start(Protocol::Http1).await;
        let mut raw = Raw::connect(server.address).await;
        raw.send(format!("POST /first HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n{body}")).await;
        eventually(|| (server.calls.first_frames() == 1).then_some(())).await;
        // The server is taken down while its handler waits.
        server.tasks.end().await;
        server.leaves(framing, &["server request POST /first: 1 aborted, 0 B"]).await;
    }
}

#[tokio::test]
async fn a_refused_upload_spares_the_streams_beside_it() {
    let server = start(Protocol::Http2).await;
    let mut connection = http2_connection(server.address, &server.tasks).await;
    let url = |path: &str| format!("http://{}{path}", server.address);
    let fed = |feed: mpsc::UnboundedReceiver<Bytes>| {
        let frames = futures_util::stream::unfold(feed, async |mut feed| Some((feed.recv().await?, feed)));
        let frames = futures_util::StreamExt::map(frames, |data| Ok::<_, std::io::Error>(Frame::data(data)));
        StreamBody::new(frames).boxed()
    };
    let (feed, slow) = mpsc::unbounded_channel();
    let sibling = connection.send_request(Request::post(url("/read")).body(fed(slow)).unwrap());
    let sibling = tokio::spawn(sibling);
    feed.send(Bytes::from_static(b"01234")).unwrap();
    eventually(|| (server.calls.count() == 1).then_some(())).await;

    for (case, length) in [("declared", Some(LIMIT + 1)), ("streamed", None)] {
        let (feed, refused) = mpsc::unbounded_channel();
        feed.send(Bytes::from(vec![b'x'; 10_001])).unwrap();
        let mut request = Request::post(url("/read"));
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let answer = connection.send_request(request.body(fed(refused)).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 413, "{case}");
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), too_large(LIMIT), "{case}");
    }

    feed.send(Bytes::from_static(b"56789")).unwrap();
    drop(feed);
    let answer = sibling.await.unwrap().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "10 bytes");
    let requests = "server request POST /read: 1 complete, 1 rejected_early, 1 rejected_streaming, 10 B, 20012 B offered, 2 over limit";
    let refusals = format!("server response POST /read 413: 2 complete, {} B", 2 * too_large(LIMIT).len());
    server.leaves("siblings", &[requests, "server response POST /read 200: 1 complete, 8 B", &refusals]).await;
}
