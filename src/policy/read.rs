//! A policy from TOML; whatever is not valid is an error with its line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::de::DeTable;

use super::bytes::{self, ByteSize};
use super::declaration::{EndpointPolicy, Policy};
use super::error::{PolicyError, Wrong};
use super::fields::{Field, Section, line, no_toml};
use super::rule_settings::{LabelName, RuleSettings, Seconds};
use super::time;
use crate::contract::Factor;
use crate::detect::{AcceptedChange, Growth, GrowthRule, Quantile};
use crate::endpoint::{Direction, EndpointName};
use crate::limit::Limit;

impl Policy {
    /// Reads a policy from a file.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, and where anything in it is not valid, unknown keys included.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, PolicyError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|error| PolicyError::file(path, "read", error))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let line = line(&bytes, error.valid_up_to());
            PolicyError::text(Wrong { line, what: String::new(), why: "this is not UTF-8 text".to_owned() })
        });
        text.and_then(Self::from_toml).map_err(|error| error.within(path))
    }

    /// Reads a policy from the text of a file. The keys are those of `examples/policy.toml`.
    ///
    /// # Errors
    ///
    /// Where anything in it is not valid, unknown keys included.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        let parsed = DeTable::parse(text).map_err(|error| no_toml(text, &error));
        parsed.and_then(|table| policy(&Section::whole(text, &table))).map_err(PolicyError::text)
    }
}

fn policy(file: &Section<'_>) -> Result<Policy, Wrong> {
    file.has_only(&["service", "owner", "runbook", "rules", "accepted", "endpoints"])?;
    let mut policy = Policy::new(file.required("service")?.filled()?, file.required("owner")?.filled()?);
    if let Some(field) = file.get("runbook") {
        policy = policy.runbook(field.filled()?);
    }
    if let Some(field) = file.get("rules") {
        policy = policy.rules(rules(&field.section()?)?);
    }
    if let Some(field) = file.get("accepted") {
        for element in field.elements().map_err(|_| field.wrong("must be tables, each under a head of [[accepted]]"))? {
            policy = policy.accept(accepted(&element.section()?)?);
        }
    }
    if let Some(field) = file.get("endpoints") {
        let valid = "must be tables, each under a head like [endpoints.\"server GET /x\"]";
        for (name, field) in field.section().map_err(|_| field.wrong(valid))?.fields() {
            let section = field.section()?;
            let parsed: EndpointName = name.parse().map_err(|error| section.wrong(error))?;
            if policy.endpoints.contains_key(&parsed) {
                return Err(section.wrong(format!("the endpoint `{parsed}` stands here twice; keep one of them")));
            }
            policy.endpoints.insert(parsed, endpoint(&section)?);
        }
    }
    Ok(policy)
}

fn rules(section: &Section<'_>) -> Result<RuleSettings, Wrong> {
    section.has_only(&["labels", "objective", "interval", "window", "hold"])?;
    let mut rules = RuleSettings::new();
    if let Some(field) = section.get("labels") {
        for (name, field) in field.section()?.fields() {
            let valid = "must be the name of a label: letters, digits and `_`, no digit first";
            rules = rules.label(LabelName::new(name).ok_or_else(|| field.wrong(valid))?, field.string()?);
        }
    }
    if let Some(field) = section.get("objective") {
        rules.objective = objective(&field)?;
    }
    for (key, span) in [("interval", &mut rules.interval), ("window", &mut rules.window), ("hold", &mut rules.hold)] {
        if let Some(field) = section.get(key) {
            let read: Option<Seconds> = field.as_str().and_then(|text| text.parse().ok());
            *span = read.ok_or_else(|| field.wrong(time::SPAN))?;
        }
    }
    Ok(rules)
}

