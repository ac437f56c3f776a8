//! Calls of every kind at once, most of which go wrong: bodies begun are bodies counted, and nothing is left behind.

use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use plimsoll::{ClientLayer, Direction, Ledger, Limit, ManualClock, MeteredBody, Role, ServerLayer};
use tokio::task::{JoinSet, yield_now};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::service::{AnyBody, Begun, LIMIT, PATHS, UPLOAD_LIMIT, What, empty, frames, full, handle};
use super::support::loopback::{Tasks, client, serve};
use super::support::protocol::Protocol;
use super::support::raw::Raw;
use super::support::readings::eventually;
use super::{Random, alone, descriptors, live_bytes, rounds};

const CALLERS: u64 = 8;
const CALLS: u64 = 40;
/// What the runtime and the test's own lists may differ by from round to round, in bytes.
const NOISE: usize = 128 << 10;

#[test]
fn whatever_goes_wrong_each_body_is_counted_once_and_nothing_is_left_behind() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_000_000));
    // Fewer than there are names and status codes.
    let ledger = Ledger::builder().max_series(64).clock(time.clock()).build();
    let begun = Begun::default();
    let mut settled = None;
    for round in 1..=rounds().max(3) {
        for protocol in Protocol::BOTH {
            runtime.block_on(one_round(protocol, round, &ledger, &begun, &time));
        }
        let alive = runtime.block_on(eventually_none(|| runtime.metrics().num_alive_tasks()));
        assert_eq!(alive, 0, "tasks after round {round}");
        // The first round warms up what is made once: names, series, the octaves of their sizes.
        if round == 2 {
            settled = Some((live_bytes(), descriptors()));
        }
    }
    let (bytes, open) = settled.unwrap();
    let grown = live_bytes().saturating_sub(bytes);
    assert!(grown < NOISE, "{grown} bytes more than after the second round");
    assert_eq!(descriptors(), open, "descriptors");
    assert!(ledger.has_overflowed());
    let outcomes = ledger.snapshot().outcomes();
    assert!(outcomes.iter().all(|(_, bodies)| bodies > 0), "each way to end: {outcomes:?}");
}

/// Waits for a count to come to nothing, as long as that may take.
async fn eventually_none(count: impl Fn() -> usize) -> usize {
    eventually(|| (count() == 0).then_some(0)).await
}

