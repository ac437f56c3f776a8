//! `ClientLayer` around `reqwest::Client`, over real connections of HTTP/1 and HTTP/2.
#![cfg(test)]
#![cfg(feature = "reqwest")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod kept;
mod names;
mod responses;
mod stacked;
mod timing;
mod uploads;

use plimsoll::{ClientLayer, ClientService, Error, Ledger, Limit, LimitExceeded};
use tower::{Layer, ServiceExt};

use support::protocol::Protocol;

/// What the application has: a client of one protocol under our layer.
type Client = ClientService<reqwest::Client>;

/// A layer for the upstream that all these tests call.
fn inventory(ledger: &Ledger) -> ClientLayer {
    ClientLayer::new(ledger).upstream("inventory")
}

/// A client whose responses are limited to so many bytes.
fn limited(ledger: &Ledger, protocol: Protocol, bytes: u64) -> Client {
    inventory(ledger).response_limit(Limit::reject_over(bytes)).layer(protocol.reqwest())
}

async fn send(client: &Client, request: reqwest::Request) -> Result<reqwest::Response, Error> {
    client.clone().oneshot(request).await
}

/// The refusal behind an error that must be one.
fn refusal<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a LimitExceeded {
    LimitExceeded::find(error).unwrap_or_else(|| panic!("no refusal behind {error:?}"))
}
