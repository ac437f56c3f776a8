//! Requests over their limit: the caller learns why, and the upstream never sees one that looks whole.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use plimsoll::{BodyLimits, Direction, Limit, Role};
use tower::service_fn;

use super::support::loopback::serve;
use super::support::protocol::Protocol;
use super::support::script::{Script, Step};
use super::witness::{Upload, Witness};
use super::{Caller, declared, post, refusal, streamed};

const LIMIT: u64 = 10;

#[tokio::test]
async fn every_size_by_every_framing_gets_what_its_limit_says() {
    for protocol in Protocol::BOTH {
        for (declares, bytes) in [true, false].into_iter().flat_map(|how| [0, 9, 10, 11, 30].map(|n| (how, n))) {
            for warns in [true, false] {
                check(protocol, declares, bytes, warns).await;
            }
        }
    }
}

async fn check(protocol: Protocol, declares: bool, bytes: u64, warns: bool) {
    let name = format!("{protocol:?}, declared: {declares}, {bytes} bytes, only a warning: {warns}");
    let limit = if warns { Limit::warn_over(LIMIT) } else { Limit::reject_over(LIMIT) };
    let mut caller = Caller::new(protocol, |layer| layer.request_limit(limit));
    let witness = Witness::start(protocol, &caller.tasks).await;
    let body = if declares { declared(bytes as usize) } else { streamed(bytes as usize) };
    let answer = caller.call(post(&witness.url("/upload"), body)).await;
    let over = if bytes > LIMIT { ", 1 over limit" } else { "" };
    if bytes <= LIMIT || warns {
        let text = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, bytes.to_string(), "{name}");
        assert_eq!(witness.uploads().await, [Upload { bytes, whole: true }], "{name}");
        let request = format!("client request POST /upload of inventory: 1 complete, {bytes} B{over}");
        let response = format!("client response POST /upload of inventory 200: 1 complete, {} B", text.len());
        return caller.leaves(&name, &[&request, &response]).await;
    }
    let found = refusal(&name, answer);
    assert_eq!((found.role(), found.direction()), (Some(Role::Client), Some(Direction::Request)), "{name}");
    assert_eq!(found.suggested_status(), StatusCode::INTERNAL_SERVER_ERROR, "{name}");
    // Frames are of four: the third crosses the line.
    let (seen, length, known, how) = match declares {
        true => (0, Some(bytes), bytes, "rejected_early"),
        false => (bytes.min(12), None, bytes.min(12), "rejected_streaming"),
    };
    assert_eq!((found.limit(), found.seen(), found.declared()), (LIMIT, seen, length), "{name}");
    for upload in witness.uploads().await {
        assert!(!declares, "{name}: a request that was refused at once reached the upstream");
        assert!(!upload.whole && upload.bytes <= LIMIT, "{name}: {upload:?}");
    }
    let request = format!("client request POST /upload of inventory: 1 {how}, 0 B, {known} B offered{over}");
    caller.leaves(&name, &[&request]).await;
}

/// hyper says of it that the connection failed, or that the stream was reset.
#[tokio::test]
async fn an_upload_that_is_cut_behind_the_head_of_its_answer_fails_the_body_of_that_with_its_refusal() {
    for protocol in Protocol::BOTH {
        let limited = |layer: plimsoll::ClientLayer| layer.request_limit(Limit::reject_over(LIMIT));
        let mut caller = Caller::<Channel<Bytes, Infallible>>::new(protocol, limited);
        let echo =
            service_fn(|request: Request<Incoming>| ready(Ok::<_, Infallible>(Response::new(request.into_body()))));
        let address = serve(protocol, echo, &caller.tasks).await;
        // The answer's head comes before the upload goes on.
        let (mut upload, body) = Channel::new(1);
        let answer = caller.call(post(&format!("http://{address}/echo"), body)).await.unwrap();
        upload.send_data("more than ten bytes".into()).await.unwrap();
        let found = refusal("an echo", answer.into_body().collect().await);
        assert_eq!((found.direction(), found.limit()), (Some(Direction::Request), LIMIT), "{protocol:?}");
        let request = "client request POST /echo of inventory: 1 rejected_streaming, 0 B, 19 B offered, 1 over limit";
        let response = "client response POST /echo of inventory 200: 1 failed, 0 B";
        caller.leaves(&format!("{protocol:?}"), &[request, response]).await;
    }
}

#[tokio::test]
async fn a_long_upload_that_is_cut_has_reached_the_upstream_and_does_not_look_whole() {
    const LIMIT: u64 = 300_000;
    for protocol in Protocol::BOTH {
        let mut caller = Caller::new(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT)));
        let witness = Witness::start(protocol, &caller.tasks).await;
        let frames = (0..400).flat_map(|_| [Step::Pending, Step::Data(1000)]);
        let answer = caller.call(post(&witness.url("/upload"), Script::new(frames))).await;
        let found = refusal(&format!("{protocol:?}"), answer);
        assert_eq!(found.seen(), 301_000, "{protocol:?}");
        let uploads = witness.uploads().await;
        assert_eq!(uploads.len(), 1, "{protocol:?}: it was on its way");
        assert!(!uploads[0].whole && uploads[0].bytes <= LIMIT, "{protocol:?}: {uploads:?}");
        let refused = "1 rejected_streaming, 0 B, 301000 B offered, 1 over limit";
        let request = format!("client request POST /upload of inventory: {refused}");
        caller.leaves(&format!("{protocol:?}"), &[&request]).await;
    }
}

