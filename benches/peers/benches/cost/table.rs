//! The short tables: one request, every case.

use std::fmt::Write;

use plimsoll_peers::{Case, Exchange, Setting};

use crate::measured::{Cost, Measured, cases};

/// The columns of [`readme`] that repeat from run to run; times do not.
pub(crate) const REPEATING: usize = 5;

/// For a terminal, one table for each setting.
pub(crate) fn text(measured: &Measured) -> String {
    let mut text = String::new();
    for setting in Setting::ALL {
        let ours = measured.over_bare(setting, Case::EVERYTHING, Exchange::USUAL);
        let _ = writeln!(text, "{}: a request over no layer", setting.title());
        let _ = writeln!(
            text,
            "  {:46} {:>12} {:>7} {:>11} {:>7}  time, x no layer",
            "", "instructions", "x ours", "allocations", "bytes"
        );
        for case in cases(setting) {
            let bare = case.name == Case::BARE;
            let Cost { instructions, allocations, bytes } = match bare {
                true => measured.cost(setting, case.name, Exchange::USUAL),
                false => measured.over_bare(setting, case.name, Exchange::USUAL),
            };
            let ratio = match bare {
                true => "as is".to_owned(),
                false => format!("{:.2}", instructions / ours.instructions),
            };
            let time = measured.time_of(setting, case.name, Exchange::USUAL, 1);
            let time = time.map(|time| time.to_string()).unwrap_or_default();
            let _ = writeln!(
                text,
                "  {:46} {instructions:>12.0} {ratio:>7} {allocations:>11.1} {bytes:>7.0}  {time}",
                case.name
            );
        }
        text.push('\n');
    }
    text
}

/// For the README, in Markdown: every case of a router, beside the same in a plain tower service where there is one.
pub(crate) fn readme(measured: &Measured) -> String {
    let mut text = String::from(
        "| layer | instructions | allocations | in a router: instructions | allocations | time |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    for case in cases(Setting::Axum).filter(|case| case.name != Case::BARE) {
        let bold = if case.name == Case::EVERYTHING { "**" } else { "" };
        let cell = |text: String| format!("{bold}{text}{bold}");
        let mut cells = vec![cell(case.name.to_owned())];
        for setting in [Setting::Tower, Setting::Axum] {
            match cases(setting).any(|other| other.name == case.name) {
                true => {
                    let Cost { instructions, allocations, .. } =
                        measured.over_bare(setting, case.name, Exchange::USUAL);
                    cells.extend([cell(grouped(instructions)), cell(format!("{allocations:.0}"))]);
                }
                false => cells.extend(["".to_owned(), "".to_owned()]),
            }
        }
        let time = measured.time_of(Setting::Axum, case.name, Exchange::USUAL, 1);
        cells.push(cell(time.map(|time| format!("{:.2}", time.median)).unwrap_or_default()));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// A number in groups of three digits.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if number < -0.5 { format!("-{grouped}") } else { grouped }
}
