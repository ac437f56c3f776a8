//! What a caller is told, on real connections, and how a service says it in its own words.

use axum::Router;
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use bytes::Bytes;
use plimsoll::{Ledger, Limit, ServerLayer};

use crate::support::book::book_reads;
use crate::support::protocol::Protocol;
use crate::support::wire::serve;

#[tokio::test]
async fn a_request_declared_too_large_never_reaches_its_handler() {
    async fn never(_: String) {
        panic!("the handler was called");
    }

    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let layer = ServerLayer::new(&ledger).request_limit(Limit::reject_over(5));
        let server = serve(Router::new().route("/checkout", post(never)).layer(layer)).await;

        let answer = client.post(format!("{server}/checkout")).body("123456").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{protocol:?}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{protocol:?}");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["limit"]), (&413.into(), &5.into()), "{protocol:?}");
        book_reads(
            &ledger,
            &[
                "server request POST /checkout: 1 rejected_early, 0 B, 6 B offered, 1 over limit",
                &format!("server response POST /checkout 413: 1 complete, {} B", problem.to_string().len()),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_request_of_exactly_the_limit_is_answered() {
    let layer = ServerLayer::new(&Ledger::new()).request_limit(Limit::reject_over(5));
    let server = serve(Router::new().route("/", post(async |body: String| body)).layer(layer)).await;
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let answer = client.post(&server).body("12345").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "12345", "{protocol:?}");
    }
}

#[tokio::test]
async fn a_warning_limit_lets_everything_pass_and_counts_it() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let layer = ServerLayer::new(&ledger).request_limit(Limit::warn_over(5)).response_limit(Limit::warn_over(5));
        let server = serve(Router::new().route("/", post(async |body: String| body)).layer(layer)).await;
        let answer = client.post(&server).body("123456").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "123456", "{protocol:?}");
        book_reads(
            &ledger,
            &[
                "server request POST /: 1 complete, 6 B, 1 over limit",
                "server response POST / 200: 1 complete, 6 B, 1 over limit",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_service_says_it_in_its_own_words() {
    let layer = ServerLayer::new(&Ledger::new())
        .request_limit(Limit::reject_over(5))
        .response_limit(Limit::reject_over(9))
        .on_refusal(|refusal| {
            let exceeded = refusal.exceeded();
            let text = format!("{} bytes, at most {}", exceeded.size(), exceeded.limit());
            let status = exceeded.suggested_status();
            Response::builder().status(status).header("x-refused", "1").body(Bytes::from(text)).unwrap()
        });
    let app = Router::new().route("/", post(async |body: String| body)).route("/large", get(async || "0123456789"));
    let server = serve(app.layer(layer)).await;
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let answer = client.post(&server).body("123456").send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-refused"]), (413, &"1".parse().unwrap()));
        assert_eq!(answer.text().await.unwrap(), "6 bytes, at most 5", "{protocol:?}");

        let answer = client.get(format!("{server}/large")).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-refused"]), (500, &"1".parse().unwrap()));
        assert_eq!(answer.text().await.unwrap(), "10 bytes, at most 9", "{protocol:?}");
    }
}
