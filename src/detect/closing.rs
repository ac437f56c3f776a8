//! What follows a finding: it is raised, comes to its end, is accepted or fixed; and how a period becomes a baseline.

use super::baseline::{Anchor, Baseline, Settling, Under};
use super::finding::{Closing, Resolution, Severity, SizeSummary};
use super::settings::{Growth, Quantile};
use super::watch::{CONFIRMING_BODIES, CONFIRMING_TICKS, Change, Now, Open, Watch};
use crate::clock;

impl Watch {
    /// Follows the finding that is open.
    pub(super) fn follow(&mut self, now: &Now<'_>) -> Option<Change> {
        let strongest = self.strongest(now);
        let Self { open: Some(open), anchor, baseline: Some(baseline), ladder, period, total, .. } = self else {
            return None;
        };
        open.refresh(total);
        let mut change = None;
        if let Some((verdict, severity, by_anchor)) =
            strongest.filter(|(_, severity, _)| *severity > open.finding.severity)
        {
            let led = if by_anchor { anchor.as_ref().map(|anchor| &anchor.ladder) } else { Some(&*ladder) };
            open.finding.severity = severity;
            open.finding.quantile = verdict.quantile;
            open.finding.evidence = verdict.evidence;
            open.by_anchor = by_anchor;
            open.alternative = led.map_or(0, |ladder| ladder.leading(verdict.quantile));
            [period.worst, period.anchor_worst] = open.worst;
            change = Some(Change::Raised);
        }
        let quantile = open.finding.quantile;
        let (led, worst) = match (open.by_anchor, anchor) {
            (true, Some(anchor)) => (&mut anchor.ladder, anchor.baseline.worst(quantile)),
            _ => (ladder, baseline.worst(quantile)),
        };
        // High enough that one S_j alone is evidence, and no higher: it is to fall as soon as it rose.
        let high = now.statistic.threshold(worst) + 4f64.ln();
        let alert = open.finding.severity == Severity::Alert;
        if alert {
            led.hold(quantile, high);
        }
        let height = led.height_of(quantile, open.alternative);
        if let Some(fixed) = open.fixed {
            if strongest.is_some() {
                open.fixed = None;
            } else if led.ticks().saturating_sub(fixed) >= CONFIRMING_TICKS {
                let bodies = total.minus(&open.recovery).bodies();
                return if bodies >= CONFIRMING_BODIES { self.close(Resolution::Fixed, now.now) } else { None };
            }
        } else if height == 0.0 && (alert || strongest.is_none()) {
            return self.close(Resolution::Recovered, now.now);
        } else if height >= high {
            open.recovery.clone_from(total);
        }
        change
    }

    fn close(&mut self, resolution: Resolution, now: u64) -> Option<Change> {
        let open = self.open.take()?;
        let after = self.total.minus(&open.recovery);
        let closing =
            Closing { finding: open.finding.clone(), resolution, at: clock::time(now), sizes: SizeSummary::of(&after) };
        if closing.finding.severity == Severity::Alert {
            self.resume(&open, now);
        }
        Some(Change::Closed(Box::new(closing)))
    }

    /// Goes on with the period where the alert interrupted it: nothing since the change is part of it.
    fn resume(&mut self, open: &Open, now: u64) {
        let Under { begin, started, bodies, worst, anchor_worst, settling } = self.period.clone();
        self.start_over(now);
        if !open.by_anchor {
            let since = self.total.minus(&open.before);
            let started = started.saturating_add(now.saturating_sub(open.not_before)).min(now);
            let bodies = bodies.saturating_sub(since.bodies());
            self.period = Under { begin: begin.plus(&since), started, bodies, worst, anchor_worst, settling };
        }
    }

    /// Nothing of before counts any longer: no evidence, and no body of the period that was under way.
    fn start_over(&mut self, now: u64) {
        self.ladder.restart();
        if let Some(anchor) = &mut self.anchor {
            anchor.ladder.restart();
        }
        self.marks.clear();
        self.period = Under::begin(&self.total, now);
    }

