//! A call through a layer allocates nothing that it would not allocate without.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use plimsoll::{ClientLayer, Direction, Ledger, Limit, Route, ServerLayer, UrlTemplate};
use tower::{Layer, Service, service_fn};

use super::gauge::{Asked, alone, asks};
use super::support::readings::only;

const CALLS: u64 = 1000;
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const LIMIT: Limit = Limit::reject_over(10_000).and_warn_over(9_000);

/// A request of five bytes that belongs to a sampled trace, and knows its route.
fn request() -> Request<Full<Bytes>> {
    let mut request = Request::post("http://inventory/checkout").body(Full::from("01234")).unwrap();
    request.headers_mut().insert("traceparent", HeaderValue::from_static(TRACE));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    request.extensions_mut().insert(Route("/checkout"));
    request.extensions_mut().insert(UrlTemplate("/checkout"));
    request
}

/// Reads the request, and answers with eight thousand bytes that are there already.
async fn handle<B: Body<Data = Bytes>>(request: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    static ANSWER: [u8; 8000] = [b'x'; 8000];
    let read = request.into_body().collect().await.unwrap_or_else(|_| panic!("it failed"));
    assert_eq!(read.to_bytes().len(), 5);
    Ok(Response::new(Full::new(Bytes::from_static(&ANSWER))))
}

/// What a number of calls asks for, each answer read to its end.
fn asked_by_calls<S, R>(mut service: S) -> Asked
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    asks(|| {
        for _ in 0..CALLS {
            let answer = service.call(request()).now_or_never().unwrap().unwrap_or_else(|_| panic!("it failed"));
            let read = answer.into_body().collect().now_or_never().unwrap().unwrap_or_else(|_| panic!("it failed"));
            assert_eq!(read.to_bytes().len(), 8000);
        }
    })
}

/// All calls were recorded, with an exemplar each way.
fn check_recorded(ledger: &Ledger) {
    for (direction, bytes) in [(Direction::Request, 5), (Direction::Response, 8000)] {
        let series = only(ledger, direction);
        assert_eq!((series.endpoint.route(), series.limit), (Some("/checkout"), LIMIT));
        assert_eq!(series.outcomes.total(), series.completed.count());
        assert_eq!(series.completed.sum(), series.completed.count() * bytes);
        assert_eq!(series.completed.count(), 11 * CALLS);
        let traces: Vec<_> = series.completed_exemplars.iter().map(plimsoll::Exemplar::trace_id).collect();
        assert_eq!(traces, [0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c], "{direction}");
    }
}

#[test]
fn a_server_layer_adds_no_allocation() {
    let _alone = alone();
    let bare = asked_by_calls(service_fn(handle));
    assert!(bare.times > 0, "{bare:?}");
    let ledger = Ledger::new();
    let layer = ServerLayer::new(&ledger).request_limit(LIMIT).response_limit(LIMIT);
    assert_eq!(asked_by_calls(layer.layer(service_fn(handle))), bare);
    check_recorded(&ledger);
}

#[test]
fn a_client_layer_adds_no_allocation() {
    let _alone = alone();
    let bare = asked_by_calls(service_fn(handle));
    let ledger = Ledger::new();
    let layer = ClientLayer::new(&ledger).upstream("inventory").request_limit(LIMIT).response_limit(LIMIT);
    assert_eq!(asked_by_calls(layer.layer(service_fn(handle))), bare);
    check_recorded(&ledger);
}

#[test]
fn a_layer_that_is_applied_for_every_call_adds_no_allocation() {
    let _alone = alone();
    let bare = asked_by_calls(service_fn(handle));
    let ledger = Ledger::new();
    let layer = ServerLayer::new(&ledger).request_limit(LIMIT).response_limit(LIMIT);
    // As axum does it.
    let applied = asked_by_calls(service_fn(|request| layer.layer(service_fn(handle)).call(request)));
    assert_eq!(applied, bare);
    check_recorded(&ledger);
}
