//! tower's own layers around and inside ours: buffers, retries, load shedding, concurrency limits, timeouts.

use std::future::{Ready, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::error_handling::HandleErrorLayer;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plimsoll::{ClientLayer, KIB, Ledger, Limit, LimitExceeded, MeteredBody, ServerLayer, UrlTemplate};
use tower::retry::{Policy, RetryLayer};
use tower::{BoxError, ServiceBuilder, ServiceExt};

use crate::support::book::book;
use crate::support::upstream::Upstream;
use crate::support::wire::serve;

type Http = Client<HttpConnector, MeteredBody<Full<Bytes>>>;

fn http() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

fn ask(upstream: &Upstream, path: &str, template: &'static str) -> Request<Full<Bytes>> {
    Request::get(upstream.url(path)).extension(UrlTemplate(template)).body(Full::default()).unwrap()
}

/// Tries again what failed, and answers of 503; but never what is too large, which would be too large again.
#[derive(Clone)]
struct Attempts(u8);

impl<B, R> Policy<Request<B>, Response<R>, BoxError> for Attempts
where
    B: Clone,
{
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Request<B>, result: &mut Result<Response<R>, BoxError>) -> Option<Ready<()>> {
        let again = match result {
            Ok(response) => response.status() == StatusCode::SERVICE_UNAVAILABLE,
            Err(error) => LimitExceeded::find(&**error).is_none(),
        };
        self.0 = self.0.checked_sub(1).filter(|_| again)?;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn a_client_with_all_that_tower_has_reaches_its_upstream() {
    let upstream = Upstream::start().await;
    let ledger = Ledger::new();
    let client = ServiceBuilder::new()
        .buffer(8)
        .load_shed()
        .concurrency_limit(4)
        .layer(RetryLayer::new(Attempts(2)))
        .timeout(Duration::from_secs(60))
        .layer(ClientLayer::new(&ledger).upstream("shop").response_limit(Limit::reject_over(64 * KIB)))
        .service(http());

    let answer = client.clone().oneshot(ask(&upstream, "/declared/1000", "/declared/{bytes}")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 1000);

    let error = client.oneshot(ask(&upstream, "/declared/70000", "/declared/{bytes}")).await.unwrap_err();
    assert_eq!(LimitExceeded::find(&*error).expect("it was refused by us").declared(), Some(70_000));
    assert_eq!(upstream.calls(), 2, "what is too large is not tried again");
    assert_eq!(
        book(&ledger),
        [
            "client request GET /declared/{bytes} of shop: 2 complete, 0 B",
            "client response GET /declared/{bytes} of shop 200: 1 complete, 1 rejected_early, 1000 B, 71000 B offered, \
             1 over limit",
        ]
    );
}

#[tokio::test]
async fn inside_a_retry_every_attempt_is_counted() {
    let upstream = Upstream::start().await;
    let ledger = Ledger::new();
    let client = ServiceBuilder::new()
        .layer(RetryLayer::new(Attempts(2)))
        .map_err(BoxError::from)
        .layer(ClientLayer::new(&ledger).upstream("shop"))
        .service(http());
    let answer = client.oneshot(ask(&upstream, "/status/503", "/status/{code}")).await.unwrap();
    assert_eq!(answer.status(), 503);
    drop(answer);
    assert_eq!(upstream.calls(), 3);
    assert_eq!(
        book(&ledger),
        [
            "client request GET /status/{code} of shop: 3 complete, 0 B",
            "client response GET /status/{code} of shop 503: 3 complete, 0 B",
        ]
    );
}

#[tokio::test]
async fn around_a_buffer_and_a_concurrency_limit_a_refusal_is_still_ours() {
    let upstream = Upstream::start().await;
    let ledger = Ledger::new();
    let client = ServiceBuilder::new()
        .layer(ClientLayer::new(&ledger).upstream("shop").response_limit(Limit::reject_over(9)))
        .buffer(8)
        .concurrency_limit(1)
        .timeout(Duration::from_secs(60))
        .service(http());
    for _ in 0..3 {
        let error = client.clone().oneshot(ask(&upstream, "/declared/10", "/declared/{bytes}")).await.unwrap_err();
        assert_eq!(error.limit_exceeded().expect("it was refused by us").size(), 10);
    }
}

#[tokio::test]
async fn an_error_of_the_wrapped_client_passes_through_as_what_it_was() {
    let address = crate::support::upstream::nobody().await;
    let ledger = Ledger::new();
    let client = ServiceBuilder::new().layer(ClientLayer::new(&ledger).upstream("shop")).service(http());
    let request = Request::get(format!("http://{address}/")).body(Full::<Bytes>::default()).unwrap();
    let error = client.oneshot(request).await.unwrap_err();
    let error = error.downcast::<hyper_util::client::legacy::Error>().expect("it is the client's");
    assert!(error.is_connect());
    assert_eq!(book(&ledger), ["client request GET (no template) of shop: 1 complete, 0 B"]);
}

#[tokio::test]
async fn a_server_with_all_that_tower_has_answers() {
    let ledger = Ledger::new();
    let stack = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(async |_: BoxError| StatusCode::SERVICE_UNAVAILABLE))
        .buffer(8)
        .load_shed()
        .concurrency_limit(64)
        .timeout(Duration::from_secs(60))
        .layer(ServerLayer::new(&ledger).request_limit(Limit::reject_over(5)));
    let server = serve(Router::new().route("/", post(async |body: String| body)).layer(stack)).await;
    for protocol in crate::support::protocol::Protocol::BOTH {
        let send = |body: &'static str| protocol.reqwest().post(&server).body(body).send();
        assert_eq!(send("12345").await.unwrap().text().await.unwrap(), "12345", "{protocol:?}");
        assert_eq!(send("123456").await.unwrap().status(), 413, "{protocol:?}");
    }
}

/// A load shedder inside ours says no in `poll_ready`, or in the call: either way no body is left hanging.
#[tokio::test]
async fn what_is_shed_is_counted_as_unread() {
    let ledger = Ledger::new();
    let busy = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .load_shed()
        .concurrency_limit(0)
        .service_fn(async |_: Request<_>| Ok::<_, BoxError>(Response::new(Body::empty())));
    let error = busy.oneshot(crate::post("12345")).await.unwrap_err();
    assert!(error.is::<tower::load_shed::error::Overloaded>());
    assert_eq!(book(&ledger), ["server request POST (no route): 1 unread, 0 B"]);
}
