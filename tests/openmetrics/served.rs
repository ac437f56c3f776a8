//! The page where it is asked for: on a real connection, alone or with the text of another registry.

use axum::Router;
use axum::routing::get;
use http::{Method, header};
use plimsoll::{ClientLayer, Ledger, Limit, OpenMetrics, ServerLayer};

use crate::calls::Call;
use crate::expected::{comparable, families};
use crate::support::protocol::Protocol;
use crate::support::python::parse;
use crate::support::wire::serve;

async fn filled() -> Ledger {
    let ledger = Ledger::new();
    let call = Call { trace: 9, ..Call::of("/checkout", 100, 5000) };
    call.clone().through_server(&ServerLayer::new(&ledger)).await;
    call.through_client(&ClientLayer::new(&ledger).response_limit(Limit::reject_over(10))).await;
    ledger
}

#[tokio::test]
async fn a_scrape_gets_the_page_with_its_content_type() {
    let ledger = filled().await;
    let app =
        Router::new().route("/", get(async || "not this one")).route_service("/metrics", OpenMetrics::new(&ledger));
    let url = format!("{}/metrics", serve(app).await);
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(response.headers()[header::CONTENT_TYPE], kind, "{protocol:?}");
        let length = response.content_length().unwrap();
        let page = response.text().await.unwrap();
        assert_eq!(page.len() as u64, length);
        assert_eq!(page, OpenMetrics::new(&ledger).to_string());
        if let Some(found) = parse(&page) {
            assert_eq!(comparable(found.unwrap()), families(&ledger.snapshot()));
        }

        let head = client.head(&url).send().await.unwrap();
        assert_eq!((head.status().as_u16(), &head.headers()[header::CONTENT_TYPE]), (200, &kind.parse().unwrap()));
        assert_eq!(head.headers()[header::CONTENT_LENGTH], length.to_string(), "that of the page");
        assert_eq!(head.bytes().await.unwrap(), "");
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let url = serve(Router::new().route_service("/metrics", OpenMetrics::new(&filled().await))).await + "/metrics";
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            let response = client.request(method.clone(), &url).body("what?").send().await.unwrap();
            assert_eq!(response.status(), 405, "{protocol:?} {method}");
            assert_eq!(response.headers()[header::ALLOW], "GET, HEAD");
            assert_eq!(response.bytes().await.unwrap(), "");
        }
    }
}

#[tokio::test]
async fn a_scrape_sees_what_ended_since_the_last() {
    let ledger = filled().await;
    let url = serve(Router::new().route_service("/metrics", OpenMetrics::new(&ledger))).await + "/metrics";
    let client = Protocol::Http1.reqwest();
    let page = async || client.get(&url).send().await.unwrap().text().await.unwrap();
    let before = page().await;
    assert_eq!(before, page().await);
    Call::of("/checkout", 100, 5000).through_server(&ServerLayer::new(&ledger)).await;
    let after = page().await;
    assert!(
        before.contains("\nhttp_server_request_body_size_bytes_count{http_request_method=\"POST\",") && after != before
    );
    assert_eq!(after, OpenMetrics::new(&ledger).to_string());
}

#[tokio::test]
async fn it_stands_before_and_behind_the_text_of_another_registry() {
    let ledger = filled().await;
    let theirs = "# HELP jobs Jobs done.\n# TYPE jobs counter\njobs_total{kind=\"nightly\"} 3\n";
    let mut ours = String::new();
    OpenMetrics::new(&ledger).encode(&mut ours).unwrap();
    assert!(!ours.contains("EOF") && ours.ends_with('\n'));
    for page in [format!("{theirs}{ours}# EOF\n"), format!("{ours}{theirs}# EOF\n")] {
        let Some(found) = parse(&page) else { return };
        let (jobs, found): (Vec<_>, Vec<_>) = found.unwrap().into_iter().partition(|family| family.name == "jobs");
        assert_eq!((jobs.len(), jobs[0].samples[0].value), (1, 3));
        assert_eq!(comparable(found), families(&ledger.snapshot()));
    }
}

#[test]
fn the_text_of_an_empty_ledger_adds_nothing_to_another_registry_s() {
    let mut page = String::new();
    OpenMetrics::new(&Ledger::new()).encode(&mut page).unwrap();
    assert_eq!(page, "");
}
