//! The runbook: what to do about each alert, for this endpoint and these people.

use std::fmt::{self, Write};

use super::alert::{Alert, Anchors, SERVICE_ANCHOR};
use super::declaration::{EndpointPolicy, Policy};
use super::markdown::{Anchor, Code, Plain, Sentence};
use super::{time, wording};
use crate::detect::AcceptedChange;
use crate::endpoint::{EndpointName, Role};
use crate::files::Quoted;

impl Policy {
    /// The runbook as Markdown: a part for each endpoint, and in it one for each of its alerts, where their links lead.
    ///
    /// The same policy gives the same bytes.
    #[must_use]
    pub fn runbook_markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a `String` gives no error.
        let _ = runbook(&mut out, self);
        out
    }
}

fn runbook(out: &mut String, policy: &Policy) -> fmt::Result {
    let Policy { service, owner, runbook: _, rules, endpoints, accepted } = policy;
    let (anchors, window) = (Anchors::of(policy), rules.window);
    writeln!(out, "# Body sizes of {}\n", Plain(service))?;
    writeln!(out, "Printed from a policy by `plimsoll runbook`: change it there. Owner: **{}**.\n", Plain(owner))?;
    writeln!(
        out,
        "Sizes are of bodies, not of calls; ratios are of the last {window}. Of all bodies, {} are to be within their limit.\n",
        wording::percent(rules.objective)
    )?;
    for name in endpoints.keys() {
        writeln!(out, "- [{}](#{})", Code(&name.to_string()), anchors.endpoint(name))?;
    }
    writeln!(out, "- [The rules themselves](#{SERVICE_ANCHOR})")?;
    for (name, endpoint) in endpoints {
        self::endpoint(out, policy, name, endpoint, &anchors)?;
        let of_it: Vec<_> = accepted.iter().filter(|change| change.endpoint == *name).collect();
        accepted_changes(out, &of_it)?;
        let mut said = None;
        for alert in Alert::of(endpoint) {
            // All quantiles have one entry.
            if said.replace(alert.name()) != Some(alert.name()) {
                entry(out, policy, name, endpoint, alert, &anchors)?;
            }
        }
    }
    writeln!(out, "\n{}", Anchor(SERVICE_ANCHOR))?;
    writeln!(out, "{}", ABOUT_THE_RULES.replace("SERVICE", &Plain(service).to_string()))
}

fn endpoint(
    out: &mut String,
    policy: &Policy,
    name: &EndpointName,
    endpoint: &EndpointPolicy,
    anchors: &Anchors<'_>,
) -> fmt::Result {
    writeln!(out, "\n{}", Anchor(anchors.endpoint(name)))?;
    writeln!(out, "## {}\n", Code(&name.to_string()))?;
    let (service, route) = (Plain(&policy.service), Code(name.route().unwrap_or("(no route)")));
    match (name.role(), name.upstream()) {
        (Role::Server, _) => writeln!(out, "{service} answers `{}` {route}.", name.method())?,
        (Role::Client, Some(upstream)) => {
            writeln!(out, "{service} calls `{}` {route} of **{}**.", name.method(), Plain(upstream))?;
        }
        (Role::Client, None) => writeln!(out, "{service} calls `{}` {route}.", name.method())?,
    }
    let limits = wording::limits(endpoint);
    writeln!(out, "\n- Limits: {}.", if limits.is_empty() { "none of its own; the layer's hold" } else { &limits })?;
    list(out, "Call", &endpoint.contacts)?;
    list(out, "Look at", &endpoint.links)
}

fn list(out: &mut String, what: &str, texts: &[Box<str>]) -> fmt::Result {
    texts.iter().try_for_each(|text| writeln!(out, "- {what}: {}", Plain(text)))
}

fn accepted_changes(out: &mut String, changes: &[&AcceptedChange]) -> fmt::Result {
    for AcceptedChange { endpoint: _, direction, version, reason, expires } in changes {
        write!(out, "- Accepted: a growth of ")?;
        match direction {
            Some(direction) => write!(out, "{direction} bodies")?,
            None => write!(out, "both bodies")?,
        }
        if let Some(version) = version {
            write!(out, " with version {}", Code(version))?;
        }
        if let Some(expires) = expires {
            write!(out, ", until {}", time::written(*expires))?;
        }
        writeln!(out, ": {}", Sentence(reason))?;
    }
    Ok(())
}

