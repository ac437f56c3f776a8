//! Whoever does not read stops whoever writes, through our layers as without them: no byte is kept that nobody has asked
//! for, and each body ends once, however the wait ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::{Method, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use plimsoll::{Direction, Ledger, Limit, LimitExceeded, MIB, Outcome, Role};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tower::ServiceExt;

use super::service::{AnyBody, Handler, Received, empty};
use super::stack::{Call, Ends, Running, Stack, Upload};
use super::support::protocol::Protocol;
use super::support::raw::Raw;
use super::{PATIENCE, alone, nothing_is_left_behind};

/// All that sockets, hyper and HTTP/2's windows (2 MiB for an answer) take before somebody reads; and more than that.
const BUFFERS: u64 = 4 * MIB;
const TOTAL: u64 = 6 * MIB;
/// The limit at the end that reads, which leaves more behind it than buffers take; and at the end that writes, which it
/// does not reach before somebody reads.
const READER_LIMIT: u64 = MIB;
const WRITER_LIMIT: u64 = 5 * MIB;
static PIECE: [u8; 16 << 10] = [b'x'; 16 << 10];

/// Which body is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Upload,
    Answer,
}

/// How the wait for a reader ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It reads all of it, in a hurry or with pauses.
    Read,
    Sipped,
    /// It lets go of the body.
    Left,
    /// Whoever writes gives up: the call is dropped.
    GivenUp,
    /// A limit is crossed at the end that reads, or at the one that writes.
    RefusedByReader,
    RefusedByWriter,
}

/// How many bytes were given to whoever sends them.
#[derive(Clone, Debug, Default)]
struct Given(Arc<AtomicU64>);

impl Given {
    fn get(&self) -> u64 {
        self.0.load(SeqCst)
    }

    /// A body of so many bytes that is always ready to give the next.
    fn body(&self, bytes: u64) -> AnyBody {
        let given = self.clone();
        let pieces = stream::repeat_with(move || {
            given.0.fetch_add(PIECE.len() as u64, SeqCst);
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(&PIECE)))
        });
        let count = usize::try_from(bytes).unwrap() / PIECE.len();
        BodyExt::boxed(StreamBody::new(pieces.take(count)))
    }

    /// Waits until nobody asks for more, which comes before there are `most` beyond what was `read`.
    async fn stands_still(&self, read: u64, most: u64) {
        let still = async {
            let (mut last, mut quiet) = (0, 0);
            while last == 0 || quiet < 200 {
                yield_now().await;
                let given = self.get();
                assert!(given < read + most, "{given} bytes were given, and {read} of them read");
                quiet = if given == last { quiet + 1 } else { 0 };
                last = given;
            }
        };
        tokio::time::timeout(PATIENCE, still).await.expect("somebody asks for the first bytes");
    }
}

#[test]
fn who_does_not_read_stops_who_writes_and_each_body_ends_once() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    nothing_is_left_behind(&runtime, |_| {
        for (stack, protocol) in Stack::with_protocols() {
            for end in [End::Read, End::Sipped, End::Left, End::GivenUp, End::RefusedByReader, End::RefusedByWriter] {
                runtime.block_on(upload(stack, protocol, end));
                if end != End::GivenUp {
                    runtime.block_on(answer(stack, protocol, end));
                }
            }
        }
    });
}

fn ends(way: Way, end: End) -> Ends {
    let limit = |by: End, of: Way| match by {
        _ if (by, of) != (end, way) => Limit::unlimited(),
        End::RefusedByReader => Limit::reject_over(READER_LIMIT),
        _ => Limit::reject_over(WRITER_LIMIT),
    };
    let mut ends = Ends::new(
        &Ledger::new(),
        |server| {
            let server = server.request_limit(limit(End::RefusedByReader, Way::Upload));
            server.response_limit(limit(End::RefusedByWriter, Way::Answer))
        },
        |client| {
            let client = client.request_limit(limit(End::RefusedByWriter, Way::Upload));
            client.response_limit(limit(End::RefusedByReader, Way::Answer))
        },
    );
    ends.small_buffers = true;
    ends
}

async fn answer(stack: Stack, protocol: Protocol, end: End) {
    let case = format!("answer over {stack:?}, {protocol:?}: {end:?}");
    let (ends, given) = (ends(Way::Answer, end), Given::default());
    let source = given.clone();
    let handler: Handler = Arc::new(move |_| std::future::ready(Response::new(source.body(TOTAL))).boxed());
    let server = Running::start(stack, protocol, &ends, handler);
    let caller = server.caller(1);
    let call = Call { method: Method::GET, path: "/slow".into(), upload: Upload::Nothing };
    let body = caller.clone().oneshot(call).await.unwrap().into_body();
    given.stands_still(0, BUFFERS).await;
    assert_eq!(ended(&ends, Role::Server, Direction::Response), [], "{case}");
    read(body, end, &given, &case).await;
    drop(caller);
    server.end().await;
    check(&ends, &case, Direction::Response, [Role::Server, Role::Client], end).await;
}

