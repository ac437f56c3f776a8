//! What all series of a ledger share: clock, settings, the switch from reject to warn, and the memory left.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use super::builder::{ExemplarFilter, LedgerBuilder};
use crate::clock::{self, Clock};
use crate::trace::TraceContext;

/// What happens to a body over a rejecting limit, in every layer of a ledger.
///
/// See [`Ledger::set_enforcement`](crate::Ledger::set_enforcement).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// It is refused. The default.
    #[default]
    Reject,
    /// It passes, counted and reported as over the limit: every rejecting limit acts like a warning one.
    WarnOnly,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(super) clock: Clock,
    exemplars: ExemplarFilter,
    event_interval: u64,
    warn_only: AtomicBool,
    bytes_left: AtomicUsize,
    series_left: AtomicUsize,
    overflowed: AtomicBool,
}

impl Core {
    pub(super) fn new(settings: &LedgerBuilder) -> Self {
        let LedgerBuilder { clock, exemplars, event_interval, max_series, max_bytes } = settings;
        Self {
            clock: clock.clone(),
            exemplars: *exemplars,
            event_interval: clock::nanos(*event_interval),
            warn_only: AtomicBool::new(false),
            bytes_left: AtomicUsize::new(*max_bytes),
            series_left: AtomicUsize::new(*max_series),
            overflowed: AtomicBool::new(false),
        }
    }

    pub(crate) fn enforcement(&self) -> Enforcement {
        if self.warn_only.load(Relaxed) { Enforcement::WarnOnly } else { Enforcement::Reject }
    }

    pub(super) fn set_enforcement(&self, enforcement: Enforcement) {
        self.warn_only.store(enforcement == Enforcement::WarnOnly, Relaxed);
    }

    pub(super) fn event_interval(&self) -> u64 {
        self.event_interval
    }

    /// Whether an exemplar of this trace is to be kept.
    #[inline]
    pub(super) fn keeps(&self, trace: &TraceContext) -> bool {
        match self.exemplars {
            ExemplarFilter::TraceBased => trace.is_sampled(),
            ExemplarFilter::AlwaysOn => true,
            ExemplarFilter::AlwaysOff => false,
        }
    }

    /// Takes `bytes` of the memory left, all or nothing.
    pub(super) fn grant(&self, bytes: usize) -> bool {
        let granted = self.bytes_left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if !granted {
            self.overflow("max_bytes");
        }
        granted
    }

    /// Takes one of the series left and the memory for it.
    pub(super) fn grant_series(&self, bytes: usize) -> bool {
        if self.series_left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
            self.overflow("max_series");
            return false;
        }
        self.grant(bytes)
    }

    pub(super) fn has_overflowed(&self) -> bool {
        self.overflowed.load(Relaxed)
    }

    /// Says, once in a ledger's life, that bodies are counted in the overflow series from now on.
    fn overflow(&self, setting: &'static str) {
        if !self.overflowed.load(Relaxed) && !self.overflowed.swap(true, Relaxed) {
            tracing::warn!(
                setting,
                "the ledger is full: bodies of new endpoints, status codes or sizes are counted under its overflow \
                 series; find out why there are so many, or raise LedgerBuilder::{setting}"
            );
        }
    }
}

/// How long after a repeated event the next one of its kind is held back.
pub(super) const DEFAULT_EVENT_INTERVAL: Duration = Duration::from_secs(10);