/// A share like 0.99, in thousandths.
fn objective(field: &Field<'_>) -> Result<u16, Wrong> {
    let valid = "must be from 0.001 to 0.999 with at most three decimals, as in 0.99";
    let thousandths = field.float(valid)? * 1_000.0;
    let rounded = thousandths.round();
    if (thousandths - rounded).abs() > 1e-6 || !(1.0..=999.0).contains(&rounded) {
        return Err(field.wrong(valid));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 999")]
    Ok(rounded as u16)
}

fn accepted(section: &Section<'_>) -> Result<AcceptedChange, Wrong> {
    section.has_only(&["endpoint", "direction", "version", "reason", "expires"])?;
    let name = section.required("endpoint")?;
    let endpoint = name.string()?.parse::<EndpointName>().map_err(|error| name.wrong(error))?;
    let mut change = AcceptedChange::new(endpoint, section.required("reason")?.string()?);
    if let Some(field) = section.get("direction") {
        change = change.direction(match field.as_str() {
            Some("request") => Direction::Request,
            Some("response") => Direction::Response,
            _ => return Err(field.wrong("must be \"request\" or \"response\"")),
        });
    }
    if let Some(field) = section.get("version") {
        change = change.version(field.string()?);
    }
    if let Some(field) = section.get("expires") {
        let moment = field.datetime().and_then(time::read);
        change = change.expires(moment.ok_or_else(|| field.wrong(time::MOMENT))?);
    }
    Ok(change)
}

fn endpoint(section: &Section<'_>) -> Result<EndpointPolicy, Wrong> {
    section.has_only(&["request", "response", "growth", "gate", "contacts", "checks", "links"])?;
    let mut endpoint = EndpointPolicy::new();
    if let Some(field) = section.get("request") {
        endpoint = endpoint.request(limit(&field)?);
    }
    if let Some(field) = section.get("response") {
        endpoint = endpoint.response(limit(&field)?);
    }
    if let Some(field) = section.get("growth") {
        endpoint = growth(&field.section()?, endpoint)?;
    }
    if let Some(field) = section.get("gate") {
        let valid = "must be the factor that a median may grow by in one pull request, from 1.0 to 1000.0, as in 2.0";
        let factor = Factor::new(field.float(valid)?);
        endpoint = endpoint.gate(factor.map_err(|_| field.wrong(valid))?);
    }
    let EndpointPolicy { contacts, checks, links, .. } = &mut endpoint;
    for (key, texts) in [("contacts", contacts), ("checks", checks), ("links", links)] {
        if let Some(field) = section.get(key) {
            *texts = field.strings()?;
        }
    }
    Ok(endpoint)
}

fn limit(field: &Field<'_>) -> Result<Limit, Wrong> {
    if field.as_str() == Some("unlimited") {
        return Ok(Limit::unlimited());
    }
    let valid = "must be { reject = \"64 KiB\", warn = \"48 KiB\" }, with both or one of them, or \"unlimited\"";
    let section = field.section().map_err(|_| field.wrong(valid))?;
    section.has_only(&["reject", "warn"])?;
    let line = |key| section.get(key).map(|field| size(&field)).transpose();
    match (line("reject")?, line("warn")?) {
        (Some(reject), Some(warn)) => Ok(Limit::reject_over(reject).and_warn_over(warn)),
        (Some(reject), None) => Ok(Limit::reject_over(reject)),
        (None, Some(warn)) => Ok(Limit::warn_over(warn)),
        (None, None) => Err(field.wrong(valid)),
    }
}

/// A size in bytes below 2^64 - 1, which would be none.
fn size(field: &Field<'_>) -> Result<u64, Wrong> {
    let size = match field.as_str() {
        Some(text) => text.parse::<ByteSize>().map_err(|error| field.wrong(error))?.0,
        None => field.integer(0, u64::MAX, bytes::VALID)?,
    };
    if size == u64::MAX {
        return Err(field.wrong("is no limit, as no body can be larger; leave it out, or write \"unlimited\""));
    }
    Ok(size)
}

fn growth(section: &Section<'_>, mut endpoint: EndpointPolicy) -> Result<EndpointPolicy, Wrong> {
    section.has_only(&["p50", "p90", "p99", "p999", "alert_on", "min_bodies", "week_over_week"])?;
    let mut growth = Growth::default();
    for quantile in Quantile::ALL {
        if let Some(field) = section.get(key_of(quantile)) {
            let GrowthRule { evidence_percent, alert_percent } = growth_rule(&field)?;
            growth = growth.evidence_over(quantile, evidence_percent).alert_over(quantile, alert_percent);
        }
    }
    endpoint = endpoint.growth(growth);
    if let Some(field) = section.get("alert_on") {
        let quantile = |field: Field<'_>| {
            let named = |quantile: &Quantile| field.as_str() == Some(key_of(*quantile));
            let valid = "must be \"p50\", \"p90\", \"p99\" or \"p999\"";
            Quantile::ALL.into_iter().find(named).ok_or_else(|| field.wrong(valid))
        };
        endpoint = endpoint.alert_on(field.elements()?.map(quantile).collect::<Result<BTreeSet<_>, _>>()?);
    }
    if let Some(field) = section.get("min_bodies") {
        endpoint = endpoint.min_bodies(field.integer(1, u64::MAX, "must be a number of bodies, at least 1")?);
    }
    if let Some(field) = section.get("week_over_week") {
        endpoint = endpoint.week_over_week(field.boolean()?);
    }
    Ok(endpoint)
}

/// `50`, or `{ evidence = 20, alert = 50 }`.
fn growth_rule(field: &Field<'_>) -> Result<GrowthRule, Wrong> {
    let valid = "must be by how many per cent the quantile may grow, as in 50, or { evidence = 20, alert = 50 }; \
                 whole numbers from 0 to 4294967295";
    let percent = |field: &Field<'_>| {
        let read = field.integer(0, u32::MAX.into(), valid)?;
        u32::try_from(read).map_err(|_| field.wrong(valid))
    };
    let mut rule = GrowthRule::default();
    if !field.is_table() {
        rule.alert_percent = percent(field)?;
        return Ok(rule);
    }
    let section = field.section()?;
    section.has_only(&["evidence", "alert"])?;
    for (key, to) in [("evidence", &mut rule.evidence_percent), ("alert", &mut rule.alert_percent)] {
        if let Some(field) = section.get(key) {
            *to = percent(&field)?;
        }
    }
    Ok(rule)
}

/// A quantile's key in the file.
pub(super) const fn key_of(quantile: Quantile) -> &'static str {
    match quantile {
        Quantile::P50 => "p50",
        Quantile::P90 => "p90",
        Quantile::P99 => "p99",
        Quantile::P999 => "p999",
    }
}
