//! What is judged together: all offered bodies of one endpoint, direction and view, whatever their status and coding.

use std::fmt;

use super::counts::Counts;
use super::course::Bodies;
use super::settings::Growth;
use super::watch::Watch;
use crate::endpoint::{Direction, Endpoint, EndpointName};
use crate::ledger::{Bucket, ContentCoding, Exemplar, SeriesView, View};

/// Exemplars that a finding holds.
const EXEMPLARS: usize = 5;

/// Which bodies are judged together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) endpoint: Endpoint,
    pub(super) direction: Direction,
    pub(super) view: View,
}

/// The bodies that are judged together, and what is known of them.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) key: Key,
    pub(super) growth: Growth,
    pub(super) watch: Watch,
    /// New bodies in this tick.
    pub(super) fresh: Bodies,
    /// The first bodies of an excursion that left an exemplar above the edge.
    pub(super) exemplars: Vec<Exemplar>,
    /// The number of the finding that is open.
    pub(super) finding: Option<u64>,
}

/// What was read of one series of the ledger before.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) group: usize,
    completed: Counts,
    refused: Counts,
}

/// As a file names it: `client GET /inventory/{sku} of inventory response wire`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, direction, view } = self;
        match EndpointName::of(endpoint) {
            Some(name) => write!(f, "{name} {direction} {}", view.as_str()),
            None => write!(f, "{endpoint} {direction} {}", view.as_str()),
        }
    }
}

impl Key {
    /// Of which group a series is a part; `None` where it is of none: what failed, and what found no room.
    pub(super) fn of(series: &SeriesView<'_>) -> Option<Self> {
        let successful = series.status().is_none_or(|status| (200..300).contains(&status));
        let judged = successful && !series.endpoint().is_overflow();
        judged.then(|| Self { endpoint: series.endpoint().clone(), direction: series.direction(), view: series.view() })
    }
}

impl Group {
    pub(super) fn new(key: Key, growth: Growth, watch: Watch) -> Self {
        Self { key, growth, watch, fresh: Bodies::default(), exemplars: Vec::new(), finding: None }
    }

    /// Remembers the exemplars of a series that show the excursion, the earliest first, each trace once.
    pub(super) fn remember(&mut self, series: &SeriesView<'_>) {
        let Some((began, edge)) = self.excursion() else { return };
        for exemplar in series.completed_exemplars().chain(series.refused_exemplars()) {
            let shows = exemplar.unix_nanos() >= began && place(Bucket::of_size(exemplar.value())) > edge;
            let known = self.exemplars.iter().any(|known| known.trace_id() == exemplar.trace_id());
            if shows && !known && self.exemplars.len() < EXEMPLARS {
                self.exemplars.push(exemplar);
            }
        }
        self.exemplars.sort_by_key(Exemplar::unix_nanos);
    }

    /// When the excursion began that its bodies are on, and the lowest edge that they crossed.
    pub(super) fn excursion(&self) -> Option<(u64, u16)> {
        let course = match &self.watch.open {
            Some(open) => self.watch.course_of(open),
            None => self.watch.course.as_ref(),
        }?;
        let excursion = course.excursion.as_ref()?;
        let edges = super::Quantile::ALL.into_iter().filter_map(|quantile| course.edges.rung(quantile));
        Some((excursion.began, edges.map(|rung| rung.evidence).min()?))
    }
}

impl Read {
    pub(super) fn new(group: usize) -> Self {
        Self { group, completed: Counts::default(), refused: Counts::default() }
    }

    /// Adds the bodies that a series got since it was last read.
    pub(super) fn advance(&mut self, series: &SeriesView<'_>, into: &mut Bodies) {
        let Self { group: _, completed, refused } = self;
        let before = into.sizes.bodies();
        series.for_each_completed(|bucket| {
            let index = place(bucket);
            into.sizes.add(index, completed.raise(index, bucket.count()));
        });
        series.for_each_refused(|bucket| {
            let index = place(bucket);
            into.sizes.add(index, refused.raise(index, bucket.count()));
        });
        if series.coding() == ContentCoding::Identity {
            let more = into.sizes.bodies().saturating_sub(before);
            into.identity = into.identity.saturating_add(more);
        }
    }
}

fn place(bucket: Bucket) -> u16 {
    bucket.index().unwrap_or(0)
}
