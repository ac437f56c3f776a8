//! Limits from measurement: what a load test leaves in the ledger, saved, read again, and printed as a policy.
#![cfg(test)]
#![cfg(feature = "serde")]

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll::policy::Policy;
use plimsoll::{ClientLayer, KIB, Ledger, Limit, Snapshot, Suggestion, UrlTemplate};
use tower::{Layer, ServiceExt, service_fn};

/// A ledger after answers of these sizes to calls of `/inventory/{sku}`, and one odd call of `/prices/{sku}`.
async fn load_test(sizes: impl IntoIterator<Item = usize>, limit: Limit) -> Ledger {
    let ledger = Ledger::new();
    let layer = ClientLayer::new(&ledger).upstream("inventory").response_limit(limit);
    let calls = sizes.into_iter().map(|size| (size, "/inventory/{sku}"));
    for (size, template) in calls.chain([(90, "/prices/{sku}")]) {
        let service = layer.layer(service_fn(move |_| async move {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(vec![b'x'; size])))
        }));
        let mut request = Request::get("http://inventory/4711").body(Full::<Bytes>::default()).unwrap();
        request.extensions_mut().insert(UrlTemplate(template));
        if let Ok(response) = service.oneshot(request).await {
            response.into_body().collect().await.unwrap();
        }
    }
    ledger
}

#[tokio::test]
async fn a_load_test_becomes_a_policy_with_the_figures_it_rests_on() {
    let sizes = (0..500).map(|call| 8_000 + call % 10 * 100).chain([84_899, 84_899]);
    let ledger = load_test(sizes, Limit::reject_over(64 * KIB)).await;
    let path = std::env::temp_dir().join(format!("plimsoll-suggest-{}.toml", std::process::id()));
    ledger.snapshot().save(&path).unwrap();
    let saved = Snapshot::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let suggestion = Suggestion::of(&saved).service("checkout").owner("team-checkout");
    assert_eq!(Policy::from_toml(&suggestion.to_string()).unwrap(), suggestion.policy());
    assert_eq!(
        suggestion.to_string(),
        r#"# Limits suggested by what was measured: read the figures, correct what you know better, and keep it.
service = "checkout"
owner = "team-checkout"

# request: 502 bodies, none with a byte in it: no limit is suggested.
# response: 500 bodies, median ~8,371, p99 ~8,742, max 8,900 bytes; 2 more were refused by a limit, and are not counted here.
#   Warn over max, reject over 2 x max, rounded up.
[endpoints."client GET /inventory/{sku} of inventory"]
response = { reject = "24 KiB", warn = "12 KiB" }

# request: 1 body, none with a byte in it: no limit is suggested.
# response: 1 body, median ~90, p99 ~90, max 90 bytes.
#   Fewer than 100 bodies: warn over 2 x max, reject over 4 x max, rounded up.
[endpoints."client GET /prices/{sku} of inventory"]
response = { reject = "2 KiB", warn = "1 KiB" }
"#
    );
}

#[tokio::test]
async fn one_odd_body_is_told_and_not_built_on() {
    let ledger = load_test(std::iter::repeat_n(8_421, 300).chain([5_000_000]), Limit::unlimited()).await;
    let text = Suggestion::of(&ledger.snapshot()).to_string();
    assert!(text.contains("#   The largest is 597 times p99, too odd to rest on: warn over 4 x p99"), "{text}");
    assert!(text.contains("#   1 of these would have been refused: look at them first."), "{text}");
    assert!(text.contains("response = { reject = \"96 KiB\", warn = \"48 KiB\" }"), "{text}");
}
