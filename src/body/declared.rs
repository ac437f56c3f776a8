//! The length that a message claims in its `Content-Length`.

use http::{HeaderMap, HeaderValue, header};

/// The value of a well-formed `Content-Length` (RFC 9110, section 8.6), in bytes.
///
/// `None` where there is none, where it is malformed, where several differ, and where `Transfer-Encoding`
/// overrules it (RFC 9112, section 6.3). A number beyond 64 bits is well-formed and reads as `u64::MAX`.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let first = values.next()?;
    if values.any(|other| other != first) || headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    parse(first)
}

fn parse(value: &HeaderValue) -> Option<u64> {
    let digits = value.as_bytes();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        Some(number.saturating_mul(10).saturating_add(u64::from(digit)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_LENGTH, value.parse().unwrap());
        }
        content_length(&headers)
    }

    #[test]
    fn a_well_formed_length_is_read() {
        assert_eq!(read(&["0"]), Some(0));
        assert_eq!(read(&["87040"]), Some(87_040));
        assert_eq!(read(&["18446744073709551615"]), Some(u64::MAX));
        assert_eq!(read(&["99999999999999999999999"]), Some(u64::MAX));
        assert_eq!(read(&["5", "5"]), Some(5));
    }

    #[test]
    fn anything_else_claims_nothing() {
        for malformed in [&[][..], &[""], &["-1"], &["+1"], &["1 "], &["0x10"], &["1e3"], &["5, 5"], &["5", "6"]] {
            assert_eq!(read(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn transfer_encoding_overrules_it() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("5"));
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        assert_eq!(content_length(&headers), None);
    }
}
