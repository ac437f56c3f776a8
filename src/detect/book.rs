//! All judged series of a detector, and one tick over them.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::accepted::AcceptedChange;
use super::builder::DetectorBuilder;
use super::declared::Rules;
use super::detector::over;
use super::finding::{Closing, Finding, FindingKind, Severity};
use super::ladder::Statistic;
use super::notice::Notice;
use super::persist::Loaded;
use super::view::{FindingCount, belongs, is_judged};
use super::watch::{Change, Now, Open, Reading, Watch};
use crate::clock::{self, Look};
use crate::endpoint::Direction;
use crate::ledger::{Bucket, ContentCoding, Entry, Exemplar, SeriesView, View};

/// The judged series that an endpoint can have: two directions, two views.
const SLOTS: [(Direction, View); 4] = [
    (Direction::Request, View::Wire),
    (Direction::Request, View::Decoded),
    (Direction::Response, View::Wire),
    (Direction::Response, View::Decoded),
];

#[derive(Debug)]
pub(super) struct Book {
    watches: Vec<Watch>,
    /// For each of them, where its bodies are counted.
    entries: Vec<Arc<Entry>>,
    /// By the address of the endpoint, with the slot in its low bits; and what the ledger's counters summed up to then.
    places: HashMap<usize, Place, RandomState>,
    readings: [Reading; SLOTS.len()],
    accepted: Vec<AcceptedChange>,
    rules: Rules,
    counts: [[u64; FindingKind::ALL.len()]; Severity::ALL.len()],
    last_id: u64,
    /// When this detector was made: what it counts runs from here, in nanoseconds since 1970.
    began: u64,
    then: Look,
    pub(super) loaded: Loaded,
}

#[derive(Debug)]
struct Place {
    watch: usize,
    fingerprint: Option<u64>,
}

impl Book {
    pub(super) fn new(settings: &DetectorBuilder) -> Self {
        let then = settings.ledger.look();
        let loaded = settings.persistence.load(settings.version.as_deref(), then.wall);
        Self {
            watches: Vec::new(),
            entries: Vec::new(),
            places: HashMap::default(),
            readings: Default::default(),
            accepted: settings.accepted.clone(),
            rules: Rules::new(settings),
            counts: Default::default(),
            last_id: loaded.last_id,
            began: then.wall,
            then,
            loaded,
        }
    }

    pub(super) fn tick(&mut self, settings: &DetectorBuilder, statistic: &Statistic) -> Vec<Notice> {
        self.rules.ask(settings, &mut self.watches, &mut self.accepted);
        let look = settings.ledger.look();
        let shift = look.shift_since(&self.then);
        self.watches.iter_mut().for_each(|watch| watch.clock_was_set(shift));
        let then = std::mem::replace(&mut self.then, look).wall;
        let now = Now { statistic, period: settings.period, anchor: settings.anchor, now: look.wall, then };
        let (mut opened, mut notices) = (Vec::new(), Vec::new());
        for entry in settings.ledger.entries() {
            self.look(entry, &now, settings, &mut opened, &mut notices);
        }
        self.announce(opened, &mut notices);
        notices
    }

    /// Looks at the series of one endpoint.
    fn look(
        &mut self,
        entry: &Arc<Entry>,
        now: &Now<'_>,
        settings: &DetectorBuilder,
        opened: &mut Vec<Finding>,
        notices: &mut Vec<Notice>,
    ) {
        let mut sums = [None; SLOTS.len()];
        for series in entry.views().filter(is_judged) {
            if let Some(sum) = sums.get_mut(slot(&series)) {
                *sum = Some(sum.unwrap_or(0u64).wrapping_add(series.fingerprint()));
            }
        }
        for (slot_number, sum) in sums.into_iter().enumerate() {
            let (Some(sum), Some((direction, view))) = (sum, SLOTS.get(slot_number)) else { continue };
            let key = entry.endpoint().place() | slot_number;
            let place = self.places.entry(key).or_insert_with(|| {
                self.entries.push(Arc::clone(entry));
                let growth = self.rules.of(entry.endpoint(), settings);
                let mut watch = Watch::new(entry.endpoint().clone(), *direction, *view, growth, now.now);
                self.loaded.restore(&mut watch, entry, &settings.anchor);
                make_room(&mut self.watches);
                self.watches.push(watch);
                Place { watch: self.watches.len().saturating_sub(1), fingerprint: None }
            });
            let Some(watch) = self.watches.get_mut(place.watch) else { continue };
            if place.fingerprint.replace(sum) == Some(sum) {
                if let Some(Change::Closed(closing)) = watch.roll(now) {
                    unmark(entry, watch);
                    notices.push(Notice::Closed(*closing));
                }
                continue;
            }
            let Some(reading) = self.readings.get_mut(slot_number) else { continue };
            let series = || entry.views().filter(|series| is_judged(series) && slot(series) == slot_number);
            reading.read(series());
            let recent = |exemplar: &Exemplar| (now.then..=now.now).contains(&exemplar.unix_nanos());
            let fresh_over = |edge| {
                let mut fresh: Vec<_> = series().flat_map(exemplars).filter(|e| over(edge)(e) && recent(e)).collect();
                fresh.sort_unstable_by_key(Exemplar::unix_nanos);
                fresh
            };
            let changes = watch.tick(now, reading, fresh_over);
            if watch.open.is_none() && changes.is_empty() {
                continue;
            }
            let place = place.watch;
            self.follow(place, changes, &series, now, opened, notices);
        }
    }

