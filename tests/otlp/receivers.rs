//! Programs that are not ours: a collector (rotel) takes our exports, and an SDK (OpenTelemetry's for Python) makes one
//! of the same measurements to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use http::{Request, Response};
use http_body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value::{AsDouble, AsInt};
use opentelemetry_proto::tonic::metrics::v1::{Exemplar as Sent, Metric, metric::Data};
#[cfg(feature = "reqwest")]
use plimsoll::OtlpReqwest;
use plimsoll::{Compression, Histograms, Ledger, OtlpExporter, OtlpSettings, ServerLayer, ShortBody};
use prost::Message;
use tower::{BoxError, Service};

use crate::calls::Call;
use crate::collector::{Collector, Metrics, http, map_of};
use crate::content::filled;
use crate::support::readings::eventually;
use crate::support::real::{Directory, Running, free_port, missed, run_python};

/// A collector that prints what it decodes.
struct Rotel {
    http: u16,
    grpc: u16,
    log: PathBuf,
    _running: Running,
    _directory: Directory,
}

impl Rotel {
    async fn start() -> Option<Self> {
        let found = run_python("import os, rotel; print(os.path.dirname(rotel.__file__), end='')")?;
        let agent = PathBuf::from(String::from_utf8(found.stdout).unwrap()).join("rotel-agent");
        let version = Command::new(&agent).arg("--version").output();
        if !version.is_ok_and(|output| output.status.success()) {
            return missed(&format!("{} does not run on this machine", agent.display()));
        }
        let directory = Directory::new("rotel");
        let (http, grpc, log) = (free_port(), free_port(), directory.path().join("log"));
        let file = std::fs::File::create(&log).unwrap();
        let running = Running::start(
            Command::new(agent)
                .args(["start", "--exporter", "blackhole", "--debug-log", "metrics"])
                .args(["--debug-log-verbosity", "detailed"])
                .arg(format!("--otlp-grpc-endpoint=127.0.0.1:{grpc}"))
                .arg(format!("--otlp-http-endpoint=127.0.0.1:{http}"))
                .arg(format!("--pid-file={}", directory.path().join("pid").display()))
                .stdout(file.try_clone().unwrap())
                .stderr(Stdio::from(file)),
        )?;
        for port in [http, grpc] {
            eventually(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok()).await;
        }
        Some(Self { http, grpc, log, _running: running, _directory: directory })
    }

    /// The lines of what it printed, down to this one at least: it prints a message from its beginning to its end.
    async fn printed(&self, last: &str) -> Vec<String> {
        let read = || {
            let text = std::fs::read_to_string(&self.log).unwrap();
            let lines = text.lines().map(|line| line.trim_start_matches([' ', '-', '>']).to_owned());
            Some(lines.collect::<Vec<_>>()).filter(|lines| lines.iter().any(|line| line.ends_with(last)))
        };
        eventually(read).await
    }
}

/// Everything of one kind in a print, as often as it stands there.
fn all<'a>(lines: &'a [String], head: &str) -> Vec<&'a str> {
    let mut all: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(head)).collect();
    all.sort_unstable();
    all
}

