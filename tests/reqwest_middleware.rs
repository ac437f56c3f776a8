//! `ClientLayer` as a middleware of `reqwest_middleware`, over real connections.
#![cfg(test)]
#![cfg(feature = "reqwest-middleware")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

mod support;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::Extensions;
use plimsoll::{BodyLimits, ClientLayer, ClientService, Direction, Ledger, Limit, LimitExceeded, UrlTemplate};
use reqwest::{Body, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next, Result};
use tower::{Layer, ServiceExt};

use support::book::{book, book_of, book_reads};
use support::protocol::{Protocol, get, post};
use support::readings::eventually;
use support::upstream::{FRAME, Upload, Upstream, frames, nobody};

fn inventory(ledger: &Ledger) -> ClientLayer {
    ClientLayer::new(ledger).upstream("inventory")
}

fn client(protocol: Protocol, layer: ClientLayer) -> ClientWithMiddleware {
    ClientBuilder::new(protocol.reqwest()).with(layer).build()
}

fn refusal<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a LimitExceeded {
    LimitExceeded::find(error).unwrap_or_else(|| panic!("no refusal behind {error:?}"))
}

#[tokio::test]
async fn calls_are_counted_and_their_responses_stay_what_they_are() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = client(protocol, inventory(&ledger).response_limit(Limit::reject_over(100)));
        let response = client.post(upstream.url("/resend/echo?q=1")).body("a body").send().await.unwrap();
        assert_eq!(response.url().as_str(), upstream.url("/echo"), "after the redirect");
        assert_eq!((response.status().as_u16(), response.version()), (200, protocol.version()));
        assert_eq!(response.remote_addr(), Some(upstream.address));
        assert_eq!(response.text().await.unwrap(), "a body");
        let known = [
            "client request POST (no template) of inventory decoded: 1 complete, 6 B",
            "client response POST (no template) of inventory 200 decoded: 1 complete, 6 B",
        ];
        assert_eq!(book(&ledger), known, "{protocol:?}");
    }
}

#[tokio::test]
async fn a_refused_answer_is_an_error_of_reqwest_s_with_its_url() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = client(protocol, inventory(&ledger).response_limit(Limit::reject_over(100)));
        let error = client.get(upstream.url("/declared/101?q=1")).send().await.unwrap_err();
        assert!(matches!(error, Error::Reqwest(_)), "{error:?}");
        assert_eq!(error.url().map(reqwest::Url::as_str), Some(&*upstream.url("/declared/101?q=1")));
        assert!(!error.is_timeout() && !error.is_connect() && !error.is_status());
        assert_eq!((refusal(&error).declared(), refusal(&error).seen()), (Some(101), 0));
        assert_eq!(refusal(&error).endpoint().unwrap().to_string(), "GET (no template) of inventory");

        let response = client.get(upstream.url("/chunked/101")).send().await.unwrap();
        let error = Error::from(response.bytes().await.unwrap_err());
        assert!(error.is_decode(), "as of every body that fails under reqwest");
        assert_eq!(refusal(&error).declared(), None);
    }
}

#[tokio::test]
async fn a_refused_request_is_an_error_of_reqwest_s_with_its_url() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = client(protocol, inventory(&ledger).request_limit(Limit::reject_over(FRAME as u64)));
        let url = upstream.url("/upload");
        let streamed = |bytes| Body::wrap_stream(frames(bytes, b'x').map(Ok::<_, std::io::Error>));
        for (body, declared) in [
            (Body::from(vec![0; FRAME + 1]), Some(FRAME as u64 + 1)),
            (Body::wrap(http_body_util::Full::new(Bytes::from(vec![0; FRAME + 1]))), Some(FRAME as u64 + 1)),
            (streamed(FRAME + 1), None),
        ] {
            let error = client.post(&url).body(body).send().await.unwrap_err();
            assert!(matches!(error, Error::Reqwest(_)), "{error:?}");
            assert_eq!(error.url().map(reqwest::Url::as_str), Some(&*url));
            assert_eq!((refusal(&error).limit(), refusal(&error).declared()), (FRAME as u64, declared));
        }
        client.post(&url).body(streamed(FRAME)).send().await.unwrap();
        let whole: Vec<_> = upstream.uploads().into_iter().filter(|upload| upload.whole).collect();
        assert_eq!(whole, [Upload { bytes: FRAME, whole: true }], "{protocol:?}");
        let known = format!(
            "client request POST (no template) of inventory decoded: 1 complete, 2 rejected_early, 1 rejected_streaming, \
             4096 B, {} B offered, 3 over limit",
            FRAME + 3 * (FRAME + 1)
        );
        assert_eq!(book_of(&ledger, Direction::Request), [known], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_request_s_settings_go_through_with_extension() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = client(Protocol::Http1, inventory(&ledger).response_limit(Limit::reject_over(10)));
    let template = UrlTemplate("/declared/{bytes}");
    let raised = BodyLimits::new().response(Limit::reject_over(20));
    let get = |bytes: u32| client.get(upstream.url(&format!("/declared/{bytes}"))).with_extension(template);
    refusal(&get(11).send().await.unwrap_err());
    assert_eq!(get(20).with_extension(raised).send().await.unwrap().bytes().await.unwrap().len(), 20);
    assert_eq!(refusal(&get(21).with_extension(raised).send().await.unwrap_err()).limit(), 20);
    let known = "client response GET /declared/{bytes} of inventory 200 decoded: 1 complete, 2 rejected_early, 20 B, \
                 52 B offered, 2 over limit";
    assert_eq!(book_of(&ledger, Direction::Response), [known]);
}

