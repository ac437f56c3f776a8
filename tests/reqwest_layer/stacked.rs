//! Our layer more than once, and beside layers of tower's.

use std::future::{Ready, ready};
use std::time::Duration;

use plimsoll::{ClientLayer, Error, Ledger, Limit};
use tower::retry::{Policy, RetryLayer};
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt};

use crate::support::book::book_reads;
use crate::support::protocol::{Protocol, get, post};
use crate::support::upstream::Upstream;
use crate::support::wire::pieces;
use crate::{inventory, refusal};

#[tokio::test]
async fn two_layers_of_one_ledger_leave_one_sample_of_each_body() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = inventory(&ledger).layer(inventory(&ledger).layer(protocol.reqwest()));
        let stream = reqwest::Body::wrap_stream(pieces(["in ", "pieces"]));
        for (request, answer) in [
            (post(&upstream.url("/upload"), "in memory"), "9"),
            (post(&upstream.url("/upload"), stream), "9"),
            (post(&upstream.url("/upload"), ""), "0"),
        ] {
            let response = client.clone().oneshot(request).await.unwrap();
            assert_eq!(response.text().await.unwrap(), answer);
        }
        let known = [
            "client request POST (no template) of inventory decoded: 3 complete, 18 B",
            "client response POST (no template) of inventory 200 decoded: 3 complete, 3 B",
        ];
        book_reads(&ledger, &known).await;
    }
}

#[tokio::test]
async fn the_limits_of_two_layers_both_hold_and_count_once() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let limited = |bytes| inventory(&ledger).response_limit(Limit::reject_over(bytes));
    for (outer, inner) in [(10, 1000), (1000, 10), (10, 10)] {
        for path in ["/declared/50", "/chunked/50"] {
            let client = limited(outer).layer(limited(inner).layer(Protocol::Http1.reqwest()));
            let error: BoxError = match client.oneshot(get(&upstream.url(path))).await {
                Ok(response) => response.bytes().await.unwrap_err().into(),
                Err(error) => error.into(),
            };
            assert_eq!(refusal(&*error).limit(), 10, "{outer} {inner} {path}");
        }
    }
    let known = [
        "client request GET (no template) of inventory decoded: 6 complete, 0 B",
        "client response GET (no template) of inventory 200 decoded: 3 rejected_early, 3 rejected_streaming, 0 B, \
         300 B offered, 6 over limit",
    ];
    book_reads(&ledger, &known).await;
}

#[tokio::test]
async fn the_limits_of_two_layers_both_hold_for_requests_and_count_once() {
    for protocol in Protocol::BOTH {
        for (outer, inner) in [(10, 1000), (1000, 10), (10, 10)] {
            let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
            let limited = |bytes| inventory(&ledger).request_limit(Limit::reject_over(bytes));
            let client = limited(outer).layer(limited(inner).layer(protocol.reqwest()));
            let stream = reqwest::Body::wrap_stream(pieces(["eleven", " ", "byte"]));
            for body in [reqwest::Body::from("eleven byte"), stream] {
                let error = client.clone().oneshot(post(&upstream.url("/upload"), body)).await.unwrap_err();
                assert_eq!(refusal(&error).limit(), 10, "{protocol:?} {outer} {inner}");
            }
            let known = "client request POST (no template) of inventory decoded: 1 rejected_early, \
                         1 rejected_streaming, 0 B, 22 B offered, 2 over limit";
            book_reads(&ledger, &[known]).await;
        }
    }
}

#[tokio::test]
async fn a_warning_of_two_layers_is_counted_once() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let warned = |bytes| inventory(&ledger).request_limit(Limit::warn_over(bytes));
    let client = warned(5).layer(warned(10).layer(Protocol::Http1.reqwest()));
    let stream = reqwest::Body::wrap_stream(pieces(["eleven", " ", "byte"]));
    for body in [reqwest::Body::from("eleven byte"), stream] {
        let response = client.clone().oneshot(post(&upstream.url("/upload"), body)).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "11");
    }
    let known = [
        "client request POST (no template) of inventory decoded: 2 complete, 22 B, 2 over limit",
        "client response POST (no template) of inventory 200 decoded: 2 complete, 4 B",
    ];
    book_reads(&ledger, &known).await;
}

