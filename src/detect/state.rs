//! What a detector knows: the groups that it judges, and the findings they led to.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::accepted::AcceptedChange;
use super::builder::DetectorBuilder;
use super::course::Bodies;
use super::finding::{Closed, Closing, Finding, GrowthKind, Severity, SizeSummary};
use super::group::{Group, Key, Read};
use super::ladder::{Statistic, Verdict};
use super::watch::{Event, Moment, Rules, Watch};
use crate::clock;
use crate::endpoint::Role;
use crate::ledger::{Bucket, Version};

/// Closed findings that are remembered.
const REMEMBERED: usize = 64;
/// The longest gap between two ticks that counts as time in which the detector watched: an hour.
const GAP: u64 = 3_600_000_000_000;
/// The share of uncoded bodies has risen, rather than varied, from so many thousandths on.
const CODING_LOST: u64 = 300;
/// How much sooner than its first large body a version may have been seen: a coarse clock, and what is under way.
const SLACK: u64 = 2_000_000_000;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) groups: Vec<Group>,
    places: HashMap<Key, usize>,
    /// By the address of a series, which stays: what was read of it.
    series: HashMap<usize, Option<Read>>,
    /// What was loaded and has not been seen in traffic yet.
    pub(super) loaded: HashMap<String, Watch>,
    /// The version of this service that wrote what was loaded.
    pub(super) version_before: Option<Arc<str>>,
    /// The last tick, in nanoseconds since 1970.
    pub(super) last: Option<u64>,
    /// For how long the detector has watched, in nanoseconds.
    pub(super) watched: u64,
    pub(super) open: BTreeMap<u64, Finding>,
    pub(super) closed: VecDeque<Finding>,
    next: u64,
    /// Findings that were opened, by what they were.
    pub(super) counts: BTreeMap<(Severity, GrowthKind), u64>,
}

impl State {
    /// Looks at what came since the last tick. Gives the findings that were opened, raised or closed.
    pub(super) fn tick(&mut self, settings: &DetectorBuilder, statistic: &Statistic, now: u64) -> Vec<Finding> {
        let before = self.last.replace(now).unwrap_or(now);
        self.watched = self.watched.saturating_add(now.saturating_sub(before).min(GAP));
        // A clock that was set back: what is large from now on has been seen before.
        let at = Moment { before: before.min(now), watched: self.watched };
        self.read(settings);
        let mut changed = Vec::new();
        let mut marks = false;
        for place in 0..self.groups.len() {
            let Some(group) = self.groups.get_mut(place).filter(|group| group.fresh.sizes.bodies() > 0) else {
                continue;
            };
            let fresh = std::mem::take(&mut group.fresh);
            let rules = Rules { statistic, growth: &group.growth, anchor: &settings.anchor, period: settings.period };
            let event = group.watch.tick(&fresh, &at, &rules);
            if group.excursion().is_none() {
                group.exemplars.clear();
            }
            group.fresh = recycled(fresh);
            if let Some(event) = event {
                marks = true;
                changed.push((place, event));
            }
        }
        if self.groups.iter().any(|group| group.excursion().is_some()) {
            self.remember(settings);
        }
        let changed =
            changed.into_iter().filter_map(|(place, event)| self.note(place, event, settings, statistic, &at, now));
        let changed = changed.collect();
        self.follow();
        if marks {
            self.mark(settings);
        }
        changed
    }

    /// Reads what is new in the ledger into the groups.
    fn read(&mut self, settings: &DetectorBuilder) {
        let Self { groups, places, series: known, loaded, .. } = self;
        settings.ledger.visit(|series| {
            let read = known.entry(series.address()).or_insert_with(|| {
                let key = Key::of(&series)?;
                let place = *places.entry(key).or_insert_with_key(|key| {
                    let growth = *settings.growth_for(&key.endpoint);
                    let watch = loaded.remove(&key.to_string()).unwrap_or_default();
                    groups.push(Group::new(key.clone(), growth, watch));
                    groups.len().saturating_sub(1)
                });
                Some(Read::new(place))
            });
            if let Some(read) = read {
                if let Some(group) = groups.get_mut(read.group) {
                    read.advance(&series, &mut group.fresh);
                }
            }
        });
    }

