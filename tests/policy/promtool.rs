//! The rules before promtool: it accepts them, and time series make exactly those alerts fire that they should.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use plimsoll::policy::{EndpointPolicy, LabelName, Policy, RuleSettings};
use plimsoll::{KIB, Limit, Quantile};

use crate::real::missed;
use crate::scenario::{DAY, HOUR, Scenario, all, gauge, share, test_file};

const SKU: &str = "client GET /inventory/{sku} of inventory";

/// A policy of one endpoint, whose rules are evaluated as often as the test's series have values.
fn policy(endpoint: EndpointPolicy) -> Policy {
    Policy::new("checkout", "team-checkout")
        .runbook("https://wiki.example.org/RUNBOOK.md")
        .rules(RuleSettings::new().interval(Duration::from_secs(600)))
        .endpoint(SKU.parse().unwrap(), endpoint.week_over_week(true))
}

fn limited() -> Policy {
    policy(EndpointPolicy::new().response(Limit::reject_over(64 * KIB).and_warn_over(48 * KIB)))
}

/// Half a week before the growth, and a week before that.
const CALM: usize = 7 * DAY + DAY / 2;

#[test]
fn promtool_accepts_what_is_printed() {
    let hostile = "a\"b\\c'd`e{{f}}\n\u{7f}\u{85}é: # %s";
    let hostile_name: plimsoll::EndpointName = "client GET /{{x}}/\"'`\\%0A of a\"b\\".parse().unwrap();
    let everything = EndpointPolicy::new()
        .request(Limit::reject_over(0))
        .response(Limit::warn_over(1))
        .alert_on(Quantile::ALL)
        .week_over_week(true)
        .contact(hostile);
    let labels = RuleSettings::new().label(LabelName::new("job").unwrap(), hostile).objective_per_mille(1);
    for (name, policy) in [
        ("example", super::example()),
        ("empty", Policy::new("s", "o")),
        ("quiet", Policy::new("s", "o").endpoint(SKU.parse().unwrap(), EndpointPolicy::new().alert_on([]))),
        ("limited", limited()),
        (
            "hostile",
            Policy::new(hostile, hostile)
                .runbook(hostile)
                .rules(labels)
                .endpoint(hostile_name, everything.clone())
                .endpoint("server _OTHER -".parse().unwrap(), everything),
        ),
    ] {
        let rules = policy.prometheus_rules();
        assert_eq!(
            rules,
            Policy::from_toml(&policy.to_toml()).unwrap().prometheus_rules(),
            "not the same bytes: {name}"
        );
        let path = written(&format!("{name}.rules.yml"), &rules);
        let Some(output) = promtool("check", &path) else { return };
        assert!(output.status.success(), "{name}: {output:?}\n{rules}");
    }
}

#[test]
fn the_alerts_fire_that_should_and_no_other() {
    let (before, after) = (CALM, DAY);
    let scenarios = [
        Scenario::new("calm weeks")
            .answers(&[all(before + after)], &[(None, before + after)], false)
            .above(&[share(8, before + after)])
            .fires(before, &[])
            .fires(before + 2 * HOUR, &[]),
        Scenario::new("from 8 to 85 KB under a limit that refuses them")
            .answers(&[all(before), (Some(0), after)], &[(None, before), all(after)], true)
            .above(&[share(8, before), all(after)])
            .counter("plimsoll_body_over_limit_total", "", &[(None, before), all(after)])
            .fires(before - 1, &[])
            .fires(before, &["BodiesRefused"])
            .fires(
                before + 3 * HOUR,
                &[
                    "BodiesRefused",
                    "BodyBudgetBurnsFast",
                    "BodyBudgetBurnsSlowly",
                    "BodyGrowth",
                    "BodyGrowthWeekOverWeek",
                ],
            )
            .says(
                before + 3 * HOUR,
                "BodyGrowth",
                &[("severity", "ticket"), ("plimsoll_quantile", "0.99")],
                GROWTH_SAYS,
            ),
        Scenario::new("a week without traffic")
            .answers(
                &[all(DAY), (Some(0), 7 * DAY), all(DAY / 2)],
                &[(None, DAY), (None, 7 * DAY), (None, DAY / 2)],
                false,
            )
            .above(&[share(8, DAY), (Some(0), 7 * DAY), share(8, DAY / 2)])
            .fires(4 * DAY, &[])
            .fires(8 * DAY, &[])
            .fires(8 * DAY + 2 * HOUR, &[]),
        Scenario::new("traffic, and no detector")
            .answers(&[all(10 * DAY)], &[(None, 10 * DAY)], false)
            .fires(7 * DAY, &[])
            .fires(9 * DAY, &["BodyBaselineAbsent"]),
    ];
    passes("weeks", &limited(), &scenarios);
}

