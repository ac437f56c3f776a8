//! A storm of refusals, and what it does to connections: with and without the bounded drain, on both ends.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use plimsoll::{ClientLayer, Ledger, Limit, MIB, Outcome, ServerLayer};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::alone;
use super::service::{AnyBody, full};
use super::support::loopback::{Tasks, client, serve_connection};
use super::support::protocol::Protocol;

const CALLS: u64 = 60;
const LIMIT: u64 = 1_000;
/// Too large for the limit. An upload that is sent in one go, so that no broken pipe hides its refusal; and an answer
/// beyond what hyper has read already when it is dropped.
const UPLOAD: u64 = 16_000;
const ANSWER: u64 = 300_000;
const DRAIN: u64 = MIB;

/// Serves, and counts the connections that are opened.
async fn counting<S>(protocol: Protocol, service: S, tasks: &Tasks) -> (SocketAddr, Arc<AtomicU64>)
where
    S: Service<Request<Incoming>, Error = Infallible> + Clone + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<plimsoll::ServerBody<AnyBody>>>,
    S::Future: Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (opened, connections) = (Arc::new(AtomicU64::new(0)), tasks.clone());
    let count = Arc::clone(&opened);
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, SeqCst);
            stream.set_nodelay(true).unwrap();
            connections.spawn(serve_connection(protocol, stream, service.clone(), connections.clone()));
        }
    });
    (address, opened)
}

/// How many connections so many refused calls take, one after the other; every one of them is refused and counted.
fn connections(protocol: Protocol, server: &ServerLayer, caller: &ClientLayer, upload: u64, ledger: &Ledger) -> u64 {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks = Tasks::default();
        let handler = service_fn(async |request: Request<_>| {
            let _read = BodyExt::collect(request.into_body()).await;
            Ok::<_, Infallible>(Response::new(full(ANSWER)))
        });
        let (address, opened) = counting(protocol, server.layer(handler), &tasks).await;
        let caller = caller.layer(client(protocol, &tasks));
        for _ in 0..CALLS {
            let body = Full::new(Bytes::from(vec![b'x'; usize::try_from(upload).unwrap()]));
            let request = Request::post(format!("http://{address}/storm")).body(body).unwrap();
            match caller.clone().oneshot(request).await {
                Ok(answer) => {
                    assert_eq!(answer.status(), 413);
                    answer.into_body().collect().await.unwrap();
                }
                Err(error) => assert!(error.limit_exceeded().is_some(), "{error}"),
            }
        }
        tasks.end().await;
        let refused = ledger.snapshot().outcomes().get(Outcome::RejectedEarly);
        assert_eq!(refused, CALLS, "{protocol:?}");
        opened.load(SeqCst)
    })
}

#[test]
fn a_server_that_refuses_uploads_keeps_its_connections_where_it_drains_them() {
    let stormed = |protocol, drain| {
        let ledger = Ledger::new();
        let server = ServerLayer::new(&ledger).request_limit(Limit::reject_over(LIMIT)).drain_refused_up_to(drain);
        connections(protocol, &server, &ClientLayer::new(&Ledger::new()), UPLOAD, &ledger)
    };
    assert_eq!(stormed(Protocol::Http1, DRAIN), 1);
    assert_eq!(stormed(Protocol::Http1, 0), CALLS, "each refusal closes its connection");
    assert_eq!(stormed(Protocol::Http2, DRAIN), 1);
    assert_eq!(stormed(Protocol::Http2, 0), 1, "a refusal ends its stream alone");
}

#[test]
fn a_client_that_refuses_answers_keeps_its_connections_where_it_drains_them() {
    let stormed = |protocol, drain| {
        let ledger = Ledger::new();
        let caller = ClientLayer::new(&ledger).response_limit(Limit::reject_over(LIMIT)).drain_refused_up_to(drain);
        connections(protocol, &ServerLayer::new(&Ledger::new()), &caller, 10, &ledger)
    };
    assert_eq!(stormed(Protocol::Http1, DRAIN), 1);
    assert_eq!(stormed(Protocol::Http1, 0), CALLS, "each refusal loses its connection");
    assert_eq!(stormed(Protocol::Http2, DRAIN), 1);
    assert_eq!(stormed(Protocol::Http2, 0), 1, "a refusal ends its stream alone");
}
