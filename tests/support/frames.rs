//! HTTP/2 by hand (RFC 9113): frames read from captured bytes, and a socket that speaks in frames.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::raw::Raw;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// One frame, with its payload as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The code of a RST_STREAM or of a GOAWAY.
    pub fn error_code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    fn encode(&self) -> Vec<u8> {
        let Self { kind, flags, stream, payload } = self;
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([*kind, *flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, flags, stream, payload } = self;
        let kind = match *kind {
            DATA => "DATA",
            HEADERS => "HEADERS",
            RST_STREAM => "RST_STREAM",
            SETTINGS => "SETTINGS",
            PING => "PING",
            GOAWAY => "GOAWAY",
            WINDOW_UPDATE => "WINDOW_UPDATE",
            _ => "(other)",
        };
        let shown = payload.get(..32).unwrap_or(payload).escape_ascii();
        write!(f, "{kind} flags {flags:#x} stream {stream} length {}: {shown}", payload.len())
    }
}

/// Takes the bytes of one direction apart, behind the preface where there is one; all of them are whole frames.
pub fn parse(bytes: &[u8]) -> Vec<Frame> {
    let mut rest = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    let mut frames = Vec::new();
    while let [l2, l1, l0, kind, flags, s3, s2, s1, s0, after @ ..] = rest {
        let length = u32::from_be_bytes([0, *l2, *l1, *l0]) as usize;
        let stream = u32::from_be_bytes([*s3, *s2, *s1, *s0]);
        let payload = after[..length].to_vec();
        frames.push(Frame { kind: *kind, flags: *flags, stream, payload });
        rest = &after[length..];
    }
    assert!(rest.is_empty(), "{} bytes behind the last frame", rest.len());
    frames
}

/// One end of a connection that writes frames as it is told to, and reads those that come.
///
/// It gives no more window than a connection begins with: 65,535 bytes.
#[derive(Debug)]
pub struct FrameSocket(Raw);

impl FrameSocket {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::begin(TcpStream::connect(address).await.unwrap()).await
    }

    /// The client's end of a connection.
    pub async fn begin(stream: TcpStream) -> Self {
        let mut raw = Raw::of(stream);
        raw.send(PREFACE).await;
        Self::settled(raw).await
    }

    /// The server's end of a connection.
    pub async fn accept(stream: TcpStream) -> Self {
        let mut raw = Raw::of(stream);
        let (preface, _) = raw.at_most(PREFACE.len()).await;
        assert_eq!(preface, PREFACE);
        Self::settled(raw).await
    }

    async fn settled(raw: Raw) -> Self {
        let mut socket = Self(raw);
        socket.send(SETTINGS, 0, 0, Vec::new()).await;
        socket
    }

    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: Vec<u8>) {
        self.try_send(kind, flags, stream, payload).await.unwrap();
    }

    /// Sends, where the other side may have closed the connection already.
    pub async fn try_send(&mut self, kind: u8, flags: u8, stream: u32, payload: Vec<u8>) -> io::Result<()> {
        self.0.try_send(Frame { kind, flags, stream, payload }.encode()).await
    }

    /// Begins a request.
    pub async fn request(&mut self, stream: u32, method: &str, path: &str, headers: &[(&str, &str)], end: bool) {
        let pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "loopback")];
        self.headers(stream, &[&pseudo, headers].concat(), end).await;
    }

    /// Sends a header block: every header as a literal without indexing (RFC 7541, section 6.2.2).
    pub async fn headers(&mut self, stream: u32, headers: &[(&str, &str)], end: bool) {
        let mut block = Vec::new();
        for (name, value) in headers {
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        self.send(HEADERS, END_HEADERS | if end { END_STREAM } else { 0 }, stream, block).await;
    }

    pub async fn data(&mut self, stream: u32, data: &[u8], end: bool) {
        self.send(DATA, if end { END_STREAM } else { 0 }, stream, data.to_vec()).await;
    }

    /// Takes back a request.
    pub async fn reset(&mut self, stream: u32, code: u32) {
        self.try_reset(stream, code).await.unwrap();
    }

    /// The same, where the other side may have closed the connection already.
    pub async fn try_reset(&mut self, stream: u32, code: u32) -> io::Result<()> {
        self.try_send(RST_STREAM, 0, stream, code.to_be_bytes().to_vec()).await
    }

    /// The next frame of a stream; settings and pings are answered, window updates passed over.
    ///
    /// `None` once the connection is over.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let (head, true) = self.0.at_most(9).await else { return None };
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let (payload, true) = self.0.at_most(length).await else { return None };
            let frame = parse(&[head, payload].concat()).remove(0);
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, Vec::new()).await,
                PING if frame.flags & ACK == 0 => self.send(PING, ACK, 0, frame.payload).await,
                SETTINGS | PING | WINDOW_UPDATE => {}
                _ => return Some(frame),
            }
        }
    }

    /// The frames of a stream up to its end, or to its reset.
    pub async fn answer(&mut self, stream: u32) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            let over =
                frame.kind == GOAWAY || frame.stream == stream && (frame.ends_stream() || frame.kind == RST_STREAM);
            frames.push(frame);
            if over {
                break;
            }
        }
        frames
    }
}
