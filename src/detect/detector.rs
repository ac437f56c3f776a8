//! The handle: makes a detector from a ledger, ticks it, and asks what it knows.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::builder::DetectorBuilder;
use super::finding::{Closed, Finding, GrowthKind, Severity, SizeSummary};
use super::ladder::Statistic;
use super::settings::Quantile;
use super::state::State;
use super::watch::{Event, Moment, Rules, Watch};
use crate::endpoint::{Direction, Endpoint};
use crate::ledger::{Exemplar, Ledger, View};

/// Notices that the bodies in a ledger grow. A clone is a handle to the same detector.
///
/// It does nothing by itself: [`tick`](Self::tick) it every [`tick_interval`](Self::tick_interval), or let
/// [`start`](Self::start) do so on a thread.
///
/// ```
/// use plimsoll::detect::Detector;
/// use plimsoll::Ledger;
///
/// let ledger = Ledger::new();
/// let detector = Detector::new(&ledger);
/// let ticker = detector.start()?; // ends when it is dropped
/// assert!(detector.findings().is_empty());
/// # drop(ticker);
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Detector(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) settings: DetectorBuilder,
    pub(super) statistic: Statistic,
    state: Mutex<State>,
}

/// What is known of one group of bodies, borrowed: see [`Detector::visit`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Watched<'a> {
    /// Whose bodies.
    pub endpoint: &'a Endpoint,
    /// Which of its bodies.
    pub direction: Direction,
    /// Whether their bytes are those of the wire or decoded ones.
    pub view: View,
    /// How far the detector is.
    pub status: Status,
    /// The finding that is open.
    pub finding: Option<&'a Finding>,
    watch: &'a Watch,
    exemplars: &'a [Exemplar],
}

/// How far a detector is with a group of bodies; moves at ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The first baseline is being collected, and has so many bodies yet. Limits work all the same.
    Learning(u64),
    /// There is a baseline, but no calm period has shown yet what is usual beside it: p99 and p99.9 give alerts, the
    /// median and p90 warnings only.
    FirstPeriod,
    /// As specified.
    Watching,
}

impl Watched<'_> {
    /// Bodies above the gate edge of each quantile that the baseline has one for, since it stands; with the upper end
    /// of the baseline's quantile that is, in bytes. Moves at ticks; never goes back.
    pub fn above_baseline(&self) -> impl Iterator<Item = (Quantile, u64)> {
        let edges = self.watch.course.as_ref().map(|course| course.edges);
        let usable = move |quantile| edges.is_some_and(|edges| edges.rung(quantile).is_some());
        let counted = Quantile::ALL.into_iter().zip(self.watch.above);
        counted.filter(move |(quantile, count)| *count > 0 || usable(*quantile))
    }

    /// The last body above the edge that left an exemplar, while an excursion is on.
    #[must_use]
    pub fn exemplar(&self) -> Option<&Exemplar> {
        self.exemplars.last()
    }
}

/// Why a finding can be neither accepted nor called fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchFinding(u64);

impl fmt::Display for NoSuchFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no finding {} is open; `Detector::findings` has the numbers of those that are", self.0)
    }
}

impl Error for NoSuchFinding {}

impl Detector {
    /// A detector with the default settings: see [`DetectorBuilder`].
    #[must_use]
    pub fn new(ledger: &Ledger) -> Self {
        Self::builder(ledger).build()
    }

    /// A detector with settings of your own.
    pub fn builder(ledger: &Ledger) -> DetectorBuilder {
        DetectorBuilder::new(ledger)
    }

    pub(super) fn with_settings(settings: DetectorBuilder) -> Self {
        let statistic = settings.statistic();
        Self(Arc::new(Shared { settings, statistic, state: Mutex::default() }))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often it is to be ticked.
    #[must_use]
    pub fn tick_interval(&self) -> Duration {
        self.0.settings.tick
    }

    /// Looks at what the ledger got since the last tick, and gives the findings that were opened, raised to an alert,
    /// or closed: logged, and told to whoever is to be told, already.
    ///
    /// Ticks that come late or twice, and clocks that jump, do no harm.
    #[allow(clippy::must_use_candidate, reason = "what it gives is logged and told already")]
    pub fn tick(&self) -> Vec<Finding> {
        let Shared { settings, statistic, .. } = &*self.0;
        let changed = self.state().tick(settings, statistic, settings.ledger.unix_nanos());
        self.announce(&changed);
        changed
    }

    /// The findings that are open, then the last 64 that were closed; the oldest of each first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let state = self.state();
        state.open.values().chain(&state.closed).cloned().collect()
    }

