//! The settings of a detector.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::accepted::AcceptedChange;
use super::baseline::Period;
use super::declared::Declaration;
use super::detector::Detector;
use super::notice::Notice;
use super::persist::Persistence;
use super::settings::{Growth, Quantile};
use crate::endpoint::EndpointName;
use crate::ledger::Ledger;

type OnNotice = Arc<dyn Fn(&Notice) + Send + Sync>;

/// How a detector decides, and whom it tells; made by [`Detector::builder`].
#[derive(Clone)]
#[must_use]
pub struct DetectorBuilder {
    pub(super) ledger: Ledger,
    pub(super) tick: Duration,
    pub(super) alpha: f64,
    pub(super) period: Period,
    pub(super) growth: Growth,
    pub(super) anchor: Growth,
    pub(super) overrides: Vec<(EndpointName, Growth)>,
    pub(super) accepted: Vec<AcceptedChange>,
    pub(crate) declaration: Option<Arc<dyn Declaration>>,
    pub(super) version: Option<Box<str>>,
    pub(super) on_notice: Option<OnNotice>,
    pub(super) persistence: Persistence,
}

impl DetectorBuilder {
    pub(super) fn new(ledger: &Ledger) -> Self {
        let doubled = Quantile::ALL
            .into_iter()
            .fold(Growth::alert_over_percent(100), |growth, quantile| growth.evidence_over(quantile, 100));
        Self {
            ledger: ledger.clone(),
            tick: Duration::from_secs(10),
            alpha: 1e-3,
            period: Period::default(),
            growth: Growth::default(),
            anchor: doubled,
            overrides: Vec::new(),
            accepted: Vec::new(),
            declaration: None,
            version: None,
            on_notice: None,
            persistence: Persistence::default(),
        }
    }

    /// Sets how often [`Detector::tick`] will be called; 10 seconds by default.
    ///
    /// Nothing is found before the fifth tick with traffic, so this is a fifth of the least delay. More ticks a week
    /// are more chances for a false alarm, so it also sets how much evidence one takes. A tick that comes late or
    /// twice does no harm. Less than a millisecond counts as one.
    pub fn tick_interval(mut self, interval: Duration) -> Self {
        self.tick = interval;
        self
    }

    /// Sets how many false alarms a week and series the bound allows; 0.001 by default. Outside of 1e-12 to 1, the nearer
    /// of these.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Sets how long a baseline is collected; a week by default.
    pub fn period(mut self, period: Period) -> Self {
        self.period = period;
        self
    }

    /// Sets how much growth matters; by default more than 20 % is a warning, more than 50 % an alert.
    pub fn growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// Sets how much growth of one endpoint matters, in place of [`growth`](Self::growth).
    pub fn growth_for(mut self, endpoint: EndpointName, growth: Growth) -> Self {
        self.overrides.retain(|(known, _)| *known != endpoint);
        self.overrides.push((endpoint, growth));
        self
    }

    /// Sets how much growth over the oldest baseline is slow creep; more than double by default, of any quantile.
    pub fn creep(mut self, growth: Growth) -> Self {
        self.anchor = growth;
        self
    }

    /// Adds changes that are accepted, whenever they come: a finding that one of them covers is closed at once.
    pub fn accepted(mut self, changes: impl IntoIterator<Item = AcceptedChange>) -> Self {
        self.accepted.extend(changes);
        self
    }

    /// Sets the version of this service, as in the resource attribute `service.version`: what findings of its own
    /// answers name.
    pub fn service_version(mut self, version: impl Into<Box<str>>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets what is called with each notice, after the tick that found it, on the thread that ticks.
    pub fn on_notice(mut self, call: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.on_notice = Some(Arc::new(call));
        self
    }

    /// Makes the detector.
    #[must_use]
    pub fn build(self) -> Detector {
        Detector::with_settings(self)
    }
}

impl fmt::Debug for DetectorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ledger,
            tick,
            alpha,
            period,
            growth,
            anchor,
            overrides,
            accepted,
            declaration,
            version,
            on_notice,
            persistence,
        } = self;
        f.debug_struct("DetectorBuilder")
            .field("ledger", ledger)
            .field("tick", tick)
            .field("alpha", alpha)
            .field("period", period)
            .field("growth", growth)
            .field("creep", anchor)
            .field("growth_for", overrides)
            .field("accepted", accepted)
            .field("policy", declaration)
            .field("service_version", version)
            .field("on_notice", &on_notice.is_some())
            .field("persistence", persistence)
            .finish()
    }
}
