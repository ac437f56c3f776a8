//! The metrics that are written are those that the documentation of `OpenMetrics` lists.

use std::collections::BTreeMap;

use plimsoll::{ClientLayer, Ledger, Limit, ServerLayer};

use crate::calls::Call;
use crate::page::read;

/// The names and types of the table in the docs.
fn documented() -> BTreeMap<String, String> {
    let source = include_str!("../../src/export/openmetrics.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("/// | `"));
    let rows = rows.map(|row| {
        let (name, row) = row.split_once("` | ").unwrap();
        (name, row.split_once(" | ").unwrap().0)
    });
    rows.flat_map(|(name, kind)| alternatives(name).into_iter().map(move |name| (name, kind.to_owned()))).collect()
}

/// `a_{b,c}_d` as `a_b_d` and `a_c_d`.
fn alternatives(name: &str) -> Vec<String> {
    let Some((start, rest)) = name.split_once('{') else { return vec![name.to_owned()] };
    let (choices, end) = rest.split_once('}').unwrap();
    choices.split(',').flat_map(|choice| alternatives(&format!("{start}{choice}{end}"))).collect()
}

#[tokio::test]
async fn names_types_and_units_are_those_of_the_docs() {
    assert_eq!(alternatives("a_{b,c}_{d,e}"), ["a_b_d", "a_b_e", "a_c_d", "a_c_e"]);
    let ledger = Ledger::new();
    let limit = Limit::reject_over(10).and_warn_over(0);
    let call = Call::of("/checkout", 5, 5);
    call.clone().through_server(&ServerLayer::new(&ledger).request_limit(limit)).await;
    call.through_client(&ClientLayer::new(&ledger).response_limit(limit)).await;
    let Some(families) = read(&ledger) else { return };

    let mut written = BTreeMap::new();
    for family in families {
        let name = if family.kind == "counter" { format!("{}_total", family.name) } else { family.name };
        let unit = if name.ends_with("_bytes") { "bytes" } else { "" };
        assert_eq!(family.unit, unit, "{name}");
        written.insert(name, family.kind);
    }
    assert_eq!(written, documented());
}
