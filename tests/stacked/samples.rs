//! Bodies that nobody refuses: one sample each, however they end.

use http::Request;
use plimsoll::{ClientLayer, Ledger, Limit, ServerLayer};

use crate::between::Between;
use crate::call_through;
use crate::support::book::book;
use crate::support::calls::{Answering, Went};
use crate::support::script::{Script, Step};

fn hello() -> [(&'static str, Script); 5] {
    let steps = || [Step::Data(4), Step::Pending, Step::Data(0), Step::Data(6)];
    let trailers = steps().into_iter().chain([Step::Trailers]);
    [
        ("declared", Script::new(steps()).declaring(10).knowing_its_end()),
        ("streamed", Script::new(steps())),
        ("streamed, with an end that is known", Script::new(steps()).knowing_its_end()),
        ("with trailers", Script::new(trailers)),
        ("longer than declared", Script::new(steps()).declaring(9)),
    ]
}

#[tokio::test]
async fn three_layers_on_a_server_leave_one_sample_of_each_body() {
    for between in Between::ALL {
        for (what, body) in hello() {
            let ledger = Ledger::new();
            let layer = || ServerLayer::new(&ledger).request_limit(Limit::reject_over(10));
            let service = Answering::with(body.clone());
            let went = call_through!(between, layer(), layer(), layer(), service, Request::new(body));
            assert_eq!(went, Went::Answered(200, 10), "{between:?}, {what}");
            let known = [
                "server request GET (no route): 1 complete, 10 B",
                "server response GET (no route) 200: 1 complete, 10 B",
            ];
            assert_eq!(book(&ledger), known, "{between:?}, {what}");
        }
    }
}

#[tokio::test]
async fn three_layers_on_a_client_leave_one_sample_of_each_body() {
    for between in Between::ALL {
        for (what, body) in hello() {
            let ledger = Ledger::new();
            let layer = || ClientLayer::new(&ledger).upstream("up").response_limit(Limit::reject_over(10));
            let service = Answering::with(body.clone());
            let went = call_through!(between, layer(), layer(), layer(), service, Request::new(body));
            assert_eq!(went, Went::Answered(200, 10), "{between:?}, {what}");
            let known = [
                "client request GET (no template) of up: 1 complete, 10 B",
                "client response GET (no template) of up 200: 1 complete, 10 B",
            ];
            assert_eq!(book(&ledger), known, "{between:?}, {what}");
        }
    }
}

#[tokio::test]
async fn a_body_that_fails_or_is_dropped_leaves_one_sample() {
    let ends = [
        (Script::new([Step::Data(4), Step::Error]), "1 failed"),
        (Script::default().declaring(3), "1 complete"),
        (Script::default(), "1 complete"),
    ];
    for between in Between::ALL {
        for (body, ending) in ends.clone() {
            let ledger = Ledger::new();
            let layer = || ServerLayer::new(&ledger);
            let service = Answering::with(Script::default());
            call_through!(between, layer(), layer(), layer(), service, Request::new(body));
            let known = format!("server request GET (no route): {ending}, 0 B");
            assert_eq!(book(&ledger).first(), Some(&known), "{between:?}");
        }
    }
}

#[tokio::test]
async fn a_warning_in_each_layer_counts_the_body_over_its_limit_once() {
    for between in Between::ALL {
        for (what, body) in hello() {
            let ledger = Ledger::new();
            let warned = |bytes| {
                let limit = Limit::warn_over(bytes);
                ServerLayer::new(&ledger).request_limit(limit).response_limit(limit)
            };
            let service = Answering::with(body.clone());
            let went = call_through!(between, warned(3), warned(9), warned(0), service, Request::new(body));
            assert_eq!(went, Went::Answered(200, 10), "{between:?}, {what}");
            let known = [
                "server request GET (no route): 1 complete, 10 B, 1 over limit",
                "server response GET (no route) 200: 1 complete, 10 B, 1 over limit",
            ];
            assert_eq!(book(&ledger), known, "{between:?}, {what}");
        }
    }
}
