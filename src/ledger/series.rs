//! One series: what is known of the bodies of one endpoint, direction and set of attributes.

use std::sync::Arc;

use super::attributes::{Attributes, View};
use super::core::{Core, Enforcement, Memory};
use super::exemplar::{Exemplar, Slot};
use super::pace::Pace;
use super::sizes::{LARGEST, Sizes};
use crate::endpoint::{Direction, Endpoint, Role};
use crate::error::{LimitExceeded, Setting, Subject};
use crate::export::Recorder;
use crate::limit::Limit;
use crate::sync::OnceLock;
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::trace::TraceRef;

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// All of it was delivered, or the message has no body by definition (HEAD, 204, 304, ...).
    Complete,
    /// Refused by its declared length, before a byte was read.
    RejectedEarly,
    /// Refused while it was read or written.
    RejectedStreaming,
    /// Dropped by its owner without ever being polled.
    Unread,
    /// Dropped by its owner, or cut by a lost connection, after it was polled and before it ended.
    Aborted,
    /// Ended with an error of its own.
    Failed,
}

impl Outcome {
    /// Every outcome, in the order in which they are written.
    pub const ALL: [Self; 6] =
        [Self::Complete, Self::RejectedEarly, Self::RejectedStreaming, Self::Unread, Self::Aborted, Self::Failed];

    /// The value of the attribute `plimsoll.outcome`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::RejectedEarly => "rejected_early",
            Self::RejectedStreaming => "rejected_streaming",
            Self::Unread => "unread",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
        }
    }
}

/// The bodies of one ledger, role, direction and view: none of them may be counted twice.
///
/// The ledger's address with the rest in the low bits, which are free: a core is aligned to eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Population(usize);

impl Population {
    fn new(core: &Arc<Core>, role: Role, attributes: Attributes) -> Self {
        let bits =
            [role == Role::Client, attributes.direction() == Direction::Response, attributes.view() == View::Decoded];
        let bits = bits.into_iter().fold(0, |bits, bit| bits << 1 | usize::from(bit));
        Self(Arc::as_ptr(core).addr() | bits)
    }
}

/// Begins on a cache line of its own, as its count of handles does before it.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Series {
    endpoint: Endpoint,
    attributes: Attributes,
    core: Arc<Core>,
    overflow: Option<Arc<Series>>,
    population: Population,
    created: u64,
    pub(super) completed: Sizes,
    pub(super) refused: OnceLock<Box<Sizes>>,
    /// Bodies by outcome; of the completed ones only those without a size, the others are counted by size.
    outcomes: [AtomicU64; Outcome::ALL.len()],
    pub(super) over_limit: AtomicU64,
    pub(super) over_limit_exemplar: Slot,
    reject: AtomicU64,
    warn: AtomicU64,
    /// Larger bodies are marked on their spans: that of an open finding, else out of reach.
    edge: AtomicU64,
    refusals: Pace,
    warnings: Pace,
    /// Where its sizes go beside, if there is a meter.
    recorder: Option<Box<Recorder>>,
}

