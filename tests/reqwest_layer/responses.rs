//! Answers held against a limit: declared, streamed, coded; and what becomes of their connection.

use http::header;
use plimsoll::{ClientLayer, Direction, Error, Ledger, Limit};
use tower::Layer;

use crate::support::book::{book, book_of};
use crate::support::protocol::{Protocol, get, post};
use crate::support::upstream::{FRAME, PEER, Upstream, gzip};
use crate::support::wire::fed;
use crate::{Client, inventory, limited, refusal, send};

#[tokio::test]
async fn an_answer_declared_over_the_limit_is_an_error_before_it_is_read() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let error = send(&limited(&ledger, protocol, 1000), get(&upstream.url("/declared/1001"))).await.unwrap_err();
        let exceeded = refusal(&error);
        assert_eq!((exceeded.limit(), exceeded.seen(), exceeded.declared()), (1000, 0, Some(1001)), "{protocol:?}");
        assert_eq!(exceeded.endpoint().unwrap().to_string(), "GET (no template) of inventory");
        assert!(error.downcast::<reqwest::Error>().is_err(), "it is ours, not one of reqwest's");
        assert_eq!(
            book(&ledger),
            [
                "client request GET (no template) of inventory decoded: 1 complete, 0 B",
                "client response GET (no template) of inventory 200 decoded: 1 rejected_early, 0 B, 1001 B offered, \
                 1 over limit",
            ]
        );
    }
}

#[tokio::test]
async fn a_streamed_answer_fails_while_it_is_read() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 3 * FRAME as u64);
        let mut response = send(&client, get(&upstream.url(&format!("/chunked/{}", 100 * FRAME)))).await.unwrap();
        let mut read = 0;
        let error = loop {
            match response.chunk().await {
                Ok(chunk) => read += chunk.expect("it must not look whole").len(),
                Err(error) => break error,
            }
        };
        assert!(read <= 3 * FRAME, "{protocol:?}: {read} bytes came through");
        assert!(error.is_decode(), "as every body that fails under reqwest: {error:?}");
        let exceeded = refusal(&error);
        assert_eq!((exceeded.limit(), exceeded.declared()), (3 * FRAME as u64, None));
        assert!(exceeded.seen() > exceeded.limit());

        for _ in 0..3 {
            let again = response.chunk().await.expect_err("once refused, it stays refused");
            assert_eq!(refusal(&again), exceeded);
        }
        let expected = format!(
            "client response GET (no template) of inventory 200 decoded: 1 rejected_streaming, 0 B, {} B offered, \
             1 over limit",
            exceeded.seen()
        );
        drop(response);
        assert_eq!(book_of(&ledger, Direction::Response), [expected]);
    }
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_passes() {
    for protocol in Protocol::BOTH {
        for path in ["/declared/5000", "/chunked/5000"] {
            let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
            let response = send(&limited(&ledger, protocol, 5000), get(&upstream.url(path))).await.unwrap();
            assert_eq!(response.content_length(), path.starts_with("/declared").then_some(5000));
            assert_eq!(response.bytes().await.unwrap(), vec![b'x'; 5000]);
            assert_eq!(
                book_of(&ledger, Direction::Response),
                ["client response GET (no template) of inventory 200 decoded: 1 complete, 5000 B"],
                "{protocol:?} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_limit_of_zero_lets_the_empty_answer_pass_and_no_other() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = limited(&ledger, Protocol::Http1, 0);
    for path in ["/declared/0", "/chunked/0", "/status/204"] {
        let response = send(&client, get(&upstream.url(path))).await.unwrap();
        assert_eq!(response.bytes().await.unwrap(), "", "{path}");
    }
    refusal(&send(&client, get(&upstream.url("/declared/1"))).await.unwrap_err());
    let response = send(&client, get(&upstream.url("/chunked/1"))).await.unwrap();
    refusal(&response.bytes().await.unwrap_err());
}

#[tokio::test]
async fn an_answer_to_head_declares_a_length_and_has_no_body() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let mut request = get(&upstream.url("/declared/9000"));
        *request.method_mut() = http::Method::HEAD;
        let response = send(&limited(&ledger, protocol, 10), request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "9000");
        assert_eq!(response.bytes().await.unwrap(), "");
        assert_eq!(
            book_of(&ledger, Direction::Response),
            ["client response HEAD (no template) of inventory 200 decoded: 1 complete, 0 B"],
            "{protocol:?}"
        );
    }
}

/// A client that accepts one content coding.
fn accepting(layer: &ClientLayer, coding: &str) -> Client {
    let builder = Protocol::Http1.reqwest_builder();
    let builder = builder.gzip(coding == "gzip").brotli(coding == "br").zstd(coding == "zstd");
    layer.layer(builder.build().unwrap())
}

#[tokio::test]
async fn coded_answers_are_counted_as_they_are_read() {
    for coding in ["gzip", "br", "zstd"] {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = accepting(&inventory(&ledger).response_limit(Limit::reject_over(100_000)), coding);

        // What crosses the network is a small part of it; unpacked, one is just within and the other beyond.
        let response = send(&client, get(&upstream.url("/zeros/100000"))).await.unwrap();
        assert_eq!(response.bytes().await.unwrap().len(), 100_000, "{coding}");
        let response = send(&client, get(&upstream.url("/zeros/100001"))).await.unwrap();
        let error = response.bytes().await.unwrap_err();
        assert_eq!((refusal(&error).limit(), refusal(&error).declared()), (100_000, None), "{coding}");

        let lines = book_of(&ledger, Direction::Response);
        let known = "client response GET (no template) of inventory 200 decoded: 1 complete, 1 rejected_streaming, \
                     100000 B, ";
        assert!(lines.len() == 1 && lines[0].starts_with(known), "{coding}: {lines:?}");
    }
}

#[tokio::test]
async fn a_decompression_bomb_is_stopped_whatever_small_length_it_declares() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 65_536);
        let packed = gzip(10_000_000).len();
        assert!(packed < 65_536, "its declared length is within the limit: {packed}");
        let mut response = send(&client, get(&upstream.url("/bomb/10000000"))).await.unwrap();
        let mut read = 0;
        let error = loop {
            match response.chunk().await {
                Ok(chunk) => read += chunk.expect("it must not look whole").len(),
                Err(error) => break error,
            }
        };
        assert!(read <= 65_536 && refusal(&error).seen() < 1_000_000, "{protocol:?}: {:?}", refusal(&error));
    }
}