    /// Findings that were opened since this detector was made, by severity and kind; one that was raised from a warning
    /// to an alert counts as both.
    #[must_use]
    pub fn finding_counts(&self) -> Vec<(Severity, GrowthKind, u64)> {
        self.state().counts.iter().map(|((severity, kind), count)| (*severity, *kind, *count)).collect()
    }

    /// Calls `each` for every group of bodies that has had traffic; in the order in which they came.
    ///
    /// The detector is locked meanwhile: `each` must not call it.
    pub fn visit(&self, mut each: impl FnMut(Watched<'_>)) {
        let state = self.state();
        for group in &state.groups {
            let watch = &group.watch;
            let status = match (&watch.course, &watch.worst) {
                (None, _) => Status::Learning(watch.period.bodies.sizes.bodies()),
                (Some(_), None) => Status::FirstPeriod,
                (Some(_), Some(_)) => Status::Watching,
            };
            each(Watched {
                endpoint: &group.key.endpoint,
                direction: group.key.direction,
                view: group.key.view,
                status,
                finding: group.finding.and_then(|id| state.open.get(&id)),
                watch,
                exemplars: &group.exemplars,
            });
        }
    }

    /// Accepts the growth of an open finding, and closes it: the bodies since the change are the new baseline.
    ///
    /// For what is known to come, or where there are many instances, declare an [`AcceptedChange`](super::AcceptedChange).
    ///
    /// # Errors
    ///
    /// Where no finding of this number is open.
    pub fn accept(&self, id: u64, reason: &str) -> Result<Finding, NoSuchFinding> {
        self.close(id, |watch, at, rules| watch.accept(Closed::Accepted(reason.into()), at, rules))
    }

    /// Closes an open finding as fixed: the old baseline stands, and a growth that goes on is found anew.
    ///
    /// It need not be called: a finding closes by itself once bodies are as they were.
    ///
    /// # Errors
    ///
    /// Where no finding of this number is open.
    pub fn fixed(&self, id: u64) -> Result<Finding, NoSuchFinding> {
        self.close(id, |watch, at, _| watch.close(Closed::Fixed, at))
    }

    fn close(
        &self,
        id: u64,
        close: impl FnOnce(&mut Watch, &Moment, &Rules<'_>) -> Option<Event>,
    ) -> Result<Finding, NoSuchFinding> {
        let Shared { settings, statistic, .. } = &*self.0;
        let now = settings.ledger.unix_nanos();
        let mut state = self.state();
        let at = Moment { before: now, watched: state.watched };
        let place = state.groups.iter().position(|group| group.finding == Some(id)).ok_or(NoSuchFinding(id))?;
        let group = state.groups.get_mut(place).ok_or(NoSuchFinding(id))?;
        let rules = Rules { statistic, growth: &group.growth, anchor: &settings.anchor, period: settings.period };
        let finding = match close(&mut group.watch, &at, &rules) {
            Some(Event::Closed(how, sizes)) => state.conclude(place, how, SizeSummary::of(&sizes), now),
            _ => None,
        };
        state.mark(settings);
        drop(state);
        let finding = finding.ok_or(NoSuchFinding(id))?;
        self.announce(std::slice::from_ref(&finding));
        Ok(finding)
    }

    /// Logs what has changed, an event only once, and tells who is to be told.
    fn announce(&self, changed: &[Finding]) {
        for finding in changed {
            let others = changed.iter().filter(|other| other.event == finding.event && other.is_open()).count();
            let Finding { id, event, endpoint, direction, severity, kind, .. } = finding;
            let (role, direction) = (endpoint.role().as_str(), direction.as_str());
            let (severity, kind, quantile) = (severity.as_str(), kind.as_str(), finding.quantile.as_str());
            let (before, after) = (finding.before.quantile(finding.quantile), finding.after.quantile(finding.quantile));
            let factor = finding.factor();
            let (version_before, version_after) = (finding.version_before.as_deref(), finding.version_after.as_deref());
            let trace_id = finding.exemplars.first().map(|first| format!("{:032x}", first.trace_id()));
            macro_rules! event {
                ($log:ident) => {
                    tracing::$log!(
                        finding = id, event, others = others.saturating_sub(1), role, direction, %endpoint, severity,
                        kind, quantile, before, after, factor, version_before, version_after, trace_id, "{finding}"
                    )
                };
            }
            match (finding.is_open(), finding.severity) {
                (true, _) if id != event => event!(info),
                (true, Severity::Alert) => event!(error),
                (true, Severity::Warning) => event!(warn),
                (false, _) => event!(info),
            }
            if let Some(told) = &self.0.settings.told.0 {
                told(finding);
            }
        }
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Detector")
            .field("tick", &self.0.settings.tick)
            .field("watched", &state.groups.len())
            .field("open", &state.open.len())
            .finish_non_exhaustive()
    }
}