impl Series {
    pub(super) fn new(
        endpoint: Endpoint,
        attributes: Attributes,
        core: Arc<Core>,
        overflow: Option<&Arc<Series>>,
    ) -> Self {
        let recorder = core.instruments.as_ref().map(|all| Box::new(all.recorder(&endpoint, attributes)));
        Self {
            population: Population::new(&core, endpoint.role(), attributes),
            endpoint,
            attributes,
            overflow: overflow.cloned(),
            created: core.clock.unix_nanos(),
            core,
            completed: Sizes::default(),
            refused: OnceLock::new(),
            outcomes: Default::default(),
            over_limit: AtomicU64::new(0),
            over_limit_exemplar: Slot::default(),
            reject: AtomicU64::new(u64::MAX),
            warn: AtomicU64::new(u64::MAX),
            edge: AtomicU64::new(u64::MAX),
            refusals: Pace::default(),
            warnings: Pace::default(),
            recorder,
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    #[inline]
    pub(crate) fn direction(&self) -> Direction {
        self.attributes.direction()
    }

    pub(crate) fn role(&self) -> Role {
        self.endpoint.role()
    }

    pub(super) fn attributes(&self) -> Attributes {
        self.attributes
    }

    pub(super) fn created(&self) -> u64 {
        self.created
    }

    /// Among whose bodies those of this series are counted.
    #[inline]
    pub(crate) fn population(&self) -> Population {
        self.population
    }

    /// Whether a rejecting limit rejects, as the ledger's switch stands now.
    pub(crate) fn rejects(&self) -> bool {
        self.core.enforcement() == Enforcement::Reject
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject { endpoint: self.endpoint.clone(), direction: self.attributes.direction() }
    }

    /// Marks bodies of more than so many bytes on their spans from now on; none where `None`.
    pub(super) fn mark_above(&self, edge: Option<u64>) {
        self.edge.store(edge.unwrap_or(u64::MAX), Relaxed);
    }

    /// Remembers the limit that bodies of this series are held against.
    #[inline]
    pub(crate) fn note_limit(&self, limit: &Limit) {
        for (noted, line) in [(&self.reject, limit.reject_line()), (&self.warn, limit.warn_line())] {
            if noted.load(Relaxed) != line {
                noted.store(line, Relaxed);
            }
        }
    }

    pub(super) fn limit(&self) -> Limit {
        Limit::reject_over(self.reject.load(Relaxed)).and_warn_over(self.warn.load(Relaxed))
    }

    /// Counts one body that ended without leaving a size: unread, cut short, or none by definition.
    pub(crate) fn record_unsized(&self, outcome: Outcome) {
        self.outcome(outcome).fetch_add(1, Relaxed);
    }

    /// Counts one body that was refused, by what it declared or what was seen of it.
    ///
    /// Anyone can declare anything: beyond the last bucket's end, it counts as that.
    #[cold]
    pub(crate) fn record_refused(&self, outcome: Outcome, size: u64, trace: TraceRef<'_>) {
        let size = size.min(LARGEST);
        if self.refused().is_some_and(|refused| self.add(refused, size, trace)) {
            self.outcome(outcome).fetch_add(1, Relaxed);
        } else if let Some(overflow) = &self.overflow {
            overflow.record_refused(outcome, size, trace);
        }
    }

    /// Counts one body that was delivered: the usual case, in which nothing else is called but the clock.
    #[inline(never)]
    pub(crate) fn record_complete(&self, size: u64, trace: TraceRef<'_>) {
        let usual = !trace.has_span() && self.recorder.is_none();
        match if usual { self.completed.add_usual(size) } else { None } {
            Some(slot) => self.keep(slot, size, trace),
            None => self.record_any_complete(size, trace),
        }
    }

    /// The same in all cases.
    #[inline(never)]
    fn record_any_complete(&self, size: u64, trace: TraceRef<'_>) {
        trace.record_size(self.attributes.direction(), size, || size > self.edge.load(Relaxed));
        self.count_complete(size, trace);
    }

    /// Counts it here, or in the overflow series; its span has its size by then.
    fn count_complete(&self, size: u64, trace: TraceRef<'_>) {
        // Its size is all that is counted: see `SeriesView::outcomes`.
        if self.add(&self.completed, size, trace) {
            if let Some(recorder) = &self.recorder {
                recorder.record(size, trace);
            }
        } else if let Some(overflow) = &self.overflow {
            overflow.count_complete(size, trace);
        }
    }

    /// Counts a size; `false`, and nothing counted, where there is no memory for it.
    fn add(&self, to: &Sizes, size: u64, trace: TraceRef<'_>) -> bool {
        let slot = to.add(size, self.memory());
        if let Some(slot) = slot {
            self.keep(slot, size, trace);
        }
        slot.is_some()
    }

    /// Keeps an exemplar of this size in its place, if one of this trace is to be kept.
    #[inline(always)]
    fn keep(&self, slot: &Slot, size: u64, trace: TraceRef<'_>) {
        if self.core.keeps(trace.flags) {
            slot.put(&Exemplar { value: size, unix_nanos: self.core.clock.unix_nanos(), ids: trace.words() });
        }
    }

    /// Counts a body over its limit when it is found to be: refused, or let pass with a warning.
    ///
    /// `first` where this body has not been found to be over a limit before.
    #[cold]
    pub(crate) fn record_over_limit(&self, found: &LimitExceeded, first: bool, refused: bool, trace: TraceRef<'_>) {
        if first {
            self.over_limit.fetch_add(1, Relaxed);
        }
        self.keep(&self.over_limit_exemplar, found.size(), trace);
        if refused {
            trace.record_refusal(found);
        }
        self.announce(found, refused, trace);
    }

    fn announce(&self, found: &LimitExceeded, refused: bool, trace: TraceRef<'_>) {
        let pace = if refused { &self.refusals } else { &self.warnings };
        let Some(burst) = pace.admit(self.core.clock.unix_nanos(), self.core.event_interval(), found.size()) else {
            return;
        };
        let ids = trace.context();
        let trace_id = ids.map(|ids| tracing::field::display(format!("{:032x}", ids.trace_id())));
        let span_id = ids.map(|ids| tracing::field::display(format!("{:016x}", ids.span_id())));
        let sampled = ids.map(|ids| ids.is_sampled());
        let LimitExceeded { limit, seen, declared, subject: _, setting: _ } = *found;
        let (role, direction) = (self.endpoint.role().as_str(), self.attributes.direction().as_str());
        let endpoint = &self.endpoint;
        macro_rules! event {
            ($message:literal) => {
                tracing::warn!(
                    role, direction, %endpoint, limit, declared, seen, max = burst.max, held_back = burst.held,
                    trace_id, span_id, sampled, $message
                )
            };
        }
        if refused {
            event!("body over its limit refused");
        } else {
            event!("body over its limit let pass");
        }
    }

    pub(super) fn outcome_count(&self, outcome: Outcome) -> u64 {
        self.outcome(outcome).load(Relaxed)
    }

    fn outcome(&self, outcome: Outcome) -> &AtomicU64 {
        let [complete, early, streaming, unread, aborted, failed] = &self.outcomes;
        match outcome {
            Outcome::Complete => complete,
            Outcome::RejectedEarly => early,
            Outcome::RejectedStreaming => streaming,
            Outcome::Unread => unread,
            Outcome::Aborted => aborted,
            Outcome::Failed => failed,
        }
    }

    fn refused(&self) -> Option<&Sizes> {
        self.memory().get_or_make(&self.refused)
    }

    #[inline]
    fn memory(&self) -> Memory<'_> {
        Memory::within(&self.core, self.overflow.is_some())
    }
}

impl LimitExceeded {
    /// What is said of a body of this series.
    pub(crate) fn of(series: Option<&Series>, limit: u64, seen: u64, declared: Option<u64>, setting: Setting) -> Self {
        Self { limit, seen, declared, subject: series.map(Series::subject), setting }
    }
}