#[test]
fn so_they_do_where_two_days_tell() {
    let (before, after) = (DAY + DAY / 2, DAY);
    let calm = &[all(before + after)][..];
    let none = &[(None, before + after)][..];
    let requests = |metric, labels| gauge(metric, labels).replace("\"response\"", "\"request\"");
    let scenarios = [
        Scenario::new("a single refusal")
            .answers(calm, &[(None, before), (Some(1), 1), (Some(0), after - 1)], true)
            .above(&[share(8, before + after)])
            .counter("plimsoll_body_over_limit_total", "", &[(None, before), (Some(1), 1), (Some(0), after - 1)])
            .fires(before, &["BodiesRefused"])
            .fires(before + HOUR, &[]),
        Scenario::new("one body of twenty near its limit")
            .answers(calm, none, false)
            .above(&[share(8, before + after)])
            .counter("plimsoll_body_over_limit_total", "", &[(None, before), share(50, after)])
            .fires(before + 2 * HOUR, &["BodiesNearLimit"]),
        Scenario::new("a new endpoint")
            .answers(&[(None, before), (Some(0), after)], &[(None, before), all(after)], false)
            .fires(before + HOUR, &[])
            .fires(before + DAY - 1, &[]),
        Scenario::new("an instance that is started anew, and with it its counters")
            .restarted("plimsoll_bodies_total", "plimsoll_outcome=\"complete\"", calm, before)
            .restarted(
                "plimsoll_bodies_above_baseline_total",
                "plimsoll_quantile=\"0.99\"",
                &[share(8, before + after)],
                before,
            )
            .restarted(
                "plimsoll_bodies_total",
                "plimsoll_outcome=\"rejected_early\"",
                &[(Some(1), 1), (Some(0), before + after - 1)],
                before,
            )
            .fires(before, &[])
            .fires(before + 2 * HOUR, &[]),
        Scenario::new("ten large bodies an hour")
            .answers(&[(Some(0), before), (Some(0), after)], &[(Some(0), before), (Some(1), after)], false)
            .above(&[(Some(0), before), (Some(1), after)])
            .counter("plimsoll_body_over_limit_total", "", &[(Some(0), before), (Some(1), after)])
            .fires(before + 3 * HOUR, &[]),
        Scenario::new("the detector's finding, and its end")
            .answers(calm, none, false)
            .above(&[share(8, before + after)])
            // It told the factor of whichever direction came first.
            .series(&requests("plimsoll_regression_active", "plimsoll_severity=\"warning\""), &format!("1x{}", before + after))
            .series(&requests("plimsoll_regression_factor", "plimsoll_quantile=\"0.5\""), &format!("99x{}", before + after))
            .series(
                &gauge("plimsoll_regression_active", "plimsoll_severity=\"alert\""),
                &format!("0x{before} 1x{HOUR} 0x{HOUR}"),
            )
            .series(
                &gauge("plimsoll_regression_factor", "plimsoll_quantile=\"0.99\""),
                &format!("1x{before} 10.6x{HOUR} 1x{HOUR}"),
            )
            .fires(before, &[])
            .fires(before + HOUR, &["BodyGrowthFound"])
            .says(
                before + HOUR,
                "BodyGrowthFound",
                &[("severity", "ticket")],
                &[
                    (
                        "summary",
                        "client GET /inventory/{sku} of inventory: the service itself found that its response bodies \
                         are 10.6 times as large",
                    ),
                    (
                        "description",
                        "The finding says since when, since which version, and which traces show it: it is in the \
                         service's log. It closes by itself when the sizes are back, or when the change is accepted.",
                    ),
                    (
                        "runbook_url",
                        "https://wiki.example.org/RUNBOOK.md#client-get-inventory-sku-of-inventory--bodygrowthfound",
                    ),
                ],
            )
            .fires(before + HOUR + HOUR + 2, &[]),
        Scenario::new("a warning of the detector")
            .answers(calm, none, false)
            .above(&[share(8, before + after)])
            .series(
                &gauge("plimsoll_regression_active", "plimsoll_severity=\"warning\""),
                &format!("0x{before} 1x{after}"),
            )
            .fires(before + HOUR, &[]),
        Scenario::new("a service whose metrics are gone")
            .answers(&[all(before), (None, after + DAY)], &[(None, before), (None, after + DAY)], false)
            .above(&[share(8, before), (None, after + DAY)])
            .fires(before + 2 * HOUR, &["BodyMetricsAbsent"])
            // It said that all was well again, a day after they had gone.
            .fires(before + DAY + 6 * HOUR, &["BodyMetricsAbsent"]),
    ];
    passes("limited", &limited(), &scenarios);
}

