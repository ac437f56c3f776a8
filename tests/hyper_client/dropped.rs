//! Bodies that do not come to their end: dropped unread, half read, cancelled with their task, cut by the upstream.

use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use plimsoll::Limit;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::{Service, ServiceExt};

use super::by_hand::{ByHand, Says};
use super::support::protocol::Protocol;
use super::support::readings::eventually;
use super::support::upstream::{Upstream, nobody};
use super::witness::Witness;
use super::{Caller, bodiless, failure, post, streamed};

const LIMIT: Limit = Limit::reject_over(1 << 20);

fn limited<B>(protocol: Protocol) -> Caller<B>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<tower::BoxError>,
{
    Caller::new(protocol, |layer| layer.request_limit(LIMIT).response_limit(LIMIT))
}

#[tokio::test]
async fn a_response_dropped_at_any_point_leaves_one_sample_that_says_so() {
    let upstream = Upstream::start().await;
    // Path, frames read before the drop (hyper splits bodies as it likes: none, the first, or all), the record.
    let cases = [
        ("/declared/100000", Some(0), "1 unread, 0 B"),
        ("/chunked/100000", Some(0), "1 unread, 0 B"),
        ("/declared/0", Some(0), "1 complete, 0 B"),
        ("/declared/100000", Some(1), "1 aborted, 0 B"),
        ("/chunked/100000", Some(1), "1 aborted, 0 B"),
        ("/stalled", Some(1), "1 aborted, 0 B"),
        // As many bytes as declared: whole, also for one who does not ask whether more will come.
        ("/declared/5", Some(1), "1 complete, 5 B"),
        ("/declared/100000", None, "1 complete, 100000 B"),
        ("/chunked/100000", None, "1 complete, 100000 B"),
    ];
    for (protocol, (path, frames, record)) in
        Protocol::BOTH.into_iter().flat_map(|protocol| cases.map(|case| (protocol, case)))
    {
        let name = format!("{protocol:?} {path}, {frames:?} frames read");
        let mut caller: Caller = limited(protocol);
        let mut body = caller.get(&upstream.url(path)).await.unwrap().into_body();
        match frames {
            Some(frames) => {
                for _ in 0..frames {
                    body.frame().await.unwrap().unwrap();
                }
                drop(body);
            }
            None => drop(body.collect().await.unwrap()),
        }
        let route = format!("/{}", path.split('/').nth(1).unwrap());
        let request = format!("client request GET {route} of inventory: 1 complete, 0 B");
        let response = format!("client response GET {route} of inventory 200: {record}");
        caller.leaves(&name, &[&request, &response]).await;
    }
}

#[tokio::test]
async fn a_response_cancelled_with_its_task_is_aborted_once() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let mut caller: Caller = limited(protocol);
        let mut body = caller.get(&upstream.url("/stalled")).await.unwrap().into_body();
        let (began, begun) = tokio::sync::oneshot::channel();
        let reading = tokio::spawn(async move {
            body.frame().await.unwrap().unwrap();
            began.send(()).unwrap();
            body.collect().await
        });
        begun.await.unwrap();
        reading.abort();
        assert!(reading.await.unwrap_err().is_cancelled(), "{protocol:?}");
        let expected = [
            "client request GET /stalled of inventory: 1 complete, 0 B",
            "client response GET /stalled of inventory 200: 1 aborted, 0 B",
        ];
        caller.leaves(&format!("{protocol:?}"), &expected).await;
    }
}

#[tokio::test]
async fn a_call_cancelled_before_its_answer_leaves_the_request_alone() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let mut caller: Caller = limited(protocol);
        let service = caller.service.clone();
        let request = post(&upstream.url("/never"), streamed(8));
        let calling = tokio::spawn(service.oneshot(request));
        eventually(|| (upstream.calls() > 0 && super::book(&caller.ledger).len() == 1).then_some(())).await;
        calling.abort();
        assert!(calling.await.unwrap_err().is_cancelled(), "{protocol:?}");
        // The next one finds nothing wrong.
        assert_eq!(caller.bytes(&upstream.url("/declared/5")).await, "xxxxx", "{protocol:?}");
        let expected = [
            "client request GET /declared of inventory: 1 complete, 0 B",
            "client response GET /declared of inventory 200: 1 complete, 5 B",
            "client request POST /never of inventory: 1 complete, 8 B",
        ];
        caller.leaves(&format!("{protocol:?}"), &expected).await;
    }
}

