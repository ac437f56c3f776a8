//! What all metrics of a message are made of: heads, points that are numbers, attributes, exemplars.

use super::settings::Temporality;
use super::wire::Writer;
use crate::export::attributes::Value;
use crate::ledger::Exemplar;

/// What its numbers are.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Gauge,
    Counter(Temporality),
}

/// A metric whose points are numbers; nothing where it has none.
pub(super) fn metric(
    out: &mut Writer,
    name: &str,
    about: &str,
    unit: &str,
    kind: Kind,
    points: impl FnOnce(&mut Writer),
) {
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
            Kind::Counter(asked) => out.message(7, |sum| {
                sum.append(&data);
                sum.varint(2, temporality(asked));
                sum.varint(3, 1);
            }),
        }
    });
}

/// `AggregationTemporality`.
pub(super) fn temporality(asked: Temporality) -> u64 {
    match asked {
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

/// The first fields of a `Metric`.
pub(super) fn head(out: &mut Writer, name: &str, about: &str, unit: &str) {
    out.text(1, name);
    out.text(2, about);
    out.text(3, unit);
}

/// A `KeyValue`.
pub(super) fn attribute(out: &mut Writer, field: u32, name: &str, value: Value<'_>) {
    out.message(field, |pair| {
        pair.text(1, name);
        pair.message(2, |any| match value {
            Value::Text(text) => any.text(1, text),
            Value::Integer(number) => any.varint(3, number.into()),
            Value::True => any.varint(2, 1),
        });
    });
}

/// An `Exemplar`.
pub(super) fn exemplar(point: &mut Writer, field: u32, exemplar: &Exemplar) {
    point.message(field, |out| {
        out.fixed64(2, exemplar.unix_nanos());
        out.bytes(4, &exemplar.span_id().to_be_bytes());
        out.bytes(5, &exemplar.trace_id().to_be_bytes());
        out.fixed64(6, exemplar.value().min(i64::MAX.unsigned_abs()));
    });
}
