//! `ClientLayer` on hyper-util's client, over real connections: what each limit does to responses and to requests.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod bodiless;
mod by_hand;
mod dropped;
mod gzip;
mod lengths;
mod pool;
mod responses;
mod upgrades;
mod uploads;
mod witness;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use plimsoll::{ClientLayer, ClientService, Ledger, LimitExceeded, MeteredBody};
use support::book::{book, book_reads_after};
use support::loopback::{Tasks, client};
use support::protocol::Protocol;
use support::script::{Script, Step};
use tower::{BoxError, Layer, Service, ServiceExt};

type Http<B> = Client<HttpConnector, MeteredBody<B>>;
type Answer = Result<Response<MeteredBody<Incoming>>, plimsoll::Error>;

/// A client with a layer on this ledger; its connections live as long as its tasks.
struct Caller<B = Script> {
    service: ClientService<Http<B>>,
    ledger: Ledger,
    tasks: Tasks,
}

impl<B> Caller<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    /// `with` sets the limits.
    fn new(protocol: Protocol, with: impl FnOnce(ClientLayer) -> ClientLayer) -> Self {
        let (ledger, tasks) = (Ledger::new(), Tasks::default());
        let service = layer(&ledger, with).layer(client(protocol, &tasks));
        Self { service, ledger, tasks }
    }

    async fn call(&mut self, request: Request<B>) -> Answer {
        self.service.ready().await?.call(request).await
    }

    /// Waits until the ledger holds this; ends every connection then, and nothing may come to it.
    async fn leaves(self, case: &str, expected: &[&str]) {
        let Self { service, ledger, tasks } = self;
        book_reads_after(case, &ledger, expected).await;
        drop(service);
        tasks.end().await;
        assert_eq!(book(&ledger), expected, "{case}, when everything is dropped");
    }
}

impl Caller {
    async fn get(&mut self, url: &str) -> Answer {
        self.call(bodiless("GET", url)).await
    }

    /// The body of an answer that comes whole.
    async fn bytes(&mut self, url: &str) -> Bytes {
        self.get(url).await.unwrap().into_body().collect().await.unwrap().to_bytes()
    }
}

/// A layer whose templates are the first segments of paths.
fn layer(ledger: &Ledger, with: impl FnOnce(ClientLayer) -> ClientLayer) -> ClientLayer {
    let first = |path: &str| path.split('/').nth(1).map(|segment| format!("/{segment}").into());
    with(ClientLayer::new(ledger).upstream("inventory").url_template(move |_, path| first(path)))
}

fn bodiless(method: &str, url: &str) -> Request<Script> {
    let body = Script::default().declaring(0).knowing_its_end();
    Request::builder().method(method).uri(url).body(body).unwrap()
}

fn post<B>(url: &str, body: B) -> Request<B> {
    Request::post(url).body(body).unwrap()
}

/// So many bytes in frames of four, which declare nothing, with a pause before each.
fn streamed(bytes: usize) -> Script {
    let frames = (0..bytes).step_by(4).map(|at| Step::Data(4.min(bytes - at)));
    Script::new(frames.flat_map(|frame| [Step::Pending, frame]))
}

/// The same, declared.
fn declared(bytes: usize) -> Script {
    streamed(bytes).declaring(bytes as u64)
}

/// The refusal that a call or a body failed with.
fn refusal<T>(case: &str, result: Result<T, impl Into<BoxError>>) -> LimitExceeded {
    let error = result.err().unwrap_or_else(|| panic!("{case}: no error")).into();
    LimitExceeded::find(&*error).cloned().unwrap_or_else(|| panic!("{case}: another error: {error:?}"))
}

/// The error that a call or a body failed with, which is no refusal.
fn failure<T>(case: &str, result: Result<T, impl Into<BoxError>>) -> BoxError {
    let error = result.err().unwrap_or_else(|| panic!("{case}: no error")).into();
    assert_eq!(LimitExceeded::find(&*error), None, "{case}");
    error
}