async fn a_real_collector_gets_all_of_it<C, B>(client: C, settings: impl Fn(&Rotel) -> OtlpSettings)
where
    C: Service<Request<ShortBody>, Response = Response<B>>,
    C::Error: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
{
    let Some(rotel) = Rotel::start().await else { return };
    let (_, ledger) = filled().await;
    OtlpExporter::new(&ledger, client, settings(&rotel)).export_once().await.unwrap();
    let lines = rotel.printed("Name: plimsoll.body.limit").await;

    let snapshot = ledger.snapshot();
    let mut traces = Vec::new();
    let (mut spans, mut times, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = Vec::new();
    for series in snapshot.series() {
        let offered = series.completed_exemplars.iter().chain(&series.refused_exemplars);
        let over = series.over_limit_exemplar.as_ref();
        for exemplar in series.completed_exemplars.iter().chain(offered).chain(over) {
            traces.push(format!("{:032x}", exemplar.trace_id()));
            spans.push(format!("{:016x}", exemplar.span_id()));
            times.push(exemplar.unix_nanos().to_string());
            values.push(exemplar.value().to_string());
        }
        for sizes in [&series.completed, &series.offered] {
            counts.extend(sizes.buckets().iter().map(|bucket| bucket.count().to_string()));
        }
    }
    for expected in [&mut traces, &mut spans, &mut times, &mut values, &mut counts] {
        expected.sort_unstable();
    }
    assert_eq!(all(&lines, "Trace ID: "), traces, "trace ids");
    assert_eq!(all(&lines, "Span ID: "), spans, "span ids");
    // Points have a time of their own; a printed exemplar's follows its span.
    let after_span = lines.windows(3).filter(|three| three[0].starts_with("Span ID: "));
    let mut printed: Vec<_> = after_span.map(|three| (three[1].clone(), three[2].clone())).collect();
    printed.sort();
    let mut printed_times: Vec<_> =
        printed.iter().map(|(time, _)| time.trim_start_matches("Timestamp: ").to_owned()).collect();
    printed_times.sort_unstable();
    let mut printed_values: Vec<_> =
        printed.iter().map(|(_, value)| value.trim_start_matches("Value: ").to_owned()).collect();
    printed_values.sort_unstable();
    assert_eq!((printed_times, printed_values), (times, values), "times and values");
    let buckets = lines.iter().filter(|line| line.starts_with("Bucket "));
    let bucket_count = |line: &String| line.rsplit_once("Count: ").unwrap().1.to_owned();
    let mut printed_counts: Vec<_> = buckets.map(bucket_count).filter(|count| count != "0").collect();
    printed_counts.sort_unstable();
    assert_eq!(printed_counts, counts, "buckets");
}

fn over_http(rotel: &Rotel) -> OtlpSettings {
    OtlpSettings::http(format!("http://127.0.0.1:{}/v1/metrics", rotel.http).parse().unwrap())
}

fn over_grpc(rotel: &Rotel) -> OtlpSettings {
    OtlpSettings::grpc(format!("http://127.0.0.1:{}", rotel.grpc).parse().unwrap()).compression(Compression::Gzip)
}

#[tokio::test]
async fn a_real_collector_gets_all_of_it_over_http() {
    let client = Client::builder(TokioExecutor::new()).build_http::<ShortBody>();
    a_real_collector_gets_all_of_it(client, over_http).await;
}

#[tokio::test]
async fn a_real_collector_gets_all_of_it_over_grpc_compressed() {
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<ShortBody>();
    a_real_collector_gets_all_of_it(client, over_grpc).await;
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn a_real_collector_gets_all_of_it_through_reqwest() {
    let client = reqwest::Client::builder();
    a_real_collector_gets_all_of_it(OtlpReqwest::new(client.build().unwrap()), over_http).await;
    let client = reqwest::Client::builder().http2_prior_knowledge();
    a_real_collector_gets_all_of_it(OtlpReqwest::new(client.build().unwrap()), over_grpc).await;
}

const SIZES: [usize; 9] = [1, 200, 256, 257, 8_000, 8_100, 84_899, 1 << 20, 5_000_000];

/// The one metric of a request that both make.
fn metric(request: &ExportMetricsServiceRequest) -> &Metric {
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    metrics.iter().find(|metric| metric.name == "http.server.response.body.size").unwrap()
}

/// Ids and values of exemplars. A value may be a whole number or not: it is a size in either case.
fn exemplars(exemplars: &[Sent]) -> BTreeSet<(Vec<u8>, Vec<u8>, u64)> {
    let value = |exemplar: &Sent| match exemplar.value {
        Some(AsInt(value)) => value as u64,
        Some(AsDouble(value)) => value as u64,
        None => panic!("an exemplar without a value"),
    };
    assert!(exemplars.iter().all(|exemplar| exemplar.time_unix_nano > 0 && exemplar.filtered_attributes.is_empty()));
    exemplars.iter().map(|sent| (sent.trace_id.clone(), sent.span_id.clone(), value(sent))).collect()
}

#[tokio::test]
async fn the_sdk_of_another_language_makes_the_same_of_the_same_sizes() {
    let ledger = Ledger::new();
    for (nth, size) in (1..).zip(SIZES) {
        Call { trace: nth, ..Call::of("/checkout", 0, size) }.through_server(&ServerLayer::new(&ledger)).await;
    }
    for (mode, histograms) in [("exponential", Histograms::Exponential), ("explicit", Histograms::Explicit)] {
        let script = format!("MODE = {mode:?}\nSIZES = {SIZES:?}\n{}", include_str!("reference.py"));
        let Some(output) = run_python(&script) else { return };
        let theirs = ExportMetricsServiceRequest::decode(&*output.stdout).unwrap();
        let collector = Collector::default();
        let settings = http().histograms(histograms).attribute("service.name", "checkout");
        collector.exporter(&ledger, settings).export_once().await.unwrap();
        let Metrics { request: ours } = collector.last();

        let names = |request: &ExportMetricsServiceRequest| {
            let resource = request.resource_metrics[0].resource.as_ref().unwrap();
            map_of(&resource.attributes).into_keys().collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&ours), names(&theirs), "the resource says the same things");
        let (ours, theirs) = (metric(&ours), metric(&theirs));
        assert_eq!((&ours.name, &ours.unit, &ours.description), (&theirs.name, &theirs.unit, &theirs.description));
        let shared = |mut attributes: BTreeMap<String, _>| {
            attributes.retain(|name, _| !name.starts_with("plimsoll."));
            attributes
        };
        match (ours.data.as_ref().unwrap(), theirs.data.as_ref().unwrap()) {
            (Data::ExponentialHistogram(ours), Data::ExponentialHistogram(theirs)) => {
                assert_eq!(ours.aggregation_temporality, theirs.aggregation_temporality);
                let (ours, theirs) = (&ours.data_points[0], &theirs.data_points[0]);
                assert_eq!(shared(map_of(&ours.attributes)), map_of(&theirs.attributes));
                assert_eq!((ours.scale, ours.count, ours.sum), (theirs.scale, theirs.count, theirs.sum));
                assert_eq!((ours.zero_count, ours.max, ours.flags), (theirs.zero_count, theirs.max, theirs.flags));
                // It ends in empty buckets, to have room.
                let mut positive = theirs.positive.clone().unwrap();
                let length = positive.bucket_counts.iter().rposition(|count| *count > 0).unwrap() + 1;
                positive.bucket_counts.truncate(length);
                assert_eq!(ours.positive, Some(positive), "offset and every bucket");
                assert!(exemplars(&ours.exemplars).is_subset(&exemplars(&theirs.exemplars)));
                assert!(ours.start_time_unix_nano > 0 && ours.time_unix_nano >= ours.start_time_unix_nano);
            }
            (Data::Histogram(ours), Data::Histogram(theirs)) => {
                assert_eq!(ours.aggregation_temporality, theirs.aggregation_temporality);
                let (ours, theirs) = (&ours.data_points[0], &theirs.data_points[0]);
                assert_eq!(shared(map_of(&ours.attributes)), map_of(&theirs.attributes));
                assert_eq!((ours.count, ours.sum, ours.max), (theirs.count, theirs.sum, theirs.max));
                assert_eq!(ours.explicit_bounds, theirs.explicit_bounds);
                assert_eq!(ours.bucket_counts, theirs.bucket_counts);
                assert_eq!(exemplars(&ours.exemplars), exemplars(&theirs.exemplars), "the last of each bucket");
            }
            (ours, theirs) => panic!("{ours:?} and {theirs:?} are not of a kind"),
        }
    }
}
