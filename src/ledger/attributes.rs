//! What tells the series of one endpoint apart: direction, status code, content coding and view; all bounded.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::endpoint::Direction;
use crate::headers;

/// Where the layer stands decides what it counts.
///
/// Between the network and a (de)compression layer, a layer of ours sees the bytes of the wire; between that layer
/// and the application, decoded ones. On a server, that is outside and inside of it; on a client, inside and
/// outside. It cannot know: say [`Decoded`](Self::Decoded) on the layer where that is so. Around `reqwest::Client`
/// it is known.
///
/// Bodies of both views are counted where layers of both stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Bytes as they cross the network, compressed where compression applies.
    #[default]
    Wire,
    /// Bytes as the application reads or writes them.
    Decoded,
}

impl View {
    /// `wire` or `decoded`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Decoded => "decoded",
        }
    }
}

/// The class of a body's `Content-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ContentCoding {
    /// No `Content-Encoding`, or `identity`.
    #[default]
    Identity,
    /// `gzip`, and its old name `x-gzip`.
    Gzip,
    /// `br` (RFC 7932).
    Brotli,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `deflate`.
    Deflate,
    /// Any other, and several at once.
    Other,
}

impl ContentCoding {
    const ALL: [Self; 6] = [Self::Identity, Self::Gzip, Self::Brotli, Self::Zstd, Self::Deflate, Self::Other];

    /// As `Content-Encoding` writes it; `_OTHER` for the rest.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
            Self::Other => "_OTHER",
        }
    }

    /// The class that these headers name.
    #[inline]
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        // One look, for the usual answer: there is none.
        match headers::get(headers, &header::CONTENT_ENCODING) {
            None => Self::Identity,
            Some(value) => Self::named(value, headers),
        }
    }

    fn named(value: &HeaderValue, headers: &HeaderMap) -> Self {
        if headers.get_all(header::CONTENT_ENCODING).iter().nth(1).is_some() {
            return Self::Other;
        }
        let value = value.as_bytes().trim_ascii();
        if value.eq_ignore_ascii_case(b"x-gzip") {
            return Self::Gzip;
        }
        let known = Self::ALL.into_iter().find(|coding| value.eq_ignore_ascii_case(coding.as_str().as_bytes()));
        known.unwrap_or(Self::Other)
    }
}

/// The attributes of a series beside its endpoint, packed to compare as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attributes(u32);

/// `Attributes(0)` is a wire request without content coding; these are added to it.
const RESPONSE: u32 = 1;
const DECODED: u32 = 1 << 1;
const CODING_SHIFT: u32 = 2;
const CODING_MASK: u32 = 7;
const STATUS_SHIFT: u32 = 8;

impl Attributes {
    #[inline]
    pub(crate) const fn request(coding: ContentCoding, view: View) -> Self {
        Self((coding as u32) << CODING_SHIFT | Self::viewed(view))
    }

    #[inline]
    pub(crate) fn response(status: StatusCode, coding: ContentCoding, view: View) -> Self {
        let status = u32::from(registered(status.as_u16()));
        Self(status << STATUS_SHIFT | (coding as u32) << CODING_SHIFT | Self::viewed(view) | RESPONSE)
    }

    /// Only the direction: all that an overflow series keeps.
    pub(crate) const fn overflow(direction: Direction) -> Self {
        match direction {
            Direction::Request => Self(0),
            Direction::Response => Self(RESPONSE),
        }
    }

    #[inline]
    const fn viewed(view: View) -> u32 {
        match view {
            View::Wire => 0,
            View::Decoded => DECODED,
        }
    }

    #[inline]
    pub(crate) const fn direction(self) -> Direction {
        if self.0 & RESPONSE == 0 { Direction::Request } else { Direction::Response }
    }

    pub(crate) const fn view(self) -> View {
        if self.0 & DECODED == 0 { View::Wire } else { View::Decoded }
    }

    pub(crate) fn coding(self) -> ContentCoding {
        let place = (self.0 >> CODING_SHIFT & CODING_MASK) as usize;
        ContentCoding::ALL.get(place).copied().unwrap_or(ContentCoding::Other)
    }

    pub(crate) fn status(self) -> Option<u16> {
        u16::try_from(self.0 >> STATUS_SHIFT).ok().filter(|status| *status != 0)
    }
}

/// A status code as it is counted: itself where registered (IANA HTTP Status Code Registry), else the `x00` of its
/// class, to which RFC 9110 section 15 says it is equivalent. So an upstream cannot make series by inventing codes.
#[inline]
const fn registered(status: u16) -> u16 {
    match status {
        100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 => status,
        400..=417 | 421..=426 | 428 | 429 | 431 | 451 | 500..=508 | 511 => status,
        0..=199 => 100,
        200..=299 => 200,
        300..=399 => 300,
        400..=499 => 400,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_every_attribute() {
        for coding in ContentCoding::ALL {
            for view in [View::Wire, View::Decoded] {
                let request = Attributes::request(coding, view);
                assert_eq!((request.direction(), request.status()), (Direction::Request, None));
                assert_eq!((request.coding(), request.view()), (coding, view));
                let response = Attributes::response(StatusCode::IM_A_TEAPOT, coding, view);
                assert_eq!((response.direction(), response.status()), (Direction::Response, Some(400)));
                assert_eq!((response.coding(), response.view()), (coding, view));
            }
        }
    }

    #[test]
    fn an_overflow_series_keeps_the_direction_only() {
        for direction in [Direction::Request, Direction::Response] {
            let overflow = Attributes::overflow(direction);
            assert_eq!((overflow.direction(), overflow.status()), (direction, None));
            assert_eq!((overflow.coding(), overflow.view()), (ContentCoding::Identity, View::Wire));
        }
    }

    #[test]
    fn a_thousand_status_codes_make_few_series() {
        let folded: std::collections::BTreeSet<u16> = (100..1000).map(registered).collect();
        assert!(folded.len() < 70, "{}", folded.len());
        assert_eq!((registered(200), registered(299), registered(799), registered(404)), (200, 200, 500, 404));
    }

    #[test]
    fn content_codings_are_classes() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            ContentCoding::of(&headers)
        };
        assert_eq!(of(&[]), ContentCoding::Identity);
        assert_eq!(of(&["identity"]), ContentCoding::Identity);
        assert_eq!(of(&[" GZip "]), ContentCoding::Gzip);
        assert_eq!(of(&["x-gzip"]), ContentCoding::Gzip);
        assert_eq!(of(&["br"]), ContentCoding::Brotli);
        assert_eq!(of(&["zstd"]), ContentCoding::Zstd);
        assert_eq!(of(&["gzip, br"]), ContentCoding::Other);
        assert_eq!(of(&["gzip", "br"]), ContentCoding::Other);
        assert_eq!(of(&["mine-4711"]), ContentCoding::Other);
    }
}
