//! A gigabyte from an upstream, and more than that: memory stays within the limit and what hyper buffers anyway.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, StreamBody};
use plimsoll::{ClientLayer, Direction, GIB, KIB, Ledger, Limit, LimitExceeded, Outcome};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use super::ZEROS;
use super::gauge::{alone, peak_of};
use super::support::loopback::{Tasks, client, serve};
use super::support::protocol::Protocol;
use super::support::readings::{eventually, only};

const LIMIT: u64 = 64 * KIB;
const LIMIT_IN_MEMORY: usize = 64 * 1024;
/// What a ledger of one series each way, and the error, may take.
const BOOK: usize = 16 * 1024;

/// How much an upstream has sent, and whether it was told to stop.
#[derive(Clone, Default)]
struct Sent(Arc<(AtomicU64, AtomicBool)>);

impl Sent {
    fn bytes(&self) -> u64 {
        self.0.0.load(Ordering::SeqCst)
    }

    fn is_dropped(&self) -> bool {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// Says when the body that holds it is dropped.
struct Dropped(Sent);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.1.store(true, Ordering::SeqCst);
    }
}

/// So many bytes of unknown length, from one static piece.
fn zeros(bytes: u64, sent: Sent) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    let dropped = Dropped(sent);
    stream::iter(0..bytes / ZEROS.len() as u64).map(move |_| {
        dropped.0.0.0.fetch_add(ZEROS.len() as u64, Ordering::SeqCst);
        Ok(Frame::data(Bytes::from_static(&ZEROS)))
    })
}

/// What came of a call.
#[derive(Debug)]
struct Read {
    bytes: u64,
    refused: Option<LimitExceeded>,
}

/// Reads an answer as far as it goes: each frame is dropped, or all are kept as one who parses them would.
async fn read<S, R>(mut service: S, url: String, keep: bool) -> Read
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Unpin,
    R::Error: Into<BoxError>,
{
    let request = Request::get(url).body(Empty::new()).unwrap();
    let answer = service.ready().await.map_err(Into::into).unwrap().call(request).await.map_err(Into::into).unwrap();
    let (mut body, mut kept) = (answer.into_body(), Vec::new());
    let mut read = Read { bytes: 0, refused: None };
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                let data = frame.into_data().unwrap();
                read.bytes += data.len() as u64;
                if keep {
                    kept.extend_from_slice(&data);
                }
            }
            Err(error) => {
                read.refused = LimitExceeded::find(&*error.into()).cloned();
                break;
            }
        }
    }
    assert_eq!(kept.len() as u64, if keep { read.bytes } else { 0 });
    read
}

/// How a client reads.
enum Reader<'a> {
    Bare,
    Layered { ledger: &'a Ledger, limit: Limit, keep: bool },
}

/// Reads so many bytes from a real upstream in the same process: the most memory that was held, and what came.
fn from_upstream(protocol: Protocol, bytes: u64, reader: &Reader<'_>) -> (usize, Read, Sent) {
    let sent = Sent::default();
    let (peak, read) = peak_of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let tasks = Tasks::default();
            let upstream = sent.clone();
            let answers = service_fn(move |_| {
                let body = StreamBody::new(zeros(bytes, upstream.clone()));
                std::future::ready(Ok::<_, Infallible>(Response::new(body)))
            });
            let url = format!("http://{}/", serve(protocol, answers, &tasks).await);
            let read = match reader {
                Reader::Bare => read(client(protocol, &tasks), url, false).await,
                Reader::Layered { ledger, limit, keep } => {
                    let layer = ClientLayer::new(ledger).upstream("zeros").response_limit(*limit);
                    read(layer.layer(client(protocol, &tasks)), url, *keep).await
                }
            };
            // The upstream is rid of its body, whether it was read to its end or refused.
            eventually(|| sent.is_dropped().then_some(())).await;
            tasks.end().await;
            read
        })
    });
    (peak, read, sent)
}

#[test]
fn a_gigabyte_takes_no_more_memory_than_the_limit_and_what_hyper_buffers() {
    let _alone = alone();
    for protocol in Protocol::BOTH {
        // What tokio and hyper allocate once and for all.
        from_upstream(protocol, LIMIT, &Reader::Bare);
        let (bare, read, _) = from_upstream(protocol, GIB, &Reader::Bare);
        assert_eq!((read.bytes, read.refused), (GIB, None), "{protocol:?}");

        let ledger = Ledger::new();
        let limited = Reader::Layered { ledger: &ledger, limit: Limit::reject_over(LIMIT), keep: true };
        let (peak, read, sent) = from_upstream(protocol, GIB, &limited);
        let refused = read.refused.unwrap_or_else(|| panic!("{protocol:?}: not refused"));
        assert!(read.bytes <= LIMIT && refused.seen() > LIMIT, "{protocol:?}: {} delivered, {refused:?}", read.bytes);
        assert!(sent.bytes() < GIB / 8, "{protocol:?}: the upstream sent {} bytes", sent.bytes());
        let room = bare + LIMIT_IN_MEMORY + BOOK;
        assert!(peak <= room, "{protocol:?}: a peak of {peak} bytes, over {room}: {bare} of them bare");
        check_book(&ledger, Outcome::RejectedStreaming, (0, refused.seen(), 1));

        // And one that only warns reads all of it, in the memory of the bare one.
        let ledger = Ledger::new();
        let warned = Reader::Layered { ledger: &ledger, limit: Limit::warn_over(LIMIT), keep: false };
        let (peak, read, _) = from_upstream(protocol, GIB, &warned);
        assert_eq!((read.bytes, read.refused), (GIB, None), "{protocol:?}");
        let room = bare + BOOK;
        assert!(peak <= room, "{protocol:?}: a peak of {peak} bytes, over {room}: {bare} of them bare");
        check_book(&ledger, Outcome::Complete, (GIB, GIB, 1));
    }
}

/// Exactly one response, with this outcome: bytes completed, bytes offered, times over the limit.
fn check_book(ledger: &Ledger, outcome: Outcome, (completed, offered, over): (u64, u64, u64)) {
    let response = only(ledger, Direction::Response);
    assert_eq!((response.bodies(outcome), response.outcomes.total()), (1, 1), "{outcome:?}");
    assert_eq!((response.completed.sum(), response.offered.sum(), response.over_limit), (completed, offered, over));
    let request = only(ledger, Direction::Request);
    assert_eq!((request.bodies(Outcome::Complete), request.outcomes.total()), (1, 1));
}

#[test]
fn an_endless_body_stops_at_the_limit_and_its_upstream_is_told() {
    let _alone = alone();
    for protocol in Protocol::BOTH {
        let ledger = Ledger::new();
        let limited = Reader::Layered { ledger: &ledger, limit: Limit::reject_over(LIMIT), keep: true };
        // More than anybody could send while this runs: only a refusal ends it.
        let (_, read, sent) = from_upstream(protocol, u64::MAX, &limited);
        let refused = read.refused.unwrap_or_else(|| panic!("{protocol:?}: not refused"));
        assert_eq!((refused.limit(), refused.declared()), (LIMIT, None), "{protocol:?}");
        assert!(read.bytes <= LIMIT, "{protocol:?}: {} bytes delivered", read.bytes);
        assert!(sent.is_dropped(), "{protocol:?}");
        check_book(&ledger, Outcome::RejectedStreaming, (0, refused.seen(), 1));
    }
}
