//! The active OpenTelemetry span: its ids, and attributes written to it when a body ends.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};

use super::{SpanWrites, TraceContext};
use crate::endpoint::Direction;
use crate::error::LimitExceeded;

/// Keeps the span of a call from being dropped until the call's bodies have ended.
///
/// A span that its owner ends explicitly ends all the same; what is written afterwards is lost.
#[derive(Debug)]
pub(crate) struct Active {
    context: Context,
    /// Not read: while it is here, the span of `tracing` behind the context's does not end.
    _span: Option<tracing::Span>,
}

impl Active {
    /// The ids of the active span, if there is one; and itself, as `keep` holds it, where all is written and it is one
    /// that records.
    #[inline]
    pub(super) fn current<K>(writes: SpanWrites, keep: impl FnOnce(Self) -> K) -> Option<(TraceContext, Option<K>)> {
        Context::map_current(|context| {
            if !context.has_active_span() {
                return None;
            }
            let span = context.span();
            let ids = ids(span.span_context())?;
            // A span elsewhere records there; to ask one here takes its lock.
            let records = writes >= SpanWrites::All && !span.span_context().is_remote() && span.is_recording();
            Some((ids, records.then(|| keep(Self::of(context, writes)))))
        })
    }

    #[cold]
    fn of(context: &Context, writes: SpanWrites) -> Self {
        let span = (writes == SpanWrites::AllKept).then(tracing::Span::current);
        Self { context: context.clone(), _span: span }
    }

    /// Runs something while this span, else one of these ids, else none is the active one.
    pub(super) fn within<T>(active: Option<&Self>, ids: Option<TraceContext>, run: impl FnOnce() -> T) -> T {
        let context = match (active, ids) {
            (Some(active), _) => active.context.clone(),
            (None, Some(ids)) => Context::new().with_remote_span_context(span_context(&ids)),
            (None, None) => Context::new(),
        };
        let _attached = context.attach();
        run()
    }

    #[cold]
    pub(super) fn record_size(&self, direction: Direction, bytes: u64, above_baseline: bool) {
        let key = match direction {
            Direction::Request => "http.request.body.size",
            Direction::Response => "http.response.body.size",
        };
        self.context.span().set_attribute(KeyValue::new(key, integer(bytes)));
        if above_baseline {
            self.context.span().set_attribute(KeyValue::new("plimsoll.above_baseline", true));
        }
    }

    pub(super) fn record_refusal(&self, exceeded: &LimitExceeded) {
        self.context.span().set_attribute(KeyValue::new("error.type", "plimsoll.limit_exceeded"));
        mark(&self.context, exceeded);
    }

    /// Marks the span that is active now, if it is the one with these ids.
    pub(super) fn mark_current(ids_then: &TraceContext, exceeded: &LimitExceeded) {
        Context::map_current(|context| {
            if context.has_active_span() && ids(context.span().span_context()).as_ref() == Some(ids_then) {
                mark(context, exceeded);
            }
        });
    }
}

fn mark(context: &Context, exceeded: &LimitExceeded) {
    let key = match exceeded.direction() {
        Some(Direction::Request) => "plimsoll.request.body.refused_size",
        _ => "plimsoll.response.body.refused_size",
    };
    context.span().set_attribute(KeyValue::new("plimsoll.limit", integer(exceeded.limit())));
    context.span().set_attribute(KeyValue::new(key, integer(exceeded.size())));
}

/// A size as attributes hold integers: the few that do not fit are the largest that does.
fn integer(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn span_context(ids: &TraceContext) -> SpanContext {
    let flags = if ids.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let (trace_id, span_id) = (TraceId::from(ids.trace_id()), SpanId::from(ids.span_id()));
    SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE)
}

#[inline]
fn ids(span: &SpanContext) -> Option<TraceContext> {
    let trace_id = u128::from_be_bytes(span.trace_id().to_bytes());
    let span_id = u64::from_be_bytes(span.span_id().to_bytes());
    TraceContext::new(trace_id, span_id, span.is_sampled())
}
