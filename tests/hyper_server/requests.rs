//! Requests over their limit, and at it: by what they declare, and by what is found while they are read.

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use plimsoll::{Direction, Ledger, Limit, MeteredBody, Outcome, ServerLayer};
use tower::{BoxError, Layer, service_fn};

use super::handlers::Calls;
use super::support::book::book_of;
use super::support::frames::{FrameSocket, HEADERS};
use super::support::loopback::{Tasks, client, serve};
use super::support::protocol::Protocol;
use super::support::raw::Raw;
use super::support::readings::{eventually, only};
use super::support::script::{Script, Step};
use super::{Answer, Server, declared, post, streamed, too_large};

const LIMIT: u64 = 10;

/// A request of a size around the limit, and what must become of it.
struct Case {
    declares: bool,
    warns: bool,
    bytes: u64,
}

/// A service of hyper's as many write it: what goes wrong with the body is its own error.
#[tokio::test]
async fn a_service_that_hands_on_the_refusal_as_its_error_is_answered_for() {
    for protocol in Protocol::BOTH {
        let (ledger, tasks) = (Ledger::new(), Tasks::default());
        let read = service_fn(async |request: Request<MeteredBody<Incoming>>| {
            let all = request.into_body().collect().await?.to_bytes();
            Ok::<_, BoxError>(Response::new(Full::from(all)))
        });
        let service = ServerLayer::new(&ledger).request_limit(Limit::reject_over(LIMIT)).layer(read);
        let address = serve(protocol, service, &tasks).await;
        let url = format!("http://{address}/");
        let answer = client(protocol, &tasks).request(Request::post(&url).body(streamed(30)).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 413, "{protocol:?}");
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), too_large(LIMIT), "{protocol:?}");
        let broken = Script::new([Step::Data(4), Step::Error]);
        client(protocol, &tasks).request(Request::post(&url).body(broken).unwrap()).await.unwrap_err();
    }
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        let sizes = [0, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT * 3];
        let cases = sizes.into_iter().flat_map(|bytes| {
            [(true, true), (true, false), (false, true), (false, false)]
                .map(|(declares, warns)| (bytes, declares, warns))
        });
        cases.map(|(bytes, declares, warns)| Self { declares, warns, bytes })
    }

    fn name(&self, protocol: Protocol) -> String {
        let Self { declares, warns, bytes } = self;
        format!("{protocol:?}, {bytes} bytes, declared: {declares}, only a warning: {warns}")
    }

    fn body(&self) -> Script {
        if self.declares { declared(self.bytes as usize) } else { streamed(self.bytes as usize) }
    }

    fn check(&self, name: &str, answer: &Answer, calls: &Calls, requests: &[String]) {
        let Self { declares, warns, bytes } = *self;
        let over = if bytes > LIMIT { ", 1 over limit" } else { "" };
        if bytes <= LIMIT || warns {
            assert_eq!((answer.status, answer.text()), (200, &*format!("{bytes} bytes")), "{name}");
            assert_eq!(calls.count(), 1, "{name}");
            assert_eq!(requests, [format!("server request POST /read: 1 complete, {bytes} B{over}")], "{name}");
            return;
        }
        assert_eq!((answer.status, answer.text()), (413, &*too_large(LIMIT)), "{name}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        // Of a stream no more is known than what came with the frame that crossed the line: frames are of four.
        let known = if declares { bytes } else { 12.min(bytes) };
        let how = if declares { "rejected_early" } else { "rejected_streaming" };
        assert_eq!(
            requests,
            [format!("server request POST /read: 1 {how}, 0 B, {known} B offered, 1 over limit")],
            "{name}"
        );
        assert_eq!(calls.count(), usize::from(!declares), "{name}");
        let found = calls.refusals();
        assert_eq!(found.len(), usize::from(!declares), "{name}");
        for found in found {
            assert_eq!((found.limit(), found.seen(), found.declared()), (LIMIT, known, None), "{name}");
        }
    }
}

