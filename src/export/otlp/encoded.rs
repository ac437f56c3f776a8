//! Texts that come encoded: base64 and percent signs.

/// Standard base64, with or without padding, as gRPC sends binary metadata.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
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

/// A text in which any byte may be written as `%` and two hexadecimal digits (RFC 3986, section 2.1).
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        // `from_str_radix` would take a sign.
        let digits = Some(digits).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_stand_before_two_digits() {
        assert_eq!(percent_decoded("Bearer%20a%2Fb%c3%9F").as_deref(), Some("Bearer a/bß"));
        for wrong in ["%", "%2", "%zz", "%+f", "%ß1", "%ff"] {
            assert_eq!(percent_decoded(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_base64_encodes_is_decoded_padded_or_not() {
        let texts = ["", "Zg==", "Zg", "Zm8=", "Zm9v", "Zm9vYmFy"];
        let bytes = ["", "f", "f", "fo", "foo", "foobar"];
        assert_eq!(texts.map(|text| base64(text.as_bytes())), bytes.map(|bytes| Some(bytes.as_bytes().to_vec())));
        assert_eq!(base64(b"Zm9v!"), None);
    }
}
