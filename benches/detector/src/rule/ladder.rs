//! Ours: the crate's own ladder, driven by hand on the counts of each tick.

use plimsoll::detect::{Edges, Ladder, Statistic};
use plimsoll::{Growth, Quantile, SizeDistribution};

use crate::traffic::Tick;

/// The ladder over one baseline, in the calm period first and then on watch.
#[derive(Clone, Debug)]
pub struct Judge {
    statistic: Statistic,
    edges: Edges,
    ladder: Ladder,
    /// For each rung, the largest evidence of the calm period.
    worst: [f64; 4],
}

impl Judge {
    /// Over this baseline, with edges at the default growth.
    pub fn new(statistic: Statistic, baseline: &SizeDistribution) -> Self {
        let edges = Edges::new(baseline.buckets().iter().copied(), &Growth::default());
        Self { statistic, edges, ladder: Ladder::default(), worst: [0.0; 4] }
    }

    /// A tick of the calm period: how high evidence goes when nothing is wrong.
    pub fn calm(&mut self, tick: &Tick) {
        self.take(tick);
        for (worst, quantile) in self.worst.iter_mut().zip(Quantile::ALL) {
            *worst = worst.max(self.ladder.verdict(&self.statistic, quantile, None).evidence);
        }
    }

    /// The calm period is over: it is the baseline from now on, with edges no lower than those of the one before.
    pub fn roll(&mut self, calm: &SizeDistribution) {
        self.edges = Edges::new(calm.buckets().iter().copied(), &Growth::default()).or_higher(&self.edges);
        self.ladder = Ladder::default();
    }

    /// A tick on watch: the quantile that alerts, if one does.
    pub fn watch(&mut self, tick: &Tick) -> Option<Quantile> {
        self.take(tick);
        Quantile::ALL
            .into_iter()
            .zip(self.worst)
            .find(|(quantile, worst)| self.ladder.verdict(&self.statistic, *quantile, Some(*worst)).is_alert())
            .map(|(quantile, _)| quantile)
    }

    fn take(&mut self, tick: &Tick) {
        let counted = self.edges.count(tick.buckets.iter().copied());
        self.ladder.tick(&self.statistic, &self.edges, &counted);
    }
}
