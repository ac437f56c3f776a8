//! What a policy tells the detector: how much each endpoint may grow, and which growth is accepted.

use std::sync::Arc;

use super::live::PolicyHandle;
use crate::detect::{AcceptedChange, Declaration, DetectorBuilder, Growth};
use crate::endpoint::EndpointName;

impl DetectorBuilder {
    /// Takes the growth rules of single endpoints and the accepted changes from this policy, as it stands at each tick:
    /// from a handle's, which layers share, what a swap says; from a [`Policy`](super::Policy) what it says now.
    ///
    /// They hold in place of those of [`growth_for`](Self::growth_for), and beside those of
    /// [`accepted`](Self::accepted). Where a swap changes how much a series may grow, its edges move at the next tick, and
    /// evidence against the old ones is forgotten; its baseline, and a finding that is open, stay.
    ///
    /// ```
    /// use plimsoll::policy::{Policy, PolicyHandle};
    /// use plimsoll::{Detector, Ledger};
    ///
    /// let policy = PolicyHandle::new(Policy::load("examples/policy.toml")?);
    /// let detector = Detector::builder(&Ledger::new()).policy(&policy).build();
    /// policy.reload("examples/policy.toml")?; // what is accepted in it is accepted from the next tick on
    /// # let _ = detector;
    /// # Ok::<_, plimsoll::policy::PolicyError>(())
    /// ```
    pub fn policy(mut self, policy: impl Into<PolicyHandle>) -> Self {
        self.declaration = Some(Arc::new(policy.into()));
        self
    }
}

impl Declaration for PolicyHandle {
    fn generation(&self) -> u64 {
        self.swaps()
    }

    fn declared(&self) -> (Vec<(EndpointName, Growth)>, Vec<AcceptedChange>) {
        let policy = self.policy();
        let growth = policy.endpoints.iter().map(|(name, endpoint)| (name.clone(), endpoint.growth)).collect();
        (growth, policy.accepted.clone())
    }
}
