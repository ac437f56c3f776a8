//! Bodies that come byte by byte, each byte only once the last one was read: counted to the byte, and cut at the byte.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::{Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use plimsoll::{Direction, Ledger, Limit, LimitExceeded, Outcome, Role};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::service::{AnyBody, Handler, Received, empty};
use super::stack::{Call, Ends, Running, Stack, Upload};
use super::support::frames::{DATA, FrameSocket, HEADERS, SETTINGS, WINDOW_UPDATE};
use super::support::protocol::Protocol;
use super::support::raw::Raw;
use super::{alone, nothing_is_left_behind, turns};

const LIMIT: u64 = 60;

/// Leave to send one byte more, which whoever reads gives with each that came.
#[derive(Clone, Debug)]
struct Leave(Arc<Semaphore>);

impl Leave {
    fn for_one() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// A body of so many bytes, in as many frames.
    fn body(&self, bytes: u64) -> AnyBody {
        let leave = self.clone();
        let frames = stream::repeat(leave).take(usize::try_from(bytes).unwrap()).then(async |Self(leave)| {
            leave.acquire_owned().await.unwrap().forget();
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x")))
        });
        BodyExt::boxed(StreamBody::new(frames))
    }

    /// Reads to the end: how many bytes came, and whether that was all.
    async fn read(&self, mut body: Received) -> (u64, bool) {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let came = match frame {
                Ok(frame) => frame.into_data().unwrap().len(),
                Err(error) => {
                    assert!(LimitExceeded::find(&*error).is_some(), "{error}");
                    return (read, false);
                }
            };
            assert!(came <= 1, "{came} bytes at once");
            read += came as u64;
            self.0.add_permits(came);
        }
        (read, true)
    }
}

#[test]
fn a_body_that_comes_byte_by_byte_is_counted_and_cut_to_the_byte() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    nothing_is_left_behind(&runtime, |_| {
        for (stack, protocol) in Stack::with_protocols() {
            for bytes in [LIMIT, LIMIT + 1] {
                runtime.block_on(upload(stack, protocol, bytes));
                runtime.block_on(answer(stack, protocol, bytes));
            }
        }
        for stack in Stack::ALL {
            runtime.block_on(dripped_head(*stack));
            for end in [Some(LIMIT), None] {
                runtime.block_on(narrow_window(*stack, end));
            }
        }
    });
}

/// The ends whose reader refuses more than the limit.
fn ends(direction: Direction) -> Ends {
    let limit = |of| if of == direction { Limit::reject_over(LIMIT) } else { Limit::unlimited() };
    Ends::new(
        &Ledger::new(),
        |server| server.request_limit(limit(Direction::Request)),
        |client| client.response_limit(limit(Direction::Response)),
    )
}

