//! Prints how good the detector is, and with `--check` fails where a bound is broken.
//!
//! ```text
//! scripts/report             the tables: about a minute of one core
//! scripts/report --check     and what must hold of them
//! ```

mod made_up;
mod real;

use std::process::ExitCode;

use plimsoll_detector_report::Statistics;

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [check] if check == "--check" => true,
        _ => {
            eprintln!("usage: report [--check]");
            return ExitCode::FAILURE;
        }
    };
    let statistics = Statistics::default();
    let mut bounds = Bounds::default();
    made_up::report(&statistics, &mut bounds);
    if let Err(error) = real::report(&statistics, &mut bounds) {
        eprintln!("report: {error}");
        return ExitCode::FAILURE;
    }
    println!("\nBounds\n");
    bounds.0.iter().for_each(|Bound { holds, what }| println!("  {} {what}", if *holds { "holds " } else { "BROKEN" }));
    if check && bounds.0.iter().any(|bound| !bound.holds) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What must hold, and whether it does.
#[derive(Default)]
struct Bounds(Vec<Bound>);

struct Bound {
    holds: bool,
    what: String,
}

impl Bounds {
    /// `what` is at most so much.
    fn at_most(&mut self, what: &str, found: f64, most: f64) {
        self.within(what, found, f64::NEG_INFINITY, most);
    }

    /// `what` lies between these.
    fn within(&mut self, what: &str, found: f64, least: f64, most: f64) {
        let bound = match (least.is_finite(), most.is_finite()) {
            (true, true) => format!("from {least:.1} to {most:.1}"),
            (true, false) => format!("at least {least:.1}"),
            _ => format!("at most {most:.1}"),
        };
        self.0.push(Bound { holds: (least..=most).contains(&found), what: format!("{what}: {found:.1}, {bound}") });
    }
}
