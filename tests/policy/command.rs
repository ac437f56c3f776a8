//! The command: what it prints, what it says, and how it ends.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::UNIX_EPOCH;

use plimsoll::policy::{EndpointPolicy, Policy};
use plimsoll::{AcceptedChange, Limit};

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
    assert!(text(&output.stdout).ends_with("checkout of team-checkout: 4 endpoints, 1 accepted change\n"));
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
        let said =
            format!("plimsoll: not understood: {}\n\nusage: plimsoll check POLICY [LEDGER]\n", arguments.join(" "));
        assert!(text(&output.stderr).starts_with(&said), "{output:?}");
    }
    for help in [&["--help"][..], &["check", "--help"]] {
        let output = plimsoll(help);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).starts_with("usage: plimsoll check POLICY [LEDGER]\n"));
    }
}

/// It died of the closed pipe, with a backtrace.
#[test]
fn a_reader_that_has_enough_is_no_error() {
    let endpoint = |index| (format!("server GET /{index}").parse().unwrap(), EndpointPolicy::new());
    let policy = (0..200).map(endpoint).fold(Policy::new("s", "o"), |policy, (name, said)| policy.endpoint(name, said));
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/policy-command.long.toml");
    std::fs::write(file, policy.to_toml()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["rules", file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

/// A name that is no UTF-8 was read as another, which is not there.
#[cfg(unix)]
#[test]
fn a_file_s_name_may_be_any_that_the_system_allows() {
    use std::os::unix::ffi::OsStrExt;

    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(OsStr::from_bytes(b"policy-\xff.toml"));
    std::fs::copy(EXAMPLE, &file).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll")).arg("check").arg(file).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn what_is_valid_and_may_not_be_meant_is_a_note() {
    let policy = Policy::new("s", "o")
        .endpoint(
            "server GET /".parse().unwrap(),
            EndpointPolicy::new().response(Limit::reject_over(1).and_warn_over(1)),
        )
        .accept(AcceptedChange::new("server GET /misspelt".parse().unwrap(), " "))
        .accept(AcceptedChange::new("server GET /".parse().unwrap(), "for a day").expires(UNIX_EPOCH));
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/policy-command.notes.toml");
    std::fs::write(file, policy.to_toml()).unwrap();
    let output = plimsoll(&["check", file]);
    let notes = text(&output.stderr).replace(file, "it");
    assert_eq!(
        notes,
        "it: note: server GET /: response: its warning line is never reached before it rejects
it: note: server GET /misspelt: a change is accepted for ever; `expires` would end that
it: note: server GET /misspelt: a change is accepted, and `reason` does not say why
it: note: server GET /misspelt: a change is accepted, and `endpoints` does not name it; is it spelt right?
it: note: server GET /: a change was accepted, and has expired
"
    );
    assert!(text(&output.stdout).ends_with("s of o: 1 endpoint, 2 accepted changes\n"), "{output:?}");
}

#[test]
fn it_says_its_version() {
    assert_eq!(text(&plimsoll(&["--version"]).stdout), concat!("plimsoll ", env!("CARGO_PKG_VERSION"), "\n"));
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
