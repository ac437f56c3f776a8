//! Connections that are handed over: 101 and CONNECT have no bodies, and what goes over them then is nobody's body.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use plimsoll::{Ledger, Limit, ServerLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, service_fn};

use super::support::book::{book, book_reads_after};
use super::support::loopback::{Tasks, serve};
use super::support::protocol::Protocol;
use super::{Caller, bodiless};

/// So much goes over the connection each way, far more than the limit.
const TUNNELLED: usize = 100_000;

/// Agrees to hand the connection over, and echoes what comes over it.
async fn echo<B>(mut request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() != Method::CONNECT {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("echo"));
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
    let handed_over = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut io = TokioIo::new(handed_over.await.unwrap());
        let mut came = vec![0; TUNNELLED];
        io.read_exact(&mut came).await.unwrap();
        io.write_all(&came).await.unwrap();
        io.shutdown().await.unwrap();
    });
    Ok(response)
}

async fn check(name: &str, protocol: Protocol, method: &str, status: u16) {
    let none = Limit::reject_over(0);
    let mut caller = Caller::new(protocol, |layer| layer.request_limit(none).response_limit(none));
    let served = Ledger::new();
    let layer = ServerLayer::new(&served).request_limit(none).response_limit(none);
    let tasks = Tasks::default();
    let address = serve(protocol, layer.layer(service_fn(echo)), &tasks).await;
    let mut request = bodiless(method, &format!("http://{address}/"));
    if method != "CONNECT" {
        request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("echo"));
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        *request.uri_mut() = address.to_string().parse().unwrap();
    }
    let mut answer = caller.call(request).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(answer.status(), status, "{name}");
    let handed_over = hyper::upgrade::on(&mut answer);
    drop(answer);
    let mut io = TokioIo::new(handed_over.await.unwrap_or_else(|error| panic!("{name}: {error:?}")));
    let sent: Vec<u8> = (0..TUNNELLED).map(|number| (number % 251) as u8).collect();
    let (mut reading, mut writing) = tokio::io::split(&mut io);
    let mut came = Vec::new();
    let (wrote, read) = tokio::join!(writing.write_all(&sent), reading.read_to_end(&mut came));
    wrote.unwrap();
    read.unwrap();
    assert!(came == sent, "{name}: {} bytes came back", came.len());
    drop(io);
    let line = |role: &str, direction: &str, endpoint: &str, status: &str| {
        format!("{role} {direction} {method} {endpoint}{status}: 1 complete, 0 B")
    };
    let status = format!(" {status}");
    let server = [line("server", "request", "(no route)", ""), line("server", "response", "(no route)", &status)];
    book_reads_after(name, &served, &[&server[0], &server[1]]).await;
    tasks.end().await;
    assert_eq!(book(&served), server, "{name}, when everything is dropped");
    let endpoint = if method == "CONNECT" { "(no template) of inventory" } else { "/ of inventory" };
    let client = [line("client", "request", endpoint, ""), line("client", "response", endpoint, &status)];
    caller.leaves(name, &[&client[0], &client[1]]).await;
}

#[tokio::test]
async fn a_101_hands_its_connection_over_through_both_layers() {
    check("an upgrade", Protocol::Http1, "GET", 101).await;
}

#[tokio::test]
async fn a_connect_hands_its_connection_over_through_both_layers() {
    check("HTTP/1", Protocol::Http1, "CONNECT", 200).await;
}

#[tokio::test]
async fn an_http2_connect_hands_its_stream_over_through_both_layers() {
    check("HTTP/2", Protocol::Http2, "CONNECT", 200).await;
}