async fn one_round(protocol: Protocol, round: u64, ledger: &Ledger, begun: &Begun, time: &ManualClock) {
    let tasks = Tasks::default();
    let address = server(protocol, ledger, begun, &tasks).await;
    let mut callers = JoinSet::new();
    for caller in 1..=CALLERS {
        let random = Random(round * 1_000 + caller);
        callers.spawn(calls(protocol, address, ledger.clone(), begun.clone(), tasks.clone(), random, time.clone()));
    }
    let done = async {
        while let Some(ended) = callers.join_next().await {
            ended.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(120), done).await.expect("the calls come to an end");
    // What is still open is dropped here, on both ends.
    tasks.end().await;
    let counted = || {
        [
            (Role::Server, Direction::Request, begun.get(What::ServerRequest)),
            (Role::Server, Direction::Response, begun.get(What::ServerResponse) + begun.get(What::ServerRefused)),
            (Role::Client, Direction::Request, begun.get(What::ClientRequest)),
            (Role::Client, Direction::Response, begun.get(What::ClientResponse)),
        ]
        .map(|(role, direction, begun)| (samples(ledger, role, direction), begun))
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while counted().iter().any(|(samples, begun)| samples != begun) && tokio::time::Instant::now() < deadline {
        yield_now().await;
    }
    for (samples, begun) in counted() {
        assert_eq!(samples, begun, "{protocol:?}, round {round}: {:?}", counted());
    }
}

/// Bodies of all outcomes, the overflow's included.
fn samples(ledger: &Ledger, role: Role, direction: Direction) -> u64 {
    let mut sum = 0;
    ledger.visit(|series| {
        if series.endpoint().role() == role && series.direction() == direction {
            sum += series.outcomes().total();
        }
    });
    sum
}

async fn server(protocol: Protocol, ledger: &Ledger, begun: &Begun, tasks: &Tasks) -> SocketAddr {
    let refused = begun.clone();
    let layer = ServerLayer::new(ledger)
        .request_limit(Limit::reject_over(UPLOAD_LIMIT))
        .response_limit(Limit::reject_over(LIMIT))
        .route(|uri, _| Some(uri.path().into()))
        .on_refusal(move |refusal| {
            if refusal.exceeded().direction() == Some(Direction::Response) {
                refused.add(What::ServerRefused);
            }
            refusal.response()
        });
    let (service, begun) = (layer.layer(service_fn(handle)), begun.clone());
    let counted = service_fn(move |request: Request<Incoming>| {
        begun.add(What::ServerRequest);
        let (answer, begun) = (service.clone().call(request), begun.clone());
        async move {
            let answer = answer.await;
            begun.add(What::ServerResponse);
            answer
        }
    });
    serve(protocol, counted, tasks).await
}

async fn calls(
    protocol: Protocol,
    address: SocketAddr,
    ledger: Ledger,
    begun: Begun,
    tasks: Tasks,
    mut random: Random,
    time: ManualClock,
) {
    let (http, arrived) = (client::<MeteredBody<AnyBody>>(protocol, &tasks), begun.clone());
    let counted = service_fn(move |request: Request<MeteredBody<AnyBody>>| {
        let (answer, arrived) = (http.request(request), arrived.clone());
        async move { answer.await.inspect(|_| arrived.add(What::ClientResponse)) }
    });
    let layer = ClientLayer::new(&ledger)
        .upstream("soak")
        .request_limit(Limit::warn_over(UPLOAD_LIMIT / 2))
        .response_limit(Limit::reject_over(LIMIT / 2))
        .url_template(|_, path| Some(path.to_owned().into()));
    let service = layer.layer(counted);
    for _ in 0..CALLS {
        // Forwards and back, by up to twelve days.
        time.set(UNIX_EPOCH + Duration::from_secs(random.below(2_000_000)));
        if protocol == Protocol::Http1 && random.below(8) == 0 {
            broken_off(address, &mut random).await;
            continue;
        }
        let path = match random.below(10) {
            0..6 => random.pick(&PATHS).to_owned(),
            6 | 7 => format!("/made-up/{}", random.below(1_000)),
            _ => format!("/status/{}", 200 + random.below(800)),
        };
        let body = match random.below(5) {
            0 => empty(),
            1 => full(UPLOAD_LIMIT / 2 + 1),
            2 => full(UPLOAD_LIMIT + 1),
            3 => frames(20),
            _ => frames(4),
        };
        let hangs = path == "/hang" || random.below(4) == 0;
        let patience = if hangs { random.below(400) } else { u64::MAX };
        let request =
            Request::builder().method(Method::POST).uri(format!("http://{address}{path}")).body(body).unwrap();
        begun.add(What::ClientRequest);
        // A call that is not waited for any longer is dropped where it stands.
        let answer = tokio::select! {
            biased;
            answer = service.clone().oneshot(request) => answer,
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

/// Lets the others go first, so often.
async fn turns(count: u64) {
    for _ in 0..count {
        yield_now().await;
    }
}

/// A connection that breaks off in the middle of a head, of a body or of an answer.
async fn broken_off(address: SocketAddr, random: &mut Random) {
    let mut raw = Raw::connect(address).await;
    let sent = random.pick(&[
        "POST /read HTTP/1.1\r\nhost: soak\r\ncontent-len",
        "POST /read HTTP/1.1\r\nhost: soak\r\ncontent-length: 500\r\n\r\nhalf",
        "POST /read HTTP/1.1\r\nhost: soak\r\ntransfer-encoding: chunked\r\n\r\n5\r\nchu",
        "GET /forever HTTP/1.1\r\nhost: soak\r\n\r\n",
        "GET /stream HTTP/1.1\r\nhost: soak\r\n\r\nwhat is no request",
    ]);
    let _broken = raw.try_send(sent).await;
    if sent.starts_with("GET") {
        raw.at_most(100).await;
    }
    turns(random.below(20)).await;
}
