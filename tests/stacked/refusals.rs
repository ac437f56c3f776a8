//! Bodies that one of the layers refuses: one sample with the right end, whichever layer it was.

use http::Request;
use http_body::SizeHint;
use plimsoll::{ClientLayer, Direction, Ledger, Limit, ServerLayer};

use crate::between::Between;
use crate::call_through;
use crate::support::book::{book, book_of};
use crate::support::calls::{Answering, Went};
use crate::support::script::{Script, Step};

/// Bodies of ten bytes, with how they end under a limit of five.
fn too_long() -> [(&'static str, Script, &'static str); 6] {
    let steps = || [Step::Data(4), Step::Pending, Step::Data(6)];
    let trailers = steps().into_iter().chain([Step::Trailers]);
    let mut at_least = SizeHint::new();
    at_least.set_lower(10);
    [
        ("declared", Script::new(steps()).declaring(10).knowing_its_end(), EARLY),
        ("known to be at least that long", Script::new(steps()).hinting(at_least), EARLY),
        ("streamed", Script::new(steps()), STREAMING),
        ("streamed, with an end that is known", Script::new(steps()).knowing_its_end(), STREAMING),
        ("with trailers", Script::new(trailers), STREAMING),
        ("longer than declared", Script::new(steps()).declaring(4), STREAMING),
    ]
}

const EARLY: &str = "1 rejected_early, 0 B, 10 B offered, 1 over limit";
const STREAMING: &str = "1 rejected_streaming, 0 B, 10 B offered, 1 over limit";

/// The limits of three layers of which one, or all, refuse ten bytes.
const LIMITS: [[u64; 3]; 5] = [[5, 100, 100], [100, 5, 100], [100, 100, 5], [5, 5, 5], [7, 6, 5]];

#[tokio::test]
async fn a_request_that_any_layer_of_a_server_refuses_is_one_sample() {
    for (between, limits) in every_way() {
        for (what, body, ending) in too_long() {
            let ledger = Ledger::new();
            let [outer, middle, inner] =
                limits.map(|bytes| ServerLayer::new(&ledger).request_limit(Limit::reject_over(bytes)));
            let service = Answering::with(Script::default());
            let went = call_through!(between, outer, middle, inner, service, Request::new(body));
            // A body that lies about its length is answered by the handler: nothing was kept to tell it by.
            let lied = what == "longer than declared";
            assert!(matches!(went, Went::Answered(413, 1..)) || lied, "{went:?}: {between:?}, {limits:?}, {what}");
            let known = format!("server request GET (no route): {ending}");
            assert_eq!(book_of(&ledger, Direction::Request), [known], "{between:?}, {limits:?}, {what}");
        }
    }
}

#[tokio::test]
async fn a_response_that_any_layer_of_a_server_refuses_is_one_sample() {
    for (between, limits) in every_way() {
        for (what, body, ending) in too_long() {
            let ledger = Ledger::new();
            let [outer, middle, inner] =
                limits.map(|bytes| ServerLayer::new(&ledger).response_limit(Limit::reject_over(bytes)));
            let went =
                call_through!(between, outer, middle, inner, Answering::with(body), Request::new(Script::default()));
            let mut known = vec![
                "server request GET (no route): 1 complete, 0 B".to_owned(),
                format!("server response GET (no route) 200: {ending}"),
            ];
            if let Went::Answered(500, bytes @ 1..) = went {
                // The answer in its place is a body too: one, and held against no limit.
                known.push(format!("server response GET (no route) 500: 1 complete, {bytes} B"));
            }
            let early = ending == EARLY;
            assert!(matches!(went, Went::Answered(500, _) if early) || went == Went::CutOff(200) && !early, "{went:?}");
            assert_eq!(book(&ledger), known, "{between:?}, {limits:?}, {what}");
        }
    }
}

