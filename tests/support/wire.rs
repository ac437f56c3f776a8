//! Real connections on loopback: axum's server, and bodies to send over them.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use futures_util::Stream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Serves with `axum::serve` on a free port, for as long as the test's runtime lives; HTTP/1 and HTTP/2.
pub async fn serve<S>(app: S) -> String
where
    S: tower::Service<Request<Body>, Response = Response<Body>, Error = std::convert::Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, tower::make::Shared::new(app)).await });
    format!("http://{address}")
}

/// A body of unknown length that is fed by hand, and open until its feeder is dropped.
///
/// A client that keeps it open still has its connection whole when an early answer comes.
pub fn fed() -> (mpsc::UnboundedSender<Bytes>, impl Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static) {
    let (feeder, mut fed) = mpsc::unbounded_channel();
    let stream = futures_util::stream::poll_fn(move |cx| fed.poll_recv(cx).map(|bytes| bytes.map(Ok)));
    (feeder, stream)
}

/// A body of unknown length that yields these pieces one by one.
pub fn pieces<const N: usize>(
    pieces: [&'static str; N],
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static {
    futures_util::stream::iter(pieces.map(|piece| Ok(Bytes::from_static(piece.as_bytes()))))
}
