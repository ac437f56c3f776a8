//! What a collector answers, and what is to be done about it (OTLP specification 1.x, "OTLP/HTTP Response" and
//! "OTLP/gRPC Response").

use std::future::poll_fn;
use std::io::Read;
use std::pin::pin;

use bytes::{Buf, BufMut};
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderName, Response, StatusCode, header};
use http_body::{Body, Frame};

use super::encoded::{base64, percent_decoded};
use super::error::{Exported, OtlpError};
use super::retry::{Retry, retry_after, retry_info};
use super::settings::OtlpProtocol;
use super::wire::{Field, fields};
use crate::error::BoxError;

/// As much of an answer as is read, and as much as it may unfold to: it has a few bytes, or is none.
const LONGEST: usize = 64 * 1024;
/// As much as is kept of what a collector says, in characters.
const LONGEST_MESSAGE: usize = 500;

/// Why an attempt failed, and whether there is to be another.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: OtlpError,
    pub(super) retry: Retry,
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

/// Reads an answer to its end and judges it. `now` is the time in nanoseconds since 1970.
pub(super) async fn judge<R>(protocol: OtlpProtocol, now: u64, response: Response<R>) -> Result<Exported, Failure>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    let (parts, body) = response.into_parts();
    let mut body = pin!(body);
    let (mut bytes, mut headers, mut cut) = (Vec::new(), parts.headers, None);
    // What is longer is cut short: the page of a proxy, whose status says all.
    while bytes.len() < LONGEST {
        match poll_fn(|cx| body.as_mut().poll_frame(cx)).await.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => bytes.put(data.take(LONGEST.saturating_sub(bytes.len()))),
            Some(Ok(Err(frame))) => headers.extend(frame.into_trailers().unwrap_or_default()),
            Some(Err(error)) => {
                cut = Some(error);
                break;
            }
            None => break,
        }
    }
    // Once the status has said whether it arrived, it does not matter what becomes of the rest.
    match (protocol, cut) {
        (OtlpProtocol::HttpProtobuf, _) => of_http(parts.status, &headers, bytes, now),
        (OtlpProtocol::Grpc, Some(error)) if !headers.contains_key("grpc-status") => Err(Failure::of_call(error)),
        (OtlpProtocol::Grpc, _) => of_grpc(parts.status, &headers, &bytes),
    }
}

fn of_http(status: StatusCode, headers: &HeaderMap, bytes: Vec<u8>, now: u64) -> Result<Exported, Failure> {
    let bytes =
        if is_gzipped(headers, &header::CONTENT_ENCODING) { unzipped(&bytes).unwrap_or_default() } else { bytes };
    if status.is_success() {
        // It arrived, says the status, and would count twice if it came again. Only a page for people, or what does not
        // say what it is, comes from elsewhere.
        let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
        return match kind {
            Some(kind) if kind.starts_with(b"text/html") => Err(Failure::is_no_answer()),
            Some(_) => Ok(accepted(&bytes).unwrap_or_default()),
            None => accepted(&bytes).ok_or_else(Failure::is_no_answer),
        };
    }
    let retry = match status.as_u16() {
        429 | 502 | 503 | 504 => {
            retry_after(headers, now).or_else(|| retry_info(&bytes)).map_or(Retry::Soon, Retry::After)
        }
        _ => Retry::Never,
    };
    Err(Failure { error: OtlpError::status(status, reason(&bytes)), retry })
}

/// The status is in the trailers, or in the headers where there is no message.
fn of_grpc(status: StatusCode, headers: &HeaderMap, bytes: &[u8]) -> Result<Exported, Failure> {
    let code = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse::<u16>().ok());
    let Some(code) = code else {
        // Not from a gRPC server: a proxy on the way, say ("HTTP to gRPC Status Code Mapping").
        let retry = if matches!(status.as_u16(), 429 | 502..=504) { Retry::Soon } else { Retry::Never };
        let error = if status.is_success() { OtlpError::no_otlp() } else { OtlpError::status(status, reason(bytes)) };
        return Err(Failure { error, retry });
    };
    if code == 0 {
        return Ok(unframed(headers, bytes).and_then(|message| accepted(&message)).unwrap_or_default());
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
    let message = headers.get("grpc-message").map(|message| String::from_utf8_lossy(message.as_bytes()));
    let message = message.map(|message| percent_decoded(&message).unwrap_or_else(|| message.into_owned()));
    Err(Failure { error: OtlpError::grpc(code, kept(&message.unwrap_or_default())), retry })
}

/// The one message of a gRPC answer: a flag, four bytes of length, and as many of it. A server may answer in the
/// coding in which it was asked, as those of Go do.
fn unframed(headers: &HeaderMap, bytes: &[u8]) -> Option<Vec<u8>> {
    let (head, message) = bytes.split_at_checked(5)?;
    let [flag, length @ ..] = head else { return None };
    let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
    let message = Some(message).filter(|message| message.len() == length)?;
    match flag {
        0 => Some(message.to_vec()),
        1 if is_gzipped(headers, &HeaderName::from_static("grpc-encoding")) => unzipped(message),
        _ => None,
    }
}

fn is_gzipped(headers: &HeaderMap, coding: &HeaderName) -> bool {
    headers.get(coding).is_some_and(|coding| coding == "gzip")
}

/// `None` for what is not gzip, or unfolds to more than any answer has.
fn unzipped(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).take(LONGEST as u64).read_to_end(&mut plain).ok()?;
    Some(plain).filter(|plain| plain.len() < LONGEST)
}

