//! A policy as TOML: the same bytes for the same policy, and what is not said is not written.

use std::fmt::{self, Write};

use super::bytes::ByteSize;
use super::declaration::{EndpointPolicy, Policy};
use super::read::key_of;
use super::rule_settings::RuleSettings;
use super::time;
use crate::detect::{AcceptedChange, Growth, GrowthRule, Quantile};
use crate::endpoint::EndpointName;
use crate::files::Quoted as Text;
use crate::limit::Limit;

impl Policy {
    /// The policy as the text of a file, which [`from_toml`](Self::from_toml) reads back to the same policy.
    ///
    /// Endpoints are sorted; what is as by default is left out. Comments of a file that was read are lost.
    #[must_use]
    pub fn to_toml(&self) -> String {
        self.to_toml_with(|_| Vec::new())
    }

    /// The same, with these lines as a comment over each endpoint.
    pub(crate) fn to_toml_with(&self, comment: impl Fn(&EndpointName) -> Vec<String>) -> String {
        let mut out = String::new();
        // Writing to a `String` gives no error.
        let _ = policy(&mut out, self, comment);
        out
    }
}

fn policy(out: &mut String, policy: &Policy, comment: impl Fn(&EndpointName) -> Vec<String>) -> fmt::Result {
    let Policy { service, owner, runbook, rules, endpoints, accepted } = policy;
    writeln!(out, "service = {}", Text(service))?;
    writeln!(out, "owner = {}", Text(owner))?;
    if **runbook != *Policy::new("", "").runbook {
        writeln!(out, "runbook = {}", Text(runbook))?;
    }
    if *rules != RuleSettings::default() {
        self::rules(out, rules)?;
    }
    for change in accepted {
        self::accepted(out, change)?;
    }
    for (name, endpoint) in endpoints {
        writeln!(out)?;
        for line in comment(name) {
            // A control character in a comment is no TOML.
            writeln!(out, "# {}", line.replace(|character: char| character.is_control(), " "))?;
        }
        writeln!(out, "[endpoints.{}]", Text(&name.to_string()))?;
        self::endpoint(out, endpoint)?;
    }
    Ok(())
}

fn rules(out: &mut String, rules: &RuleSettings) -> fmt::Result {
    let RuleSettings { labels, objective, interval, window, hold } = rules;
    writeln!(out, "\n[rules]")?;
    if !labels.is_empty() {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name} = {}", Text(value))).collect();
        writeln!(out, "labels = {{ {} }}", labels.join(", "))?;
    }
    if *objective != RuleSettings::OBJECTIVE {
        let digits = format!("{objective:03}");
        writeln!(out, "objective = 0.{}", digits.trim_end_matches('0'))?;
    }
    for (key, span, default) in [
        ("interval", interval, RuleSettings::INTERVAL),
        ("window", window, RuleSettings::WINDOW),
        ("hold", hold, RuleSettings::HOLD),
    ] {
        if *span != default {
            writeln!(out, "{key} = \"{span}\"")?;
        }
    }
    Ok(())
}

fn accepted(out: &mut String, change: &AcceptedChange) -> fmt::Result {
    let AcceptedChange { endpoint, direction, version, reason, expires } = change;
    writeln!(out, "\n[[accepted]]\nendpoint = {}", Text(&endpoint.to_string()))?;
    if let Some(direction) = direction {
        writeln!(out, "direction = \"{direction}\"")?;
    }
    if let Some(version) = version {
        writeln!(out, "version = {}", Text(version))?;
    }
    writeln!(out, "reason = {}", Text(reason))?;
    if let Some(expires) = expires {
        writeln!(out, "expires = {}", time::written(*expires))?;
    }
    Ok(())
}

fn endpoint(out: &mut String, endpoint: &EndpointPolicy) -> fmt::Result {
    let EndpointPolicy { limits, growth, alert_on, min_bodies, week_over_week, gate, contacts, checks, links } =
        endpoint;
    for (key, limit) in [("request", limits.request_limit()), ("response", limits.response_limit())] {
        if let Some(limit) = limit {
            self::limit(out, key, limit)?;
        }
    }
    let mut said = growth_rules(growth);
    if alert_on.iter().ne([&Quantile::P99]) {
        let names: Vec<_> = alert_on.iter().map(|quantile| format!("\"{}\"", key_of(*quantile))).collect();
        said.push(format!("alert_on = [{}]", names.join(", ")));
    }
    if *min_bodies != EndpointPolicy::MIN_BODIES {
        said.push(format!("min_bodies = {min_bodies}"));
    }
    if *week_over_week {
        said.push("week_over_week = true".to_owned());
    }
    if !said.is_empty() {
        writeln!(out, "growth = {{ {} }}", said.join(", "))?;
    }
    if let Some(factor) = gate {
        writeln!(out, "gate = {factor}")?;
    }
    for (key, texts) in [("contacts", contacts), ("checks", checks), ("links", links)] {
        match &texts[..] {
            [] => {}
            [text] => writeln!(out, "{key} = [{}]", Text(text))?,
            texts => {
                writeln!(out, "{key} = [")?;
                texts.iter().try_for_each(|text| writeln!(out, "    {},", Text(text)))?;
                writeln!(out, "]")?;
            }
        }
    }
    Ok(())
}

fn limit(out: &mut String, key: &str, limit: Limit) -> fmt::Result {
    let lines = [("reject", limit.rejects_over()), ("warn", limit.warns_over())];
    let line = |(action, line): (&str, Option<u64>)| Some(format!("{action} = \"{}\"", ByteSize(line?)));
    let lines: Vec<_> = lines.into_iter().filter_map(line).collect();
    match lines.is_empty() {
        true => writeln!(out, "{key} = \"unlimited\""),
        false => writeln!(out, "{key} = {{ {} }}", lines.join(", ")),
    }
}

fn growth_rules(growth: &Growth) -> Vec<String> {
    let default = GrowthRule::default();
    let rule = |quantile| {
        let (key, GrowthRule { evidence_percent, alert_percent }) = (key_of(quantile), growth.rule(quantile));
        match evidence_percent == default.evidence_percent {
            true if alert_percent == default.alert_percent => None,
            true => Some(format!("{key} = {alert_percent}")),
            false => Some(format!("{key} = {{ evidence = {evidence_percent}, alert = {alert_percent} }}")),
        }
    };
    Quantile::ALL.into_iter().filter_map(rule).collect()
}
