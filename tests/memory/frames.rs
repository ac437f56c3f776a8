//! Frames pass a metered body as they are: no copy, no allocation, however many there are.

use std::convert::Infallible;
use std::pin::{Pin, pin};

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use plimsoll::{ClientLayer, Ledger, Limit, MeteredBody, Outcome, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

use super::ZEROS;
use super::gauge::{Asked, alone, asks};

/// A body of so many frames, of unknown length, none of which takes memory of its own.
fn stream_of(frames: usize) -> impl Body<Data = Bytes, Error = Infallible> {
    StreamBody::new(stream::iter((0..frames).map(|_| Ok(Frame::data(Bytes::from_static(&ZEROS))))))
}

/// One whose every frame is allocated.
fn allocating(frames: usize) -> impl Body<Data = Bytes, Error = Infallible> {
    StreamBody::new(stream::iter((0..frames).map(|_| Ok(Frame::data(Bytes::from(vec![0u8; 1000]))))))
}

/// Reads a body to its end, without a runtime.
fn read<B: Body<Data = Bytes>>(body: B) -> usize {
    let mut body = pin!(body);
    let mut frames = 0;
    while let Some(frame) = frame(body.as_mut()) {
        drop(frame);
        frames += 1;
    }
    frames
}

fn frame<B: Body<Data = Bytes>>(mut body: Pin<&mut B>) -> Option<Bytes> {
    let next = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).now_or_never().unwrap()?;
    Some(next.unwrap_or_else(|_| panic!("it failed")).into_data().unwrap())
}

const NEVER_REACHED: Limit = Limit::reject_over(u64::MAX - 1).and_warn_over(u64::MAX - 2);

/// The body of a response through a layer's service.
fn through_server<B: Body<Data = Bytes, Error = Infallible>>(ledger: &Ledger, body: B) -> impl Body<Data = Bytes> {
    let mut body = Some(body);
    let answers = service_fn(move |_| std::future::ready(Ok::<_, Infallible>(Response::new(body.take().unwrap()))));
    let service = ServerLayer::new(ledger).response_limit(NEVER_REACHED).layer(answers);
    service.oneshot(Request::new(Full::<Bytes>::default())).now_or_never().unwrap().unwrap().into_body()
}

fn through_client<B: Body<Data = Bytes, Error = Infallible>>(ledger: &Ledger, body: B) -> impl Body<Data = Bytes> {
    let mut body = Some(body);
    let answers = service_fn(move |_| std::future::ready(Ok::<_, Infallible>(Response::new(body.take().unwrap()))));
    let service = ClientLayer::new(ledger).upstream("inventory").response_limit(NEVER_REACHED).layer(answers);
    service.oneshot(Request::new(Full::<Bytes>::default())).now_or_never().unwrap().unwrap().into_body()
}

/// What reading a thousand frames more asks for.
fn asked_by_frames(mut read_so_many: impl FnMut(usize) -> usize) -> Asked {
    let mut reading = |frames| asks(|| assert_eq!(read_so_many(frames), frames));
    let (few, many) = (reading(1000), reading(2000));
    Asked { times: many.times - few.times, bytes: many.bytes - few.bytes }
}

#[test]
fn a_frame_is_handed_on_without_an_allocation() {
    let _alone = alone();
    let ledger = Ledger::new();
    let nothing = Asked { times: 0, bytes: 0 };
    assert_eq!(asked_by_frames(|frames| read(stream_of(frames))), nothing, "bare");
    assert_eq!(asked_by_frames(|frames| read(MeteredBody::new(stream_of(frames), NEVER_REACHED))), nothing, "alone");
    assert_eq!(asked_by_frames(|frames| read(through_server(&ledger, stream_of(frames)))), nothing, "server");
    assert_eq!(asked_by_frames(|frames| read(through_client(&ledger, stream_of(frames)))), nothing, "client");
    let outcomes = ledger.snapshot().outcomes();
    // Two bodies a call: the request's was never read, and empty.
    assert_eq!((outcomes.get(Outcome::Complete), outcomes.total()), (2 * 2 * 2 * 11, 2 * 2 * 2 * 11));
}

#[test]
fn frames_that_are_allocated_are_allocated_once() {
    let _alone = alone();
    let ledger = Ledger::new();
    let bare = asked_by_frames(|frames| read(allocating(frames)));
    assert!(bare.times >= 1000 && bare.bytes >= 1_000_000, "{bare:?}");
    assert_eq!(asked_by_frames(|frames| read(through_server(&ledger, allocating(frames)))), bare, "server");
    assert_eq!(asked_by_frames(|frames| read(through_client(&ledger, allocating(frames)))), bare, "client");
}

#[test]
fn a_frame_is_the_same_bytes_at_the_same_place() {
    let _alone = alone();
    let ledger = Ledger::new();
    let server = frame(pin!(through_server(&ledger, stream_of(1))));
    let client = frame(pin!(through_client(&ledger, stream_of(1))));
    for (side, data) in [("server", server.unwrap()), ("client", client.unwrap())] {
        assert_eq!((data.as_ptr(), data.len()), (ZEROS.as_ptr(), ZEROS.len()), "{side}");
    }
}

#[test]
fn a_body_in_memory_is_handed_on_without_an_allocation() {
    let _alone = alone();
    let bare = asks(|| assert_eq!(read(Full::new(Bytes::from_static(&ZEROS))), 1));
    let metered = asks(|| assert_eq!(read(MeteredBody::new(Full::new(Bytes::from_static(&ZEROS)), NEVER_REACHED)), 1));
    assert_eq!((bare, metered), (Asked { times: 0, bytes: 0 }, Asked { times: 0, bytes: 0 }));
    assert_eq!(
        Full::new(Bytes::from_static(&ZEROS)).collect().now_or_never().unwrap().unwrap().to_bytes().len(),
        ZEROS.len()
    );
}