    /// What is done where a finding is open, or was until now.
    fn follow<'a, I: Iterator<Item = SeriesView<'a>>>(
        &mut self,
        place: usize,
        changes: Vec<Change>,
        series: &impl Fn() -> I,
        now: &Now<'_>,
        opened: &mut Vec<Finding>,
        notices: &mut Vec<Notice>,
    ) {
        let Some(watch) = self.watches.get_mut(place) else { return };
        let edge = watch.gate_edge();
        let bytes = edge.map(|edge| Bucket::new(Some(edge), 0).largest());
        series().for_each(|series| series.mark_above(bytes));
        if let (Some(open), Some(edge)) = (&mut watch.open, edge) {
            let risen = std::mem::take(&mut watch.risen).into_iter();
            open.finding.gather(risen.chain(series().flat_map(exemplars)).filter(over(edge)));
        }
        for change in changes {
            match change {
                Change::Closed(closing) => notices.push(Notice::Closed(*closing)),
                Change::Opened => {
                    if let Some(open) = &mut watch.open {
                        self.last_id = self.last_id.saturating_add(1);
                        open.finding.id = self.last_id;
                        open.finding.event = self.last_id;
                        let versions = self.entries.get(place).map_or_else(Vec::new, |entry| entry.versions());
                        // One tick more: that with the first answers of a deploy may not count as grown yet.
                        let tick = now.now.saturating_sub(now.then);
                        let not_before = open.not_before.saturating_sub(tick);
                        open.finding.name_versions(&versions, &self.loaded.own, not_before);
                        count(&mut self.counts, &open.finding);
                        opened.push(open.finding.clone());
                    }
                }
                Change::Raised => {
                    if let Some(open) = &watch.open {
                        count(&mut self.counts, &open.finding);
                        notices.push(Notice::Raised(open.finding.clone()));
                    }
                }
            }
        }
        let Some(Open { finding, .. }) = watch.open.as_deref() else { return };
        if let Some(change) = self.accepted.iter().find(|change| change.covers(finding, now.now)) {
            opened.retain(|other| other.id != finding.id);
            series().for_each(|series| series.mark_above(None));
            notices.extend(watch.accept(&change.reason, now.now).map(Notice::Closed));
        }
    }

    /// Findings of one tick, upstream and version are one event; later ones of the same version join it.
    fn announce(&mut self, opened: Vec<Finding>, notices: &mut Vec<Notice>) {
        let mut events: Vec<Vec<Finding>> = Vec::new();
        for mut finding in opened {
            let known = self.findings().into_iter().find(|other| {
                other.id < finding.id && finding.version_after.is_some() && other.is_of_one_event(&finding)
            });
            let event =
                events.iter_mut().find(|event| event.first().is_some_and(|first| first.is_of_one_event(&finding)));
            match (event, known) {
                (Some(event), _) => {
                    finding.event = event.first().map_or(finding.id, |first| first.event);
                    self.set_event(finding.id, finding.event);
                    event.push(finding);
                }
                (None, Some(known)) => {
                    finding.event = known.event;
                    self.set_event(finding.id, finding.event);
                    notices.push(Notice::Joined(finding));
                }
                (None, None) => events.push(vec![finding]),
            }
        }
        notices.extend(events.into_iter().map(Notice::Opened));
    }

    fn set_event(&mut self, id: u64, event: u64) {
        let open = self.watches.iter_mut().filter_map(|watch| watch.open.as_mut());
        open.filter(|open| open.finding.id == id).for_each(|open| open.finding.event = event);
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let open = self.watches.iter().filter_map(|watch| watch.open.as_ref());
        let mut findings: Vec<Finding> = open.map(|open| open.finding.clone()).collect();
        findings.sort_by_key(|finding| finding.id);
        findings
    }

