//! What alerts say, with numbers: templates of Prometheus, in which the texts of a policy stand as they are.

use super::alert::Alert;
use super::bytes::ByteSize;
use super::declaration::{EndpointPolicy, Policy};
use crate::detect::Quantile;
use crate::endpoint::EndpointName;

/// What an alert says.
pub(super) struct Said {
    pub(super) summary: String,
    pub(super) description: String,
}

/// The service's metrics are no longer there.
pub(super) const METRICS_ABSENT: &str = "BodyMetricsAbsent";
/// There is traffic, and no baseline that growth could be told by.
pub(super) const BASELINE_ABSENT: &str = "BodyBaselineAbsent";

/// A text that no template language reads anything into.
pub(super) fn plain(text: &str) -> String {
    text.replace("{{", "{{\"{{\"}}")
}

/// `1.5` for 50 %.
pub(super) fn factor(percent: u32) -> String {
    let (whole, rest) = (u64::from(percent).saturating_add(100) / 100, percent % 100);
    match format!("{rest:02}").trim_end_matches('0') {
        "" => whole.to_string(),
        digits => format!("{whole}.{digits}"),
    }
}

/// A share in thousandths, as `99 %` or `99.5 %`.
pub(super) fn percent(per_mille: u16) -> String {
    match (per_mille / 10, per_mille % 10) {
        (whole, 0) => format!("{whole} %"),
        (whole, tenths) => format!("{whole}.{tenths} %"),
    }
}

/// The limits of an endpoint, in words: `response bodies: refused over 64 KiB, counted over 48 KiB`.
pub(super) fn limits(endpoint: &EndpointPolicy) -> String {
    let lines = endpoint.declared().map(|(direction, limit)| {
        let lines = match (limit.rejects_over().map(ByteSize), limit.warns_over().map(ByteSize)) {
            (Some(ByteSize(0)), None) => "refused over 0 B".to_owned(),
            (Some(reject), None) => format!("refused over {reject}, counted over 80 % of that"),
            (Some(reject), Some(warn)) if warn < reject => format!("refused over {reject}, counted over {warn}"),
            (Some(reject), Some(_)) => format!("refused over {reject}"),
            (None, Some(warn)) => format!("counted over {warn}"),
            (None, None) => "unlimited".to_owned(),
        };
        format!("{direction} bodies: {lines}")
    });
    lines.collect::<Vec<_>>().join("; ")
}

const SHARE: &str = "{{ $value | humanizePercentage }}";
const DIRECTION: &str = "{{ $labels.plimsoll_direction }}";

pub(super) fn alert(policy: &Policy, name: &EndpointName, endpoint: &EndpointPolicy, kind: Alert) -> Said {
    let window = policy.rules.window;
    let limits = limits(endpoint);
    let objective = percent(policy.rules.objective);
    let (short, long) = match kind {
        Alert::Growth(quantile) => {
            let times = factor(endpoint.growth.rule(quantile).alert_percent);
            let normal = percent(1_000u16.saturating_sub(quantile.per_mille()));
            let few = if quantile == Quantile::P50 { "the bodies have" } else { "the large bodies have" };
            (
                format!("{SHARE} of the {DIRECTION} bodies of the last {window} are over {times} times the baseline's {quantile}; {normal} would be normal"),
                format!("{quantile} grew by more than {} %: {few} changed, not their number. Counted by the service against its own baseline, refused bodies by what they declared.", endpoint.growth.rule(quantile).alert_percent),
            )
        }
        Alert::WeekOverWeek => (
            format!("p99 of the {DIRECTION} bodies is about {{{{ $value | humanize1024 }}}}B, more than {} times what it was a week ago", factor(endpoint.growth.p99.alert_percent)),
            "Read from histogram buckets that double, so both figures are right to within a factor of two: a small step over a bucket's edge looks like a doubling, and a growth between two edges like none. BodyGrowth and BodyGrowthFound are exact: believe them first.".to_owned(),
        ),
        Alert::Finding => (
            format!("the service itself found that its {DIRECTION} bodies are {{{{ $value | printf \"%.1f\" }}}} times as large"),
            "The finding says since when, since which version, and which traces show it: it is in the service's log. It closes by itself when the sizes are back, or when the change is accepted.".to_owned(),
        ),
        Alert::Refused => (
            format!("{DIRECTION} bodies refused in the last 10m: {{{{ $value | printf \"%.0f\" }}}}"),
            format!("A body was larger than it may be, and whoever waited for it has an error. Limits of the policy: {}.", if limits.is_empty() { "none, so it is the layer's own" } else { &limits }),
        ),
        Alert::NearLimit => (
            format!("{SHARE} of the {DIRECTION} bodies of the last {window} were over a line and not refused"),
            format!("They are close to the limit, or would have been refused if limits were enforced ({limits}). What grows on will be refused."),
        ),
        Alert::FastBurn | Alert::SlowBurn => (
            format!("{SHARE} of the {DIRECTION} bodies are over their limit, where {objective} are to be within"),
            format!("At this pace a month's budget is gone within {}. Limits: {limits}.", if kind == Alert::FastBurn { "days" } else { "the month" }),
        ),
    };
    Said { summary: format!("{}: {short}", plain(&name.to_string())), description: long }
}

pub(super) fn about_the_rules(policy: &Policy, name: &str) -> Said {
    let service = plain(&policy.service);
    match name {
        METRICS_ABSENT => Said {
            summary: format!("{service}: the body metrics are gone; within the last week there were those of {{{{ $value }}}} endpoints and directions"),
            description: "No alert on bodies can fire. Either the service is not scraped, or it no longer serves the metrics, or it was restarted and has had no traffic since.".to_owned(),
        },
        _ => Said {
            summary: format!("{service}: bodies for more than a week, and no baseline to tell growth by"),
            description: "BodyGrowth cannot fire. Does the detector run, and are its metrics exported? A new endpoint learns for a week; a service that has traffic for longer has one that has not.".to_owned(),
        },
    }
}
