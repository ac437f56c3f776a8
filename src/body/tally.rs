//! What is kept of a body while it passes: bytes seen, the lines it may cross, and the duty to report once.

use std::sync::Arc;

use http_body::Body;

use super::ending::{self, Event};
use super::hearsay::Hearsay;
use super::opening::Opening;
use super::stacked::{self, Answer, News};
use super::start::{Held, Standing};
use crate::endpoint::{Direction, Role};
use crate::error::{BoxError, LimitExceeded, Setting};
use crate::ledger::{Outcome, Population, Series};
use crate::limit::Limit;
use crate::trace::{CallTrace, TraceFlags, TraceRef};

/// Reports one sample when its body ends, at the latest when it is dropped.
#[derive(Debug)]
pub(crate) struct Tally {
    series: Option<Arc<Series>>,
    trace: CallTrace,
    flags: TraceFlags,
    seen: u64,
    /// The least that the body has, as was known before its first frame; all of it where `declares`.
    declared: u64,
    declares: bool,
    /// The next size at which something happens: the warning line, then the rejecting one.
    line: u64,
    reject: u64,
    setting: Setting,
    duty: Duty,
    polled: bool,
    /// Whether its last data has passed, while another layer further out may still refuse it.
    delivered: bool,
    heard: Hearsay,
}

/// Who reports this body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// This tally, when the body ends.
    Report,
    /// Another one, of a layer nearer to the body's source.
    Silent,
    /// Nobody any more: it has been reported.
    Done,
}

impl Tally {
    /// A tally for a body of this series (`None`: limited only) that stands so.
    #[inline(always)]
    pub(super) fn new(series: Option<Arc<Series>>, trace: TraceRef<'_>, standing: Standing) -> Self {
        let TraceRef { trace, flags } = trace;
        let Standing { declared, declares, line, reject, setting, duty, over } = standing;
        Self {
            series,
            trace: trace.clone(),
            flags,
            seen: 0,
            declared,
            declares,
            line,
            reject,
            setting,
            duty,
            polled: false,
            delivered: false,
            heard: Hearsay::new(over),
        }
    }

    /// A tally for a body of no ledger.
    pub(super) fn unled(standing: Standing) -> Self {
        Self::new(None, CallTrace::default().with(TraceFlags::default()), standing)
    }

    /// A tally for a body that is neither limited nor recorded.
    pub(crate) fn unrecorded() -> Self {
        let held = Held { limit: Limit::unlimited(), by: Setting::Body };
        Self::unled(Standing::new(held, &Opening::default()))
    }

