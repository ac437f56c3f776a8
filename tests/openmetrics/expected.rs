//! What a page has to say of a snapshot, put together from the snapshot alone.

use std::collections::BTreeMap;

use plimsoll::{Direction, Outcome, Role, SeriesSnapshot, SizeDistribution, Snapshot};

use crate::support::python::{Exemplar, Family, Sample};

type Labels = BTreeMap<String, String>;

/// All families of a page, sorted, their samples too; without their help texts.
pub fn families(snapshot: &Snapshot) -> Vec<Family> {
    let mut families = Vec::new();
    for (role, direction) in [
        (Role::Server, Direction::Request),
        (Role::Server, Direction::Response),
        (Role::Client, Direction::Request),
        (Role::Client, Direction::Response),
    ] {
        let name = format!("http_{role}_{direction}_body_size_bytes");
        let of_family = |series: &&SeriesSnapshot| series.endpoint.role() == role && series.direction == direction;
        let series = snapshot.series().iter().filter(of_family);
        let samples = series.flat_map(|series| {
            let exemplars = series.completed_exemplars.clone();
            histogram(&name, &labels(series, false), &series.completed, &exemplars)
        });
        families.push(family(&name, "histogram", "bytes", samples));
    }
    let all = || snapshot.series().iter();

    let name = "plimsoll_body_offered_size_bytes";
    let samples = all().flat_map(|series| {
        let exemplars = [&series.completed_exemplars[..], &series.refused_exemplars[..]].concat();
        histogram(name, &labels(series, true), &series.offered, &exemplars)
    });
    families.push(family(name, "histogram", "bytes", samples));

    let samples = all().flat_map(|series| {
        let counts = series.outcomes.iter().filter(|(_, count)| *count > 0);
        let name = "plimsoll_bodies_total";
        counts.map(move |(outcome, count)| {
            let mut labels = with(labels(series, true), "plimsoll_outcome", outcome.as_str());
            let error = match outcome {
                Outcome::RejectedEarly | Outcome::RejectedStreaming => Some("plimsoll.limit_exceeded"),
                Outcome::Aborted => Some("plimsoll.body_aborted"),
                Outcome::Failed => Some("plimsoll.body_failed"),
                Outcome::Complete | Outcome::Unread => None,
            };
            if let Some(error) = error {
                labels = with(labels, "error_type", error);
            }
            sample(name, labels, count, None)
        })
    });
    families.push(family("plimsoll_bodies", "counter", "", samples));

    let samples = all().filter(|series| series.over_limit > 0).map(|series| {
        let exemplar = series.over_limit_exemplar.as_ref();
        sample("plimsoll_body_over_limit_total", labels(series, true), series.over_limit, exemplar)
    });
    families.push(family("plimsoll_body_over_limit", "counter", "", samples));

    let name = "plimsoll_body_limit_bytes";
    let samples = all().flat_map(|series| {
        let lines = [("reject", series.limit.rejects_over()), ("warn", series.limit.warns_over())];
        let lines = lines.into_iter().filter_map(|(action, line)| Some((action, line?)));
        lines.map(move |(action, line)| {
            sample(name, with(labels(series, true), "plimsoll_limit_action", action), line, None)
        })
    });
    families.push(family(name, "gauge", "bytes", samples));

    families.retain(|family| !family.samples.is_empty());
    families.sort();
    families
}

/// What a parser found, in the form that [`families`] has.
pub fn comparable(mut found: Vec<Family>) -> Vec<Family> {
    for family in &mut found {
        assert!(!family.help.is_empty(), "{} does not say what it is", family.name);
        family.help.clear();
        family.samples.sort();
    }
    found.sort();
    found
}

fn family(name: &str, kind: &str, unit: &str, samples: impl Iterator<Item = Sample>) -> Family {
    let mut samples: Vec<_> = samples.collect();
    samples.sort();
    Family { name: name.into(), kind: kind.into(), unit: unit.into(), help: String::new(), samples }
}

