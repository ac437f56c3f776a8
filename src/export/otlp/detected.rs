//! What a detector knows, as metrics of a message.

use std::convert::Infallible;

use super::message::{attribute, exemplar, head};
use super::wire::Writer;
use crate::detect::{Detector, JudgedSeries, Quantile, Severity, Stage};
use crate::export::attributes::{Metric, SeriesAttributes, Value};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: these counts run since a baseline stands, whatever is asked of the others.
const CUMULATIVE: u64 = 2;

/// A metric's number in the message, and what makes it what it is.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

/// Adds all metrics of a detector, as of its last tick. `at` is the time in nanoseconds since 1970.
pub(super) fn detected(out: &mut Writer, detector: &Detector, at: u64) {
    let about = "Bodies above the gate edge of a quantile of the baseline.";
    metric(out, "plimsoll.bodies.above_baseline", about, "{body}", Kind::Counter, |data| {
        detector.visit(|series| {
            for quantile in Quantile::ALL {
                let Some(above) = series.above(quantile) else { continue };
                point(data, at, Number::Whole(above), |point| {
                    judged(point, series, Some(("plimsoll.quantile", quantile.as_str())));
                    if let Some(found) = series.above_exemplar(quantile).filter(|_| above > 0) {
                        exemplar(point, 5, &found);
                    }
                });
            }
        });
    });
    metric(out, "plimsoll.regression.active", "Whether a finding is open.", "1", Kind::Gauge, |data| {
        detector.visit(|series| {
            if series.stage() == Stage::Learning {
                return;
            }
            for severity in Severity::ALL {
                let active = series.finding().is_some_and(|finding| finding.severity == severity);
                point(data, at, Number::Whole(active.into()), |point| {
                    judged(point, series, Some(("plimsoll.severity", severity.as_str())));
                });
            }
        });
    });
    let about = "By how much the leading quantile grew, while a finding is open.";
    metric(out, "plimsoll.regression.factor", about, "1", Kind::Gauge, |data| {
        detector.visit(|series| {
            let Some(finding) = series.finding() else { return };
            point(data, at, Number::Real(finding.factor()), |point| {
                judged(point, series, Some(("plimsoll.quantile", finding.quantile.as_str())));
            });
        });
    });
    metric(out, "plimsoll.findings", "Findings there have been.", "{finding}", Kind::Counter, |data| {
        for found in detector.finding_counts() {
            point(data, at, Number::Whole(found.count), |point| {
                attribute(point, 7, "plimsoll.severity", Value::Text(found.severity.as_str()));
                attribute(point, 7, "plimsoll.finding.kind", Value::Text(found.kind.as_str()));
            });
        }
    });
}

/// A metric; nothing where it has no points.
fn metric(out: &mut Writer, name: &str, about: &str, unit: &str, kind: Kind, points: impl FnOnce(&mut Writer)) {
    let mut data = Writer::with_capacity(0);
    points(&mut data);
    let data = data.finish();
    if data.is_empty() {
        return;
    }
    out.message(2, |out| {
        head(out, name, about, unit);
        match kind {
            Kind::Gauge => out.bytes(5, &data),
            Kind::Counter => out.message(7, |sum| {
                sum.append(&data);
                sum.varint(2, CUMULATIVE);
                sum.varint(3, 1);
            }),
        }
    });
}

enum Number {
    Whole(u64),
    Real(f64),
}

fn point(data: &mut Writer, at: u64, value: Number, rest: impl FnOnce(&mut Writer)) {
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