/// A body that is fed by hand and stays open.
fn fed(feed: mpsc::UnboundedReceiver<Bytes>) -> BoxBody<Bytes, std::io::Error> {
    let frames = futures_util::stream::unfold(feed, async |mut feed| Some((Ok(Frame::data(feed.recv().await?)), feed)));
    StreamBody::new(frames).boxed()
}

#[tokio::test]
async fn an_upload_cancelled_with_its_task_is_aborted_once_and_looks_whole_to_nobody() {
    for protocol in Protocol::BOTH {
        let caller = limited(protocol);
        let witness = Witness::start(protocol, &caller.tasks).await;
        let (feed, body) = mpsc::unbounded_channel();
        feed.send(Bytes::from_static(b"01234")).unwrap();
        let calling = tokio::spawn(caller.service.clone().oneshot(post(&witness.url("/upload"), fed(body))));
        eventually(|| (witness.begun() == 1).then_some(())).await;
        calling.abort();
        assert!(calling.await.unwrap_err().is_cancelled(), "{protocol:?}");
        let uploads = witness.uploads().await;
        assert!(uploads.iter().all(|upload| !upload.whole), "{protocol:?}: {uploads:?}");
        caller.leaves(&format!("{protocol:?}"), &["client request POST /upload of inventory: 1 aborted, 0 B"]).await;
        drop(feed);
    }
}

#[tokio::test]
async fn an_upload_that_finds_nobody_is_unread() {
    for protocol in Protocol::BOTH {
        let mut caller = limited(protocol);
        let url = format!("http://{}/upload", nobody().await);
        let error =
            failure("nobody", caller.call(post(&url, streamed(8))).await).downcast::<plimsoll::Error>().unwrap();
        assert!(error.downcast_ref::<hyper_util::client::legacy::Error>().unwrap().is_connect(), "{protocol:?}");
        caller.leaves(&format!("{protocol:?}"), &["client request POST /upload of inventory: 1 unread, 0 B"]).await;
    }
}

#[tokio::test]
async fn an_upload_that_is_answered_early_is_aborted_when_its_connection_ends() {
    for protocol in Protocol::BOTH {
        let mut caller = limited(protocol);
        let witness = Witness::start(protocol, &caller.tasks).await;
        let (feed, body) = mpsc::unbounded_channel();
        feed.send(Bytes::from_static(b"01234")).unwrap();
        let answer = caller.call(post(&witness.url("/early"), fed(body))).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "early", "{protocol:?}");
        let Caller { service, ledger, tasks } = caller;
        drop(service);
        tasks.end().await;
        let expected = [
            "client request POST /early of inventory: 1 aborted, 0 B",
            "client response POST /early of inventory 200: 1 complete, 5 B",
        ];
        assert_eq!(super::book(&ledger), expected, "{protocol:?}");
        drop(feed);
    }
}

#[tokio::test]
async fn a_response_cut_by_its_upstream_has_failed_once() {
    let cut = [
        (
            "a declared one",
            Says::Http1 { bytes: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234".into(), close: true },
        ),
        (
            "a chunked one",
            Says::Http1 {
                bytes: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n".into(),
                close: true,
            },
        ),
        (
            "one with a chunk that is none",
            Says::http1("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\nmany\r\n"),
        ),
    ];
    for (name, says) in cut {
        let mut caller: Caller = limited(Protocol::Http1);
        let upstream = ByHand::start(says, &caller.tasks).await;
        let body = caller.get(&upstream.url("/sku")).await.unwrap().into_body().collect().await;
        let error = failure(name, body);
        assert!(hyper_s_own(&*error), "{name}: {error:?}");
        let failed = "client response GET /sku of inventory 200: 1 failed, 0 B";
        caller.leaves(name, &["client request GET /sku of inventory: 1 complete, 0 B", failed]).await;
    }
}

#[tokio::test]
async fn a_call_that_times_out_in_its_body_is_aborted_once() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let mut caller: Caller = limited(protocol);
        let answer =
            caller.service.ready().await.unwrap().call(bodiless("GET", &upstream.url("/stalled"))).await.unwrap();
        assert!(timeout(Duration::from_millis(20), answer.into_body().collect()).await.is_err(), "{protocol:?}");
        let expected = [
            "client request GET /stalled of inventory: 1 complete, 0 B",
            "client response GET /stalled of inventory 200: 1 aborted, 0 B",
        ];
        caller.leaves(&format!("{protocol:?}"), &expected).await;
    }
}

/// Whether an error is hyper's, or one that shows it as its cause.
fn hyper_s_own(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<hyper::Error>() || error.source().is_some_and(hyper_s_own)
}
