//! A storm of refusals, and what it does to connections: with and without the bounded drain, on both ends.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use http::{Method, Response};
use http_body_util::{BodyExt, Full};
use plimsoll::{Ledger, Limit, LimitExceeded, MIB, Outcome};
use tower::ServiceExt;

use super::service::{Handler, What};
use super::stack::{Call, Caller, Ends, Running, Stack, Upload};
use super::support::protocol::Protocol;
use super::{alone, nothing_is_left_behind};

const CALLS: u64 = 20;
/// So many callers at once.
const CROWD: usize = 4;
const LIMIT: u64 = 1_000;
/// Too large for the limit. An upload that is sent in one go, so that no broken pipe hides its refusal; and an answer
/// beyond what hyper has read already when it is dropped.
const UPLOAD: u64 = 16_000;
static ANSWER: [u8; 300_000] = [b'x'; 300_000];
const DRAIN: u64 = MIB;

/// Who refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Server,
    Client,
}

#[test]
fn a_server_that_refuses_uploads_keeps_its_connections_where_it_drains_them() {
    storm(Side::Server);
}

#[test]
fn a_client_that_refuses_answers_keeps_its_connections_where_it_drains_them() {
    storm(Side::Client);
}

fn storm(side: Side) {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stormed = |stack, protocol, drain| runtime.block_on(connections(stack, protocol, side, drain));
    nothing_is_left_behind(&runtime, |_| {
        for stack in Stack::ALL.iter().copied() {
            assert_eq!(stormed(stack, Protocol::Http1, DRAIN), 1, "{stack:?}");
            assert_eq!(stormed(stack, Protocol::Http1, 0), CALLS, "each refusal costs its connection: {stack:?}");
            assert_eq!(stormed(stack, Protocol::Http2, DRAIN), 1, "{stack:?}");
            assert_eq!(stormed(stack, Protocol::Http2, 0), 1, "a refusal ends its stream alone: {stack:?}");
        }
    });
}

/// How many connections so many refused calls take, one after the other. Then come as many from a crowd, and every one of
/// them is refused and counted.
async fn connections(stack: Stack, protocol: Protocol, side: Side, drain: u64) -> u64 {
    let limit = |of: Side| if of == side { Limit::reject_over(LIMIT) } else { Limit::unlimited() };
    let ends = Ends::new(
        &Ledger::new(),
        |server| server.request_limit(limit(Side::Server)).drain_refused_up_to(drain),
        |client| client.response_limit(limit(Side::Client)).drain_refused_up_to(drain),
    );
    let server = Running::start(stack, protocol, &ends, reading());
    let caller = server.caller(0);
    for _ in 0..CALLS {
        refused(caller.clone(), side).await;
    }
    let connections = ends.begun.get(What::Connection);
    let crowd = (0..CROWD).map(async |_| {
        for _ in 0..CALLS {
            refused(caller.clone(), side).await;
        }
    });
    join_all(crowd).await;
    drop(caller);
    server.end().await;
    let case = format!("{stack:?}, {protocol:?}, {side:?}, drained up to {drain}");
    ends.all_counted(&case).await;
    let refused = ends.ledger.snapshot().outcomes().get(Outcome::RejectedEarly);
    assert_eq!(refused, CALLS * (1 + CROWD as u64), "{case}");
    connections
}

/// Reads what comes, and answers with much.
fn reading() -> Handler {
    Arc::new(|request| {
        let answer = async {
            let _read = request.into_body().collect().await;
            Response::new(Full::new(Bytes::from_static(&ANSWER)).boxed())
        };
        FutureExt::boxed(answer)
    })
}

async fn refused(caller: Caller, side: Side) {
    let upload = Upload::Bytes(if side == Side::Server { UPLOAD } else { 10 });
    match caller.oneshot(Call { method: Method::POST, path: "/storm".into(), upload }).await {
        Ok(answer) => {
            assert_eq!((side, answer.status().as_u16()), (Side::Server, 413));
            answer.into_body().collect().await.unwrap();
        }
        Err(error) => assert!(side == Side::Client && LimitExceeded::find(&*error).is_some(), "{error}"),
    }
}
