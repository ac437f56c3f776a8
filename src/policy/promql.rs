//! Pieces of PromQL: selectors, texts, and counters that begin in the middle.

use std::fmt::{self, Write};

use super::declaration::Policy;
use crate::endpoint::{EndpointName, Role};

/// What identifies an endpoint and a direction. All else is summed over: instances and pods, status codes, content
/// codings, schemes, ports, protocol versions.
pub(super) const IDENTITY: &str = "plimsoll_role, plimsoll_direction, http_request_method, http_route, url_template, \
                                   plimsoll_upstream, plimsoll_body_view";

/// The bodies that the detector judges: successful answers that have a body, and requests, which have no status.
pub(super) const JUDGED: &str = r#"http_response_status_code=~"(20[0-35-9]|2[1-9][0-9])?""#;

/// The bodies that the other side wanted to send whole.
pub(super) const OFFERED: &str = r#"plimsoll_outcome=~"complete|rejected_early|rejected_streaming""#;

/// The bodies that were refused.
pub(super) const REFUSED: &str = r#"plimsoll_outcome=~"rejected_early|rejected_streaming""#;

/// The matchers that tell a service's series from others.
pub(super) fn own(policy: &Policy) -> String {
    if policy.rules.labels.is_empty() {
        return format!("job={}", Text(&policy.service));
    }
    let labels = policy.rules.labels.iter().map(|(name, value)| format!("{name}={}", Text(value)));
    labels.collect::<Vec<_>>().join(", ")
}

/// The same, without the overflow series, which are of no one endpoint.
pub(super) fn service(policy: &Policy) -> String {
    format!(r#"{}, otel_metric_overflow="""#, own(policy))
}

/// The matchers of one endpoint; of both its directions.
pub(super) fn endpoint(name: &EndpointName) -> String {
    let (template, other) = match name.role() {
        Role::Server => ("http_route", "url_template"),
        Role::Client => ("url_template", "http_route"),
    };
    // To Prometheus, a label that is not there is an empty one.
    let (route, upstream) = (Text(name.route().unwrap_or_default()), Text(name.upstream().unwrap_or_default()));
    let (role, method) = (name.role(), name.method());
    format!(
        r#"plimsoll_role="{role}", http_request_method="{method}", {template}={route}, {other}="", plimsoll_upstream={upstream}"#
    )
}

/// How much a counter rose within a span, summed by endpoint; `more` are labels to keep apart.
pub(super) fn increase(selector: &str, span: impl fmt::Display, more: &str) -> String {
    format!("sum by ({IDENTITY}{more}) (increase({selector}[{span}]))")
}

/// The same, of a counter that may be there only once something was counted.
///
/// `increase` takes the first value of a series for its starting point, and so misses the first refusal of all. A
/// series that was not there before the span has risen from 0 to what it says. A day is looked back, so that a target
/// that was down for an hour is not taken for a new one.
pub(super) fn increase_from_nothing(selector: &str, span: impl fmt::Display, more: &str) -> String {
    format!(
        "sum by ({IDENTITY}{more}) (({selector} unless present_over_time({selector}[1d] offset {span})) \
         or increase({selector}[{span}]))"
    )
}

/// A text as PromQL's string, in printable ASCII; without backquotes, so that it may stand between two.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '`' => f.write_str("\\x60")?,
                ' '..='~' => f.write_char(character)?,
                other => write!(f, "\\U{:08x}", u32::from(other))?,
            }
        }
        f.write_char('"')
    }
}
