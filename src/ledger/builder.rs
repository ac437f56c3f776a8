//! The settings of a ledger.

use std::time::Duration;

use http::HeaderName;

use super::core::DEFAULT_EVENT_INTERVAL;
use super::handle::Ledger;
use crate::clock::Clock;
use crate::export::Instruments;

/// Which bodies leave an exemplar; OpenTelemetry's `OTEL_METRICS_EXEMPLAR_FILTER` with the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExemplarFilter {
    /// Those of sampled traces: they can be found in a backend. The default.
    #[default]
    TraceBased,
    /// All that have a trace id.
    AlwaysOn,
    /// None.
    AlwaysOff,
}

/// Makes a [`Ledger`] with settings of your own; [`Ledger::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct LedgerBuilder {
    pub(super) clock: Clock,
    pub(super) exemplars: ExemplarFilter,
    pub(super) event_interval: Duration,
    pub(super) max_series: usize,
    pub(super) max_bytes: usize,
    pub(super) version_header: Option<HeaderName>,
    pub(crate) instruments: Option<Instruments>,
}

impl Default for LedgerBuilder {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            exemplars: ExemplarFilter::default(),
            event_interval: DEFAULT_EVENT_INTERVAL,
            max_series: 4096,
            max_bytes: 32 << 20,
            version_header: None,
            instruments: None,
        }
    }
}

impl LedgerBuilder {
    /// Sets how many series there may be; 4,096 by default.
    ///
    /// A body that would need one more is counted in the overflow series of its role and direction, with every
    /// other such body; a warning says so once. 0 counts everything there. The ledger holds a table of 32 bytes
    /// for each series that it may have, for up to 2^20 endpoints. A route has 2 or 3 series as a rule, and up to
    /// 462 where callers try every method, content coding, version of HTTP and scheme on it (231 with
    /// [`ServerLayer::url_scheme`](crate::ServerLayer::url_scheme) set): allow for your routes times that, if you
    /// serve strangers.
    #[must_use]
    pub fn max_series(self, max_series: usize) -> Self {
        Self { max_series, ..self }
    }

    /// Sets how many bytes all series may take together; 32 MiB by default, enough for 4,096 usual ones.
    ///
    /// A body that would need more, for a new series or for a size that its series has not seen, is counted in
    /// the overflow series. A series takes 2 to 4 KB; at most 30 KB, where sizes from 2 bytes to 1 TiB all occur, by the
    /// hundred thousand.
    #[must_use]
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets which bodies leave an exemplar; those of sampled traces by default.
    #[must_use]
    pub fn exemplars(self, exemplars: ExemplarFilter) -> Self {
        Self { exemplars, ..self }
    }

    /// Sets how long a series stays silent after a log event of a kind (refusal, warning); 10 s by default.
    ///
    /// The next event then says how many were held back and how large the largest was. Zero logs each one.
    #[must_use]
    pub fn event_interval(self, event_interval: Duration) -> Self {
        Self { event_interval, ..self }
    }

    /// Names the response header in which upstreams say their version, such as `x-service-version`; none by default.
    ///
    /// For each endpoint that is called, the last eight versions are remembered with the time of their first answer, or
    /// of the first one after five minutes without them, so that a [detector](crate::detect) can say with which one
    /// bodies grew. Up to 64 bytes of text count as one.
    #[must_use]
    pub fn version_header(self, name: HeaderName) -> Self {
        Self { version_header: Some(name), ..self }
    }

    /// Sets where the time comes from; the system's clock by default.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Makes the ledger.
    #[must_use]
    pub fn build(self) -> Ledger {
        Ledger::with_settings(&self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_setting_sets_what_it_names_and_leaves_the_others() {
        let seconds = Duration::from_secs;
        let name = HeaderName::from_static("x-version");
        let set = LedgerBuilder::default()
            .clock(ManualClock::at(UNIX_EPOCH + seconds(7)).clock())
            .exemplars(ExemplarFilter::AlwaysOn)
            .event_interval(seconds(3))
            .max_series(5)
            .max_bytes(6)
            .version_header(name.clone());
        let LedgerBuilder { clock, exemplars, event_interval, max_series, max_bytes, version_header, instruments } =
            set;
        assert_eq!((clock.unix_nanos(), exemplars), (7_000_000_000, ExemplarFilter::AlwaysOn));
        assert_eq!((event_interval, max_series, max_bytes), (seconds(3), 5, 6));
        assert!(version_header == Some(name) && instruments.is_none());
    }
}
