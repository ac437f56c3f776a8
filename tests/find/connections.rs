//! hyper's connections and hyper-util's client, on HTTP/1 and HTTP/2.

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use plimsoll::{ClientLayer, Ledger, MeteredBody};
use tokio::net::TcpStream;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::support::protocol::Protocol;
use crate::support::upstream::Upstream;
use crate::{LIMIT, Streamed, finds, hides, streamed};

fn layer() -> ClientLayer {
    ClientLayer::new(&Ledger::new()).request_limit(LIMIT).response_limit(LIMIT)
}

fn get(upstream: &Upstream, path: &str) -> Request<Empty<Bytes>> {
    let request = Request::get(upstream.url(path)).header(header::HOST, upstream.address.to_string());
    request.body(Empty::new()).unwrap()
}

/// An upload to an upstream; its host named, as HTTP/1 has it.
fn upload<B>(upstream: &Upstream, body: B) -> Request<B> {
    let request = Request::post(upstream.url("/upload")).header(header::HOST, upstream.address.to_string());
    request.body(body).unwrap()
}

/// Sends on a connection of its own.
async fn send<B>(protocol: Protocol, request: Request<B>) -> hyper::Result<Response<Incoming>>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let stream = TcpStream::connect(request.uri().authority().unwrap().as_str()).await.unwrap();
    match protocol {
        Protocol::Http1 => {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender.send_request(request).await
        }
        Protocol::Http2 => {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender.send_request(request).await
        }
    }
}

#[tokio::test]
async fn behind_the_errors_of_hyper_s_connections() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        let reading = layer().layer(service_fn(move |request| send(protocol, request)));
        finds(&reading.clone().oneshot(get(&upstream, "/declared/11")).await.unwrap_err());
        let response = reading.oneshot(get(&upstream, "/chunked/11")).await.unwrap();
        finds(&*response.into_body().collect().await.unwrap_err());
        let sending = layer().layer(service_fn(move |request| send(protocol, request)));
        finds(&sending.oneshot(upload(&upstream, streamed())).await.unwrap_err());
    }
}

#[tokio::test]
async fn behind_the_errors_of_hyper_util_s_client() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        let http = || {
            let mut builder = Client::builder(TokioExecutor::new());
            builder.http2_only(protocol == Protocol::Http2);
            builder
        };
        let reading = layer().layer(http().build_http());
        finds(&reading.clone().oneshot(get(&upstream, "/declared/11")).await.unwrap_err());
        let response = reading.oneshot(get(&upstream, "/chunked/11")).await.unwrap();
        finds(&*response.into_body().collect().await.unwrap_err());
        let sending = layer().layer(http().build_http());
        finds(&sending.oneshot(upload(&upstream, streamed())).await.unwrap_err());
    }
}

#[tokio::test]
async fn a_metered_upload_without_a_layer_shows_its_refusal_on_http1_only() {
    let upstream = Upstream::start().await;
    for protocol in Protocol::BOTH {
        let metered = || upload(&upstream, MeteredBody::new(streamed(), LIMIT));
        let mut builder = Client::builder(TokioExecutor::new());
        let client = builder.http2_only(protocol == Protocol::Http2).build_http::<MeteredBody<Streamed>>();
        let errors: [BoxError; 2] =
            [send(protocol, metered()).await.unwrap_err().into(), client.request(metered()).await.unwrap_err().into()];
        for error in errors {
            match protocol {
                Protocol::Http1 => finds(&*error),
                // hyper tells of a reset, and no more. The layer, which knows why, puts its own error in its place.
                Protocol::Http2 => hides(&*error),
            }
        }
    }
}
