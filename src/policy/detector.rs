//! What a policy tells the detector: how much each endpoint may grow, and which growth is accepted.

use super::declaration::Policy;
use crate::detect::DetectorBuilder;

impl DetectorBuilder {
    /// Takes the growth rules and the accepted changes of this policy, as it is now.
    ///
    /// A detector keeps what it was built with: after a policy was swapped, build another from it.
    ///
    /// ```
    /// use plimsoll::policy::Policy;
    /// use plimsoll::{Detector, Ledger};
    ///
    /// let policy = Policy::load("examples/policy.toml")?;
    /// let detector = Detector::builder(&Ledger::new()).policy(&policy).build();
    /// # let _ = detector;
    /// # Ok::<_, plimsoll::policy::PolicyError>(())
    /// ```
    pub fn policy(self, policy: &Policy) -> Self {
        let rules = policy.endpoints.iter();
        let told = rules.fold(self, |told, (name, endpoint)| told.growth_for(name.clone(), endpoint.growth));
        told.accepted(policy.accepted.iter().cloned())
    }
}