async fn upload(stack: Stack, protocol: Protocol, end: End) {
    let case = format!("upload over {stack:?}, {protocol:?}: {end:?}");
    let (ends, given, gate) = (ends(Way::Upload, end), Given::default(), Arc::new(Semaphore::new(0)));
    let reader = (given.clone(), Arc::clone(&gate), case.clone());
    let handler: Handler = Arc::new(move |request| {
        let (given, gate, case) = reader.clone();
        let read = async move {
            // Until then it holds what it was given, and reads none of it.
            let _opened = gate.acquire().await;
            let whole = read(request.into_body(), end, &given, &case).await;
            let mut response = Response::new(empty());
            *response.status_mut() = http::StatusCode::from_u16(if whole { 200 } else { 400 }).unwrap();
            response
        };
        FutureExt::boxed(read)
    });
    let server = Running::start(stack, protocol, &ends, handler);
    let caller = server.caller(0);
    let call = Call { method: Method::POST, path: "/slow".into(), upload: Upload::Frames(given.body(TOTAL)) };
    let call = tokio::spawn(caller.clone().oneshot(call));
    given.stands_still(0, BUFFERS).await;
    assert_eq!(ended(&ends, Role::Client, Direction::Request), [], "{case}");
    if end == End::GivenUp {
        call.abort();
    }
    gate.close();
    match (end, call.await) {
        (End::GivenUp, ended) => assert!(ended.is_err_and(|error| error.is_cancelled()), "{case}"),
        (End::Read | End::Sipped, answer) => assert_eq!(answer.unwrap().unwrap().status(), 200, "{case}"),
        (End::RefusedByWriter, answer) => {
            let error = answer.unwrap().expect_err("it is refused here");
            assert!(LimitExceeded::find(&*error).is_some(), "{case}: {error}");
        }
        // An answer before the end of an upload may be lost with its connection.
        (End::Left | End::RefusedByReader, _answer) => {}
    }
    drop(caller);
    server.end().await;
    check(&ends, &case, Direction::Request, [Role::Client, Role::Server], end).await;
}

/// Does at the reading end what the case says; whether all of the body came.
async fn read(mut body: Received, end: End, given: &Given, case: &str) -> bool {
    if end == End::Left {
        return false;
    }
    let (mut read, mut paused) = (0, 0);
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => read += frame.into_data().unwrap().len() as u64,
            Err(error) => {
                let refused = end == End::RefusedByReader;
                assert_eq!(LimitExceeded::find(&*error).is_some(), refused, "{case}: {error}");
                assert!(read <= if refused { READER_LIMIT } else { WRITER_LIMIT }, "{case}: {read} bytes");
                return false;
            }
        }
        if end == End::Sipped && read - paused > MIB {
            paused = read;
            given.stands_still(read, BUFFERS).await;
        }
    }
    assert_eq!((read, given.get()), (TOTAL, TOTAL), "{case}");
    true
}

/// How the body ends for whoever writes it, and for whoever reads it. Who loses its connection may learn it by an error or
/// by being dropped.
fn outcomes(end: End) -> [&'static [Outcome]; 2] {
    match end {
        End::Read | End::Sipped => [&[Outcome::Complete], &[Outcome::Complete]],
        End::Left => [&[Outcome::Aborted], &[Outcome::Unread]],
        End::GivenUp => [&[Outcome::Aborted], &[Outcome::Aborted, Outcome::Failed]],
        End::RefusedByReader => [&[Outcome::Aborted], &[Outcome::RejectedStreaming]],
        End::RefusedByWriter => [&[Outcome::RejectedStreaming], &[Outcome::Aborted, Outcome::Failed]],
    }
}

/// There is one body at each end, and it ended as it should.
async fn check(ends: &Ends, case: &str, direction: Direction, [writer, reader]: [Role; 2], end: End) {
    ends.all_counted(case).await;
    for (role, expected) in [writer, reader].into_iter().zip(outcomes(end)) {
        let ended = ended(ends, role, direction);
        assert!(matches!(&ended[..], [(outcome, 1)] if expected.contains(outcome)), "{case}, {role}: {ended:?}");
    }
    let sizes = ends.ledger.snapshot();
    let complete = sizes.series().iter().filter(|series| series.direction == direction).map(|series| &series.completed);
    assert!(complete.filter(|sizes| sizes.count() > 0).all(|sizes| sizes.sum() == TOTAL), "{case}");
}

/// How bodies have ended at one end.
fn ended(ends: &Ends, role: Role, direction: Direction) -> Vec<(Outcome, u64)> {
    let mut ended = Vec::new();
    ends.ledger.visit(|series| {
        if series.endpoint().role() == role && series.direction() == direction {
            ended.extend(series.outcomes().iter().filter(|(_, bodies)| *bodies > 0));
        }
    });
    ended
}

#[test]
fn a_socket_that_is_never_read_stops_an_endless_answer_and_its_reset_ends_it() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    nothing_is_left_behind(&runtime, |_| {
        for stack in Stack::ALL {
            runtime.block_on(never_read(*stack));
        }
    });
}

async fn never_read(stack: Stack) {
    let (mut ends, given) = (Ends::new(&Ledger::new(), |server| server, |client| client), Given::default());
    ends.small_buffers = true;
    let source = given.clone();
    let handler: Handler = Arc::new(move |_| std::future::ready(Response::new(source.body(u64::MAX / 2))).boxed());
    let server = Running::start(stack, Protocol::Http1, &ends, handler);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let stream = socket.connect(server.address).await.unwrap();
    stream.set_zero_linger().unwrap();
    let mut raw = Raw::of(stream);
    raw.send("GET /slow HTTP/1.1\r\nhost: soak\r\n\r\n").await;
    // hyper's own buffer, and four small ones of sockets.
    given.stands_still(0, MIB).await;
    assert_eq!(ended(&ends, Role::Server, Direction::Response), []);
    drop(raw);
    ends.all_counted("never read").await;
    assert_eq!(ended(&ends, Role::Server, Direction::Response), [(Outcome::Aborted, 1)]);
    server.end().await;
}
