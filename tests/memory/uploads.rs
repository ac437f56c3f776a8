//! An upload without end: a handler that keeps all it reads holds no more than the limit and what hyper buffers anyway.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Incoming;
use plimsoll::{Direction, KIB, Ledger, Limit, MIB, Outcome, ServerLayer};
use tower::{Layer, service_fn};

use super::ZEROS;
use super::gauge::{alone, peak_of};
use super::support::loopback::{Tasks, client, serve};
use super::support::protocol::Protocol;
use super::support::readings::only;

const LIMIT: u64 = 64 * KIB;
/// What was read, in a vector that doubles as it grows.
const LIMIT_IN_MEMORY: usize = 2 * 64 * 1024;
/// What a ledger of one series each way, and the error, may take.
const BOOK: usize = 16 * 1024;

/// Reads an upload, and keeps as much of it as it can get: how much came.
async fn read<B: Body<Data = Bytes> + Unpin>(request: Request<B>, keep: bool, read: Arc<AtomicU64>) -> Answer {
    let (mut body, mut kept) = (request.into_body(), Vec::new());
    let mut answer = Response::new(Empty::new());
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            break;
        };
        let data = frame.into_data().unwrap_or_default();
        read.fetch_add(data.len() as u64, SeqCst);
        if keep {
            kept.extend_from_slice(&data);
        }
    }
    Ok(answer)
}

type Answer = Result<Response<Empty<Bytes>>, Infallible>;

/// Uploads so many bytes to a real server in the same process: the most memory that was held, and how much was read.
fn to_server(protocol: Protocol, bytes: u64, ledger: Option<&Ledger>) -> (usize, u64) {
    let seen = Arc::new(AtomicU64::new(0));
    let (peak, ()) = peak_of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (tasks, counted, bare) = (Tasks::default(), Arc::clone(&seen), Arc::clone(&seen));
            let address = match ledger {
                Some(ledger) => {
                    let handler = service_fn(move |request| read(request, true, Arc::clone(&counted)));
                    let layer = ServerLayer::new(ledger).request_limit(Limit::reject_over(LIMIT));
                    serve(protocol, layer.layer(handler), &tasks).await
                }
                None => {
                    let handler = service_fn(move |request: Request<Incoming>| read(request, false, Arc::clone(&bare)));
                    serve(protocol, handler, &tasks).await
                }
            };
            let pieces =
                (0..bytes / ZEROS.len() as u64).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from_static(&ZEROS))));
            let upload = Request::post(format!("http://{address}/")).body(StreamBody::new(stream::iter(pieces)));
            // Over HTTP/1 the answer may be lost with its connection.
            let answer = client(protocol, &tasks).request(upload.unwrap()).await;
            assert!(answer.is_err() || ledger.is_some() == (answer.unwrap().status() == 413));
            tasks.end().await;
        });
    });
    (peak, seen.load(SeqCst))
}

#[test]
fn an_upload_without_end_takes_no_more_memory_than_the_limit_and_what_hyper_buffers() {
    let _alone = alone();
    for protocol in Protocol::BOTH {
        // What tokio and hyper allocate once and for all.
        to_server(protocol, LIMIT, None);
        let (bare, read) = to_server(protocol, 64 * MIB, None);
        assert_eq!(read, 64 * MIB, "{protocol:?}");

        let ledger = Ledger::new();
        let (peak, read) = to_server(protocol, u64::MAX, Some(&ledger));
        assert!(read <= LIMIT, "{protocol:?}: {read} bytes reached the handler");
        let room = bare + LIMIT_IN_MEMORY + BOOK;
        assert!(peak <= room, "{protocol:?}: a peak of {peak} bytes, over {room}: {bare} of them bare");
        assert_eq!(only(&ledger, Direction::Request).bodies(Outcome::RejectedStreaming), 1, "{protocol:?}");
    }
}
