//! The ledger as OpenMetrics text, with exemplars.

use std::fmt::{self, Write};

use super::attributes::{ErrorType, Metric, SeriesAttributes, Value};
use super::detected::detected;
use crate::detect::{Detector, JudgedSeries};
use crate::endpoint::{Direction, Role};
use crate::ledger::{CLASSIC_BOUNDS, Exemplar, Ledger, Outcome, SeriesSnapshot, SizeDistribution, Snapshot};

/// A ledger as OpenMetrics 1.0 text: what Prometheus scrapes, exemplars included.
///
/// Its `Display` is a whole page; it is also a tower service that answers a scrape with one. To append it to the
/// text of another registry, which must not end in `# EOF` yet, use [`encode`](Self::encode).
///
/// | metric | type | what it counts |
/// |---|---|---|
/// | `http_{server,client}_{request,response}_body_size_bytes` | histogram | completed bodies |
/// | `plimsoll_body_offered_size_bytes` | histogram | completed bodies, and refused ones by what they declared or, at least, what was seen |
/// | `plimsoll_bodies_total` | counter | bodies by `plimsoll_outcome` |
/// | `plimsoll_body_over_limit_total` | counter | bodies over a limit: refused, or let pass with a warning |
/// | `plimsoll_body_limit_bytes` | gauge | the limit that the last body was held against, by `plimsoll_limit_action` |
///
/// All move when a body ends, but for the over-limit counter, which moves when it is found out, and the gauge, which
/// moves when a body begins. Histograms have a bucket for each power of two from 256 B to 16 MiB, the same for
/// every series, each with the last exemplar in it. A series in which nothing ended yet is not written.
///
/// Overflow series have the label `otel_metric_overflow="true"` in place of what would tell them apart.
///
/// Prometheus keeps exemplars only with `--enable-feature=exemplar-storage`.
#[derive(Clone, Debug)]
pub struct OpenMetrics {
    ledger: Ledger,
    detector: Option<Detector>,
}

impl OpenMetrics {
    /// The content type of the text; without it, Prometheus refuses exemplars.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Reads from this ledger each time it is asked.
    #[must_use]
    pub fn new(ledger: &Ledger) -> Self {
        Self { ledger: ledger.clone(), detector: None }
    }

    /// Adds what a detector of this ledger knows, as of its last tick.
    ///
    /// | metric | type | what it says |
    /// |---|---|---|
    /// | `plimsoll_bodies_above_baseline_total` | counter | bodies above the gate edge of a `plimsoll_quantile`, since the detector was made and while a baseline stood |
    /// | `plimsoll_regression_active` | gauge | 1 while a finding of this `plimsoll_severity` is open |
    /// | `plimsoll_regression_factor` | gauge | by how much the leading quantile grew, while one is open |
    /// | `plimsoll_findings_total` | counter | findings by `plimsoll_severity` and `plimsoll_finding_kind` |
    ///
    /// All move at the detector's ticks. "p99 grew by more than 50 %" is that the rate of the first, for quantile 0.99,
    /// is more than 1 % of that of `plimsoll_bodies_total` for complete and refused bodies of requests and of successful
    /// responses.
    #[must_use]
    pub fn detector(mut self, detector: &Detector) -> Self {
        self.detector = Some(detector.clone());
        self
    }

    /// Writes all metrics without the closing `# EOF`, to stand beside those of other registries.
    ///
    /// The `http_*` names are OpenTelemetry's: where the other registry has them too, a page may not have both.
    ///
    /// ```
    /// use plimsoll::{Ledger, OpenMetrics};
    ///
    /// let mut page = String::from("# TYPE jobs counter\njobs_total 3\n");
    /// OpenMetrics::new(&Ledger::new()).encode(&mut page)?;
    /// page.push_str("# EOF\n");
    /// # Ok::<_, std::fmt::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Only where `out` gives one.
    pub fn encode(&self, out: &mut impl Write) -> fmt::Result {
        let snapshot = self.ledger.snapshot();
        for role in [Role::Server, Role::Client] {
            for direction in [Direction::Request, Direction::Response] {
                completed_sizes(out, &snapshot, role, direction)?;
            }
        }
        offered_sizes(out, &snapshot)?;
        bodies(out, &snapshot)?;
        over_limit(out, &snapshot)?;
        limits(out, &snapshot)?;
        self.detector.iter().try_for_each(|detector| detected(out, detector))
    }
}

