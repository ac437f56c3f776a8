//! What the detector tells, as it happens: log events, and values for a callback.

use super::finding::{Closing, Finding, Severity};

/// Something changed: given to [`DetectorBuilder::on_notice`](super::DetectorBuilder::on_notice), and logged through
/// `tracing`.
///
/// Findings of one tick, upstream and version are one event: one deploy wakes one person once. What is found later of
/// the same deploy joins it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// Something grew; logged as an error where one of the findings is an alert, else as a warning.
    Opened(Vec<Finding>),
    /// More of an event that is known: the same upstream and version; logged as a warning.
    Joined(Finding),
    /// A warning became an alert; logged as an error.
    Raised(Finding),
    /// A finding is over; logged as information.
    Closed(Closing),
}

impl Notice {
    pub(super) fn log(&self) {
        match self {
            Self::Opened(findings) => {
                let alert = findings.iter().any(|finding| finding.severity == Severity::Alert);
                let Some((first, others)) = findings.split_first() else { return };
                log(first, others, alert, "body sizes grew");
            }
            Self::Joined(finding) => {
                log(finding, &[], false, "body sizes of one more endpoint grew with the same version");
            }
            Self::Raised(finding) => log(finding, &[], true, "body sizes grew further"),
            Self::Closed(closing) => {
                let Closing { finding: Finding { id, endpoint, direction, .. }, .. } = closing;
                let direction = direction.as_str();
                tracing::info!(id, %endpoint, direction, report = %closing, "body sizes: finding closed");
            }
        }
    }
}

fn log(finding: &Finding, others: &[Finding], alert: bool, message: &str) {
    let Finding { id, endpoint, direction, severity, kind, quantile, evidence, version_after, .. } = finding;
    let (role, direction) = (endpoint.role().as_str(), direction.as_str());
    let (severity, kind, quantile) = (severity.as_str(), kind.as_str(), quantile.as_str());
    let trace_id = finding.traces.first().map(|trace| tracing::field::display(format!("{:032x}", trace.trace_id())));
    let with: Vec<String> = others.iter().map(|other| format!("{} {}", other.endpoint, other.direction)).collect();
    let (also, with, factor) = (others.len(), with.join(", "), finding.factor());
    macro_rules! event {
        ($event:ident) => {
            tracing::$event!(
                id, %endpoint, role, direction, severity, kind, quantile, factor, evidence, version = version_after.as_deref(),
                trace_id, also, also_grew = with, finding = %finding, "{message}"
            )
        };
    }
    if alert {
        event!(error);
    } else {
        event!(warn);
    }
}
