//! Which limit holds: the layer's, the endpoint's, the request's, and axum's own.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request};
use axum::http::{Method, Response};
use axum::middleware::{self, Next};
use axum::routing::post;
use axum::{Extension, Router};
use plimsoll::{BodyLimits, Enforcement, Ledger, Limit, MIB, Refusal, ServerLayer};

use crate::ask;
use crate::support::book::{book, book_reads};
use crate::support::protocol::Protocol;
use crate::support::wire::serve;

async fn length(body: Bytes) -> String {
    body.len().to_string()
}

fn uploads() -> Router {
    Router::new().route("/upload", post(length)).route("/avatar", post(length))
}

/// A body of which axum knows the length, and one of which it does not.
fn bodies(bytes: u64) -> [Body; 2] {
    let bytes = Bytes::from(vec![b'x'; usize::try_from(bytes).unwrap()]);
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes.clone())]);
    [Body::from(bytes), Body::from_stream(stream)]
}

#[tokio::test]
async fn three_mebibytes_pass_a_limit_of_ten_whatever_axum_says_by_default() {
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let ledger = Ledger::new();
        let app = uploads().layer(ServerLayer::new(&ledger).request_limit(Limit::reject_over(10 * MIB)));
        let server = serve(app).await;

        let answer = client.post(format!("{server}/upload")).body(vec![b'x'; 3 << 20]).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "3145728", "{protocol:?}");
        book_reads(
            &ledger,
            &[
                "server request POST /upload: 1 complete, 3145728 B",
                "server response POST /upload 200: 1 complete, 7 B",
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn a_request_for_which_axum_s_default_is_lifted_keeps_what_it_carries() {
    let handler = async |Path(id): Path<u32>, Extension(kept): Extension<&'static str>, body: Bytes| {
        format!("{id} {kept} {}", body.len())
    };
    let app = Router::new()
        .route("/{id}", post(handler))
        .layer(ServerLayer::new(&Ledger::new()).request_limit(Limit::reject_over(10 * MIB)))
        .layer(Extension("kept"));
    for body in bodies(3 * MIB) {
        assert_eq!(ask(&app, Method::POST, "/7", body).await, (200, "7 kept 3145728".to_owned()));
    }
}

#[tokio::test]
async fn an_endpoint_without_a_limit_has_none_of_axum_s_and_one_that_only_warns_keeps_it() {
    for (limit, upload) in [(Limit::unlimited(), 200), (Limit::warn_over(1), 413), (Limit::warn_over(10 * MIB), 413)] {
        let limits = BodyLimits::new().request(limit);
        let app = uploads().layer(ServerLayer::new(&Ledger::new()).limits_for("POST /upload", limits));
        for (path, status) in [("/upload", upload), ("/avatar", 413)] {
            for body in bodies(3 * MIB) {
                assert_eq!(ask(&app, Method::POST, path, body).await.0, status, "{path} under {limit}");
            }
        }
    }
}

#[tokio::test]
async fn without_a_rejecting_limit_axum_s_default_stands() {
    for limit in [Limit::unlimited(), Limit::warn_over(10 * MIB), Limit::warn_over(MIB)] {
        let app = uploads().layer(ServerLayer::new(&Ledger::new()).request_limit(limit));
        for body in bodies(3 * MIB) {
            let (status, text) = ask(&app, Method::POST, "/upload", body).await;
            assert_eq!((status, text.as_str()), (413, "Failed to buffer the request body: length limit exceeded"));
        }
    }
}

#[tokio::test]
async fn a_limit_that_the_switch_has_warn_lets_pass_what_axum_would_not() {
    let ledger = Ledger::new();
    let app = uploads().layer(ServerLayer::new(&ledger).request_limit(Limit::reject_over(3 * MIB)));
    for (enforcement, status) in [(Enforcement::Reject, 413), (Enforcement::WarnOnly, 200)] {
        ledger.set_enforcement(enforcement);
        for body in bodies(4 * MIB) {
            assert_eq!(ask(&app, Method::POST, "/upload", body).await.0, status, "{enforcement:?}");
        }
    }
}

#[tokio::test]
async fn a_smaller_limit_of_ours_comes_before_axum_s() {
    let app = uploads().layer(ServerLayer::new(&Ledger::new()).request_limit(Limit::reject_over(MIB)));
    for body in bodies(3 * MIB) {
        let (status, text) = ask(&app, Method::POST, "/upload", body).await;
        assert_eq!(status, 413);
        assert!(text.contains(r#""limit":1048576"#), "{text}");
    }
}

#[tokio::test]
async fn a_limit_that_axum_was_given_inside_ours_stands() {
    let app = uploads()
        .layer(DefaultBodyLimit::max(5))
        .layer(ServerLayer::new(&Ledger::new()).request_limit(Limit::reject_over(10 * MIB)));
    for body in bodies(6) {
        let (status, text) = ask(&app, Method::POST, "/upload", body).await;
        assert_eq!((status, text.as_str()), (413, "Failed to buffer the request body: length limit exceeded"));
    }
}

#[tokio::test]
async fn of_several_layers_the_smallest_limit_holds_and_each_body_is_counted_once() {
    let ledger = Ledger::new();
    let layer = |limit| {
        let refuse = |_: &Refusal<'_>| Response::builder().status(413).body(Bytes::from("too long")).unwrap();
        ServerLayer::new(&ledger).request_limit(Limit::reject_over(limit)).on_refusal(refuse)
    };
    let app = Router::new()
        .route("/avatar", post(length).layer(layer(10)))
        .route("/upload", post(length).layer(layer(1000)))
        .layer(layer(100));

    for (path, bytes, status) in
        [("/avatar", 10, 200), ("/avatar", 11, 413), ("/upload", 100, 200), ("/upload", 101, 413)]
    {
        for body in bodies(bytes) {
            assert_eq!(ask(&app, Method::POST, path, body).await.0, status, "{path} {bytes}");
        }
    }
    assert_eq!(
        book(&ledger),
        [
            "server request POST /avatar: 2 complete, 1 rejected_early, 1 rejected_streaming, 20 B, 42 B offered, \
             2 over limit",
            "server response POST /avatar 200: 2 complete, 4 B",
            "server response POST /avatar 413: 2 complete, 16 B",
            "server request POST /upload: 2 complete, 1 rejected_early, 1 rejected_streaming, 200 B, 402 B offered, \
             2 over limit",
            "server response POST /upload 200: 2 complete, 6 B",
            // What the handler answered to the upload that the outer layer broke off: a 413 took its place.
            "server response POST /upload 400: 1 unread, 0 B",
            "server response POST /upload 413: 2 complete, 16 B",
        ]
    );
}

#[tokio::test]
async fn an_endpoint_s_own_limit_stands_in_place_of_the_layer_s() {
    let layer = ServerLayer::new(&Ledger::new())
        .request_limit(Limit::reject_over(10))
        .limits_for("POST /upload", BodyLimits::new().request(Limit::reject_over(3 * MIB)));
    let app = uploads().layer(layer);

    assert_eq!(ask(&app, Method::POST, "/upload", vec![0; 3 << 20]).await, (200, "3145728".into()));
    assert_eq!(ask(&app, Method::POST, "/avatar", vec![0; 11]).await.0, 413);
}

#[tokio::test]
async fn a_request_s_own_limit_may_depend_on_who_asks() {
    async fn trust(mut request: Request, next: Next) -> axum::response::Response {
        if request.headers().contains_key("x-partner") {
            request.extensions_mut().insert(BodyLimits::new().request(Limit::reject_over(100)));
        }
        next.run(request).await
    }

    // The last layer is the first to see a request.
    let app = uploads()
        .layer(ServerLayer::new(&Ledger::new()).request_limit(Limit::reject_over(10)))
        .layer(middleware::from_fn(trust));
    let server = serve(app).await;
    for protocol in Protocol::BOTH {
        let client = protocol.reqwest();
        let upload = || client.post(format!("{server}/upload")).body(vec![0; 50]);
        assert_eq!(upload().send().await.unwrap().status(), 413, "{protocol:?}");
        assert_eq!(upload().header("x-partner", "yes").send().await.unwrap().status(), 200, "{protocol:?}");
    }
}