fn entry(
    out: &mut String,
    policy: &Policy,
    name: &EndpointName,
    endpoint: &EndpointPolicy,
    alert: Alert,
    anchors: &Anchors<'_>,
) -> fmt::Result {
    writeln!(out, "\n{}", Anchor(&anchors.alert(name, alert)))?;
    writeln!(out, "### {}\n", alert.name())?;
    let (side, maker) = sides(name);
    writeln!(out, "**What it means.** {}\n", meaning(policy, endpoint, alert, &side))?;
    writeln!(out, "**Check, in this order.**\n")?;
    let mut steps = first_steps(alert, &maker);
    steps.extend(endpoint.checks.iter().map(|check| Sentence(check).to_string()));
    steps.extend(later_steps(alert, name).into_iter().map(Into::into));
    for (index, step) in steps.iter().enumerate() {
        writeln!(out, "{}. {step}", index.saturating_add(1))?;
    }
    writeln!(out, "\n**It is over when** {}\n", over(policy, endpoint, alert))?;
    writeln!(out, "**To end it.** {}", ending(name, alert))
}

/// Who makes the bodies that grew, and who else could.
fn sides(name: &EndpointName) -> (String, String) {
    match (name.role(), name.upstream()) {
        (Role::Client, upstream) => {
            let upstream = Plain(upstream.unwrap_or("the upstream")).to_string();
            (format!("A `response` is what {upstream} answered, a `request` what we sent it."), upstream)
        }
        (Role::Server, _) => {
            ("A `response` is what we answered, a `request` what a caller sent.".to_owned(), "our own".to_owned())
        }
    }
}

fn meaning(policy: &Policy, endpoint: &EndpointPolicy, alert: Alert, side: &str) -> String {
    let said = match alert {
        Alert::Growth(_) => {
            let rule = |quantile| {
                let percent = endpoint.growth.rule(quantile).alert_percent;
                format!("{quantile} by more than {percent} %")
            };
            let rules: Vec<_> = endpoint.alert_on.iter().copied().map(rule).collect();
            format!(
                "Bodies have grown beyond what the policy allows ({}), and have been for {}. It counts what was \
                 *offered*, so it speaks also where a limit refuses them all.",
                rules.join("; "),
                policy.rules.hold
            )
        }
        Alert::WeekOverWeek => "p99 is far from where it was a week ago. This reads histogram buckets that double, so \
                                both figures may be off by a factor of two: without BodyGrowth or BodyGrowthFound beside \
                                it, suspect a small step over a bucket's edge first."
            .to_owned(),
        Alert::Finding => "The service compared its bodies with its own baseline and is sure that they grew: false \
                           alarms are bounded. The finding says since when, from what to what, and with which version."
            .to_owned(),
        Alert::Refused => format!(
            "Bodies were over their limit ({}) and were refused. Whoever waited for them got an error: these are failed \
             calls, not slow ones.",
            match endpoint.declared().any(|(_, limit)| limit.rejects_over().is_some()) {
                true => wording::limits(endpoint),
                false => "the layer's own, as the policy has none that rejects".to_owned(),
            }
        ),
        Alert::NearLimit => format!(
            "Nothing is refused yet. At least 1 % of the bodies are over a line all the same ({}): either they are close to \
             the limit, or limits are not enforced at present and these would have been refused.",
            wording::limits(endpoint)
        ),
        Alert::FastBurn => "So many bodies are over their limit that a month's allowance is gone within days. Users notice \
                            this now."
            .to_owned(),
        Alert::SlowBurn => "A few more bodies than are allowed are over their limit, for hours or days. Nobody has to get up \
                            for it; left alone, it uses up the month's allowance."
            .to_owned(),
    };
    format!("{said} {side}")
}

fn first_steps(alert: Alert, maker: &str) -> Vec<String> {
    let finding = "The finding in the service's log: since when, from what to what, and the version before and after. \
                   With several endpoints at once and one version, it is one change."
        .to_owned();
    let refusal = "The service's log of the refusal: size, limit, endpoint and trace id; one line in ten seconds per \
                   series."
        .to_owned();
    let deploys = format!("Whether {maker} deploys or flags changed at that time; a rollback is the quickest proof.");
    match alert {
        Alert::Growth(_) | Alert::WeekOverWeek | Alert::Finding => vec![finding, deploys],
        Alert::Refused | Alert::FastBurn => vec![refusal, finding, deploys],
        Alert::NearLimit | Alert::SlowBurn => vec![finding, deploys],
    }
}

