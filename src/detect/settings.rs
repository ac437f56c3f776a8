//! What counts as growth, as people declare it: quantiles, and the per cent over each that matter.

use std::fmt;

/// One of the four quantiles that are judged: the rungs of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Quantile {
    /// The median.
    P50,
    /// Nine bodies of ten are no larger.
    P90,
    /// 99 of a hundred.
    P99,
    /// 999 of a thousand.
    P999,
}

impl Quantile {
    /// All of them, smallest first.
    pub const ALL: [Self; 4] = [Self::P50, Self::P90, Self::P99, Self::P999];

    /// The share of bodies that are no larger, in thousandths.
    #[must_use]
    pub const fn per_mille(self) -> u16 {
        match self {
            Self::P50 => 500,
            Self::P90 => 900,
            Self::P99 => 990,
            Self::P999 => 999,
        }
    }

    /// The share of bodies that are larger: `1 - q`.
    #[must_use]
    pub const fn share_above(self) -> f64 {
        1_000u16.saturating_sub(self.per_mille()) as f64 / 1_000.0
    }

    /// The value of the attribute `plimsoll.quantile`: `0.5`, `0.9`, `0.99` or `0.999`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::P50 => "0.5",
            Self::P90 => "0.9",
            Self::P99 => "0.99",
            Self::P999 => "0.999",
        }
    }
}

/// `p50`, `p90`, `p99`, `p99.9`.
impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        })
    }
}

/// How much of a quantile's growth matters, in per cent over the baseline.
///
/// Sizes are counted in 16 buckets a doubling, so that a rule holds to within 4.4 % of the size it names: evidence is
/// rounded up to a bucket's edge, the alert down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct GrowthRule {
    /// Growth beyond this is what evidence is collected for; 20 by default. Evidence alone makes a warning. Where this is
    /// more than [`alert_percent`](Self::alert_percent), that is what counts: there is no alert without evidence.
    pub evidence_percent: u32,
    /// Evidence for growth beyond this makes an alert; 50 by default.
    pub alert_percent: u32,
}

impl GrowthRule {
    /// How many buckets wide the evidence margin is, rounded up.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "415 at most")]
    pub(super) fn evidence_buckets(self) -> u16 {
        buckets(self.evidence_percent.min(self.alert_percent)).ceil() as u16
    }

    /// How many buckets wide the gate is, rounded down.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "415 at most")]
    pub(super) fn alert_buckets(self) -> u16 {
        buckets(self.alert_percent).floor() as u16
    }
}

/// A growth by so many per cent in sixteenths of a doubling: 415 at most.
fn buckets(percent: u32) -> f64 {
    16.0 * (1.0 + f64::from(percent) / 100.0).log2()
}

impl Default for GrowthRule {
    fn default() -> Self {
        Self { evidence_percent: 20, alert_percent: 50 }
    }
}

/// The growth rules of an endpoint, one for each quantile.
///
/// The default says of each: more than 20 % is a warning, more than 50 % an alert.
///
/// ```
/// use plimsoll::{Growth, Quantile};
///
/// let strict = Growth::default().alert_over(Quantile::P50, 25);
/// assert_eq!((strict.rule(Quantile::P50).alert_percent, strict.rule(Quantile::P99).alert_percent), (25, 50));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Growth {
    /// Of the median.
    pub p50: GrowthRule,
    /// Of p90.
    pub p90: GrowthRule,
    /// Of p99.
    pub p99: GrowthRule,
    /// Of p99.9.
    pub p999: GrowthRule,
}

impl Growth {
    /// Every quantile may grow by this many per cent before it is an alert.
    #[must_use]
    pub fn alert_over_percent(percent: u32) -> Self {
        Quantile::ALL.into_iter().fold(Self::default(), |growth, quantile| growth.alert_over(quantile, percent))
    }

    /// Sets by how many per cent this quantile may grow before it is an alert.
    #[must_use]
    pub fn alert_over(mut self, quantile: Quantile, percent: u32) -> Self {
        self.rule_mut(quantile).alert_percent = percent;
        self
    }

    /// Sets beyond how many per cent evidence for this quantile's growth is collected; at most as many as make an alert.
    #[must_use]
    pub fn evidence_over(mut self, quantile: Quantile, percent: u32) -> Self {
        self.rule_mut(quantile).evidence_percent = percent;
        self
    }

    /// The rule of this quantile.
    #[must_use]
    pub const fn rule(&self, quantile: Quantile) -> GrowthRule {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P90 => self.p90,
            Quantile::P99 => self.p99,
            Quantile::P999 => self.p999,
        }
    }

    fn rule_mut(&mut self, quantile: Quantile) -> &mut GrowthRule {
        match quantile {
            Quantile::P50 => &mut self.p50,
            Quantile::P90 => &mut self.p90,
            Quantile::P99 => &mut self.p99,
            Quantile::P999 => &mut self.p999,
        }
    }
}
