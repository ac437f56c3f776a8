//! A small gRPC service and its client, written by hand: what a code generator would make of a `.proto` file.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream;
use http::uri::PathAndQuery;
use prost::Message;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::BoxStream;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{BoxError, Service, service_fn};

pub(crate) const DESCRIBE: &str = "/shop.Inventory/Describe";
pub(crate) const LIST: &str = "/shop.Inventory/List";

/// Asks for a text of so many bytes, or for so many texts; `text` only makes the question longer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Query {
    #[prost(uint32, tag = "1")]
    pub(crate) bytes: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) texts: u32,
    #[prost(string, tag = "3")]
    pub(crate) text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sku {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

/// The bytes that a message takes in a body: a flag, its length in four bytes, itself.
pub(crate) fn framed(message: &impl Message) -> u64 {
    5 + message.encoded_len() as u64
}

pub(crate) fn sku(bytes: u32) -> Sku {
    Sku { text: "x".repeat(bytes as usize) }
}

#[derive(Clone)]
pub(crate) struct Inventory;

impl NamedService for Inventory {
    const NAME: &'static str = "shop.Inventory";
}

impl<B> Service<http::Request<B>> for Inventory
where
    B: http_body::Body<Error: Into<BoxError> + Send> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let mut grpc = tonic::server::Grpc::new(ProstCodec::<Sku, Query>::default());
        Box::pin(async move {
            Ok(match request.uri().path() {
                DESCRIBE => grpc.unary(service_fn(describe), request).await,
                LIST => grpc.server_streaming(service_fn(list), request).await,
                path => Status::unimplemented(path).into_http(),
            })
        })
    }
}

async fn describe(request: Request<Query>) -> Result<Response<Sku>, Status> {
    Ok(Response::new(sku(request.into_inner().bytes)))
}

/// So many texts, and then a status with metadata: it travels in the trailers.
async fn list(request: Request<Query>) -> Result<Response<BoxStream<Sku>>, Status> {
    let Query { bytes, texts, .. } = request.into_inner();
    let mut end = Status::new(Code::OutOfRange, "that is all");
    end.metadata_mut().insert("x-texts", texts.into());
    let texts = (0..texts).map(move |_| Ok(sku(bytes)));
    Ok(Response::new(Box::pin(stream::iter(texts.chain([Err(end)])))))
}

/// Calls `Describe` through any client.
pub(crate) async fn call_describe<S>(client: S, query: Query) -> Result<Sku, Status>
where
    S: GrpcService<Body, ResponseBody: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static>,
{
    let mut grpc = tonic::client::Grpc::new(client);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let codec = ProstCodec::<Query, Sku>::default();
    Ok(grpc.unary(Request::new(query), PathAndQuery::from_static(DESCRIBE), codec).await?.into_inner())
}

/// Calls `List` through any client, and collects the texts up to the status at the end.
pub(crate) async fn call_list<S>(client: S, query: Query) -> (Vec<Sku>, Status)
where
    S: GrpcService<Body, ResponseBody: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static>,
{
    let mut grpc = tonic::client::Grpc::new(client);
    let mut texts = Vec::new();
    if let Err(error) = grpc.ready().await {
        return (texts, Status::from_error(error.into()));
    }
    let codec = ProstCodec::<Query, Sku>::default();
    let answer = grpc.server_streaming(Request::new(query), PathAndQuery::from_static(LIST), codec).await;
    let mut stream = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => return (texts, status),
    };
    loop {
        match stream.message().await {
            Ok(Some(sku)) => texts.push(sku),
            Ok(None) => return (texts, Status::ok("")),
            Err(status) => return (texts, status),
        }
    }
}

/// A port to serve on, and a channel to it.
pub(crate) async fn loopback() -> (TcpIncoming, Channel, String) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let channel = Channel::from_shared(url.clone()).unwrap().connect_lazy();
    (TcpIncoming::from(listener), channel, url)
}

/// A server without a layer of ours, and a channel to it.
pub(crate) async fn bare() -> Channel {
    let (incoming, channel, _) = loopback().await;
    let server = Server::builder().add_service(Inventory).serve_with_incoming(incoming);
    tokio::spawn(server);
    channel
}
