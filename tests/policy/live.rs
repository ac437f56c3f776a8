//! Layers take their limits from a policy, which is swapped under them.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use plimsoll::policy::{EndpointPolicy, Policy, PolicyHandle};
use plimsoll::{
    AcceptedChange, BodyLimits, ClientLayer, Direction, EndpointName, Ledger, Limit, LimitExceeded, Outcome, Role,
    Route, ServerLayer, UrlTemplate,
};
use tower::{Layer, ServiceExt, service_fn};

const SKU: &str = "client GET /inventory/{sku} of inventory";

/// A policy that says this of one endpoint.
fn saying(name: &str, endpoint: EndpointPolicy) -> Policy {
    Policy::new("checkout", "team-checkout").endpoint(name.parse().unwrap(), endpoint)
}

/// Asks `inventory` through this layer for an answer of ten bytes.
async fn call(layer: &ClientLayer, limits: Option<BodyLimits>) -> Result<usize, String> {
    let inventory = layer.layer(service_fn(async |_request| {
        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"0123456789"))))
    }));
    let mut request = Request::new(Full::<Bytes>::default());
    request.extensions_mut().insert(UrlTemplate("/inventory/{sku}"));
    limits.map(|limits| request.extensions_mut().insert(limits));
    let response = inventory
        .oneshot(request)
        .await
        .map_err(|error| LimitExceeded::find(&error).map_or_else(|| error.to_string(), ToString::to_string))?;
    Ok(response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes().len())
}

#[tokio::test]
async fn a_swapped_policy_holds_for_the_next_call_and_no_count_is_lost() {
    let ledger = Ledger::new();
    let handle = PolicyHandle::new(saying(SKU, EndpointPolicy::new().response(Limit::reject_over(10))));
    let layer = ClientLayer::new(&ledger).upstream("inventory").policy(&handle);
    assert_eq!(call(&layer, None).await, Ok(10));

    handle.swap(saying(SKU, EndpointPolicy::new().response(Limit::reject_over(9))));
    let refused = call(&layer, None).await.unwrap_err();
    assert!(refused.ends_with("to allow it, raise the endpoint's `response` limit in the policy"), "{refused}");

    handle.swap(Policy::new("checkout", "team-checkout"));
    assert_eq!(call(&layer, None).await, Ok(10));
    let snapshot = ledger.snapshot();
    let answers = snapshot.find(Role::Client, Direction::Response, "/inventory/{sku}").unwrap();
    assert_eq!((answers.bodies(Outcome::Complete), answers.bodies(Outcome::RejectedEarly)), (2, 1));
}

#[tokio::test]
async fn a_policy_wins_over_the_layer_and_a_request_over_the_policy() {
    let ledger = Ledger::new();
    let strict = BodyLimits::new().response(Limit::reject_over(1));
    let base = ClientLayer::new(&ledger)
        .upstream("inventory")
        .response_limit(Limit::reject_over(1))
        .limits_for("/inventory/{sku}", strict);
    assert!(call(&base, None).await.is_err());
    let handle = PolicyHandle::new(saying(SKU, EndpointPolicy::new().response(Limit::unlimited())));
    let layer = base.policy(&handle);
    assert_eq!(call(&layer, None).await, Ok(10));
    assert!(call(&layer, Some(strict)).await.is_err());
    // What is said of another upstream's endpoint is not said of this one.
    handle.swap(saying("client GET /inventory/{sku} of other", EndpointPolicy::new().response(Limit::unlimited())));
    assert!(call(&layer, None).await.is_err());
}

#[tokio::test]
async fn a_server_takes_its_limits_from_it_too() {
    let ledger = Ledger::new();
    let handle = PolicyHandle::new(saying("server GET /up", EndpointPolicy::new().request(Limit::reject_over(3))));
    let service = ServerLayer::new(&ledger).policy(&handle).layer(service_fn(async |request: Request<_>| {
        let body: plimsoll::MeteredBody<Full<Bytes>> = request.into_body();
        body.collect().await.map(|_| Response::new(Full::<Bytes>::default()))
    }));
    for (body, status) in [("abc", StatusCode::OK), ("abcd", StatusCode::PAYLOAD_TOO_LARGE)] {
        let mut request = Request::new(Full::new(Bytes::from_static(body.as_bytes())));
        request.extensions_mut().insert(Route("/up"));
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn bodies_near_a_limit_are_counted_before_any_is_refused() {
    let ledger = Ledger::new();
    let handle = PolicyHandle::new(saying(SKU, EndpointPolicy::new().response(Limit::reject_over(12))));
    let layer = ClientLayer::new(&ledger).upstream("inventory").policy(&handle);
    // 80 % of 12 is 9.
    assert_eq!(call(&layer, None).await, Ok(10));
    let snapshot = ledger.snapshot();
    let answers = snapshot.find(Role::Client, Direction::Response, "/inventory/{sku}").unwrap();
    assert_eq!((answers.over_limit, answers.bodies(Outcome::Complete)), (1, 1));
}

#[tokio::test]
async fn what_is_named_in_vain_and_what_is_not_named_are_listed() {
    let ledger = Ledger::new();
    let policy = saying("client GET /gone of inventory", EndpointPolicy::new());
    let layer = ClientLayer::new(&ledger).upstream("inventory");
    call(&layer, None).await.unwrap();
    let coverage = policy.coverage(&ledger);
    assert_eq!(coverage.unmatched, ["client GET /gone of inventory".parse().unwrap()]);
    assert_eq!(coverage.unnamed, [SKU.parse().unwrap()]);
    let policy = policy.endpoint(SKU.parse().unwrap(), EndpointPolicy::new());
    assert_eq!(policy.coverage(&ledger).unnamed, []);
    // A change of an endpoint that is misspelt is accepted of nothing.
    let misspelt: EndpointName = "client GET /inventory/{id} of inventory".parse().unwrap();
    let policy = policy.accept(AcceptedChange::new(misspelt.clone(), "why"));
    assert!(policy.coverage(&ledger).unmatched.contains(&misspelt));
}

/// Many threads call while the policy is swapped back and forth between two that both let pass what is sent.
#[test]
fn no_call_is_lost_or_held_against_a_mixture_while_policies_are_swapped() {
    const CALLS: usize = 2_000;
    let ledger = Ledger::new();
    let strict = |bytes| saying(SKU, EndpointPolicy::new().response(Limit::reject_over(bytes)));
    let handle = PolicyHandle::new(strict(10));
    let layer = ClientLayer::new(&ledger).upstream("inventory").response_limit(Limit::reject_over(1)).policy(&handle);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for _ in 0..CALLS {
                    assert_eq!(runtime.block_on(call(&layer, None)), Ok(10));
                }
            });
        }
        for swap in 0..CALLS {
            handle.swap(strict(10 + swap as u64 % 2));
        }
    });
    let snapshot = ledger.snapshot();
    let answers = snapshot.find(Role::Client, Direction::Response, "/inventory/{sku}").unwrap();
    assert_eq!(answers.bodies(Outcome::Complete), 2 * CALLS as u64);
}
