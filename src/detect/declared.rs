//! Growth rules and accepted changes that are declared elsewhere, and may change while a detector runs.

use std::fmt;

use super::accepted::AcceptedChange;
use super::builder::DetectorBuilder;
use super::settings::Growth;
use super::watch::Watch;
use crate::endpoint::{Endpoint, EndpointName};

/// A declaration that a detector asks at each tick: a policy.
pub(crate) trait Declaration: fmt::Debug + Send + Sync {
    /// Another number after each change.
    fn generation(&self) -> u64;

    /// How much which endpoint may grow, and which growth is accepted.
    fn declared(&self) -> (Vec<(EndpointName, Growth)>, Vec<AcceptedChange>);
}

/// How much single endpoints may grow: as declared, or else as was set in code.
#[derive(Debug)]
pub(super) struct Rules {
    /// The first that names an endpoint holds.
    growth: Vec<(EndpointName, Growth)>,
    /// Of the declaration that this comes from.
    generation: Option<u64>,
}

impl Rules {
    /// Those that were set in code.
    pub(super) fn new(settings: &DetectorBuilder) -> Self {
        Self { growth: settings.overrides.clone(), generation: None }
    }

    pub(super) fn of(&self, endpoint: &Endpoint, settings: &DetectorBuilder) -> Growth {
        let own = self.growth.iter().find(|(name, _)| name.is_of(endpoint));
        own.map_or(settings.growth, |(_, growth)| *growth)
    }

    /// Lets what is declared hold from now on, where it is not what it was.
    pub(super) fn ask(
        &mut self,
        settings: &DetectorBuilder,
        watches: &mut [Watch],
        accepted: &mut Vec<AcceptedChange>,
    ) {
        let Some(declaration) = &settings.declaration else { return };
        let generation = declaration.generation();
        if self.generation.replace(generation) == Some(generation) {
            return;
        }
        let (growth, changes) = declaration.declared();
        self.growth = growth;
        self.growth.extend_from_slice(&settings.overrides);
        accepted.clone_from(&changes);
        accepted.extend_from_slice(&settings.accepted);
        for watch in watches {
            watch.set_growth(self.of(&watch.endpoint, settings));
        }
    }
}

impl Watch {
    /// Lets the series grow by this much. Evidence against other edges is none; a finding that is open stays so.
    fn set_growth(&mut self, growth: Growth) {
        if self.growth == growth {
            return;
        }
        self.growth = growth;
        self.baseline = self.baseline.take().map(|baseline| baseline.refrozen(&growth));
        if self.open.is_none() {
            self.ladder.restart();
            self.marks.clear();
        }
    }
}
