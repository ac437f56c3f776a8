//! The life of one watched series: learning, the first baseline, calm periods, and findings that open and close.

use super::counts::Counts;
use super::course::{Bodies, Course, Evidence, Excursion, Step};
use super::finding::{Closed, Severity};
use super::ladder::{Statistic, Tick, Verdict};
use super::recovery::{Course as Trend, Recovery};
use super::settings::{Growth, Period, Quantile};

/// The fewest bodies that make a baseline: of fewer, no quantile is known.
const LEAST_BODIES: u64 = 100;

/// What is known of the offered bodies of one endpoint, direction and view.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watch {
    /// Against the baseline of the last calm period; `None` while the first is collected.
    pub(super) course: Option<Course>,
    /// Against the oldest baseline that was accepted, for growth that is too slow to see from period to period.
    pub(super) anchor: Option<Course>,
    /// The largest evidence of the last calm period; `None` until there was one.
    pub(super) worst: Option<Evidence>,
    pub(super) period: Collected,
    pub(super) open: Option<Open>,
    /// Bodies above each gate edge since a baseline stands.
    pub(super) above: [u64; Quantile::ALL.len()],
}

/// The period so far.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Collected {
    pub(super) bodies: Bodies,
    /// How long the detector had watched when it began, in nanoseconds.
    pub(super) began: u64,
    pub(super) worst: Evidence,
}

/// A finding that is open.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Open {
    pub(super) severity: Severity,
    pub(super) quantile: Quantile,
    /// Whether it was found against the anchor.
    pub(super) anchored: bool,
    recovery: Recovery,
    /// The bodies since it may be over.
    recovered: Counts,
    /// How long the detector had watched when it opened, in nanoseconds.
    opened: u64,
}

/// When a tick is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The tick before it, in nanoseconds since 1970.
    pub(super) before: u64,
    /// For how long the detector has watched, in nanoseconds.
    pub(super) watched: u64,
}

/// What is held against what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) statistic: &'a Statistic,
    pub(super) growth: &'a Growth,
    pub(super) anchor: &'a Growth,
    pub(super) period: Period,
}

/// What came of a tick, where anything did.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// A finding is opened, or a warning has become an alert.
    Found(Verdict),
    /// The open one is closed.
    Closed(Closed, Counts),
}

impl Watch {
    /// Takes the bodies of a tick.
    pub(super) fn tick(&mut self, bodies: &Bodies, at: &Moment, rules: &Rules<'_>) -> Option<Event> {
        let Some(course) = &mut self.course else {
            self.period.bodies.add(bodies);
            return self.roll(at, rules);
        };
        let (held, anchored) = match &self.open {
            Some(open) if open.severity == Severity::Alert => (true, open.anchored),
            _ => (false, false),
        };
        let worst = self.worst.as_ref();
        let step = course.step(rules.statistic, worst, bodies, at.before, held && !anchored);
        let against_anchor =
            self.anchor.as_mut().map(|anchor| anchor.step(rules.statistic, worst, bodies, at.before, held && anchored));
        for (above, more) in self.above.iter_mut().zip(step.tick.above_gate) {
            *above = above.saturating_add(more);
        }
        if !held {
            if let Some(over) = &step.over {
                self.period.take(over, worst.map(|_| &step));
            }
            if course.excursion.is_none() {
                self.period.bodies.add(bodies);
            }
        }
        let event = match &self.open {
            None => self.judge(&step, against_anchor.as_ref(), at),
            Some(open) if open.severity == Severity::Warning => self.follow_warning(&step, bodies, at, rules),
            Some(_) => self.follow(&step, against_anchor.as_ref(), bodies, at, rules),
        };
        event.or_else(|| self.roll(at, rules))
    }

