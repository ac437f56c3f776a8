//! One call: what both sides do with its request and, later, with its response.

use std::sync::Arc;

use http::{Extensions, HeaderMap, StatusCode, Version, header};
use http_body::Body;

use crate::body::{Held, Tally};
use crate::endpoint::{Key, MethodClass};
use crate::error::Setting;
use crate::ledger::{Attributes, ContentCoding, Entry};
use crate::limit::Limit;
use crate::settings::{CallLimits, Settings};
use crate::trace::CallTrace;

/// What is known of a call from its request's head; kept until the response's head is there.
#[derive(Debug)]
pub(crate) struct Call {
    entry: Arc<Entry>,
    trace: CallTrace,
    response: Held,
    asked: Asked,
    /// What all its bodies have in common.
    common: Attributes,
    exempt_streams: bool,
}

/// Methods that decide whether a response has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Head,
    Connect,
    Other,
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
        let CallLimits { request, response } = settings.limits(key, extensions);
        let call = Self {
            entry: Arc::clone(settings.ledger.entry(key)),
            trace: CallTrace::capture(headers, settings.span_writes),
            response,
            asked: Asked::by(key.method),
            common,
            exempt_streams: settings.exempt_streams,
        };
        (call, request)
    }

    /// A tally for the request's body.
    #[inline(always)]
    pub(crate) fn request_tally(&self, held: Held, headers: &HeaderMap) -> Tally {
        self.tally(self.common.request(ContentCoding::of(headers)), held)
    }

    /// Takes note of the version of HTTP that the upstream answers in: what a client's request says is only a wish. And
    /// of the upstream's own version, where its headers are to name it.
    #[inline]
    pub(crate) fn answered_in(&mut self, version: Version, headers: &HeaderMap) {
        self.common = self.common.with_version(version);
        self.entry.note_version(headers);
    }

    /// A tally for the response's body.
    #[inline(always)]
    pub(crate) fn response_tally<B: Body>(&self, status: StatusCode, headers: &HeaderMap, body: &B) -> Tally {
        let exempt = self.may_exempt() && body.size_hint().exact().is_none() && is_endless(headers);
        self.response_tally_held(status, headers, !exempt)
    }

    /// A tally for the body of an answer of our own, which no limit holds.
    #[cold]
    pub(crate) fn refusal_tally(&self, status: StatusCode, headers: &HeaderMap) -> Tally {
        self.response_tally_held(status, headers, false)
    }

    #[inline(always)]
    fn response_tally_held(&self, status: StatusCode, headers: &HeaderMap, limited: bool) -> Tally {
        let attributes = self.common.response(status, ContentCoding::of(headers));
        let bodiless = self.asked.is_answered_without_body(status);
        let mut held = self.response;
        if !limited {
            held.limit = Limit::unlimited();
        }
        let mut tally = self.tally(attributes, held);
        if bodiless {
            tally.expect_no_body();
        }
        tally
    }

    /// Whether an answer of this status has a body.
    pub(crate) fn expects_body(&self, status: StatusCode) -> bool {
        !self.asked.is_answered_without_body(status)
    }

    /// Whether endless responses are exempt from the limit that holds here.
    #[inline]
    fn may_exempt(&self) -> bool {
        self.exempt_streams && self.response.by == Setting::Layer && !self.response.limit.is_unlimited()
    }

    #[inline(always)]
    fn tally(&self, attributes: Attributes, held: Held) -> Tally {
        Tally::new(Some(Arc::clone(self.entry.series(attributes))), self.trace.clone(), held)
    }
}

impl Asked {
    #[inline]
    const fn by(method: MethodClass) -> Self {
        match method {
            MethodClass::Head => Self::Head,
            MethodClass::Connect => Self::Connect,
            _ => Self::Other,
        }
    }

    /// Whether the answer has no body by definition (RFC 9110, section 6.4.1), whatever its value says.
    #[inline]
    fn is_answered_without_body(self, status: StatusCode) -> bool {
        match (status, self) {
            (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _) | (_, Self::Head) => true,
            (_, Self::Connect) => status.is_success() || status.is_informational(),
            (_, Self::Other) => status.is_informational(),
        }
    }
}

/// Whether a response is one that is meant to go on: it says so by its type, and declares no length.
fn is_endless(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return false };
    let kind = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let endless = [&b"text/event-stream"[..], b"multipart/x-mixed-replace"];
    endless.iter().any(|endless| kind.eq_ignore_ascii_case(endless)) && !headers.contains_key(header::CONTENT_LENGTH)
}
