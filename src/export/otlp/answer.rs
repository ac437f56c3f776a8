//! What a collector answers, and what is to be done about it (OTLP specification 1.x, "OTLP/HTTP Response" and
//! "OTLP/gRPC Response").

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BufMut};
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body;

use super::error::{Exported, OtlpError};
use super::settings::OtlpProtocol;
use super::wire::{Field, fields};
use crate::error::BoxError;

/// As much of an answer as is read: it has a few bytes, or is none.
const LONGEST: usize = 64 * 1024;

/// Why an attempt failed, and whether there is to be another.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: OtlpError,
    pub(super) retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// When it suits the exporter.
    Soon,
    /// Not before.
    After(Duration),
}

impl Failure {
    /// The call itself failed: the collector may be back soon.
    pub(super) fn of_call(error: impl Into<BoxError>) -> Self {
        Self { error: OtlpError::call(error), retry: Retry::Soon }
    }

    fn is_no_answer() -> Self {
        Self { error: OtlpError::no_otlp(), retry: Retry::Never }
    }
}

/// Reads an answer to its end and judges it.
pub(super) async fn judge<R>(protocol: OtlpProtocol, response: Response<R>) -> Result<Exported, Failure>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    let mut body = pin!(body);
    let (mut bytes, mut headers) = (Vec::new(), parts.headers);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        match frame.map_err(Failure::of_call)?.into_data() {
            Ok(data) => bytes.put(data.take(LONGEST.saturating_sub(bytes.len()))),
            Err(frame) => headers.extend(frame.into_trailers().unwrap_or_default()),
        }
        if bytes.len() >= LONGEST {
            return Err(Failure::is_no_answer());
        }
    }
    match protocol {
        OtlpProtocol::HttpProtobuf => of_http(parts.status, &headers, &bytes),
        OtlpProtocol::Grpc => of_grpc(parts.status, &headers, &bytes),
    }
}

