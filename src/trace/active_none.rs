//! Without feature `opentelemetry` there is never an active span: a type that nothing can be of.

use super::{SpanWrites, TraceContext};
use crate::endpoint::Direction;
use crate::error::LimitExceeded;

#[derive(Debug)]
pub(crate) enum Active {}

impl Active {
    pub(super) fn current<K>(_: SpanWrites, _: impl FnOnce(Self) -> K) -> Option<(TraceContext, Option<K>)> {
        None
    }

    #[allow(dead_code, reason = "for a meter")]
    pub(super) fn within<T>(_: Option<&Self>, _: Option<TraceContext>, run: impl FnOnce() -> T) -> T {
        run()
    }

    pub(super) fn mark_current(_: &TraceContext, _: &LimitExceeded) {}

    pub(super) fn record_size(&self, _: Direction, _: u64, _: bool) {
        match *self {}
    }

    pub(super) fn record_refusal(&self, _: &LimitExceeded) {
        match *self {}
    }
}
