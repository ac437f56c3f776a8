//! The handle that users hold: make it, tick it, ask it, answer it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::accepted::AcceptedChange;
use super::book::Book;
use super::builder::DetectorBuilder;
use super::finding::{Closing, Finding};
use super::ladder::Statistic;
use super::notice::Notice;
use super::view::{FindingCount, JudgedSeries};
use crate::ledger::{Exemplar, Ledger};

/// Watches the sizes in a ledger, and says when they grew. A clone is a handle to the same detector.
///
/// It sees nothing by itself: call [`tick`](Self::tick) every [`tick_interval`](Self::tick_interval), on any thread, or
/// let [`start`](Self::start) do it.
///
/// ```
/// use plimsoll::detect::{Detector, Notice};
/// use plimsoll::Ledger;
///
/// let ledger = Ledger::new();
/// let detector = Detector::builder(&ledger)
///     .service_version("1.4.2")
///     .on_notice(|notice| if let Notice::Opened(findings) = notice { println!("{}", findings[0]) })
///     .build();
/// detector.tick();
/// assert!(detector.findings().is_empty());
/// ```
#[derive(Clone)]
pub struct Detector(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) settings: DetectorBuilder,
    statistic: Statistic,
    book: Mutex<Book>,
}

impl Detector {
    /// A detector with the default settings. Findings are logged, and kept in [`findings`](Self::findings).
    #[must_use]
    pub fn new(ledger: &Ledger) -> Self {
        Self::builder(ledger).build()
    }

    /// A detector with settings of your own.
    pub fn builder(ledger: &Ledger) -> DetectorBuilder {
        DetectorBuilder::new(ledger)
    }

    pub(super) fn with_settings(settings: DetectorBuilder) -> Self {
        let statistic = Statistic::new(settings.alpha, settings.tick);
        let book = Mutex::new(Book::new(&settings));
        Self(Arc::new(Shared { settings, statistic, book }))
    }

    /// Looks at all that came since the last tick, and gives what it makes of it, logged and told already.
    ///
    /// Takes one or two microseconds for each series with traffic since. A tick that comes late sees more at once, one
    /// that comes twice sees nothing; neither does harm.
    #[allow(clippy::must_use_candidate, reason = "what it gives is told already")]
    pub fn tick(&self) -> Vec<Notice> {
        let Shared { settings, statistic, .. } = &*self.0;
        let notices = self.book().tick(settings, statistic);
        self.tell(&notices);
        self.keep(false);
        notices
    }

    /// How often to call [`tick`](Self::tick).
    #[must_use]
    pub fn tick_interval(&self) -> Duration {
        self.0.settings.tick
    }

    /// The findings that are open, the oldest first. After a restart, one of before is there once its endpoint has traffic.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.book().findings()
    }

    /// Says that a finding is a wanted change: the bodies since the change are the new baseline. Gives the closing report;
    /// `None` where no finding with this id is open.
    #[allow(clippy::must_use_candidate, reason = "the report is told already")]
    pub fn accept(&self, finding: u64, reason: &str) -> Option<Closing> {
        let closing = self.book().accept(&self.0.settings, finding, reason)?;
        self.tell(&[Notice::Closed(closing.clone())]);
        Some(closing)
    }

    /// Says that a finding was put right. It closes with a report of the sizes from now on, once five ticks and 30
    /// bodies have confirmed it; where they don't, it stays open. `false` where no finding with this id is open.
    #[must_use]
    pub fn fixed(&self, finding: u64) -> bool {
        self.book().fixed(finding)
    }

    /// Replaces the changes that are accepted: when the file that lists them was read again.
    pub fn set_accepted_changes(&self, changes: Vec<AcceptedChange>) {
        self.book().set_accepted(changes);
    }

    /// Calls `each` for every judged series, without copying it, in the order in which they had traffic first.
    ///
    /// The detector waits meanwhile: to ask it anything else from within would be to wait for ever.
    pub fn visit(&self, mut each: impl FnMut(JudgedSeries<'_>)) {
        let book = self.book();
        book.watches().for_each(|(watch, entry)| each(JudgedSeries::new(watch, entry)));
    }

    /// How many findings there have been, by severity and kind; a warning that became an alert is one of each.
    #[must_use]
    pub fn finding_counts(&self) -> Vec<FindingCount> {
        self.book().counts()
    }

    /// When it was made: its counts run from here, in nanoseconds since 1970.
    #[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "other formats do not ask"))]
    pub(crate) fn began(&self) -> u64 {
        self.book().began()
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Outside of the lock: whoever is told may ask back.
    fn tell(&self, notices: &[Notice]) {
        for notice in notices {
            notice.log();
            if let Some(call) = &self.0.settings.on_notice {
                call(notice);
            }
        }
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("findings", &self.findings()).finish_non_exhaustive()
    }
}

/// Bodies over a bucket's edge among these exemplars.
pub(super) fn over(edge: u16) -> impl Fn(&Exemplar) -> bool {
    move |exemplar| crate::ledger::Bucket::of_size(exemplar.value()).index() > Some(edge)
}
