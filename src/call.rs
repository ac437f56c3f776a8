//! One call: what both sides do with its request and, later, with its response.

use std::sync::Arc;

use http::{Extensions, HeaderMap, StatusCode, Version, header};
use http_body::Body;

use crate::body::{Held, Opening, Start, Tally, in_memory};
use crate::endpoint::{Key, MethodClass};
use crate::error::{LimitExceeded, Setting};
use crate::ledger::{Attributes, ContentCoding, Entry};
use crate::limit::Limit;
use crate::settings::{CallLimits, Settings};
use crate::trace::{CallTrace, Captured, TraceFlags, TraceRef};

/// What is known of a call from its request's head; kept until the response's head is there.
#[derive(Debug)]
pub(crate) struct Call {
    entry: Arc<Entry>,
    trace: CallTrace,
    flags: TraceFlags,
    /// What holds its response.
    limit: Limit,
    by: Setting,
    method: MethodClass,
    exempt_streams: bool,
    /// What all its bodies have in common.
    common: Attributes,
}

impl Call {
    /// The call, and the limit of its request's body.
    #[inline(always)]
    pub(crate) fn begin(
        settings: &Settings,
        key: &Key<'_>,
        headers: &HeaderMap,
        extensions: &Extensions,
        common: Attributes,
    ) -> (Self, Held) {
        let CallLimits { request, response: Held { limit, by } } = settings.limits(key, extensions);
        let entry = Arc::clone(settings.ledger.entry(key));
        let Captured { trace, flags } = CallTrace::capture(headers, settings.span_writes);
        let call = Self {
            entry,
            trace,
            flags,
            limit,
            by,
            method: key.method,
            exempt_streams: settings.exempt_streams,
            common,
        };
        (call, request)
    }

    /// Starts with the request's body.
    #[inline(always)]
    pub(crate) fn start_request<B: Body>(&mut self, held: Held, headers: &HeaderMap, body: &B) -> Start<'_> {
        let series = self.entry.series(self.common.request(ContentCoding::of(headers)));
        let opening = Opening::of(body, headers, Some(series.population()));
        if opening.open_ended && held.limit.rejects_over().is_some() {
            self.trace.share();
        }
        Start::new(series, self.trace(), held, opening)
    }

    /// A tally for a request's body of bytes in memory, which is not wrapped; see [`in_memory`].
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest hands out such bodies"))]
    pub(crate) fn request_in_memory(
        &self,
        held: Held,
        headers: &HeaderMap,
        bytes: u64,
        outside: &[Arc<Tally>],
    ) -> Result<Tally, LimitExceeded> {
        let series = self.entry.series(self.common.request(ContentCoding::of(headers)));
        in_memory(series, self.trace(), held, bytes, outside)
    }

    /// Takes note of the version of HTTP that the upstream answers in: what a client's request says is only a wish. And
    /// of the upstream's own version, where its headers are to name it.
    #[inline]
    pub(crate) fn answered_in(&mut self, version: Version, headers: &HeaderMap) {
        self.common = self.common.with_version(version);
        self.entry.note_version(headers);
    }

    /// Starts with the response's body; no limit holds one that is `ours`.
    #[inline(always)]
    pub(crate) fn start_response<B: Body>(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &B,
        ours: bool,
    ) -> Start<'_> {
        let series = self.entry.series(self.common.response(status, ContentCoding::of(headers)));
        let opening = Opening::of(body, headers, Some(series.population()));
        let opening = opening.without_body(is_answered_without_body(self.method, status));
        let exempt = ours || opening.open_ended && self.may_exempt() && is_endless(headers);
        let limit = if exempt { Limit::unlimited() } else { self.limit };
        Start::new(series, self.trace(), Held { limit, by: self.by }, opening)
    }

    #[inline(always)]
    fn trace(&self) -> TraceRef<'_> {
        self.trace.with(self.flags)
    }

    /// That the request's body was refused while it was read, if it was.
    #[inline]
    pub(crate) fn refused(&self) -> Option<&LimitExceeded> {
        self.trace.refused()
    }

    /// The version of HTTP that it is spoken in, where it is one that is told apart: 1.0 and later.
    pub(crate) fn version(&self) -> Option<Version> {
        self.common.version()
    }

    /// Whether an answer of this status has a body.
    pub(crate) fn expects_body(&self, status: StatusCode) -> bool {
        !is_answered_without_body(self.method, status)
    }

    /// Whether endless responses are exempt from the limit that holds here.
    #[inline]
    fn may_exempt(&self) -> bool {
        self.exempt_streams && self.by == Setting::Layer && !self.limit.is_unlimited()
    }
}

/// Whether an answer has no body by definition (RFC 9110, section 6.4.1), whatever its value says.
#[inline(always)]
fn is_answered_without_body(method: MethodClass, status: StatusCode) -> bool {
    match (status, method) {
        (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _) | (_, MethodClass::Head) => true,
        (_, MethodClass::Connect) => status.is_success() || status.is_informational(),
        _ => status.is_informational(),
    }
}

/// Whether a response is one that is meant to go on: it says so by its type, and declares no length.
fn is_endless(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return false };
    let kind = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let endless = [&b"text/event-stream"[..], b"multipart/x-mixed-replace"];
    endless.iter().any(|endless| kind.eq_ignore_ascii_case(endless)) && !headers.contains_key(header::CONTENT_LENGTH)
}