#[test]
fn the_objective_counts_what_is_over_the_limit_and_not_what_comes_near() {
    let (before, after) = (DAY + DAY / 2, DAY);
    let calm = &[all(before + after)][..];
    let none = &[(None, before + after)][..];
    let over = |name| {
        Scenario::new(name).answers(calm, none, false).above(&[share(8, before + after)]).counter(
            "plimsoll_body_over_limit_total",
            "",
            &[(None, before), all(after)],
        )
    };
    // They burnt the budget, and called somebody, though none was over its limit.
    let near = [over("all bodies near their limit").fires(before + DAY - 1, &["BodiesNearLimit"])];
    passes("near", &limited(), &near);
    let warned = [over("all bodies over a line that only warns")
        .fires(before + DAY - 1, &["BodiesNearLimit", "BodyBudgetBurnsFast", "BodyBudgetBurnsSlowly"])];
    passes("warned", &policy(EndpointPolicy::new().response(Limit::warn_over(64 * KIB))), &warned);
}

#[test]
fn growth_that_nothing_refuses_is_an_alert_of_growth_alone() {
    let (before, after) = (CALM, DAY);
    let scenarios = [Scenario::new("from 8 to 85 KB without a limit")
        .answers(&[all(before), (Some(0), after)], &[(None, before), all(after)], false)
        .above(&[share(8, before), all(after)])
        .fires(before - 1, &[])
        .fires(before, &[])
        .fires(before + 3 * HOUR, &["BodyGrowth", "BodyGrowthWeekOverWeek"])];
    passes("unlimited", &policy(EndpointPolicy::new()), &scenarios);
}

/// What the alert of growth says, numbers and link included.
const GROWTH_SAYS: &[(&str, &str)] = &[
    (
        "summary",
        "client GET /inventory/{sku} of inventory: 100% of the response bodies of the last 1h are over 1.5 times the \
         baseline's p99; 1 % would be normal",
    ),
    (
        "description",
        "p99 grew by more than 50 %: the large bodies have changed, not their number. Counted by the service against \
         its own baseline, refused bodies by what they declared.",
    ),
    ("runbook_url", "https://wiki.example.org/RUNBOOK.md#client-get-inventory-sku-of-inventory--bodygrowth"),
];

/// The counter is there from its first bodies on: a burst is all that it ever says.
#[test]
fn the_readme_s_alert_fires_at_the_first_refusals() {
    let readme = include_str!("../../README.md");
    let expression = readme.split("```promql\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let expression = expression.replace('\n', "\n          ");
    let rules = format!(
        "groups:\n  - name: readme\n    rules:\n      - alert: OverLimit\n        expr: |\n          {expression}\n"
    );
    let rules = written("readme.rules.yml", &rules);
    let at = |minute: u32, fires: bool| {
        let alerts = if fires { "\n          - exp_labels: { job: checkout }" } else { " []" };
        format!("      - eval_time: {minute}m\n        alertname: OverLimit\n        exp_alerts:{alerts}\n")
    };
    let expected: String =
        [(1, false), (3, true), (6, true), (9, false)].map(|(minute, fires)| at(minute, fires)).concat();
    let test = format!(
        "rule_files: [{}]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:\n      \
         - series: 'plimsoll_body_over_limit_total{{job=\"checkout\"}}'\n        values: '_x2 80x20'\n    \
         alert_rule_test:\n{expected}",
        rules.display()
    );
    let Some(output) = promtool("test", &written("readme.test.yml", &test)) else { return };
    assert!(output.status.success(), "{output:?}\n{test}");
}

fn passes(name: &str, policy: &Policy, scenarios: &[Scenario]) {
    let rules = written(&format!("{name}.rules.yml"), &policy.prometheus_rules());
    let groups = ["plimsoll-checkout-recorded", "plimsoll-checkout-alerts"];
    let test = test_file(&rules.display().to_string(), groups, scenarios);
    let path = written(&format!("{name}.test.yml"), &test);
    let Some(output) = promtool("test", &path) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}", String::from_utf8_lossy(&output.stdout));
}

/// What promtool has to say of a file; `None`, and said so, where it is not installed.
fn promtool(verb: &str, file: &Path) -> Option<Output> {
    match Command::new("promtool").args([verb, "rules"]).arg(file).output() {
        Ok(output) => Some(output),
        Err(error) => missed(&format!("promtool does not start: {error}")),
    }
}

/// A file of this test, in the build's directory for such.
fn written(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("policy-{name}"));
    std::fs::write(&path, text).unwrap();
    path
}
