//! What is kept of a body while it passes: bytes seen, the lines it may cross, and the duty to report once.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8};
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use http_body::Body;

use super::declared::content_length;
use super::ending::{self, Event};
use super::in_memory::InMemory;
use super::stacked::{self, Answer, News};
use crate::endpoint::Direction;
use crate::error::{LimitExceeded, Setting};
use crate::ledger::{Outcome, Population, Series};
use crate::limit::Limit;
use crate::trace::CallTrace;

/// A limit, and where it was set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) limit: Limit,
    pub(crate) by: Setting,
}

/// Where a body says that it was refused, for those who cannot see its error: set at most once.
pub(crate) type Trip = Arc<OnceLock<LimitExceeded>>;

/// Reports one sample when its body ends, at the latest when it is dropped.
#[derive(Debug)]
pub(crate) struct Tally {
    series: Option<Arc<Series>>,
    trace: CallTrace,
    seen: u64,
    /// The least that the body has, as was known before its first frame; all of it where `declares`.
    declared: u64,
    declares: bool,
    /// The next size at which something happens: the warning line, then the rejecting one.
    line: u64,
    reject: u64,
    trip: Option<Trip>,
    setting: Setting,
    duty: Duty,
    polled: bool,
    /// Whether its last data has passed, while another layer further out may still refuse it.
    delivered: bool,
    watched: AtomicBool,
    over: AtomicBool,
    told: AtomicU8,
}

/// Who reports this body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// This tally, when the body ends.
    Report,
    /// This tally, at once: there is no body.
    ReportNoBody,
    /// Another one, of a layer nearer to the body's source.
    Silent,
    /// Nobody any more: it has been reported.
    Done,
}

impl Tally {
    /// A tally for a body of this series (`None`: limited only), held against this limit.
    #[inline]
    pub(crate) fn new(series: Option<Arc<Series>>, trace: CallTrace, held: Held) -> Self {
        let Held { limit, by } = held;
        if let Some(series) = &series {
            series.note_limit(&limit);
        }
        Self {
            series,
            trace,
            seen: 0,
            declared: 0,
            declares: false,
            line: limit.reject_line().min(limit.warn_line()),
            reject: limit.reject_line(),
            trip: None,
            setting: by,
            duty: Duty::Report,
            polled: false,
            delivered: false,
            watched: AtomicBool::new(false),
            over: AtomicBool::new(false),
            told: AtomicU8::new(0),
        }
    }

    /// A tally for a body that is neither limited nor recorded.
    pub(crate) fn unrecorded() -> Self {
        Self::new(None, CallTrace::default(), Held { limit: Limit::unlimited(), by: Setting::Body })
    }

    /// For a message that has no body by definition, whatever its body's value says: it has no size.
    ///
    /// Its limit stays: over HTTP/2, hyper sends and hands on what is there all the same.
    pub(crate) fn expect_no_body(&mut self) {
        self.duty = Duty::ReportNoBody;
    }

    /// Where this body says that it was refused, if it can be while it is read.
    #[inline]
    pub(crate) fn trip(&self) -> Option<Trip> {
        self.trip.clone()
    }

    #[inline]
    pub(crate) fn population(&self) -> Option<Population> {
        self.series.as_ref().map(|series| series.population())
    }

    /// Begins with the body of a message with these headers; `Err` where it is refused for its declared length.
    #[inline]
    pub(crate) fn begin<B: Body>(&mut self, body: &B, headers: &HeaderMap) -> Result<(), LimitExceeded> {
        let (hint, counted_inside) = stacked::ask(body, self.population());
        let ended = body.is_end_stream();
        // A body that knows its length keeps to it; of another the header may tell. One at its end has none, whatever
        // they say.
        let exact = match hint.exact() {
            _ if ended => Some(0),
            Some(exact) => Some(exact),
            None => {
                self.make_trip();
                content_length(headers)
            }
        };
        let least = if ended { 0 } else { hint.lower().max(exact.unwrap_or(0)) };
        self.know(body, least, exact, counted_inside)?;
        if ended {
            self.learn(Event::End);
        }
        Ok(())
    }

    /// Takes note of what is known before the first frame: the least and, where it is known, the exact length.
    #[inline]
    fn know<B: Body>(
        &mut self,
        body: &B,
        least: u64,
        exact: Option<u64>,
        counted_inside: bool,
    ) -> Result<(), LimitExceeded> {
        let duty = self.duty;
        if counted_inside {
            self.duty = Duty::Silent;
        }
        if duty == Duty::ReportNoBody {
            if let (false, Some(series)) = (counted_inside, &self.series) {
                series.record_unsized(Outcome::Complete);
                self.duty = Duty::Done;
            }
            return Ok(());
        }
        (self.declared, self.declares) = (least, exact.is_some());
        if least > self.line {
            self.cross(body, least, Some(least), Outcome::RejectedEarly)?;
        }
        Ok(())
    }

    /// Begins with a body of bytes in memory that is not wrapped: its length is all there is to know.
    ///
    /// `outside` is the tally of a layer further out that holds the same body.
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest hands out such bodies"))]
    pub(crate) fn begin_known(mut self, bytes: u64, outside: Option<&Self>) -> Result<Self, LimitExceeded> {
        let body = InMemory { counted_by: outside };
        let (_, counted_outside) = stacked::ask(&body, self.population());
        self.know(&body, bytes, Some(bytes), counted_outside)?;
        // Whether it is read nobody says; what is sent in part is not unread.
        self.polled = true;
        Ok(self)
    }

