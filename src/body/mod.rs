//! Bodies: counted, held against a limit, and reported once when they end.
//!
//! # When a body has ended
//!
//! A server or client that reads a body rarely says so. hyper may stop polling after the last data frame, may drop
//! a body without polling it at all, and on HTTP/1 drops one with an explicit `Content-Length` without having seen
//! its end; tonic reads data and trailers and never the `None` behind them. So the end is looked for in four
//! places, and the first that finds it decides, by one rule (`ending`):
//!
//! | place | the body was |
//! |---|---|
//! | when it is wrapped | complete if it is at its end already |
//! | at a frame | complete after trailers, after data with `is_end_stream()`, after `None` |
//! | at an error | failed |
//! | when it is dropped | complete if as many bytes were seen as declared; else unread, or aborted |
//!
//! # What a wrapper keeps
//!
//! Frames, trailers, empty frames, the size hint and `is_end_stream` pass through untouched, without a copy. The
//! hint always tells what the inner body says: to report a limit in its place makes hyper send a shortened body
//! that looks whole. A refused body yields its error, again on every further poll, and never an end. The frame
//! that crosses the line is not delivered, and the inner body is dropped at once.
//!
//! # One sample, whatever is stacked
//!
//! Where two layers of one ledger wrap the same body, the wrapper nearest to its source reports it; the others
//! only hold it against their limits. See `stacked`.

mod declared;
mod drain;
mod ending;
mod hearsay;
mod in_memory;
mod metered;
mod opening;
mod short;
mod stacked;
mod start;
mod tally;

pub use metered::MeteredBody;
pub use short::ShortBody;

pub(crate) use drain::Drain;
pub(crate) use opening::Opening;
pub(crate) use start::{Held, Start, in_memory};
pub(crate) use tally::Tally;
