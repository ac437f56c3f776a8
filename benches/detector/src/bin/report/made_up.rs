//! Made-up traffic: the tables, and what must hold of them.

use std::fmt::Display;

use plimsoll_detector_report::{Change, Delay, Rule, Share, Statistics, Study, Traffic, Volume};

use crate::Bounds;

/// Endpoints of each traffic and volume.
const REPLICATES: usize = 200;

/// What the prototype of the method gave, on four stationary kinds of traffic with ten bodies a tick: the least and the
/// largest median delay, in bodies.
const PROTOTYPE: [(Change, f64, f64); 4] = [
    (Change::INCIDENT, 50.0, 50.0),
    (Change::DOUBLE, 50.0, 565.0),
    (Change::BOUNDARY, 270.0, 5_260.0),
    (Change::FEW, 685.0, 685.0),
];
/// The same for ten times the size with one body a tick, kind by kind.
const PROTOTYPE_TENFOLD: [f64; 4] = [6.0, 22.0, 14.0, 35.0];
/// By how much a delay may differ from the prototype's, either way.
const TOLERANCE: f64 = 0.2;

pub(crate) fn report(statistics: &Statistics, bounds: &mut Bounds) {
    println!("Made-up traffic: {REPLICATES} endpoints of each kind, a week as baseline, a calm one, a watched one");
    println!("\nThe rules");
    println!("  ladder      ours, with the detector's defaults: alpha 1e-3 a week, ticks of 10 s");
    println!(
        "  rolled      the same as from the third week on: the calm week is its baseline, with the higher edges of both"
    );
    println!("  prototype   ours, with the settings its prototype was simulated with: A = 1e8, cap h0/4");
    println!("  p99 1 h     p99 of the last hour is more than 1.5 times last week's");
    println!("  p99 24 h    the same of the last day, where it has 1,000 bodies");
    println!("  CUSUM       a mean of ln size larger by ln 1.5, Gaussian, threshold ln 1e8");
    let [large, small] = [Volume::LARGE, Volume::SMALL].map(|volume| {
        let studies: Vec<_> = Traffic::all().map(|traffic| study(traffic, volume, statistics)).collect();
        print(volume, &studies);
        studies
    });
    compare(&large, &small);
    for (studies, crawler) in [(&large, 3.0), (&small, 5.0)] {
        false_alarms(studies, crawler, bounds);
    }
    delays(&large, &small, bounds);
}

fn study(traffic: Traffic, volume: Volume, statistics: &Statistics) -> Study {
    let mut changes = vec![Change::INCIDENT, Change::DOUBLE, Change::BOUNDARY];
    if volume == Volume::SMALL {
        changes.push(Change::TENFOLD);
    } else if traffic.is_stationary() {
        // Takes the whole week where normal answers reach as far.
        changes.push(Change::FEW);
    }
    Study::of(traffic, volume, statistics, REPLICATES, &changes)
}

fn heading(title: &str, width: usize) {
    println!("\n{title}\n");
    let columns = ["ladder", "rolled", "prototype", "p99 1 h", "p99 24 h", "CUSUM"];
    println!("  {:18}{}", "", cells(columns, width));
}

/// A row of a table, all rules in their order.
fn cells(of_rules: [impl Display; Rule::ALL.len()], width: usize) -> String {
    of_rules.into_iter().map(|cell| format!(" {cell:>width$}")).collect()
}

fn print(volume: Volume, studies: &[Study]) {
    let Volume { a_week, a_tick } = volume;
    let of = format!("{a_week} bodies a week, {a_tick} in a tick");
    heading(&format!("False alarms, {of}: endpoint-weeks with one"), 9);
    for study in studies {
        println!("  {:18}{}", study.traffic.name, cells(Rule::ALL.map(|rule| study.false_weeks(rule)), 9));
    }
    for change in [Change::INCIDENT, Change::TENFOLD, Change::DOUBLE, Change::BOUNDARY, Change::FEW] {
        if studies.iter().all(|study| study.delay(change, Rule::Ladder).is_none()) {
            continue;
        }
        heading(&format!("Delay of {}, {of}: median, in bodies", change.name), 9);
        for study in studies {
            if study.delay(change, Rule::Ladder).is_some() {
                let delays = Rule::ALL.map(|rule| study.delay(change, rule).unwrap_or(Delay(None)));
                println!("  {:18}{}", study.traffic.name, cells(delays, 9));
            }
        }
    }
}

