//! What may stand in a policy's file, and what is said of what may not.

use std::time::{Duration, UNIX_EPOCH};

use plimsoll::policy::{EndpointPolicy, LabelName, Policy, RuleSettings};
use plimsoll::{AcceptedChange, Direction, Factor, Growth, KIB, Limit, MIB, Quantile};

#[test]
fn the_example_is_the_same_in_code() {
    let name = |text: &str| text.parse().unwrap();
    let accepted = AcceptedChange::new(
        name("client GET /prices/{sku} of prices"),
        "prices in all currencies, agreed with the shop team",
    )
    .direction(Direction::Response)
    .version("2.31.0")
    .expires(UNIX_EPOCH + Duration::from_secs(1_801_353_600));
    let policy = Policy::new("checkout", "team-checkout")
        .runbook("https://wiki.example.org/checkout/RUNBOOK.md")
        .rules(RuleSettings::new().label(LabelName::new("job").unwrap(), "checkout").objective_per_mille(990))
        .accept(accepted)
        .endpoint(
            name("client GET /inventory/{sku} of inventory"),
            EndpointPolicy::new()
                .response(Limit::reject_over(64 * KIB).and_warn_over(48 * KIB))
                .growth(Growth::default().alert_over(Quantile::P50, 50).alert_over(Quantile::P99, 50))
                .min_bodies(500)
                .week_over_week(true)
                .gate(Factor::new(1.5).unwrap())
                .contact("team-inventory, #inventory-oncall")
                .check("upstream deploys of the last 2 hours, inventory first")
                .check("the flag `include_full_sku_details` of inventory")
                .link("https://deploys.example.org/?service=inventory"),
        )
        .endpoint(
            name("client GET /prices/{sku} of prices"),
            EndpointPolicy::new().response(Limit::reject_over(16 * KIB)),
        )
        .endpoint(name("server GET /catalogue.csv"), EndpointPolicy::new().response(Limit::unlimited()))
        .endpoint(
            name("server POST /checkout"),
            EndpointPolicy::new().request(Limit::reject_over(2 * MIB)).response(Limit::warn_over(256 * KIB)),
        );
    assert_eq!(super::example(), policy);
}

/// It is the file's documentation: `interval`, `window`, `hold` and `evidence` were in none.
#[test]
fn the_example_has_every_key_that_is_valid() {
    let example = include_str!("../../examples/policy.toml");
    let head = "service = \"s\"\nowner = \"o\"\n";
    let places = [
        format!("{head}unknown = 1"),
        format!("{head}[rules]\nunknown = 1"),
        format!("{head}[[accepted]]\nunknown = 1"),
        with("unknown = 1"),
        with("request = { unknown = 1 }"),
        with("growth = { unknown = 1 }"),
        with("growth = { p50 = { unknown = 1 } }"),
    ];
    for place in places {
        let said = Policy::from_toml(&place).unwrap_err().to_string();
        let valid = said.split_once("here may stand ").unwrap().1;
        for key in valid.split('`').skip(1).step_by(2) {
            assert!(example.contains(key), "{key}");
        }
    }
}

#[test]
fn a_size_is_a_text_or_a_number_of_bytes() {
    let of = |size: &str| Policy::from_toml(&with(&format!("request = {{ reject = {size} }}"))).unwrap();
    assert_eq!(of("65536"), of("\"64 KiB\""));
    assert_eq!(of("0x1_0000"), of("\"64KiB\""));
}

/// `gate = 2` was no factor.
#[test]
fn a_factor_may_be_a_whole_number() {
    let of = |gate: &str| Policy::from_toml(&with(&format!("gate = {gate}"))).unwrap();
    assert_eq!(of("2"), of("2.0"));
}

/// A mark before the text, as some editors write it, and lines that end as on Windows.
#[test]
fn a_file_may_come_from_any_editor() {
    let text = with("request = { reject = 1 }");
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(Policy::from_toml(&windows).unwrap(), Policy::from_toml(&text).unwrap());
}

#[test]
fn an_error_names_line_key_value_and_what_would_be_valid() {
    let endpoint = "endpoints.\"server PUT /x\"";
    for (said, line, key, valid) in [
        ("request = { reject = \"64 KB\" }", 5, "request.reject = \"64 KB\"", "\"64 KiB\""),
        ("\nrequest = { reject = -1 }", 6, "request.reject = -1", "\"64 KiB\""),
        ("request = { reject = 1.5 }", 5, "request.reject = 1.5", "\"64 KiB\""),
        ("request = { reject = 18446744073709551615 }", 5, "request.reject = 18446744073709551615", "\"unlimited\""),
        ("request = {}", 5, "request = {}", "\"unlimited\""),
        ("request = \"64 KiB\"", 5, "request = \"64 KiB\"", "{ reject = \"64 KiB\""),
        ("request = { rejct = 1 }", 5, "request.rejct", "`reject` and `warn`"),
        ("respons = 1", 5, "respons", "`request`, `response`, `growth`"),
        ("growth = { p95 = 50 }", 5, "growth.p95", "`p50`, `p90`, `p99`"),
        ("growth = { p99 = 1.5 }", 5, "growth.p99 = 1.5", "per cent"),
        ("growth = { p99 = { alert = -5 } }", 5, "growth.p99.alert = -5", "per cent"),
        ("growth = { alert_on = [\"p99\", \"p95\"] }", 5, "growth.alert_on[1] = \"p95\"", "\"p999\""),
        ("growth = { min_bodies = 0 }", 5, "growth.min_bodies = 0", "at least 1"),
        ("growth = { week_over_week = 1 }", 5, "growth.week_over_week = 1", "true or false"),
        ("gate = 0.5", 5, "gate = 0.5", "from 1.0 to 1000.0"),
        ("gate = nan", 5, "gate = nan", "from 1.0 to 1000.0"),
        ("gate = 1001", 5, "gate = 1001", "from 1.0 to 1000.0"),
        ("gate = \"twice\"", 5, "gate = \"twice\"", "as in 2.0"),
        ("growth = 50", 5, "growth = 50", "table"),
        ("contacts = \"me\"", 5, "contacts = \"me\"", "array"),
        ("checks = [\"one\",\n 2]", 6, "checks[1] = 2", "text in quotes"),
    ] {
        let error = Policy::from_toml(&with(said)).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.line(), Some(line), "{text}");
        assert!(text.starts_with(&format!("policy:{line}: {endpoint}.{key}: ")), "{text}");
        assert!(text.contains(valid), "{text}");
    }
}

