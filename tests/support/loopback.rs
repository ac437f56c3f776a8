//! hyper's own servers and clients on loopback, with no framework between.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::{BoxError, Service};

use super::protocol::Protocol;

/// Tasks that can be ended together: what they hold is dropped then, and whatever that leaves behind is to be seen.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.lock().unwrap().spawn(task);
    }

    /// Ends all of them, and waits until they are gone.
    pub async fn end(&self) {
        loop {
            let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
            if tasks.is_empty() {
                return;
            }
            tasks.shutdown().await;
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

/// Serves with hyper on a free port, until these tasks end.
pub async fn serve<S, R>(protocol: Protocol, service: S, tasks: &Tasks) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let (service, tasks) = (service.clone(), connections.clone());
            connections.spawn(serve_connection(protocol, stream, service, tasks));
        }
    });
    address
}

/// Serves one connection to its end.
pub async fn serve_connection<S, R>(protocol: Protocol, stream: TcpStream, service: S, tasks: Tasks)
where
    S: Service<Request<Incoming>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let (io, service) = (TokioIo::new(stream), TowerToHyperService::new(service));
    // A connection that a client breaks is what some tests are about: what it leaves in the ledger tells.
    let _ended = match protocol {
        Protocol::Http1 => http1::Builder::new().serve_connection(io, service).with_upgrades().await,
        Protocol::Http2 => http2::Builder::new(tasks).serve_connection(io, service).await,
    };
}

/// hyper-util's client, with its pool, speaking one protocol only.
pub fn client<B>(protocol: Protocol, tasks: &Tasks) -> Client<HttpConnector, B>
where
    B: Body + Send,
    B::Data: Send,
{
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(tasks.clone()).http2_only(protocol == Protocol::Http2).build(connector)
}

/// One HTTP/2 connection, on which every request is a stream.
pub async fn http2_connection<B>(address: SocketAddr, tasks: &Tasks) -> SendRequest<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(tasks.clone(), io).await.unwrap();
    tasks.spawn(async {
        let _ended = connection.await;
    });
    sender
}