fn of_http(status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> Result<Exported, Failure> {
    if status.is_success() {
        return accepted(bytes).ok_or_else(Failure::is_no_answer);
    }
    let retry = match status.as_u16() {
        429 | 502 | 503 | 504 => retry_after(headers).or_else(|| retry_info(bytes)).map_or(Retry::Soon, Retry::After),
        _ => Retry::Never,
    };
    Err(Failure { error: OtlpError::status(status), retry })
}

/// The status is in the trailers, or in the headers where there is no message.
fn of_grpc(status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> Result<Exported, Failure> {
    let code = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse::<u16>().ok());
    let Some(code) = code else {
        // Not from a gRPC server: a proxy on the way, say ("HTTP to gRPC Status Code Mapping").
        let retry = if matches!(status.as_u16(), 429 | 502..=504) { Retry::Soon } else { Retry::Never };
        let error = if status.is_success() { OtlpError::no_otlp() } else { OtlpError::status(status) };
        return Err(Failure { error, retry });
    };
    if code == 0 {
        // One message: a flag, four bytes of length, and as many of it.
        let message = match bytes.split_at_checked(5) {
            Some(([0, length @ ..], message)) => Some(message).filter(|message| {
                let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
                message.len() == length
            }),
            _ => None,
        };
        return message.and_then(accepted).ok_or_else(Failure::is_no_answer);
    }
    let details = headers.get("grpc-status-details-bin").and_then(|details| base64(details.as_bytes()));
    let after = details.as_deref().and_then(retry_info);
    let retry = match (code, after) {
        // CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
        (1 | 4 | 8 | 10 | 11 | 14 | 15, Some(after)) => Retry::After(after),
        // Without the word of the server, what is exhausted stays so.
        (1 | 4 | 10 | 11 | 14 | 15, None) => Retry::Soon,
        _ => Retry::Never,
    };
    Err(Failure { error: OtlpError::grpc(code), retry })
}

/// An `ExportMetricsServiceResponse`; `None` where it is something else.
fn accepted(bytes: &[u8]) -> Option<Exported> {
    let mut exported = Exported::default();
    for (field, value) in fields(bytes)? {
        let (1, Field::Bytes(partial)) = (field, value) else { continue };
        for (field, value) in fields(partial)? {
            match (field, value) {
                (1, Field::Number(rejected)) => exported.rejected = rejected,
                (2, Field::Bytes(message)) => {
                    exported.message = String::from_utf8_lossy(message).chars().take(500).collect();
                }
                _ => {}
            }
        }
    }
    Some(exported)
}

/// `Retry-After` in seconds. A date is left to the exporter's own patience.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The delay of a `google.rpc.RetryInfo` among the details of a `google.rpc.Status`.
fn retry_info(status: &[u8]) -> Option<Duration> {
    let bytes_of = |message, wanted: u64| {
        fields(message).into_iter().flatten().filter_map(move |(field, value)| match value {
            Field::Bytes(bytes) if field == wanted => Some(bytes),
            _ => None,
        })
    };
    let info = bytes_of(status, 3).find(|any| bytes_of(any, 1).any(|url| url.ends_with(b"/google.rpc.RetryInfo")))?;
    let delay = bytes_of(bytes_of(info, 2).next()?, 1).next()?;
    let mut duration = Duration::ZERO;
    for (field, value) in fields(delay)? {
        let more = match (field, value) {
            (1, Field::Number(seconds)) => Duration::from_secs(seconds),
            (2, Field::Number(nanos)) => Duration::from_nanos(nanos),
            _ => Duration::ZERO,
        };
        duration = duration.saturating_add(more);
    }
    Some(duration)
}

/// Standard base64, with or without padding, as gRPC sends binary metadata.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for byte in text.iter().copied().filter(|byte| *byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        held = held.wrapping_add(6);
        if held >= 8 {
            held = held.wrapping_sub(8);
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::wire::Writer;
    use super::*;

    /// A status whose details say when to come again.
    fn come_again(seconds: u64) -> Vec<u8> {
        let mut status = Writer::with_capacity(0);
        status.varint(1, 8);
        status.message(3, |any| {
            any.text(1, "type.googleapis.com/google.rpc.RetryInfo");
            any.message(2, |info| info.message(1, |delay| delay.varint(1, seconds)));
        });
        status.finish()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn over_http_what_may_pass_is_tried_again_and_not_before_it_is_allowed() {
        let retry = |status: u16, pairs: &[_], body: &[u8]| {
            of_http(StatusCode::from_u16(status).unwrap(), &headers(pairs), body).unwrap_err().retry
        };
        assert_eq!(retry(503, &[], b"down"), Retry::Soon);
        assert_eq!(retry(429, &[("retry-after", "7")], b""), Retry::After(Duration::from_secs(7)));
        assert_eq!(retry(429, &[], &come_again(3)), Retry::After(Duration::from_secs(3)));
        assert_eq!(retry(503, &[("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")], b""), Retry::Soon);
        for status in [400, 401, 404, 413, 500, 501] {
            assert_eq!(retry(status, &[("retry-after", "7")], b""), Retry::Never, "{status}");
        }
    }

    #[test]
    fn over_grpc_the_status_decides_and_the_details_say_when() {
        let retry = |pairs: &[_]| of_grpc(StatusCode::OK, &headers(pairs), b"").unwrap_err().retry;
        assert_eq!(retry(&[("grpc-status", "14")]), Retry::Soon);
        assert_eq!(retry(&[("grpc-status", "8")]), Retry::Never);
        assert_eq!(retry(&[("grpc-status", "3")]), Retry::Never);
        // `come_again(5)`, as `base64 -w0` writes it without its padding.
        let details = "CAgaMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIBQ";
        assert_eq!(base64(details.as_bytes()), Some(come_again(5)));
        let exhausted = [("grpc-status", "8"), ("grpc-status-details-bin", details)];
        assert_eq!(retry(&exhausted), Retry::After(Duration::from_secs(5)));
        assert_eq!(of_grpc(StatusCode::BAD_GATEWAY, &headers(&[]), b"").unwrap_err().retry, Retry::Soon);
    }

    #[test]
    fn a_success_that_is_no_otlp_is_none() {
        assert!(of_http(StatusCode::OK, &HeaderMap::new(), b"<html>").is_err());
        assert_eq!(of_http(StatusCode::OK, &HeaderMap::new(), b"").unwrap(), Exported::default());
        for body in [&b""[..], b"\0\0\0\0\x09", b"\x01\0\0\0\0", b"\0\0\0\0\x01\xff"] {
            assert!(of_grpc(StatusCode::OK, &headers(&[("grpc-status", "0")]), body).is_err(), "{body:?}");
        }
        assert!(of_grpc(StatusCode::OK, &headers(&[("grpc-status", "0")]), b"\0\0\0\0\0").is_ok());
        assert!(of_grpc(StatusCode::OK, &HeaderMap::new(), b"\0\0\0\0\0").is_err());
    }
}