fn later_steps(alert: Alert, name: &EndpointName) -> Vec<&'static str> {
    let mut steps = vec![match alert {
        Alert::Refused | Alert::FastBurn | Alert::NearLimit | Alert::SlowBurn => {
            "The trace behind the exemplar of `plimsoll_body_over_limit_total`: which caller, which arguments, how large."
        }
        _ => {
            "The trace behind an exemplar of `plimsoll_body_offered_size_bytes` in the largest bucket that is new: which \
             caller, which arguments, what is in the body that was not before."
        }
    }];
    steps.push(
        "Whether it is compression that was lost, not growth: the share of `plimsoll_content_encoding=\"identity\"` among \
         the bodies.",
    );
    if name.role() == Role::Server {
        steps.push("Whether it is one caller: a crawler, a test, a new client. That is not ours to roll back.");
    }
    steps
}

fn over(policy: &Policy, endpoint: &EndpointPolicy, alert: Alert) -> String {
    let said = match alert {
        Alert::Growth(_) => {
            "the share over the baseline is back to what is normal (`endpoint:plimsoll_bodies_above_baseline:share`), a \
             window after the change that ended it; and the finding is closed."
        }
        Alert::WeekOverWeek => {
            "p99 is back (`endpoint:plimsoll_body_offered_size_bytes:p99`). It also falls silent after a week with the \
             growth in it, which is no proof of anything."
        }
        Alert::Finding => {
            "the finding is closed, which the log says together with the sizes since: they are back to normal, fixed, or accepted."
        }
        Alert::Refused => {
            "no body was refused for ten minutes (`endpoint:plimsoll_bodies_refused:increase10m`) while there was traffic."
        }
        Alert::NearLimit => "fewer than 1 % are over a line (`endpoint:plimsoll_bodies_near_limit:share`).",
        Alert::FastBurn => return below(policy, endpoint, &["5m"]),
        Alert::SlowBurn => return below(policy, endpoint, &["2h", "6h"]),
    };
    said.to_owned()
}

/// Which shares have to be below what the objective leaves.
fn below(policy: &Policy, endpoint: &EndpointPolicy, spans: &[&str]) -> String {
    let mut ratios: Vec<_> = endpoint
        .misses()
        .flat_map(|(_, misses)| spans.iter().map(move |span| format!("`{}`", misses.ratio(span))))
        .collect();
    ratios.sort();
    ratios.dedup();
    let (ratios, are) = (ratios.join(" and "), if ratios.len() == 1 { "is" } else { "are" });
    let allowed = wording::percent(1_000u16.saturating_sub(policy.rules.objective));
    format!("{ratios} {are} below the {allowed} that are allowed. What is used up of the month's allowance stays used.")
}

fn ending(name: &EndpointName, alert: Alert) -> String {
    let back = match name.upstream() {
        Some(upstream) => format!("Not wanted: have {} roll back, and keep the limit.", Plain(upstream)),
        None => "Not wanted: roll back, and keep the limit.".to_owned(),
    };
    let change = format!(
        "an `[[accepted]]` entry in the policy with {}, the version, a reason and a date to expire, together with a new \
         limit if it needs one",
        Code(&format!("endpoint = {}", Quoted(&name.to_string())))
    );
    match alert {
        Alert::Growth(_) | Alert::WeekOverWeek | Alert::Finding => {
            format!("{back} Wanted: {change}; every instance takes the bodies since then for its new baseline.")
        }
        Alert::Refused | Alert::FastBurn => format!(
            "{back} If users are hurt and nothing can be rolled back, raise `reject` for this endpoint in the policy and \
             reload it, or turn refusals into warnings (`Ledger::set_enforcement`): no deploy is needed for either. \
             Wanted: {change}."
        ),
        Alert::NearLimit | Alert::SlowBurn => format!(
            "{back} Wanted: {change}. A limit that is only too tight: let `plimsoll suggest` derive one from what the \
             service has seen."
        ),
    }
}

const ABOUT_THE_RULES: &str = "\
## The rules themselves

### BodyMetricsAbsent

**What it means.** Body metrics of SERVICE were there within the last week and are gone, so no other alert can fire.

**Check, in this order.**

1. `up` of the service's targets: is it scraped?
2. Its metrics page: does it have `plimsoll_bodies_total`? It has none until a first body has ended, so a service that was
   restarted and has had no traffic looks the same.
3. Whether its labels in Prometheus have changed: the rules look for those under `[rules]` in the policy.

**It is over when** the series are back.

### BodyBaselineAbsent

**What it means.** SERVICE has had traffic for more than a week, and there is no baseline to tell growth by, so BodyGrowth
cannot fire. Limits and refusals work all the same.

**Check, in this order.**

1. Whether the detector runs in the service, and its metrics are on the page that is scraped.
2. Whether its state is lost with every restart: it learns for a week, so a service that is deployed daily needs a file for it.

**It is over when** `plimsoll_bodies_above_baseline_total` is there.";
