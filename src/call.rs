//! One call: what both sides do with its request and, later, with its response.

use std::sync::Arc;

use http::{Extensions, HeaderMap, Method, StatusCode, header};
use http_body::Body;

use crate::body::{Held, MeteredBody, Refused, Tally};
use crate::endpoint::Key;
use crate::error::Setting;
use crate::ledger::{Attributes, ContentCoding, Entry, View};
use crate::limit::Limit;
use crate::settings::{CallLimits, Settings};
use crate::trace::CallTrace;

/// The request's side of a call, from its head.
#[derive(Debug)]
pub(crate) struct Call {
    entry: Arc<Entry>,
    trace: CallTrace,
    limits: CallLimits,
    view: View,
    exempt_streams: bool,
}

impl Call {
    pub(crate) fn begin(
        settings: &Settings,
        key: &Key<'_>,
        headers: &HeaderMap,
        extensions: &Extensions,
        view: View,
    ) -> Self {
        Self {
            entry: Arc::clone(settings.ledger.entry(key)),
            trace: CallTrace::capture(headers, settings.span_attributes),
            limits: settings.limits(key.method, key.route, extensions),
            view,
            exempt_streams: settings.exempt_streams,
        }
    }

    /// The rejecting limit of the request's body, in bytes.
    pub(crate) fn rejects_request_over(&self) -> Option<u64> {
        self.limits.request.limit.rejects_over()
    }

    /// Meters the request's body.
    pub(crate) fn request<B: Body>(&self, headers: &HeaderMap, body: B) -> Result<MeteredBody<B>, Refused<B>> {
        MeteredBody::metered(body, self.request_tally(headers), headers)
    }

    pub(crate) fn request_tally(&self, headers: &HeaderMap) -> Tally {
        let series = self.entry.series(Attributes::request(ContentCoding::of(headers), self.view));
        Tally::new(Some(Arc::clone(series)), self.trace.clone(), self.limits.request)
    }

    /// The response's side of the call, to be kept until its head is there.
    pub(crate) fn expect(self, method: &Method) -> Expected {
        let Self { entry, trace, limits, view, exempt_streams } = self;
        let asked = match *method {
            Method::HEAD => Asked::Head,
            Method::CONNECT => Asked::Connect,
            _ => Asked::Other,
        };
        Expected { entry, trace, held: limits.response, view, exempt_streams, asked }
    }
}

/// What a call remembers for its response.
#[derive(Debug)]
pub(crate) struct Expected {
    entry: Arc<Entry>,
    trace: CallTrace,
    held: Held,
    view: View,
    exempt_streams: bool,
    asked: Asked,
}

/// Methods that decide whether a response has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
}

impl Expected {
    /// Meters the response's body.
    pub(crate) fn response<B: Body>(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: B,
    ) -> Result<MeteredBody<B>, Refused<B>> {
        let mut held = self.held;
        if self.exempt_streams && held.by == Setting::Layer && !held.limit.is_unlimited() && is_endless(headers) {
            held.limit = Limit::unlimited();
        }
        let tally = self.tally(status, headers, held);
        let tally = if self.asked.answers_without_body(status) { tally.without_body() } else { tally };
        MeteredBody::metered(body, tally, headers)
    }

    /// Meters the body of an answer of our own, which no limit holds.
    pub(crate) fn unlimited<B: Body>(&self, status: StatusCode, headers: &HeaderMap, body: B) -> MeteredBody<B> {
        let unlimited = Held { limit: Limit::unlimited(), ..self.held };
        MeteredBody::unlimited(body, self.tally(status, headers, unlimited), headers)
    }

    fn tally(&self, status: StatusCode, headers: &HeaderMap, held: Held) -> Tally {
        let series = self.entry.series(Attributes::response(status, ContentCoding::of(headers), self.view));
        Tally::new(Some(Arc::clone(series)), self.trace.clone(), held)
    }
}

impl Asked {
    /// Whether the answer has no body by definition (RFC 9110, section 6.4.1), whatever its value says.
    fn answers_without_body(self, status: StatusCode) -> bool {
        match (self, status) {
            (Self::Head, _) | (_, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => true,
            (Self::Connect, _) if status.is_success() => true,
            _ => status.is_informational(),
        }
    }
}

/// Whether a response is one that is meant to go on: it says so by its type, and declares no length.
fn is_endless(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let kind = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let endless = [&b"text/event-stream"[..], b"multipart/x-mixed-replace"];
    endless.iter().any(|endless| kind.eq_ignore_ascii_case(endless)) && !headers.contains_key(header::CONTENT_LENGTH)
}
