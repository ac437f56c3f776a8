//! The command: what it prints, what it says, and how it ends.

use std::process::{Command, Output};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy.toml");

fn plimsoll(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn it_prints_what_comes_from_a_policy() {
    let policy = super::example();
    for (verb, expected) in [("rules", policy.prometheus_rules()), ("runbook", policy.runbook_markdown())] {
        let output = plimsoll(&[verb, EXAMPLE]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), &*expected));
        assert!(output.stderr.is_empty());
    }
    let output = plimsoll(&["check", EXAMPLE]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).ends_with("checkout of team-checkout: 4 endpoints, 1 accepted changes\n"));
}

#[test]
fn a_policy_that_is_not_legal_is_exit_code_1_and_a_line_that_says_where() {
    for verb in ["check", "rules", "runbook"] {
        let output = plimsoll(&[verb, "no/such/policy.toml"]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
        assert!(text(&output.stderr).starts_with("plimsoll: no/such/policy.toml: cannot read it: "));
    }
    let output = plimsoll(&["check", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("/Cargo.toml:") && said.contains("unknown key; here may stand `service`"), "{said}");
}

#[test]
fn a_command_that_is_not_understood_is_exit_code_2_and_the_usage() {
    for arguments in [&[][..], &["check"], &["chek", EXAMPLE], &["rules", EXAMPLE, "more"]] {
        let output = plimsoll(arguments);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
        assert!(text(&output.stderr).starts_with("usage: plimsoll check POLICY [LEDGER]\n"));
    }
    let output = plimsoll(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("usage: plimsoll check POLICY [LEDGER]\n"));
}

#[test]
fn with_a_ledger_it_lists_what_is_named_in_vain_and_what_is_not_named() {
    use http_body_util::{BodyExt, Full};
    use tower::{Layer, ServiceExt, service_fn};

    let ledger = plimsoll::Ledger::new();
    let service = plimsoll::ServerLayer::new(&ledger).layer(service_fn(async |_request| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<bytes::Bytes>::from("hello")))
    }));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (method, route) in [("POST", "/checkout"), ("GET", "/new")] {
        let mut request = http::Request::builder().method(method).body(Full::<bytes::Bytes>::default()).unwrap();
        request.extensions_mut().insert(plimsoll::Route(route));
        let answer = runtime.block_on(service.clone().oneshot(request)).unwrap();
        runtime.block_on(answer.into_body().collect()).unwrap();
    }
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/policy-command.ledger.toml");
    ledger.snapshot().save(file).unwrap();

    let output = plimsoll(&["check", EXAMPLE, file]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stderr);
    assert!(said.contains(&format!("note: server GET /new: in {file}, and not named\n")), "{said}");
    assert!(said.contains(&format!("note: server GET /catalogue.csv: named, and not once in {file}\n")), "{said}");
    assert!(!said.contains("POST /checkout"), "{said}");
    assert_eq!(plimsoll(&["check", EXAMPLE, "no/such/ledger"]).status.code(), Some(1));
}
