//! S_j: how much one larger share explains the last bodies better, and what was counted since.

use super::statistic::ALTERNATIVES;

/// The S_j of one rung.
pub(super) type Climbs = [Climb; ALTERNATIVES];

/// One alternative's S_j, and what was counted since it last left 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Climb {
    pub(super) height: f64,
    pub(super) since: u64,
    pub(super) bodies: u64,
    pub(super) above_gate: u64,
}

impl Climb {
    pub(super) fn step(&mut self, step: f64, tick: u64, bodies: u64, above_gate: u64) {
        let height = (self.height + step).max(0.0);
        if height == 0.0 {
            *self = Self::default();
            return;
        }
        if self.height == 0.0 {
            *self = Self { since: tick, ..Self::default() };
        }
        self.height = height;
        self.bodies = self.bodies.saturating_add(bodies);
        self.above_gate = self.above_gate.saturating_add(above_gate);
    }
}

/// `ln(mean_j exp(S_j))`, without ever raising e to a large number.
pub(super) fn evidence(climbs: &[Climb], highest: f64) -> f64 {
    if highest == 0.0 {
        return 0.0;
    }
    let sum: f64 = climbs.iter().map(|climb| (climb.height - highest).exp()).sum();
    #[allow(clippy::cast_precision_loss, reason = "four")]
    let count = climbs.len().max(1) as f64;
    highest + (sum / count).ln()
}
