//! Calls of every kind at once, most of which go wrong: bodies begun are bodies counted, and nothing is left behind.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use http_body_util::BodyExt;
use plimsoll::{Ledger, Limit, ManualClock};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::broken::broken_off;
use super::service::{LIMIT, PATHS, UPLOAD_LIMIT, frames, misbehaving};
use super::stack::{Call, Caller, Ends, Running, Stack, Upload};
use super::support::protocol::Protocol;
use super::{PATIENCE, Random, alone, nothing_is_left_behind, turns};

const CALLERS: u64 = 8;
const CALLS: u64 = 40;

#[test]
fn whatever_goes_wrong_each_body_is_counted_once_and_nothing_is_left_behind() {
    goes_wrong(Stack::Hyper);
}

#[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
#[test]
fn through_axum_and_reqwest_each_body_is_counted_once_and_nothing_is_left_behind() {
    goes_wrong(Stack::Frameworks);
}

fn goes_wrong(stack: Stack) {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_000_000));
    // Fewer than there are names and status codes.
    let ledger = Ledger::builder().max_series(64).clock(time.clock()).build();
    let ends = Ends::new(
        &ledger,
        |server| {
            let server =
                server.request_limit(Limit::reject_over(UPLOAD_LIMIT)).response_limit(Limit::reject_over(LIMIT));
            // axum knows its routes.
            if stack == Stack::Hyper { server.route(|uri, _| Some(uri.path().into())) } else { server }
        },
        |client| {
            client
                .request_limit(Limit::warn_over(UPLOAD_LIMIT / 2))
                .response_limit(Limit::reject_over(LIMIT / 2))
                .url_template(|_, path| Some(path.to_owned().into()))
        },
    );
    nothing_is_left_behind(&runtime, |round| {
        for protocol in Protocol::BOTH {
            runtime.block_on(one_round(stack, protocol, round, &ends, &time));
        }
    });
    assert!(ledger.has_overflowed());
    let outcomes = ledger.snapshot().outcomes();
    assert!(outcomes.iter().all(|(_, bodies)| bodies > 0), "each way to end: {outcomes:?}");
}

async fn one_round(stack: Stack, protocol: Protocol, round: u64, ends: &Ends, time: &ManualClock) {
    let gate = Arc::new(Semaphore::new(0));
    let server = Running::start(stack, protocol, ends, misbehaving(&gate));
    let mut callers = JoinSet::new();
    for caller in 1..=CALLERS {
        let random = Random(round * 1_000 + caller);
        callers.spawn(calls(protocol, server.address, server.caller(caller), random, time.clone()));
    }
    let done = async {
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("the calls come to an end");
    // What is still open ends here, on both ends.
    gate.close();
    server.end().await;
    ends.all_counted(&format!("{stack:?}, {protocol:?}, round {round}")).await;
}

async fn calls(protocol: Protocol, address: SocketAddr, caller: Caller, mut random: Random, time: ManualClock) {
    for _ in 0..CALLS {
        // Forwards and back, by up to twelve days.
        time.set(UNIX_EPOCH + Duration::from_secs(random.below(2_000_000)));
        if random.below(8) == 0 {
            broken_off(protocol, address, &mut random).await;
            continue;
        }
        let call = any_call(&mut random);
        let hangs = call.path == "/hang" || random.below(4) == 0;
        let patience = if hangs { random.below(400) } else { u64::MAX };
        // A call that is not waited for any longer is dropped where it stands.
        let answer = tokio::select! {
            biased;
            answer = caller.clone().oneshot(call) => answer,
            () = turns(patience) => continue,
        };
        let Ok(answer) = answer else { continue };
        let (mut body, frames) = (answer.into_body(), random.pick(&[0, 1, 3, u64::MAX]));
        for _ in 0..frames {
            let Some(Ok(_)) = body.frame().await else { break };
            turns(random.below(5)).await;
        }
    }
}

fn any_call(random: &mut Random) -> Call {
    let path = match random.below(10) {
        0..6 => random.pick(&PATHS).to_owned(),
        6 | 7 => format!("/made-up/{}", random.below(1_000)),
        _ => format!("/status/{}", 200 + random.below(800)),
    };
    let upload = match random.below(6) {
        0 => Upload::Nothing,
        1 => Upload::Bytes(UPLOAD_LIMIT / 2 + 1),
        2 => Upload::Bytes(UPLOAD_LIMIT + 1),
        3 => Upload::Bytes(1),
        4 => Upload::Frames(frames(20)),
        _ => Upload::Frames(frames(4)),
    };
    Call { method: Method::POST, path, upload }
}
