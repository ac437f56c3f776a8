//! The detector: the service itself notices that its bodies grew, when, and from what to what.
//!
//! ```
//! use plimsoll::{Detector, Ledger};
//!
//! let ledger = Ledger::new();
//! let detector = Detector::new(&ledger);
//! let ticker = detector.start()?; // findings are logged from now on
//! # drop(ticker);
//! # Ok::<_, std::io::Error>(())
//! ```
//!
//! # What is compared
//!
//! All bodies that were *offered* to one endpoint, in one direction and view: those of requests, and of successful
//! responses, completed or refused. Refused ones count by what they declared, or else was seen of them: a limit does not
//! blind the detector. All content codings count together, and the share without one is watched beside them: where
//! that rose, the finding says "compression lost". The overflow series, in which many endpoints are one, are left out.
//!
//! They are compared with the same series a period ago: a week by default, so that Mondays meet Mondays. Only the
//! shares of bodies above four edges are compared, over the baseline's p50, p90, p99 and p99.9. The method, its source
//! and its bound on false alarms stand at [`Ladder`].
//!
//! # The first weeks
//!
//! 1. *Learning*: no baseline, no findings. Limits work all the same.
//! 2. From the end of the first period, p99 and p99.9 may alert, p50 and p90 warn: nobody knows yet how much they move in
//!    calm traffic. What they do is noted.
//! 3. From the end of a calm period on, all may alert, above what calm traffic did. Each calm period is the baseline of
//!    the next. While an alert is open the period stands still, and none of its bodies enter a baseline. A warning that
//!    lasts is usual from the end of its period on.
//!
//! What a series did in one of its last two periods is usual in it: the edges are those of the last period, or of the one
//! before where they are higher. Else a crawler that comes in some weeks only would be a finding in each week after one
//! without it. What shrank and grows back is found a period later for that.
//!
//! A baseline needs 100 bodies for p50 and p90, 1,000 for p99, 10,000 for p99.9. The oldest one, or the last that was
//! accepted, stays as an anchor: what grew a little each week, and doubled, is found against it.
//!
//! # A finding, from its opening to its end
//!
//! It is opened in the fifth tick with traffic at the earliest: as a warning, where chance is ruled out; as an alert,
//! where the growth is larger than the gate, too. It goes to the log, to [`DetectorBuilder::on_notice`], to
//! [`Detector::findings`] and to the metrics; while it is open, spans of bodies above the gate edge carry
//! `plimsoll.above_baseline`, so that tail sampling can keep their traces. Several endpoints at once are one event.
//!
//! It names the last version that was seen before the change and the first one after: of an upstream, from the response
//! header that [`LedgerBuilder::version_header`](crate::LedgerBuilder::version_header) names; of this service, from
//! [`DetectorBuilder::service_version`]. Where both are one, [`Finding::version_since`] tells whether it was new.
//!
//! It ends when the sizes are back, when [`Detector::fixed`] is confirmed by the bodies after it, or when the change is
//! accepted: in code with [`Detector::accept`], or as an [`AcceptedChange`]. Each end has a [`Closing`], with the sizes.
//!
//! # Over a restart, and from instance to instance
//!
//! With feature `serde`, what was learnt is kept in a `Store` (`FileStore`: one file an instance, as TOML), begins as
//! what was compiled in (`begin_with`), and adds up exactly over many instances (`SavedDetector::merge`, or the command
//! `plimsoll merge`), so that a new one starts with its fleet's baselines.
//!
//! The statistic can be driven by hand, on counts of your own: see [`Ladder`].

mod accepted;
mod baseline;
mod book;
mod builder;
mod closing;
mod counts;
mod declared;
mod detector;
mod finding;
mod ladder;
mod notice;
#[cfg_attr(feature = "serde", path = "persist.rs")]
#[cfg_attr(not(feature = "serde"), path = "persist_none.rs")]
mod persist;
#[cfg(feature = "serde")]
mod saved;
#[cfg(feature = "serde")]
mod saved_counts;
#[cfg(feature = "serde")]
mod saved_finding;
#[cfg(feature = "serde")]
mod saved_watch;
mod settings;
#[cfg(feature = "serde")]
mod store;
mod ticker;
mod view;
mod watch;

pub use accepted::AcceptedChange;
pub use baseline::Period;
pub use builder::DetectorBuilder;
#[cfg(feature = "serde")]
pub(crate) use declared::Declaration;
pub use detector::Detector;
pub use finding::{Closing, Finding, FindingKind, Resolution, Severity, SizeSummary};
pub use ladder::{Edges, Ladder, RungEdges, Statistic, Tick, Verdict};
pub use notice::Notice;
#[cfg(feature = "serde")]
pub use saved::{SavedDetector, SavedError};
pub use settings::{Growth, GrowthRule, Quantile};
#[cfg(feature = "serde")]
pub use store::{FileStore, Store, StoreError};
pub use ticker::Ticker;
pub use view::{FindingCount, JudgedSeries, Stage};

#[cfg(test)]
mod backwards;
#[cfg(test)]
mod tests;