fn labels(series: &SeriesSnapshot, own: bool) -> Labels {
    let SeriesSnapshot { endpoint, direction, status, coding, view, scheme, version, port, .. } = series;
    let port = port.map(|port| port.to_string());
    let version = version.map(|version| format!("{version:?}").replace("HTTP/", "").replace("2.0", "2"));
    let errors = if endpoint.role() == Role::Server { 500 } else { 400 };
    let error = status.filter(|status| *status >= errors).map(|status| status.to_string());
    let status = status.map(|status| status.to_string());
    let template = if endpoint.role() == Role::Server { "http_route" } else { "url_template" };
    let known = [
        ("http_request_method", Some(endpoint.method())),
        (template, endpoint.route()),
        ("plimsoll_upstream", endpoint.upstream()),
        ("http_response_status_code", status.as_deref()),
        ("server_address", endpoint.address()),
        ("server_port", port.as_deref()),
        ("url_scheme", scheme.map(plimsoll::UrlScheme::as_str)),
        ("network_protocol_version", version.as_deref()),
        ("error_type", error.as_deref()),
        ("otel_metric_overflow", endpoint.is_overflow().then_some("true")),
        ("plimsoll_content_encoding", (!endpoint.is_overflow()).then_some(coding.as_str())),
        ("plimsoll_body_view", (!endpoint.is_overflow()).then_some(view.as_str())),
        // In the standard names, these two are part of the name.
        ("plimsoll_role", own.then_some(endpoint.role().as_str())),
        ("plimsoll_direction", own.then_some(direction.as_str())),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))).collect()
}

fn with(mut labels: Labels, name: &str, value: &str) -> Labels {
    labels.insert(name.into(), value.into());
    labels
}

fn histogram(name: &str, labels: &Labels, sizes: &SizeDistribution, exemplars: &[plimsoll::Exemplar]) -> Vec<Sample> {
    if sizes.count() == 0 {
        return Vec::new();
    }
    let bucket = format!("{name}_bucket");
    let mut samples = Vec::new();
    let mut above = None;
    for bound in (8..=24).map(|exponent| 1u64 << exponent) {
        let within = sizes.buckets().iter().filter(|bucket| bucket.upper() <= bound as f64);
        let count = within.map(plimsoll::Bucket::count).sum();
        let latest = latest(exemplars, |value| above.is_none_or(|above| value > above) && value <= bound);
        samples.push(sample(&bucket, with(labels.clone(), "le", &format!("{bound}.0")), count, latest));
        above = Some(bound);
    }
    let latest = latest(exemplars, |value| value > 16 << 20);
    samples.push(sample(&bucket, with(labels.clone(), "le", "+Inf"), sizes.count(), latest));
    samples.push(sample(&format!("{name}_count"), labels.clone(), sizes.count(), None));
    samples.push(sample(&format!("{name}_sum"), labels.clone(), sizes.sum(), None));
    samples
}

fn latest(exemplars: &[plimsoll::Exemplar], within: impl Fn(u64) -> bool) -> Option<&plimsoll::Exemplar> {
    exemplars.iter().filter(|exemplar| within(exemplar.value())).max_by_key(|exemplar| exemplar.time())
}

fn sample(name: &str, labels: Labels, value: u64, exemplar: Option<&plimsoll::Exemplar>) -> Sample {
    Sample { name: name.into(), labels, value, exemplar: exemplar.map(written) }
}

fn written(exemplar: &plimsoll::Exemplar) -> Exemplar {
    let ids =
        [("trace_id", format!("{:032x}", exemplar.trace_id())), ("span_id", format!("{:016x}", exemplar.span_id()))];
    let nanos = exemplar.unix_nanos();
    Exemplar {
        labels: ids.map(|(name, id)| (name.to_owned(), id)).into(),
        value: exemplar.value(),
        time: (nanos / 1_000_000_000, nanos % 1_000_000_000),
    }
}
