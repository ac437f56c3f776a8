//! A policy written and read is the same policy; and one of 1,000 endpoints is read quickly.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use plimsoll::policy::{EndpointPolicy, LabelName, Policy, RuleSettings};
use plimsoll::{AcceptedChange, Direction, EndpointName, Factor, Growth, Limit, Quantile};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_policy_written_and_read_is_the_same(policy in policies()) {
        let text = policy.to_toml();
        let read = Policy::from_toml(&text);
        prop_assert_eq!(read.as_ref().map_err(ToString::to_string), Ok(&policy), "{}", text);
        prop_assert_eq!(read.unwrap().to_toml(), text);
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"([a-z]+ = )?("[a-z]*"|[{}\[\]=.,0-9"\n -]|\PC){0,40}"#) {
        let _ = Policy::from_toml(&text);
    }
}

#[test]
fn a_written_policy_reads_like_one_by_hand() {
    let written = super::example().to_toml();
    let expected = r#"
[endpoints."client GET /inventory/{sku} of inventory"]
response = { reject = "64 KiB", warn = "48 KiB" }
growth = { week_over_week = true }
gate = 1.5
contacts = ["team-inventory, #inventory-oncall"]
checks = [
    "upstream deploys of the last 2 hours, inventory first",
    "the flag `include_full_sku_details` of inventory",
]
"#;
    assert!(written.contains(expected), "{written}");
}

/// Prints how long it takes; `cargo test --release --test policy thousand -- --nocapture` for a figure to quote.
#[test]
#[allow(clippy::disallowed_methods, reason = "it is a figure to print, nothing is asserted of it")]
fn a_policy_of_a_thousand_endpoints_is_read() {
    let policy = (0..1_000).fold(Policy::new("checkout", "team-checkout"), |policy, index| {
        let endpoint = EndpointPolicy::new()
            .request(Limit::reject_over(1_000 + index))
            .response(Limit::reject_over(64 << 10).and_warn_over(48 << 10))
            .growth(Growth::alert_over_percent(60))
            .contact("team-inventory")
            .check("upstream deploys of the last 2 hours");
        policy.endpoint(name(format!("client GET /inventory/{index}/{{sku}} of inventory")), endpoint)
    });
    let text = policy.to_toml();
    let before = std::time::Instant::now();
    let read = Policy::from_toml(&text).unwrap();
    println!("1,000 endpoints, {} bytes of TOML: read in {:?}", text.len(), before.elapsed());
    assert_eq!(read, policy);
}

fn name(text: String) -> EndpointName {
    text.parse().unwrap()
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,20}", "[\"\\\\\u{0}-\u{1f}\u{7f}\u{85}]{0,8}"]
}

fn filled() -> impl Strategy<Value = String> {
    texts().prop_filter("is empty", |text| !text.is_empty())
}

fn names() -> impl Strategy<Value = EndpointName> {
    ("[a-z/{}]{1,12}", "[a-z:0-9\\[\\]\"]{1,8}", any::<bool>()).prop_map(|(route, upstream, server)| match server {
        true => name(format!("server POST /{route}")),
        false => name(format!("client GET /{route} of {upstream}")),
    })
}

fn limits() -> impl Strategy<Value = Limit> {
    let line = || any::<u64>().prop_flat_map(|bytes| (0u32..64).prop_map(move |shift| (bytes >> shift) & !1));
    prop_oneof![
        Just(Limit::unlimited()),
        line().prop_map(Limit::reject_over),
        line().prop_map(Limit::warn_over),
        (line(), line()).prop_map(|(reject, warn)| Limit::reject_over(reject).and_warn_over(warn)),
    ]
}

fn quantiles() -> impl Strategy<Value = Quantile> {
    proptest::sample::select(&Quantile::ALL[..])
}

fn growths() -> impl Strategy<Value = Growth> {
    vec((quantiles(), any::<u32>(), any::<u32>()), 0..4).prop_map(|rules| {
        rules.into_iter().fold(Growth::default(), |growth, (quantile, evidence, alert)| {
            growth.evidence_over(quantile, evidence).alert_over(quantile, alert)
        })
    })
}

fn gates() -> impl Strategy<Value = Option<Factor>> {
    proptest::option::of(
        (1_000u32..1_000_000).prop_map(|thousandths| Factor::new(f64::from(thousandths) / 1e3).unwrap()),
    )
}

fn endpoints() -> impl Strategy<Value = EndpointPolicy> {
    let limit = || proptest::option::of(limits());
    let rules = (growths(), btree_set(quantiles(), 0..4), 1..u64::MAX >> 1, any::<bool>(), gates());
    let runbook = || vec(texts(), 0..3);
    (limit(), limit(), rules, runbook(), runbook(), runbook()).prop_map(
        |(request, response, (growth, alert_on, bodies, weekly, gate), contacts, checks, links)| {
            let alert_on: BTreeSet<_> = alert_on;
            let mut endpoint =
                EndpointPolicy::new().growth(growth).alert_on(alert_on).min_bodies(bodies).week_over_week(weekly);
            endpoint = gate.into_iter().fold(endpoint, EndpointPolicy::gate);
            endpoint = request.into_iter().fold(endpoint, EndpointPolicy::request);
            endpoint = response.into_iter().fold(endpoint, EndpointPolicy::response);
            endpoint = contacts.into_iter().fold(endpoint, EndpointPolicy::contact);
            endpoint = checks.into_iter().fold(endpoint, EndpointPolicy::check);
            links.into_iter().fold(endpoint, EndpointPolicy::link)
        },
    )
}

fn accepted() -> impl Strategy<Value = AcceptedChange> {
    let direction = proptest::option::of(any::<bool>());
    let expires = proptest::option::of((0..253_402_300_800u64, 0..1_000_000_000u32));
    (names(), direction, proptest::option::of(texts()), texts(), expires).prop_map(
        |(endpoint, direction, version, reason, expires)| {
            let mut change = AcceptedChange::new(endpoint, reason);
            change.direction = direction.map(|request| if request { Direction::Request } else { Direction::Response });
            change.version = version.map(Into::into);
            change.expires = expires.map(|(seconds, nanos)| UNIX_EPOCH + Duration::new(seconds, nanos));
            change
        },
    )
}

fn rules() -> impl Strategy<Value = RuleSettings> {
    let span = || (1..=u32::MAX).prop_map(|seconds| Duration::from_secs(seconds.into()));
    (btree_map("[a-z_][a-z0-9_]{0,5}", texts(), 0..3), 1u16..1_000, span(), span(), span()).prop_map(
        |(labels, objective, interval, window, hold)| {
            let rules = RuleSettings::new().objective_per_mille(objective).interval(interval).window(window).hold(hold);
            labels.into_iter().fold(rules, |rules, (name, value)| rules.label(LabelName::new(&name).unwrap(), value))
        },
    )
}

fn policies() -> impl Strategy<Value = Policy> {
    (filled(), filled(), filled(), rules(), btree_map(names(), endpoints(), 0..4), vec(accepted(), 0..3)).prop_map(
        |(service, owner, runbook, rules, endpoints, accepted)| {
            let policy = Policy::new(service, owner).runbook(runbook).rules(rules);
            let policy = accepted.into_iter().fold(policy, Policy::accept);
            endpoints.into_iter().fold(policy, |policy, (name, endpoint)| policy.endpoint(name, endpoint))
        },
    )
}
