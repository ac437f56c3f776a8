//! Requests held against a limit: what is refused never looks whole to the upstream.

use bytes::Bytes;
use futures_util::StreamExt;
use http::header;
use plimsoll::{Direction, Enforcement, Ledger, Limit};
use tower::Layer;

use crate::support::book::{book, book_reads};
use crate::support::protocol::{Protocol, post};
use crate::support::readings::eventually;
use crate::support::upstream::{FRAME, Upload, Upstream, frames};
use crate::support::wire::{fed, pieces};
use crate::{Client, inventory, refusal, send};

fn limited(ledger: &Ledger, protocol: Protocol, bytes: u64) -> Client {
    inventory(ledger).request_limit(Limit::reject_over(bytes)).layer(protocol.reqwest())
}

/// A streamed body of so many bytes, of which reqwest does not know the length.
fn streamed(bytes: usize) -> reqwest::Body {
    reqwest::Body::wrap_stream(frames(bytes, b'x').map(Ok::<_, std::io::Error>))
}

#[tokio::test]
async fn bytes_in_memory_over_the_limit_are_not_sent() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 1000);
        let error = send(&client, post(&upstream.url("/upload"), vec![0; 1001])).await.unwrap_err();
        let exceeded = refusal(&error);
        assert_eq!((exceeded.limit(), exceeded.seen(), exceeded.declared()), (1000, 0, Some(1001)));
        assert_eq!(exceeded.direction(), Some(Direction::Request));
        let known = "client request POST (no template) of inventory decoded: 1 rejected_early, 0 B, 1001 B offered, \
                     1 over limit";
        assert_eq!(book(&ledger), [known], "{protocol:?}");

        let response = send(&client, post(&upstream.url("/upload"), vec![0; 1000])).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "1000");
        assert_eq!(upstream.calls(), 1, "the first never came");
    }
}

#[tokio::test]
async fn a_stream_that_declares_its_length_is_not_sent_either() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 1000);
        let sized = reqwest::Body::wrap(http_body_util::Full::new(Bytes::from(vec![0; 1001])));
        let mut told = post(&upstream.url("/upload"), streamed(1001));
        told.headers_mut().insert(header::CONTENT_LENGTH, 1001.into());
        for request in [post(&upstream.url("/upload"), sized), told] {
            let error = send(&client, request).await.unwrap_err();
            assert_eq!((refusal(&error).seen(), refusal(&error).declared()), (0, Some(1001)), "{protocol:?}");
        }
        assert_eq!(upstream.calls(), 0);
    }
}

#[tokio::test]
async fn a_stream_of_exactly_the_limit_arrives_whole() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let size = 3 * FRAME;
        let client = limited(&ledger, protocol, size as u64);
        let response = send(&client, post(&upstream.url("/upload"), streamed(size))).await.unwrap();
        assert_eq!(response.text().await.unwrap(), size.to_string());
        assert_eq!(upstream.uploads(), [Upload { bytes: size, whole: true }]);
        let request = format!("client request POST (no template) of inventory decoded: 1 complete, {size} B");
        let answer = "client response POST (no template) of inventory 200 decoded: 1 complete, 5 B";
        book_reads(&ledger, &[&request, answer]).await;
    }
}

