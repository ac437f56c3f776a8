//! The file of a snapshot, read: every value checked, every fault with its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::attributes::{ContentCoding, UrlScheme, View};
use super::exemplar::Exemplar;
use super::saved::{FORMAT, VERSIONS, outcome};
use super::size_distribution::SizeDistribution;
use super::snapshot::{Outcomes, SeriesSnapshot, Snapshot};
use crate::endpoint::{Direction, Endpoint, EndpointName, Role};
use crate::files::{Fault, wrong_at, wrong_toml};
use crate::limit::Limit;

pub(super) fn parse(path: &Path, text: &str) -> Result<Snapshot, Fault> {
    let toml = |error| wrong_toml(path, text, &error);
    let Head { plimsoll_snapshot: format } = toml::from_str(text).map_err(toml)?;
    let Some(format) = format else {
        return Err(Fault::whole(path, "no saved ledger: one says `plimsoll_snapshot = 1`"));
    };
    if *format.as_ref() != FORMAT {
        let wrong = format!("format {} is not known here, only {FORMAT}: update plimsoll", format.as_ref());
        return Err(wrong_at(path, text, format.span(), wrong));
    }
    let File { _format, series } = toml::from_str(text).map_err(toml)?;
    let read = |raw: Spanned<Raw>| {
        let whole = raw.span();
        raw.into_inner().read(&whole).map_err(|(at, wrong)| wrong_at(path, text, at, wrong))
    };
    Ok(Snapshot::sorted(series.into_iter().map(read).collect::<Result<_, _>>()?))
}

/// Read first, and leniently: what a newer format may hold is not known.
#[derive(Deserialize)]
struct Head {
    plimsoll_snapshot: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "plimsoll_snapshot")]
    _format: IgnoredAny,
    #[serde(default)]
    series: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    endpoint: Option<EndpointName>,
    overflow: Option<Spanned<String>>,
    upstream_port: Option<u16>,
    direction: Spanned<String>,
    status: Option<u16>,
    coding: Spanned<String>,
    view: Spanned<String>,
    scheme: Option<Spanned<String>>,
    version: Option<Spanned<String>>,
    port: Option<u16>,
    reject_over: Option<u64>,
    warn_over: Option<u64>,
    outcomes: BTreeMap<Spanned<String>, u64>,
    over_limit: u64,
    completed: Spanned<Sizes>,
    offered: Spanned<Sizes>,
    over_limit_exemplar: Option<Spanned<Example>>,
    #[serde(default)]
    completed_exemplars: Vec<Spanned<Example>>,
    #[serde(default)]
    refused_exemplars: Vec<Spanned<Example>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    sum: u64,
    max: u64,
    #[serde(default)]
    empty: u64,
    buckets: Vec<(u16, u64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    bytes: u64,
    unix_nanos: u64,
    trace: String,
    span: String,
}

type Wrong = (Range<usize>, String);

impl Raw {
    fn read(self, whole: &Range<usize>) -> Result<SeriesSnapshot, Wrong> {
        let Self {
            endpoint,
            overflow,
            upstream_port,
            direction,
            status,
            coding,
            view,
            scheme,
            version,
            port,
            reject_over,
            warn_over,
            outcomes,
            over_limit,
            completed,
            offered,
            over_limit_exemplar,
            completed_exemplars,
            refused_exemplars,
        } = self;
        let wrong = |text: &str| (whole.clone(), text.to_owned());
        let endpoint = match (endpoint, overflow) {
            (Some(name), None) => {
                name.endpoint(upstream_port).ok_or_else(|| wrong("its upstream does not end with its upstream_port"))?
            }
            (None, Some(role)) => Endpoint::overflow(one_of(&role, &[Role::Server, Role::Client], Role::as_str)?),
            _ => return Err(wrong("a series needs either `endpoint` or `overflow`")),
        };
        let mut counts = Outcomes::default();
        for (name, count) in outcomes {
            let unknown = || (name.span(), format!("{:?} is no outcome", name.as_ref()));
            let place = outcome(name.as_ref()).ok_or_else(unknown)? as usize;
            counts.0.get_mut(place).into_iter().for_each(|slot| *slot = count);
        }
        let all = |exemplars: Vec<_>| exemplars.into_iter().map(exemplar).collect::<Result<Vec<_>, _>>();
        Ok(SeriesSnapshot {
            endpoint,
            direction: one_of(&direction, &[Direction::Request, Direction::Response], Direction::as_str)?,
            status,
            coding: one_of(&coding, &ContentCoding::ALL, ContentCoding::as_str)?,
            view: one_of(&view, &[View::Wire, View::Decoded], View::as_str)?,
            scheme: scheme
                .map(|text| one_of(&text, &[UrlScheme::Http, UrlScheme::Https], UrlScheme::as_str))
                .transpose()?,
            version: version
                .map(|text| one_of(&text, &VERSIONS, |(_, name)| name))
                .transpose()?
                .map(|(version, _)| version),
            port,
            limit: Limit::reject_over(reject_over.unwrap_or(u64::MAX)).and_warn_over(warn_over.unwrap_or(u64::MAX)),
            outcomes: counts,
            over_limit,
            over_limit_exemplar: over_limit_exemplar.map(exemplar).transpose()?,
            completed: sizes(completed)?,
            offered: sizes(offered)?,
            completed_exemplars: all(completed_exemplars)?,
            refused_exemplars: all(refused_exemplars)?,
        })
    }
}

