//! The detector: the service itself notices that its bodies grew, since when, and with which version.
//!
//! It reads the ledger's offered sizes at every tick, off the request path, and holds them against a baseline: the sizes
//! of the same endpoint in the period before, a week by default. The rule is "p99 grew by more than 50 % over the same
//! endpoint a week ago", and the same for p50, p90 and p99.9. It is not a comparison of two p99s, which false-alarms all
//! the time in small windows and comes late in large ones, but a test that may be asked at every tick: see [`Ladder`],
//! which can also be driven by hand, on counts of your own.
//!
//! # What is judged together
//!
//! The offered bodies of an endpoint, a direction and a view: complete ones of 2xx answers, and refused ones by what they
//! declared. Without the refused ones, a limit would blind the detector. All content codings together: the share of
//! uncoded bodies is watched beside them, so that lost compression is called that.
//!
//! # The first periods
//!
//! | period | status | what is found |
//! |---|---|---|
//! | first | [`Status::Learning`] | nothing: the baseline is collected |
//! | second | [`Status::FirstPeriod`] | p99 and p99.9 give alerts; growth of the median and p90 is a warning, since the season of this traffic is not known yet |
//! | from the third | [`Status::Watching`] | all quantiles give alerts, with what was usual in the last calm period allowed for |
//!
//! A quantile is judged once the baseline has a hundred bodies, and ten beyond it: the median and p90 from 100 bodies, p99
//! from 1,000, p99.9 from 10,000. At the end of each period in which no alert was open, its bodies become the baseline.
//!
//! # Living with a finding
//!
//! While an alert is open, nothing since it began enters the baseline, and the period stands still. It closes by itself
//! when bodies are as they were, with a report of the sizes since; or it is [accepted](Detector::accept), and the
//! bodies since the change are the new baseline; or it is said to be [fixed](Detector::fixed). A warning is evidence
//! without the size that would make it an alert: if it lasts to the end of its period, its bodies are taken for usual,
//! and growth that goes on like that is found against the oldest baseline that was accepted ([`GrowthKind::SlowCreep`]).
//!
//! Growth that is known to come can be accepted beforehand: [`AcceptedChange`].

mod accepted;
mod builder;
mod counts;
mod course;
mod detector;
mod finding;
mod group;
mod ladder;
mod recovery;
mod settings;
mod state;
mod ticker;
mod watch;

pub use accepted::AcceptedChange;
pub use builder::DetectorBuilder;
pub use detector::{Detector, NoSuchFinding, Status, Watched};
pub use finding::{Closed, Closing, Finding, GrowthKind, Severity, SizeSummary};
pub use ladder::{Edges, Ladder, RungEdges, Statistic, Tick, Verdict};
pub use settings::{Growth, GrowthRule, Period, Quantile};
pub use ticker::Ticker;