/// Everything in one table, with what the prototype gave.
fn compare(large: &[Study], small: &[Study]) {
    heading("In short, with what the prototype gave in brackets: false weeks in per cent, delays in bodies", 12);
    let row = |name: &str, ours: [String; Rule::ALL.len()], before: [&str; 4]| {
        println!("  {name:18}{}", cells(ours, 12));
        let [prototype, an_hour, a_day, gaussian] = before.map(|text| format!("({text})"));
        println!("  {:18}{}", "", cells([String::new(), String::new(), prototype, an_hour, a_day, gaussian], 12));
    };
    let stationary = |study: &&Study| study.traffic.is_stationary();
    let range = |numbers: Vec<f64>| {
        let (least, most) =
            (numbers.iter().copied().fold(f64::INFINITY, f64::min), numbers.into_iter().fold(0., f64::max));
        let [least, most] = [least, most].map(|end| if end.is_finite() { format!("{end:.0}") } else { "never".into() });
        if least == most { most } else { format!("{least}-{most}") }
    };
    let percent = |kinds: &dyn Fn(&&Study) -> bool| {
        Rule::ALL.map(|rule| range(large.iter().filter(kinds).map(|study| study.false_weeks(rule).percent()).collect()))
    };
    row("stationary", percent(&stationary), ["0", "12-100", "0-6.5", "0-1"]);
    row("diurnal", percent(&|study| study.traffic == Traffic::DIURNAL), ["0.5", "~100", "0-.5", "100"]);
    row("strong season", percent(&|study| study.traffic == Traffic::SEASON), ["0", "~100", "0-.5", "100"]);
    row("crawler bursts", percent(&|study| study.traffic == Traffic::CRAWLER), ["2", "~100", "0-.5", "100"]);
    let delay = |studies: &[Study], change| {
        Rule::ALL.map(|rule| {
            let of_kind = studies.iter().filter(stationary).filter_map(|study| study.delay(change, rule));
            range(of_kind.map(Delay::bodies).collect())
        })
    };
    row("8 -> 85 KB", delay(large, Change::INCIDENT), ["50", "-", "140-800", "6-34"]);
    row("x2", delay(large, Change::DOUBLE), ["50-565", "-", "3400-7100", "24-138"]);
    row("x1.5", delay(large, Change::BOUNDARY), ["270-5260", "-", "~14000", "60-320"]);
    row("2 % x10, s .5", delay(&large[..1], Change::FEW), ["685", "-", "7000", "22000"]);
    row("x10, one a tick", delay(small, Change::TENFOLD), ["6-35", "-", "-", "-"]);
}

fn false_alarms(studies: &[Study], crawler: f64, bounds: &mut Bounds) {
    let a_week = studies.first().map_or(0, |study| study.volume.a_week);
    let sum = |sum: Share, study: &Study| sum.and(study.false_weeks(Rule::Ladder));
    let all = studies.iter().filter(|study| study.traffic.is_stationary()).fold(Share::default(), sum);
    bounds.at_most(&format!("false weeks in {} stationary ones, {a_week} bodies a week", all.of), all.part as f64, 0.0);
    for (traffic, most) in [(Traffic::DIURNAL, 1.0), (Traffic::SEASON, 1.0), (Traffic::CRAWLER, crawler)] {
        for study in studies.iter().filter(|study| study.traffic == traffic) {
            let what = format!("% of false weeks, {}, {a_week} bodies a week", traffic.name);
            bounds.at_most(&what, study.false_weeks(Rule::Ladder).percent(), most);
            bounds.at_most(&format!("{what}, rolled"), study.false_weeks(Rule::Rolled).percent(), most);
        }
    }
}

fn delays(large: &[Study], small: &[Study], bounds: &mut Bounds) {
    for study in large.iter().filter(|study| study.traffic != Traffic::CRAWLER) {
        let ticks = study.delay(Change::INCIDENT, Rule::Ladder).and_then(|Delay(alarm)| alarm);
        let ticks = ticks.map_or(f64::INFINITY, |alarm| alarm.ticks as f64);
        bounds.within(&format!("ticks to find 8 -> 85 KB, {}", study.traffic.name), ticks, 5.0, 6.0);
    }
    let mut near = |what: &str, found: f64, prototype: f64| {
        bounds.within(what, found, (1.0 - TOLERANCE) * prototype, (1.0 + TOLERANCE) * prototype);
    };
    let stationary = || large.iter().filter(|study| study.traffic.is_stationary());
    for (change, least, most) in PROTOTYPE {
        let narrow = if change == Change::FEW { 1 } else { usize::MAX };
        let of_kind = stationary().take(narrow).filter_map(|study| study.delay(change, Rule::Prototype));
        let found: Vec<f64> = of_kind.map(Delay::bodies).collect();
        let smallest = found.iter().copied().fold(f64::INFINITY, f64::min);
        near(&format!("bodies to find {}, where that is easiest", change.name), smallest, least);
        near(
            &format!("bodies to find {}, where that is hardest", change.name),
            found.into_iter().fold(0., f64::max),
            most,
        );
    }
    for (study, prototype) in small.iter().zip(PROTOTYPE_TENFOLD) {
        let found = study.delay(Change::TENFOLD, Rule::Prototype).map_or(f64::INFINITY, Delay::bodies);
        near(&format!("bodies to find x10, one a tick, {}", study.traffic.name), found, prototype);
    }
}
