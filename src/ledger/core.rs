//! What all series of a ledger share: clock, settings, the switch from reject to warn, and the memory left.

use std::time::Duration;

use http::HeaderName;

use super::builder::{ExemplarFilter, LedgerBuilder};
use crate::clock::{self, Clock};
use crate::export::Instruments;
use crate::sync::OnceLock;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use crate::trace::TraceFlags;

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

// A population keeps three bits below a core's address.
#[repr(align(8))]
#[derive(Debug)]
pub(crate) struct Core {
    pub(super) clock: Clock,
    pub(super) version_header: Option<HeaderName>,
    pub(super) instruments: Option<Instruments>,
    exemplars: ExemplarFilter,
    event_interval: u64,
    warn_only: AtomicBool,
    bytes_left: AtomicUsize,
    series_left: AtomicUsize,
    /// No endpoint beyond the number of series can have one of its own.
    endpoints_left: AtomicUsize,
    overflowed: AtomicBool,
}

impl Core {
    pub(super) fn new(settings: &LedgerBuilder) -> Self {
        let LedgerBuilder { clock, exemplars, event_interval, max_series, max_bytes, version_header, instruments } =
            settings;
        Self {
            clock: clock.clone(),
            exemplars: *exemplars,
            event_interval: clock::nanos(*event_interval),
            version_header: version_header.clone(),
            instruments: instruments.clone(),
            warn_only: AtomicBool::new(false),
            bytes_left: AtomicUsize::new(*max_bytes),
            series_left: AtomicUsize::new(*max_series),
            endpoints_left: AtomicUsize::new((*max_series).min(super::table::LARGEST)),
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
    pub(super) fn keeps(&self, trace: TraceFlags) -> bool {
        match self.exemplars {
            ExemplarFilter::TraceBased => trace.are_sampled(),
            ExemplarFilter::AlwaysOn => trace.are_known(),
            ExemplarFilter::AlwaysOff => false,
        }
    }

    /// Takes the place of one more endpoint, and the memory for it.
    pub(super) fn take_endpoint(&self, bytes: usize) -> bool {
        self.take_place(&self.endpoints_left, bytes)
    }

    /// Gives back what was taken for an endpoint that another thread made first.
    pub(super) fn give_back_endpoint(&self, bytes: usize) {
        self.endpoints_left.fetch_add(1, Relaxed);
        self.give_back(bytes);
    }

    /// Takes the place of one more series, and the memory for it.
    pub(super) fn take_series(&self, bytes: usize) -> bool {
        self.take_place(&self.series_left, bytes)
    }

    /// Gives back what was taken for a series that another thread made first.
    pub(super) fn give_back_series(&self, bytes: usize) {
        self.series_left.fetch_add(1, Relaxed);
        self.give_back(bytes);
    }

    fn take_place(&self, left: &AtomicUsize, bytes: usize) -> bool {
        if left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
            self.overflow("max_series");
            return false;
        }
        let taken = self.take(bytes);
        if !taken {
            left.fetch_add(1, Relaxed);
        }
        taken
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self.bytes_left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes)).is_ok();
        if !taken {
            self.overflow("max_bytes");
        }
        taken
    }

    fn give_back(&self, bytes: usize) {
        self.bytes_left.fetch_add(bytes, Relaxed);
    }

    #[cfg(all(test, loom))]
    pub(super) fn bytes_left(&self) -> usize {
        self.bytes_left.load(Relaxed)
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

/// Where memory for what is made when first needed comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory<'a> {
    core: Option<&'a Core>,
    /// Whether the core is asked at all; a field of its own, so that nobody decides before memory is needed.
    bounded: bool,
}

impl<'a> Memory<'a> {
    /// As far as the ledger's settings go.
    pub(super) const fn of(core: &'a Core) -> Self {
        Self::within(core, true)
    }

    /// As far as the ledger's settings go, if it is `bounded`; else in any case.
    pub(super) const fn within(core: &'a Core, bounded: bool) -> Self {
        Self { core: Some(core), bounded }
    }