    /// Keeps exemplars of excursions, while they stand in the ledger.
    fn remember(&mut self, settings: &DetectorBuilder) {
        let Self { groups, series: known, .. } = self;
        settings.ledger.visit(|series| {
            let read = known.get(&series.address()).and_then(Option::as_ref);
            if let Some(group) = read.and_then(|read| groups.get_mut(read.group)) {
                group.remember(&series);
            }
        });
    }

    /// Tells the ledger's series from which size on bodies are to be marked on their spans.
    pub(super) fn mark(&mut self, settings: &DetectorBuilder) {
        let Self { groups, series: known, .. } = self;
        settings.ledger.visit(|series| {
            let read = known.get(&series.address()).and_then(Option::as_ref);
            if let Some(group) = read.and_then(|read| groups.get(read.group)) {
                series.mark_above(group.watch.edge().map(|edge| Bucket::new(Some(edge), 1).largest()));
            }
        });
    }

    /// Brings the sizes of open findings up to date.
    fn follow(&mut self) {
        for group in self.groups.iter().filter(|group| group.finding.is_some()) {
            let finding = group.finding.and_then(|id| self.open.get_mut(&id));
            if let (Some(finding), Some(open)) = (finding, &group.watch.open) {
                let excursion = group.watch.course_of(open).and_then(|course| course.excursion.as_ref());
                // Bodies that may be usual ones again are no part of the growth.
                if let Some(excursion) = excursion.filter(|_| !open.is_recovering()) {
                    finding.after = SizeSummary::of(&excursion.bodies.sizes);
                }
                finding.exemplars.clone_from(&group.exemplars);
            }
        }
    }

    fn note(
        &mut self,
        place: usize,
        event: Event,
        settings: &DetectorBuilder,
        statistic: &Statistic,
        at: &Moment,
        now: u64,
    ) -> Option<Finding> {
        match event {
            Event::Closed(how, sizes) => self.conclude(place, how, SizeSummary::of(&sizes), now),
            Event::Found(verdict) => {
                let finding = self.found(place, &verdict, settings, now)?;
                let accepted = settings.accepted.iter().find(|change| accepts(change, &finding, now));
                let Some(AcceptedChange { reason, .. }) = accepted else { return Some(finding) };
                let how = Closed::Accepted(reason.clone());
                let group = self.groups.get_mut(place)?;
                let rules =
                    Rules { statistic, growth: &group.growth, anchor: &settings.anchor, period: settings.period };
                match group.watch.accept(how, at, &rules)? {
                    Event::Closed(how, sizes) => self.conclude(place, how, SizeSummary::of(&sizes), now),
                    Event::Found(_) => None,
                }
            }
        }
    }

    /// Writes down what was found: a new finding, or a warning that is an alert now.
    fn found(&mut self, place: usize, verdict: &Verdict, settings: &DetectorBuilder, now: u64) -> Option<Finding> {
        let group = self.groups.get_mut(place)?;
        let open = group.watch.open.as_ref()?;
        let course = group.watch.course_of(open)?;
        let excursion = course.excursion.as_ref()?;
        let since = group.exemplars.first().map_or(excursion.began, crate::Exemplar::unix_nanos);
        let (version_before, version_after) = match group.key.endpoint.role() {
            Role::Client => around(&settings.ledger.versions(&group.key.endpoint), excursion.began, since),
            Role::Server => match (&self.version_before, &settings.version) {
                (Some(before), Some(after)) if before != after => (Some(before.clone()), Some(after.clone())),
                (_, known) => (known.clone(), None),
            },
        };
        let id = *group.finding.get_or_insert_with(|| {
            self.next = self.next.saturating_add(1);
            self.next
        });
        let upstream = group.key.endpoint.upstream();
        let same = |other: &&Finding| {
            version_after.is_some() && other.version_after == version_after && other.endpoint.upstream() == upstream
        };
        let finding = Finding {
            id,
            event: self.open.values().find(same).map_or(id, |other| other.event),
            endpoint: group.key.endpoint.clone(),
            direction: group.key.direction,
            view: group.key.view,
            severity: open.severity,
            kind: kind(&course.baseline, &excursion.bodies, open.anchored, &group.growth, verdict),
            quantile: verdict.quantile,
            since: clock::time(since),
            found: clock::time(now),
            before: SizeSummary::of(&course.baseline.sizes),
            after: SizeSummary::of(&excursion.bodies.sizes),
            evidence: verdict.evidence,
            threshold: verdict.threshold,
            version_before,
            version_after,
            exemplars: group.exemplars.clone(),
            closed: None,
        };
        let count = self.counts.entry((finding.severity, finding.kind)).or_default();
        *count = count.saturating_add(1);
        self.open.insert(id, finding.clone());
        Some(finding)
    }

