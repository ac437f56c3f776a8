//! Sizes that came through the layers: endpoint by endpoint, status by status.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll::policy::Policy;
use plimsoll::{ClientLayer, Ledger, Limit, Snapshot, UrlTemplate};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Desk, kinds, told};
use plimsoll::contract::ChangeKind::Grown;

/// What a ledger says after calls that were answered with these statuses and sizes.
async fn after(limit: Limit, answers: &[(u16, usize)]) -> Snapshot {
    let ledger = Ledger::new();
    let layer = ClientLayer::new(&ledger).upstream("inventory").response_limit(limit);
    for (status, size) in answers {
        let service = layer.clone().layer(service_fn(async move |_| {
            let body = Full::new(Bytes::from(vec![b'x'; *size]));
            Ok::<_, Infallible>(Response::builder().status(*status).body(body).unwrap())
        }));
        let mut request = Request::get("http://inventory/inventory/4711").body(Full::<Bytes>::default()).unwrap();
        request.extensions_mut().insert(UrlTemplate("/inventory/{sku}"));
        if let Ok(response) = service.oneshot(request).await {
            response.into_body().collect().await.unwrap();
        }
    }
    ledger.snapshot()
}

#[tokio::test]
async fn medians_are_compared_by_endpoint_direction_and_class_of_status() {
    let desk = Desk::new("layers");
    let before = after(Limit::unlimited(), &[(200, 8_000), (201, 8_421), (200, 90_000), (404, 1_500)]).await;
    desk.accepting("first sizes").check(&before).unwrap().assert();
    assert!(desk.text().contains("endpoint = \"client GET /inventory/{sku} of inventory\"\ndirection = \"request\""));
    assert!(desk.text().contains("status = \"2xx\"\nview = \"wire\"\nbodies = 3\nmedian = { at_least = 8193, at_most"));

    let same = after(Limit::unlimited(), &[(200, 16_842), (404, 3_000)]).await;
    assert!(desk.gate().check(&same).unwrap().changes().is_empty(), "{:?}", desk.gate().check(&same));
    let grown = after(Limit::unlimited(), &[(200, 8_421), (404, 3_001), (404, 3_001), (500, 1)]).await;
    let verdict = desk.gate().check(&grown).unwrap();
    let named = |what| format!("{what} client GET /inventory/{{sku}} of inventory, response");
    assert_eq!(told(&verdict), [format!("{} 4xx", named("grown")), format!("{} 5xx", named("new"))]);
}

#[tokio::test]
async fn what_a_limit_refuses_is_not_hidden_from_the_gate() {
    let desk = Desk::new("refused");
    desk.accepting("first sizes").check(&after(Limit::unlimited(), &[(200, 8_421)]).await).unwrap().assert();
    let refused = after(Limit::reject_over(65_536), &[(200, 84_899)]).await;
    assert_eq!(kinds(&desk.gate().check(&refused).unwrap()), [Grown]);
}

#[tokio::test]
async fn a_doubling_in_the_ledger_s_buckets_passes_and_2_09_fails() {
    let desk = Desk::new("buckets");
    // Three sizes, so that the median is known by its bucket only.
    let sizes = |hundredths| [7_000, 8_400, 9_900].map(|size: usize| (200, size * hundredths / 100));
    desk.accepting("first sizes").check(&after(Limit::unlimited(), &sizes(100)).await).unwrap().assert();
    assert!(desk.gate().check(&after(Limit::unlimited(), &sizes(200)).await).unwrap().passed());
    assert!(!desk.gate().check(&after(Limit::unlimited(), &sizes(209)).await).unwrap().passed());
}

#[tokio::test]
async fn a_policy_says_by_how_much_an_endpoint_may_grow() {
    let desk = Desk::new("policy");
    desk.accepting("first sizes").check(&after(Limit::unlimited(), &[(200, 8_000)]).await).unwrap().assert();
    let policy = Policy::from_toml(
        r#"
            service = "checkout"
            owner = "team-checkout"
            [endpoints."client GET /inventory/{sku} of inventory"]
            gate = 1.5
        "#,
    );
    let tighter = desk.gate().policy(&policy.unwrap());
    let grown = after(Limit::unlimited(), &[(200, 12_001)]).await;
    assert!(tighter.check(&after(Limit::unlimited(), &[(200, 12_000)]).await).unwrap().passed());
    assert_eq!(kinds(&tighter.check(&grown).unwrap()), [Grown]);
    assert!(desk.gate().check(&grown).unwrap().passed());
}
