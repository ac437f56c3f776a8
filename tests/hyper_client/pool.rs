//! What a refused response costs: on HTTP/1 its connection, unless it is drained; on HTTP/2 its stream alone.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use plimsoll::Limit;
use tokio::time::timeout;
use tower::service_fn;

use super::by_hand::{ByHand, Says};
use super::support::loopback::serve;
use super::support::protocol::Protocol;
use super::support::upstream::{PEER, Upstream};
use super::{Caller, refusal};

const LIMIT: u64 = 10;

/// Refused calls, by what they declare and while they are read.
const REFUSED: [&str; 2] = ["/declared/5000", "/chunked/5000"];

/// A call that fits, and the connection that it went over.
async fn good_call(caller: &mut Caller, upstream: &Upstream, case: &str) -> String {
    let answer = caller.get(&upstream.url("/declared/5")).await;
    let answer = answer.unwrap_or_else(|error| panic!("{case}: {error:?}"));
    let peer = answer.headers()[PEER].to_str().unwrap().to_owned();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "xxxxx", "{case}");
    peer
}

async fn refused_call(caller: &mut Caller, upstream: &Upstream, path: &str) {
    match caller.get(&upstream.url(path)).await {
        Ok(answer) => drop(refusal(path, answer.into_body().collect().await)),
        Err(error) => drop(refusal(path, Err::<(), _>(error))),
    }
}

#[tokio::test]
async fn the_pool_hands_out_no_connection_with_a_refused_body_on_it() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let mut caller = Caller::new(protocol, |layer| layer.response_limit(Limit::reject_over(LIMIT)));
        for round in 0..40 {
            refused_call(&mut caller, &upstream, REFUSED[round % 2]).await;
            if round % 4 == 3 {
                good_call(&mut caller, &upstream, &format!("{protocol:?}, round {round}")).await;
            }
        }
        let chunked = "client response GET /chunked of inventory 200: 20 rejected_streaming, 0 B";
        let book = super::book(&caller.ledger);
        assert!(book[1].starts_with(chunked) && book[1].ends_with(", 20 over limit"), "{protocol:?}: {book:?}");
        let expected = [
            "client request GET /chunked of inventory: 20 complete, 0 B",
            &book[1],
            "client request GET /declared of inventory: 30 complete, 0 B",
            "client response GET /declared of inventory 200: \
             10 complete, 20 rejected_early, 50 B, 100050 B offered, 20 over limit",
        ];
        caller.leaves(&format!("{protocol:?}"), &expected).await;
    }
}

#[tokio::test]
async fn http2_keeps_its_connection_and_http1_only_a_drained_one() {
    let upstream = Upstream::start().await;
    // Large ones: what hyper has read already when it is refused costs nothing.
    let (declared, chunked) = ("/declared/2000000", "/chunked/2000000");
    let cases = [
        (Protocol::Http1, 0, declared, false),
        (Protocol::Http1, 1_999_999, declared, false),
        (Protocol::Http1, 2_000_000, declared, true),
        (Protocol::Http1, 2_000_000, chunked, false),
        (Protocol::Http2, 0, declared, true),
        (Protocol::Http2, 2_000_000, declared, true),
        (Protocol::Http2, 0, chunked, true),
    ];
    for (protocol, drain, path, kept) in cases {
        let name = format!("{protocol:?}, drained up to {drain}, {path}");
        let limited = |layer: plimsoll::ClientLayer| layer.response_limit(Limit::reject_over(LIMIT));
        let mut caller = Caller::new(protocol, |layer| limited(layer).drain_refused_up_to(drain));
        let before = good_call(&mut caller, &upstream, &name).await;
        assert_eq!(
            good_call(&mut caller, &upstream, &name).await,
            before,
            "{name}: the pool keeps no connection at all"
        );
        for _ in 0..3 {
            refused_call(&mut caller, &upstream, path).await;
        }
        assert_eq!(good_call(&mut caller, &upstream, &name).await == before, kept, "{name}");
        let refused: u64 = caller.ledger.snapshot().series().iter().map(|series| series.over_limit).sum();
        assert_eq!((refused, caller.ledger.snapshot().outcomes().total()), (3, 12), "{name}");
        caller.tasks.end().await;
        assert_eq!(caller.ledger.snapshot().outcomes().total(), 12, "{name}, when everything is dropped");
    }
}

