//! What tells the series of one endpoint apart: direction, status code, content coding, view, scheme, protocol version
//! and port; all bounded.

use http::{HeaderMap, HeaderValue, StatusCode, Version, header};

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
    pub(super) const ALL: [Self; 6] =
        [Self::Identity, Self::Gzip, Self::Brotli, Self::Zstd, Self::Deflate, Self::Other];

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

/// The scheme that a server was called with: the attribute `url.scheme`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UrlScheme {
    /// `http`, and every scheme that is not `https`: a caller can write any into a URI.
    #[default]
    Http = 1,
    /// `https`.
    Https = 2,
}

impl UrlScheme {
    /// `http` or `https`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The attributes of a series beside its endpoint, packed to compare as one number.
///
/// A call starts from what its layer and its request's head tell, and adds to it what each body is found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attributes(u64);

/// `Attributes(0)` is a wire request of which nothing else is known; these are added to it.
const RESPONSE: u64 = 1;
const DECODED: u64 = 1 << 1;
const CODING_SHIFT: u32 = 2;
const CODING_MASK: u64 = 7;
const VERSION_SHIFT: u32 = 5;
const VERSION_MASK: u64 = 7;
const SCHEME_SHIFT: u32 = 8;
const SCHEME_MASK: u64 = 3;
const STATUS_SHIFT: u32 = 16;
const PORT_SHIFT: u32 = 32;
const WORD: u64 = 0xffff;

impl Attributes {
    /// What all bodies that a layer sees have in common.
    #[inline]
    pub(crate) const fn of(view: View) -> Self {
        Self(match view {
            View::Wire => 0,
            View::Decoded => DECODED,
        })
    }

    /// The same, spoken in this version of HTTP; only where none is set yet.
    #[inline]
    pub(crate) fn with_version(self, version: Version) -> Self {
        let place = match version {
            Version::HTTP_10 => 1,
            Version::HTTP_11 => 2,
            Version::HTTP_2 => 3,
            Version::HTTP_3 => 4,
            _ => 0,
        };
        Self(self.0 | place << VERSION_SHIFT)
    }

    /// The same, called with this scheme; only where none is set yet.
    #[inline]
    pub(crate) const fn with_scheme(self, scheme: UrlScheme) -> Self {
        Self(self.0 | (scheme as u64) << SCHEME_SHIFT)
    }

    /// The same, at this port of the upstream; only where none is set yet.
    #[inline]
    pub(crate) fn with_port(self, port: Option<u16>) -> Self {
        Self(self.0 | u64::from(port.unwrap_or(0)) << PORT_SHIFT)
    }

    /// A request's body of this coding.
    #[inline]
    pub(crate) const fn request(self, coding: ContentCoding) -> Self {
        Self(self.0 | (coding as u64) << CODING_SHIFT)
    }

    /// A response's body of this status and coding.
    #[inline]
    pub(crate) fn response(self, status: StatusCode, coding: ContentCoding) -> Self {
        let status = match status {
            StatusCode::OK => 200,
            other => u64::from(registered(other.as_u16())),
        };
        Self(self.0 | status << STATUS_SHIFT | (coding as u64) << CODING_SHIFT | RESPONSE)
    }

    /// Only the direction: all that an overflow series keeps.
    pub(crate) const fn overflow(direction: Direction) -> Self {
        match direction {
            Direction::Request => Self(0),
            Direction::Response => Self(RESPONSE),
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

    pub(crate) const fn version(self) -> Option<Version> {
        match self.0 >> VERSION_SHIFT & VERSION_MASK {
            1 => Some(Version::HTTP_10),
            2 => Some(Version::HTTP_11),
            3 => Some(Version::HTTP_2),
            4 => Some(Version::HTTP_3),
            _ => None,
        }
    }

    pub(crate) const fn scheme(self) -> Option<UrlScheme> {
        match self.0 >> SCHEME_SHIFT & SCHEME_MASK {
            0 => None,
            1 => Some(UrlScheme::Http),
            _ => Some(UrlScheme::Https),
        }
    }

    pub(crate) fn status(self) -> Option<u16> {
        u16::try_from(self.0 >> STATUS_SHIFT & WORD).ok().filter(|status| *status != 0)
    }

    pub(crate) fn port(self) -> Option<u16> {
        u16::try_from(self.0 >> PORT_SHIFT & WORD).ok().filter(|port| *port != 0)
    }
}

/// A status code as it is counted: itself where registered (IANA HTTP Status Code Registry), else the `x00` of its
/// class, to which RFC 9110 section 15 says it is equivalent. So an upstream cannot make series by inventing codes.
/// 418, registered as unused, and 510, as obsoleted, count as unregistered.
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
                let request = Attributes::of(view).request(coding);
                assert_eq!((request.direction(), request.status()), (Direction::Request, None));
                assert_eq!((request.coding(), request.view()), (coding, view));
                let response = Attributes::of(view).response(StatusCode::IM_A_TEAPOT, coding);
                assert_eq!((response.direction(), response.status()), (Direction::Response, Some(400)));
                assert_eq!((response.coding(), response.view()), (coding, view));
                assert_eq!((response.scheme(), response.version(), response.port()), (None, None, None));
            }
        }
    }

    #[test]
    fn packing_keeps_schemes_versions_and_ports_apart() {
        for scheme in [UrlScheme::Http, UrlScheme::Https] {
            for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3] {
                for port in [1, 80, u16::MAX] {
                    let call = Attributes::of(View::Decoded).with_scheme(scheme).with_version(version);
                    let call = call.with_port(Some(port)).response(StatusCode::OK, ContentCoding::Other);
                    assert_eq!((call.scheme(), call.version(), call.port()), (Some(scheme), Some(version), Some(port)));
                    assert_eq!((call.view(), call.coding()), (View::Decoded, ContentCoding::Other));
                    assert_eq!((call.direction(), call.status()), (Direction::Response, Some(200)));
                }
            }
        }
        assert_eq!(Attributes::of(View::Wire).with_version(Version::HTTP_09).version(), None);
    }

    #[test]
    fn an_overflow_series_keeps_the_direction_only() {
        for direction in [Direction::Request, Direction::Response] {
            let overflow = Attributes::overflow(direction);
            assert_eq!((overflow.direction(), overflow.status()), (direction, None));
            assert_eq!((overflow.coding(), overflow.view()), (ContentCoding::Identity, View::Wire));
            assert_eq!((overflow.scheme(), overflow.version(), overflow.port()), (None, None, None));
        }
    }

    #[test]
    fn a_registered_code_counts_as_itself_and_any_other_as_the_first_of_its_class() {
        for code in 100..1_000 {
            let status = StatusCode::from_u16(code).unwrap();
            // Of those that have a name, 418 is registered as unused, and 510 as obsolete.
            let is_registered = status.canonical_reason().is_some() && ![418, 510].contains(&code);
            let expected = if is_registered { code } else { (code / 100 * 100).min(500) };
            let counted = Attributes::of(View::Wire).response(status, ContentCoding::Identity).status();
            assert_eq!(counted, Some(expected), "{code}");
        }
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
