//! Packed responses: inside a decompressing layer the bytes of the wire are limited, outside it the decoded ones.

use http_body_util::BodyExt;
use plimsoll::{Ledger, Limit, LimitExceeded, View};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::decompression::DecompressionLayer;

use super::support::book::book_reads_after;
use super::support::loopback::{Tasks, client};
use super::support::protocol::Protocol;
use super::support::upstream::{Upstream, gzip};
use super::{book, layer};

const UNPACKED: usize = 1_000_000;

#[tokio::test]
async fn a_layer_outside_counts_what_is_unpacked_and_stops_a_bomb() {
    let upstream = Upstream::start().await;
    for (protocol, bytes) in
        Protocol::BOTH.into_iter().flat_map(|protocol| [65_536, 65_537, UNPACKED].map(|n| (protocol, n)))
    {
        let name = format!("{protocol:?}, {bytes} bytes");
        let (ledger, tasks) = (Ledger::new(), Tasks::default());
        let ours = layer(&ledger, |layer| layer.response_limit(Limit::reject_over(65_536)).view(View::Decoded));
        let stack = ServiceBuilder::new().layer(ours).layer(DecompressionLayer::new());
        let mut service = stack.service(client(protocol, &tasks));
        let request = super::bodiless("GET", &upstream.url(&format!("/bomb/{bytes}")));
        let answer = service.ready().await.unwrap().call(request).await.unwrap();
        let body = answer.into_body().collect().await;
        let record = if bytes <= 65_536 {
            assert_eq!(body.unwrap().to_bytes().len(), bytes, "{name}");
            format!("1 complete, {bytes} B")
        } else {
            let found = super::refusal(&name, body);
            assert_eq!((found.limit(), found.declared()), (65_536, None), "{name}");
            // At most one frame more than the limit was unpacked.
            assert!(found.seen() > 65_536 && found.seen() <= 65_536 + 16_384, "{name}: {found:?}");
            format!("1 rejected_streaming, 0 B, {} B offered, 1 over limit", found.seen())
        };
        let requested = "client request GET /bomb of inventory decoded: 1 complete, 0 B";
        let response = format!("client response GET /bomb of inventory 200 decoded: {record}");
        book_reads_after(&name, &ledger, &[requested, &response]).await;
        drop(service);
        tasks.end().await;
        assert_eq!(book(&ledger), [requested, &response], "{name}, when everything is dropped");
    }
}

#[tokio::test]
async fn a_layer_inside_counts_the_wire() {
    let upstream = Upstream::start().await;
    let packed = gzip(UNPACKED).len() as u64;
    for (protocol, limit) in Protocol::BOTH.into_iter().flat_map(|protocol| [packed, packed - 1].map(|n| (protocol, n)))
    {
        let name = format!("{protocol:?}, limit {limit} of {packed}");
        let (ledger, tasks) = (Ledger::new(), Tasks::default());
        let ours = layer(&ledger, |layer| layer.response_limit(Limit::reject_over(limit)));
        let mut service = DecompressionLayer::new().layer(ours.layer(client(protocol, &tasks)));
        let request = super::bodiless("GET", &upstream.url(&format!("/bomb/{UNPACKED}")));
        let answer = service.ready().await.unwrap().call(request).await;
        let record = if limit == packed {
            let body = answer.unwrap().into_body().collect().await.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(body.to_bytes().len(), UNPACKED, "{name}");
            format!("1 complete, {packed} B")
        } else {
            let error = answer.err().unwrap_or_else(|| panic!("{name}: an answer"));
            let found = LimitExceeded::find(&error).unwrap_or_else(|| panic!("{name}: {error:?}"));
            assert_eq!(found.declared(), Some(packed), "{name}");
            format!("1 rejected_early, 0 B, {packed} B offered, 1 over limit")
        };
        let requested = "client request GET /bomb of inventory: 1 complete, 0 B";
        let response = format!("client response GET /bomb of inventory 200 gzip: {record}");
        book_reads_after(&name, &ledger, &[requested, &response]).await;
        drop(service);
        tasks.end().await;
        assert_eq!(book(&ledger), [requested, &response], "{name}, when everything is dropped");
    }
}

#[tokio::test]
async fn a_refusal_while_unpacking_is_found_behind_the_decompressor_s_error() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let (ledger, tasks) = (Ledger::new(), Tasks::default());
        let ours = layer(&ledger, |layer| layer.response_limit(Limit::reject_over(20)));
        let mut service = DecompressionLayer::new().layer(ours.layer(client(protocol, &tasks)));
        // Streamed, and packed on the way: nothing is declared.
        let mut request = super::bodiless("GET", &upstream.url("/zeros/1000000"));
        request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        let answer = service.ready().await.unwrap().call(request).await.unwrap();
        let error = answer.into_body().collect().await.err().unwrap();
        let found = LimitExceeded::find(&*error).unwrap_or_else(|| panic!("{protocol:?}: {error:?}"));
        assert_eq!(found.limit(), 20, "{protocol:?}");
        let requested = "client request GET /zeros of inventory: 1 complete, 0 B";
        let refused = format!("1 rejected_streaming, 0 B, {} B offered, 1 over limit", found.seen());
        let response = format!("client response GET /zeros of inventory 200 gzip: {refused}");
        book_reads_after(&format!("{protocol:?}"), &ledger, &[requested, &response]).await;
        drop(service);
        tasks.end().await;
        assert_eq!(book(&ledger), [requested, &response], "{protocol:?}, when everything is dropped");
    }
}
