//! Whether a growth is over: the same test the other way round.

use super::ladder::Statistic;

/// What it takes to close a finding: bodies that are a thousand times as likely under the baseline's share.
const OVER: f64 = 6.9;
/// And no verdict, good or bad, comes before five ticks with traffic.
const TICKS: u64 = 5;

/// Holds the share above the evidence edge that was seen since a change against the baseline's: how much better the
/// baseline's explains the last bodies, kept at 0 or above.
///
/// `R = max(0, R + min(cap, -d))`, with `d` as in the ladder and `p1` the share since the change. The ladder's own S
/// would come back to 0 as well, but after a long incident in as many ticks, and on the rung of p99 in as many bodies.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Recovery {
    share_usual: f64,
    share_grown: f64,
    height: f64,
    ticks: u64,
    bodies: u64,
    above_gate: u64,
}

/// What a tick said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// The bodies are still large.
    Grown,
    /// They may be usual ones again: these are the first, where `first`.
    Recovering { first: bool },
    /// They are.
    Over,
}

impl Recovery {
    /// For a rung of this share `p0`, on which `above` of `bodies` were over the evidence edge since the change.
    pub(super) fn new(p0: f64, bodies: u64, above: u64) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "a share needs no more")]
        let seen = above as f64 / bodies.max(1) as f64;
        // Shares that are told from the baseline's at all: 1.4 times its odds, as the ladder's least alternative.
        let least = 1.4 * p0 / (1.0 + 0.4 * p0);
        let share_grown = seen.clamp(least, 0.95_f64.max(least));
        Self { share_usual: p0, share_grown, height: 0.0, ticks: 0, bodies: 0, above_gate: 0 }
    }

    /// Takes a tick with `bodies`, of which so many lie above each edge.
    pub(super) fn step(&mut self, statistic: &Statistic, bodies: u64, above_evidence: u64, above_gate: u64) -> Course {
        if bodies == 0 {
            return if self.height > 0.0 { Course::Recovering { first: false } } else { Course::Grown };
        }
        let (p0, p1) = (self.share_usual, self.share_grown);
        let below = bodies.saturating_sub(above_evidence);
        #[allow(clippy::cast_precision_loss, reason = "a share needs no more")]
        let step = above_evidence as f64 * (p0 / p1).ln() + below as f64 * ((1.0 - p0) / (1.0 - p1)).ln();
        let height = (self.height + step.min(statistic.cap())).max(0.0);
        let first = self.height == 0.0;
        if first || height == 0.0 {
            (self.ticks, self.bodies, self.above_gate) = (0, 0, 0);
        }
        self.height = height;
        if height == 0.0 {
            return Course::Grown;
        }
        self.ticks = self.ticks.saturating_add(1);
        self.bodies = self.bodies.saturating_add(bodies);
        self.above_gate = self.above_gate.saturating_add(above_gate);
        #[allow(clippy::cast_precision_loss, reason = "a share needs no more")]
        let within_gate = self.above_gate as f64 <= p0 * self.bodies as f64;
        if height >= OVER && self.ticks >= TICKS && within_gate { Course::Over } else { Course::Recovering { first } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn statistic() -> Statistic {
        Statistic::new(1e-3, Duration::from_secs(10))
    }

    #[test]
    fn a_roll_back_is_seen_in_the_fifth_tick() {
        let mut recovery = Recovery::new(0.5, 50, 50);
        assert_eq!(recovery.step(&statistic(), 10, 10, 10), Course::Grown);
        let ticks: Vec<_> = (0..5).map(|_| recovery.step(&statistic(), 10, 0, 0)).collect();
        assert_eq!(ticks[0], Course::Recovering { first: true });
        assert_eq!(ticks[3], Course::Recovering { first: false });
        assert_eq!(ticks[4], Course::Over);
    }

    #[test]
    fn as_long_as_the_share_stands_it_is_not_over() {
        let mut recovery = Recovery::new(0.01, 1_000, 20);
        for tick in 0..2_000 {
            let large = u64::from(tick % 5 == 0);
            assert_ne!(recovery.step(&statistic(), 10, large, large), Course::Over, "tick {tick}");
        }
    }

    #[test]
    fn a_tick_without_traffic_says_nothing() {
        let mut recovery = Recovery::new(0.5, 50, 50);
        assert_eq!(recovery.step(&statistic(), 0, 0, 0), Course::Grown);
        recovery.step(&statistic(), 10, 0, 0);
        let before = recovery.clone();
        assert_eq!(recovery.step(&statistic(), 0, 0, 0), Course::Recovering { first: false });
        assert_eq!(recovery, before);
    }
}
