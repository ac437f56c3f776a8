//! Upstreams by hand, for answers that no HTTP library would give.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};

use super::support::frames::{DATA, END_STREAM, FrameSocket, HEADERS};
use super::support::loopback::Tasks;
use super::support::raw::Raw;

/// What is said to every request, none of which has a body.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// These bytes; `close` where the connection ends behind them.
    Http1 { bytes: String, close: bool },
    /// These headers and this data.
    Http2 { headers: Vec<(&'static str, &'static str)>, data: Vec<&'static [u8]>, end: bool },
}

/// An upstream that says the same to everybody, until its tasks end.
pub(crate) struct ByHand {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl ByHand {
    pub(crate) async fn start(says: Says, tasks: &Tasks) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, spawner) = (Arc::clone(&connections), tasks.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                spawner.spawn(says.clone().to(stream));
            }
        });
        Self { address, connections }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections have come.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Says {
    /// These bytes, on a connection that stays.
    pub(crate) fn http1(bytes: impl Into<String>) -> Self {
        Self::Http1 { bytes: bytes.into(), close: false }
    }

    async fn to(self, stream: TcpStream) {
        match self {
            Self::Http1 { bytes, close } => {
                let mut raw = Raw::of(stream);
                while !raw.head().await.is_empty() {
                    if raw.try_send(&bytes).await.is_err() || close {
                        break;
                    }
                }
            }
            Self::Http2 { headers, data, end } => {
                let mut socket = FrameSocket::accept(stream).await;
                while let Some(frame) = socket.next().await {
                    if frame.kind != HEADERS {
                        continue;
                    }
                    socket.headers(frame.stream, &headers, data.is_empty() && end).await;
                    for (number, bytes) in data.iter().enumerate() {
                        let last = end && number + 1 == data.len();
                        let flags = if last { END_STREAM } else { 0 };
                        // The client may have had enough.
                        if socket.try_send(DATA, flags, frame.stream, bytes.to_vec()).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }
}