#[tokio::test]
async fn an_upload_longer_than_its_own_header_is_cut_where_the_limit_is_nearer() {
    // Twelve bytes in frames of four, under a header that says eight.
    for protocol in Protocol::BOTH {
        let mut caller = Caller::new(protocol, |layer| layer.request_limit(Limit::reject_over(9)));
        let witness = Witness::start(protocol, &caller.tasks).await;
        let mut request = post(&witness.url("/upload"), streamed(12));
        request.headers_mut().insert("content-length", 8.into());
        let answer = caller.call(request).await;
        let ended = match protocol {
            // hyper sends what was declared, and looks no further: without us it is the same.
            Protocol::Http1 => {
                assert_eq!(answer.unwrap().into_body().collect().await.unwrap().to_bytes(), "8");
                "1 complete, 8 B"
            }
            Protocol::Http2 => {
                assert_eq!(refusal("HTTP/2", answer).seen(), 12);
                "1 rejected_streaming, 0 B, 12 B offered, 1 over limit"
            }
        };
        let whole = protocol == Protocol::Http1;
        assert!(
            witness.uploads().await.iter().all(|upload| upload.whole == whole && upload.bytes <= 8),
            "{protocol:?}"
        );
        let request = format!("client request POST /upload of inventory: {ended}");
        let response = "client response POST /upload of inventory 200: 1 complete, 1 B";
        let expected: &[&str] = if whole { &[&request, response] } else { &[&request] };
        caller.leaves(&format!("{protocol:?}"), expected).await;
    }
}

#[tokio::test]
async fn a_refused_upload_spares_what_is_beside_and_behind_it() {
    for protocol in Protocol::BOTH {
        let mut caller = Caller::new(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT)));
        let witness = Witness::start(protocol, &caller.tasks).await;
        for round in 0..10 {
            let refused = if round % 2 == 0 { streamed(11) } else { declared(11) };
            refusal("a refused one", caller.call(post(&witness.url("/upload"), refused)).await);
            let answer = caller.call(post(&witness.url("/upload"), streamed(10))).await;
            let answer = answer.unwrap_or_else(|error| panic!("{protocol:?}, round {round}: {error:?}"));
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "10", "{protocol:?}, round {round}");
        }
        let whole = witness.uploads().await.into_iter().filter(|upload| upload.whole);
        assert_eq!(whole.collect::<Vec<_>>(), [Upload { bytes: 10, whole: true }; 10], "{protocol:?}");
        let requests = "10 complete, 5 rejected_early, 5 rejected_streaming, 100 B, 210 B offered, 10 over limit";
        let expected = [
            &format!("client request POST /upload of inventory: {requests}"),
            "client response POST /upload of inventory 200: 10 complete, 20 B",
        ];
        caller.leaves(&format!("{protocol:?}"), &expected).await;
    }
}

#[tokio::test]
async fn a_request_of_its_own_limit_says_where_to_raise_it() {
    let mut caller = Caller::new(Protocol::Http1, |layer| layer.request_limit(Limit::reject_over(LIMIT)));
    let witness = Witness::start(Protocol::Http1, &caller.tasks).await;
    let mut request = post(&witness.url("/upload"), declared(6));
    request.extensions_mut().insert(BodyLimits::new().request(Limit::reject_over(5)));
    let found = refusal("its own", caller.call(request).await);
    let text = "client request body of POST /upload of inventory: 6 bytes declared, over the limit of 5 bytes; \
                to allow it, raise the request limit of the BodyLimits in the request's extensions";
    assert_eq!(found.to_string(), text);
    assert_eq!(witness.begun(), 0);
    let refused = "client request POST /upload of inventory: 1 rejected_early, 0 B, 6 B offered, 1 over limit";
    caller.leaves("its own", &[refused]).await;
}

#[tokio::test]
async fn trailers_go_with_an_upload_of_exactly_the_limit() {
    for protocol in Protocol::BOTH {
        let mut caller = Caller::new(protocol, |layer| layer.request_limit(Limit::reject_over(LIMIT)));
        let witness = Witness::start(protocol, &caller.tasks).await;
        let data = http_body::Frame::data(bytes::Bytes::from_static(b"0123456789"));
        let trailers = [("x-checksum".parse().unwrap(), "0a1b2c".parse().unwrap())].into_iter().collect();
        let frames = [Ok::<_, std::io::Error>(data), Ok(http_body::Frame::trailers(trailers))];
        let answer =
            caller.call(post(&witness.url("/upload"), StreamBody::new(futures_util::stream::iter(frames)))).await;
        assert_eq!(answer.unwrap().into_body().collect().await.unwrap().to_bytes(), "10", "{protocol:?}");
        assert_eq!(witness.uploads().await, [Upload { bytes: 10, whole: true }], "{protocol:?}");
        let expected = [
            "client request POST /upload of inventory: 1 complete, 10 B",
            "client response POST /upload of inventory 200: 1 complete, 2 B",
        ];
        caller.leaves(&format!("{protocol:?}"), &expected).await;
    }
}
