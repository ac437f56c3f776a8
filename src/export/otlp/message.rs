//! The ledger as an `ExportMetricsServiceRequest` (opentelemetry-proto 1.x, `collector/metrics/v1`).

use super::detected::{Judged, Told, detected};
use super::metric::{Kind, attribute, exemplar, head, metric, temporality};
use super::part::Part;
use super::reading::{Reading, Readings};
use super::settings::{Histograms, OtlpSettings, Temporality};
use super::wire::Writer;
use crate::endpoint::{Direction, Role};
use crate::export::attributes::{ErrorType, Metric, SeriesAttributes, Value};
use crate::ledger::{CLASSIC_BOUNDS, Exemplar, SizeDistribution};

/// The version of the conventions whose names are written.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.42.0";
/// The buckets' scale: 2^4 an octave.
const SCALE: i32 = 4;

/// Writes this part of what was read, and what a detector knows. `room` is how many bytes it will take, more or less.
/// Gives what is told of the detector once it arrives.
pub(super) fn encode(
    readings: &Readings,
    part: &Part,
    judged: Option<&Judged<'_>>,
    settings: &OtlpSettings,
    room: usize,
) -> (Vec<u8>, Option<Told>) {
    let mut request = Writer::with_capacity(room);
    let mut told = None;
    request.message(1, |of_resource| {
        of_resource.message(1, |resource| {
            for (key, value) in settings.resource() {
                attribute(resource, 1, key, Value::Text(value));
            }
        });
        of_resource.message(2, |of_scope| {
            of_scope.message(1, |scope| {
                scope.text(1, env!("CARGO_PKG_NAME"));
                scope.text(2, env!("CARGO_PKG_VERSION"));
            });
            let series = readings.series.get(part.series.clone()).unwrap_or_default();
            Metrics { series, at: readings.at, settings }.write(of_scope);
            told = judged.map(|judged| detected(of_scope, judged, settings.temporality, readings));
            of_scope.text(3, SCHEMA);
        });
        of_resource.text(3, SCHEMA);
    });
    (request.finish(), told)
}

struct Metrics<'a> {
    series: &'a [Reading],
    at: u64,
    settings: &'a OtlpSettings,
}

/// Sizes of a series, with their exemplars in two lists.
type Sized<'a> = (&'a SizeDistribution, [&'a [Exemplar]; 2]);

impl Metrics<'_> {
    fn write(&self, out: &mut Writer) {
        for role in [Role::Server, Role::Client] {
            for direction in [Direction::Request, Direction::Response] {
                let name = format!("http.{role}.{direction}.body.size");
                let about = format!("Size of HTTP {role} {direction} bodies.");
                self.histogram(out, &name, &about, Metric::Standard, |reading| {
                    let series = &reading.series;
                    let of_metric = series.endpoint.role() == role && series.direction == direction;
                    of_metric.then_some((&series.completed, [&series.completed_exemplars[..], &[]]))
                });
            }
        }
        let about = "Sizes that the other side wanted to send: completed bodies, and refused ones as declared or seen.";
        self.histogram(out, "plimsoll.body.offered.size", about, Metric::Own, |Reading { series, .. }| {
            Some((&series.offered, [&series.completed_exemplars[..], &series.refused_exemplars[..]]))
        });
        self.bodies(out);
        self.over_limit(out);
        self.limits(out);
    }

    fn histogram<'a>(
        &'a self,
        out: &mut Writer,
        name: &str,
        about: &str,
        metric: Metric,
        sizes: impl Fn(&'a Reading) -> Option<Sized<'a>>,
    ) {
        let with_sizes = |reading| sizes(reading).filter(|(sizes, _)| sizes.count() > 0).map(|found| (reading, found));
        let mut points = self.series.iter().filter_map(with_sizes).peekable();
        if points.peek().is_none() {
            return;
        }
        let exponential = self.settings.histograms == Histograms::Exponential;
        out.message(2, |out| {
            head(out, name, about, "By");
            out.message(if exponential { 10 } else { 9 }, |data| {
                for (reading, (sizes, exemplars)) in points {
                    data.message(1, |point| {
                        let error = SeriesAttributes::from(&reading.series).error_of_status();
                        attributes(point, if exponential { 1 } else { 9 }, reading, metric, error, &[]);
                        self.times(point, reading);
                        point.fixed64(4, sizes.count());
                        point.double(5, double(sizes.sum()));
                        // Field 11 of one kind of point is field 8 of the other, and so on.
                        let (exemplar_field, max_field) = if exponential {
                            exponential_buckets(point, sizes);
                            (11, 13)
                        } else {
                            explicit_buckets(point, sizes);
                            (8, 12)
                        };
                        for found in exemplars.into_iter().flatten() {
                            exemplar(point, exemplar_field, found);
                        }
                        if self.settings.temporality == Temporality::Cumulative {
                            point.double(max_field, double(sizes.max()));
                        }
                    });
                }
                data.varint(2, self.temporality());
            });
        });
    }

    fn bodies(&self, out: &mut Writer) {
        self.sum(out, "plimsoll.bodies", "Bodies by how they ended.", "{body}", |data| {
            for reading in self.series {
                for (outcome, count) in reading.outcomes.iter().filter(|(_, count)| *count > 0) {
                    data.message(1, |point| {
                        let error = SeriesAttributes::from(&reading.series).error_of(*outcome);
                        let ended = [("plimsoll.outcome", outcome.as_str())];
                        attributes(point, 7, reading, Metric::Own, error, &ended);
                        self.times(point, reading);
                        point.fixed64(6, *count);
                    });
                }
            }
        });
    }

    fn over_limit(&self, out: &mut Writer) {
        let about = "Bodies over a limit: refused, or let pass with a warning.";
        self.sum(out, "plimsoll.body.over_limit", about, "{body}", |data| {
            for reading in self.series.iter().filter(|reading| reading.series.over_limit > 0) {
                data.message(1, |point| {
                    let error = SeriesAttributes::from(&reading.series).error_of_status();
                    attributes(point, 7, reading, Metric::Own, error, &[]);
                    self.times(point, reading);
                    point.fixed64(6, reading.series.over_limit);
                    if let Some(found) = &reading.series.over_limit_exemplar {
                        exemplar(point, 5, found);
                    }
                });
            }
        });
    }

    fn limits(&self, out: &mut Writer) {
        let lines = |reading: &Reading| {
            let limit = reading.series.limit;
            [("reject", limit.rejects_over()), ("warn", limit.warns_over())]
        };
        if !self.series.iter().flat_map(lines).any(|(_, line)| line.is_some()) {
            return;
        }
        out.message(2, |out| {
            head(out, "plimsoll.body.limit", "The limit that the last body was held against.", "By");
            out.message(5, |data| {
                for reading in self.series {
                    for (action, line) in lines(reading) {
                        let Some(line) = line else { continue };
                        data.message(1, |point| {
                            let error = SeriesAttributes::from(&reading.series).error_of_status();
                            let action = [("plimsoll.limit.action", action)];
                            attributes(point, 7, reading, Metric::Own, error, &action);
                            point.fixed64(3, self.at);
                            point.fixed64(6, line.min(i64::MAX.unsigned_abs()));
                        });
                    }
                }
            });
        });
    }

    /// A counter; nothing where it has no points.
    fn sum(&self, out: &mut Writer, name: &str, about: &str, unit: &str, points: impl FnOnce(&mut Writer)) {
        metric(out, name, about, unit, Kind::Counter(self.settings.temporality), points);
    }

    fn times(&self, point: &mut Writer, reading: &Reading) {
        point.fixed64(2, reading.since);
        point.fixed64(3, self.at);
    }

    fn temporality(&self) -> u64 {
        temporality(self.settings.temporality)
    }
}