impl fmt::Display for OpenMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.encode(f)?;
        f.write_str("# EOF\n")
    }
}

fn completed_sizes(out: &mut impl Write, snapshot: &Snapshot, role: Role, direction: Direction) -> fmt::Result {
    let name = format!("http_{role}_{direction}_body_size_bytes");
    let help = format!("Sizes of the {direction} bodies that ended complete, as {role}.");
    let of_family = |series: &&SeriesSnapshot| series.endpoint.role() == role && series.direction == direction;
    let mut head = Head::new(&name, "histogram", Some("bytes"), &help);
    for series in snapshot.series().iter().filter(of_family) {
        histogram(out, &mut head, &Labels::standard(series), &series.completed, &series.completed_exemplars)?;
    }
    Ok(())
}

fn offered_sizes(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let help = "Sizes that the other side wanted to send: completed bodies, and refused ones as declared or seen.";
    let mut head = Head::new("plimsoll_body_offered_size_bytes", "histogram", Some("bytes"), help);
    for series in snapshot.series() {
        let exemplars: Vec<_> = series.completed_exemplars.iter().chain(&series.refused_exemplars).copied().collect();
        histogram(out, &mut head, &Labels::own(series), &series.offered, &exemplars)?;
    }
    Ok(())
}

fn bodies(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let mut head = Head::new("plimsoll_bodies", "counter", None, "Bodies by how they ended.");
    for series in snapshot.series() {
        for (outcome, count) in series.outcomes.iter().filter(|(_, count)| *count > 0) {
            let labels = Labels::ended(series, outcome);
            head.write(out)?;
            writeln!(out, "plimsoll_bodies_total{{{labels},plimsoll_outcome=\"{}\"}} {count}", outcome.as_str())?;
        }
    }
    Ok(())
}

fn over_limit(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let help = "Bodies over a limit: refused, or let pass with a warning.";
    let mut head = Head::new("plimsoll_body_over_limit", "counter", None, help);
    for series in snapshot.series().iter().filter(|series| series.over_limit > 0) {
        head.write(out)?;
        write!(out, "plimsoll_body_over_limit_total{{{}}} {}", Labels::own(series), series.over_limit)?;
        exemplar(out, series.over_limit_exemplar.as_ref())?;
    }
    Ok(())
}

fn limits(out: &mut impl Write, snapshot: &Snapshot) -> fmt::Result {
    let help = "The limit that the last body was held against.";
    let mut head = Head::new("plimsoll_body_limit_bytes", "gauge", Some("bytes"), help);
    for series in snapshot.series() {
        let lines = [("reject", series.limit.rejects_over()), ("warn", series.limit.warns_over())];
        for (action, line) in lines {
            let Some(line) = line else { continue };
            let labels = Labels::own(series);
            head.write(out)?;
            writeln!(out, "plimsoll_body_limit_bytes{{{labels},plimsoll_limit_action=\"{action}\"}} {line}")?;
        }
    }
    Ok(())
}

/// One histogram of classic buckets; nothing where it is empty.
fn histogram(
    out: &mut impl Write,
    head: &mut Head<'_>,
    labels: &Labels<'_>,
    sizes: &SizeDistribution,
    exemplars: &[Exemplar],
) -> fmt::Result {
    if sizes.count() == 0 {
        return Ok(());
    }
    head.write(out)?;
    let name = head.name;
    let mut above = None;
    for bound in CLASSIC_BOUNDS {
        #[allow(clippy::cast_possible_truncation, reason = "at most 63")]
        let count = sizes.count_up_to_power_of_two(bound.trailing_zeros() as u8);
        write!(out, "{name}_bucket{{{labels},le=\"{bound}.0\"}} {count}")?;
        exemplar(out, latest(exemplars, above, Some(bound)))?;
        above = Some(bound);
    }
    write!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {}", sizes.count())?;
    exemplar(out, latest(exemplars, above, None))?;
    writeln!(out, "{name}_count{{{labels}}} {}", sizes.count())?;
    writeln!(out, "{name}_sum{{{labels}}} {}", sizes.sum())
}

