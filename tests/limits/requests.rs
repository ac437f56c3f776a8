//! Limits that one request brings along in its extensions.

use http::{Method, Request};
use plimsoll::{BodyLimits, Direction, Limit, LimitExceeded, Outcome, Role, UrlTemplate};
use tower::{Layer, ServiceExt};

use crate::setup::{DIRECTIONS, ROLES, Setup, bodies_of, limits};
use crate::support::calls::Answering;
use crate::support::script::Script;

fn asking(limits: Option<BodyLimits>) -> Request<Script> {
    let mut request = Request::new(Script::default());
    if let Some(limits) = limits {
        request.extensions_mut().insert(limits);
    }
    request
}

#[tokio::test]
async fn a_request_raises_lowers_or_lifts_the_limit_for_itself() {
    let layer_s = Limit::reject_over(10);
    for (own, size, passes, over) in [
        (None, 10, true, 0),
        (None, 11, false, 1),
        (Some(Limit::reject_over(20)), 20, true, 0),
        (Some(Limit::reject_over(20)), 21, false, 1),
        (Some(Limit::reject_over(5)), 5, true, 0),
        (Some(Limit::reject_over(5)), 6, false, 1),
        (Some(Limit::reject_over(0)), 1, false, 1),
        (Some(Limit::unlimited()), 1_000, true, 0),
        (Some(Limit::warn_over(5)), 1_000, true, 1),
    ] {
        for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
            for (body, refusal) in bodies_of(size) {
                let setup = Setup { limits: limits(direction, layer_s), ..Setup::default() };
                let own_limits = own.map(|own| limits(direction, own));
                let went = setup.ends_with(role, direction, asking(own_limits), body).await;
                let expected = if passes { Outcome::Complete } else { refusal };
                assert_eq!(went, (expected, over), "{role} {direction} of {size} under {own:?}");
                assert_eq!(setup.find(role, direction, "/up").limit, own.unwrap_or(layer_s));
            }
        }
    }
}

#[tokio::test]
async fn what_a_request_says_of_one_direction_leaves_the_other() {
    for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
        let other = DIRECTIONS.into_iter().find(|other| *other != direction).unwrap();
        for (body, refusal) in bodies_of(11) {
            let setup = Setup { limits: limits(direction, Limit::reject_over(10)), ..Setup::default() };
            let request = asking(Some(limits(other, Limit::unlimited())));
            assert_eq!(setup.ends_with(role, direction, request, body).await, (refusal, 1), "{role} {direction}");
        }
    }
}

#[tokio::test]
async fn what_one_request_says_does_not_hold_for_the_next() {
    for role in ROLES {
        let setup = Setup { limits: limits(Direction::Request, Limit::reject_over(10)), ..Setup::default() };
        for own in [Some(limits(Direction::Request, Limit::unlimited())), None] {
            let [(body, _), _] = bodies_of(11);
            let mut request = asking(own);
            *request.body_mut() = body;
            setup.call(role, request, http::Response::new(Script::default())).await;
        }
        let outcomes = setup.find(role, Direction::Request, "/up").outcomes;
        assert_eq!((outcomes.get(Outcome::Complete), outcomes.get(Outcome::RejectedEarly)), (1, 1));
    }
}

#[tokio::test]
async fn an_error_names_the_setting_that_drew_the_line() {
    let refusal = async |setup: &Setup, own: Option<BodyLimits>| -> LimitExceeded {
        let mut request = asking(own);
        *request.method_mut() = Method::PUT;
        request.extensions_mut().insert(UrlTemplate("/up"));
        let [(body, _), _] = bodies_of(11);
        let service = setup.client().layer(Answering::with(body));
        service.oneshot(request).await.err().unwrap().limit_exceeded().unwrap().clone()
    };
    let limit = limits(Direction::Response, Limit::reject_over(10));
    let layer = Setup { limits: limit, ..Setup::default() };
    let endpoint = Setup { endpoints: vec![("/up", limit)], ..Setup::default() };
    let says =
        "client response body of PUT /up of up: 11 bytes declared, over the limit of 10 bytes; to allow it, raise ";
    for (exceeded, setting) in [
        (refusal(&layer, None).await, "ClientLayer::response_limit"),
        (refusal(&endpoint, None).await, "the endpoint's limit in ClientLayer::limits_for"),
        (refusal(&endpoint, Some(limit)).await, "the response limit of the BodyLimits in the request's extensions"),
    ] {
        assert_eq!(exceeded.to_string(), format!("{says}{setting}"));
        assert_eq!((exceeded.role(), exceeded.direction()), (Some(Role::Client), Some(Direction::Response)));
        assert_eq!(exceeded.endpoint().map(ToString::to_string).as_deref(), Some("PUT /up of up"));
    }
}
