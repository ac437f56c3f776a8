//! The matrix: every body, on one endpoint and on many, on one thread and on two.

use std::fmt::Write;

use plimsoll_peers::{Case, Exchange, Setting, Shape};

use crate::measured::{Measured, cases};
use crate::table::grouped;

/// Where instructions and allocations are counted.
pub(crate) const COUNTED: [Setting; 2] = [Setting::Tower, Setting::Axum];
/// Where times are taken: there is every peer.
pub(crate) const TIMED: [Setting; 1] = [Setting::Axum];
/// On how many threads.
pub(crate) const THREADS: [usize; 2] = [1, 2];
/// On how many endpoints.
pub(crate) const ENDPOINTS: [usize; 2] = [1, Exchange::MANY];

/// Both bodies of each shape, on this many endpoints.
pub(crate) fn exchanges(endpoints: usize) -> Vec<Exchange> {
    Shape::ALL.into_iter().map(|shape| Exchange::both(shape, endpoints)).collect()
}

/// What is counted: every shape on one endpoint, and the usual one on many.
pub(crate) fn counted() -> Vec<Exchange> {
    let mut counted = exchanges(1);
    counted.push(Exchange { endpoints: Exchange::MANY, ..Exchange::USUAL });
    counted.push(Exchange::USUAL);
    counted
}

/// All of it in Markdown.
pub(crate) fn markdown(measured: &Measured) -> String {
    let mut text = String::new();
    for setting in COUNTED {
        let _ = writeln!(text, "### Instructions and allocations, {}\n", setting.title());
        counts(&mut text, measured, setting);
        text.push('\n');
    }
    let timed =
        |setting: &Setting| measured.time_of(*setting, Case::NO_OP, Exchange::both(Shape::ALL[0], 1), 1).is_some();
    for setting in TIMED.into_iter().filter(timed) {
        for endpoints in ENDPOINTS {
            for threads in THREADS {
                let on = |number: usize, what| {
                    format!("{} {what}{}", grouped(number as f64), if number > 1 { "s" } else { "" })
                };
                let (threads_said, endpoints_said) = (on(threads, "thread"), on(endpoints, "endpoint"));
                let _ = writeln!(text, "### Time, {}: {threads_said}, {endpoints_said}\n", setting.title());
                times(&mut text, measured, setting, &exchanges(endpoints), threads);
                text.push('\n');
            }
        }
    }
    text
}

/// Instructions in columns of shapes; of allocations the fewest and the most.
fn counts(text: &mut String, measured: &Measured, setting: Setting) {
    let shapes = exchanges(1);
    let many = counted().into_iter().filter(|exchange| !shapes.contains(exchange)).rev();
    let columns: Vec<Exchange> = shapes.iter().copied().chain(many).collect();
    let titles = columns.iter().map(|exchange| match (exchange.question == exchange.answer, exchange.endpoints) {
        (true, _) => exchange.answer.to_string(),
        (false, 1) => format!("{}, {}", exchange.question, exchange.answer),
        (false, endpoints) => format!("the same, {} endpoints", grouped(endpoints as f64)),
    });
    heading(text, titles.chain(["allocations".to_owned()]));
    for case in cases(setting) {
        let cost = |exchange: &Exchange| match case.name {
            Case::BARE => measured.cost(setting, case.name, *exchange),
            _ => measured.over_bare(setting, case.name, *exchange),
        };
        let instructions = columns.iter().map(|exchange| grouped(cost(exchange).instructions));
        let allocations: Vec<f64> = columns.iter().map(|exchange| cost(exchange).allocations.round()).collect();
        let (fewest, most) = allocations
            .iter()
            .fold((f64::MAX, 0.0_f64), |(fewest, most), number| (fewest.min(*number), most.max(*number)));
        let allocations = if fewest < most { format!("{fewest}-{most}") } else { most.to_string() };
        row(text, case.name, instructions.chain([allocations]));
    }
}

/// Ratios, with half of the way between the quartiles.
fn times(text: &mut String, measured: &Measured, setting: Setting, columns: &[Exchange], threads: usize) {
    heading(text, columns.iter().map(|exchange| exchange.answer.to_string()));
    for case in cases(setting).filter(|case| case.name != Case::BARE) {
        let ratios = columns.iter().map(|exchange| {
            let ratio = measured.time_of(setting, case.name, *exchange, threads);
            ratio
                .map(|ratio| format!("{:.2} ± {:.2}", ratio.median, (ratio.high - ratio.low) / 2.0))
                .unwrap_or_default()
        });
        row(text, case.name, ratios);
    }
}

fn heading(text: &mut String, titles: impl Iterator<Item = String>) {
    let titles: Vec<String> = titles.collect();
    let _ = writeln!(text, "| | {} |", titles.join(" | "));
    let _ = writeln!(text, "|---|{}", "---:|".repeat(titles.len()));
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let bold = if name == Case::EVERYTHING { "**" } else { "" };
    let cells: Vec<String> = cells.collect();
    let _ = writeln!(text, "| {bold}{name}{bold} | {} |", cells.join(" | "));
}
