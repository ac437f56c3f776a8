//! A baseline that bodies are held against, tick by tick, and the excursion that they may be on.

use super::counts::Counts;
use super::ladder::{Edges, Ladder, Statistic, Tick, Verdict};
use super::settings::{Growth, Quantile};

/// The largest evidence of each rung.
pub(super) type Evidence = [f64; Quantile::ALL.len()];

/// From this evidence on, bodies may belong to a change: they are kept apart until it is known.
///
/// Chance alone raises evidence to 2 often, but for a few ticks only; a change does in its first tick with traffic, or
/// is so small that what it adds to a baseline until then cannot be seen.
const EXCURSION: f64 = 2.0;

/// Bodies of one kind, as a tick or a period saw them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Bodies {
    pub(super) sizes: Counts,
    /// Those of them that came without a content coding.
    pub(super) identity: u64,
}

impl Bodies {
    pub(super) fn add(&mut self, other: &Self) {
        let Self { sizes, identity } = other;
        self.sizes.merge(sizes);
        self.identity = self.identity.saturating_add(*identity);
    }

    pub(super) fn clear(&mut self) {
        self.sizes.clear();
        self.identity = 0;
    }

    /// The share that came without a content coding, in thousandths; `None` where there are no bodies.
    pub(super) fn identity_per_mille(&self) -> Option<u64> {
        self.identity.saturating_mul(1_000).checked_div(self.sizes.bodies())
    }
}

/// A baseline, and how the bodies since stand to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Course {
    pub(super) baseline: Bodies,
    pub(super) edges: Edges,
    pub(super) ladder: Ladder,
    pub(super) excursion: Option<Excursion>,
}

/// Bodies since the evidence rose above what chance does.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Excursion {
    /// When it began: the tick before its first one, in nanoseconds since 1970.
    pub(super) began: u64,
    pub(super) bodies: Bodies,
    /// The largest evidence on the way.
    pub(super) worst: Evidence,
}

/// What a tick did to a course.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) tick: Tick,
    pub(super) verdicts: [Option<Verdict>; Quantile::ALL.len()],
    /// An excursion that came to nothing: its bodies were usual ones.
    pub(super) over: Option<Excursion>,
}

impl Course {
    pub(super) fn new(baseline: Bodies, growth: &Growth) -> Self {
        let edges = Edges::new(baseline.sizes.iter(), growth);
        Self { baseline, edges, ladder: Ladder::default(), excursion: None }
    }

    /// Takes the bodies of a tick. `before` is when the tick before was, `hold` keeps the excursion whatever it says.
    pub(super) fn step(
        &mut self,
        statistic: &Statistic,
        worst: Option<&Evidence>,
        bodies: &Bodies,
        before: u64,
        hold: bool,
    ) -> Step {
        let tick = self.edges.count(bodies.sizes.iter());
        self.ladder.tick(statistic, &self.edges, &tick);
        let mut verdicts = [None; Quantile::ALL.len()];
        let mut evidence = Evidence::default();
        let mut rises = false;
        for (((quantile, verdict), evidence), at) in
            Quantile::ALL.into_iter().zip(&mut verdicts).zip(&mut evidence).zip(0usize..)
        {
            if self.edges.rung(quantile).is_none() {
                continue;
            }
            let worst = worst.and_then(|worst| worst.get(at)).copied();
            let found = self.ladder.verdict(statistic, quantile, worst);
            *evidence = found.evidence;
            rises |= found.evidence >= EXCURSION;
            *verdict = Some(found);
        }
        if !rises && !hold {
            return Step { tick, verdicts, over: self.excursion.take() };
        }
        let excursion = self.excursion.get_or_insert_with(|| Excursion {
            began: before,
            bodies: Bodies::default(),
            worst: Evidence::default(),
        });
        excursion.bodies.add(bodies);
        for (worst, evidence) in excursion.worst.iter_mut().zip(evidence) {
            *worst = worst.max(evidence);
        }
        Step { tick, verdicts, over: None }
    }

    /// Begins anew against the same baseline.
    pub(super) fn restart(&mut self) {
        self.ladder = Ladder::default();
        self.excursion = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn bodies(index: u16, count: u64) -> Bodies {
        let mut sizes = Counts::default();
        sizes.add(index, count);
        Bodies { sizes, identity: count }
    }

    #[test]
    fn an_excursion_holds_the_bodies_of_a_change_from_its_first_tick_on() {
        let statistic = Statistic::new(1e-3, Duration::from_secs(10));
        let mut course = Course::new(bodies(200, 1_000), &Growth::default());
        let step = course.step(&statistic, None, &bodies(200, 50), 10, false);
        assert!(step.over.is_none() && course.excursion.is_none());
        course.step(&statistic, None, &bodies(255, 10), 20, false);
        course.step(&statistic, None, &bodies(255, 10), 30, false);
        let excursion = course.excursion.clone().unwrap();
        assert_eq!((excursion.began, excursion.bodies.sizes.bodies()), (20, 20));
        let mut over = None;
        for _ in 0..100 {
            over = over.or(course.step(&statistic, None, &bodies(200, 100), 40, false).over);
        }
        assert!(over.is_some_and(|over| over.bodies.sizes.bodies() >= 20 && over.worst[0] > 4.0));
        assert!(course.excursion.is_none());
    }

    #[test]
    fn the_share_without_a_coding_is_in_thousandths() {
        assert_eq!(Bodies::default().identity_per_mille(), None);
        assert_eq!(Bodies { identity: 1, ..bodies(3, 4) }.identity_per_mille(), Some(250));
    }
}
