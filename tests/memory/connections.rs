//! Calls over hyper's own connections, both ends in this process: our layers add no allocation to them.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use plimsoll::{ClientLayer, Ledger, Limit, Outcome, ServerLayer, UrlTemplate};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use super::gauge::{alone, asks};
use super::support::loopback::{Tasks, client, serve};
use super::support::protocol::Protocol;

const CALLS: u64 = 50;
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const LIMIT: Limit = Limit::reject_over(10_000).and_warn_over(9_000);
static ANSWER: [u8; 8000] = [b'x'; 8000];

async fn handle<B: Body<Data = Bytes>>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let read = request.into_body().collect().await.unwrap_or_else(|_| panic!("it failed"));
    assert_eq!(read.to_bytes().len(), 5);
    Ok(Response::new(Full::new(Bytes::from_static(&ANSWER))))
}

/// How often the allocator is asked while so many calls go over one connection.
fn asked_by_connection<S, R, C, A>(protocol: Protocol, server: S, caller: impl FnOnce(&Tasks) -> C) -> usize
where
    S: Service<Request<Incoming>, Response = Response<R>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
    C: Service<Request<Full<Bytes>>, Response = Response<A>>,
    A: Body<Data = Bytes>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tasks = Tasks::default();
    let address = runtime.block_on(serve(protocol, server, &tasks));
    let url: http::Uri = format!("http://{address}/checkout").parse().unwrap();
    let mut caller = caller(&tasks);
    let asked = asks(|| {
        runtime.block_on(async {
            for _ in 0..CALLS {
                let mut request = Request::post(url.clone()).body(Full::new(Bytes::from_static(b"01234"))).unwrap();
                request.headers_mut().insert("traceparent", HeaderValue::from_static(TRACE));
                request.extensions_mut().insert(UrlTemplate("/checkout"));
                let answer = caller.ready().await.unwrap_or_else(|_| panic!("not ready")).call(request).await;
                let answer = answer.unwrap_or_else(|_| panic!("it failed")).into_body().collect().await;
                assert_eq!(answer.unwrap_or_else(|_| panic!("it was cut")).to_bytes().len(), ANSWER.len());
            }
        });
    });
    runtime.block_on(tasks.end());
    asked.times
}

#[test]
fn layers_on_both_ends_of_a_connection_add_no_allocation() {
    let _alone = alone();
    for protocol in Protocol::BOTH {
        let bare = asked_by_connection(protocol, service_fn(handle), |tasks| client(protocol, tasks));
        assert!(bare as u64 > CALLS, "{protocol:?}: {bare}");
        let ledger = Ledger::new();
        let server = ServerLayer::new(&ledger).request_limit(LIMIT).response_limit(LIMIT);
        let server = server.route(|_, _| Some("/checkout".into()));
        let caller = ClientLayer::new(&ledger).upstream("inventory").request_limit(LIMIT).response_limit(LIMIT);
        let layered = asked_by_connection(protocol, server.layer(service_fn(handle)), |tasks| {
            caller.layer(client(protocol, tasks))
        });
        assert_eq!(layered, bare, "{protocol:?}");
        let snapshot = ledger.snapshot();
        assert_eq!(snapshot.outcomes().get(Outcome::Complete), 4 * 11 * CALLS, "{protocol:?}");
        assert_eq!(snapshot.outcomes().total(), 4 * 11 * CALLS, "{protocol:?}");
        for series in snapshot.series() {
            assert_eq!(series.completed_exemplars.len(), 1, "{protocol:?}: {series:?}");
        }
    }
}
