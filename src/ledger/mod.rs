//! The ledger: the in-process book of sizes, outcomes and exemplars.
//!
//! One series per endpoint, direction, content coding and view, and for responses status code. Writing takes no
//! lock and, once a series stands, next to never allocates; memory is bounded twice, by the number of series and
//! by their bytes. A ledger knows none of its readers: they are made from it, and read by [`Ledger::snapshot`] or
//! [`Ledger::visit`].
//!
//! ```text
//! Ledger ─ endpoints: fixed table ─ Entry ─ chain of Series ─┬─ completed: Sizes, with exemplars
//!    │                                                       ├─ refused:   Sizes, when first needed
//!    └─ overflow: one Entry a role                           └─ outcomes, over limit, limits in force
//! ```

mod attributes;
mod builder;
mod core;
mod entry;
mod exemplar;
mod handle;
#[cfg(all(test, loom))]
mod models;
mod octave;
mod pace;
#[cfg(feature = "serde")]
mod saved;
#[cfg(feature = "serde")]
mod saved_raw;
mod series;
mod series_view;
mod size_distribution;
mod sizes;
mod snapshot;
mod table;
mod versions;

pub use attributes::{ContentCoding, UrlScheme, View};
pub use builder::{ExemplarFilter, LedgerBuilder};
pub use core::Enforcement;
pub use exemplar::Exemplar;
pub use handle::Ledger;
#[cfg(feature = "serde")]
pub use saved::SnapshotError;
pub use series::Outcome;
pub use series_view::SeriesView;
pub use size_distribution::{Bucket, SizeDistribution};
pub use snapshot::{Outcomes, SeriesSnapshot, Snapshot};

pub(crate) use attributes::Attributes;
pub(crate) use entry::Entry;
pub(crate) use exemplar::CLASSIC_BOUNDS;
pub(crate) use series::{Population, Series};
pub(crate) use versions::Version;