#[tokio::test]
async fn a_stream_over_the_limit_fails_the_call_and_never_looks_whole() {
    for protocol in Protocol::BOTH {
        // One byte over, in the last frame; and far over.
        for size in [3 * FRAME + 1, 200 * FRAME] {
            let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
            let client = limited(&ledger, protocol, 3 * FRAME as u64);
            let error = send(&client, post(&upstream.url("/upload"), streamed(size))).await.unwrap_err();
            let exceeded = refusal(&error);
            assert_eq!((exceeded.limit(), exceeded.declared()), (3 * FRAME as u64, None), "{protocol:?}");
            assert!(exceeded.to_string().ends_with("ClientLayer::request_limit"), "{exceeded}");
            let known = format!(
                "client request POST (no template) of inventory decoded: 1 rejected_streaming, 0 B, {} B offered, \
                 1 over limit",
                exceeded.seen()
            );
            assert_eq!(book(&ledger), [known], "{protocol:?}");
            // Of a short one nothing may have come at all; and what has come is not taken for a whole.
            send(&client, post(&upstream.url("/upload"), "whole")).await.unwrap();
            let whole: Vec<_> = upstream.uploads().into_iter().filter(|upload| upload.whole).collect();
            assert_eq!(whole, [Upload { bytes: 5, whole: true }], "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_goes_over_when_much_of_it_has_arrived_never_looks_whole() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 10);
        let (feeder, stream) = fed();
        feeder.send("0123456789".into()).unwrap();
        let call = tokio::spawn({
            let request = post(&upstream.url("/upload"), reqwest::Body::wrap_stream(stream));
            async move { send(&client, request).await }
        });
        eventually(|| (upstream.calls() == 1).then_some(())).await;
        feeder.send("!".into()).unwrap();
        let error = call.await.unwrap().unwrap_err();
        assert_eq!((refusal(&error).seen(), refusal(&error).limit()), (11, 10), "{protocol:?}: {error:?}");
        let upload = eventually(|| upstream.uploads().first().copied()).await;
        assert!(!upload.whole, "{protocol:?}: {upload:?}");
    }
}

#[tokio::test]
async fn a_stream_that_fails_by_itself_is_not_taken_for_a_refusal() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let broken = pieces(["a"]).chain(futures_util::stream::iter([Err(std::io::Error::other("disk full"))]));
        let client = limited(&ledger, protocol, 1000);
        let error =
            send(&client, post(&upstream.url("/upload"), reqwest::Body::wrap_stream(broken))).await.unwrap_err();
        assert!(error.limit_exceeded().is_none(), "{protocol:?}: {error:?}");
        assert!(error.downcast::<reqwest::Error>().is_ok());
        book_reads(&ledger, &["client request POST (no template) of inventory decoded: 1 failed, 0 B"]).await;
    }
}

#[tokio::test]
async fn a_warning_line_lets_an_upload_pass_and_counts_it() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = inventory(&ledger).request_limit(Limit::warn_over(10)).layer(protocol.reqwest());
        for body in [streamed(5000), reqwest::Body::from(vec![0; 5000])] {
            let response = send(&client, post(&upstream.url("/upload"), body)).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "5000");
        }
        let known = [
            "client request POST (no template) of inventory decoded: 2 complete, 10000 B, 2 over limit",
            "client response POST (no template) of inventory 200 decoded: 2 complete, 8 B",
        ];
        book_reads(&ledger, &known).await;
    }
}

#[tokio::test]
async fn the_switch_to_warnings_holds_for_uploads_and_answers_and_back() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let limit = Limit::reject_over(2);
        let client = inventory(&ledger).request_limit(limit).response_limit(limit).layer(protocol.reqwest());
        ledger.set_enforcement(Enforcement::WarnOnly);
        for body in [streamed(5000), reqwest::Body::from(vec![0; 5000])] {
            let response = send(&client, post(&upstream.url("/upload"), body)).await.unwrap();
            assert_eq!(response.text().await.unwrap(), "5000");
        }
        let known = [
            "client request POST (no template) of inventory decoded: 2 complete, 10000 B, 2 over limit",
            "client response POST (no template) of inventory 200 decoded: 2 complete, 8 B, 2 over limit",
        ];
        book_reads(&ledger, &known).await;
        ledger.set_enforcement(Enforcement::Reject);
        for body in [streamed(5000), reqwest::Body::from(vec![0; 5000])] {
            refusal(&send(&client, post(&upstream.url("/upload"), body)).await.unwrap_err());
        }
    }
}