    /// Takes the bodies since the change as the new baseline, and as the anchor.
    pub(super) fn accept(&mut self, reason: &str, now: u64) -> Option<Closing> {
        let open = self.open.take()?;
        let since = self.total.minus(&open.before);
        let closing = Closing {
            resolution: Resolution::Accepted(reason.into()),
            at: clock::time(now),
            sizes: SizeSummary::of(&since),
            finding: open.finding,
        };
        let worst = self.baseline.take().and_then(|baseline| baseline.worst);
        self.anchor = None;
        self.start_over(now);
        self.period.begin = open.before;
        self.period.bodies = since.bodies();
        self.period.settling = Some(Settling { reached: 0, worst });
        Some(closing)
    }

    /// Takes the bodies since an accepted change as the baseline, each time that there are enough for another rung.
    fn settle(&mut self, anchor: &Growth) {
        let bodies = self.period.bodies;
        let Some(settling) = &mut self.period.settling else { return };
        if settling.advances(bodies) {
            let counts = self.total.minus(&self.period.begin);
            self.ladder.restart();
            self.marks.clear();
            self.anchor = Some(Anchor::on(counts.clone(), anchor, settling.worst, &self.ladder));
            self.baseline = Some(Baseline::freeze(counts, &self.growth, settling.worst));
        }
        if settling.is_over() {
            self.period.settling = None;
        }
    }

    /// Remembers that somebody said so; the next bodies confirm it, or not.
    pub(super) fn fixed(&mut self) -> bool {
        let Some(open) = &mut self.open else { return false };
        self.ladder.restart();
        if let Some(anchor) = &mut self.anchor {
            anchor.ladder.restart();
        }
        open.fixed = Some(self.ladder.ticks());
        open.recovery.clone_from(&self.total);
        true
    }

    /// Makes the period a baseline, if it is over and no alert is open. A warning that lasted is part of it.
    pub(super) fn roll(&mut self, now: &Now<'_>) -> Option<Change> {
        let elapsed = self.period.elapsed(now.now);
        if self.open.is_none() {
            self.settle(&now.anchor);
        }
        if self.has_alert() || self.is_undecided() || !now.period.is_over(elapsed, self.period.bodies) {
            return None;
        }
        let usual = self.open.is_some().then(|| self.close(Resolution::TakenForUsual, now.now)).flatten();
        let counts = self.total.minus(&self.period.begin);
        let worst = self.baseline.is_some().then_some(self.period.worst);
        match &mut self.anchor {
            Some(anchor) => anchor.baseline.worst = Some(self.period.anchor_worst),
            None => self.anchor = Some(Anchor::on(counts.clone(), &now.anchor, None, &self.ladder)),
        }
        self.baseline = Some(match &self.baseline {
            Some(before) => before.followed_by(counts, &self.growth, worst),
            None => Baseline::freeze(counts, &self.growth, worst),
        });
        self.ladder.restart();
        self.marks
            .retain(|mark| self.anchor.as_ref().is_some_and(|anchor| anchor.ladder.height_since(mark.tick) > 0.0));
        self.period = Under::begin(&self.total, now.now);
        usual
    }

    /// Whether evidence rose in the last ticks that may yet be a finding: its bodies are not to be a baseline's before.
    fn is_undecided(&self) -> bool {
        let last = self.ladder.ticks();
        (0..CONFIRMING_TICKS).any(|back| self.ladder.height_since(last.saturating_sub(back)) > super::ladder::CALM)
    }

    /// The lowest gate edge of a rung that stands, in buckets: bodies above are marked while a finding is open.
    pub(super) fn gate_edge(&self) -> Option<u16> {
        let lead = self.open.as_ref()?.finding.quantile;
        let rung = |quantile: Quantile| self.baseline.as_ref().and_then(|baseline| baseline.edges.rung(quantile));
        rung(lead).map(|rung| rung.gate)
    }
}
