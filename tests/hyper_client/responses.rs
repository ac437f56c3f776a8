//! Responses over their limit, and at it: by what they declare, and by what is found while they are read.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use plimsoll::{BodyLimits, Direction, Limit, Role};
use tower::service_fn;

use super::by_hand::{ByHand, Says};
use super::support::loopback::serve;
use super::support::protocol::Protocol;
use super::support::readings::eventually;
use super::support::upstream::{FRAME, Upstream};
use super::{Caller, bodiless, refusal};

const LIMIT: u64 = 10;

#[tokio::test]
async fn every_size_by_every_framing_gets_what_its_limit_says() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        for (framing, bytes) in ["declared", "chunked"].into_iter().flat_map(|how| [0, 9, 10, 11, 30].map(|n| (how, n)))
        {
            for warns in [true, false] {
                let name = format!("{protocol:?}, {framing}, {bytes} bytes, only a warning: {warns}");
                let limit = if warns { Limit::warn_over(LIMIT) } else { Limit::reject_over(LIMIT) };
                let mut caller = Caller::new(protocol, |layer| layer.response_limit(limit));
                let answer = caller.get(&upstream.url(&format!("/{framing}/{bytes}"))).await;
                let request = format!("client request GET /{framing} of inventory: 1 complete, 0 B");
                let response = format!("client response GET /{framing} of inventory 200");
                let over = if bytes > LIMIT { ", 1 over limit" } else { "" };
                if bytes <= LIMIT || warns {
                    let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
                    assert_eq!(body, "x".repeat(bytes as usize), "{name}");
                    let response = format!("{response}: 1 complete, {bytes} B{over}");
                    caller.leaves(&name, &[&request, &response]).await;
                    continue;
                }
                let (found, how) = match framing {
                    "declared" => (refusal(&name, answer), "rejected_early"),
                    _ => (refusal(&name, answer.unwrap().into_body().collect().await), "rejected_streaming"),
                };
                let (seen, declared) = if framing == "declared" { (0, Some(bytes)) } else { (bytes, None) };
                assert_eq!((found.limit(), found.seen(), found.declared()), (LIMIT, seen, declared), "{name}");
                assert_eq!(
                    (found.role(), found.direction()),
                    (Some(Role::Client), Some(Direction::Response)),
                    "{name}"
                );
                assert_eq!(found.suggested_status(), StatusCode::BAD_GATEWAY, "{name}");
                let response = format!("{response}: 1 {how}, 0 B, {bytes} B offered{over}");
                caller.leaves(&name, &[&request, &response]).await;
            }
        }
    }
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_before_a_byte_is_read() {
    // Only heads come: whoever read on would wait for ever.
    let heads = [
        (Protocol::Http1, Says::http1("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n")),
        (
            Protocol::Http2,
            Says::Http2 { headers: vec![(":status", "200"), ("content-length", "11")], data: vec![], end: false },
        ),
    ];
    for (protocol, says) in heads {
        let name = format!("{protocol:?}");
        let mut caller = Caller::new(protocol, |layer| layer.response_limit(Limit::reject_over(LIMIT)));
        let upstream = ByHand::start(says, &caller.tasks).await;
        let found = refusal(&name, caller.get(&upstream.url("/sku")).await);
        let text = "client response body of GET /sku of inventory: 11 bytes declared, over the limit of 10 bytes; \
                    to allow it, raise ClientLayer::response_limit";
        assert_eq!(found.to_string(), text);
        let refused = "client response GET /sku of inventory 200: 1 rejected_early, 0 B, 11 B offered, 1 over limit";
        caller.leaves(&name, &["client request GET /sku of inventory: 1 complete, 0 B", refused]).await;
    }
}

#[tokio::test]
async fn a_refused_body_stays_refused_and_never_ends() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let limit = FRAME as u64;
        let mut caller = Caller::new(protocol, |layer| layer.response_limit(Limit::reject_over(limit)));
        let mut body = caller.get(&upstream.url("/chunked/100000")).await.unwrap().into_body();
        let mut delivered = 0;
        let first = loop {
            match body.frame().await.unwrap() {
                Ok(frame) => delivered += frame.into_data().unwrap().len() as u64,
                Err(error) => break refusal("streamed", Err::<(), _>(error)),
            }
        };
        assert!(delivered <= limit, "{protocol:?}: {delivered} bytes delivered");
        assert!(first.seen() > limit, "{protocol:?}: {first:?}");
        for _ in 0..3 {
            assert!(!body.is_end_stream(), "{protocol:?}");
            assert_eq!(body.size_hint().exact(), None, "{protocol:?}");
            let again = body.frame().await.unwrap();
            assert_eq!(refusal("again", again), first, "{protocol:?}");
        }
        drop(body);
        let refused = format!(
            "client response GET /chunked of inventory 200: 1 rejected_streaming, 0 B, {} B offered, 1 over limit",
            first.seen()
        );
        let requested = "client request GET /chunked of inventory: 1 complete, 0 B";
        caller.leaves(&format!("{protocol:?}"), &[requested, &refused]).await;
    }
}

