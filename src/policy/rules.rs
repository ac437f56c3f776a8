//! Prometheus rules from a policy: what is recorded of the whole service, and the alerts of each endpoint.

use super::alert::{Alert, Anchors, Misses, SERVICE_ANCHOR};
use super::declaration::{EndpointPolicy, Policy};
use super::promql::{self, IDENTITY, JUDGED, OFFERED, REFUSED, Text, increase, increase_from_nothing};
use super::rule_settings::Seconds;
use super::wording::{self, Said};
use super::yaml::{Group, Kind, Rule};
use crate::endpoint::EndpointName;

/// All bodies of an endpoint within the window, however they ended.
pub(super) const BODIES: &str = "endpoint:plimsoll_bodies:increase";
/// Those that the other side wanted to send whole, and that the detector judges.
const OFFERED_BODIES: &str = "endpoint:plimsoll_bodies_offered:increase";
/// Of those, the share over a baseline's edge, by quantile.
const ABOVE: &str = "endpoint:plimsoll_bodies_above_baseline:share";
/// p99 by histogram buckets, in bytes.
const P99: &str = "endpoint:plimsoll_body_offered_size_bytes:p99";
/// Bodies refused within ten minutes.
const REFUSED_BODIES: &str = "endpoint:plimsoll_bodies_refused:increase10m";
/// Bodies refused within the window.
const REFUSED_WINDOW: &str = "endpoint:plimsoll_bodies_refused:increase";
/// Bodies over a line within the window, refused or not.
const OVER_LIMIT: &str = "endpoint:plimsoll_body_over_limit:increase";
/// The share of bodies that were over a line and not refused.
const NEAR: &str = "endpoint:plimsoll_bodies_near_limit:share";

/// The spans of the burn rates: the long one, the short one that ends an alert soon, and how many times faster than
/// allowed the budget burns (Google's Site Reliability Workbook, chapter 5, for a budget of 30 days).
const FAST: [(&str, &str, f64); 2] = [("1h", "5m", 14.4), ("6h", "30m", 6.0)];
const SLOW: [(&str, &str, f64); 2] = [("1d", "2h", 3.0), ("3d", "6h", 1.0)];
const SPANS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

/// From which share on bodies near a limit are worth a ticket.
const NEAR_SHARE: f64 = 0.01;

impl Policy {
    /// A file of Prometheus rules: recording rules for the service, and the alerts of each endpoint.
    ///
    /// The same policy gives the same bytes. What each alert says and rests on: [module documentation](super#alert-rules).
    #[must_use]
    pub fn prometheus_rules(&self) -> String {
        let anchors = Anchors::of(self);
        let mut alerts = Vec::new();
        for (name, endpoint) in &self.endpoints {
            alerts.extend(Alert::of(endpoint).into_iter().map(|kind| alert(self, name, endpoint, kind, &anchors)));
        }
        alerts.extend(about_the_rules(self));
        let interval = self.rules.interval.to_string();
        let name = |part: &str| format!("plimsoll-{}-{part}", self.service);
        let recorded = Group { name: name("recorded"), interval: interval.clone(), rules: recorded(self) };
        let alerts = Group { name: name("alerts"), interval, rules: alerts };
        let series = promql::own(self);
        format!(
            "# Printed from a policy by `plimsoll rules`: change it there. It reads the series with {series}.\n\
             groups:\n{recorded}{alerts}"
        )
    }
}

/// What the alerts read: each is computed once for all endpoints.
fn recorded(policy: &Policy) -> Vec<Rule> {
    let (of, window) = (promql::service(policy), policy.rules.window);
    let bodies = format!("plimsoll_bodies_total{{{of}}}");
    let offered = format!("plimsoll_bodies_total{{{of}, {OFFERED}, {JUDGED}}}");
    let refused = format!("plimsoll_bodies_total{{{of}, {REFUSED}}}");
    let above = format!("plimsoll_bodies_above_baseline_total{{{of}}}");
    let over = format!("plimsoll_body_over_limit_total{{{of}}}");
    let own = format!("{{service={}}}", Text(&policy.service));

    let above = increase_from_nothing(&above, window, ", plimsoll_quantile");
    let (over_window, refused_window) = (format!("{OVER_LIMIT}{own}"), format!("{REFUSED_WINDOW}{own}"));
    let mut rules: Vec<_> = [
        (BODIES, increase(&bodies, window, "")),
        (OFFERED_BODIES, increase(&offered, window, "")),
        (ABOVE, format!("{above} / on ({IDENTITY}) group_left () {OFFERED_BODIES}{own}")),
        (REFUSED_BODIES, increase_from_nothing(&refused, "10m", "")),
        (REFUSED_WINDOW, increase_from_nothing(&refused, window, "")),
        (OVER_LIMIT, increase_from_nothing(&over, window, "")),
        (NEAR, format!("({over_window} - ({refused_window} or 0 * {over_window})) / {BODIES}{own}")),
    ]
    .map(|(name, expr)| (name.to_owned(), expr))
    .into();
    for (misses, counter) in [(Misses::Refused, &refused), (Misses::OverLine, &over)] {
        if policy.endpoints.values().flat_map(EndpointPolicy::misses).any(|(_, counted)| counted == misses) {
            rules.extend(SPANS.map(|span| {
                let missed = increase_from_nothing(counter, span, "");
                (misses.ratio(span), format!("clamp_max({missed} / {}, 1)", increase(&bodies, span, "")))
            }));
        }
    }
    if policy.endpoints.values().any(|endpoint| endpoint.week_over_week) {
        let buckets = format!("plimsoll_body_offered_size_bytes_bucket{{{of}, {JUDGED}}}");
        let rates = format!("sum by ({IDENTITY}, le) (rate({buckets}[{window}]))");
        rules.push((P99.to_owned(), format!("histogram_quantile(0.99, {rates})")));
    }
    let labels = || vec![("service", policy.service.to_string())];
    rules.into_iter().map(|(name, expr)| Rule { kind: Kind::Record(name), expr, labels: labels() }).collect()
}

