//! What a detector knows, as metrics of a message.

use std::convert::Infallible;
use std::ops::Range;

use super::metric::{Kind, attribute, exemplar, metric};
use super::reading::Readings;
use super::settings::Temporality;
use super::wire::Writer;
use crate::detect::{Detector, JudgedSeries, Quantile, Severity, Stage};
use crate::export::attributes::{Metric, SeriesAttributes, Value};

/// The counts of a detector as they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Bodies above the baseline, by judged series and quantile: a detector forgets no series, nor their order.
    above: Vec<Count>,
    /// Findings by severity and kind.
    findings: Vec<Count>,
}

/// How many there were, and when that was sent: in nanoseconds since 1970, or 0 where nothing was sent yet.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    count: u64,
    at: u64,
}

/// What is to be told of a detector.
#[derive(Clone, Debug)]
pub(super) struct Judged<'a> {
    pub(super) detector: &'a Detector,
    /// Of these series, in their order.
    pub(super) series: Range<usize>,
    /// And how many findings there were.
    pub(super) findings: bool,
    /// What was told before.
    pub(super) told: &'a Told,
}

/// Adds the metrics of a detector, as of its last tick, to those of these readings. Gives what is told of it once they
/// arrive.
pub(super) fn detected(out: &mut Writer, what: &Judged<'_>, temporality: Temporality, readings: &Readings) -> Told {
    let &Readings { at, earliest, .. } = readings;
    let mut told = what.told.clone();
    let counter = Kind::Counter(temporality);
    let counts = Counts { began: what.detector.began().min(earliest), at, temporality };
    let about = "Bodies above the gate edge of a quantile of the baseline.";
    metric(out, "plimsoll.bodies.above_baseline", about, "{body}", counter, |data| {
        what.each(|nth, series| {
            for (quantile, slot) in Quantile::ALL.into_iter().zip(nth.saturating_mul(Quantile::ALL.len())..) {
                let Some(above) = series.above(quantile) else { continue };
                counts.write(data, above, &mut told.above, slot, |point| {
                    judged(point, series, Some(("plimsoll.quantile", quantile.as_str())));
                    if let Some(found) = series.above_exemplar(quantile).filter(|_| above > 0) {
                        exemplar(point, 5, &found);
                    }
                });
            }
        });
    });
    metric(out, "plimsoll.regression.active", "Whether a finding is open.", "{finding}", Kind::Gauge, |data| {
        what.each(|_, series| {
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
        what.each(|_, series| {
            let Some(finding) = series.finding() else { return };
            gauge(data, at, Number::Real(finding.factor()), |point| {
                judged(point, series, Some(("plimsoll.quantile", finding.quantile.as_str())));
            });
        });
    });
    metric(out, "plimsoll.findings", "Findings there have been.", "{finding}", counter, |data| {
        for (found, slot) in what.detector.finding_counts().iter().filter(|_| what.findings).zip(0..) {
            counts.write(data, found.count, &mut told.findings, slot, |point| {
                attribute(point, 7, "plimsoll.severity", Value::Text(found.severity.as_str()));
                attribute(point, 7, "plimsoll.finding.kind", Value::Text(found.kind.as_str()));
            });
        }
    });
    told
}

impl Judged<'_> {
    /// The series that are asked for, each with its place in the order of all.
    fn each(&self, mut with: impl FnMut(usize, JudgedSeries<'_>)) {
        let mut nth = 0usize;
        self.detector.visit(|series| {
            if self.series.contains(&nth) {
                with(nth, series);
            }
            nth = nth.saturating_add(1);
        });
    }
}

/// How counts are written.
#[derive(Clone, Copy)]
struct Counts {
    /// Where those run from that were never sent.
    began: u64,
    at: u64,
    temporality: Temporality,
}

impl Counts {
    /// A count as a point, and in its slot of what is told.
    fn write(self, data: &mut Writer, count: u64, told: &mut Vec<Count>, slot: usize, rest: impl FnOnce(&mut Writer)) {
        if told.len() <= slot {
            told.resize(slot.saturating_add(1), Count::default());
        }
        let Some(told) = told.get_mut(slot) else { return };
        let then = std::mem::replace(told, Count { count, at: self.at });
        let (since, count) = match self.temporality {
            Temporality::Cumulative => (self.began, count),
            Temporality::Delta if then.at == 0 => (self.began, count.saturating_sub(then.count)),
            Temporality::Delta => (then.at, count.saturating_sub(then.count)),
        };
        // With a stretch of its own, a count in which nothing came says nothing.
        if count == 0 && self.temporality == Temporality::Delta {
            return;
        }
        data.message(1, |point| {
            point.fixed64(2, since.min(self.at));
            point.fixed64(3, self.at);
            point.fixed64(6, count);
            rest(point);
        });
    }
}

enum Number {
    Whole(u64),
    Real(f64),
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
