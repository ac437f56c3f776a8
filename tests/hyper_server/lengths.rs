//! `Content-Length` that lies, is malformed, given twice, or absent; and bodies that differ from it.

use plimsoll::Limit;

use super::Server;
use super::support::frames::{FrameSocket, RST_STREAM};
use super::support::protocol::Protocol;
use super::support::raw::Raw;

const LIMIT: u64 = 10;

/// A request as it stands on the wire, to `POST /read`, and what becomes of it.
struct Case {
    name: &'static str,
    /// Behind `POST /read HTTP/1.1` and the host.
    sent: &'static str,
    /// The status and the text; no text where it is another's.
    answered: (u16, Option<&'static str>),
    /// The line of the request in the ledger; none where hyper never calls the service.
    request: Option<&'static str>,
}

const CASES: [Case; 16] = [
    Case {
        name: "a true length",
        sent: "content-length: 10\r\n\r\n0123456789",
        answered: (200, Some("10 bytes")),
        request: Some("1 complete, 10 B"),
    },
    Case { name: "none at all", sent: "\r\n", answered: (200, Some("0 bytes")), request: Some("1 complete, 0 B") },
    Case {
        name: "zero",
        sent: "content-length: 0\r\n\r\n",
        answered: (200, Some("0 bytes")),
        request: Some("1 complete, 0 B"),
    },
    Case {
        name: "leading zeros",
        sent: "content-length: 00010\r\n\r\n0123456789",
        answered: (200, Some("10 bytes")),
        request: Some("1 complete, 10 B"),
    },
    Case {
        name: "leading zeros, over the limit",
        sent: "content-length: 00011\r\n\r\n",
        answered: (413, None),
        request: Some("1 rejected_early, 0 B, 11 B offered, 1 over limit"),
    },
    Case {
        name: "given twice, alike",
        sent: "content-length: 5\r\ncontent-length: 5\r\n\r\n01234",
        answered: (200, Some("5 bytes")),
        request: Some("1 complete, 5 B"),
    },
    Case {
        name: "given twice, alike, over the limit",
        sent: "content-length: 11\r\ncontent-length: 11\r\n\r\n",
        answered: (413, None),
        request: Some("1 rejected_early, 0 B, 11 B offered, 1 over limit"),
    },
    Case {
        name: "given twice, unlike",
        sent: "content-length: 5\r\ncontent-length: 11\r\n\r\n01234567890",
        answered: (400, Some("")),
        request: None,
    },
    Case {
        name: "not a number",
        sent: "content-length: many\r\n\r\n0123456789",
        answered: (400, Some("")),
        request: None,
    },
    Case { name: "signed", sent: "content-length: +5\r\n\r\n01234", answered: (400, Some("")), request: None },
    Case {
        name: "more than 64 bits hold",
        sent: "content-length: 18446744073709551616\r\n\r\n",
        answered: (400, Some("")),
        request: None,
    },
    Case {
        // Anyone can declare anything: the ledger takes it for 1 TiB at most.
        name: "the most that hyper takes",
        sent: "content-length: 18446744073709551613\r\n\r\n",
        answered: (413, None),
        request: Some("1 rejected_early, 0 B, 1099511627776 B offered, 1 over limit"),
    },
    Case {
        name: "chunked, at the limit",
        sent: "transfer-encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n",
        answered: (200, Some("10 bytes")),
        request: Some("1 complete, 10 B"),
    },
    Case {
        name: "chunked, over the limit",
        sent: "transfer-encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n",
        answered: (413, None),
        request: Some("1 rejected_streaming, 0 B, 11 B offered, 1 over limit"),
    },
    Case {
        name: "chunked, beside a length that would fit",
        sent: "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n",
        answered: (413, None),
        request: Some("1 rejected_streaming, 0 B, 11 B offered, 1 over limit"),
    },
    Case {
        name: "chunked, beside a length that would not fit",
        sent: "content-length: 11\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\n\r\n",
        answered: (200, Some("5 bytes")),
        request: Some("1 complete, 5 B"),
    },
];

async fn start(protocol: Protocol) -> Server {
    Server::start(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT))).await
}

#[tokio::test]
async fn each_way_to_declare_a_length_is_taken_for_what_it_is() {
    for Case { name, sent, answered: (status, text), request } in CASES {
        let server = start(Protocol::Http1).await;
        let mut raw = Raw::connect(server.address).await;
        raw.send(format!("POST /read HTTP/1.1\r\nhost: a\r\n{sent}")).await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.whole), (status, true), "{name}");
        if let Some(text) = text {
            assert_eq!(answer.text(), text, "{name}");
        }
        let response = format!("server response POST /read {status}: 1 complete, {} B", answer.body.len());
        match request {
            Some(request) => server.leaves(name, &[&format!("server request POST /read: {request}"), &response]).await,
            None => server.leaves(name, &[]).await,
        }
    }
}

#[tokio::test]
async fn a_body_shorter_than_declared_has_failed() {
    let server = start(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("POST /swallow HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n01234").await;
    raw.finish().await;
    raw.rest().await;
    server.leaves_of_the_request("HTTP/1", "server request POST /swallow: 1 failed, 0 B").await;
}

#[tokio::test]
async fn what_follows_a_body_longer_than_declared_is_another_request_and_no_good_one() {
    let server = start(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n0123456789").await;
    assert_eq!(raw.answer().await.text(), "5 bytes");
    assert_eq!(server.calls.count(), 1);
    let read = "server request POST /read: 1 complete, 5 B";
    server.leaves("HTTP/1", &[read, "server response POST /read 200: 1 complete, 7 B"]).await;
}

#[tokio::test]
async fn an_http2_body_that_differs_from_its_length_has_failed() {
    for (name, length, data) in [("shorter", "10", "01234"), ("longer", "5", "0123456789")] {
        let server = start(Protocol::Http2).await;
        let mut frames = FrameSocket::connect(server.address).await;
        frames.request(1, "POST", "/read", &[("content-length", length)], false).await;
        frames.data(1, data.as_bytes(), true).await;
        let answer = frames.answer(1).await;
        assert_eq!(answer.last().unwrap().kind, RST_STREAM, "{name}: {answer:?}");
        server.leaves_of_the_request(name, "server request POST /read: 1 failed, 0 B").await;
    }
}

#[tokio::test]
async fn an_http2_length_that_is_no_number_never_reaches_the_service() {
    for (name, length) in [("not a number", "many"), ("signed", "+5"), ("too large", "18446744073709551616")] {
        let server = start(Protocol::Http2).await;
        let mut frames = FrameSocket::connect(server.address).await;
        frames.request(1, "POST", "/read", &[("content-length", length)], false).await;
        frames.data(1, b"01234", true).await;
        let answer = frames.answer(1).await;
        assert_eq!(answer.last().unwrap().kind, RST_STREAM, "{name}: {answer:?}");
        assert_eq!(server.calls.count(), 0, "{name}");
        server.leaves(name, &[]).await;
    }
}
