//! How the rules of a policy find their series, and at what pace they work.

use std::collections::BTreeMap;
use std::time::Duration;

/// How the Prometheus rules of a policy find its series, and at what pace they work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSettings {
    pub(super) labels: BTreeMap<Box<str>, Box<str>>,
    pub(super) objective: u16,
    pub(super) interval: Seconds,
    pub(super) window: Seconds,
    pub(super) hold: Seconds,
}

/// A span of time in whole seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seconds(pub(super) u32);

/// The name of a label as Prometheus allows it: letters, digits and `_`, no digit first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName(Box<str>);

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            labels: BTreeMap::new(),
            objective: Self::OBJECTIVE,
            interval: Self::INTERVAL,
            window: Self::WINDOW,
            hold: Self::HOLD,
        }
    }
}

impl RuleSettings {
    pub(super) const OBJECTIVE: u16 = 990;
    pub(super) const INTERVAL: Seconds = Seconds(60);
    pub(super) const WINDOW: Seconds = Seconds(3_600);
    pub(super) const HOLD: Seconds = Seconds(600);

    /// The defaults: series with the label `job` of the service's name, every minute, over an hour, held ten minutes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a label that the service's series have in Prometheus; `job` with the service's name where none is added.
    #[must_use]
    pub fn label(mut self, name: LabelName, value: impl Into<Box<str>>) -> Self {
        self.labels.insert(name.0, value.into());
        self
    }

    /// Sets how many bodies of a thousand must be within their limit, from 1 to 999; 990 by default.
    ///
    /// A number outside is the nearest within.
    #[must_use]
    pub fn objective_per_mille(mut self, objective: u16) -> Self {
        self.objective = objective.clamp(1, 999);
        self
    }

    /// Sets how often rules are evaluated; a minute by default. All times here are whole seconds, rounded up, from 1 to
    /// 2^32 - 1; one outside is the nearest within.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Seconds::of(interval);
        self
    }

    /// Sets over how long growth is judged; an hour by default.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = Seconds::of(window);
        self
    }

    /// Sets how long a growth has to last before it is an alert; ten minutes by default.
    #[must_use]
    pub fn hold(mut self, hold: Duration) -> Self {
        self.hold = Seconds::of(hold);
        self
    }
}

impl Seconds {
    fn of(duration: Duration) -> Self {
        let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
        Self(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
    }
}

impl LabelName {
    /// The name; `None` where it is not one.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let valid = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let digit_first = name.starts_with(|character: char| character.is_ascii_digit());
        (!name.is_empty() && !digit_first && name.chars().all(valid)).then(|| Self(name.into()))
    }
}