/// The value that is written like this.
fn one_of<T: Copy>(text: &Spanned<String>, values: &[T], as_str: fn(T) -> &'static str) -> Result<T, Wrong> {
    let found = values.iter().copied().find(|value| as_str(*value) == text.as_ref());
    found.ok_or_else(|| {
        let valid: Vec<_> = values.iter().map(|value| as_str(*value)).collect();
        (text.span(), format!("{:?} is not one of {valid:?}", text.as_ref()))
    })
}

fn sizes(sizes: Spanned<Sizes>) -> Result<SizeDistribution, Wrong> {
    let span = sizes.span();
    let Sizes { sum, max, empty, buckets } = sizes.into_inner();
    let none = (empty > 0).then_some((None, empty));
    let buckets = none.into_iter().chain(buckets.into_iter().map(|(index, count)| (Some(index), count)));
    SizeDistribution::of_parts(sum, max, buckets.collect())
        .ok_or_else(|| (span, "buckets are pairs of a number, 0 to 640 and rising, and a count above 0".into()))
}

fn exemplar(example: Spanned<Example>) -> Result<Exemplar, Wrong> {
    let span = example.span();
    let Example { bytes, unix_nanos, trace, span: span_id } = example.into_inner();
    let wrong = || (span.clone(), "a trace has 32 hexadecimal digits, a span 16".to_owned());
    let (high, low) = trace.split_at_checked(16).ok_or_else(wrong)?;
    let word = |digits: &str| match digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        true => u64::from_str_radix(digits, 16).map_err(|_| wrong()),
        false => Err(wrong()),
    };
    Ok(Exemplar { value: bytes, unix_nanos, ids: [word(high)?, word(low)?, word(&span_id)?] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientLayer, KIB, Ledger, UrlTemplate};
    use http::{Request, Response, header};
    use http_body_util::{BodyExt, Full};
    use proptest::prelude::*;
    use tower::{Layer, ServiceExt, service_fn};

    /// A ledger after calls of these sizes, statuses and codings, some of them refused, some traced.
    fn ledger(calls: &[(usize, u16, bool, bool)], max_series: usize) -> Ledger {
        let ledger = Ledger::builder().max_series(max_series).build();
        let layers = [ClientLayer::new(&ledger).upstream("stock"), ClientLayer::new(&ledger)];
        let layers = layers.map(|layer| layer.response_limit(Limit::reject_over(64 * KIB).and_warn_over(KIB)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (at, (size, status, gzip, traced)) in calls.iter().copied().enumerate() {
            let coding = if gzip { "gzip" } else { "identity" };
            let service = layers[at % 2].layer(service_fn(move |_| async move {
                let response = Response::builder().status(status).header(header::CONTENT_ENCODING, coding);
                Ok::<_, std::convert::Infallible>(response.body(Full::<bytes::Bytes>::from(vec![0; size])).unwrap())
            }));
            if gzip {
                let answering = crate::ServerLayer::new(&ledger).layer(service_fn(|_| async {
                    Ok::<_, std::convert::Infallible>(Response::new(Full::<bytes::Bytes>::from("whole")))
                }));
                let request = Request::post("https://shop.example/").version(http::Version::HTTP_2);
                let request = request.body(Full::<bytes::Bytes>::from(vec![0; size])).unwrap();
                let _ =
                    runtime.block_on(async { answering.oneshot(request).await.unwrap().into_body().collect().await });
            }
            let request = Request::get("http://stock.example:81/sku/1");
            let parent = format!("00-{:032x}-{:016x}-01", at + 1, at + 7);
            let request = if traced { request.header("traceparent", parent) } else { request };
            let mut request = request.body(Full::<bytes::Bytes>::default()).unwrap();
            request.extensions_mut().insert(UrlTemplate("/sku/{id}"));
            let _ = runtime.block_on(async { service.oneshot(request).await.unwrap().into_body().collect().await });
        }
        ledger
    }

    fn read(text: &str) -> Result<Snapshot, String> {
        parse(Path::new("the.toml"), text).map_err(|fault| fault.to_string())
    }

    fn calls() -> impl Strategy<Value = Vec<(usize, u16, bool, bool)>> {
        let status = prop_oneof![Just(200), Just(404), Just(503)];
        // Refusals end the call with an error, so these stay below the line; the example below has one above.
        proptest::collection::vec((0usize..60_000, status, any::<bool>(), any::<bool>()), 0..12)
    }

    proptest! {
        #[test]
        fn a_snapshot_to_a_file_and_back_is_the_same_snapshot(calls in calls(), max_series in prop_oneof![Just(0), Just(3), Just(99)]) {
            let snapshot = ledger(&calls, max_series).snapshot();
            let text = snapshot.to_toml();
            prop_assert_eq!(read(&text).unwrap(), snapshot);
            prop_assert_eq!(read(&text).unwrap().to_toml(), text);
        }

        #[test]
        fn no_change_of_a_file_makes_the_reader_panic(at in 0usize..900, until in 0usize..40, put in "[\\[\\]{}=\"a-z0-9_\n.# -]{0,6}") {
            let text = ledger(&[(5_000, 200, true, true), (9, 404, false, false)], 99).snapshot().to_toml();
            let (at, end) = (at.min(text.len()), (at + until).min(text.len()));
            if let Ok(snapshot) = read(&format!("{}{put}{}", &text[..at], &text[end..])) {
                prop_assert_eq!(read(&snapshot.to_toml()), Ok(snapshot));
            }
        }
    }

    #[test]
    fn a_fault_names_the_line_and_what_would_be_valid() {
        let text = ledger(&[(5_000, 200, false, true)], 99).snapshot().to_toml();
        for (from, to, said) in [
            ("plimsoll_snapshot", "policy", "the.toml: no saved ledger: one says `plimsoll_snapshot = 1`"),
            ("snapshot = 1", "snapshot = 2", ":2: format 2 is not known here, only 1"),
            ("\"response\"", "\"up\"", "\"up\" is not one of [\"request\", \"response\"]"),
            ("[197, 1]", "[197, 0]", "buckets are pairs"),
            ("[197, 1]", "[641, 1]", "buckets are pairs"),
            ("[197, 1]", "[197, 1], [197, 1]", "buckets are pairs"),
            ("complete = 1", "finished = 1", "\"finished\" is no outcome"),
            ("span = \"0", "span = \"x", "a trace has 32 hexadecimal digits"),
            ("span = \"0", "span = \"+", "a trace has 32 hexadecimal digits"),
            ("span = \"0", "span = \"", "a trace has 32 hexadecimal digits"),
            ("trace = \"0", "trace = \"", "a trace has 32 hexadecimal digits"),
            ("over_limit = 1", "over_limits = 1", "unknown field `over_limits`"),
            ("client GET", "server GET", "too many words"),
        ] {
            assert!(text.contains(from), "{from} in {text}");
            let wrong = read(&text.replace(from, to)).unwrap_err();
            assert!(wrong.contains(said), "{wrong}\nfor {from} -> {to}");
        }
        assert!(read("plimsoll_snapshot = 1\n").unwrap().series().is_empty());
    }
}