fn alert(policy: &Policy, name: &EndpointName, said: &EndpointPolicy, kind: Alert, anchors: &Anchors<'_>) -> Rule {
    let of = promql::endpoint(name);
    let own = format!("{{service={}, {of}}}", Text(&policy.service));
    let least = said.min_bodies;
    let enough = format!("{OFFERED_BODIES}{own} >= {least}");
    let held = policy.rules.hold.to_string();
    let (expr, hold) = match kind {
        Alert::Growth(quantile) => {
            let share = format!(
                "{ABOVE}{{service={}, {of}, plimsoll_quantile=\"{}\"}}",
                Text(&policy.service),
                quantile.as_str()
            );
            (format!("{share} > {} and ignoring (plimsoll_quantile) {enough}", quantile.share_above()), held)
        }
        Alert::WeekOverWeek => {
            let factor = wording::factor(said.growth.p99.alert_percent);
            let before = format!("{OFFERED_BODIES}{own} offset 1w >= {least}");
            (format!("{P99}{own} > {factor} * {P99}{own} offset 1w and {enough} and {before}"), held)
        }
        Alert::Finding => {
            let series = format!("{}, {of}", promql::service(policy));
            let factor = format!("max by ({IDENTITY}) (plimsoll_regression_factor{{{series}}})");
            // A warning is evidence of growth without the size that would matter.
            let open = format!("plimsoll_regression_active{{{series}, plimsoll_severity!=\"warning\"}}");
            (format!("{factor} and max by ({IDENTITY}) ({open}) == 1"), String::new())
        }
        Alert::Refused => (format!("{REFUSED_BODIES}{own} > 0"), String::new()),
        Alert::NearLimit => (format!("{NEAR}{own} > {NEAR_SHARE} and {BODIES}{own} >= {least}"), held),
        Alert::FastBurn => (burn(policy, name, said, FAST), "2m".to_owned()),
        Alert::SlowBurn => (burn(policy, name, said, SLOW), "15m".to_owned()),
    };
    let link = format!("{}#{}", policy.runbook, anchors.alert(name, kind));
    let mut rule =
        rule(policy, kind.name(), kind.severity(), expr, hold, wording::alert(policy, name, said, kind), &link);
    rule.labels.push(("endpoint", wording::plain(&name.to_string())));
    if let Alert::Growth(quantile) = kind {
        rule.labels.push(("plimsoll_quantile", quantile.as_str().to_owned()));
    }
    rule
}

/// Over the long span and the short one, the budget burns too many times too fast; in a window with enough bodies.
fn burn(policy: &Policy, name: &EndpointName, said: &EndpointPolicy, speeds: [(&str, &str, f64); 2]) -> String {
    let budget = f64::from(1_000u16.saturating_sub(policy.rules.objective)) / 1_000.0;
    let own = format!("service={}, {}", Text(&policy.service), promql::endpoint(name));
    let burns = said.misses().flat_map(|(direction, misses)| {
        let own = format!("{{{own}, plimsoll_direction=\"{direction}\"}}");
        speeds.map(|(long, short, times)| {
            // A large budget cannot burn so many times too fast: nine bodies of ten over the limit are enough.
            let share = format!("{:.4}", (times * budget).min(0.9));
            let share = share.trim_end_matches('0');
            format!("({}{own} > {share} and {}{own} > {share})", misses.ratio(long), misses.ratio(short))
        })
    });
    let burns: Vec<_> = burns.collect();
    format!("({}) and {BODIES}{{{own}}} >= {}", burns.join(" or "), said.min_bodies)
}

/// Where the other rules would be silent for want of anything to read.
fn about_the_rules(policy: &Policy) -> Vec<Rule> {
    let of = promql::service(policy);
    let bodies = format!("plimsoll_bodies_total{{{of}}}");
    let known = format!("{BODIES}{{service={}}}", Text(&policy.service));
    let gone = format!("count(present_over_time({known}[1w])) unless count({bodies})");
    let mut rules = vec![(wording::METRICS_ABSENT, gone, Seconds(1_800))];
    if policy.endpoints.values().any(|endpoint| !endpoint.alert_on.is_empty()) {
        let all = format!("sum({OFFERED_BODIES}{{service={}}}", Text(&policy.service));
        let blind =
            format!("({all}) > 0 and {all} offset 8d) > 0) unless count(plimsoll_bodies_above_baseline_total{{{of}}})");
        rules.push((wording::BASELINE_ABSENT, blind, Seconds(3_600)));
    }
    let link = format!("{}#{SERVICE_ANCHOR}", policy.runbook);
    let rule = |(name, expr, hold): (&'static str, String, Seconds)| {
        rule(policy, name, "ticket", expr, hold.to_string(), wording::about_the_rules(policy, name), &link)
    };
    rules.into_iter().map(rule).collect()
}

fn rule(
    policy: &Policy,
    name: &'static str,
    severity: &str,
    expr: String,
    hold: String,
    said: Said,
    link: &str,
) -> Rule {
    let Said { summary, description } = said;
    let annotations = vec![("summary", summary), ("description", description), ("runbook_url", wording::plain(link))];
    let labels = vec![
        ("severity", severity.to_owned()),
        ("service", wording::plain(&policy.service)),
        ("owner", wording::plain(&policy.owner)),
    ];
    Rule { kind: Kind::Alert { name, hold, annotations }, expr, labels }
}