    #[inline(always)]
    fn trace(&self) -> TraceRef<'_> {
        self.trace.with(self.flags)
    }

    #[inline]
    pub(crate) fn population(&self) -> Option<Population> {
        self.series.as_ref().map(|series| series.population())
    }

    /// Takes in what a body says of itself before its first frame, and gives how it stands then; `Err` where it is
    /// refused for its declared length.
    pub(super) fn settle<B: Body>(mut self, body: &B, opening: &Opening) -> Result<Standing, LimitExceeded> {
        if opening.counted_inside {
            self.duty = Duty::Silent;
        }
        if opening.bodiless {
            // It has no size. Its limit stays: over HTTP/2, hyper sends and hands on what is there all the same.
            (self.declared, self.declares) = (0, false);
            if let (Duty::Report, Some(series)) = (self.duty, &self.series) {
                series.record_unsized(Outcome::Complete);
                self.duty = Duty::Done;
            }
            return Ok(self.hand_over());
        }
        if opening.least > self.line {
            self.cross(body, opening.least, Some(opening.least), Outcome::RejectedEarly)?;
        }
        Ok(self.hand_over())
    }

    /// How the body stands, for another tally that goes on in place of this one.
    fn hand_over(mut self) -> Standing {
        let duty = std::mem::replace(&mut self.duty, Duty::Done);
        let Self { declared, declares, line, reject, setting, .. } = self;
        Standing { declared, declares, line, reject, setting, duty, over: self.heard.is_over() }
    }

    /// The tally of a body that is read without being polled: what is sent in part is not unread.
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest hands out such bodies"))]
    pub(super) fn under_way(mut self) -> Self {
        self.polled = true;
        self
    }

    /// Ends with such a body: it was sent.
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest hands out such bodies"))]
    pub(crate) fn complete(mut self, bytes: u64) {
        self.seen = bytes;
        self.learn(Event::End);
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
    #[inline(always)]
    pub(super) fn count<B: Body>(&mut self, body: &B, bytes: u64) -> Result<(), BoxError> {
        self.seen = self.seen.saturating_add(bytes);
        if self.seen > self.line { self.cross_reading(body) } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn cross_reading<B: Body>(&mut self, body: &B) -> Result<(), BoxError> {
        Ok(self.cross(body, self.seen, self.declared(), Outcome::RejectedStreaming)?)
    }

    /// Takes note that the last data has passed: the usual end.
    #[inline(always)]
    pub(super) fn finish(&mut self) {
        if self.heard.is_watched() {
            // Another layer further out may still refuse it.
            self.delivered = true;
        } else if self.duty == Duty::Report {
            self.duty = Duty::Done;
            if let Some(series) = &self.series {
                series.record_complete(self.seen, self.trace());
            }
        }
    }

    /// Takes note of what was learnt about the body, which is its end.
    #[inline(always)]
    pub(super) fn learn(&mut self, event: Event) {
        if self.duty == Duty::Report {
            self.report(event);
        }
    }

    #[inline(never)]
    fn report(&mut self, event: Event) {
        let all_seen = self.delivered || self.declared() == Some(self.seen);
        self.end(ending::outcome(event, self.polled, all_seen));
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
                self.heard.watch();
                if let Some(News::Refused(verdict)) = news {
                    self.heard.refuse(verdict);
                }
                Answer { over: if news.is_some() { self.heard.note_over() } else { self.heard.is_over() } }
            },
        );
    }

    /// The refusal of the request that this body answers: an upload that is cut takes the answer that has begun with it,
    /// and hyper says no more than that.
    #[cold]
    pub(super) fn request_refusal(&self) -> Option<BoxError> {
        let series = self.series.as_ref()?;
        let answers_us = series.role() == Role::Client && series.direction() == Direction::Response;
        self.trace.refused().filter(|_| answers_us).map(|refused| refused.clone().into())
    }

    /// The error of a body that was refused, as often as it is asked for.
    #[cold]
    pub(super) fn refusal(&self) -> BoxError {
        LimitExceeded::of(self.series.as_deref(), self.reject, self.seen, self.declared(), self.setting).into()
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
        let mut known = self.heard.note_over();
        if self.duty == Duty::Silent {
            let news = if rejects { News::Refused(verdict) } else { News::Over };
            known |= stacked::tell(body, self.population(), news).is_some_and(|answer| answer.over);
        }
        if let Some(series) = &self.series {
            series.record_over_limit(&found, !known, rejects, self.trace());
        }
        if rejects {
            (self.declared, self.declares) = (declared.unwrap_or(0), declared.is_some());
            if self.series.as_ref().is_some_and(|series| series.direction() == Direction::Request) {
                self.trace.tell_refused(&found);
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
        match self.heard.verdict().unwrap_or(outcome) {
            Outcome::Complete => series.record_complete(self.seen, self.trace()),
            other => self.report_cut(series, other),
        }
    }

    /// Reports a body that was not completed.
    #[cold]
    fn report_cut(&self, series: &Series, outcome: Outcome) {
        match outcome {
            Outcome::RejectedEarly | Outcome::RejectedStreaming => {
                series.record_refused(outcome, self.seen.max(self.declared), self.trace());
            }
            cut => series.record_unsized(cut),
        }
    }
}

impl Drop for Tally {
    #[inline]
    fn drop(&mut self) {
        self.learn(Event::Dropped);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;
    use http_body_util::Empty;

    use super::*;
    use crate::endpoint::{Key, Role, Upstream};
    use crate::ledger::{Attributes, Ledger, View};

    /// A body that declares nothing, dropped after five bytes; `ended` where it said that these are all.
    fn dropped_after_five(ended: bool) -> Outcome {
        let ledger = Ledger::new();
        let key = Key::new(Role::Server, &Method::GET, Upstream::default(), Some("/"));
        let series = Arc::clone(ledger.entry(&key).series(Attributes::of(View::Wire)));
        let held = Held { limit: Limit::unlimited(), by: Setting::Layer };
        let none = CallTrace::default();
        let standing = Standing::new(held, &Opening::default());
        let mut tally = Tally::new(Some(series), none.with(TraceFlags::default()), standing);
        tally.poll();
        tally.count(&Empty::<Bytes>::new(), 5).expect("nothing is refused");
        if ended {
            tally.finish();
        }
        drop(tally);
        let outcomes = ledger.snapshot().outcomes();
        Outcome::ALL.into_iter().find(|outcome| outcomes.get(*outcome) == 1).expect("it is counted")
    }

    #[test]
    fn a_body_that_says_it_ends_with_its_last_data_is_complete_when_it_is_dropped_there() {
        assert_eq!(dropped_after_five(true), Outcome::Complete);
        assert_eq!(dropped_after_five(false), Outcome::Aborted);
    }

    /// With a body of 48 bytes, as large as the common ones are, that is up to where moves take no call of memcpy.
    #[test]
    fn a_body_carries_at_most_80_bytes() {
        assert!(size_of::<Tally>() <= 80, "{}", size_of::<Tally>());
    }
}
