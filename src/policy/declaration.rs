//! The declaration: a service, its endpoints, and what is accepted of them.

use std::collections::{BTreeMap, BTreeSet};

use super::rule_settings::RuleSettings;
use crate::contract::Factor;
use crate::detect::{AcceptedChange, Growth, Quantile};
use crate::endpoint::EndpointName;
use crate::limit::{BodyLimits, Limit};

/// What a service says of its bodies: the one declaration that limits, alert rules and runbook come from.
///
/// Made in code, as here, or read from a file ([`Policy::load`]); the two are the same, and either can be written as
/// the other ([`Policy::to_toml`]).
///
/// ```
/// use plimsoll::policy::{EndpointPolicy, Policy};
/// use plimsoll::{KIB, Limit};
///
/// let policy = Policy::new("checkout", "team-checkout").endpoint(
///     "client GET /inventory/{sku} of inventory".parse()?,
///     EndpointPolicy::new()
///         .response(Limit::reject_over(64 * KIB))
///         .contact("team-inventory, #inventory-oncall")
///         .check("upstream deploys of the last 2 hours, inventory first"),
/// );
/// let same = Policy::from_toml(
///     r#"
///         service = "checkout"
///         owner = "team-checkout"
///
///         [endpoints."client GET /inventory/{sku} of inventory"]
///         response = { reject = "64 KiB" }
///         contacts = ["team-inventory, #inventory-oncall"]
///         checks = ["upstream deploys of the last 2 hours, inventory first"]
///     "#,
/// )?;
/// assert_eq!(policy, same);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(super) service: Box<str>,
    pub(super) owner: Box<str>,
    pub(super) runbook: Box<str>,
    pub(super) rules: RuleSettings,
    pub(super) endpoints: BTreeMap<EndpointName, EndpointPolicy>,
    pub(super) accepted: Vec<AcceptedChange>,
}

/// What a policy says of one endpoint.
///
/// Without more, it limits nothing, and a growth of p99 by more than half is an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPolicy {
    pub(super) limits: BodyLimits,
    pub(super) growth: Growth,
    pub(super) alert_on: BTreeSet<Quantile>,
    pub(super) min_bodies: u64,
    pub(super) week_over_week: bool,
    pub(super) gate: Option<Factor>,
    pub(super) contacts: Vec<Box<str>>,
    pub(super) checks: Vec<Box<str>>,
    pub(super) links: Vec<Box<str>>,
}

impl Policy {
    /// A policy of this service, which that team answers for, with no endpoint yet.
    ///
    /// Name both: in a file, an empty text is no service, no owner and no runbook, and an error.
    #[must_use]
    pub fn new(service: impl Into<Box<str>>, owner: impl Into<Box<str>>) -> Self {
        Self {
            service: service.into(),
            owner: owner.into(),
            runbook: "RUNBOOK.md".into(),
            rules: RuleSettings::default(),
            endpoints: BTreeMap::new(),
            accepted: Vec::new(),
        }
    }

    /// Sets where the printed runbook stands, for the links of the alerts; `RUNBOOK.md` by default.
    #[must_use]
    pub fn runbook(mut self, url: impl Into<Box<str>>) -> Self {
        self.runbook = url.into();
        self
    }

    /// Sets how the alert rules find their series, and their pace.
    #[must_use]
    pub fn rules(mut self, rules: RuleSettings) -> Self {
        self.rules = rules;
        self
    }

    /// Says this of an endpoint, in place of what was said of it before.
    #[must_use]
    pub fn endpoint(mut self, name: EndpointName, endpoint: EndpointPolicy) -> Self {
        self.endpoints.insert(name, endpoint);
        self
    }

    /// Accepts a change of sizes.
    ///
    /// In a file, `expires` is a time from 1970 to 9999; a time outside is written as the nearest in it.
    #[must_use]
    pub fn accept(mut self, change: AcceptedChange) -> Self {
        self.accepted.push(change);
        self
    }

    /// The service; the label `service` of its alerts.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Who answers for it; the label `owner` of its alerts.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The endpoints it names, sorted.
    #[must_use]
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = (&EndpointName, &EndpointPolicy)> {
        self.endpoints.iter()
    }

    /// What it says of this endpoint.
    #[must_use]
    pub fn get(&self, name: &EndpointName) -> Option<&EndpointPolicy> {
        self.endpoints.get(name)
    }

    /// The changes it accepts, in the order they stand in.
    #[must_use]
    pub fn accepted(&self) -> &[AcceptedChange] {
        &self.accepted
    }
}

impl Default for EndpointPolicy {
    fn default() -> Self {
        Self {
            limits: BodyLimits::new(),
            growth: Growth::default(),
            alert_on: BTreeSet::from([Quantile::P99]),
            min_bodies: Self::MIN_BODIES,
            week_over_week: false,
            gate: None,
            contacts: Vec::new(),
            checks: Vec::new(),
            links: Vec::new(),
        }
    }
}

