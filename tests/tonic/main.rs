//! Our layers around tonic's server and channel, over real HTTP/2 connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may fail loudly"
)]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod inventory;
mod server;