    /// Writes down that a group's finding is closed.
    pub(super) fn conclude(&mut self, place: usize, how: Closed, sizes: SizeSummary, now: u64) -> Option<Finding> {
        let group = self.groups.get_mut(place)?;
        group.exemplars.clear();
        let mut finding = self.open.remove(&group.finding.take()?)?;
        finding.closed = Some(Closing { how, at: clock::time(now), sizes });
        if self.closed.len() >= REMEMBERED {
            self.closed.pop_front();
        }
        self.closed.push_back(finding.clone());
        Some(finding)
    }
}

fn recycled(mut bodies: Bodies) -> Bodies {
    bodies.clear();
    bodies
}

fn accepts(change: &AcceptedChange, finding: &Finding, now: u64) -> bool {
    let AcceptedChange { endpoint, direction, version, reason: _, expires } = change;
    endpoint.is_of(&finding.endpoint)
        && direction.is_none_or(|direction| direction == finding.direction)
        && version.as_deref().is_none_or(|version| Some(version) == finding.version_after.as_deref())
        && expires.is_none_or(|expires| clock::time(now) < expires)
}

/// The last version before a change, and the first that came with it, if one did.
fn around(log: &[Version], began: u64, since: u64) -> (Option<Arc<str>>, Option<Arc<str>>) {
    let text = |version: &Version| Arc::clone(&version.text);
    let from = began.min(since).saturating_sub(SLACK);
    let came = log.iter().position(|version| version.first >= from);
    let before = match came {
        Some(place) => place.checked_sub(1).and_then(|place| log.get(place)),
        None => log.last(),
    };
    (before.map(text), came.and_then(|place| log.get(place)).map(text))
}

fn kind(baseline: &Bodies, since: &Bodies, anchored: bool, growth: &super::Growth, verdict: &Verdict) -> GrowthKind {
    if anchored {
        return GrowthKind::SlowCreep;
    }
    if let (Some(was), Some(is)) = (baseline.identity_per_mille(), since.identity_per_mille()) {
        if is.saturating_sub(was) >= CODING_LOST {
            return GrowthKind::CompressionLost;
        }
    }
    let margin = growth.rule(verdict.quantile).evidence_buckets();
    let larger = since.sizes.largest() > baseline.sizes.largest().map(|largest| largest.saturating_add(margin));
    if larger { GrowthKind::LargerThanEver } else { GrowthKind::MixShift }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_that_came_with_a_change_is_the_first_at_or_after_it() {
        let version = |text: &str, first| Version { text: text.into(), first };
        let log = [version("1", 1_000_000_000), version("2", 60_000_000_000), version("3", 90_000_000_000)];
        let texts = |began, since| {
            let (before, after) = around(&log, began, since);
            (before.map(|text| text.to_string()), after.map(|text| text.to_string()))
        };
        assert_eq!(texts(59_000_000_000, 60_500_000_000), (Some("1".into()), Some("2".into())));
        assert_eq!(texts(80_000_000_000, 91_000_000_000), (Some("2".into()), Some("3".into())));
        assert_eq!(texts(100_000_000_000, 101_000_000_000), (Some("3".into()), None));
        assert_eq!(texts(0, 1_000_000_000), (None, Some("1".into())));
    }
}
