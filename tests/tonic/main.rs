//! Our layers around tonic's server and channel, over real HTTP/2 connections.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod inventory;
mod server;
