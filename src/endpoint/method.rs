//! The methods of HTTP that are told apart.

use http::Method;

/// The methods that are told apart; any other is `_OTHER`.
///
/// Those of RFC 9110 section 9, PATCH (RFC 5789) and QUERY, as OpenTelemetry's `http.request.method` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum MethodClass {
    Connect,
    Delete,
    Get,
    Head,
    Options,
    Patch,
    Post,
    Put,
    Query,
    Trace,
    Other,
}

impl MethodClass {
    #[inline]
    pub(crate) fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::DELETE => Self::Delete,
            Method::HEAD => Self::Head,
            Method::OPTIONS => Self::Options,
            Method::CONNECT => Self::Connect,
            Method::PATCH => Self::Patch,
            Method::TRACE => Self::Trace,
            _ if method.as_str() == "QUERY" => Self::Query,
            _ => Self::Other,
        }
    }

    /// Whether a limit for `other` holds for this one. Whoever answers GET answers HEAD, as a rule: it is the same request
    /// but for the answer's body (RFC 9110, section 9.3.2).
    pub(crate) fn is_held_like(self, other: Self) -> bool {
        self == other || (self, other) == (Self::Head, Self::Get)
    }

    /// The method of this name, in any case, if it is one that is told apart.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Method::from_bytes(name.to_ascii_uppercase().as_bytes())
            .ok()
            .map(|method| Self::of(&method))
            .filter(|method| *method != Self::Other)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Query => "QUERY",
            Self::Trace => "TRACE",
            Self::Other => "_OTHER",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_outside_the_registry_are_one() {
        assert_eq!(MethodClass::of(&Method::PATCH).as_str(), "PATCH");
        assert_eq!(MethodClass::of(&Method::from_bytes(b"QUERY").unwrap()).as_str(), "QUERY");
        assert_eq!(MethodClass::of(&Method::from_bytes(b"BREW").unwrap()), MethodClass::Other);
        assert_eq!(MethodClass::of(&Method::from_bytes(b"get").unwrap()), MethodClass::Other);
    }
}