/// An endless answer that says when the upstream is rid of it.
fn endless(held: Arc<()>) -> Response<impl Body<Data = Bytes, Error = Infallible> + Send> {
    let frames = stream::repeat(held).map(|_held| Ok(Frame::data(Bytes::from_static(&[b'x'; FRAME]))));
    Response::new(StreamBody::new(frames))
}

#[tokio::test]
async fn a_refused_body_is_given_up_at_once_though_its_owner_still_holds_it() {
    for protocol in Protocol::BOTH {
        let mut caller = Caller::new(protocol, |layer| layer.response_limit(Limit::reject_over(LIMIT)));
        let held = Arc::new(());
        let answers = Arc::downgrade(&held);
        let service = service_fn(move |_| ready(Ok::<_, Infallible>(endless(answers.upgrade().unwrap()))));
        let url = format!("http://{}/endless", serve(protocol, service, &caller.tasks).await);
        let mut body = caller.get(&url).await.unwrap().into_body();
        // As long as it is not refused, the upstream waits to send more.
        assert!(Arc::strong_count(&held) > 1, "{protocol:?}");
        let found = refusal("streamed", body.frame().await.unwrap());
        eventually(|| (Arc::strong_count(&held) == 1).then_some(())).await;
        let refused = format!(
            "client response GET /endless of inventory 200: 1 rejected_streaming, 0 B, {} B offered, 1 over limit",
            found.seen()
        );
        let requested = "client request GET /endless of inventory: 1 complete, 0 B";
        // It is counted as refused now, not when its owner is done with it.
        assert_eq!(super::book(&caller.ledger), [requested, &*refused], "{protocol:?}");
        drop(body);
        caller.leaves(&format!("{protocol:?}"), &[requested, &refused]).await;
    }
}

#[tokio::test]
async fn limits_of_an_endpoint_and_of_a_request_come_before_the_layer_s() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let of_endpoint = BodyLimits::new().response(Limit::reject_over(20));
        let with = |layer: plimsoll::ClientLayer| {
            layer.response_limit(Limit::reject_over(LIMIT)).limits_for("GET /chunked", of_endpoint)
        };
        let mut caller = Caller::new(protocol, with);
        assert_eq!(caller.bytes(&upstream.url("/chunked/20")).await.len(), 20);
        let over = caller.get(&upstream.url("/chunked/21")).await.unwrap().into_body().collect().await;
        assert_eq!(refusal("the endpoint's", over).limit(), 20);
        for (limit, bytes) in [(Limit::reject_over(40), 40), (Limit::unlimited(), 1000)] {
            let mut request = bodiless("GET", &upstream.url(&format!("/declared/{bytes}")));
            request.extensions_mut().insert(BodyLimits::new().response(limit));
            let answer = caller.call(request).await.unwrap().into_body().collect().await.unwrap();
            assert_eq!(answer.to_bytes().len(), bytes, "{limit:?}");
        }
        let mut request = bodiless("GET", &upstream.url("/declared/1"));
        request.extensions_mut().insert(BodyLimits::new().response(Limit::reject_over(0)));
        assert_eq!(refusal("the request's", caller.call(request).await).limit(), 0);
        let chunked = "1 complete, 1 rejected_streaming, 20 B, 41 B offered, 1 over limit";
        let declared = "2 complete, 1 rejected_early, 1040 B, 1041 B offered, 1 over limit";
        let expected = [
            "client request GET /chunked of inventory: 2 complete, 0 B",
            &format!("client response GET /chunked of inventory 200: {chunked}"),
            "client request GET /declared of inventory: 3 complete, 0 B",
            &format!("client response GET /declared of inventory 200: {declared}"),
        ];
        caller.leaves(&format!("{protocol:?}"), &expected).await;
    }
}