async fn upload(stack: Stack, protocol: Protocol, bytes: u64) {
    let (ends, leave) = (ends(Direction::Request), Leave::for_one());
    let reader = leave.clone();
    let handler: Handler = Arc::new(move |request| {
        let reader = reader.clone();
        let read = async move {
            let (read, whole) = reader.read(request.into_body()).await;
            assert_eq!(read, LIMIT);
            let mut response = Response::new(empty());
            *response.status_mut() = if whole { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            response
        };
        FutureExt::boxed(read)
    });
    let server = Running::start(stack, protocol, &ends, handler);
    let caller = server.caller(bytes);
    let call = Call { method: Method::POST, path: "/drip".into(), upload: Upload::Frames(leave.body(bytes)) };
    let status = caller.oneshot(call).await.unwrap().status().as_u16();
    let expected = if bytes > LIMIT { (413, Outcome::RejectedStreaming) } else { (200, Outcome::Complete) };
    server.end().await;
    let case = format!("upload of {bytes} over {stack:?}, {protocol:?}");
    ends.all_counted(&case).await;
    assert_eq!(
        (status, counted(&ends, Role::Server, Direction::Request)),
        (expected.0, vec![(expected.1, bytes)]),
        "{case}"
    );
}

async fn answer(stack: Stack, protocol: Protocol, bytes: u64) {
    let (ends, leave) = (ends(Direction::Response), Leave::for_one());
    let server = Running::start(stack, protocol, &ends, dripping(&leave, bytes));
    let caller = server.caller(bytes);
    let call = Call { method: Method::GET, path: "/drip".into(), upload: Upload::Nothing };
    let read = leave.read(caller.oneshot(call).await.unwrap().into_body()).await;
    server.end().await;
    let case = format!("answer of {bytes} over {stack:?}, {protocol:?}");
    ends.all_counted(&case).await;
    let outcome = if bytes > LIMIT { Outcome::RejectedStreaming } else { Outcome::Complete };
    assert_eq!(read, (LIMIT, bytes <= LIMIT), "{case}");
    assert_eq!(counted(&ends, Role::Client, Direction::Response), [(outcome, bytes)], "{case}");
}

fn dripping(leave: &Leave, bytes: u64) -> Handler {
    let leave = leave.clone();
    Arc::new(move |_| std::future::ready(Response::new(leave.body(bytes))).boxed())
}

/// A request over HTTP/1 whose every byte is a packet of its own, the head's too.
async fn dripped_head(stack: Stack) {
    let ends = ends(Direction::Request);
    let handler: Handler = Arc::new(|request| {
        let read = async {
            let read = request.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(&read[..], b"12345");
            Response::new(empty())
        };
        FutureExt::boxed(read)
    });
    let server = Running::start(stack, Protocol::Http1, &ends, handler);
    let mut raw = Raw::connect(server.address).await;
    for byte in
        b"POST /drip HTTP/1.1\r\nhost: soak\r\ntransfer-encoding: chunked\r\n\r\n3\r\n123\r\n2\r\n45\r\n0\r\n\r\n"
    {
        raw.send([*byte]).await;
        turns(3).await;
    }
    assert_eq!(raw.answer().await.status, 200);
    drop(raw);
    server.end().await;
    ends.all_counted("a dripped head").await;
    assert_eq!(counted(&ends, Role::Server, Direction::Request), [(Outcome::Complete, 5)]);
}

/// An answer through an HTTP/2 window of ten bytes, which opens a byte at a time: to the end, or until it is taken back.
async fn narrow_window(stack: Stack, end: Option<u64>) {
    const INITIAL_WINDOW_SIZE: [u8; 6] = [0, 4, 0, 0, 0, 10];
    const CANCEL: u32 = 8;
    let (ends, leave) = (ends(Direction::Request), Leave(Arc::new(Semaphore::new(1_000))));
    let server = Running::start(stack, Protocol::Http2, &ends, dripping(&leave, LIMIT));
    let mut socket = FrameSocket::connect(server.address).await;
    socket.send(SETTINGS, 0, 0, INITIAL_WINDOW_SIZE.to_vec()).await;
    socket.request(1, "GET", "/drip", &[], true).await;
    assert_eq!(socket.next().await.unwrap().kind, HEADERS);
    let (mut read, mut window) = (0, 10);
    loop {
        while read < window {
            let frame = socket.next().await.unwrap();
            assert_eq!(frame.kind, DATA);
            read += frame.payload.len() as u64;
        }
        assert_eq!(read, window, "no byte more than was asked for");
        if read >= end.unwrap_or(LIMIT / 2) {
            break;
        }
        socket.send(WINDOW_UPDATE, 0, 1, vec![0, 0, 0, 1]).await;
        window += 1;
    }
    if end.is_some() {
        // hyper looks for the end when there is room for more.
        socket.send(WINDOW_UPDATE, 0, 1, vec![0, 0, 0, 1]).await;
        assert!(socket.next().await.unwrap().ends_stream());
    } else {
        socket.reset(1, CANCEL).await;
    }
    // With the connection still there.
    ends.all_counted("a narrow window").await;
    let (expected, bytes) = if end.is_some() { (Outcome::Complete, LIMIT) } else { (Outcome::Aborted, 0) };
    assert_eq!(counted(&ends, Role::Server, Direction::Response), [(expected, bytes)]);
    drop(socket);
    server.end().await;
}

/// How the bodies of one end ended, and what they came to.
fn counted(ends: &Ends, role: Role, direction: Direction) -> Vec<(Outcome, u64)> {
    let mut counted = Vec::new();
    for series in ends.ledger.snapshot().series() {
        if series.endpoint.role() == role && series.direction == direction {
            let outcomes = series.outcomes.iter().filter(|(_, bodies)| *bodies > 0);
            counted.extend(outcomes.map(|(outcome, _)| (outcome, series.offered.sum())));
        }
    }
    counted
}