#[tokio::test]
async fn what_reqwest_does_not_unpack_is_counted_packed() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let plain = Protocol::Http1.reqwest_builder().no_gzip().build().unwrap();
    let client = inventory(&ledger).response_limit(Limit::reject_over(65_536)).layer(plain);
    let packed = gzip(1_000_000);
    let response = send(&client, get(&upstream.url("/bomb/1000000"))).await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), packed);
    let known =
        format!("client response GET (no template) of inventory 200 gzip decoded: 1 complete, {} B", packed.len());
    assert_eq!(book_of(&ledger, Direction::Response), [known]);
}

#[tokio::test]
async fn a_warning_line_lets_it_pass_and_counts_it() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = inventory(&ledger).response_limit(Limit::warn_over(10)).layer(Protocol::Http2.reqwest());
    for path in ["/declared/5000", "/chunked/5000"] {
        let response = send(&client, get(&upstream.url(path))).await.unwrap();
        assert_eq!(response.bytes().await.unwrap().len(), 5000);
    }
    assert_eq!(
        book_of(&ledger, Direction::Response),
        ["client response GET (no template) of inventory 200 decoded: 2 complete, 10000 B, 2 over limit"]
    );
}

/// Sends a request that is refused, then one that is not, and says whether both used one connection.
async fn keeps_its_connection(protocol: Protocol, upstream: &Upstream, layer: &ClientLayer, path: &str) -> bool {
    let client = layer.layer(protocol.reqwest());
    let first = send(&client, get(&upstream.url("/declared/1"))).await.unwrap();
    let peer = first.headers()[PEER].clone();
    first.bytes().await.unwrap();
    let refused: Result<_, Error> = send(&client, get(&upstream.url(path))).await;
    refusal(&refused.unwrap_err());
    // Lets the connection's own task see that its answer is read.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let last = send(&client, get(&upstream.url("/declared/1"))).await.unwrap();
    last.headers()[PEER] == peer
}

#[tokio::test]
async fn a_drained_answer_keeps_its_http1_connection() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let draining = inventory(&ledger).response_limit(Limit::reject_over(1000)).drain_refused_up_to(200_000);
    // A connection goes back to its pool in a task of its own, so one try may come too early; none ever would.
    let mut tries = 0..50;
    while !keeps_its_connection(Protocol::Http1, &upstream, &draining, "/declared/150000").await {
        assert!(tries.next().is_some(), "the connection never came back");
    }
}

#[tokio::test]
async fn without_a_drain_a_refusal_costs_the_connection_on_http1_only() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let hasty = inventory(&ledger).response_limit(Limit::reject_over(1000));
    let draining_less = hasty.clone().drain_refused_up_to(9_999_999);
    for layer in [hasty, draining_less] {
        let path = "/declared/10000000";
        assert!(!keeps_its_connection(Protocol::Http1, &upstream, &layer, path).await);
        assert!(keeps_its_connection(Protocol::Http2, &upstream, &layer, path).await);
    }
}

#[tokio::test]
async fn a_refusal_leaves_the_other_streams_of_its_http2_connection_alone() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = limited(&ledger, Protocol::Http2, 1000);
    // A sibling whose answer is under way while others are refused.
    let (feeder, stream) = fed();
    feeder.send("before, ".into()).unwrap();
    let echo = post(&upstream.url("/echo"), reqwest::Body::wrap_stream(stream));
    let mut sibling = send(&client, echo).await.unwrap();
    let peer = sibling.headers()[PEER].clone();
    assert_eq!(sibling.chunk().await.unwrap().unwrap(), "before, ");

    refusal(&send(&client, get(&upstream.url("/declared/10000000"))).await.unwrap_err());
    let streamed = send(&client, get(&upstream.url("/chunked/10000000"))).await.unwrap();
    assert_eq!(streamed.headers()[PEER], peer, "all is on one connection");
    refusal(&streamed.bytes().await.unwrap_err());

    feeder.send("after".into()).unwrap();
    drop(feeder);
    assert_eq!(sibling.bytes().await.unwrap(), "after");
}