    /// In any case: for the overflow series, of which there are four, each with an end.
    pub(super) const UNBOUNDED: Self = Self { core: None, bounded: false };

    /// What the cell holds, made if there is memory for it.
    #[inline]
    pub(super) fn get_or_make<T: Default>(self, cell: &OnceLock<Box<T>>) -> Option<&T> {
        match cell.get() {
            Some(made) => Some(made),
            None => self.make(cell),
        }
    }

    #[cold]
    fn make<T: Default>(self, cell: &OnceLock<Box<T>>) -> Option<&T> {
        let core = self.core.filter(|_| self.bounded);
        if core.is_some_and(|core| !core.take(size_of::<T>())) {
            return None;
        }
        let mut ours = false;
        let made = cell.get_or_init(|| {
            ours = true;
            Box::default()
        });
        if let (false, Some(core)) = (ours, core) {
            core.give_back(size_of::<T>());
        }
        Some(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{CallTrace, Captured, SpanWrites};
    use http::HeaderMap;

    fn core(max_series: usize, max_bytes: usize) -> Core {
        Core::new(&LedgerBuilder::default().max_series(max_series).max_bytes(max_bytes))
    }

    type Take = fn(&Core, usize) -> bool;
    type GiveBack = fn(&Core, usize);
    const PLACES: [(Take, GiveBack); 2] =
        [(Core::take_endpoint, Core::give_back_endpoint), (Core::take_series, Core::give_back_series)];

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again_with_its_memory() {
        for (take, give_back) in PLACES {
            let core = core(1, 100);
            assert!(take(&core, 100) && !core.has_overflowed());
            assert!(!take(&core, 0) && core.has_overflowed());
            give_back(&core, 100);
            assert!(take(&core, 100));
        }
    }

    #[test]
    fn a_place_without_memory_for_it_is_left_to_another() {
        for (take, _) in PLACES {
            let core = core(2, 100);
            assert!(!take(&core, 101) && core.has_overflowed());
            assert_eq!([50, 50, 0].map(|bytes| take(&core, bytes)), [true, true, false]);
        }
    }

    #[test]
    fn what_another_thread_made_first_costs_nothing() {
        let core = core(0, 16);
        let memory = Memory::of(&core);
        let [theirs, ours, more]: [OnceLock<Box<[u64; 2]>>; 3] = Default::default();
        theirs.get_or_init(|| Box::new([7; 2]));
        // As where it came between our look into the cell and our making it.
        assert_eq!(memory.make(&theirs), Some(&[7; 2]));
        assert_eq!(memory.get_or_make(&ours), Some(&[0; 2]));
        assert_eq!(memory.get_or_make(&more), None);
        assert_eq!(Memory::within(&core, false).get_or_make(&more), Some(&[0; 2]));
    }

    #[test]
    fn the_interval_between_events_is_the_one_that_was_set() {
        let core = |interval| Core::new(&LedgerBuilder::default().event_interval(interval));
        assert_eq!(core(Duration::from_millis(3)).event_interval(), 3_000_000);
        assert_eq!(core(Duration::MAX).event_interval(), u64::MAX);
    }

    #[test]
    fn a_filter_keeps_the_exemplars_that_its_name_says() {
        let ids = |flags: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", format!("00-{:032x}-{:016x}-{flags}", 1, 2).parse().unwrap());
            CallTrace::capture(&headers, SpanWrites::Nothing)
        };
        let (sampled, other, none) = (ids("01"), ids("00"), Captured::default());
        let keeps = |filter| {
            let core = Core::new(&LedgerBuilder::default().exemplars(filter));
            [&sampled, &other, &none].map(|trace| core.keeps(trace.flags))
        };
        assert_eq!(keeps(ExemplarFilter::default()), [true, false, false]);
        assert_eq!(keeps(ExemplarFilter::AlwaysOn), [true, true, false], "without ids there is none to keep");
        assert_eq!(keeps(ExemplarFilter::AlwaysOff), [false; 3]);
    }
}
