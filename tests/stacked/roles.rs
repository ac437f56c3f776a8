//! The same body for two who count it: two ledgers, or a server that hands it on as a client.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use plimsoll::{ClientLayer, Ledger, Limit, MeteredBody, ServerLayer};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::between::Between;
use crate::call_through;
use crate::support::book::book;
use crate::support::calls::{Answering, Went, call};
use crate::support::script::{Script, Step};

fn ten_bytes() -> Script {
    Script::new([Step::Data(4), Step::Data(6)])
}

#[tokio::test]
async fn each_of_two_ledgers_counts_every_body_once() {
    for between in Between::ALL {
        let (one, other) = (Ledger::new(), Ledger::new());
        let layers = (ServerLayer::new(&one), ServerLayer::new(&other), ServerLayer::new(&one));
        let service = Answering::with(ten_bytes());
        let went = call_through!(between, layers.0, layers.1, layers.2, service, Request::new(ten_bytes()));
        assert_eq!(went, Went::Answered(200, 10));
        let known =
            ["server request GET (no route): 1 complete, 10 B", "server response GET (no route) 200: 1 complete, 10 B"];
        assert_eq!(book(&one), known, "{between:?}");
        assert_eq!(book(&other), known, "{between:?}");
    }
}

#[tokio::test]
async fn what_one_ledger_s_layer_refuses_was_given_up_for_the_other() {
    let (one, other) = (Ledger::new(), Ledger::new());
    let strict = ServerLayer::new(&other).request_limit(Limit::reject_over(5));
    let service = ServerLayer::new(&one).layer(strict.layer(Answering::with(Script::default())));
    call(service, Request::new(ten_bytes())).await;
    let refused = "server request GET (no route): 1 rejected_streaming, 0 B, 10 B offered, 1 over limit";
    assert_eq!(book(&other).first().map(String::as_str), Some(refused));
    assert_eq!(book(&one).first().map(String::as_str), Some("server request GET (no route): 1 aborted, 0 B"));
}

/// A reverse proxy: hands on each request to an upstream that echoes it, and the answer back.
macro_rules! proxy {
    ($server:expr, $client:expr) => {{
        let upstream = service_fn(|request: Request<_>| async {
            let echoed = BodyExt::collect(request.into_body()).await.map(|body| body.to_bytes().len());
            echoed.map(|bytes| Response::new(Script::new([Step::Data(bytes)])))
        });
        $server.layer($client.layer(upstream))
    }};
}

#[tokio::test]
async fn a_proxy_counts_the_same_body_as_server_and_as_client() {
    let ledger = Ledger::new();
    let service = proxy!(ServerLayer::new(&ledger), ClientLayer::new(&ledger).upstream("up"));
    assert_eq!(call(service, Request::new(ten_bytes())).await, Went::Answered(200, 10));
    let known = [
        "server request GET (no route): 1 complete, 10 B",
        "server response GET (no route) 200: 1 complete, 10 B",
        "client request GET (no template) of up: 1 complete, 10 B",
        "client response GET (no template) of up 200: 1 complete, 10 B",
    ];
    assert_eq!(book(&ledger), known);
}

#[tokio::test]
async fn in_a_proxy_of_several_layers_each_role_counts_once() {
    let ledger = Ledger::new();
    let server = ServerLayer::new(&ledger);
    let client = ClientLayer::new(&ledger).upstream("up");
    let inner = service_fn(async |request: Request<MeteredBody<MeteredBody<MeteredBody<MeteredBody<Script>>>>>| {
        let body = request.into_body().collect().await?.to_bytes();
        Ok::<_, BoxError>(Response::new(http_body_util::Full::<Bytes>::from(body)))
    });
    // The proxy may itself be made of services that are layered again.
    let service = server.layer(client.layer(server.clone().layer(client.clone().layer(inner))));
    assert_eq!(call(service, Request::new(ten_bytes())).await, Went::Answered(200, 10));
    let known = [
        "server request GET (no route): 1 complete, 10 B",
        "server response GET (no route) 200: 1 complete, 10 B",
        "client request GET (no template) of up: 1 complete, 10 B",
        "client response GET (no template) of up 200: 1 complete, 10 B",
    ];
    assert_eq!(book(&ledger), known);
}

#[tokio::test]
async fn a_request_that_a_proxy_s_client_refuses_was_given_up_by_its_server() {
    let ledger = Ledger::new();
    let client = ClientLayer::new(&ledger).upstream("up").request_limit(Limit::reject_over(5));
    let service = proxy!(ServerLayer::new(&ledger), client);
    assert_eq!(call(service, Request::new(ten_bytes())).await, Went::Refused);
    let known = [
        "server request GET (no route): 1 aborted, 0 B",
        "client request GET (no template) of up: 1 rejected_streaming, 0 B, 10 B offered, 1 over limit",
    ];
    assert_eq!(book(&ledger), known);
}

#[tokio::test]
async fn the_bodies_of_one_call_are_not_taken_for_one() {
    // The request's own body comes back as the answer: another direction, so another sample.
    let ledger = Ledger::new();
    let echo = service_fn(async |request: Request<MeteredBody<MeteredBody<Script>>>| {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    });
    let layer = ServerLayer::new(&ledger);
    let service = layer.layer(layer.clone().layer(echo));
    let response = service.oneshot(Request::new(ten_bytes())).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 10);
    let known =
        ["server request GET (no route): 1 complete, 10 B", "server response GET (no route) 200: 1 complete, 10 B"];
    assert_eq!(book(&ledger), known);
}
