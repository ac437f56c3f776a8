//! Calls that do not come to their end: timeouts, cancellation, nobody there.

use std::time::Duration;

use plimsoll::{Direction, Ledger, Limit};
use tower::Layer;

use crate::support::book::{book, book_of, book_reads};
use crate::support::protocol::{Protocol, get, post};
use crate::support::readings::eventually;
use crate::support::upstream::{FRAME, Upstream, nobody};
use crate::{inventory, limited, send};

// Once all stands still, time is made to run: the next thing to happen is the timeout.

#[tokio::test]
async fn a_request_s_timeout_still_fires() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let mut request = get(&upstream.url("/never"));
        *request.timeout_mut() = Some(Duration::from_secs(600));
        let client = limited(&ledger, protocol, 100);
        let call = tokio::spawn(async move { send(&client, request).await });
        eventually(|| (upstream.calls() == 1).then_some(())).await;
        tokio::time::pause();
        let error = call.await.unwrap().unwrap_err();
        tokio::time::resume();

        let error = error.downcast::<reqwest::Error>().expect("reqwest's own error comes back");
        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(error.url().map(reqwest::Url::as_str), Some(&*upstream.url("/never")));
        let known = "client request GET (no template) of inventory decoded: 1 complete, 0 B";
        assert_eq!(book(&ledger), [known], "{protocol:?}: there was no answer, so there is none to count");
    }
}

#[tokio::test]
async fn a_timeout_fires_while_the_answer_is_read_too() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let mut request = get(&upstream.url("/stalled"));
        *request.timeout_mut() = Some(Duration::from_secs(600));
        let mut response = send(&limited(&ledger, protocol, 100_000), request).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap().len(), FRAME);
        tokio::time::pause();
        let error = response.bytes().await.unwrap_err();
        tokio::time::resume();

        assert!(error.is_timeout(), "{error:?}");
        let known = "client response GET (no template) of inventory 200 decoded: 1 failed, 0 B";
        assert_eq!(book_of(&ledger, Direction::Response), [known], "{protocol:?}");
    }
}

#[tokio::test]
async fn where_nobody_listens_the_request_is_counted_once() {
    for protocol in Protocol::BOTH {
        let ledger = Ledger::new();
        let client = inventory(&ledger).request_limit(Limit::reject_over(100)).layer(protocol.reqwest());
        let url = format!("http://{}/", nobody().await);
        let stream = reqwest::Body::wrap_stream(crate::support::wire::pieces(["a", "b"]));
        for request in [post(&url, "in memory"), post(&url, stream)] {
            let error = send(&client, request).await.unwrap_err().downcast::<reqwest::Error>().unwrap();
            assert!(error.is_connect(), "{error:?}");
        }
        // The bytes in memory may have gone out for all that is known; the stream was never asked for any.
        let known = "client request POST (no template) of inventory decoded: 1 unread, 1 aborted, 0 B";
        assert_eq!(book(&ledger), [known], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_leaves_one_sample_of_its_request() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 100);
        let call = tokio::spawn({
            let (client, request) = (client.clone(), post(&upstream.url("/never"), "in memory"));
            async move { send(&client, request).await }
        });
        eventually(|| (upstream.calls() == 1).then_some(())).await;
        assert_eq!(book(&ledger), [""; 0], "it is under way");
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        let known = "client request POST (no template) of inventory decoded: 1 aborted, 0 B";
        assert_eq!(book(&ledger), [known], "{protocol:?}");
    }
}

#[tokio::test]
async fn an_upload_that_is_cancelled_leaves_one_sample_and_never_looks_whole() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = inventory(&ledger).request_limit(Limit::reject_over(100)).layer(protocol.reqwest());
        let (feeder, stream) = crate::support::wire::fed();
        feeder.send("first".into()).unwrap();
        let call = tokio::spawn({
            let request = post(&upstream.url("/upload"), reqwest::Body::wrap_stream(stream));
            async move { send(&client, request).await }
        });
        eventually(|| (upstream.calls() == 1).then_some(())).await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        book_reads(&ledger, &["client request POST (no template) of inventory decoded: 1 aborted, 0 B"]).await;
        let upload = eventually(|| upstream.uploads().first().copied()).await;
        assert!(!upload.whole, "{protocol:?}: {upload:?}");
        drop(feeder);
    }
}

#[tokio::test]
async fn an_answer_dropped_half_read_is_aborted_and_one_never_read_is_unread() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 100_000);
        let mut response = send(&client, get(&upstream.url("/stalled"))).await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap().len(), FRAME);
        drop(response);
        drop(send(&client, get(&upstream.url("/declared/100"))).await.unwrap());
        let known = "client response GET (no template) of inventory 200 decoded: 1 unread, 1 aborted, 0 B";
        assert_eq!(book_of(&ledger, Direction::Response), [known], "{protocol:?}");
    }
}

#[tokio::test]
async fn an_upload_that_is_answered_before_its_end_is_aborted_and_its_answer_stands() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = inventory(&ledger).request_limit(Limit::reject_over(100)).layer(protocol.reqwest());
        let (feeder, stream) = crate::support::wire::fed();
        feeder.send("first".into()).unwrap();
        let upload = post(&upstream.url("/status/422"), reqwest::Body::wrap_stream(stream));
        let response = send(&client, upload).await.unwrap();
        assert_eq!(response.status(), 422);
        response.bytes().await.unwrap();
        // On HTTP/1 it ends with its connection, which ends with its client.
        drop((client, feeder));
        let answer = "client response POST (no template) of inventory 422 decoded: 1 complete, 0 B";
        let requests = eventually(|| book_of(&ledger, Direction::Request).pop()).await;
        assert_eq!(book_of(&ledger, Direction::Response), [answer], "{protocol:?}");
        let aborted = "client request POST (no template) of inventory decoded: 1 aborted, 0 B";
        assert_eq!(requests, aborted, "{protocol:?}");
    }
}