#[test]
fn an_error_outside_of_endpoints_is_as_exact() {
    let head = "service = \"s\"\nowner = \"o\"\n";
    for (text, line, key, valid) in [
        ("owner = \"o\"".to_owned(), 1, "", "`service` is missing"),
        ("service = \"\"\nowner = \"o\"".to_owned(), 1, "service = \"\"", "must not be empty"),
        ("service = 1".to_owned(), 1, "service = 1", "text in quotes"),
        (format!("{head}ownr = 1"), 3, "ownr", "`service`, `owner`, `runbook`, `rules`, `accepted` and `endpoints`"),
        (format!("{head}[rules]\nobjective = 1.5"), 4, "rules.objective = 1.5", "0.99"),
        (format!("{head}[rules]\nobjective = 0.9999"), 4, "rules.objective = 0.9999", "three decimals"),
        (format!("{head}[rules]\nwindow = \"1 hour\""), 4, "rules.window = \"1 hour\"", "\"10m\""),
        (format!("{head}[rules]\nlabels = {{ a-b = \"c\" }}"), 4, "rules.labels.a-b = \"c\"", "letters, digits"),
        (
            format!("{head}[[accepted]]\nendpoint = \"GET /\"\nreason = \"r\""),
            4,
            "accepted[0].endpoint",
            "server METHOD",
        ),
        (format!("{head}[[accepted]]\nendpoint = \"server GET /\""), 3, "accepted[0]", "`reason` is missing"),
        (
            format!("{head}[[accepted]]\nendpoint = \"server GET /\"\nreason = \"r\"\nexpires = \"2026-12-31\""),
            6,
            "accepted[0].expires",
            "2026-12-31",
        ),
        (
            format!("{head}[[accepted]]\nendpoint = \"server GET /\"\nreason = \"r\"\ndirection = \"both\""),
            6,
            "accepted[0].direction = \"both\"",
            "\"response\"",
        ),
        (format!("{head}[endpoints.\"server BREW /x\"]"), 3, "endpoints.\"server BREW /x\"", "no registered method"),
        (
            format!("{head}[endpoints.\"server PUT /x\"]\n[endpoints.\"server put /x\"]"),
            4,
            "endpoints.\"server put /x\"",
            "twice",
        ),
        (format!("{head}[accepted]\nreason = \"r\""), 3, "accepted = [accepted]", "[[accepted]]"),
        (format!("{head}[[endpoints]]"), 3, "endpoints = [[endpoints]]", "[endpoints.\"server GET /x\"]"),
        (format!("[rules]\n{head}"), 1, "the key `service` is missing", "above the first [table]"),
        (format!("{head}service = \"again\""), 3, "service = \"again\": ", "duplicate key"),
        (format!("{head}x = "), 3, "x =: ", "string values must be quoted"),
        (
            format!("{head}[endpoints.\"server PUT /x\"]\r\n\r\nrequest = {{ reject = 64 KiB }}\r\n"),
            5,
            "request = { reject = 64 KiB }: ",
            "must be quoted",
        ),
        (format!("{head}x = {}", "\u{fc}".repeat(100)), 3, &format!("x = {} ..: ", "\u{fc}".repeat(56)), "quoted"),
    ] {
        let error = Policy::from_toml(&text).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with(&format!("policy:{line}: {key}")) && said.contains(valid), "{said}");
    }
}

#[test]
fn an_error_names_the_file() {
    let directory = std::env::temp_dir().join(format!("plimsoll-policy-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("policy.toml");
    std::fs::write(&path, "service = 1").unwrap();
    let error = Policy::load(&path).unwrap_err();
    assert_eq!(error.path(), Some(&*path));
    assert!(error.to_string().starts_with(&format!("{}:1: service = 1: ", path.display())), "{error}");
    std::fs::write(&path, b"service = \"s\"\nowner = \"\xff\"\n").unwrap();
    let error = Policy::load(&path).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:2: this is not UTF-8 text", path.display()));
    std::fs::remove_dir_all(&directory).unwrap();

    let error = Policy::load(&path).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: cannot read it: ", path.display())), "{error}");
    assert_eq!((error.line(), error.path()), (None, Some(&*path)));
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<std::io::Error>());
    assert_eq!(source.map(std::io::Error::kind), Some(std::io::ErrorKind::NotFound));
}

/// A policy in which this is said of one endpoint, from line 5 on.
fn with(said: &str) -> String {
    format!("service = \"s\"\nowner = \"o\"\n\n[endpoints.\"server PUT /x\"]\n{said}\n")
}