fn attributes(
    point: &mut Writer,
    field: u32,
    reading: &Reading,
    metric: Metric,
    error: Option<ErrorType>,
    more: &[(&str, &str)],
) {
    let written = SeriesAttributes::from(&reading.series).try_for_each(metric, |name, value| {
        attribute(point, field, name, value);
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(()) = written;
    if let Some(error) = error {
        error.with_text(|error| attribute(point, field, "error.type", Value::Text(error)));
    }
    for (name, value) in more {
        attribute(point, field, name, Value::Text(value));
    }
}

/// Our bucket `i` is bucket `i-1` of theirs; between the first and the last that hold something none is left out.
fn exponential_buckets(point: &mut Writer, sizes: &SizeDistribution) {
    point.signed(6, SCALE);
    let mut buckets = sizes.buckets().iter().filter_map(|bucket| Some((bucket.index()?, bucket.count()))).peekable();
    let zero = sizes.buckets().first().filter(|bucket| bucket.index().is_none());
    point.fixed64(7, zero.map_or(0, crate::ledger::Bucket::count));
    let Some((first, _)) = buckets.peek().copied() else { return };
    point.message(8, |positive| {
        positive.signed(1, i32::from(first).saturating_sub(1));
        positive.message(2, |counts| {
            let mut next = first;
            for (index, count) in buckets {
                while next < index {
                    counts.raw_varint(0);
                    next = next.saturating_add(1);
                }
                counts.raw_varint(count);
                next = next.saturating_add(1);
            }
        });
    });
}

fn explicit_buckets(point: &mut Writer, sizes: &SizeDistribution) {
    point.message(6, |counts| {
        let mut below = 0u64;
        for bound in CLASSIC_BOUNDS {
            #[allow(clippy::cast_possible_truncation, reason = "at most 63")]
            let up_to = sizes.count_up_to_power_of_two(bound.trailing_zeros() as u8);
            counts.raw_fixed64(up_to.saturating_sub(below));
            below = up_to;
        }
        counts.raw_fixed64(sizes.count().saturating_sub(below));
    });
    point.message(7, |bounds| CLASSIC_BOUNDS.iter().for_each(|bound| bounds.raw_fixed64(double(*bound).to_bits())));
}

/// Exact up to 2^53 bytes, 8 PiB.
#[allow(clippy::cast_precision_loss)]
fn double(bytes: u64) -> f64 {
    bytes as f64
}