impl EndpointPolicy {
    pub(super) const MIN_BODIES: u64 = 500;

    /// Says nothing special yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the limit of its requests' bodies, which holds in place of the layer's.
    #[must_use]
    pub fn request(mut self, limit: Limit) -> Self {
        self.limits = self.limits.request(limit);
        self
    }

    /// Sets the limit of its responses' bodies, which holds in place of the layer's.
    #[must_use]
    pub fn response(mut self, limit: Limit) -> Self {
        self.limits = self.limits.response(limit);
        self
    }

    /// Sets by how much each quantile may grow; for the detector and for the alert rules.
    #[must_use]
    pub fn growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// Sets for which quantiles there are alert rules of growth; p99 by default. The detector judges all four.
    #[must_use]
    pub fn alert_on(mut self, quantiles: impl IntoIterator<Item = Quantile>) -> Self {
        self.alert_on = quantiles.into_iter().collect();
        self
    }

    /// Sets how many bodies a rule's window must have for a ratio to mean anything; 500 by default.
    ///
    /// Of 500, five are 1 %: fewer, and a handful of bodies is an alert. 0 counts as 1.
    #[must_use]
    pub fn min_bodies(mut self, bodies: u64) -> Self {
        self.min_bodies = bodies.max(1);
        self
    }

    /// Adds the classic rule to those of growth: p99 from histogram buckets, against p99 a week ago.
    ///
    /// The buckets double, so it reads p99 to within a factor of two: so a step over an edge reads as a doubling, and what
    /// stays between two edges as no growth.
    #[must_use]
    pub fn week_over_week(mut self, wanted: bool) -> Self {
        self.week_over_week = wanted;
        self
    }

    /// Sets by how much a median may grow in one pull request, in place of what its [contract](crate::contract::Contract::policy)
    /// allows for all.
    #[must_use]
    pub fn gate(mut self, factor: Factor) -> Self {
        self.gate = Some(factor);
        self
    }

    /// Adds somebody to call, for the runbook.
    #[must_use]
    pub fn contact(mut self, contact: impl Into<Box<str>>) -> Self {
        self.contacts.push(contact.into());
        self
    }

    /// Adds something to check, for the runbook; in the order to check them in.
    #[must_use]
    pub fn check(mut self, check: impl Into<Box<str>>) -> Self {
        self.checks.push(check.into());
        self
    }

    /// Adds a place to look at, for the runbook: a dashboard, a deploy log, a search of traces.
    #[must_use]
    pub fn link(mut self, link: impl Into<Box<str>>) -> Self {
        self.links.push(link.into());
        self
    }

    /// The limits as they are declared. See [`limits_held`](Self::limits_held).
    #[must_use]
    pub fn limits(&self) -> BodyLimits {
        self.limits
    }

    /// The limits that a layer holds bodies against: those declared, and a warning line at 80 % under each rejecting
    /// one that has none of its own, so that what comes near is counted before it is refused.
    ///
    /// A warning line at the rejecting one or above turns that off.
    ///
    /// ```
    /// use plimsoll::Limit;
    /// use plimsoll::policy::EndpointPolicy;
    ///
    /// let held = EndpointPolicy::new().response(Limit::reject_over(1_000)).limits_held();
    /// assert_eq!(held.response_limit(), Some(Limit::reject_over(1_000).and_warn_over(800)));
    /// ```
    #[must_use]
    pub fn limits_held(&self) -> BodyLimits {
        let mut held = self.limits;
        if let Some(limit) = held.request_limit() {
            held = held.request(with_warning(limit));
        }
        if let Some(limit) = held.response_limit() {
            held = held.response(with_warning(limit));
        }
        held
    }

    /// By how much a median may grow in one pull request, where that is said.
    #[must_use]
    pub fn gate_factor(&self) -> Option<Factor> {
        self.gate
    }

    /// By how much each quantile may grow.
    #[must_use]
    pub fn growth_rules(&self) -> &Growth {
        &self.growth
    }
}

fn with_warning(limit: Limit) -> Limit {
    match (limit.rejects_over(), limit.warns_over()) {
        (Some(reject), None) => limit.and_warn_over(share_of(reject, 4, 5)),
        _ => limit,
    }
}

/// A share of a number of bytes, rounded down; the share is at most 1, so it fits.
fn share_of(bytes: u64, part: u64, of: u64) -> u64 {
    let share = u128::from(bytes).saturating_mul(part.into()).checked_div(of.into()).unwrap_or_default();
    u64::try_from(share).unwrap_or(u64::MAX)
}
