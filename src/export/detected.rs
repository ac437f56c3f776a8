//! What a detector knows, as OpenMetrics text.

use std::fmt::{self, Write};

use super::openmetrics::{Head, Labels, exemplar};
use crate::detect::{Detector, JudgedSeries, Quantile, Severity, Stage};

/// Writes the families of a detector: see [`OpenMetrics::detector`](super::OpenMetrics::detector).
pub(super) fn detected(out: &mut impl Write, detector: &Detector) -> fmt::Result {
    let help = "Bodies above the gate edge of a quantile of the baseline.";
    let mut head = Head::new("plimsoll_bodies_above_baseline", "counter", None, help);
    each_series(detector, |series| {
        Quantile::ALL.into_iter().try_for_each(|quantile| {
            let Some(above) = series.above(quantile) else { return Ok(()) };
            let (labels, q) = (Labels::judged(&series), quantile.as_str());
            head.write(out)?;
            write!(out, "plimsoll_bodies_above_baseline_total{{{labels},plimsoll_quantile=\"{q}\"}} {above}")?;
            exemplar(out, series.above_exemplar(quantile).filter(|_| above > 0).as_ref())
        })
    })?;
    let mut head = Head::new("plimsoll_regression_active", "gauge", None, "Whether a finding is open.");
    each_series(detector, |series| {
        if series.stage() == Stage::Learning {
            return Ok(());
        }
        head.write(out)?;
        let labels = Labels::judged(&series);
        Severity::ALL.into_iter().try_for_each(|severity| {
            let active = u8::from(series.finding().is_some_and(|finding| finding.severity == severity));
            writeln!(out, "plimsoll_regression_active{{{labels},plimsoll_severity=\"{severity}\"}} {active}")
        })
    })?;
    let help = "By how much the leading quantile grew, while a finding is open.";
    let mut head = Head::new("plimsoll_regression_factor", "gauge", None, help);
    each_series(detector, |series| {
        let Some(finding) = series.finding() else { return Ok(()) };
        head.write(out)?;
        let (labels, q, factor) = (Labels::judged(&series), finding.quantile.as_str(), finding.factor());
        writeln!(out, "plimsoll_regression_factor{{{labels},plimsoll_quantile=\"{q}\"}} {factor}")
    })?;
    let mut head = Head::new("plimsoll_findings", "counter", None, "Findings there have been.");
    detector.finding_counts().into_iter().try_for_each(|found| {
        head.write(out)?;
        let (severity, kind, count) = (found.severity, found.kind.as_str(), found.count);
        writeln!(
            out,
            "plimsoll_findings_total{{plimsoll_severity=\"{severity}\",plimsoll_finding_kind=\"{kind}\"}} {count}"
        )
    })
}

/// Visits all judged series, and stops at the first error.
fn each_series(detector: &Detector, mut each: impl FnMut(JudgedSeries<'_>) -> fmt::Result) -> fmt::Result {
    let mut result = Ok(());
    detector.visit(|series| {
        if result.is_ok() {
            result = each(series);
        }
    });
    result
}
