//! What was found, in Markdown.

use std::fmt::Write;

use plimsoll_peers::{Served, Spread};

use crate::generator::Protocol;
use crate::rounds::{Found, Run};

/// Instructions of the servers, in the order of [`Served::ALL`].
pub(crate) struct Instructions {
    pub(crate) protocol: Protocol,
    pub(crate) endpoints: usize,
    pub(crate) servers: Vec<f64>,
}

/// All of it.
pub(crate) fn markdown(found: &[Found], instructions: &[Instructions]) -> String {
    let mut text = String::from("### Processor time a request\n\n");
    let titles = ["a no-op layer", "both bodies wrapped", "everything on", "everything over wrapped, of bare"];
    heading(&mut text, &titles);
    for found in found {
        let ratio = |served| found.ratio(served, Served::Bare, |run| run.processor_nanos).to_string();
        let ratios = [Served::NoOp, Served::Wrapped, Served::Everything].map(ratio);
        row(&mut text, &found.setup.to_string(), ratios.into_iter().chain([percent(found.over_wrapped())]));
    }

    text.push_str("\n### Latency and memory, everything on\n\n");
    heading(&mut text, &["p50", "p99", "memory", "memory over bare, KiB"]);
    for found in found {
        let whats: [fn(&Run) -> f64; 3] = [|run| run.median_micros, |run| run.p99_micros, |run| run.resident_kib];
        let ratios = whats.map(|what| found.ratio(Served::Everything, Served::Bare, what).to_string());
        let more = format!("{:.0}", found.memory_over_bare());
        row(&mut text, &found.setup.to_string(), ratios.into_iter().chain([more]));
    }

    text.push_str("\n### Instructions a request, in user space\n\n");
    let titles = ["bare", "a no-op layer", "both bodies wrapped", "everything on", "everything over wrapped, of bare"];
    heading(&mut text, &titles);
    for Instructions { protocol, endpoints, servers } in instructions {
        let [bare, no_op, wrapped, everything] = servers[..] else { continue };
        let over = [no_op, wrapped, everything].map(|server| format!("{:+.0}", server - bare));
        let part = format!("{:.1} %", 100.0 * (everything - wrapped) / bare);
        let name = format!("{}, {endpoints} endpoint{}", protocol.name(), if *endpoints == 1 { "" } else { "s" });
        row(&mut text, &name, [format!("{bare:.0}")].into_iter().chain(over).chain([part]));
    }
    text
}

/// What has to hold: over bare and axum's boxing, one part in a hundred.
pub(crate) fn broken(found: &[Found]) -> Vec<String> {
    let most = 0.01;
    let over = found.iter().map(|found| (found, found.over_wrapped()));
    let broken = over.filter(|(_, over)| over.median > most);
    broken
        .map(|(found, over)| {
            format!("{}: {} of processor time over axum's boxing, and may be 1 %", found.setup, percent(over))
        })
        .collect()
}

fn percent(Spread { low, median, high }: Spread) -> String {
    format!("{:.1} % ({:.1}-{:.1})", 100.0 * median, 100.0 * low, 100.0 * high)
}

fn heading(text: &mut String, titles: &[&str]) {
    let _ = writeln!(text, "| | {} |\n|---|{}", titles.join(" | "), "---:|".repeat(titles.len()));
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let _ = writeln!(text, "| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
}
