//! What a detector knows, as metrics of a message.

use std::convert::Infallible;

use super::metric::{Kind, attribute, exemplar, metric};
use super::settings::Temporality;
use super::wire::Writer;
use crate::detect::{Detector, JudgedSeries, Quantile, Severity, Stage};
use crate::export::attributes::{Metric, SeriesAttributes, Value};

/// The counts of a detector as they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// In nanoseconds since 1970; 0 where nothing was sent yet.
    at: u64,
    /// Bodies above the baseline, by judged series and quantile: a detector forgets no series, nor their order.
    above: Vec<u64>,
    /// Findings by severity and kind.
    findings: Vec<u64>,
}

/// From when on a count runs, and until when.
#[derive(Clone, Copy)]
struct Stretch {
    since: u64,
    at: u64,
}

/// Adds all metrics of a detector, as of its last tick; counts run from what was `told` before, if anything was. `at` is
/// the time in nanoseconds since 1970. Gives what it tells.
pub(super) fn detected(
    out: &mut Writer,
    detector: &Detector,
    told: Option<&Told>,
    temporality: Temporality,
    at: u64,
) -> Told {
    let mut now = Told { at, ..Told::default() };
    let before = told.filter(|told| told.at > 0);
    let since = before.map_or_else(|| detector.began(), |told| told.at).min(at);
    let stretch = Stretch { since, at };
    let counter = Kind::Counter(temporality);
    // What came since then; with a stretch of its own, a count in which nothing came says nothing.
    let fresh = |count: u64, then: Option<&u64>| {
        let fresh = count.saturating_sub(then.copied().unwrap_or(0));
        Some(fresh).filter(|fresh| *fresh > 0 || temporality == Temporality::Cumulative)
    };
    let about = "Bodies above the gate edge of a quantile of the baseline.";
    metric(out, "plimsoll.bodies.above_baseline", about, "{body}", counter, |data| {
        detector.visit(|series| {
            for quantile in Quantile::ALL {
                let above = series.above(quantile);
                let then = before.and_then(|told| told.above.get(now.above.len()));
                now.above.push(above.unwrap_or(0));
                let Some(above) = above.and_then(|above| fresh(above, then)) else { continue };
                count(data, stretch, above, |point| {
                    judged(point, series, Some(("plimsoll.quantile", quantile.as_str())));
                    if let Some(found) = series.above_exemplar(quantile).filter(|_| above > 0) {
                        exemplar(point, 5, &found);
                    }
                });
            }
        });
    });
    metric(out, "plimsoll.regression.active", "Whether a finding is open.", "{finding}", Kind::Gauge, |data| {
        detector.visit(|series| {
            if series.stage() == Stage::Learning {
                return;
            }
            for severity in Severity::ALL {
                let active = series.finding().is_some_and(|finding| finding.severity == severity);
                gauge(data, at, Number::Whole(active.into()), |point| {
                    judged(point, series, Some(("plimsoll.severity", severity.as_str())));
                });
            }
        });
    });
    let about = "By how much the leading quantile grew, while a finding is open.";
    // A unit of "1" would make it `.._factor_ratio` on its way to Prometheus, and another metric than that of a scrape.
    metric(out, "plimsoll.regression.factor", about, "{times}", Kind::Gauge, |data| {
        detector.visit(|series| {
            let Some(finding) = series.finding() else { return };
            gauge(data, at, Number::Real(finding.factor()), |point| {
                judged(point, series, Some(("plimsoll.quantile", finding.quantile.as_str())));
            });
        });
    });
    metric(out, "plimsoll.findings", "Findings there have been.", "{finding}", counter, |data| {
        for found in detector.finding_counts() {
            let then = before.and_then(|told| told.findings.get(now.findings.len()));
            now.findings.push(found.count);
            let Some(findings) = fresh(found.count, then) else { continue };
            count(data, stretch, findings, |point| {
                attribute(point, 7, "plimsoll.severity", Value::Text(found.severity.as_str()));
                attribute(point, 7, "plimsoll.finding.kind", Value::Text(found.kind.as_str()));
            });
        }
    });
    now
}

enum Number {
    Whole(u64),
    Real(f64),
}

fn count(data: &mut Writer, stretch: Stretch, count: u64, rest: impl FnOnce(&mut Writer)) {
    data.message(1, |point| {
        point.fixed64(2, stretch.since);
        point.fixed64(3, stretch.at);
        point.fixed64(6, count);
        rest(point);
    });
}

fn gauge(data: &mut Writer, at: u64, value: Number, rest: impl FnOnce(&mut Writer)) {
    data.message(1, |point| {
        point.fixed64(3, at);
        match value {
            Number::Whole(value) => point.fixed64(6, value),
            Number::Real(value) => point.double(4, value),
        }
        rest(point);
    });
}

/// The attributes of a judged series, and one more.
fn judged(point: &mut Writer, series: JudgedSeries<'_>, more: Option<(&'static str, &str)>) {
    let Ok(()) = SeriesAttributes::from(series).try_for_each(Metric::Own, |name, value| {
        attribute(point, 7, name, value);
        Ok::<_, Infallible>(())
    });
    if let Some((name, value)) = more {
        attribute(point, 7, name, Value::Text(value));
    }
}
