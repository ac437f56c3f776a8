//! Answers that have no body by definition, whatever their body's value says: no size, and no limit on what they claim.

use http::{Method, Request, Response, StatusCode, header};
use plimsoll::{Direction, Limit, Outcome, Role};
use tower::{Layer, ServiceExt};

use crate::setup::{ROLES, Setup, limits};
use crate::support::calls::Answering;
use crate::support::script::{Script, Step};

/// Ten bytes that claim to be a thousand, in the header too.
fn answer(status: u16) -> Response<Script> {
    let response = Response::builder().status(status).header(header::CONTENT_LENGTH, 1_000);
    response.body(Script::new([Step::Data(10)]).declaring(1_000)).unwrap()
}

/// Asks, and drops the answer as a server or client does that has no body to read. Gives back how that ended, how many
/// sizes were recorded, and how often a limit of 100 bytes was found crossed; `None` where the answer was refused.
async fn ask(role: Role, method: &str, status: u16) -> Option<(Outcome, u64, u64)> {
    let setup = Setup { limits: limits(Direction::Response, Limit::reject_over(100)), ..Setup::default() };
    let request = Request::builder().method(method).body(Script::default()).unwrap();
    let service = Answering(answer(status));
    let came_through = match role {
        Role::Server => setup.server().layer(service).oneshot(request).await.unwrap().status().as_u16() == status,
        Role::Client => setup.client().layer(service).oneshot(request).await.is_ok(),
    };
    let snapshot = setup.ledger.snapshot();
    let mut answers = snapshot.series().iter().filter(|series| series.direction == Direction::Response);
    let series = answers.next().unwrap();
    assert_eq!(series.outcomes.total(), 1, "{series:?}");
    let ended = Outcome::ALL.into_iter().find(|outcome| series.bodies(*outcome) == 1).unwrap();
    came_through.then_some((ended, series.offered.count(), series.over_limit))
}

#[tokio::test]
async fn they_pass_every_limit_and_leave_no_size() {
    for role in ROLES {
        for (method, status) in [
            ("HEAD", 200),
            ("HEAD", 404),
            ("HEAD", 500),
            ("GET", 204),
            ("POST", 204),
            ("GET", 304),
            ("GET", 100),
            ("GET", 101),
            ("CONNECT", 200),
            ("CONNECT", 204),
            ("CONNECT", 299),
        ] {
            assert_eq!(ask(role, method, status).await, Some((Outcome::Complete, 0, 0)), "{role} {method} {status}");
        }
    }
}

#[tokio::test]
async fn their_neighbours_have_a_body_and_a_limit() {
    for role in ROLES {
        for (method, status) in [
            ("GET", 200),
            ("head", 200),
            ("GET", 203),
            ("GET", 205),
            ("GET", 300),
            ("GET", 305),
            ("CONNECT", 400),
            ("CONNECT", 502),
            ("OPTIONS", 200),
        ] {
            assert_eq!(ask(role, method, status).await, None, "{role} {method} {status}");
        }
    }
}

#[tokio::test]
async fn to_be_asked_for_no_body_is_no_reason_to_be_let_off_for_the_request() {
    for role in ROLES {
        for method in [Method::HEAD, Method::CONNECT] {
            let setup = Setup { limits: limits(Direction::Request, Limit::reject_over(5)), ..Setup::default() };
            let body = Script::new([Step::Data(6)]);
            let ended = setup.ends(role, Direction::Request, method.clone(), body).await;
            assert_eq!(ended, (Outcome::RejectedStreaming, 1), "{role} {method}");
        }
    }
}

#[tokio::test]
async fn what_comes_all_the_same_is_limited_and_still_has_no_size() {
    // Over HTTP/2, hyper's client hands on what a peer sends after such a head.
    for (method, status) in [(Method::GET, StatusCode::NO_CONTENT), (Method::GET, StatusCode::NOT_MODIFIED)] {
        let setup = Setup { limits: limits(Direction::Response, Limit::reject_over(5)), ..Setup::default() };
        let request = Request::builder().method(method).body(Script::default()).unwrap();
        let went = setup.call(Role::Client, request, answer(status.as_u16())).await;
        assert_eq!(went, crate::support::calls::Went::CutOff(status.as_u16()));
        let series = setup.find(Role::Client, Direction::Response, "/up");
        assert_eq!((series.bodies(Outcome::Complete), series.outcomes.total()), (1, 1));
        assert_eq!((series.offered.count(), series.over_limit), (0, 1));
    }
}
