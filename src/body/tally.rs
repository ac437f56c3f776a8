//! What is kept of a body while it passes: bytes seen, the lines it may cross, and the duty to report once.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::ending::{self, Event};
use crate::error::{LimitExceeded, Setting};
use crate::ledger::{Outcome, Population, Sample, Series};
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
    declared: Option<u64>,
    /// The next size at which something happens: the warning line, then the rejecting one.
    line: u64,
    reject: u64,
    trip: Option<Trip>,
    setting: Setting,
    form: Form,
    duty: Duty,
    polled: bool,
    over: bool,
    told: AtomicU8,
}

/// Whether there can be a body at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Sized,
    None,
}

/// Who reports this body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// This tally, when the body ends.
    Report,
    /// Another one, of a layer nearer to the body's source.
    Silent,
    /// Nobody any more: it has been reported.
    Done,
}

impl Tally {
    /// A tally for a body of this series (`None`: limited only), held against this limit.
    pub(crate) fn new(series: Option<Arc<Series>>, trace: CallTrace, held: Held) -> Self {
        let Held { limit, by } = held;
        if let Some(series) = &series {
            series.note_limit(&limit);
        }
        Self {
            series,
            trace,
            seen: 0,
            declared: None,
            line: limit.reject_line().min(limit.warn_line()),
            reject: limit.reject_line(),
            trip: None,
            setting: by,
            form: Form::Sized,
            duty: Duty::Report,
            polled: false,
            over: false,
            told: AtomicU8::new(0),
        }
    }

    /// For a message that has no body by definition, whatever its body's value says: no size, no limit.
    pub(crate) fn without_body(mut self) -> Self {
        (self.line, self.reject) = (u64::MAX, u64::MAX);
        self.form = Form::None;
        self
    }

    /// Where this body says that it was refused, if it can be while it is read.
    pub(crate) fn trip(&self) -> Option<Trip> {
        self.trip.clone()
    }

    pub(crate) fn population(&self) -> Option<Population> {
        self.series.as_ref().map(|series| series.population())
    }

    /// What is known before the first frame: the least and, where it is known, the exact length.
    ///
    /// `Err` where the body is refused for it.
    pub(super) fn begin(&mut self, least: u64, exact: Option<u64>, counted_inside: bool) -> Result<(), LimitExceeded> {
        if counted_inside {
            self.duty = Duty::Silent;
        }
        if self.form == Form::None {
            self.end(Outcome::Complete);
            return Ok(());
        }
        self.declared = exact;
        if least > self.line {
            self.cross(least, Some(exact.unwrap_or(least)), Outcome::RejectedEarly)?;
        }
        Ok(())
    }

    /// Begins with a body of bytes in memory that is not wrapped: its length is all there is to know.
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest hands out such bodies"))]
    pub(crate) fn begin_known(mut self, bytes: u64, counted_outside: bool) -> Result<Self, LimitExceeded> {
        self.begin(bytes, Some(bytes), counted_outside)?;
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

    /// Makes the trip, for a body that may be refused while it is read.
    pub(super) fn make_trip(&mut self) {
        if self.reject != u64::MAX {
            self.trip = Some(Trip::default());
        }
    }

    pub(super) fn poll(&mut self) {
        self.polled = true;
    }

    /// Counts a data frame; `Err` where it crosses the line that refuses the body.
    pub(super) fn count(&mut self, bytes: u64) -> Result<(), LimitExceeded> {
        self.seen = self.seen.saturating_add(bytes);
        if self.seen > self.line {
            self.cross(self.seen, self.declared, Outcome::RejectedStreaming)?;
        }
        Ok(())
    }

    /// Takes note of what was learnt about the body, which may be its end.
    pub(super) fn learn(&mut self, event: Event) {
        if let Some(outcome) = ending::outcome(event, self.polled, self.seen, self.declared) {
            self.end(outcome);
        }
    }

    /// Answers whoever asks while the body's size hint is asked for: this body is counted here.
    pub(super) fn answer(&self) {
        if let Some(verdict) = super::stacked::answer(|| self.population()) {
            let place = Outcome::ALL.iter().position(|outcome| *outcome == verdict).unwrap_or(0);
            self.told.store(u8::try_from(place).unwrap_or(0), Relaxed);
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.duty == Duty::Silent
    }

    /// The error of a body that was refused, as often as it is asked for.
    pub(super) fn refusal(&self) -> LimitExceeded {
        LimitExceeded::of(self.series.as_deref(), self.reject, self.seen, self.declared, self.setting)
    }

    #[cold]
    fn cross(&mut self, size: u64, declared: Option<u64>, verdict: Outcome) -> Result<(), LimitExceeded> {
        let rejects = size > self.reject && self.series.as_ref().is_none_or(|series| series.rejects());
        let limit = if size > self.reject { self.reject } else { self.line };
        let found = LimitExceeded::of(self.series.as_deref(), limit, self.seen, declared, self.setting);
        if let Some(series) = &self.series {
            series.record_over_limit(&found, !std::mem::replace(&mut self.over, true), rejects, &self.trace);
        }
        if rejects {
            self.declared = declared;
            if let Some(trip) = &self.trip {
                let _ = trip.set(found.clone());
            }
            self.end(verdict);
            return Err(found);
        }
        // Reported once; from here on only a rejecting line that still lies ahead counts.
        self.line = if size > self.reject { u64::MAX } else { self.reject };
        Ok(())
    }

    fn end(&mut self, outcome: Outcome) {
        let duty = std::mem::replace(&mut self.duty, Duty::Done);
        let Some(series) = self.series.as_deref().filter(|_| duty == Duty::Report) else {
            return;
        };
        let outcome = match Outcome::ALL.get(usize::from(self.told.load(Relaxed))) {
            Some(told) if *told != Outcome::Complete => *told,
            _ => outcome,
        };
        let size = match (self.form, outcome) {
            (Form::None, _) => None,
            (Form::Sized, Outcome::Complete) => Some(self.seen),
            (Form::Sized, _) => Some(self.seen.max(self.declared.unwrap_or(0))),
        };
        series.record(&Sample { outcome, size, trace: &self.trace });
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if self.duty == Duty::Report {
            self.learn(Event::Dropped);
        }
    }
}
