//! The alerts of a policy: their names, how urgent they are, and where the runbook speaks of them.

use std::collections::BTreeMap;

use super::declaration::{EndpointPolicy, Policy};
use crate::detect::Quantile;
use crate::endpoint::{Direction, EndpointName};
use crate::limit::Limit;

/// An alert of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alert {
    /// A quantile is larger than its baseline allows, by the counters of the detector.
    Growth(Quantile),
    /// p99 against p99 a week ago, from histogram buckets.
    WeekOverWeek,
    /// The detector's own finding.
    Finding,
    /// Bodies were refused.
    Refused,
    /// Bodies came near a limit, or would have been refused.
    NearLimit,
    /// More bodies miss the objective than it allows, and its budget will not last the day.
    FastBurn,
    /// The same, and it will not last the month.
    SlowBurn,
}

impl Alert {
    /// The name; the same for all endpoints.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Growth(_) => "BodyGrowth",
            Self::WeekOverWeek => "BodyGrowthWeekOverWeek",
            Self::Finding => "BodyGrowthFound",
            Self::Refused => "BodiesRefused",
            Self::NearLimit => "BodiesNearLimit",
            Self::FastBurn => "BodyBudgetBurnsFast",
            Self::SlowBurn => "BodyBudgetBurnsSlowly",
        }
    }

    /// `page` calls somebody now, `ticket` waits for the morning.
    pub(super) const fn severity(self) -> &'static str {
        match self {
            Self::Refused | Self::FastBurn => "page",
            _ => "ticket",
        }
    }

    /// What there is for an endpoint, in the order of the rules and of the runbook.
    pub(super) fn of(endpoint: &EndpointPolicy) -> Vec<Self> {
        let mut alerts: Vec<_> = endpoint.alert_on.iter().copied().map(Self::Growth).collect();
        alerts.extend(endpoint.week_over_week.then_some(Self::WeekOverWeek));
        alerts.extend([Self::Finding, Self::Refused]);
        if endpoint.misses().next().is_some() {
            alerts.extend([Self::NearLimit, Self::FastBurn, Self::SlowBurn]);
        }
        alerts
    }
}

/// What misses the objective: a body over the limit, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misses {
    /// Refused bodies, where a limit rejects: what is over its warning line alone is within it.
    Refused,
    /// Those over the line, where it only warns.
    OverLine,
}

impl Misses {
    /// The series of the share of these among all bodies within a span.
    pub(super) fn ratio(self, span: &str) -> String {
        let counter = match self {
            Self::Refused => "plimsoll_bodies_refused",
            Self::OverLine => "plimsoll_body_over_limit",
        };
        format!("endpoint:{counter}:ratio{span}")
    }
}

impl EndpointPolicy {
    /// What misses the objective in each direction that has a limit.
    pub(super) fn misses(&self) -> impl Iterator<Item = (Direction, Misses)> + use<> {
        self.declared().filter_map(|(direction, limit)| {
            let misses = match (limit.rejects_over(), limit.warns_over()) {
                (Some(_), _) => Misses::Refused,
                (None, Some(_)) => Misses::OverLine,
                (None, None) => return None,
            };
            Some((direction, misses))
        })
    }

    /// The limits that are declared, with their directions.
    pub(super) fn declared(&self) -> impl Iterator<Item = (Direction, Limit)> + use<> {
        let limits = self.limits;
        let of = [(Direction::Request, limits.request_limit()), (Direction::Response, limits.response_limit())];
        of.into_iter().filter_map(|(direction, limit)| Some((direction, limit?)))
    }
}

/// Where the alerts of the whole service stand in the runbook.
pub(super) const SERVICE_ANCHOR: &str = "the-rules-themselves";

/// The anchor of each endpoint in the runbook, by its name; no two are the same.
pub(super) struct Anchors<'a>(BTreeMap<&'a EndpointName, String>);

impl<'a> Anchors<'a> {
    pub(super) fn of(policy: &'a Policy) -> Self {
        let mut taken = BTreeMap::new();
        let anchor = |name: &'a EndpointName| {
            let slug = slug(&name.to_string());
            let seen: &mut u32 = taken.entry(slug.clone()).or_default();
            *seen = seen.saturating_add(1);
            // A slug has no two dashes in a row, so this is nobody else's.
            let anchor = if *seen == 1 { slug } else { format!("{slug}--{seen}") };
            (name, anchor)
        };
        Self(policy.endpoints.keys().map(anchor).collect())
    }

    /// The anchor of an endpoint's part.
    pub(super) fn endpoint(&self, name: &EndpointName) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The anchor of what is said of one alert of it. Growth has one for all quantiles.
    pub(super) fn alert(&self, name: &EndpointName, alert: Alert) -> String {
        format!("{}--{}", self.endpoint(name), alert.name().to_ascii_lowercase())
    }
}

/// Letters and digits, and one dash for whatever is between them.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for character in text.chars() {
        match character.is_ascii_alphanumeric() {
            true => slug.push(character.to_ascii_lowercase()),
            false if slug.is_empty() || slug.ends_with('-') => {}
            false => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_endpoints_have_the_same_anchor() {
        let names = ["server GET /a-b", "server GET /a/b", "server GET /a_b/", "server GET -", "server GET /é"];
        let policy = names
            .iter()
            .fold(Policy::new("s", "o"), |policy, name| policy.endpoint(name.parse().unwrap(), EndpointPolicy::new()));
        let anchors = Anchors::of(&policy);
        let mut all: Vec<_> = anchors.0.values().collect();
        all.sort();
        assert_eq!(all, ["server-get", "server-get--2", "server-get-a-b", "server-get-a-b--2", "server-get-a-b--3"]);
    }
}
