//! Clients by hand that break their connections off: in the middle of a head, of a body or of an answer, over HTTP/1 and
//! HTTP/2.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::support::frames::{DATA, END_HEADERS, END_STREAM, FrameSocket, HEADERS};
use super::support::protocol::Protocol;
use super::support::raw::Raw;
use super::{Random, turns};

/// CANCEL (RFC 9113, section 7).
const CANCEL: u32 = 8;

/// Opens a connection, sends a part of what it should, and leaves.
pub async fn broken_off(protocol: Protocol, address: SocketAddr, random: &mut Random) {
    let stream = TcpStream::connect(address).await.unwrap();
    // Gone with a reset of the connection, or with its end.
    if random.below(2) == 0 {
        stream.set_zero_linger().unwrap();
    }
    match protocol {
        Protocol::Http1 => http1(Raw::of(stream), random).await,
        Protocol::Http2 => http2(FrameSocket::begin(stream).await, random).await,
    }
}

async fn http1(mut raw: Raw, random: &mut Random) {
    let sent = random.pick(&[
        "POST /read HTTP/1.1\r\nhost: soak\r\ncontent-len",
        "POST /read HTTP/1.1\r\nhost: soak\r\ncontent-length: 500\r\n\r\nhalf",
        "POST /read HTTP/1.1\r\nhost: soak\r\ntransfer-encoding: chunked\r\n\r\n5\r\nchu",
        "GET /forever HTTP/1.1\r\nhost: soak\r\n\r\n",
        "GET /hang HTTP/1.1\r\nhost: soak\r\n\r\n",
        "GET /stream HTTP/1.1\r\nhost: soak\r\n\r\nwhat is no request",
    ]);
    let _broken = raw.try_send(sent).await;
    if sent.starts_with("GET /forever") || sent.starts_with("GET /stream") {
        raw.at_most(100).await;
    }
    turns(random.below(20)).await;
}

async fn http2(mut socket: FrameSocket, random: &mut Random) {
    match random.below(6) {
        // Half of a head, whose rest would come in a CONTINUATION.
        0 => {
            let _broken = socket.try_send(HEADERS, 0, 1, b"\x00\x07:method\x04PO".to_vec()).await;
        }
        // Half of a body, and then the stream is taken back, or the connection ends.
        1 | 2 => {
            socket.request(1, "POST", "/read", &[("content-length", "500")], false).await;
            socket.data(1, b"half", false).await;
            if random.below(2) == 0 {
                let _broken = socket.try_reset(1, CANCEL).await;
            }
        }
        // An answer that nobody wants any more.
        3 | 4 => {
            socket.request(1, "GET", random.pick(&["/forever", "/hang", "/over"]), &[], true).await;
            turns(random.below(40)).await;
            let _broken = socket.try_reset(1, CANCEL).await;
            turns(random.below(40)).await;
        }
        // What is no block of headers ends the connection, with a good stream on it.
        _ => {
            socket.request(1, "GET", "/forever", &[], true).await;
            let _broken = socket.try_send(HEADERS, END_HEADERS | END_STREAM, 3, vec![0xff; 8]).await;
            let _broken = socket.try_send(DATA, END_STREAM, 1, b"behind the end".to_vec()).await;
        }
    }
    turns(random.below(20)).await;
}
