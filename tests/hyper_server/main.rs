//! `ServerLayer` on hyper's own server, over real connections: what each limit does to requests and to responses.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod connections;
mod handlers;
mod lengths;
mod requests;
mod responses;
mod responses_cut;
mod uploads;

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use plimsoll::{Direction, Ledger, ServerLayer};
use support::book::{book, book_of, book_reads_after};
use support::loopback::{Tasks, client, serve};
use support::protocol::Protocol;
use support::readings::eventually;
use support::script::{Script, Step};
use tower::Layer;

use handlers::{Calls, Handlers};

/// A server with a layer on this ledger.
struct Server {
    address: SocketAddr,
    ledger: Ledger,
    calls: Calls,
    tasks: Tasks,
}

impl Server {
    /// `with` sets the limits.
    async fn start(protocol: Protocol, with: impl FnOnce(ServerLayer) -> ServerLayer) -> Self {
        let (ledger, calls, tasks) = (Ledger::new(), Calls::default(), Tasks::default());
        let service = layer(&ledger, with).layer(Handlers::new(&calls));
        Self { address: serve(protocol, service, &tasks).await, ledger, calls, tasks }
    }

    /// Waits until the ledger holds this; ends every task then, and nothing may come to it.
    async fn leaves(self, case: &str, expected: &[&str]) {
        book_reads_after(case, &self.ledger, expected).await;
        self.tasks.end().await;
        assert_eq!(book(&self.ledger), expected, "{case}, when everything is dropped");
    }

    /// The same for the request alone: its client is gone, and how its answer ends then is hyper's affair.
    async fn leaves_of_the_request(self, case: &str, expected: &str) {
        eventually(|| book_of(&self.ledger, Direction::Request).pop()).await;
        self.tasks.end().await;
        assert_eq!(book_of(&self.ledger, Direction::Request), [expected], "{case}");
        let answers = self.ledger.snapshot().outcomes().total() - 1;
        assert!(answers <= 1, "{case}: {answers} answers");
    }
}

/// A layer whose routes are the first segments of paths.
fn layer(ledger: &Ledger, with: impl FnOnce(ServerLayer) -> ServerLayer) -> ServerLayer {
    let first = |path: &str| path.split('/').nth(1).map(|segment| format!("/{segment}").into());
    with(ServerLayer::new(ledger).route(move |uri, _| first(uri.path())))
}

/// An answer that came to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    trailers: Option<HeaderMap>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    async fn of(response: Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let collected = body.collect().await.unwrap();
        let trailers = collected.trailers().cloned();
        Self { status: head.status.as_u16(), headers: head.headers, body: collected.to_bytes(), trailers }
    }
}

/// A request on a connection of its own.
fn request(address: SocketAddr, method: &str, path: &str, body: Script) -> Request<Script> {
    Request::builder().method(method).uri(format!("http://{address}{path}")).body(body).unwrap()
}

async fn post(protocol: Protocol, server: &Server, path: &str, body: Script) -> Answer {
    let request = request(server.address, "POST", path, body);
    Answer::of(client(protocol, &server.tasks).request(request).await.unwrap()).await
}

async fn get(protocol: Protocol, server: &Server, path: &str) -> Answer {
    let request = request(server.address, "GET", path, Script::default().declaring(0).knowing_its_end());
    Answer::of(client(protocol, &server.tasks).request(request).await.unwrap()).await
}

/// So many bytes in frames of four, which declare nothing.
fn streamed(bytes: usize) -> Script {
    Script::new((0..bytes).step_by(4).map(|at| Step::Data(4.min(bytes - at))))
}

/// The same, declared.
fn declared(bytes: usize) -> Script {
    streamed(bytes).declaring(bytes as u64)
}

/// What the default answer says to a request over this limit.
fn too_large(limit: u64) -> String {
    format!(
        r#"{{"type":"about:blank","title":"Content Too Large","status":413,"detail":"The request body is larger than {limit} bytes.","limit":{limit}}}"#
    )
}

/// What it says in place of a response over its limit.
const OURS_WAS_TOO_LARGE: &str = r#"{"type":"about:blank","title":"Internal Server Error","status":500}"#;
