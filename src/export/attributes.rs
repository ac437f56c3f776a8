//! The attributes of a series as every exporter writes them: names of OpenTelemetry's HTTP conventions (v1.42) where
//! they have one, else under `plimsoll.`.

use http::Version;

use crate::detect::JudgedSeries;
use crate::endpoint::{Direction, Endpoint, Role};
use crate::ledger::{Attributes, ContentCoding, Outcome, SeriesSnapshot, SeriesView, UrlScheme, View};

/// What tells a series apart, borrowed from wherever it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeriesAttributes<'a> {
    endpoint: &'a Endpoint,
    direction: Direction,
    status: Option<u16>,
    coding: Option<ContentCoding>,
    view: View,
    scheme: Option<UrlScheme>,
    version: Option<Version>,
    port: Option<u16>,
}

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Integer(u16),
    True,
}

/// Which metric the attributes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    /// One of the conventions: role and direction are part of its name.
    Standard,
    /// One of our own, which holds all roles and directions.
    Own,
}

impl<'a> From<&'a SeriesSnapshot> for SeriesAttributes<'a> {
    fn from(series: &'a SeriesSnapshot) -> Self {
        Self {
            endpoint: &series.endpoint,
            direction: series.direction,
            status: series.status,
            coding: Some(series.coding),
            view: series.view,
            scheme: series.scheme,
            version: series.version,
            port: series.port,
        }
    }
}

impl<'a> From<SeriesView<'a>> for SeriesAttributes<'a> {
    fn from(series: SeriesView<'a>) -> Self {
        Self {
            endpoint: series.endpoint(),
            direction: series.direction(),
            status: series.status(),
            coding: Some(series.coding()),
            view: series.view(),
            scheme: series.scheme(),
            version: series.version(),
            port: series.port(),
        }
    }
}

/// A judged series is one for all statuses, codings, schemes, versions and ports.
impl<'a> From<JudgedSeries<'a>> for SeriesAttributes<'a> {
    fn from(series: JudgedSeries<'a>) -> Self {
        Self {
            endpoint: series.endpoint(),
            direction: series.direction(),
            status: None,
            coding: None,
            view: series.view(),
            scheme: None,
            version: None,
            port: None,
        }
    }
}

impl<'a> SeriesAttributes<'a> {
    /// Those of a series that is about to be made.
    #[cfg_attr(not(feature = "opentelemetry"), allow(dead_code, reason = "only a meter asks before"))]
    pub(super) fn new(endpoint: &'a Endpoint, attributes: Attributes) -> Self {
        Self {
            endpoint,
            direction: attributes.direction(),
            status: attributes.status(),
            coding: Some(attributes.coding()),
            view: attributes.view(),
            scheme: attributes.scheme(),
            version: attributes.version(),
            port: attributes.port(),
        }
    }

    /// Calls `each` for every attribute, the method first.
    pub(super) fn try_for_each<E>(
        &self,
        metric: Metric,
        mut each: impl FnMut(&'static str, Value<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { endpoint, direction, status, coding, view, scheme, version, port } = *self;
        each("http.request.method", Value::Text(endpoint.method()))?;
        if metric == Metric::Own {
            each("plimsoll.role", Value::Text(endpoint.role().as_str()))?;
            each("plimsoll.direction", Value::Text(direction.as_str()))?;
        }
        if endpoint.is_overflow() {
            return each("otel.metric.overflow", Value::True);
        }
        let template = match endpoint.role() {
            Role::Server => "http.route",
            Role::Client => "url.template",
        };
        let texts = [
            (template, endpoint.route()),
            ("plimsoll.upstream", endpoint.upstream()),
            ("server.address", endpoint.address()),
            ("url.scheme", scheme.map(UrlScheme::as_str)),
            ("network.protocol.version", version.and_then(version_name)),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                each(name, Value::Text(value))?;
            }
        }
        for (name, value) in [("server.port", port), ("http.response.status_code", status)] {
            if let Some(value) = value {
                each(name, Value::Integer(value))?;
            }
        }
        if let Some(coding) = coding {
            each("plimsoll.content_encoding", Value::Text(coding.as_str()))?;
        }
        each("plimsoll.body.view", Value::Text(view.as_str()))
    }

    /// The kind of error that the call ended with, as far as its status tells: the code itself, as the conventions
    /// want it. On a server, an answer of 4xx is the caller's error and none of ours.
    pub(super) fn error_of_status(&self) -> Option<ErrorType> {
        let first = match self.endpoint.role() {
            Role::Server => 500,
            Role::Client => 400,
        };
        self.status.filter(|status| *status >= first).map(ErrorType::Status)
    }

    /// The kind of error of a body that ended like this, else that of its call.
    pub(super) fn error_of(&self, outcome: Outcome) -> Option<ErrorType> {
        match outcome {
            Outcome::RejectedEarly | Outcome::RejectedStreaming => Some(ErrorType::Kind(LIMIT_EXCEEDED)),
            Outcome::Aborted => Some(ErrorType::Kind("plimsoll.body_aborted")),
            Outcome::Failed => Some(ErrorType::Kind("plimsoll.body_failed")),
            Outcome::Complete | Outcome::Unread => self.error_of_status(),
        }
    }
}

/// A value of `error.type`: one of a few dozen, never a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorType {
    /// A status code, written as text.
    Status(u16),
    Kind(&'static str),
}

/// The `error.type` of a refusal, on metrics as on spans.
const LIMIT_EXCEEDED: &str = "plimsoll.limit_exceeded";

impl ErrorType {
    /// Hands the text of it to `each`.
    pub(super) fn with_text<T>(self, each: impl FnOnce(&str) -> T) -> T {
        match self {
            Self::Kind(kind) => each(kind),
            Self::Status(status) => {
                let digit = |value: u16| b'0'.saturating_add(u8::try_from(value % 10).unwrap_or(0));
                let digits = [digit(status / 100), digit(status / 10), digit(status)];
                each(std::str::from_utf8(&digits).unwrap_or_default())
            }
        }
    }
}

/// As `network.protocol.version` has it.
fn version_name(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_type_is_a_status_code_or_a_word() {
        assert_eq!(ErrorType::Status(404).with_text(str::to_owned), "404");
        assert_eq!(ErrorType::Status(511).with_text(str::to_owned), "511");
        assert_eq!(ErrorType::Kind(LIMIT_EXCEEDED).with_text(str::to_owned), "plimsoll.limit_exceeded");
    }

    #[test]
    fn versions_are_named_as_alpn_counts_them() {
        let versions = [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];
        assert_eq!(versions.map(version_name), [None, Some("1.0"), Some("1.1"), Some("2"), Some("3")]);
    }
}
