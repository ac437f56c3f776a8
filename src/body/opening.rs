//! What a body says of itself before its first frame.

use http::HeaderMap;
use http_body::Body;

use super::declared::content_length;
use super::in_memory::InMemory;
use super::stacked;
use crate::ledger::Population;

/// How much a body has, as far as that is known before it is read, and who counts it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Opening {
    /// The least that it has, in bytes; all of it where it `declares`.
    pub(super) least: u64,
    pub(super) declares: bool,
    /// Whether it may have more than it says: only a count tells.
    pub(crate) open_ended: bool,
    /// Whether it is at its end already.
    pub(super) ended: bool,
    /// Whether a layer nearer to its source counts it.
    pub(super) counted_inside: bool,
    /// Whether its message has no body by definition, whatever its body's value says.
    pub(super) bodiless: bool,
}

impl Opening {
    /// Of the body of a message with these headers, which may be counted for this population.
    #[inline(always)]
    pub(crate) fn of<B: Body>(body: &B, headers: &HeaderMap, population: Option<Population>) -> Self {
        let (hint, counted_inside) = stacked::ask(body, population);
        let known = Self { counted_inside, ..Self::default() };
        // A body at its end has nothing, whatever is declared. One that knows its length keeps to it; of another the
        // header may tell.
        if body.is_end_stream() {
            return Self { declares: true, ended: true, ..known };
        }
        match hint.exact() {
            Some(least) => Self { least, declares: true, ..known },
            None => Self::told(hint.lower(), headers, known),
        }
    }

    #[inline(never)]
    fn told(lower: u64, headers: &HeaderMap, known: Self) -> Self {
        let told = content_length(headers);
        let least = lower.max(told.unwrap_or(0));
        Self { least, declares: told.is_some(), open_ended: true, ..known }
    }

    /// Of a body of bytes in memory.
    pub(super) fn known(body: &InMemory<'_>, population: Population) -> Self {
        let (_, counted_inside) = stacked::ask(body, Some(population));
        Self { least: body.bytes, declares: true, counted_inside, ..Self::default() }
    }

    /// The same of a message that has no body by definition, if it is one.
    #[inline(always)]
    pub(crate) fn without_body(self, bodiless: bool) -> Self {
        Self { bodiless, ..self }
    }

    /// Whether there is nothing to do before the first frame, unless its length crosses a line.
    #[inline(always)]
    pub(super) fn is_plain(&self) -> bool {
        !(self.ended | self.counted_inside | self.bodiless)
    }
}