#[tokio::test]
async fn layers_of_two_ledgers_count_each_for_itself() {
    let (one, other, upstream) = (Ledger::new(), Ledger::new(), Upstream::start().await);
    let client = inventory(&one).layer(inventory(&other).layer(Protocol::Http2.reqwest()));
    client.oneshot(post(&upstream.url("/upload"), "four")).await.unwrap().bytes().await.unwrap();
    for ledger in [one, other] {
        let known = [
            "client request POST (no template) of inventory decoded: 1 complete, 4 B",
            "client response POST (no template) of inventory 200 decoded: 1 complete, 1 B",
        ];
        book_reads(&ledger, &known).await;
    }
}

#[tokio::test]
async fn layers_of_two_ledgers_by_turns_leave_one_sample_in_each() {
    let upstream = Upstream::start().await;
    for body in ["in memory", ""] {
        let (one, other) = (Ledger::new(), Ledger::new());
        let two = |client| inventory(&one).layer(inventory(&other).layer(client));
        let four = inventory(&one).layer(inventory(&other).layer(two(Protocol::Http1.reqwest())));
        four.oneshot(post(&upstream.url("/upload"), body)).await.unwrap().bytes().await.unwrap();
        let known = [
            format!("client request POST (no template) of inventory decoded: 1 complete, {} B", body.len()),
            "client response POST (no template) of inventory 200 decoded: 1 complete, 1 B".to_owned(),
        ];
        for ledger in [one, other] {
            book_reads(&ledger, &known.each_ref().map(String::as_str)).await;
        }
    }
}

/// Tries again, a few times, whatever can be cloned and was not answered well.
#[derive(Clone)]
struct Again(usize);

impl Policy<reqwest::Request, reqwest::Response, Error> for Again {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut reqwest::Request,
        result: &mut Result<reqwest::Response, Error>,
    ) -> Option<Self::Future> {
        // A refusal is not retryable: the same call is answered by the same bytes.
        let again = match result {
            Ok(response) => response.status().is_server_error(),
            Err(error) => error.limit_exceeded().is_none_or(plimsoll::LimitExceeded::is_retryable),
        };
        self.0 = self.0.checked_sub(1)?;
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &reqwest::Request) -> Option<reqwest::Request> {
        request.try_clone()
    }
}

#[tokio::test]
async fn each_attempt_of_a_retry_outside_is_a_call_of_its_own() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let limit = Limit::reject_over(10);
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(Again(3)))
        .layer(inventory(&ledger).response_limit(limit))
        .service(Protocol::Http1.reqwest());
    let response = client.clone().oneshot(post(&upstream.url("/status/503"), "four")).await.unwrap();
    assert_eq!(response.status(), 503);
    response.bytes().await.unwrap();
    let known = [
        "client request POST (no template) of inventory decoded: 4 complete, 16 B",
        "client response POST (no template) of inventory 503 decoded: 4 complete, 0 B",
    ];
    book_reads(&ledger, &known).await;

    let error = client.oneshot(get(&upstream.url("/declared/11"))).await.unwrap_err();
    assert_eq!(refusal(&error).size(), 11);
    assert_eq!(upstream.calls(), 5, "a refusal was not tried again");
}

#[tokio::test]
async fn it_stands_among_tower_s_own_layers() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = ServiceBuilder::new()
        .buffer(4)
        .timeout(Duration::from_secs(20))
        .concurrency_limit(2)
        .layer(ClientLayer::new(&ledger).upstream("inventory").response_limit(Limit::reject_over(10)))
        .service(Protocol::Http2.reqwest());
    let response = client.clone().oneshot(get(&upstream.url("/declared/10"))).await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 10);
    let error = client.oneshot(get(&upstream.url("/declared/11"))).await.unwrap_err();
    assert_eq!(refusal(&*error).size(), 11);
}

#[tokio::test]
async fn it_goes_around_a_borrowed_client_too() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let http = Protocol::Http1.reqwest();
    let response = inventory(&ledger).layer(&http).oneshot(get(&upstream.url("/declared/10"))).await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 10);
    assert_eq!(ledger.snapshot().outcomes().total(), 2);
}
