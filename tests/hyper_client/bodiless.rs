//! Answers that have no body: HEAD, 204, 304; and upstreams that send one all the same.

use http_body_util::BodyExt;
use plimsoll::{Direction, Limit};

use super::by_hand::{ByHand, Says};
use super::support::protocol::Protocol;
use super::support::readings::only;
use super::support::upstream::Upstream;
use super::{Caller, bodiless, refusal};

const LIMIT: u64 = 10;

fn limited(protocol: Protocol) -> Caller {
    Caller::new(protocol, |layer| layer.response_limit(Limit::reject_over(LIMIT)))
}

#[tokio::test]
async fn a_length_that_is_told_but_not_sent_is_neither_refused_nor_recorded() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let cases = [("HEAD", "/declared/100", 200), ("HEAD", "/chunked/100", 200), ("GET", "/status/204", 204)];
        for (method, path, status) in cases {
            let name = format!("{protocol:?} {method} {path}");
            let mut caller = limited(protocol);
            let answer = caller.call(bodiless(method, &upstream.url(path))).await.unwrap();
            assert_eq!(answer.status(), status, "{name}");
            if path == "/declared/100" {
                assert_eq!(answer.headers()["content-length"], "100", "{name}");
            }
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "", "{name}");
            assert_eq!(only(&caller.ledger, Direction::Response).offered.count(), 0, "{name}: a size");
            let route = path.rsplit_once('/').unwrap().0;
            let request = format!("client request {method} {route} of inventory: 1 complete, 0 B");
            let response = format!("client response {method} {route} of inventory {status}: 1 complete, 0 B");
            caller.leaves(&name, &[&request, &response]).await;
        }
    }
}

#[tokio::test]
async fn a_304_that_tells_the_length_of_what_is_cached_is_neither_refused_nor_recorded() {
    let heads = [
        (Protocol::Http1, Says::http1("HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n")),
        (
            Protocol::Http2,
            Says::Http2 { headers: vec![(":status", "304"), ("content-length", "100")], data: vec![], end: true },
        ),
    ];
    for (protocol, says) in heads {
        let name = format!("{protocol:?}");
        let mut caller = limited(protocol);
        let upstream = ByHand::start(says, &caller.tasks).await;
        for _ in 0..2 {
            let answer = caller.get(&upstream.url("/sku")).await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["content-length"].to_str().unwrap()),
                (304, &"100")
            );
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "", "{name}");
        }
        assert_eq!(upstream.connections(), 1, "{name}");
        assert_eq!(only(&caller.ledger, Direction::Response).offered.count(), 0, "{name}: a size");
        let expected = [
            "client request GET /sku of inventory: 2 complete, 0 B",
            "client response GET /sku of inventory 304: 2 complete, 0 B",
        ];
        caller.leaves(&name, &expected).await;
    }
}

#[tokio::test]
async fn a_body_that_should_not_be_there_is_limited_all_the_same() {
    // Over HTTP/2 nothing stops an upstream from sending data behind such a head, and hyper hands it on.
    for (method, status) in [("GET", "204"), ("GET", "304")] {
        let name = format!("{method} {status}");
        let mut caller = limited(Protocol::Http2);
        let data: Vec<&[u8]> = vec![b"0123456789"; 100];
        let says = Says::Http2 { headers: vec![(":status", status)], data, end: true };
        let upstream = ByHand::start(says, &caller.tasks).await;
        let answer = caller.call(bodiless(method, &upstream.url("/sku"))).await.unwrap();
        let found = refusal(&name, answer.into_body().collect().await);
        assert_eq!((found.limit(), found.seen()), (LIMIT, 20), "{name}");
        let response = only(&caller.ledger, Direction::Response);
        assert_eq!((response.outcomes.total(), response.over_limit), (1, 1), "{name}");
    }
}
