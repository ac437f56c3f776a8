//! Files that people keep and review: errors that name the line, text that is stable, writing that is never half done.

mod fault;
mod lock;
mod replace;
mod text;

pub(crate) use fault::{Fault, read, wrong_at, wrong_toml};
pub(crate) use lock::Lock;
pub(crate) use replace::{append, replace};
pub(crate) use text::{Quoted, grouped};