    /// Whether the verdicts make a finding.
    fn judge(&mut self, step: &Step, against_anchor: Option<&Step>, at: &Moment) -> Option<Event> {
        let calm = self.worst.is_some();
        let alert = find(step, |verdict| verdict.is_alert() && (calm || verdict.quantile.is_tail()));
        if let Some(verdict) = alert {
            return Some(self.open(Severity::Alert, false, verdict, at));
        }
        let creep = against_anchor.filter(|_| calm).and_then(|step| find(step, Verdict::is_alert));
        if let Some(verdict) = creep {
            return Some(self.open(Severity::Alert, true, verdict, at));
        }
        let warning = find(step, Verdict::has_evidence)?;
        Some(self.open(Severity::Warning, false, warning, at))
    }

    fn open(&mut self, severity: Severity, anchored: bool, verdict: Verdict, at: &Moment) -> Event {
        let course = if anchored { &self.anchor } else { &self.course };
        let tick = course.as_ref().map_or_else(Tick::default, |course| {
            let bodies = course.excursion.iter().flat_map(|excursion| excursion.bodies.sizes.iter());
            course.edges.count(bodies)
        });
        let (above, _) = above(&tick, verdict.quantile);
        self.open = Some(Open {
            severity,
            quantile: verdict.quantile,
            anchored,
            recovery: Recovery::new(verdict.quantile.share_above(), tick.bodies, above),
            recovered: Counts::default(),
            opened: at.watched,
        });
        Event::Found(verdict)
    }

    /// A warning becomes an alert once the gate is passed, and ends with its excursion.
    fn follow_warning(&mut self, step: &Step, bodies: &Bodies, at: &Moment, rules: &Rules<'_>) -> Option<Event> {
        let calm = self.worst.is_some();
        let alert = find(step, |verdict| verdict.is_alert() && (calm || verdict.quantile.is_tail()));
        if let Some(verdict) = alert {
            return Some(self.open(Severity::Alert, false, verdict, at));
        }
        if step.over.is_some() {
            self.open = None;
            return Some(Event::Closed(Closed::BackToNormal, bodies.sizes.clone()));
        }
        self.follow(step, None, bodies, at, rules)
    }

    /// Sees whether the growth is over.
    fn follow(
        &mut self,
        step: &Step,
        against_anchor: Option<&Step>,
        bodies: &Bodies,
        at: &Moment,
        rules: &Rules<'_>,
    ) -> Option<Event> {
        let open = self.open.as_mut()?;
        let tick = if open.anchored { &against_anchor?.tick } else { &step.tick };
        let (above_evidence, above_gate) = above(tick, open.quantile);
        let trend = open.recovery.step(rules.statistic, tick.bodies, above_evidence, above_gate);
        if trend == Trend::Grown || trend == (Trend::Recovering { first: true }) {
            open.recovered.clear();
        }
        if trend != Trend::Grown {
            open.recovered.merge(&bodies.sizes);
        }
        (trend == Trend::Over).then(|| self.close(Closed::BackToNormal, at)).flatten()
    }

    /// Closes the open finding; the baseline stays what it was.
    pub(super) fn close(&mut self, how: Closed, at: &Moment) -> Option<Event> {
        let Open { severity, recovered, opened, .. } = self.open.take()?;
        if severity == Severity::Alert {
            // The period stood still meanwhile.
            self.period.began = self.period.began.saturating_add(at.watched.saturating_sub(opened));
        }
        for course in [&mut self.course, &mut self.anchor].into_iter().flatten() {
            course.restart();
        }
        Some(Event::Closed(how, recovered))
    }

    /// Closes the open finding, and takes the bodies since the change for the new baseline.
    pub(super) fn accept(&mut self, how: Closed, at: &Moment, rules: &Rules<'_>) -> Option<Event> {
        let Open { anchored, .. } = self.open.take()?;
        let course = if anchored { &mut self.anchor } else { &mut self.course };
        let bodies = course.as_mut().and_then(|course| course.excursion.take()).map(|excursion| excursion.bodies);
        let bodies = bodies.unwrap_or_default();
        let sizes = bodies.sizes.clone();
        (self.course, self.anchor, self.worst) = (None, None, None);
        self.period = Collected { began: at.watched, ..Collected::default() };
        if sizes.bodies() >= LEAST_BODIES {
            self.freeze(bodies, rules);
        } else {
            self.period.bodies = bodies;
        }
        Some(Event::Closed(how, sizes))
    }

