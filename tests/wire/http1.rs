//! HTTP/1: the same bytes, both ways.

use plimsoll::{Enforcement, Ledger};

use super::cases::{Case, Kind, all};
use super::exchange::{Layers, record};
use super::support::book::book;
use super::support::protocol::Protocol;
use super::{LAYERED, expected, same_bytes};

const HTTP1: Protocol = Protocol::Http1;

#[tokio::test]
async fn a_layered_call_is_the_bare_one_byte_for_byte() {
    for case in all() {
        let bare = record(HTTP1, Layers::None, &Ledger::new(), std::slice::from_ref(&case)).await;
        for (bytes, shown) in [&bare.sent, &bare.answered].into_iter().zip(case.shows) {
            let text = String::from_utf8_lossy(bytes);
            assert!(text.contains(shown), "{}: {shown:?} is not in {text:?}", case.name);
        }
        for layers in LAYERED {
            let name = format!("{}, layers {layers:?}", case.name);
            let ledger = Ledger::new();
            let layered = record(HTTP1, layers, &ledger, std::slice::from_ref(&case)).await;
            same_bytes(&name, &bare, &layered);
            assert_eq!(book(&ledger), expected(layers, &case), "{name}");
        }
    }
}

#[tokio::test]
async fn many_calls_on_one_connection_are_the_bare_ones() {
    let cases = all();
    let bare = record(HTTP1, Layers::None, &Ledger::new(), &cases).await;
    for layers in LAYERED {
        let ledger = Ledger::new();
        same_bytes(&format!("{layers:?}"), &bare, &record(HTTP1, layers, &ledger, &cases).await);
        let sides = if layers == Layers::Both { 2 } else { 1 };
        assert_eq!(ledger.snapshot().outcomes().total(), (2 * sides * cases.len()) as u64, "{layers:?}");
    }
}

#[tokio::test]
async fn limits_that_are_switched_to_warnings_leave_even_larger_bodies_as_they_are() {
    let large = |case: &Case| Case { request: larger(&case.request), response: larger(&case.response), ..case.clone() };
    for case in all().iter().map(large) {
        let bare = record(HTTP1, Layers::None, &Ledger::new(), std::slice::from_ref(&case)).await;
        let ledger = Ledger::new();
        ledger.set_enforcement(Enforcement::WarnOnly);
        let layered = record(HTTP1, Layers::Both, &ledger, std::slice::from_ref(&case)).await;
        same_bytes(case.name, &bare, &layered);
        let over = |kind: &Kind| u64::from(kind.bytes() > 60_000);
        let over = over(&case.request) + if case.is_answered_without_body() { 0 } else { over(&case.response) };
        let counted: u64 = ledger.snapshot().series().iter().map(|series| series.over_limit).sum();
        assert_eq!(counted, 2 * over, "{}", case.name);
    }
}

/// The same kind of body, with enough bytes in each frame to be over the limit.
fn larger(kind: &Kind) -> Kind {
    let more = |frames: &Vec<usize>| frames.iter().map(|bytes| if *bytes == 0 { 0 } else { bytes + 60_000 }).collect();
    match kind {
        Kind::Full(bytes @ 1..) => Kind::Full(bytes + 60_000),
        Kind::Streamed(frames) => Kind::Streamed(more(frames)),
        Kind::Declared(frames) => Kind::Declared(more(frames)),
        Kind::Trailed(frames) => Kind::Trailed(more(frames)),
        other => other.clone(),
    }
}

#[tokio::test]
#[should_panic(expected = "bytes sent by the server differ at")]
async fn a_lost_length_would_be_noticed() {
    let find = |name: &str| all().into_iter().find(|case| case.name == name).into_iter().collect::<Vec<_>>();
    let known = record(HTTP1, Layers::None, &Ledger::new(), &find("a response in memory")).await;
    let lost = record(HTTP1, Layers::None, &Ledger::new(), &find("a streamed response of one frame")).await;
    same_bytes("the same five bytes", &known, &lost);
}