#[tokio::test]
async fn without_a_name_the_upstream_is_the_host_and_port_and_never_more() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = client(Protocol::Http1, ClientLayer::new(&ledger));
    let url = format!("http://someone:hidden@{}/declared/1?token=hidden", upstream.address);
    client.get(url).send().await.unwrap();
    let names: Vec<_> = ledger.snapshot().series().iter().map(|s| s.endpoint.upstream().map(str::to_owned)).collect();
    assert_eq!(names, vec![Some(upstream.address.to_string()); 2]);
}

/// Another middleware, with an error of its own.
#[derive(Debug, PartialEq)]
struct Closed(u32);

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the circuit is open")
    }
}

impl std::error::Error for Closed {}

#[async_trait]
impl Middleware for Closed {
    async fn handle(&self, _: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        Err(Error::middleware(Self(self.0)))
    }
}

#[tokio::test]
async fn other_middlewares_errors_pass_unchanged() {
    let ledger = Ledger::new();
    let client = ClientBuilder::new(reqwest::Client::new()).with(inventory(&ledger)).with(Closed(7)).build();
    let error = client.post("http://inventory/").body("four").send().await.unwrap_err();
    let Error::Middleware(inner) = &error else { panic!("{error:?}") };
    assert_eq!(inner.downcast_ref(), Some(&Closed(7)));
    let known = "client request POST (no template) of inventory decoded: 1 aborted, 0 B";
    assert_eq!(book(&ledger), [known], "one sample, and no answer");
}

#[tokio::test]
async fn reqwest_s_own_errors_pass_unchanged() {
    let ledger = Ledger::new();
    let url = format!("http://{}/", nobody().await);
    let error = client(Protocol::Http1, inventory(&ledger)).get(&url).send().await.unwrap_err();
    assert!(matches!(&error, Error::Reqwest(error) if error.is_connect()), "{error:?}");
    assert_eq!(error.url().map(reqwest::Url::as_str), Some(&*url));
}

/// Tries again what was answered badly or failed, as often as it is told to.
struct Again(usize);

#[async_trait]
impl Middleware for Again {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        for _ in 0..self.0 {
            let attempt = request.try_clone().expect("its body is in memory");
            match next.clone().run(attempt, extensions).await {
                Ok(response) if !response.status().is_server_error() => return Ok(response),
                _ => {}
            }
        }
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn each_attempt_of_a_retry_outside_is_counted_once() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = ClientBuilder::new(Protocol::Http2.reqwest()).with(Again(2)).with(inventory(&ledger)).build();
    client.post(upstream.url("/status/503")).body("four").send().await.unwrap().bytes().await.unwrap();
    let known = [
        "client request POST (no template) of inventory decoded: 3 complete, 12 B",
        "client response POST (no template) of inventory 503 decoded: 3 complete, 0 B",
    ];
    book_reads(&ledger, &known).await;
    assert_eq!(upstream.calls(), 3);
}

#[tokio::test]
async fn an_attempt_that_is_refused_or_dropped_does_not_hide_the_next() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let layer = inventory(&ledger).request_limit(Limit::reject_over(4));
    let client = ClientBuilder::new(Protocol::Http1.reqwest()).with(Again(2)).with(layer).build();
    refusal(&client.post(upstream.url("/upload")).body("five!").send().await.unwrap_err());

    // The same extensions, while the first call with them never came to its end.
    let mut extensions = Extensions::new();
    let never = client.execute_with_extensions(post(&upstream.url("/never"), "four"), &mut extensions);
    tokio::select! {
        _ = never => panic!("it is never answered"),
        () = eventually(|| (upstream.calls() == 1).then_some(())) => {}
    }
    client.execute_with_extensions(post(&upstream.url("/upload"), "four"), &mut extensions).await.unwrap();
    let known = "client request POST (no template) of inventory decoded: 1 complete, 3 rejected_early, 1 aborted, 4 B, \
                 19 B offered, 3 over limit";
    assert_eq!(book_of(&ledger, Direction::Request), [known]);
}

#[tokio::test]
async fn a_retry_inside_is_one_call() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = ClientBuilder::new(Protocol::Http1.reqwest()).with(inventory(&ledger)).with(Again(2)).build();
    client.post(upstream.url("/status/503")).body("four").send().await.unwrap().bytes().await.unwrap();
    let known = [
        "client request POST (no template) of inventory decoded: 1 complete, 4 B",
        "client response POST (no template) of inventory 503 decoded: 1 complete, 0 B",
    ];
    book_reads(&ledger, &known).await;
}

