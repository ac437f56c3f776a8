//! What goes over the wire with our layers is what goes over it without them, byte for byte and frame for frame.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod exchange;
mod http1;
mod http2;

use exchange::{Layers, Recording};

/// Every place our layers can be in, but none.
const LAYERED: [Layers; 3] = [Layers::Server, Layers::Client, Layers::Both];

/// What the ledger must hold of one call whose request and response had so many bytes.
fn expected(layers: Layers, case: &cases::Case) -> Vec<String> {
    let roles: &[&str] = match layers {
        Layers::None => &[],
        Layers::Server => &["server"],
        Layers::Client => &["client"],
        Layers::Both => &["server", "client"],
    };
    let (method, status) = (&case.method, case.status.as_u16());
    let received = if case.is_answered_without_body() { 0 } else { case.response.bytes() };
    let lines = roles.iter().flat_map(|role| {
        let endpoint = if *role == "client" { "(no template) of wire" } else { "(no route)" };
        [
            format!("{role} request {method} {endpoint}: 1 complete, {} B", case.request.bytes()),
            format!("{role} response {method} {endpoint} {status}: 1 complete, {received} B"),
        ]
    });
    lines.collect()
}

/// Fails at the first difference, with what stands around it.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, bare: &[T], layered: &[T]) {
    if let Some(at) = (0..bare.len().max(layered.len())).find(|at| bare.get(*at) != layered.get(*at)) {
        let around = |of: &[T]| format!("{:?}", &of[at.saturating_sub(8).min(of.len())..(at + 24).min(of.len())]);
        panic!("{what} differ at {at}:\n   bare {}\nlayered {}", around(bare), around(layered));
    }
}

/// Both directions of two recordings, compared as they came.
fn same_bytes(name: &str, bare: &Recording, layered: &Recording) {
    same(&format!("{name}: bytes sent by the client"), &bare.sent, &layered.sent);
    same(&format!("{name}: bytes sent by the server"), &bare.answered, &layered.answered);
}