#[tokio::test]
async fn a_response_that_any_layer_of_a_client_refuses_is_one_sample() {
    for (between, limits) in every_way() {
        for (what, body, ending) in too_long() {
            let ledger = Ledger::new();
            let [outer, middle, inner] =
                limits.map(|bytes| ClientLayer::new(&ledger).response_limit(Limit::reject_over(bytes)));
            let went =
                call_through!(between, outer, middle, inner, Answering::with(body), Request::new(Script::default()));
            assert_eq!(went, if ending == EARLY { Went::Refused } else { Went::CutOff(200) });
            let known = [
                "client request GET (no template): 1 complete, 0 B".to_owned(),
                format!("client response GET (no template) 200: {ending}"),
            ];
            assert_eq!(book(&ledger), known, "{between:?}, {limits:?}, {what}");
        }
    }
}

#[tokio::test]
async fn a_request_that_any_layer_of_a_client_refuses_is_one_sample() {
    for (between, limits) in every_way() {
        for (what, body, ending) in too_long() {
            let ledger = Ledger::new();
            let [outer, middle, inner] =
                limits.map(|bytes| ClientLayer::new(&ledger).request_limit(Limit::reject_over(bytes)));
            let service = Answering::with(Script::default());
            let went = call_through!(between, outer, middle, inner, service, Request::new(body));
            // Here the upstream answers a request that it could not read; real ones fail the call.
            assert_eq!(went, if ending == EARLY { Went::Refused } else { Went::Answered(422, 0) });
            let known = format!("client request GET (no template): {ending}");
            assert_eq!(book_of(&ledger, Direction::Request), [known], "{between:?}, {limits:?}, {what}");
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_refusal_is_not_held_against_a_limit_further_out() {
    for between in Between::ALL {
        let ledger = Ledger::new();
        let outer = ServerLayer::new(&ledger).response_limit(Limit::reject_over(1)).on_refusal(|refusal| {
            panic!("{} was refused", refusal.exceeded());
        });
        let inner = ServerLayer::new(&ledger).request_limit(Limit::reject_over(5));
        let body = Script::default().declaring(6);
        let service = Answering::with(Script::default());
        let went = call_through!(between, outer, ServerLayer::new(&ledger), inner, service, Request::new(body));
        let Went::Answered(413, bytes @ 2..) = went else { panic!("{went:?}") };
        let known = [
            "server request GET (no route): 1 rejected_early, 0 B, 6 B offered, 1 over limit".to_owned(),
            format!("server response GET (no route) 413: 1 complete, {bytes} B"),
        ];
        assert_eq!(book(&ledger), known, "{between:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_refused_again_while_it_is_drained_is_one_sample() {
    for between in Between::ALL {
        let ledger = Ledger::new();
        let [outer, middle, inner] = [100, 8, 5]
            .map(|bytes| ServerLayer::new(&ledger).request_limit(Limit::reject_over(bytes)).drain_refused_up_to(100));
        let mut at_least = SizeHint::new();
        at_least.set_lower(6);
        let body = Script::new([Step::Data(4), Step::Data(6)]).hinting(at_least);
        let went = call_through!(between, outer, middle, inner, Answering::with(Script::default()), Request::new(body));
        assert!(matches!(went, Went::Answered(413, 1..)), "{went:?}: {between:?}");
        let known = format!("server request GET (no route): {STREAMING}");
        assert_eq!(book_of(&ledger, Direction::Request), [known], "{between:?}");
    }
}

#[tokio::test]
async fn a_warning_outside_and_a_refusal_inside_are_one_body_over_its_limit() {
    for (between, limits) in every_way() {
        for (what, body, ending) in too_long() {
            let ledger = Ledger::new();
            let [outer, middle, inner] =
                limits.map(|bytes| ServerLayer::new(&ledger).request_limit(Limit::reject_over(bytes).and_warn_over(2)));
            let service = Answering::with(Script::default());
            call_through!(between, outer, middle, inner, service, Request::new(body));
            let known = format!("server request GET (no route): {ending}");
            assert_eq!(book_of(&ledger, Direction::Request), [known], "{between:?}, {limits:?}, {what}");
        }
    }
}

fn every_way() -> impl Iterator<Item = (Between, [u64; 3])> {
    Between::ALL.into_iter().flat_map(|between| LIMITS.map(|limits| (between, limits)))
}
