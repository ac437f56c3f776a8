//! Labels from outside: whatever they hold, a page stays one that can be read.

use plimsoll::{ClientLayer, Ledger, OpenMetrics, ServerLayer};

use crate::calls::Call;
use crate::page::read;

/// Text that would end a label, a line or a page, if it were written as it is.
const HOSTILE: [&str; 16] = [
    r#"quote " quote"#,
    r"back \ slash",
    r"\",
    r#"\""#,
    r#"\\""#,
    r"\n is no line feed",
    "line\nfeed",
    "\n# EOF\n",
    "carriage\r\nreturn",
    "tab\t and \0 and \u{7f}",
    r#"",le="1.0"} 1"#,
    r#"{a="b"} # {trace_id="x"} 1 2"#,
    " # ",
    "Größe → 📦 \u{2028}\u{85}",
    "e\u{301}\u{202e}\u{feff}",
    " leading and trailing ",
];

#[tokio::test]
async fn whatever_a_label_holds_is_read_back() {
    let ledger = Ledger::new();
    for (nth, text) in (0..).zip(HOSTILE) {
        let call = Call { trace: 1, ..Call::of(text, 300, nth) };
        call.clone().through_server(&ServerLayer::new(&ledger)).await;
        // Text known at run time goes through closures.
        let layer = ClientLayer::new(&ledger).upstream(text).url_template(move |_, _| Some(format!("{text}!").into()));
        Call { template: None, ..call }.through_client(&layer).await;
    }
    assert_eq!(ledger.snapshot().series().len(), HOSTILE.len() * 4);
    assert!(ledger.snapshot().series().iter().any(|series| series.endpoint.route() == Some("\n# EOF\n!")));
    read(&ledger);
}

/// That no two samples of a page are the same to Prometheus, to which an empty label is none.
fn no_two_are_the_same(ledger: &Ledger) {
    let page = OpenMetrics::new(ledger).to_string();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let empty = ["http_route", "url_template", "plimsoll_upstream"].map(|name| format!(",{name}=\"\""));
    let key = |line: &str| {
        let (key, _) = line.split_once("} ").unwrap();
        empty.iter().fold(key.to_owned(), |key, empty| key.replace(empty, ""))
    };
    let mut keys: Vec<_> = samples.map(key).collect();
    keys.sort();
    let twice: Vec<_> = keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect();
    assert!(twice.is_empty(), "{} samples twice, the first of them {}", twice.len(), twice[0]);
    read(ledger);
}

#[tokio::test]
async fn an_upstream_by_name_and_the_same_one_by_host_and_port_are_not_written_twice() {
    let ledger = Ledger::new();
    Call::of("/", 1, 1).through_client(&ClientLayer::new(&ledger).upstream("inventory:8080")).await;
    // This one is called at http://inventory:8080/.
    Call::of("/", 2, 2).through_client(&ClientLayer::new(&ledger)).await;
    no_two_are_the_same(&ledger);
}

#[tokio::test]
async fn an_empty_route_and_no_route_are_not_written_twice() {
    let ledger = Ledger::new();
    for template in [Some(""), None] {
        let call = Call { template, ..Call::of("", 1, 1) };
        call.clone().through_server(&ServerLayer::new(&ledger)).await;
        call.through_client(&ClientLayer::new(&ledger).upstream("inventory")).await;
    }
    no_two_are_the_same(&ledger);
}

#[tokio::test]
async fn an_empty_upstream_and_none_are_not_written_twice() {
    let ledger = Ledger::new();
    Call { uri: "/", ..Call::of("/", 1, 1) }.through_client(&ClientLayer::new(&ledger).upstream("")).await;
    Call { uri: "/", ..Call::of("/", 2, 2) }.through_client(&ClientLayer::new(&ledger)).await;
    no_two_are_the_same(&ledger);
}
