//! The ids of a call's trace, and what is kept of it until the call's bodies end.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::HeaderMap;

use super::active::Active;
use super::traceparent;
use crate::endpoint::Direction;
use crate::error::LimitExceeded;

/// The ids of a span, as W3C Trace Context defines them: what an exemplar and a log line point to.
///
/// Never all zero. Its `Display` is the `traceparent` form of version 00.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: [u64; 2],
    span_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// A context of these ids; `None` where one of them is zero, which means "no trace".
    #[must_use]
    pub const fn new(trace_id: u128, span_id: u64, sampled: bool) -> Option<Self> {
        if trace_id == 0 || span_id == 0 {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, reason = "the two halves of the id, each in full")]
        let trace_id = [(trace_id >> 64) as u64, trace_id as u64];
        Some(Self { trace_id, span_id, sampled })
    }

    /// Reads the value of a `traceparent` header (W3C Trace Context, section 3.2).
    ///
    /// `None` for anything the specification calls invalid: version `ff`, a version `00` that is not exactly 55
    /// characters, ids of zeros, upper-case digits. Later versions may be longer.
    ///
    /// ```
    /// use plimsoll::TraceContext;
    ///
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let trace = TraceContext::from_traceparent(parent.as_bytes()).expect("it is valid");
    /// assert_eq!(trace.trace_id(), 0x0af7651916cd43dd8448eb211c80319c);
    /// assert!(trace.is_sampled());
    /// assert_eq!(trace.to_string(), parent);
    /// ```
    #[must_use]
    pub fn from_traceparent(value: &[u8]) -> Option<Self> {
        traceparent::parse(value)
    }

    /// The trace id.
    #[must_use]
    pub const fn trace_id(&self) -> u128 {
        let [high, low] = self.trace_id;
        (high as u128) << 64 | low as u128
    }

    /// The span id: of the active span, or of the caller's where only a `traceparent` was there.
    #[must_use]
    pub const fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the trace was sampled when the call began: only then is it sure to be found in a backend.
    #[must_use]
    #[inline]
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    const fn words(&self) -> [u64; 3] {
        let [high, low] = self.trace_id;
        [high, low, self.span_id]
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, low, span] = self.words();
        write!(f, "00-{high:016x}{low:016x}-{span:016x}-0{}", u8::from(self.sampled))
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

/// What of a call's bodies is written on the active span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SpanWrites {
    Nothing,
    /// That a body was refused. The span may be of the request that made the call: it is marked, not blamed.
    Refusals,
    /// Sizes, and refusals as errors: the span is this call's own.
    All,
    /// The same, and the span of `tracing` lasts until the bodies have ended.
    AllKept,
}

impl SpanWrites {
    /// The same with all attributes, or with nothing. A span that is kept for them stays kept.
    pub(crate) const fn with_attributes(self, write: bool) -> Self {
        match (write, self) {
            (true, Self::AllKept) => Self::AllKept,
            (true, _) => Self::All,
            (false, _) => Self::Nothing,
        }
    }

    /// The same with the span kept, which is for all attributes; or not kept, whatever is written.
    pub(crate) const fn with_span_kept(self, keep: bool) -> Self {
        match (keep, self) {
            (true, _) => Self::AllKept,
            (false, Self::AllKept) => Self::All,
            (false, other) => other,
        }
    }
}

/// What is known of the ids of a call's trace, in a byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TraceFlags(u8);

impl TraceFlags {
    /// There are ids.
    const KNOWN: u8 = 1;
    /// And they are of a sampled trace.
    const SAMPLED: u8 = 2;
    /// And their span is to be marked if a body is refused while it is active.
    const MARKS: u8 = 4;

    #[inline]
    fn of(ids: &TraceContext, marks: bool) -> Self {
        let sampled = if ids.sampled { Self::SAMPLED } else { 0 };
        let marks = if marks { Self::MARKS } else { 0 };
        Self(Self::KNOWN | sampled | marks)
    }

    #[inline]
    pub(crate) const fn are_known(self) -> bool {
        self.0 & Self::KNOWN != 0
    }

    #[inline]
    pub(crate) const fn are_sampled(self) -> bool {
        self.0 & Self::SAMPLED != 0
    }

    const fn are_marking(self) -> bool {
        self.0 & Self::MARKS != 0
    }
}

/// The trace of a call, kept by each of its bodies until it ends, beside its flags: a body has room for a byte of them
/// among its own.
#[derive(Debug, Default)]
pub(crate) struct CallTrace {
    /// Ids to point to; zeros where there are none.
    ids: [u64; 3],
    /// What its bodies share, where they do: it costs an allocation.
    shared: Option<Arc<Shared>>,
}

/// The trace of a call that begins.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) trace: CallTrace,
    pub(crate) flags: TraceFlags,
}

/// The trace of a call, to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceRef<'a> {
    pub(crate) trace: &'a CallTrace,
    pub(crate) flags: TraceFlags,
}

#[derive(Debug, Default)]
struct Shared {
    /// The call's own span, where sizes are written on it.
    span: Option<Active>,
    /// That the request's body was refused, for those who cannot see its error.
    refused: OnceLock<LimitExceeded>,
}

impl Shared {
    /// Out of the way, and of what is passed by value: most calls have none.
    #[cold]
    fn make() -> Arc<Self> {
        Arc::default()
    }

    #[cold]
    fn keep(span: Active) -> Arc<Self> {
        Arc::new(Self { span: Some(span), refused: OnceLock::new() })
    }
}