/// What a collector says about an error: the message of a `google.rpc.Status`, else a first line of text.
fn reason(bytes: &[u8]) -> String {
    let status = fields(bytes).into_iter().flatten().find_map(|(field, value)| match (field, value) {
        (2, Field::Bytes(message)) => Some(message),
        _ => None,
    });
    match status {
        Some(message) => kept(&String::from_utf8_lossy(message)),
        None => {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            let line = text.lines().map(str::trim).find(|line| !line.is_empty());
            // A page for people says nothing in its first line.
            kept(line.filter(|line| !line.starts_with('<')).unwrap_or_default())
        }
    }
}

/// As much of a text as belongs in a log, on one line.
fn kept(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_MESSAGE).collect()
}

/// An `ExportMetricsServiceResponse`; `None` where it is something else.
fn accepted(bytes: &[u8]) -> Option<Exported> {
    let mut exported = Exported::default();
    for (field, value) in fields(bytes)? {
        let (1, Field::Bytes(partial)) = (field, value) else { continue };
        for (field, value) in fields(partial)? {
            match (field, value) {
                (1, Field::Number(rejected)) => exported.rejected = rejected,
                (2, Field::Bytes(message)) => exported.message = kept(&String::from_utf8_lossy(message)),
                _ => {}
            }
        }
    }
    Some(exported)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::retry::tests::come_again;
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn http(status: u16, pairs: &[(&'static str, &str)], body: &[u8]) -> Result<Exported, Failure> {
        of_http(StatusCode::from_u16(status).unwrap(), &headers(pairs), body.into(), 0)
    }

    fn grpc(pairs: &[(&'static str, &str)], body: &[u8]) -> Result<Exported, Failure> {
        of_grpc(StatusCode::OK, &headers(pairs), body)
    }

    #[test]
    fn over_http_what_may_pass_is_tried_again_and_not_before_it_is_allowed() {
        let retry = |status, pairs: &[_], body: &[u8]| http(status, pairs, body).unwrap_err().retry;
        assert_eq!(retry(503, &[], b"down"), Retry::Soon);
        assert_eq!(retry(429, &[("retry-after", "7")], b""), Retry::After(Duration::from_secs(7)));
        assert_eq!(retry(429, &[], &come_again(3)), Retry::After(Duration::from_secs(3)));
        for status in [400, 401, 404, 413, 500, 501] {
            assert_eq!(retry(status, &[("retry-after", "7")], b""), Retry::Never, "{status}");
        }
    }

    #[test]
    fn over_grpc_the_status_decides_and_the_details_say_when() {
        let retry = |pairs: &[_]| grpc(pairs, b"").unwrap_err().retry;
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
        assert!(http(200, &[], b"<html>").is_err());
        assert_eq!(http(200, &[], b"").unwrap(), Exported::default());
        for page in [&b"<html>"[..], b"", b"\x1f\x8b"] {
            let headers = [("content-type", "Text/HTML; charset=utf-8"), ("content-encoding", "gzip")];
            assert!(http(200, &headers[..1], page).is_err() && http(200, &headers, page).is_err(), "{page:?}");
        }
        assert!(grpc(&[], b"\0\0\0\0\0").is_err());
    }

    /// These used to be sent again, and to count twice.
    #[test]
    fn a_success_in_other_words_is_one() {
        for (kind, body) in
            [("application/json", &b"{}"[..]), ("text/plain", b"ok"), ("application/x-protobuf", b"\x0a\x07\x08")]
        {
            assert_eq!(http(200, &[("content-type", kind)], body).unwrap(), Exported::default(), "{kind}");
        }
        for body in [&b""[..], b"\0\0\0\0\x09", b"\x01\0\0\0\0", b"\0\0\0\0\x01\xff", b"\0\0\0\0\0"] {
            assert_eq!(grpc(&[("grpc-status", "0")], body).unwrap(), Exported::default(), "{body:?}");
        }
    }

    /// What was asked in gzip, a server of Go answers in gzip: that used to be taken for no answer at all.
    #[test]
    fn an_answer_may_be_compressed_as_the_export_was() {
        // rejected_data_points: 3, error_message: "old".
        let (message, rejected) = (b"\x0a\x07\x08\x03\x12\x03old", |exported: Exported| exported.rejected);
        let zipped = super::super::outgoing::gzip(message).unwrap();
        let mut framed = vec![1, 0, 0, 0, zipped.len() as u8];
        framed.extend(&zipped);
        let well = [("grpc-status", "0"), ("grpc-encoding", "gzip")];
        assert_eq!(grpc(&well, &framed).map(rejected).unwrap(), 3);
        assert_eq!(grpc(&well[..1], &framed).map(rejected).unwrap(), 0, "nobody says in which coding it is");
        assert_eq!(http(200, &[("content-encoding", "gzip")], &zipped).map(rejected).unwrap(), 3);
        let bomb = super::super::outgoing::gzip(&vec![0; LONGEST]).unwrap();
        assert_eq!((unzipped(&bomb), unzipped(b"no gzip")), (None, None));
    }

    #[test]
    fn the_reason_is_the_status_s_message_or_a_line_of_text() {
        let said = |body: &[u8]| http(400, &[], body).unwrap_err().error.message().to_owned();
        assert_eq!(said(b"\x08\x03\x12\x0bno metrics\n"), "no metrics ");
        assert_eq!(said(b"\n invalid api key\r\nrequest 7"), "invalid api key");
        assert_eq!(said(&b"x".repeat(1_000)).len(), LONGEST_MESSAGE);
        assert_eq!([said(b""), said(b"<html>"), said(b"\xff\xfe")], [""; 3]);
        let error = grpc(&[("grpc-status", "16"), ("grpc-message", "no%20token")], b"").unwrap_err().error;
        assert_eq!((error.grpc_status(), error.message()), (Some(16), "no token"));
    }
}