/// The latest exemplar above one bound and up to another.
fn latest(exemplars: &[Exemplar], above: Option<u64>, up_to: Option<u64>) -> Option<&Exemplar> {
    let within = |exemplar: &&Exemplar| {
        above.is_none_or(|bound| exemplar.value() > bound) && up_to.is_none_or(|bound| exemplar.value() <= bound)
    };
    exemplars.iter().filter(within).max_by_key(|exemplar| exemplar.unix_nanos())
}

/// Ends a sample's line, with its exemplar. Its labels take 63 of the 128 characters that are allowed.
pub(super) fn exemplar(out: &mut impl Write, exemplar: Option<&Exemplar>) -> fmt::Result {
    if let Some(exemplar) = exemplar {
        let (trace, span, value) = (exemplar.trace_id(), exemplar.span_id(), exemplar.value());
        let (seconds, nanos) = (exemplar.unix_nanos() / NANOS, exemplar.unix_nanos() % NANOS);
        write!(out, " # {{trace_id=\"{trace:032x}\",span_id=\"{span:016x}\"}} {value} {seconds}.{nanos:09}")?;
    }
    out.write_char('\n')
}

const NANOS: u64 = 1_000_000_000;

/// The lines that open a metric family, written with its first sample.
pub(super) struct Head<'a> {
    name: &'a str,
    kind: &'static str,
    unit: Option<&'static str>,
    help: &'a str,
    written: bool,
}

impl<'a> Head<'a> {
    pub(super) fn new(name: &'a str, kind: &'static str, unit: Option<&'static str>, help: &'a str) -> Self {
        Self { name, kind, unit, help, written: false }
    }

    pub(super) fn write(&mut self, out: &mut impl Write) -> fmt::Result {
        let Self { name, kind, unit, help, written } = self;
        if std::mem::replace(written, true) {
            return Ok(());
        }
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        match unit {
            Some(unit) => writeln!(out, "# UNIT {name} {unit}"),
            None => Ok(()),
        }
    }
}

/// The labels of a sample, without braces.
pub(super) struct Labels<'a> {
    series: SeriesAttributes<'a>,
    metric: Metric,
    error: Option<ErrorType>,
}

impl<'a> Labels<'a> {
    fn standard(series: &'a SeriesSnapshot) -> Self {
        Self::new(series, Metric::Standard)
    }

    fn own(series: &'a SeriesSnapshot) -> Self {
        Self::new(series, Metric::Own)
    }

    /// Those of a detector's series.
    pub(super) fn judged(series: &JudgedSeries<'a>) -> Self {
        Self { series: SeriesAttributes::from(*series), metric: Metric::Own, error: None }
    }

    fn new(series: &'a SeriesSnapshot, metric: Metric) -> Self {
        let series = SeriesAttributes::from(series);
        Self { series, metric, error: series.error_of_status() }
    }

    /// Those of bodies that ended like this.
    fn ended(series: &'a SeriesSnapshot, outcome: Outcome) -> Self {
        let labels = Self::own(series);
        Self { error: labels.series.error_of(outcome), ..labels }
    }
}

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { series, metric, error } = self;
        let mut comma = "";
        series.try_for_each(*metric, |name, value| {
            f.write_str(std::mem::replace(&mut comma, ","))?;
            LabelName(name).fmt(f)?;
            match value {
                Value::Text(value) => write!(f, "=\"{}\"", Escaped(value)),
                Value::Integer(value) => write!(f, "=\"{value}\""),
                Value::True => f.write_str("=\"true\""),
            }
        })?;
        match error {
            Some(error) => error.with_text(|error| write!(f, ",error_type=\"{error}\"")),
            None => Ok(()),
        }
    }
}

/// An attribute's name as a label may have it: dots are underscores.
struct LabelName(&'static str);

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.0.split('.');
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| {
            f.write_char('_')?;
            f.write_str(part)
        })
    }
}

/// A label's value as the text format wants it: backslash, quote and line feed escaped.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}
