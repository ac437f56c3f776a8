//! The settings of a detector.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::accepted::AcceptedChange;
use super::detector::Detector;
use super::finding::Finding;
use super::ladder::Statistic;
use super::settings::{Growth, Period};
use crate::endpoint::EndpointName;
use crate::ledger::Ledger;

/// Makes a [`Detector`] with settings of your own; [`Detector::new`] has the defaults.
#[derive(Clone, Debug)]
#[must_use]
pub struct DetectorBuilder {
    pub(super) ledger: Ledger,
    pub(super) tick: Duration,
    pub(super) alpha: f64,
    pub(super) period: Period,
    pub(super) growth: Growth,
    pub(super) anchor: Growth,
    pub(super) endpoints: Vec<(EndpointName, Growth)>,
    pub(super) accepted: Vec<AcceptedChange>,
    pub(super) version: Option<Arc<str>>,
    pub(super) told: OnFinding,
}

/// Who is told of findings beside the log.
#[derive(Clone, Default)]
pub(super) struct OnFinding(pub(super) Option<Arc<Tell>>);

type Tell = dyn Fn(&Finding) + Send + Sync;

impl fmt::Debug for OnFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "OnFinding(a closure)" } else { "OnFinding(nobody)" })
    }
}

impl DetectorBuilder {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            ledger: ledger.clone(),
            tick: Duration::from_secs(10),
            alpha: 1e-3,
            period: Period::default(),
            growth: Growth::default(),
            anchor: Growth::over_percent(100),
            endpoints: Vec::new(),
            accepted: Vec::new(),
            version: None,
            told: OnFinding::default(),
        }
    }

    /// Sets how often the detector is to look; every 10 s by default. Under a millisecond counts as one.
    ///
    /// A change is found after five ticks with traffic at the earliest.
    pub fn tick(self, tick: Duration) -> Self {
        Self { tick, ..self }
    }

    /// Sets how many false alarms a week are allowed for each series; 0.001 by default, 1e-12 to 1.
    pub fn alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// Sets how long bodies are collected for a baseline; a week by default.
    ///
    /// Shorter ones know less of the seasons of your traffic. In an example or a test: seconds, or a number of bodies.
    pub fn period(self, period: Period) -> Self {
        Self { period, ..self }
    }

    /// Sets what counts as growth, where no endpoint says otherwise.
    pub fn growth(self, growth: Growth) -> Self {
        Self { growth, ..self }
    }

    /// Sets what counts as growth of one endpoint's bodies, from its next baseline on.
    pub fn growth_of(mut self, endpoint: EndpointName, growth: Growth) -> Self {
        self.endpoints.retain(|(known, _)| *known != endpoint);
        self.endpoints.push((endpoint, growth));
        self
    }

    /// Sets by how many per cent bodies may grow over the oldest accepted baseline, however slowly; 100 by default.
    pub fn creep_over_percent(self, percent: u32) -> Self {
        Self { anchor: Growth::over_percent(percent), ..self }
    }

    /// Accepts these changes, whenever they come: a finding that one of them matches is closed as accepted at once.
    pub fn accepted(mut self, changes: impl IntoIterator<Item = AcceptedChange>) -> Self {
        self.accepted.extend(changes);
        self
    }

    /// Names the version of this service (`service.version`), for findings about what it answers itself.
    pub fn service_version(self, version: impl Into<Arc<str>>) -> Self {
        Self { version: Some(version.into()), ..self }
    }

    /// Sets who is told of each finding that is opened, raised to an alert, or closed; called by the one who ticks.
    pub fn on_finding(self, told: impl Fn(&Finding) + Send + Sync + 'static) -> Self {
        Self { told: OnFinding(Some(Arc::new(told))), ..self }
    }

    /// Makes the detector.
    #[must_use]
    pub fn build(self) -> Detector {
        Detector::with_settings(self)
    }

    pub(super) fn statistic(&self) -> Statistic {
        Statistic::new(self.alpha, self.tick)
    }

    pub(super) fn growth_for(&self, endpoint: &crate::Endpoint) -> &Growth {
        let own = self.endpoints.iter().find(|(name, _)| name.is_of(endpoint));
        own.map_or(&self.growth, |(_, growth)| growth)
    }
}