    pub(super) fn accept(&mut self, settings: &DetectorBuilder, id: u64, reason: &str) -> Option<Closing> {
        let now = settings.ledger.unix_nanos();
        let place = self.watches.iter().position(|watch| watch.is_of(id))?;
        let (watch, entry) = (self.watches.get_mut(place)?, self.entries.get(place)?);
        unmark(entry, watch);
        watch.accept(reason, now)
    }

    pub(super) fn fixed(&mut self, id: u64) -> bool {
        self.watches.iter_mut().find(|watch| watch.is_of(id)).is_some_and(Watch::fixed)
    }

    pub(super) fn set_accepted(&mut self, changes: Vec<AcceptedChange>) {
        self.accepted = changes;
    }

    /// When it was made, in nanoseconds since 1970.
    #[cfg_attr(not(feature = "otlp"), allow(dead_code, reason = "other formats do not ask"))]
    pub(super) fn began(&self) -> u64 {
        self.began
    }

    #[cfg(feature = "serde")]
    pub(super) fn last_id(&self) -> u64 {
        self.last_id
    }

    pub(super) fn watches(&self) -> impl Iterator<Item = (&Watch, &Entry)> {
        self.watches.iter().zip(self.entries.iter().map(|entry| &**entry))
    }

    pub(super) fn counts(&self) -> Vec<FindingCount> {
        let all = Severity::ALL.into_iter().zip(&self.counts);
        all.flat_map(|(severity, kinds)| {
            FindingKind::ALL.into_iter().zip(kinds).map(move |(kind, count)| FindingCount {
                severity,
                kind,
                count: *count,
            })
        })
        .collect()
    }
}

impl Reading {
    /// Adds up the bodies of these series: completed ones, and refused ones by what they declared or were seen to be.
    fn read<'a>(&mut self, series: impl Iterator<Item = SeriesView<'a>>) {
        self.identity = 0;
        self.buckets.clear();
        let mut lists = 0usize;
        for series in series {
            let begin = self.buckets.len();
            series.for_each_completed(|bucket| self.buckets.push(bucket));
            let refused = self.buckets.len();
            series.for_each_refused(|bucket| self.buckets.push(bucket));
            let bodies = self.buckets.iter().skip(begin).fold(0u64, |sum, bucket| sum.saturating_add(bucket.count()));
            if series.coding() == ContentCoding::Identity {
                self.identity = self.identity.saturating_add(bodies);
            }
            let parts = usize::from(refused > begin).saturating_add(usize::from(self.buckets.len() > refused));
            lists = lists.saturating_add(parts);
        }
        if lists > 1 {
            self.fold();
        }
    }
}

/// Room for an eighth more, where there is none: a series is large, and doubling would leave half of it empty.
fn make_room(watches: &mut Vec<Watch>) {
    if watches.len() == watches.capacity() {
        watches.reserve_exact((watches.len() / 8).max(8));
    }
}

/// Bodies of this watch are marked no longer.
fn unmark(entry: &Entry, watch: &Watch) {
    let belongs = |series: &SeriesView<'_>| belongs(series, watch.direction, watch.view);
    entry.views().filter(belongs).for_each(|series| series.mark_above(None));
}

fn slot(series: &SeriesView<'_>) -> usize {
    let of = (series.direction(), series.view());
    SLOTS.iter().position(|slot| *slot == of).unwrap_or(SLOTS.len())
}

fn exemplars(series: SeriesView<'_>) -> impl Iterator<Item = Exemplar> {
    series.completed_exemplars().chain(series.refused_exemplars())
}

fn count(counts: &mut [[u64; FindingKind::ALL.len()]; Severity::ALL.len()], finding: &Finding) {
    let counter = counts.get_mut(finding.severity as usize).and_then(|kinds| kinds.get_mut(finding.kind as usize));
    if let Some(counter) = counter {
        *counter = counter.saturating_add(1);
    }
}

impl AcceptedChange {
    fn covers(&self, finding: &Finding, now: u64) -> bool {
        let Self { endpoint, direction, version, reason: _, expires } = self;
        endpoint.is_of(&finding.endpoint)
            && direction.is_none_or(|direction| direction == finding.direction)
            && version.as_ref().is_none_or(|version| Some(version) == finding.version_after.as_ref())
            && expires.is_none_or(|expires| clock::time(now) < expires)
    }
}