    /// Ends with such a body: it was sent.
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest hands out such bodies"))]
    pub(crate) fn complete(mut self, bytes: u64) {
        self.seen = bytes;
        self.learn(Event::End);
    }

    /// Makes the trip, for a request's body that may be refused while it is read.
    fn make_trip(&mut self) {
        let is_request = self.series.as_ref().is_some_and(|series| series.direction() == Direction::Request);
        if is_request && self.reject != u64::MAX {
            self.trip = Some(Trip::default());
        }
    }

    #[inline]
    fn declared(&self) -> Option<u64> {
        self.declares.then_some(self.declared)
    }

    #[inline]
    pub(super) fn poll(&mut self) {
        self.polled = true;
    }

    /// Counts a data frame; `Err` where it crosses the line that refuses the body.
    #[inline]
    pub(super) fn count<B: Body>(&mut self, body: &B, bytes: u64) -> Result<(), LimitExceeded> {
        self.seen = self.seen.saturating_add(bytes);
        if self.seen > self.line {
            self.cross(body, self.seen, self.declared(), Outcome::RejectedStreaming)?;
        }
        Ok(())
    }

    /// Takes note of what was learnt about the body, which may be its end.
    #[inline(always)]
    pub(super) fn learn(&mut self, event: Event) {
        if event == (Event::Data { last: true }) && self.watched.load(Relaxed) {
            self.delivered = true;
            return;
        }
        let all_seen = self.delivered || self.declared() == Some(self.seen);
        if let (Duty::Report, Some(outcome)) = (self.duty, ending::outcome(event, self.polled, all_seen)) {
            self.end(outcome);
        }
    }

    /// Answers whoever asks while the body's size hint is asked for: this body is counted here.
    #[inline]
    pub(super) fn answer(&self) {
        if stacked::is_asked() {
            self.answer_question();
        }
    }

    #[cold]
    fn answer_question(&self) {
        stacked::answer(
            || self.population(),
            |news| {
                self.watched.store(true, Relaxed);
                if let Some(News::Refused(verdict)) = news {
                    self.told.store(place(verdict), Relaxed);
                }
                Answer { over: if news.is_some() { self.over.swap(true, Relaxed) } else { self.over.load(Relaxed) } }
            },
        );
    }

    /// The error of a body that was refused, as often as it is asked for.
    #[cold]
    pub(super) fn refusal(&self) -> LimitExceeded {
        LimitExceeded::of(self.series.as_deref(), self.reject, self.seen, self.declared(), self.setting)
    }

    #[cold]
    fn cross<B: Body>(
        &mut self,
        body: &B,
        size: u64,
        declared: Option<u64>,
        verdict: Outcome,
    ) -> Result<(), LimitExceeded> {
        let rejects = size > self.reject && self.series.as_ref().is_none_or(|series| series.rejects());
        let limit = if size > self.reject { self.reject } else { self.line };
        let found = LimitExceeded::of(self.series.as_deref(), limit, self.seen, declared, self.setting);
        let mut known = self.over.swap(true, Relaxed);
        if self.duty == Duty::Silent {
            let news = if rejects { News::Refused(verdict) } else { News::Over };
            known |= stacked::tell(body, self.population(), news).is_some_and(|answer| answer.over);
        }
        if let Some(series) = &self.series {
            series.record_over_limit(&found, !known, rejects, &self.trace);
        }
        if rejects {
            (self.declared, self.declares) = (declared.unwrap_or(0), declared.is_some());
            if let Some(trip) = &self.trip {
                let _ = trip.set(found.clone());
            }
            if self.duty == Duty::Report {
                self.end(verdict);
            }
            return Err(found);
        }
        // Reported once; from here on only a rejecting line that still lies ahead counts.
        self.line = if size > self.reject { u64::MAX } else { self.reject };
        Ok(())
    }

    /// Reports the body, once.
    fn end(&mut self, outcome: Outcome) {
        self.duty = Duty::Done;
        let Some(series) = &self.series else { return };
        match self.told().unwrap_or(outcome) {
            Outcome::Complete => series.record_complete(self.seen, &self.trace),
            other => self.report(series, other),
        }
    }

    /// Reports a body that was not completed.
    #[cold]
    fn report(&self, series: &Series, outcome: Outcome) {
        match outcome {
            Outcome::RejectedEarly | Outcome::RejectedStreaming => {
                series.record_refused(outcome, self.seen.max(self.declared), &self.trace);
            }
            cut => series.record_unsized(cut),
        }
    }

    /// How the body ended, where that was told by one who refused it.
    #[inline]
    fn told(&self) -> Option<Outcome> {
        match self.told.load(Relaxed) {
            0 => None,
            place => Outcome::ALL.get(usize::from(place)).copied(),
        }
    }
}

/// An outcome as a small number, to be told through a shared reference. `Complete`, 0, is never told.
fn place(outcome: Outcome) -> u8 {
    Outcome::ALL.iter().zip(0..).find(|(known, _)| **known == outcome).map_or(0, |(_, place)| place)
}

impl Drop for Tally {
    #[inline]
    fn drop(&mut self) {
        if self.duty == Duty::Report {
            self.learn(Event::Dropped);
        }
    }
}
