//! Every way to declare a length, true, too low, too high or malformed, for sizes around the limit.

use http_body_util::BodyExt;
use plimsoll::Limit;

use super::by_hand::{ByHand, Says};
use super::support::protocol::Protocol;
use super::{Caller, failure, refusal};

const LIMIT: u64 = 10;

/// How an upstream declares a body of so many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    True,
    Chunked,
    /// Up to the end of the connection (HTTP/1), or of the stream.
    Undeclared,
    /// Three bytes less than there are.
    TooLow,
    /// Three bytes more.
    TooHigh,
    Malformed,
    Negative,
    /// Two that differ.
    Twice,
}

/// What the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gets {
    /// So many bytes, and the end.
    Whole(u64),
    /// A call that fails with a refusal by this declared length.
    RefusedEarly(u64),
    /// A body that fails with a refusal, having seen so many bytes.
    RefusedStreaming(u64),
    /// A call that fails with hyper's own error.
    NoAnswer,
    /// A body that fails with hyper's own error.
    BrokenBody,
}

use Framing::{Chunked, Malformed, Negative, TooHigh, TooLow, True, Twice, Undeclared};

impl Framing {
    const HTTP1: [Self; 8] = [True, Chunked, Undeclared, TooLow, TooHigh, Malformed, Negative, Twice];
    const HTTP2: [Self; 6] = [True, Undeclared, TooLow, TooHigh, Malformed, Negative];

    fn gets(self, protocol: Protocol, bytes: u64) -> Gets {
        let early = |declared: u64, otherwise| if declared > LIMIT { Gets::RefusedEarly(declared) } else { otherwise };
        let read = if bytes > LIMIT { Gets::RefusedStreaming(bytes) } else { Gets::Whole(bytes) };
        match (self, protocol) {
            (True, _) => early(bytes, Gets::Whole(bytes)),
            (Chunked | Undeclared, _) => read,
            // Over HTTP/1 a body is as long as it is declared, and what follows is no part of it.
            (TooLow, Protocol::Http1) => early(bytes - 3, Gets::Whole(bytes - 3)),
            (TooLow, Protocol::Http2) => early(bytes - 3, Gets::BrokenBody),
            (TooHigh, _) => early(bytes + 3, Gets::BrokenBody),
            (Malformed | Negative | Twice, Protocol::Http1) => Gets::NoAnswer,
            // Over HTTP/2 a bad length is the stream's error, found with the head.
            (Malformed | Negative | Twice, Protocol::Http2) => Gets::NoAnswer,
        }
    }

    fn length(self, bytes: u64) -> Option<&'static str> {
        let declared = match self {
            True => bytes,
            TooLow => bytes - 3,
            TooHigh => bytes + 3,
            Chunked | Undeclared => return None,
            Malformed => return Some("ten"),
            Negative => return Some("-10"),
            Twice => return Some("5\r\ncontent-length: 6"),
        };
        Some(["5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"][usize::try_from(declared - 5).unwrap()])
    }

    fn says(self, protocol: Protocol, bytes: u64) -> Says {
        let data = &"abcdefghijklmno"[..bytes as usize];
        let length = self.length(bytes);
        match protocol {
            Protocol::Http1 => {
                let (header, body) = match (self, length) {
                    (Chunked, _) => {
                        let (first, last) = data.split_at(4);
                        let chunks = format!("4\r\n{first}\r\n{:x}\r\n{last}\r\n0\r\n\r\n", last.len());
                        ("transfer-encoding: chunked\r\n".into(), chunks)
                    }
                    (_, Some(length)) => (format!("content-length: {length}\r\n"), data.into()),
                    (_, None) => (String::new(), data.into()),
                };
                let close = matches!(self, Undeclared | TooHigh);
                Says::Http1 { bytes: format!("HTTP/1.1 200 OK\r\n{header}\r\n{body}"), close }
            }
            Protocol::Http2 => {
                let headers = [(":status", "200")].into_iter().chain(length.map(|length| ("content-length", length)));
                let (first, last) = data.as_bytes().split_at(4);
                Says::Http2 { headers: headers.collect(), data: vec![first, last], end: true }
            }
        }
    }
}

#[tokio::test]
async fn every_length_around_the_limit_gets_what_it_deserves() {
    let http1 = Framing::HTTP1.into_iter().map(|framing| (Protocol::Http1, framing));
    let http2 = Framing::HTTP2.into_iter().map(|framing| (Protocol::Http2, framing));
    for (protocol, framing) in http1.chain(http2) {
        for bytes in [LIMIT - 1, LIMIT, LIMIT + 1] {
            check(protocol, framing, bytes).await;
        }
    }
}

async fn check(protocol: Protocol, framing: Framing, bytes: u64) {
    let name = format!("{protocol:?}, {framing:?}, {bytes} bytes");
    let mut caller = Caller::new(protocol, |layer| layer.response_limit(Limit::reject_over(LIMIT)));
    let upstream = ByHand::start(framing.says(protocol, bytes), &caller.tasks).await;
    let answer = caller.get(&upstream.url("/sku")).await;
    let gets = framing.gets(protocol, bytes);
    let record = match gets {
        Gets::Whole(whole) => {
            let body = answer.unwrap_or_else(|error| panic!("{name}: {error:?}")).into_body().collect().await;
            let body = body.unwrap_or_else(|error| panic!("{name}: {error:?}")).to_bytes();
            assert_eq!(body, "abcdefghijklmno"[..whole as usize], "{name}");
            Some(format!("1 complete, {whole} B"))
        }
        Gets::RefusedEarly(declared) => {
            let found = refusal(&name, answer);
            assert_eq!((found.seen(), found.declared()), (0, Some(declared)), "{name}");
            Some(format!("1 rejected_early, 0 B, {declared} B offered, 1 over limit"))
        }
        Gets::RefusedStreaming(seen) => {
            let found = refusal(&name, answer.unwrap().into_body().collect().await);
            assert_eq!((found.seen(), found.declared()), (seen, None), "{name}");
            Some(format!("1 rejected_streaming, 0 B, {seen} B offered, 1 over limit"))
        }
        Gets::NoAnswer => {
            failure(&name, answer);
            None
        }
        Gets::BrokenBody => {
            let body = answer.unwrap_or_else(|error| panic!("{name}: {error:?}")).into_body().collect().await;
            failure(&name, body);
            Some("1 failed, 0 B".into())
        }
    };
    let requested = "client request GET /sku of inventory: 1 complete, 0 B";
    match record {
        Some(record) => {
            let response = format!("client response GET /sku of inventory 200: {record}");
            caller.leaves(&name, &[requested, &response]).await;
        }
        None => caller.leaves(&name, &[requested]).await,
    }
}
