//! The switch that turns every rejecting limit of a ledger into a warning one at run time, and back.

use std::convert::Infallible;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use plimsoll::{ClientLayer, Direction, Enforcement, Ledger, Limit, LimitExceeded, MeteredBody, Outcome};
use tower::{BoxError, Layer, ServiceExt, service_fn};

use crate::setup::{DIRECTIONS, ROLES, Setup, bodies_of, limits};
use crate::support::readings::only;
use crate::support::script::{Script, Step};

#[tokio::test]
async fn it_lets_everything_pass_and_counts_it_until_it_is_turned_back() {
    for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
        for turn in 0..4 {
            let enforcement = if turn % 2 == 0 { Enforcement::Reject } else { Enforcement::WarnOnly };
            for (body, refusal) in bodies_of(11) {
                let setup = Setup { limits: limits(direction, Limit::reject_over(10)), ..Setup::default() };
                setup.ledger.set_enforcement(Enforcement::WarnOnly);
                setup.ledger.set_enforcement(enforcement);
                assert_eq!(setup.ledger.enforcement(), enforcement);
                let expected = if turn % 2 == 0 { refusal } else { Outcome::Complete };
                let ended = setup.ends(role, direction, Method::POST, body).await;
                assert_eq!(ended, (expected, 1), "{role} {direction} {enforcement:?}");
            }
        }
    }
}

/// A response of single bytes under a limit of three, under way.
async fn under_way(ledger: &Ledger) -> MeteredBody<Script> {
    let upstream = service_fn(async |_: Request<MeteredBody<Script>>| {
        Ok::<_, Infallible>(Response::new(Script::new((0..6).map(|_| Step::Data(1)))))
    });
    let client = ClientLayer::new(ledger).response_limit(Limit::reject_over(3)).layer(upstream);
    client.oneshot(Request::new(Script::default())).await.unwrap().into_body()
}

async fn read(body: &mut MeteredBody<Script>, frames: usize) -> Result<(), BoxError> {
    for _ in 0..frames {
        body.frame().await.unwrap()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_body_under_way_is_let_pass_from_the_turn_on() {
    let ledger = Ledger::new();
    let mut body = under_way(&ledger).await;
    read(&mut body, 3).await.unwrap();
    ledger.set_enforcement(Enforcement::WarnOnly);
    read(&mut body, 3).await.unwrap();
    assert!(body.frame().await.is_none());
    let answers = only(&ledger, Direction::Response);
    assert_eq!((answers.completed.sum(), answers.over_limit), (6, 1));
}

#[tokio::test]
async fn a_body_under_way_is_refused_from_the_turn_back_on() {
    let ledger = Ledger::new();
    ledger.set_enforcement(Enforcement::WarnOnly);
    let mut body = under_way(&ledger).await;
    read(&mut body, 3).await.unwrap();
    ledger.set_enforcement(Enforcement::Reject);
    let error = read(&mut body, 1).await.unwrap_err();
    assert_eq!(LimitExceeded::find(&*error).map(LimitExceeded::seen), Some(4));
    let answers = only(&ledger, Direction::Response);
    assert_eq!((answers.bodies(Outcome::RejectedStreaming), answers.over_limit), (1, 1));
}

#[tokio::test]
async fn a_body_that_was_let_pass_over_its_limit_stays_so_and_one_that_was_refused_too() {
    let ledger = Ledger::new();
    ledger.set_enforcement(Enforcement::WarnOnly);
    let mut passed = under_way(&ledger).await;
    read(&mut passed, 4).await.unwrap();
    ledger.set_enforcement(Enforcement::Reject);
    read(&mut passed, 2).await.unwrap();
    assert!(passed.frame().await.is_none());

    let mut refused = under_way(&ledger).await;
    read(&mut refused, 3).await.unwrap();
    read(&mut refused, 1).await.unwrap_err();
    ledger.set_enforcement(Enforcement::WarnOnly);
    read(&mut refused, 1).await.unwrap_err();
    let answers = only(&ledger, Direction::Response);
    assert_eq!((answers.bodies(Outcome::Complete), answers.bodies(Outcome::RejectedStreaming)), (1, 1));
}

#[tokio::test]
async fn it_turns_every_handle_of_its_ledger_and_no_other() {
    let (ledger, other) = (Ledger::new(), Ledger::new());
    let (mut here, mut there) = (under_way(&ledger).await, under_way(&other).await);
    // A body that is limited on its own belongs to no ledger.
    let mut nowhere = MeteredBody::new(Script::new([Step::Data(4)]), Limit::reject_over(3));
    ledger.clone().set_enforcement(Enforcement::WarnOnly);
    assert_eq!((ledger.enforcement(), other.enforcement()), (Enforcement::WarnOnly, Enforcement::Reject));
    read(&mut here, 4).await.unwrap();
    read(&mut there, 4).await.unwrap_err();
    read(&mut nowhere, 1).await.unwrap_err();
}

#[tokio::test]
async fn it_leaves_warning_lines_as_they_are() {
    for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
        let limit = limits(direction, Limit::reject_over(10).and_warn_over(5));
        for (size, over) in [(5, 0), (6, 1), (11, 1)] {
            for (body, _) in bodies_of(size) {
                let setup = Setup { limits: limit, ..Setup::default() };
                setup.ledger.set_enforcement(Enforcement::WarnOnly);
                let ended = setup.ends(role, direction, Method::POST, body).await;
                assert_eq!(ended, (Outcome::Complete, over), "{role} {direction} {size}");
            }
        }
    }
}
