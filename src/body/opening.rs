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
            return Self { ended: true, ..known };
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

    /// Whether it is this layer that counts it, and there is something to count.
    #[inline(always)]
    pub(super) fn is_counted_here(&self) -> bool {
        !(self.counted_inside | self.bodiless)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::stream;
    use http::{HeaderValue, Method, header};
    use http_body::{Frame, SizeHint};
    use http_body_util::{Empty, Full, StreamBody};

    use super::super::start::{Held, Start};
    use super::*;
    use crate::endpoint::{Key, Role, Upstream};
    use crate::error::Setting;
    use crate::ledger::{Attributes, Ledger, Outcome, Series, View};
    use crate::limit::Limit;
    use crate::trace::Captured;

    const HELD: Held = Held { limit: Limit::unlimited(), by: Setting::Layer };

    fn series(ledger: &Ledger) -> Arc<Series> {
        let key = Key::new(Role::Server, &Method::GET, Upstream::default(), Some("/"));
        Arc::clone(ledger.entry(&key).series(Attributes::of(View::Wire)))
    }

    /// What is known of a body under a `Content-Length`: its least, whether that is all, and whether only a count tells.
    fn known(body: &impl Body, length: Option<&'static str>) -> (u64, bool, bool) {
        let mut headers = HeaderMap::new();
        length.map(|length| headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static(length)));
        let Opening { least, declares, open_ended, .. } = Opening::of(body, &headers, None);
        (least, declares, open_ended)
    }

    #[test]
    fn a_body_that_knows_its_length_is_believed_and_of_another_the_header_tells() {
        let full = Full::<Bytes>::from("12345");
        assert_eq!([None, Some("3"), Some("900")].map(|length| known(&full, length)), [(5, true, false); 3]);
        let stream = StreamBody::new(stream::empty::<Result<Frame<Bytes>, ()>>());
        assert_eq!(known(&stream, None), (0, false, true));
        assert_eq!(known(&stream, Some("900")), (900, true, true));
    }

    #[test]
    fn a_body_at_its_end_is_counted_before_its_owner_drops_it() {
        let (ledger, body) = (Ledger::new(), Empty::<Bytes>::new());
        let (series, trace) = (series(&ledger), Captured::default());
        let opening = Opening::of(&body, &HeaderMap::new(), Some(series.population()));
        assert_eq!((opening.least, opening.open_ended), (0, false));
        let mut start = Start::new(&series, trace.look(), HELD, opening);
        start.open(&body).unwrap();
        assert_eq!(ledger.snapshot().outcomes().get(Outcome::Complete), 1);
        drop(start.tally());
        assert_eq!(ledger.snapshot().outcomes().total(), 1);
    }

    #[test]
    fn a_message_without_a_body_has_no_size_whatever_it_declares() {
        let (ledger, body) = (Ledger::new(), Full::<Bytes>::from("12345"));
        let (series, trace) = (series(&ledger), Captured::default());
        let opening = Opening::of(&body, &HeaderMap::new(), Some(series.population())).without_body(true);
        Start::new(&series, trace.look(), HELD, opening).open(&body).unwrap();
        let snapshot = ledger.snapshot();
        assert_eq!(snapshot.outcomes().get(Outcome::Complete), 1);
        assert_eq!(snapshot.series()[0].completed.count(), 0);
    }

    #[test]
    fn a_body_is_counted_here_unless_it_is_inside_or_there_is_none() {
        for bits in 0..8 {
            let [ended, counted_inside, bodiless] = [1, 2, 4].map(|bit| bits & bit != 0);
            let opening = Opening { ended, counted_inside, bodiless, ..Opening::default() };
            assert_eq!(opening.is_counted_here(), !counted_inside && !bodiless, "{opening:?}");
        }
    }

    #[test]
    fn bytes_in_memory_are_counted_once_however_many_layers_hold_them() {
        let ledger = Ledger::new();
        let (series, trace) = (series(&ledger), Captured::default());
        let alone = InMemory { bytes: 7, counted_by: &[] };
        let opening = Opening::known(&alone, series.population());
        assert_eq!((opening.least, opening.declares, opening.counted_inside), (7, true, false));
        let tally = Arc::new(Start::new(&series, trace.look(), HELD, opening).tally());
        let held = InMemory { bytes: 7, counted_by: &[tally] };
        assert!(Opening::known(&held, series.population()).counted_inside);
        assert_eq!(held.size_hint().exact(), SizeHint::default().exact());
    }
}
