//! Looking up a header that is usually not there.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Up to how many headers a scan costs less than a hash.
const FEW: usize = 16;

/// The first value of a header, as `HeaderMap::get` gives it.
///
/// Each body asks for a few headers that most messages lack, and most messages have few headers.
#[inline]
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    if headers.keys_len() <= FEW && !headers.keys().any(|known| known == name) {
        return None;
    }
    headers.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

    #[test]
    fn a_scan_finds_what_a_look_up_finds() {
        let mut headers = HeaderMap::new();
        for extra in 0..FEW + 3 {
            assert_eq!(get(&headers, &CONTENT_ENCODING), None, "{extra} headers");
            let mut with = headers.clone();
            with.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            with.append(CONTENT_ENCODING, HeaderValue::from_static("br"));
            with.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            assert_eq!(get(&with, &CONTENT_ENCODING), with.get(CONTENT_ENCODING));
            let name = HeaderName::try_from(format!("x-extra-{extra}")).unwrap();
            headers.append(name, HeaderValue::from_static("1"));
        }
    }
}