    /// Makes what was collected the baseline, where the period is over.
    fn roll(&mut self, at: &Moment, rules: &Rules<'_>) -> Option<Event> {
        if self.open.as_ref().is_some_and(|open| open.severity == Severity::Alert) {
            return None;
        }
        let under_way = self.course.as_ref().and_then(|course| course.excursion.as_ref());
        let more = under_way.map_or(0, |excursion| excursion.bodies.sizes.bodies());
        let bodies = self.period.bodies.sizes.bodies().saturating_add(more);
        let over = match rules.period {
            Period::Time(period) => at.watched.saturating_sub(self.period.began) >= crate::clock::nanos(period),
            Period::Bodies(period) => bodies >= period,
        };
        if !over || bodies < LEAST_BODIES {
            return None;
        }
        if let Some(excursion) = under_way {
            self.period.take(excursion, None);
        }
        let Collected { bodies, began: _, worst } = std::mem::take(&mut self.period);
        self.period.began = at.watched;
        self.worst = self.course.is_some().then_some(worst);
        let sizes = bodies.sizes.clone();
        self.freeze(bodies, rules);
        self.open.take().map(|_| Event::Closed(Closed::TakenForUsual, sizes))
    }

    pub(super) fn freeze(&mut self, baseline: Bodies, rules: &Rules<'_>) {
        if self.anchor.is_none() {
            self.anchor = Some(Course::new(baseline.clone(), rules.anchor));
        }
        self.course = Some(Course::new(baseline, rules.growth));
    }

    /// The course of the open finding.
    pub(super) fn course_of(&self, open: &Open) -> Option<&Course> {
        if open.anchored { self.anchor.as_ref() } else { self.course.as_ref() }
    }

    /// The bucket above which bodies show the growth that is found, while an alert is open.
    pub(super) fn edge(&self) -> Option<u16> {
        let open = self.open.as_ref().filter(|open| open.severity == Severity::Alert)?;
        self.course_of(open)?.edges.rung(open.quantile).map(|rung| rung.gate)
    }
}

impl Open {
    /// Whether bodies may be as they were again.
    pub(super) fn is_recovering(&self) -> bool {
        self.recovered.bodies() > 0
    }
}

impl Collected {
    /// Takes the bodies of an excursion that came to nothing. Where a calm period was seen, `step` has the thresholds:
    /// evidence beyond them was reported, and is not what is usual here.
    fn take(&mut self, over: &Excursion, step: Option<&Step>) {
        self.bodies.add(&over.bodies);
        let thresholds = step.map(|step| &step.verdicts);
        for ((mine, evidence), at) in self.worst.iter_mut().zip(over.worst).zip(0usize..) {
            let bound =
                thresholds.and_then(|all| all.get(at)).and_then(Option::as_ref).map(|verdict| verdict.threshold);
            *mine = mine.max(evidence.min(bound.unwrap_or(f64::INFINITY)));
        }
    }
}

/// The lowest rung of which this is so: what grew for most bodies.
fn find(step: &Step, so: impl Fn(&Verdict) -> bool) -> Option<Verdict> {
    step.verdicts.iter().flatten().copied().find(so)
}

/// How many bodies of a tick lie above the edges of a rung.
fn above(tick: &Tick, quantile: Quantile) -> (u64, u64) {
    let of = |counts: &[u64]| counts.get(quantile as usize).copied().unwrap_or(0);
    (of(&tick.above_evidence), of(&tick.above_gate))
}
