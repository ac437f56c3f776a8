//! The runbook: every alert leads to a part of it, which speaks of this endpoint.

use std::collections::BTreeSet;

use plimsoll::Quantile;
use plimsoll::policy::{EndpointPolicy, Policy};

#[test]
fn every_alert_s_link_leads_to_a_part_of_the_runbook() {
    let everything = || EndpointPolicy::new().alert_on(Quantile::ALL).week_over_week(true);
    let crowded = ["server GET /a-b", "server GET /a/b", "server GET -", "server GET /\u{e9}"]
        .into_iter()
        .fold(Policy::new("s", "o"), |policy, name| policy.endpoint(name.parse().unwrap(), everything()));
    for policy in [super::example(), Policy::new("s", "o"), crowded] {
        let (rules, runbook) = (policy.prometheus_rules(), policy.runbook_markdown());
        let links: BTreeSet<_> = rules
            .lines()
            .filter_map(|line| line.trim().strip_prefix("runbook_url: \""))
            .map(|link| link.trim_end_matches('"').split_once('#').unwrap().1)
            .collect();
        assert!(!links.is_empty());
        for link in links {
            assert_eq!(runbook.matches(&format!("<a id=\"{link}\"></a>")).count(), 1, "{link}");
        }
        // The list at its head leads somewhere too.
        for target in runbook.split("](#").skip(1).map(|rest| rest.split_once(')').unwrap().0) {
            assert!(runbook.contains(&format!("<a id=\"{target}\"></a>")), "{target}");
        }
    }
}

#[test]
fn it_says_what_the_policy_says_of_the_endpoint() {
    let runbook = super::example().runbook_markdown();
    let start = runbook.find("## `client GET /inventory/{sku} of inventory`").unwrap();
    let end = runbook.find("## `client GET /prices/{sku} of prices`").unwrap();
    let inventory = &runbook[start..end];
    for said in [
        "checkout calls `GET` `/inventory/{sku}` of **inventory**.",
        "- Limits: response bodies: refused over 64 KiB, counted over 48 KiB.",
        "- Call: team-inventory, #inventory-oncall",
        "- Look at: https://deploys.example.org/?service=inventory",
        "p99 by more than 50 %",
        "3. upstream deploys of the last 2 hours, inventory first.\n4. the flag `include_full_sku_details` of inventory.\n",
        "have inventory roll back",
        "**It is over when** `endpoint:plimsoll_bodies_refused:ratio5m` is below the 1 % that are allowed.",
        "`endpoint = \"client GET /inventory/{sku} of inventory\"`",
    ] {
        assert!(inventory.contains(said), "{said}: {inventory}");
    }
    let prices = &runbook[end..];
    assert!(prices.contains("- Limits: response bodies: refused over 16 KiB, counted over 80 % of that."), "{prices}");
    assert!(prices.contains(
        "- Accepted: a growth of response bodies with version `2.31.0`, until 2027-01-31: prices in all currencies, agreed \
         with the shop team."
    ));
    assert!(!prices.contains("inventory first"), "a check of another endpoint: {prices}");
}

#[test]
fn what_is_in_a_name_breaks_no_markdown() {
    let name = "client GET /`<b>`%0A of a``b".parse().unwrap();
    let endpoint = EndpointPolicy::new().check("one\ntwo").check("Is it up?");
    let policy = Policy::new("s\n# no heading", "<script>").endpoint(name, endpoint);
    let runbook = policy.runbook_markdown();
    assert!(runbook.starts_with("# Body sizes of s # no heading\n"), "{runbook}");
    assert!(runbook.contains("``` client GET /`<b>`%0A of a``b ```") && runbook.contains("one two."), "{runbook}");
    assert!(!runbook.contains("<script>"), "{runbook}");
    // What is to be copied into the policy is code as a whole, and TOML.
    assert!(runbook.contains("``` endpoint = \"client GET /`<b>`%0A of a``b\" ```"), "{runbook}");
    assert!(runbook.contains("4. Is it up?\n"), "ended twice: {runbook}");
}