#[tokio::test]
async fn stacked_twice_it_records_once() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = ClientBuilder::new(protocol.reqwest()).with(inventory(&ledger)).with(inventory(&ledger)).build();
        let stream = Body::wrap_stream(frames(6, b'x').map(Ok::<_, std::io::Error>));
        // One client, and extensions that a caller uses again: each call is still a call of its own.
        let mut extensions = Extensions::new();
        for body in [Body::from("in memory"), stream, Body::from("again")] {
            let request = post(&upstream.url("/upload"), body);
            let response = client.execute_with_extensions(request, &mut extensions).await.unwrap();
            response.bytes().await.unwrap();
        }
        let known = [
            "client request POST (no template) of inventory decoded: 3 complete, 20 B",
            "client response POST (no template) of inventory 200 decoded: 3 complete, 3 B",
        ];
        book_reads(&ledger, &known).await;
    }
}

#[tokio::test]
async fn with_a_retry_between_two_of_ours_the_request_is_one_and_each_answer_is_another() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let builder = ClientBuilder::new(Protocol::Http1.reqwest());
    let client = builder.with(inventory(&ledger)).with(Again(2)).with(inventory(&ledger)).build();
    client.post(upstream.url("/status/503")).body("four").send().await.unwrap().bytes().await.unwrap();
    let known = [
        "client request POST (no template) of inventory decoded: 1 complete, 4 B",
        "client response POST (no template) of inventory 503 decoded: 3 complete, 0 B",
    ];
    book_reads(&ledger, &known).await;
}

#[tokio::test]
async fn with_another_ledger_s_layer_inside_the_request_of_a_retry_is_still_one() {
    let (ledger, other, upstream) = (Ledger::new(), Ledger::new(), Upstream::start().await);
    let builder = ClientBuilder::new(Protocol::Http1.reqwest()).with(inventory(&ledger)).with(Again(2));
    let client = builder.with(inventory(&ledger)).with(inventory(&other)).build();
    client.post(upstream.url("/status/503")).body("four").send().await.unwrap().bytes().await.unwrap();
    for (ledger, sent) in [(ledger, "1 complete, 4 B"), (other, "3 complete, 12 B")] {
        let known = [
            &*format!("client request POST (no template) of inventory decoded: {sent}"),
            "client response POST (no template) of inventory 503 decoded: 3 complete, 0 B",
        ];
        book_reads(&ledger, &known).await;
    }
}

#[tokio::test]
async fn our_tower_layer_goes_around_a_client_with_middlewares() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let inside = ClientBuilder::new(Protocol::Http1.reqwest()).with(Again(1)).build();
    let client = inventory(&ledger).response_limit(Limit::reject_over(10)).layer(inside);
    let response = client.clone().oneshot(get(&upstream.url("/declared/10"))).await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 10);
    refusal(&client.oneshot(get(&upstream.url("/declared/11"))).await.unwrap_err());

    let closed = inventory(&ledger).layer(ClientBuilder::new(Protocol::Http1.reqwest()).with(Closed(7)).build());
    let error = closed.oneshot(get("http://inventory/")).await.unwrap_err();
    assert!(matches!(*error.downcast::<Error>().unwrap(), Error::Middleware(_)), "its own error comes back");
}

#[tokio::test]
async fn our_tower_layer_around_a_client_with_our_middleware_records_once() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = inventory(&ledger).layer(client(Protocol::Http1, inventory(&ledger)));
    let stream = Body::wrap_stream(frames(6, b'x').map(Ok::<_, std::io::Error>));
    for body in [stream, Body::from("in memory")] {
        let response = client.clone().oneshot(post(&upstream.url("/upload"), body)).await.unwrap();
        response.bytes().await.unwrap();
    }
    let known = [
        "client request POST (no template) of inventory decoded: 2 complete, 15 B",
        "client response POST (no template) of inventory 200 decoded: 2 complete, 2 B",
    ];
    book_reads(&ledger, &known).await;
}

/// The end of a chain of middlewares that calls a tower service in place of the client that was built with it.
struct Through(ClientService<reqwest::Client>);

#[async_trait]
impl Middleware for Through {
    async fn handle(&self, request: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        let error = match self.0.clone().oneshot(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        match error.downcast::<reqwest::Error>() {
            Ok(theirs) => Err(Error::Reqwest(*theirs)),
            Err(ours) => Err(Error::middleware(ours)),
        }
    }
}

#[tokio::test]
async fn middlewares_go_over_our_tower_layer() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let service = inventory(&ledger).response_limit(Limit::reject_over(10)).layer(Protocol::Http1.reqwest());
    let unused = reqwest::Client::new();
    let client = ClientBuilder::new(unused).with(Again(1)).with(Through(service)).build();
    client.get(upstream.url("/declared/10")).send().await.unwrap().bytes().await.unwrap();
    let error = client.get(upstream.url("/declared/11")).send().await.unwrap_err();
    assert!(matches!(error, Error::Middleware(_)));
    assert_eq!(refusal(&error).size(), 11, "found, since our error is not the refusal itself but holds it");
    let error = client.get(format!("http://{}/", nobody().await)).send().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}
