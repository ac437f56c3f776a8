//! Limits that a layer is given for single endpoints.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::ready;

use http::{Method, Request, Response};
use plimsoll::{BodyLimits, ClientLayer, Direction, Ledger, Limit, MeteredBody, Outcome, Role, Route};
use tower::{Layer, ServiceExt, service_fn};

use crate::setup::{DIRECTIONS, ROLES, Setup, bodies_of, limits};
use crate::support::script::Script;

/// Whether a body of this size passes, of a call of this method and route.
async fn passes(setup: &Setup, role: Role, direction: Direction, call: (&str, &'static str), size: usize) -> bool {
    let (method, route) = call;
    let mut passed = Vec::new();
    for (body, refusal) in bodies_of(size) {
        let setup = Setup { ledger: plimsoll::Ledger::new(), ..setup.clone() };
        let mut request = Request::builder().method(method).body(Script::default()).unwrap();
        request.extensions_mut().insert(Route(route));
        let (outcome, over) = setup.ends_with(role, direction, request, body).await;
        assert!(outcome == Outcome::Complete && over == 0 || outcome == refusal && over == 1, "{outcome:?} {over}");
        passed.push(outcome == Outcome::Complete);
    }
    assert_eq!(passed.first(), passed.last(), "declared or streamed makes no difference");
    passed.contains(&true)
}

/// As around reqwest, whose URLs are normalized.
#[tokio::test]
async fn one_upstream_is_one_endpoint_however_its_url_is_written() {
    let http =
        service_fn(|_: Request<MeteredBody<Script>>| ready(Ok::<_, Infallible>(Response::new(Script::default()))));
    let ledger = Ledger::new();
    let service = ClientLayer::new(&ledger).layer(http);
    for url in ["http://inventory/", "http://Inventory:80/", "HTTPS://INVENTORY:443/", "http://inventory:443/"] {
        let request = Request::get(url).body(Script::default().declaring(0)).unwrap();
        drop(service.clone().oneshot(request).await.unwrap());
    }
    let snapshot = ledger.snapshot();
    let upstreams: BTreeSet<_> =
        snapshot.series().iter().map(|series| (series.endpoint.upstream(), series.port)).collect();
    assert_eq!(
        upstreams,
        [(Some("inventory"), Some(80)), (Some("inventory"), Some(443)), (Some("inventory:443"), Some(443))].into()
    );
}

#[tokio::test]
async fn an_endpoint_s_limit_stands_in_place_of_the_layer_s() {
    for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
        let reject = |bytes| limits(direction, Limit::reject_over(bytes));
        let setup = Setup {
            limits: reject(10),
            endpoints: vec![
                ("/upload", reject(20)),
                ("PUT /upload", reject(30)),
                ("/free", limits(direction, Limit::unlimited())),
                ("DELETE /small", reject(5)),
                ("patch /small", reject(6)),
                ("BREW /pot", reject(50)),
                ("/a b", reject(40)),
            ],
            ..Setup::default()
        };
        for (call, limit) in [
            (("POST", "/other"), 10),
            (("POST", "/upload"), 20),
            (("GET", "/upload"), 20),
            (("PUT", "/upload"), 30),
            (("POST", "/small"), 10),
            (("DELETE", "/small"), 5),
            (("PATCH", "/small"), 6),
            (("patch", "/small"), 10),
            // Only methods that are told apart can be named. What begins otherwise is a route, spaces and all.
            (("BREW", "/pot"), 10),
            (("GET", "BREW /pot"), 50),
            (("GET", "/a b"), 40),
            (("GET", "b"), 10),
            // What is compared is the template, whole.
            (("POST", "/upload/"), 10),
            (("POST", "upload"), 10),
        ] {
            assert!(passes(&setup, role, direction, call, limit).await, "{role} {direction} {call:?}");
            assert!(!passes(&setup, role, direction, call, limit + 1).await, "{role} {direction} {call:?}");
        }
        assert!(passes(&setup, role, direction, ("POST", "/free"), 100_000).await);
    }
}

#[tokio::test]
async fn of_two_limits_for_one_endpoint_the_later_holds() {
    let reject = |bytes| BodyLimits::new().request(Limit::reject_over(bytes));
    let endpoints = vec![("POST /up", reject(5)), ("/up", reject(6)), ("/up", reject(7)), ("POST /up", reject(8))];
    let setup = Setup { endpoints, ..Setup::default() };
    for role in ROLES {
        for (method, limit) in [("POST", 8), ("PUT", 7)] {
            assert!(passes(&setup, role, Direction::Request, (method, "/up"), limit).await);
            assert!(!passes(&setup, role, Direction::Request, (method, "/up"), limit + 1).await);
        }
    }
}

#[tokio::test]
async fn a_direction_that_the_endpoint_leaves_out_keeps_the_layer_s() {
    for role in ROLES {
        let setup = Setup {
            limits: BodyLimits::new().request(Limit::reject_over(10)).response(Limit::reject_over(20)),
            endpoints: vec![("/up", BodyLimits::new().response(Limit::reject_over(30)))],
            ..Setup::default()
        };
        for (direction, limit) in [(Direction::Request, 10), (Direction::Response, 30)] {
            assert!(passes(&setup, role, direction, ("POST", "/up"), limit).await);
            assert!(!passes(&setup, role, direction, ("POST", "/up"), limit + 1).await);
        }
    }
}

#[tokio::test]
async fn a_request_s_own_limit_wins_over_its_endpoint_s_direction_by_direction() {
    for role in ROLES {
        let setup = Setup {
            endpoints: vec![(
                "/up",
                BodyLimits::new().request(Limit::reject_over(10)).response(Limit::reject_over(10)),
            )],
            ..Setup::default()
        };
        for (direction, size, expected) in [
            (Direction::Request, 11, Outcome::RejectedEarly),
            (Direction::Response, 100, Outcome::Complete),
            (Direction::Response, 101, Outcome::RejectedEarly),
        ] {
            let mut request = Request::builder().method(Method::POST).body(Script::default()).unwrap();
            request.extensions_mut().insert(BodyLimits::new().response(Limit::reject_over(100)));
            let setup = Setup { ledger: plimsoll::Ledger::new(), ..setup.clone() };
            let [(body, _), _] = bodies_of(size);
            let (outcome, _) = setup.ends_with(role, direction, request, body).await;
            assert_eq!(outcome, expected, "{role} {direction} {size}");
        }
    }
}
