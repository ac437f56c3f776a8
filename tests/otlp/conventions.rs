//! OpenTelemetry's HTTP conventions (v1.42), held against every exported series.

use std::collections::BTreeSet;

use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use plimsoll::{ClientLayer, Direction, Ledger, Limit, OpenMetrics, Route, ServerLayer, UrlScheme, UrlTemplate};
use tower::{Layer, ServiceExt};

use crate::calls::{Call, Read};
use crate::collector::{Collector, Metrics, http};
use crate::support::script::{Script, Step};

const METHODS: [&str; 11] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE", "_OTHER"];

/// A ledger with a body of every kind that there is.
async fn all_kinds() -> Ledger {
    let ledger = Ledger::new();
    let limit = Limit::reject_over(10_000).and_warn_over(1_000);
    let server = ServerLayer::new(&ledger).request_limit(limit).response_limit(limit);
    let client = ClientLayer::new(&ledger).request_limit(limit).response_limit(limit);
    let failing = Script::new([Step::Data(5), Step::Error]);
    let long = Script::new([Step::Data(20_000)]).declaring(20_000);
    let base = Call::of("/checkout", 10, 20);
    let calls = [
        base.clone(),
        Call { method: "BREW", ..base.clone() },
        Call { template: None, ..base.clone() },
        Call { status: 404, ..base.clone() },
        Call { status: 503, ..base.clone() },
        Call { coding: Some("gzip"), ..base.clone() },
        Call { read: Read::Nothing, ..base.clone() },
        Call { response: failing, ..base.clone() },
        Call { response: long, ..base.clone() },
        Call { read: Read::First, response: Script::new([Step::Data(5), Step::Data(5)]), ..base.clone() },
        Call::of("/large", 20_000, 5),
        Call::of("/large", 2_000, 20_000),
    ];
    for call in calls {
        call.clone().through_server(&server).await;
        call.clone().through_client(&client).await;
        call.through_client(&client.clone().upstream("inventory")).await;
    }
    ledger
}

/// The name, and whether its value has the right type and is one of those allowed.
fn is_valid(name: &str, value: &Value) -> bool {
    let text = |allowed: &[&str]| matches!(value, Value::StringValue(text) if allowed.contains(&&**text));
    let whole = |range: std::ops::RangeInclusive<i64>| matches!(value, Value::IntValue(int) if range.contains(int));
    let errors = ["plimsoll.limit_exceeded", "plimsoll.body_aborted", "plimsoll.body_failed"];
    match name {
        "http.request.method" => text(&METHODS),
        "http.response.status_code" => whole(100..=599),
        "http.route" | "url.template" => text(&["/checkout", "/large"]),
        "url.scheme" => text(&["http", "https"]),
        "server.address" => text(&["inventory"]),
        "server.port" => whole(1..=65_535),
        "network.protocol.version" => text(&["1.0", "1.1", "2", "3"]),
        "error.type" => text(&errors) || text(&["404", "500", "503"]),
        "plimsoll.upstream" => text(&["inventory", "inventory:8080"]),
        "plimsoll.role" => text(&["server", "client"]),
        "plimsoll.direction" => text(&["request", "response"]),
        "plimsoll.body.view" => text(&["wire", "decoded"]),
        "plimsoll.content_encoding" => text(&["identity", "gzip", "br", "zstd", "deflate", "_OTHER"]),
        "plimsoll.outcome" => {
            text(&["complete", "rejected_early", "rejected_streaming", "unread", "aborted", "failed"])
        }
        "plimsoll.limit.action" => text(&["reject", "warn"]),
        _ => false,
    }
}

#[tokio::test]
async fn every_series_has_what_the_conventions_require_and_nothing_they_do_not_know() {
    let ledger = all_kinds().await;
    let collector = Collector::default();
    collector.exporter(&ledger, http()).export_once().await.unwrap();
    let metrics = collector.last();
    let units: BTreeSet<_> = metrics.all().iter().map(|metric| (&*metric.name, &*metric.unit)).collect();
    let expected = [
        ("http.client.request.body.size", "By"),
        ("http.client.response.body.size", "By"),
        ("http.server.request.body.size", "By"),
        ("http.server.response.body.size", "By"),
        ("plimsoll.bodies", "{body}"),
        ("plimsoll.body.limit", "By"),
        ("plimsoll.body.offered.size", "By"),
        ("plimsoll.body.over_limit", "{body}"),
    ];
    assert_eq!(units, expected.into());
    let mut errors = BTreeSet::new();
    for metric in metrics.all() {
        assert!(!metric.description.is_empty());
        for attributes in Metrics::attributes(metric) {
            let whole = format!("{} {attributes:?}", metric.name);
            for (name, value) in &attributes {
                assert!(is_valid(name, value), "{name}: {whole}");
            }
            let has = |name: &str| attributes.contains_key(name);
            let is = |name: &str, value: &str| attributes.get(name) == Some(&Value::StringValue(value.into()));
            let client = metric.name.starts_with("http.client") || is("plimsoll.role", "client");
            let response = metric.name.contains("response") || is("plimsoll.direction", "response");
            assert!(has("http.request.method"), "{whole}");
            assert_eq!(has("url.scheme"), !client, "{whole}");
            assert_eq!((has("server.address"), has("server.port")), (client, client), "{whole}");
            assert!(if client { !has("http.route") } else { !has("url.template") }, "{whole}");
            assert_eq!(has("http.response.status_code"), response, "{whole}");
            assert_eq!(has("network.protocol.version"), response || !client, "{whole}");
            assert_eq!(metric.name.starts_with("http."), !has("plimsoll.role"), "{whole}");
            if let Some(Value::IntValue(status)) = attributes.get("http.response.status_code") {
                if *status >= if client { 400 } else { 500 } {
                    assert!(has("error.type"), "{whole}");
                }
            }
            errors.extend(attributes.get("error.type").map(|error| format!("{error:?}")));
        }
    }
    assert_eq!(errors.len(), 6, "{errors:?}");
}