/// Its stream ends by itself, so there is nothing to wait for: this upstream sends no more than the head.
#[tokio::test]
async fn over_http2_a_refused_answer_is_not_drained() {
    let mut caller =
        Caller::new(Protocol::Http2, |layer| layer.response_limit(Limit::reject_over(LIMIT)).drain_refused_up_to(100));
    let silent = service_fn(|_: Request<Incoming>| {
        let body = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        ready(Response::builder().header("content-length", "100").body(body))
    });
    let address = serve(Protocol::Http2, silent, &caller.tasks).await;
    let url = format!("http://{address}/sku");
    let answer = timeout(Duration::from_secs(30), caller.get(&url)).await.expect("nothing is waited for");
    assert_eq!(refusal("a silent upstream", answer).declared(), Some(100));
}

#[tokio::test]
async fn a_drain_that_ends_before_its_length_fails_like_any_refusal() {
    // The upstream declares eleven bytes, sends five, and is gone.
    let says = Says::Http1 { bytes: "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234".into(), close: true };
    let limited = |layer: plimsoll::ClientLayer| layer.response_limit(Limit::reject_over(LIMIT));
    let mut caller = Caller::new(Protocol::Http1, |layer| limited(layer).drain_refused_up_to(100));
    let upstream = ByHand::start(says, &caller.tasks).await;
    let found = refusal("a short drain", caller.get(&upstream.url("/sku")).await);
    assert_eq!((found.seen(), found.declared()), (0, Some(11)));
    let refused = "client response GET /sku of inventory 200: 1 rejected_early, 0 B, 11 B offered, 1 over limit";
    caller.leaves("a short drain", &["client request GET /sku of inventory: 1 complete, 0 B", refused]).await;
}

#[tokio::test]
async fn what_comes_behind_a_body_poisons_no_later_call() {
    // Ten bytes declared as five: the rest would be taken for the head of the next answer.
    let says = Says::http1("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n0123456789");
    let mut caller = Caller::new(Protocol::Http1, |layer| layer.response_limit(Limit::reject_over(LIMIT)));
    let upstream = ByHand::start(says, &caller.tasks).await;
    for round in 1..=10 {
        assert_eq!(caller.bytes(&upstream.url("/sku")).await, "01234", "round {round}");
    }
    let expected = [
        "client request GET /sku of inventory: 10 complete, 0 B",
        "client response GET /sku of inventory 200: 10 complete, 50 B",
    ];
    caller.leaves("behind the body", &expected).await;
}

#[tokio::test]
async fn http2_streams_survive_the_refusal_of_those_beside_them() {
    let upstream = Upstream::start().await;
    let mut caller = Caller::new(Protocol::Http2, |layer| layer.response_limit(Limit::reject_over(200_000)));
    // One is half read while forty beside it are refused.
    let mut sibling = caller.get(&upstream.url("/chunked/200000")).await.unwrap();
    let peer = sibling.headers()[PEER].clone();
    let mut read = sibling.body_mut().frame().await.unwrap().unwrap().into_data().unwrap().len();
    for path in ["/declared/200001", "/chunked/200001"] {
        for _ in 0..20 {
            refused_call(&mut caller, &upstream, path).await;
        }
    }
    read += sibling.into_body().collect().await.unwrap().to_bytes().len();
    assert_eq!(read, 200_000);
    assert_eq!(caller.get(&upstream.url("/declared/5")).await.unwrap().headers()[PEER], peer);
    let expected = [
        "client request GET /chunked of inventory: 21 complete, 0 B",
        "client response GET /chunked of inventory 200: \
         1 complete, 20 rejected_streaming, 200000 B, 4200020 B offered, 20 over limit",
        "client request GET /declared of inventory: 21 complete, 0 B",
        "client response GET /declared of inventory 200: \
         20 rejected_early, 1 unread, 0 B, 4000020 B offered, 20 over limit",
    ];
    caller.leaves("siblings", &expected).await;
}
