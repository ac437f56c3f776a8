//! HTTP/1 by hand: a socket, what is written to it as it stands, and answers taken apart byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing on loopback takes as long as this, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// One side of an HTTP/1 connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the body came to the end that its framing promises.
    pub whole: bool,
}

impl Answer {
    /// The value of a header that is there at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).await.unwrap())
    }

    pub fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    /// Sends, where the other side may have closed the connection already.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("the other side reads")
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The head of the next message, up to its empty line; what came until the end where there is none.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.unread.windows(4).position(|end| end == b"\r\n\r\n") {
                return String::from_utf8(self.take(at + 4)).unwrap();
            }
            if !self.more().await {
                let rest = self.unread.len();
                return String::from_utf8(self.take(rest)).unwrap();
            }
        }
    }

    /// The next answer, as far as it comes; to a request that is not `HEAD`.
    pub async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a head: {head:?}"));
        let (body, whole) = if head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n") {
            self.chunks().await
        } else if let Some(length) = header(&head, "content-length") {
            self.at_most(length.parse().unwrap()).await
        } else {
            (self.rest().await, true)
        };
        Answer { status, head, body, whole }
    }

    /// Exactly so many bytes, or fewer and `false` where the connection ends before.
    pub async fn at_most(&mut self, bytes: usize) -> (Vec<u8>, bool) {
        while self.unread.len() < bytes {
            if !self.more().await {
                let rest = self.unread.len();
                return (self.take(rest), false);
            }
        }
        (self.take(bytes), true)
    }

    /// All that comes until the connection ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.unread)
    }

    /// Whether the other side has ended the connection, with nothing more sent.
    pub async fn is_over(&mut self) -> bool {
        self.rest().await.is_empty()
    }

    /// The data of chunks, and whether the last one came.
    async fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let Some(size) = self.line().await else { return (body, false) };
            let size = usize::from_str_radix(&size, 16).unwrap();
            if size == 0 {
                // Trailers, if any, then an empty line.
                loop {
                    match self.line().await {
                        Some(line) if line.is_empty() => return (body, true),
                        Some(_trailer) => {}
                        None => return (body, false),
                    }
                }
            }
            let (chunk, whole) = self.at_most(size).await;
            body.extend(chunk);
            if !whole || self.line().await.is_none() {
                return (body, false);
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.unread.windows(2).position(|end| end == b"\r\n") {
                let line = self.take(at + 2);
                return Some(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let rest = self.unread.split_off(bytes);
        std::mem::replace(&mut self.unread, rest)
    }

    /// Reads what is there; `false` at the end of the connection, however it ended.
    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await.expect("the other side writes");
        matches!(read, Ok(bytes) if bytes > 0)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
