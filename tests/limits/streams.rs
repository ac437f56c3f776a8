//! Responses that are meant to go on: measured, and held against no limit but one that names them.

use http::{Request, Response, header};
use plimsoll::{BodyLimits, Direction, Limit, Outcome, Role};

use crate::setup::{ROLES, Setup, limits};
use crate::support::calls::Went;
use crate::support::script::{Script, Step};

fn stream() -> Script {
    Script::new([Step::Data(40), Step::Pending, Step::Data(60)])
}

fn answer(kind: &str, body: Script) -> Response<Script> {
    Response::builder().header(header::CONTENT_TYPE, kind).body(body).unwrap()
}

/// How an answer ends under a limit of ten bytes on the layer, and how often it is found over a limit.
async fn ends(setup: &Setup, role: Role, own: Option<BodyLimits>, answer: Response<Script>) -> (Outcome, u64) {
    let limits = limits(Direction::Response, Limit::reject_over(10).and_warn_over(5));
    let setup = Setup { ledger: plimsoll::Ledger::new(), limits, ..setup.clone() };
    let mut request = Request::new(Script::default());
    if let Some(own) = own {
        request.extensions_mut().insert(own);
    }
    setup.call(role, request, answer).await;
    let series = setup.find(role, Direction::Response, "/up");
    assert_eq!(series.outcomes.total(), 1);
    (Outcome::ALL.into_iter().find(|outcome| series.bodies(*outcome) == 1).unwrap(), series.over_limit)
}

const STREAMED: (Outcome, u64) = (Outcome::RejectedStreaming, 1);

#[tokio::test]
async fn endless_types_are_exempt_from_the_layer_s_limit_and_measured() {
    for role in ROLES {
        for kind in [
            "text/event-stream",
            "text/event-stream; charset=utf-8",
            "text/event-stream;charset=utf-8",
            " text/event-stream ",
            "TEXT/Event-Stream",
            "multipart/x-mixed-replace",
            "multipart/x-mixed-replace; boundary=frame",
        ] {
            let setup = Setup { limits: limits(Direction::Response, Limit::reject_over(10)), ..Setup::default() };
            let went = setup.call(role, Request::new(Script::default()), answer(kind, stream())).await;
            assert_eq!(went, Went::Answered(200, 100), "{role} {kind}");
            let series = setup.find(role, Direction::Response, "/up");
            assert_eq!((series.completed.sum(), series.over_limit), (100, 0), "{role} {kind}");
            assert!(series.limit.is_unlimited(), "the limit that is shown is the one that held");
        }
    }
}

#[tokio::test]
async fn other_types_are_not() {
    for role in ROLES {
        for kind in [
            "text/event-streams",
            "text/event",
            "text/plain; text/event-stream",
            "application/json",
            "multipart/mixed",
            "multipart/form-data; boundary=multipart/x-mixed-replace",
            "",
        ] {
            assert_eq!(ends(&Setup::default(), role, None, answer(kind, stream())).await, STREAMED, "{role} {kind}");
        }
        assert_eq!(ends(&Setup::default(), role, None, Response::new(stream())).await, STREAMED, "{role}");
    }
}

#[tokio::test]
async fn one_that_declares_its_length_is_not_endless() {
    for role in ROLES {
        let declared = answer("text/event-stream", stream().declaring(100));
        let ended = ends(&Setup::default(), role, None, declared).await;
        assert_eq!(ended, (Outcome::RejectedEarly, 1), "{role}, by its body");

        let mut declared = answer("text/event-stream", stream());
        declared.headers_mut().insert(header::CONTENT_LENGTH, 100.into());
        let ended = ends(&Setup::default(), role, None, declared).await;
        assert_eq!(ended, (Outcome::RejectedEarly, 1), "{role}, by its header");

        let mut lying = answer("text/event-stream", stream());
        lying.headers_mut().insert(header::CONTENT_LENGTH, 1.into());
        assert_eq!(ends(&Setup::default(), role, None, lying).await, STREAMED, "{role}, by a header that lies");

        let mut malformed = answer("text/event-stream", stream());
        malformed.headers_mut().insert(header::CONTENT_LENGTH, "long".parse().unwrap());
        assert_eq!(ends(&Setup::default(), role, None, malformed).await, STREAMED, "{role}, by a malformed header");
    }
}

#[tokio::test]
async fn a_limit_that_names_their_endpoint_or_request_holds() {
    let named = limits(Direction::Response, Limit::reject_over(50));
    for role in ROLES {
        let stream = || answer("text/event-stream", stream());
        for endpoint in ["/up", "GET /up"] {
            let setup = Setup { endpoints: vec![(endpoint, named)], ..Setup::default() };
            assert_eq!(ends(&setup, role, None, stream()).await, STREAMED, "{role} {endpoint}");
        }
        assert_eq!(ends(&Setup::default(), role, Some(named), stream()).await, STREAMED, "{role}");

        // One that names the endpoint, but not its answers, leaves them exempt.
        let uploads = limits(Direction::Request, Limit::reject_over(50));
        let setup = Setup { endpoints: vec![("/up", uploads)], ..Setup::default() };
        assert_eq!(ends(&setup, role, Some(uploads), stream()).await, (Outcome::Complete, 0), "{role}");
    }
}

#[tokio::test]
async fn a_layer_can_be_told_to_exempt_none() {
    let setup = Setup { exempt_streams: false, ..Setup::default() };
    for role in ROLES {
        for kind in ["text/event-stream", "multipart/x-mixed-replace; boundary=frame"] {
            assert_eq!(ends(&setup, role, None, answer(kind, stream())).await, STREAMED, "{role} {kind}");
        }
    }
}

#[tokio::test]
async fn a_request_is_never_exempt() {
    for role in ROLES {
        let setup = Setup { limits: limits(Direction::Request, Limit::reject_over(10)), ..Setup::default() };
        let request = Request::builder().header(header::CONTENT_TYPE, "text/event-stream").body(Script::default());
        let ended = setup.ends_with(role, Direction::Request, request.unwrap(), stream()).await;
        assert_eq!(ended, STREAMED, "{role}");
    }
}
