//! Our own answers over their limit, and at it; those that have no body; those that are meant to be endless.

use bytes::Bytes;
use http_body_util::BodyExt;
use plimsoll::{BodyLimits, Limit};

use super::support::loopback::client;
use super::support::protocol::Protocol;
use super::support::raw::Raw;
use super::support::script::Script;
use super::{OURS_WAS_TOO_LARGE, Server, get, request};

const LIMIT: u64 = 10;

async fn start(protocol: Protocol) -> Server {
    Server::start(protocol, |layer| layer.response_limit(Limit::reject_over(LIMIT))).await
}

/// The status and the body of an answer; no body where it was cut, and neither where that came before the head.
async fn ask(protocol: Protocol, server: &Server, method: &str, path: &str) -> Option<(u16, Option<Bytes>)> {
    let request = request(server.address, method, path, Script::default().declaring(0).knowing_its_end());
    let response = client(protocol, &server.tasks).request(request).await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes)))
}

#[tokio::test]
async fn every_size_by_every_framing_gets_what_its_limit_says() {
    for protocol in Protocol::BOTH {
        for (framing, bytes) in ["declared", "chunked"].into_iter().flat_map(|how| [0, 9, 10, 11, 30].map(|n| (how, n)))
        {
            for warns in [true, false] {
                let name = format!("{protocol:?}, {framing}, {bytes} bytes, only a warning: {warns}");
                let limit = if warns { Limit::warn_over(LIMIT) } else { Limit::reject_over(LIMIT) };
                let server = Server::start(protocol, |layer| layer.response_limit(limit)).await;
                let answer = ask(protocol, &server, "GET", &format!("/{framing}/{bytes}")).await;
                let request = format!("server request GET /{framing}: 1 complete, 0 B");
                let response = format!("server response GET /{framing} 200");
                let over = if bytes > LIMIT { ", 1 over limit" } else { "" };
                if bytes <= LIMIT || warns {
                    assert_eq!(answer, Some((200, Some("x".repeat(bytes as usize).into()))), "{name}");
                    let response = format!("{response}: 1 complete, {bytes} B{over}");
                    server.leaves(&name, &[&request, &response]).await;
                } else if framing == "declared" {
                    assert_eq!(answer, Some((500, Some(OURS_WAS_TOO_LARGE.into()))), "{name}");
                    let response = format!("{response}: 1 rejected_early, 0 B, {bytes} B offered{over}");
                    let ours =
                        format!("server response GET /{framing} 500: 1 complete, {} B", OURS_WAS_TOO_LARGE.len());
                    server.leaves(&name, &[&request, &response, &ours]).await;
                } else {
                    assert!(matches!(answer, None | Some((200, None))), "{name}: {answer:?}");
                    let seen = 12.min(bytes);
                    let response = format!("{response}: 1 rejected_streaming, 0 B, {seen} B offered{over}");
                    server.leaves(&name, &[&request, &response]).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn an_answer_declared_too_large_by_its_header_is_never_read() {
    for protocol in Protocol::BOTH {
        let server = start(protocol).await;
        let answer = get(protocol, &server, "/counted/11").await;
        assert_eq!((answer.status, answer.text()), (500, OURS_WAS_TOO_LARGE), "{protocol:?}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{protocol:?}");
        assert_eq!(answer.header("content-length"), Some(&*OURS_WAS_TOO_LARGE.len().to_string()), "{protocol:?}");
        assert_eq!(answer.header("connection"), None, "{protocol:?}");
        assert_eq!((server.calls.count(), server.calls.polls()), (1, 0), "{protocol:?}");
        let expected = [
            "server request GET /counted: 1 complete, 0 B",
            "server response GET /counted 200: 1 rejected_early, 0 B, 11 B offered, 1 over limit",
            &format!("server response GET /counted 500: 1 complete, {} B", OURS_WAS_TOO_LARGE.len()),
        ];
        server.leaves(&format!("{protocol:?}"), &expected).await;
    }
}

#[tokio::test]
async fn an_answer_without_a_body_has_no_size_and_no_limit() {
    for protocol in Protocol::BOTH {
        // Over HTTP/2, hyper sends what it is given in answer to HEAD: there a handler must not give anything.
        let on_http1 = [("HEAD", "/declared/100", 200), ("GET", "/status/204", 204)];
        let on_both = [("HEAD", "/counted/100", 200), ("GET", "/empty/204", 204), ("GET", "/empty/304", 304)];
        let on_http1 = on_http1.into_iter().filter(|_| protocol == Protocol::Http1);
        for (method, path, status) in on_http1.chain(on_both) {
            let name = format!("{protocol:?} {method} {path}");
            let server = start(protocol).await;
            let answer = ask(protocol, &server, method, path).await;
            assert_eq!(answer, Some((status, Some(Bytes::new()))), "{name}");
            let route = path.rsplit_once('/').unwrap().0;
            let request = format!("server request {method} {route}: 1 complete, 0 B");
            let response = format!("server response {method} {route} {status}: 1 complete, 0 B");
            server.leaves(&name, &[&request, &response]).await;
        }
    }
}

#[tokio::test]
async fn a_304_is_not_refused_for_the_length_of_what_it_does_not_send() {
    let server = start(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("GET /status/304 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 304 Not Modified\r\n"));
    // Nothing lies between it and the next answer.
    raw.send("GET /declared/5 HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(raw.answer().await.text(), "xxxxx");
    let expected = [
        "server request GET /declared: 1 complete, 0 B",
        "server response GET /declared 200: 1 complete, 5 B",
        "server request GET /status: 1 complete, 0 B",
        "server response GET /status 304: 1 complete, 0 B",
    ];
    server.leaves("304", &expected).await;
}

#[tokio::test]
async fn trailers_pass_behind_exactly_the_limit() {
    let server = start(Protocol::Http2).await;
    let answer = get(Protocol::Http2, &server, "/trailers").await;
    assert_eq!((answer.status, answer.body.len()), (200, 10));
    assert_eq!(answer.trailers.unwrap()["x-checksum"], "0a1b2c");
    let sent = "server response GET /trailers 200: 1 complete, 10 B";
    server.leaves("HTTP/2", &["server request GET /trailers: 1 complete, 0 B", sent]).await;

    let server = start(Protocol::Http1).await;
    let mut raw = Raw::connect(server.address).await;
    raw.send("GET /trailers HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: close\r\n\r\n").await;
    let all = String::from_utf8(raw.rest().await).unwrap();
    assert!(all.ends_with("\r\n\r\nA\r\nxxxxxxxxxx\r\n0\r\nx-checksum: 0a1b2c\r\n\r\n"), "{all}");
    server.leaves("HTTP/1", &["server request GET /trailers: 1 complete, 0 B", sent]).await;
}

#[tokio::test]
async fn an_endless_answer_is_held_to_the_limit_of_its_endpoint_only() {
    for protocol in Protocol::BOTH {
        let server = start(protocol).await;
        let answer = get(protocol, &server, "/events").await;
        assert_eq!((answer.status, answer.body.len()), (200, 100), "{protocol:?}");
        let sent = "server response GET /events 200: 1 complete, 100 B";
        server.leaves("by the layer", &["server request GET /events: 1 complete, 0 B", sent]).await;

        let of_endpoint = BodyLimits::new().response(Limit::reject_over(LIMIT));
        let server = Server::start(protocol, |layer| layer.limits_for("/events", of_endpoint)).await;
        let answer = ask(protocol, &server, "GET", "/events").await;
        assert!(matches!(answer, None | Some((200, None))), "{protocol:?}: {answer:?}");
        let cut = "server response GET /events 200: 1 rejected_streaming, 0 B, 12 B offered, 1 over limit";
        server.leaves("by the endpoint", &["server request GET /events: 1 complete, 0 B", cut]).await;
    }
}
