//! Calls over one connection in memory, with all that either side wrote.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use plimsoll::{ClientLayer, Ledger, Limit, ServerLayer};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tower::{BoxError, Layer, Service, ServiceExt};

use super::cases::{Case, Payload, read};
use super::support::protocol::Protocol;

/// Where our layers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layers {
    None,
    Server,
    Client,
    Both,
}

/// What was written on a connection.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) sent: Vec<u8>,
    pub(crate) answered: Vec<u8>,
}

/// Large enough for every body of the cases, so that none of them is over it; those without a body are.
pub(crate) const LIMIT: Limit = Limit::reject_over(60_000);

/// Makes these calls one after the other on one connection, and closes it.
pub(crate) async fn record(protocol: Protocol, layers: Layers, ledger: &Ledger, cases: &[Case]) -> Recording {
    let (near, far) = tokio::io::duplex(1 << 20);
    let ((near, sent), (far, answered)) = (Recorded::new(near), Recorded::new(far));
    let server = ServerLayer::new(ledger).request_limit(LIMIT).response_limit(LIMIT);
    let client = ClientLayer::new(ledger).upstream("wire").request_limit(LIMIT).response_limit(LIMIT);
    let answers = Answers(cases.to_vec().into());
    let served = match layers {
        Layers::None | Layers::Client => tokio::spawn(serve(protocol, far, answers)),
        Layers::Server | Layers::Both => tokio::spawn(serve(protocol, far, server.layer(answers))),
    };
    match layers {
        Layers::None | Layers::Server => call(protocol, near, |sender| sender, cases).await,
        Layers::Client | Layers::Both => call(protocol, near, |sender| client.layer(sender), cases).await,
    }
    served.await.unwrap();
    let taken = |log: Log| std::mem::take(&mut *log.lock().unwrap());
    Recording { sent: taken(sent), answered: taken(answered) }
}

/// Reads each request to its end, and answers as its case wants.
#[derive(Clone)]
pub(crate) struct Answers(Arc<[Case]>);

impl<B> Service<Request<B>> for Answers
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = Response<Payload>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Payload>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let number: usize = request.headers()["x-case"].to_str().unwrap().parse().unwrap();
        let response = self.0[number].to_response();
        Box::pin(async move {
            assert!(read(request.into_body()).await, "case {number}");
            Ok(response)
        })
    }
}

async fn serve<S, R>(protocol: Protocol, io: Recorded, service: S)
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let (io, service) = (TokioIo::new(io), TowerToHyperService::new(service));
    // The date is the one thing that differs from run to run.
    let ended = match protocol {
        Protocol::Http1 => http1::Builder::new().auto_date_header(false).serve_connection(io, service).await,
        Protocol::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.auto_date_header(false).serve_connection(io, service).await
        }
    };
    ended.unwrap();
}

/// hyper's end of a connection, as a service.
pub(crate) enum Sender<B> {
    Http1(conn::http1::SendRequest<B>),
    Http2(conn::http2::SendRequest<B>),
}

impl<B: Body + Send + 'static> Service<Request<B>> for Sender<B> {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        match self {
            Self::Http1(sender) => sender.poll_ready(cx),
            Self::Http2(sender) => sender.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self {
            Self::Http1(sender) => Box::pin(sender.send_request(request)),
            Self::Http2(sender) => Box::pin(sender.send_request(request)),
        }
    }
}

async fn call<S, B, R>(protocol: Protocol, io: Recorded, wrap: impl FnOnce(Sender<B>) -> S, cases: &[Case])
where
    S: Service<Request<Payload>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
{
    let io = TokioIo::new(io);
    let (sender, connection) = match protocol {
        Protocol::Http1 => {
            let (sender, connection) = conn::http1::handshake(io).await.unwrap();
            (Sender::Http1(sender), tokio::spawn(connection))
        }
        Protocol::Http2 => {
            let (sender, connection) = conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            (Sender::Http2(sender), tokio::spawn(connection))
        }
    };
    let mut service = wrap(sender);
    for (number, case) in cases.iter().enumerate() {
        let mut request = case.to_request();
        request.headers_mut().insert("x-case", number.into());
        let response = service.ready().await.unwrap().call(request).await;
        let response = response.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
        assert_eq!(response.status(), case.status, "{}", case.name);
        // On HTTP/2 hyper sends what it is given, also in answer to HEAD; its client then resets the stream.
        let forbidden = protocol == Protocol::Http2 && case.method == Method::HEAD && case.response.bytes() > 0;
        assert_eq!(read(response.into_body()).await, !forbidden, "{}", case.name);
    }
    drop(service);
    connection.await.unwrap().unwrap();
}

type Log = Arc<Mutex<Vec<u8>>>;

/// One end of a connection, which keeps what was written to it.
struct Recorded {
    io: DuplexStream,
    log: Log,
}

impl Recorded {
    fn new(io: DuplexStream) -> (Self, Log) {
        let log = Log::default();
        (Self { io, log: Arc::clone(&log) }, log)
    }
}

impl AsyncRead for Recorded {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.log.lock().unwrap().extend(&bytes[..written]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
