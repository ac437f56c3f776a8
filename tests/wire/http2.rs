//! HTTP/2: the same frames, both ways, their header blocks included.

use plimsoll::Ledger;

use super::cases::{self, Case, Kind};
use super::exchange::{Layers, record};
use super::support::book::book;
use super::support::frames::{DATA, Frame, GOAWAY, HEADERS, SETTINGS, parse};
use super::support::protocol::Protocol;
use super::{LAYERED, expected, same};

const HTTP2: Protocol = Protocol::Http2;

struct Frames {
    sent: Vec<Frame>,
    answered: Vec<Frame>,
}

async fn frames(layers: Layers, ledger: &Ledger, cases: &[Case]) -> Frames {
    let recording = record(HTTP2, layers, ledger, cases).await;
    Frames { sent: parse(&recording.sent), answered: parse(&recording.answered) }
}

fn same_frames(name: &str, bare: &Frames, layered: &Frames) {
    same(&format!("{name}: frames sent by the client"), &bare.sent, &layered.sent);
    same(&format!("{name}: frames sent by the server"), &bare.answered, &layered.answered);
}

/// The cases, with bodies under the limit also where there should be none: over HTTP/2 hyper sends those as well.
fn all() -> Vec<Case> {
    let sent = |case: Case| match case.response {
        Kind::Full(_) if case.is_answered_without_body() => Case { response: Kind::Full(40_000), ..case },
        _ => case,
    };
    cases::all().into_iter().map(sent).collect()
}

/// The bytes of data on all streams.
fn data(frames: &[Frame]) -> usize {
    frames.iter().filter(|frame| frame.kind == DATA).map(|frame| frame.payload.len()).sum()
}

#[tokio::test]
async fn a_layered_call_is_the_bare_one_frame_for_frame() {
    for case in all() {
        let bare = frames(Layers::None, &Ledger::new(), std::slice::from_ref(&case)).await;
        for (direction, bytes) in [(&bare.sent, case.request.bytes()), (&bare.answered, case.response.bytes())] {
            assert!(direction.iter().any(|frame| frame.kind == SETTINGS), "{}: {direction:?}", case.name);
            assert_eq!(direction.iter().filter(|frame| frame.ends_stream()).count(), 1, "{}: {direction:?}", case.name);
            assert_eq!(data(direction), bytes, "{}: {direction:?}", case.name);
        }
        for layers in LAYERED {
            let name = format!("{}, layers {layers:?}", case.name);
            let ledger = Ledger::new();
            let layered = frames(layers, &ledger, std::slice::from_ref(&case)).await;
            same_frames(&name, &bare, &layered);
            assert_eq!(book(&ledger), expected(layers, &case), "{name}");
        }
    }
}

#[tokio::test]
async fn many_calls_on_one_connection_are_the_bare_ones() {
    let cases = all();
    let bare = frames(Layers::None, &Ledger::new(), &cases).await;
    let heads = bare.answered.iter().filter(|frame| frame.kind == HEADERS).count();
    assert!(heads >= cases.len(), "{heads} heads");
    assert!(bare.answered.iter().all(|frame| frame.kind != GOAWAY || frame.error_code() == 0));
    for layers in LAYERED {
        let ledger = Ledger::new();
        same_frames(&format!("{layers:?}"), &bare, &frames(layers, &ledger, &cases).await);
        let sides = if layers == Layers::Both { 2 } else { 1 };
        assert_eq!(ledger.snapshot().outcomes().total(), (2 * sides * cases.len()) as u64, "{layers:?}");
    }
}
