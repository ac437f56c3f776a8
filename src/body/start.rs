//! A body before its first frame: what it says of itself is held against its limit, and then it is wrapped.

use std::sync::Arc;

use http_body::Body;

use super::in_memory::InMemory;
use super::opening::Opening;
use super::tally::{Duty, Tally};
use crate::error::{LimitExceeded, Setting};
use crate::ledger::Series;
use crate::limit::Limit;
use crate::trace::TraceRef;

/// A limit, and where it was set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) limit: Limit,
    pub(crate) by: Setting,
}

/// How a body stands: what it declares, the lines that lie ahead of it, and who reports it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// The least that it has, in bytes, as was known before its first frame; all of it where it `declares`.
    pub(super) declared: u64,
    pub(super) declares: bool,
    /// The next size at which something happens: the warning line, then the rejecting one.
    pub(super) line: u64,
    pub(super) reject: u64,
    pub(super) setting: Setting,
    pub(super) duty: Duty,
    /// Whether it is known to be over a limit.
    pub(super) over: bool,
}

/// A body of a call, about to be wrapped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    series: &'a Arc<Series>,
    trace: TraceRef<'a>,
    opening: Opening,
    standing: Standing,
}

impl Standing {
    /// At the start.
    #[inline(always)]
    pub(super) fn new(held: Held, opening: &Opening) -> Self {
        let Held { limit, by } = held;
        Self {
            declared: opening.least,
            declares: opening.declares,
            line: limit.reject_line().min(limit.warn_line()),
            reject: limit.reject_line(),
            setting: by,
            duty: Duty::Report,
            over: false,
        }
    }
}

impl<'a> Start<'a> {
    /// A body that opens so, and is counted in this series and held against this limit.
    #[inline(always)]
    pub(crate) fn new(series: &'a Arc<Series>, trace: TraceRef<'a>, held: Held, opening: Opening) -> Self {
        series.note_limit(&held.limit);
        Self { series, trace, opening, standing: Standing::new(held, &opening) }
    }

    /// Takes in what the body says of itself; `Err` where it is refused for its declared length.
    #[inline(always)]
    pub(crate) fn open<B: Body>(&mut self, body: &B) -> Result<(), LimitExceeded> {
        if !self.opening.is_counted_here() || self.opening.least > self.standing.line {
            // A copy goes there, so that what is usual stays in registers.
            self.standing = Self::settle(*self, body)?;
        } else if self.opening.ended {
            self.standing.duty = Duty::Done;
            self.series.record_complete(0, self.trace);
        }
        Ok(())
    }

    #[inline(never)]
    fn settle<B: Body>(self, body: &B) -> Result<Standing, LimitExceeded> {
        self.tally().settle(body, &self.opening)
    }

    /// The tally that goes on with the body.
    #[inline(always)]
    pub(crate) fn tally(&self) -> Tally {
        Tally::new(Some(Arc::clone(self.series)), self.trace, self.standing)
    }

    /// Whether the body may have more than it says.
    #[inline(always)]
    pub(crate) fn is_open_ended(&self) -> bool {
        self.opening.open_ended
    }
}

/// A body of bytes in memory that is not wrapped: its length is all there is to know.
///
/// `outside` are the tallies of layers further out that count the same body.
#[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest hands out such bodies"))]
pub(crate) fn in_memory(
    series: &Arc<Series>,
    trace: TraceRef<'_>,
    held: Held,
    bytes: u64,
    outside: &[Arc<Tally>],
) -> Result<Tally, LimitExceeded> {
    let body = InMemory { bytes, counted_by: outside };
    let opening = Opening::known(&body, series.population());
    let mut start = Start::new(series, trace, held, opening);
    start.open(&body)?;
    Ok(start.tally().under_way())
}