impl CallTrace {
    /// Reads the trace of the call that begins now. To write sizes, an active span is kept.
    #[inline(always)]
    pub(crate) fn capture(headers: &HeaderMap, writes: SpanWrites) -> Captured {
        let (ids, marks, shared) = match Active::current(writes, Shared::keep) {
            Some((ids, shared)) => (ids, writes == SpanWrites::Refusals, shared),
            None => match traceparent::from_headers(headers) {
                Some(ids) => (ids, false, None),
                None => return Captured::default(),
            },
        };
        Captured { trace: Self { ids: ids.words(), shared }, flags: TraceFlags::of(&ids, marks) }
    }

    /// With what is known of its ids.
    #[inline(always)]
    pub(crate) fn with(&self, flags: TraceFlags) -> TraceRef<'_> {
        TraceRef { trace: self, flags }
    }

    /// Makes room for what a body is to tell: for those that may be refused while they are read.
    #[inline(always)]
    pub(crate) fn share(&mut self) {
        if self.shared.is_none() {
            self.shared = Some(Shared::make());
        }
    }

    /// Tells that the request's body was refused, if somebody may ask.
    pub(crate) fn tell_refused(&self, exceeded: &LimitExceeded) {
        if let Some(shared) = &self.shared {
            let _ = shared.refused.set(exceeded.clone());
        }
    }

    /// That the request's body was refused, if it was, and the call may tell.
    #[inline]
    pub(crate) fn refused(&self) -> Option<&LimitExceeded> {
        self.shared.as_ref()?.refused.get()
    }

    #[inline]
    fn span(&self) -> Option<&Active> {
        self.shared.as_ref()?.span.as_ref()
    }
}

impl Captured {
    #[cfg(test)]
    pub(crate) fn look(&self) -> TraceRef<'_> {
        self.trace.with(self.flags)
    }
}

impl TraceRef<'_> {
    /// Whether sizes are written on a span.
    #[inline]
    pub(crate) fn has_span(self) -> bool {
        self.trace.span().is_some()
    }

    /// The ids, as an exemplar keeps them.
    #[inline]
    pub(crate) const fn words(self) -> [u64; 3] {
        self.trace.ids
    }

    /// The ids, if there are any.
    pub(crate) fn context(self) -> Option<TraceContext> {
        let [high, low, span_id] = self.trace.ids;
        let context = TraceContext { trace_id: [high, low], span_id, sampled: self.flags.are_sampled() };
        self.flags.are_known().then_some(context)
    }

    /// Runs something while the context of the call is the active one.
    #[cfg_attr(not(feature = "opentelemetry"), allow(dead_code, reason = "for a meter"))]
    pub(crate) fn within<T>(self, run: impl FnOnce() -> T) -> T {
        Active::within(self.trace.span(), self.context(), run)
    }

    /// Writes the size of a completed body on the span: `http.request.body.size`, `http.response.body.size`.
    /// Where `above_baseline`, which is asked only if there is a span, it is marked for that too.
    #[inline]
    pub(crate) fn record_size(self, direction: Direction, bytes: u64, above_baseline: impl FnOnce() -> bool) {
        if let Some(span) = self.trace.span() {
            span.record_size(direction, bytes, above_baseline());
        }
    }

    /// Marks the span of a call whose body was refused, so that tail sampling can keep its trace.
    pub(crate) fn record_refusal(self, exceeded: &LimitExceeded) {
        match (self.trace.span(), self.context()) {
            (Some(span), _) => span.record_refusal(exceeded),
            (None, Some(ids)) if self.flags.are_marking() => Active::mark_current(&ids, exceeded),
            (None, _) => {}
        }
    }
}

impl Clone for CallTrace {
    /// What may branch comes first, so that the ids are copied once, to where they stay.
    #[inline(always)]
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        Self { ids: self.ids, shared }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not to keep the span used to mean that all is written on it.
    #[test]
    fn whether_a_span_is_kept_and_what_is_written_on_it_are_two_settings() {
        use SpanWrites::{All, AllKept, Nothing, Refusals};
        for writes in [Nothing, Refusals, All] {
            assert_eq!(writes.with_span_kept(false), writes);
            assert_eq!(writes.with_span_kept(true), AllKept, "it is kept to be written on");
        }
        assert_eq!(AllKept.with_span_kept(false), All);
        assert_eq!(AllKept.with_attributes(true), AllKept, "in either order");
        assert_eq!([Refusals.with_attributes(true), AllKept.with_attributes(false)], [All, Nothing]);
    }

    #[test]
    fn a_body_carries_at_most_33_bytes_of_its_trace() {
        assert!(size_of::<CallTrace>() + size_of::<TraceFlags>() <= 33);
    }

    #[test]
    fn ids_of_zero_are_no_trace() {
        assert_eq!(TraceContext::new(0, 1, true), None);
        assert_eq!(TraceContext::new(1, 0, true), None);
        let trace = TraceContext::new(u128::MAX - 1, 7, false).unwrap();
        assert_eq!((trace.trace_id(), trace.span_id(), trace.is_sampled()), (u128::MAX - 1, 7, false));
    }

    #[test]
    fn without_a_span_or_a_header_there_is_no_trace() {
        let none = CallTrace::capture(&HeaderMap::new(), SpanWrites::All);
        assert_eq!(none.look().context(), None);
    }
}