#[tokio::test]
async fn every_size_by_every_framing_gets_what_its_limit_says() {
    for protocol in Protocol::BOTH {
        for case in Case::all() {
            let name = case.name(protocol);
            let limit = if case.warns { Limit::warn_over(LIMIT) } else { Limit::reject_over(LIMIT) };
            let server = Server::start(protocol, |layer| layer.request_limit(limit)).await;
            let answer = post(protocol, &server, "/read", case.body()).await;
            let requests = book_of(&server.ledger, Direction::Request);
            case.check(&name, &answer, &server.calls, &requests);
            let (status, length) = (answer.status, answer.body.len());
            let all =
                requests.into_iter().chain([format!("server response POST /read {status}: 1 complete, {length} B")]);
            let all: Vec<_> = all.collect();
            server.leaves(&name, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
        }
    }
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_a_byte_comes_http1() {
    let server = Server::start(Protocol::Http1, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.text(), answer.whole), (413, &*too_large(LIMIT), true));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(raw.is_over().await);
    assert_eq!(server.calls.count(), 0);
    let refused = "server request POST /read: 1 rejected_early, 0 B, 11 B offered, 1 over limit";
    let told = format!("server response POST /read 413: 1 complete, {} B", answer.body.len());
    server.leaves("HTTP/1", &[refused, &told]).await;
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_a_byte_comes_http2() {
    let server = Server::start(Protocol::Http2, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "POST", "/read", &[("content-length", "11")], false).await;
    let answer = frames.answer(1).await;
    assert_eq!(answer[0].kind, HEADERS);
    // `:status` as a literal, its name indexed: 413 in Huffman code (RFC 7541, appendix B).
    assert_eq!(answer[0].payload[..5], [0x48, 0x83, 0x68, 0x2c, 0xff], "{answer:?}");
    assert!(!answer[0].payload.windows(5).any(|bytes| bytes == b"close"), "{answer:?}");
    assert!(answer.last().unwrap().ends_stream(), "{answer:?}");
    let body: Vec<u8> = answer[1..].iter().flat_map(|frame| frame.payload.clone()).collect();
    assert_eq!(String::from_utf8(body).unwrap(), too_large(LIMIT));
    assert_eq!(server.calls.count(), 0);
    let told = format!("server response POST /read 413: 1 complete, {} B", too_large(LIMIT).len());
    server
        .leaves("HTTP/2", &["server request POST /read: 1 rejected_early, 0 B, 11 B offered, 1 over limit", &told])
        .await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_without_a_100_continue() {
    let server = Server::start(Protocol::Http1, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
    let ask =
        |bytes| format!("POST /read HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {bytes}\r\n\r\n");
    let mut raw = Raw::connect(server.address).await;
    raw.send(ask(11)).await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(raw.is_over().await);

    // And one that may send is told so.
    let mut raw = Raw::connect(server.address).await;
    raw.send(ask(10)).await;
    assert_eq!(raw.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("0123456789").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "10 bytes"));
    assert_eq!(server.calls.count(), 1);
    let requests = only(&server.ledger, Direction::Request);
    assert_eq!((requests.bodies(Outcome::RejectedEarly), requests.bodies(Outcome::Complete)), (1, 1));
    assert_eq!((requests.outcomes.total(), requests.completed.sum(), requests.offered.sum()), (2, 10, 21));
}

#[tokio::test]
async fn a_failed_answer_becomes_a_413_and_one_that_went_well_stands() {
    let answers = [("/read", 413), ("/busy", 413), ("/swallow", 200)];
    for (protocol, (path, status)) in Protocol::BOTH.into_iter().flat_map(|protocol| answers.map(|to| (protocol, to))) {
        let name = format!("{protocol:?} {path}");
        let server = Server::start(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
        let answer = post(protocol, &server, path, streamed(11)).await;
        assert_eq!(answer.status, status, "{name}");
        if status == 413 {
            assert_eq!(answer.text(), too_large(LIMIT), "{name}");
        } else {
            assert!(answer.text().starts_with("after 8 bytes: server request body of POST /swallow: "), "{name}");
        }
        let close = (protocol == Protocol::Http1 && status == 413).then_some("close");
        assert_eq!(answer.header("connection"), close, "{name}");
        let refused = format!("server request POST {path}: 1 rejected_streaming, 0 B, 11 B offered, 1 over limit");
        let told = format!("server response POST {path} {status}: 1 complete, {} B", answer.body.len());
        server.leaves(&name, &[&refused, &told]).await;
    }
}

#[tokio::test]
async fn an_answer_that_has_begun_cannot_be_taken_back_and_is_cut() {
    for protocol in Protocol::BOTH {
        let server = Server::start(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
        let request = super::request(server.address, "POST", "/streaming", streamed(11));
        let response = client(protocol, &server.tasks).request(request).await;
        // HTTP/1 may find the error before the head has left, and then closes without one.
        if let Ok(response) = response {
            assert_eq!(response.status(), 200, "{protocol:?}");
            assert!(http_body_util::BodyExt::collect(response.into_body()).await.is_err(), "{protocol:?}");
        }
        let refused = "server request POST /streaming: 1 rejected_streaming, 0 B, 11 B offered, 1 over limit";
        server.leaves(&format!("{protocol:?}"), &[refused, "server response POST /streaming 200: 1 failed, 0 B"]).await;
    }
}

#[tokio::test]
async fn a_body_that_no_handler_reads_is_unread() {
    for protocol in Protocol::BOTH {
        for body in [declared(10), streamed(10)] {
            let server = Server::start(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
            let answer = post(protocol, &server, "/unread", body).await;
            assert_eq!((answer.status, answer.text()), (200, "unread"), "{protocol:?}");
            let unread = "server request POST /unread: 1 unread, 0 B";
            server
                .leaves(&format!("{protocol:?}"), &[unread, "server response POST /unread 200: 1 complete, 6 B"])
                .await;
        }
    }
}

#[tokio::test]
async fn trailers_pass_behind_exactly_the_limit() {
    for protocol in Protocol::BOTH {
        let server = Server::start(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
        let data = http_body::Frame::data(bytes::Bytes::from_static(b"0123456789"));
        let trailers = HeaderMap::from_iter([("x-checksum".parse().unwrap(), HeaderValue::from_static("0a1b2c"))]);
        let frames = [Ok::<_, std::io::Error>(data), Ok(http_body::Frame::trailers(trailers))];
        let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        let request = Request::post(format!("http://{}/read", server.address)).header("trailer", "x-checksum");
        let answer =
            Answer::of(client(protocol, &server.tasks).request(request.body(body).unwrap()).await.unwrap()).await;
        assert_eq!(answer.text(), r#"10 bytes and {"x-checksum": "0a1b2c"}"#, "{protocol:?}");
        let told = format!("server response POST /read 200: 1 complete, {} B", answer.body.len());
        server.leaves(&format!("{protocol:?}"), &["server request POST /read: 1 complete, 10 B", &told]).await;
    }
}

#[tokio::test]
async fn frames_of_no_bytes_count_for_nothing() {
    let server = Server::start(Protocol::Http2, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await;
    let mut frames = FrameSocket::connect(server.address).await;
    frames.request(1, "POST", "/read", &[], false).await;
    for data in ["", "0123456789", "", ""] {
        frames.data(1, data.as_bytes(), false).await;
    }
    frames.data(1, b"", true).await;
    let answer = frames.answer(1).await;
    assert!(answer.last().unwrap().ends_stream(), "{answer:?}");
    assert!(answer.iter().any(|frame| frame.payload == b"10 bytes"), "{answer:?}");
    let read = "server request POST /read: 1 complete, 10 B";
    server.leaves("HTTP/2", &[read, "server response POST /read 200: 1 complete, 8 B"]).await;

    let server = Server::start(Protocol::Http1, |layer| layer.request_limit(Limit::reject_over(0))).await;
    let answer =
        post(Protocol::Http1, &server, "/read", Script::new([Step::Data(0), Step::Pending, Step::Data(0)])).await;
    assert_eq!(answer.text(), "0 bytes");
    eventually(|| (only(&server.ledger, Direction::Request).bodies(Outcome::Complete) == 1).then_some(())).await;
}
