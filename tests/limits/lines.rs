//! The two lines that a limit can draw: one that warns, one that rejects.

use http::Method;
use plimsoll::{Ledger, Limit, Outcome};

use crate::setup::{DIRECTIONS, ROLES, Setup, bodies_of, limits};
use crate::support::script::{Script, Step};

/// How bodies of these sizes end under a limit, declared and streamed, and how often they are found over it.
async fn all_end(limit: Limit, cases: &[(usize, bool, u64)]) {
    for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
        for (size, passes, over) in cases {
            for (body, refusal) in bodies_of(*size) {
                let setup = Setup { limits: limits(direction, limit), ..Setup::default() };
                let expected = if *passes { Outcome::Complete } else { refusal };
                let ended = setup.ends(role, direction, Method::POST, body).await;
                assert_eq!(ended, (expected, *over), "{role} {direction} of {size} under {limit}");
                let series = setup.find(role, direction, "/up");
                assert_eq!(series.limit, limit);
                assert_eq!(series.completed.sum(), if *passes { *size as u64 } else { 0 });
                assert_eq!(series.offered.sum(), *size as u64);
            }
        }
    }
}

#[tokio::test]
async fn a_rejecting_line_is_inclusive() {
    all_end(Limit::reject_over(10), &[(0, true, 0), (9, true, 0), (10, true, 0), (11, false, 1), (20, false, 1)]).await;
    all_end(Limit::reject_over(0), &[(0, true, 0), (1, false, 1)]).await;
}

#[tokio::test]
async fn a_warning_line_counts_and_lets_pass() {
    all_end(Limit::warn_over(10), &[(0, true, 0), (10, true, 0), (11, true, 1), (100_000, true, 1)]).await;
    all_end(Limit::warn_over(0), &[(0, true, 0), (1, true, 1)]).await;
}

#[tokio::test]
async fn a_body_over_both_lines_is_over_its_limit_once() {
    let both = Limit::reject_over(10).and_warn_over(5);
    all_end(both, &[(5, true, 0), (6, true, 1), (10, true, 1), (11, false, 1)]).await;
}

#[tokio::test]
async fn a_warning_line_at_or_above_the_rejecting_one_never_comes_to_speak() {
    for warn in [10, 11, 1_000] {
        all_end(Limit::reject_over(10).and_warn_over(warn), &[(10, true, 0), (11, false, 1)]).await;
    }
}

#[tokio::test]
async fn without_a_line_everything_passes() {
    for limit in [Limit::unlimited(), Limit::default(), Limit::reject_over(u64::MAX)] {
        all_end(limit, &[(0, true, 0), (100_000, true, 0)]).await;
    }
}

#[tokio::test]
async fn a_body_that_says_less_than_it_brings_crosses_its_lines_one_by_one() {
    for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
        let both = limits(direction, Limit::reject_over(10).and_warn_over(5));
        let setup = Setup { limits: both, ..Setup::default() };
        let body = Script::new((0..20).map(|_| Step::Data(1))).declaring(7);
        let ended = setup.ends(role, direction, Method::POST, body).await;
        assert_eq!(ended, (Outcome::RejectedStreaming, 1), "{role} {direction}");
        assert_eq!(setup.find(role, direction, "/up").offered.sum(), 11);
    }
}

#[tokio::test]
async fn a_body_that_reaches_the_rejecting_line_and_goes_on_is_refused() {
    for (role, direction) in ROLES.into_iter().flat_map(|role| DIRECTIONS.map(|direction| (role, direction))) {
        let both = limits(direction, Limit::reject_over(10).and_warn_over(5));
        let body = Script::new([Step::Data(10), Step::Data(1)]);
        for body in [body.clone(), body.declaring(10)] {
            let setup = Setup { limits: both, ..Setup::default() };
            let ended = setup.ends(role, direction, Method::POST, body).await;
            assert_eq!(ended, (Outcome::RejectedStreaming, 1), "{role} {direction}");
            assert_eq!(setup.find(role, direction, "/up").offered.sum(), 11);
        }
    }
}

#[tokio::test]
async fn each_body_over_its_limit_is_counted() {
    for role in ROLES {
        for direction in DIRECTIONS {
            let limit = limits(direction, Limit::warn_over(5));
            let ledger = Ledger::new();
            for bodies in 1..=3 {
                let mut total = 0;
                for (body, _) in bodies_of(6) {
                    let setup = Setup { ledger: ledger.clone(), limits: limit, ..Setup::default() };
                    let (request, mut answer) = (http::Request::new(body.clone()), http::Response::new(body));
                    *answer.status_mut() = http::StatusCode::OK;
                    setup.call(role, request, answer).await;
                    total = setup.find(role, direction, "/up").over_limit;
                }
                assert_eq!(total, 2 * bodies);
            }
        }
    }
}