/// What a server's series say of scheme and version.
async fn seen_by_server(layer: ServerLayer, ledger: &Ledger, uri: &str, version: Version) -> (UrlScheme, Version) {
    let body = Full::<bytes::Bytes>::from("hello");
    let mut request = Request::builder().uri(uri).version(version).body(body).unwrap();
    request.extensions_mut().insert(Route("/"));
    let service = layer.layer(tower::service_fn(async |request: Request<_>| {
        let _: Result<_, _> = BodyExt::collect(request.into_body()).await;
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<bytes::Bytes>::from("hello")))
    }));
    service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    let snapshot = ledger.snapshot();
    let seen: BTreeSet<_> =
        snapshot.series().iter().map(|series| (series.scheme.unwrap(), series.version.unwrap())).collect();
    assert_eq!((seen.len(), snapshot.series().len()), (1, 2), "both bodies have the same: {snapshot:#?}");
    seen.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_server_s_scheme_is_that_of_the_uri_unless_the_layer_knows_better() {
    use UrlScheme::{Http, Https};
    for (uri, told, expected) in [
        ("/", None, Http),
        ("http://shop/", None, Http),
        ("https://shop/", None, Https),
        ("gopher://shop/", None, Http),
        ("/", Some(Https), Https),
        ("http://shop/", Some(Https), Https),
        ("https://shop/", Some(Http), Http),
    ] {
        let ledger = Ledger::new();
        let layer = ServerLayer::new(&ledger);
        let layer = if let Some(scheme) = told { layer.url_scheme(scheme) } else { layer };
        let (scheme, version) = seen_by_server(layer, &ledger, uri, Version::HTTP_2).await;
        assert_eq!((scheme, version), (expected, Version::HTTP_2), "{uri} {told:?}");
    }
}

#[tokio::test]
async fn a_client_s_port_is_that_of_the_name_or_the_url_or_the_scheme() {
    for (name, uri, expected) in [
        (None, "http://inventory/", Some(80)),
        (None, "https://inventory/", Some(443)),
        (None, "https://inventory:8080/", Some(8080)),
        (Some("inventory"), "http://10.0.0.1:9/", Some(9)),
        (Some("inventory:50051"), "http://10.0.0.1:9/", Some(50051)),
        (Some("inventory"), "/stock.Stock/Get", None),
    ] {
        let ledger = Ledger::new();
        let layer = ClientLayer::new(&ledger);
        let layer = if let Some(name) = name { layer.upstream(name) } else { layer };
        let service = layer.layer(tower::service_fn(async |_: Request<_>| {
            let mut response = http::Response::new(Full::<bytes::Bytes>::from("hello"));
            *response.version_mut() = Version::HTTP_2;
            Ok::<_, std::convert::Infallible>(response)
        }));
        let mut request = Request::builder().uri(uri).body(Full::<bytes::Bytes>::default()).unwrap();
        request.extensions_mut().insert(UrlTemplate("/"));
        service.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        for series in ledger.snapshot().series() {
            assert_eq!((series.port, series.scheme), (expected, None), "{name:?} {uri}");
            assert_eq!(series.endpoint.address(), Some("inventory"), "{name:?} {uri}");
            let answered = (series.direction == Direction::Response).then_some(Version::HTTP_2);
            assert_eq!(series.version, answered, "what the request says is only a wish");
        }
    }
}

/// A label set of at most 128 characters is a rule of OpenMetrics 1.0: ours have 63, whatever the ids are.
#[tokio::test]
async fn an_exemplar_s_labels_are_never_too_long() {
    let ledger = Ledger::new();
    Call { trace: u64::MAX, ..Call::of("/checkout", 10, 20) }.through_server(&ServerLayer::new(&ledger)).await;
    let page = OpenMetrics::new(&ledger).to_string();
    let labels =
        page.lines().filter_map(|line| line.split_once(" # {")).map(|(_, rest)| rest.split_once('}').unwrap().0);
    let lengths: BTreeSet<_> =
        labels.map(|labels| labels.chars().filter(|c| !matches!(c, '"' | '=' | ',')).count()).collect();
    assert_eq!(lengths, [63].into());
}
