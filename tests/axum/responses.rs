//! Answers of axum handlers: what is measured of them, and what a limit does to them.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::http::Method;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::stream;
use plimsoll::{BodyLimits, Direction, Ledger, Limit, ServerLayer};

use crate::ask;
use crate::support::book::{book_of, book_reads};
use crate::support::protocol::Protocol;
use crate::support::wire::{fed, pieces, serve};

async fn streamed() -> Body {
    Body::from_stream(pieces(["12345", "67890"]))
}

async fn events() -> Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::iter(["one", "two", "three"].map(|text| Ok(Event::default().data(text)))))
}

/// `data: one` and so on, each followed by an empty line.
const EVENTS: &str = "data: one\n\ndata: two\n\ndata: three\n\n";

#[tokio::test]
async fn a_streamed_answer_is_one_sample_of_its_true_size() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let server = serve(Router::new().route("/", get(streamed)).layer(ServerLayer::new(&ledger))).await;
        let answer = client.get(&server).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "1234567890", "{protocol:?}");
        book_reads(&ledger, &["server request GET /: 1 complete, 0 B", "server response GET / 200: 1 complete, 10 B"])
            .await;
    }
}

#[tokio::test]
async fn an_answer_known_to_be_too_large_is_replaced_before_its_head_leaves() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let app = Router::new().route("/", get(async || "1234567890"));
        let server = serve(app.layer(ServerLayer::new(&ledger).response_limit(Limit::reject_over(9)))).await;
        let answer = client.get(&server).send().await.unwrap();
        assert_eq!(answer.status(), 500, "{protocol:?}");
        let text = answer.text().await.unwrap();
        assert!(text.contains("Internal Server Error") && !text.contains('9'), "no details: {text}");
        book_reads(
            &ledger,
            &[
                "server request GET /: 1 complete, 0 B",
                "server response GET / 200: 1 rejected_early, 0 B, 10 B offered, 1 over limit",
                &format!("server response GET / 500: 1 complete, {} B", text.len()),
            ],
        )
        .await;
    }
}

/// The head is out by then, so the caller gets 200 and a body that breaks off: never one that looks whole.
#[tokio::test]
async fn an_answer_that_grows_too_large_is_cut_off() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let (feeder, body) = fed();
        let body = std::sync::Mutex::new(Some(body));
        let answer = move || {
            let body = body.lock().unwrap().take().unwrap();
            async { Body::from_stream(body) }
        };
        let answer = std::sync::Arc::new(answer);
        let app = Router::new().route("/", get(move || answer()));
        let server = serve(app.layer(ServerLayer::new(&ledger).response_limit(Limit::reject_over(9)))).await;

        feeder.send("12345".into()).unwrap();
        let mut answer = client.get(&server).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{protocol:?}");
        assert_eq!(answer.chunk().await.unwrap().unwrap(), "12345", "{protocol:?}");
        feeder.send("67890".into()).unwrap();
        drop(feeder);
        answer.chunk().await.expect_err("it was cut off");
        book_reads(
            &ledger,
            &[
                "server request GET /: 1 complete, 0 B",
                "server response GET / 200: 1 rejected_streaming, 0 B, 10 B offered, 1 over limit",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn server_sent_events_are_exempt_from_the_layer_s_limit_and_measured() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let layer = ServerLayer::new(&ledger).response_limit(Limit::reject_over(9));
        let server = serve(Router::new().route("/events", get(events)).layer(layer)).await;
        let answer = client.get(format!("{server}/events")).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), EVENTS, "{protocol:?}");
        book_reads(
            &ledger,
            &[
                "server request GET /events: 1 complete, 0 B",
                &format!("server response GET /events 200: 1 complete, {} B", EVENTS.len()),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn server_sent_events_are_held_against_a_limit_that_names_them() {
    let named = BodyLimits::new().response(Limit::reject_over(9));
    for layer in [
        ServerLayer::new(&Ledger::new()).limits_for("/events", named),
        ServerLayer::new(&Ledger::new()).response_limit(Limit::reject_over(9)).exempt_streams(false),
    ] {
        let server = serve(Router::new().route("/events", get(events)).layer(layer)).await;
        for protocol in Protocol::BOTH {
            let client = protocol.reqwest();
            // Whether the head still leaves depends on how much the server writes at once.
            let answer = async { client.get(format!("{server}/events")).send().await?.text().await };
            answer.await.expect_err("it was cut off");
        }
    }
}

#[tokio::test]
async fn a_head_has_the_length_of_the_answer_and_no_body_to_measure() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        // axum answers HEAD by what GET answers.
        let app = Router::new().route("/", get(async || "1234567890"));
        let server = serve(app.layer(ServerLayer::new(&ledger).response_limit(Limit::reject_over(9)))).await;
        let answer = client.head(&server).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{protocol:?}: there is no body to refuse");
        assert_eq!(answer.headers()["content-length"], "10", "{protocol:?}");
        book_reads(&ledger, &["server request HEAD /: 1 complete, 0 B", "server response HEAD / 200: 1 complete, 0 B"])
            .await;
        let snapshot = ledger.snapshot();
        let answers = snapshot.find(plimsoll::Role::Server, Direction::Response, "/").unwrap();
        assert_eq!(answers.completed.count(), 0, "{protocol:?}: no size, not even 0");
    }
}

#[tokio::test]
async fn answers_of_each_status_are_a_series_of_their_own() {
    let ledger = Ledger::new();
    let answer = async |body: String| match body.as_str() {
        "" => Err((axum::http::StatusCode::UNPROCESSABLE_ENTITY, "empty")),
        _ => Ok(body),
    };
    let app = Router::new().route("/", axum::routing::post(answer)).layer(ServerLayer::new(&ledger));
    for body in ["", "a", "ab"] {
        ask(&app, Method::POST, "/", body).await;
    }
    assert_eq!(
        book_of(&ledger, Direction::Response),
        ["server response POST / 200: 2 complete, 3 B", "server response POST / 422: 1 complete, 5 B"]
    );
}
