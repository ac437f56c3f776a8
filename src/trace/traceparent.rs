//! The `traceparent` header of W3C Trace Context, read by hand: no allocation, no panic on any bytes.

use http::{HeaderMap, HeaderName};

use super::TraceContext;

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The length of version 00: `00-<32 hex>-<16 hex>-<2 hex>`.
const LENGTH: usize = 55;
const SAMPLED: u64 = 1;

/// The context that the caller sent. Several `traceparent` headers are as good as none.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(&TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => parse(value.as_bytes()),
        _ => None,
    }
}

pub(super) fn parse(value: &[u8]) -> Option<TraceContext> {
    let (head, rest) = value.split_first_chunk::<LENGTH>()?;
    let [v1, v0, b'-', head @ ..] = head else {
        return None;
    };
    let (trace_high, head) = head.split_first_chunk::<16>()?;
    let (trace_low, head) = head.split_first_chunk::<16>()?;
    let [b'-', head @ ..] = head else { return None };
    let (span, head) = head.split_first_chunk::<16>()?;
    let [b'-', f1, f0] = head else { return None };

    let version = hex(&[*v1, *v0])?;
    let complete = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => matches!(rest, [] | [b'-', ..]),
    };
    let trace_id = u128::from(hex(trace_high)?) << 64 | u128::from(hex(trace_low)?);
    let flags = hex(&[*f1, *f0])?;
    let context = TraceContext::new(trace_id, hex(span)?, flags & SAMPLED != 0);
    if complete { context } else { None }
}

/// Up to 16 lower-case hexadecimal digits as a number.
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit.wrapping_sub(b'0'),
            b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
            _ => return None,
        };
        Some(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(value: &str) -> Option<TraceContext> {
        parse(value.as_bytes())
    }

    #[test]
    fn the_specification_s_example_is_read() {
        let trace = read(VALID).unwrap();
        assert_eq!(trace.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(trace.span_id(), 0xb7ad_6b71_6920_3331);
        assert!(trace.is_sampled());
        assert!(!read(&VALID.replace("-01", "-00")).unwrap().is_sampled());
        assert!(read(&VALID.replace("-01", "-ff")).unwrap().is_sampled());
    }

    #[test]
    fn what_the_specification_calls_invalid_is_no_trace() {
        let zeros = "0".repeat(32);
        let malformed = [
            String::new(),
            "00".into(),
            VALID.to_uppercase(),
            VALID.replacen("00", "ff", 1),
            VALID.replacen("00", "0g", 1),
            VALID.replace("0af7651916cd43dd8448eb211c80319c", &zeros),
            VALID.replace("b7ad6b7169203331", "0000000000000000"),
            VALID.replace('-', "_"),
            format!("{VALID}-extra"),
            format!("{VALID} "),
            format!(" {VALID}"),
            VALID[..54].into(),
            "\u{e9}".repeat(40),
        ];
        for value in malformed {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    #[test]
    fn later_versions_may_be_longer_but_only_after_a_dash() {
        assert!(read(&VALID.replacen("00", "01", 1)).is_some());
        assert!(read(&format!("{}-what-comes", VALID.replacen("00", "cc", 1))).is_some());
        assert_eq!(read(&format!("{}what", VALID.replacen("00", "cc", 1))), None);
    }

    #[test]
    fn two_headers_are_no_trace() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", VALID.parse().unwrap());
        assert!(from_headers(&headers).is_some());
        headers.append("traceparent", VALID.parse().unwrap());
        assert_eq!(from_headers(&headers), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_what_is_read_writes_the_same_ids(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_written_reads_back(trace_id: u128, span_id: u64, sampled: bool) {
            if let Some(trace) = TraceContext::new(trace_id, span_id, sampled) {
                proptest::prop_assert_eq!(read(&trace.to_string()), Some(trace));
            }
        }
    }
}
