//! What several tests share: scripted bodies, real servers and clients on loopback, and readings of a ledger.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod alertmanager;
pub mod book;
pub mod calls;
pub mod events;
pub mod frames;
pub mod loopback;
pub mod prometheus;
pub mod protocol;
pub mod python;
pub mod raw;
pub mod readings;
pub mod real;
pub mod script;
pub mod upstream;
pub mod wire;
