//! Where the time comes from: the system's clock, or one that a test moves by hand.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock of a ledger: stamps exemplars and paces repeated log events.
///
/// The default is the system's; [`ManualClock`] makes one for tests. Times before 1970 read as 1970,
/// times after 2554 (what 64 bits of nanoseconds hold) as 2554.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The system's wall clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        time(self.unix_nanos())
    }

    #[inline]
    pub(crate) fn unix_nanos(&self) -> u64 {
        match &self.0 {
            Source::System => system::unix_nanos(),
            Source::Manual(nanos) => nanos.load(Ordering::Relaxed),
        }
    }
}

/// A clock that stands still until it is moved: for deterministic tests.
///
/// ```
/// use plimsoll::{Ledger, ManualClock};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_000));
/// let ledger = Ledger::builder().clock(time.clock()).build();
/// time.advance(Duration::from_secs(10));
/// assert_eq!(time.clock().now(), UNIX_EPOCH + Duration::from_secs(1_010));
/// # drop(ledger);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that reads `start`.
    #[must_use]
    pub fn at(start: SystemTime) -> Self {
        Self(Arc::new(AtomicU64::new(unix_nanos(start))))
    }

    /// A handle to give to [`LedgerBuilder::clock`](crate::LedgerBuilder::clock); it moves with this clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(Arc::clone(&self.0)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = nanos(by);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(by)));
    }

    /// Sets the clock to any time, earlier ones included.
    pub fn set(&self, now: SystemTime) {
        self.0.store(unix_nanos(now), Ordering::Relaxed);
    }
}

/// Linux keeps a wall clock of its timer's resolution (1 to 10 ms) that costs a fifth of the exact one to read: good
/// enough for what a ledger stamps, and read for each sampled body.
#[cfg(target_os = "linux")]
mod system {
    use nix::time::{ClockId, clock_gettime};

    #[inline]
    pub(super) fn unix_nanos() -> u64 {
        let Ok(now) = clock_gettime(ClockId::CLOCK_REALTIME_COARSE) else { return 0 };
        #[allow(clippy::useless_conversion, reason = "32 bits wide on some targets")]
        let (seconds, nanos) = (i64::from(now.tv_sec()), i64::from(now.tv_nsec()));
        u64::try_from(seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos)).unwrap_or(0)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn unix_nanos() -> u64 {
        #[allow(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
        let now = std::time::SystemTime::now();
        super::unix_nanos(now)
    }
}

/// A duration in nanoseconds, the longest ones cut to what 64 bits hold (584 years).
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The time that a count of nanoseconds since 1970 stands for.
pub(crate) fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_nanos(unix_nanos)).unwrap_or(UNIX_EPOCH)
}

fn unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, nanos)
}

/// A time as people read it, to the second: `2026-11-25 10:31:04 UTC`.
pub(crate) struct Utc(pub(crate) SystemTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = unix_nanos(self.0) / 1_000_000_000;
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

/// Year, month and day of a count of days since 1970: the years are counted off, since there are at most 585.
fn date(days: u64) -> (u64, usize, u64) {
    let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut days) = (1970u64, days);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        match days.checked_sub(length) {
            Some(rest) => (year, days) = (year.saturating_add(1), rest),
            None => break,
        }
    }
    let february = if is_leap(year) { 29 } else { 28 };
    for (month, length) in (1..).zip([31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
        match days.checked_sub(length) {
            Some(rest) => days = rest,
            None => return (year, month, days.saturating_add(1)),
        }
    }
    (year, 12, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let time = ManualClock::at(UNIX_EPOCH);
        let clock = time.clock();
        assert_eq!(clock.unix_nanos(), 0);
        time.advance(Duration::from_nanos(7));
        assert_eq!(clock.unix_nanos(), 7);
        time.set(UNIX_EPOCH + Duration::from_nanos(3));
        assert_eq!(clock.unix_nanos(), 3);
    }

    #[test]
    fn times_that_do_not_fit_are_cut_not_wrapped() {
        assert_eq!(unix_nanos(UNIX_EPOCH - Duration::from_secs(1)), 0);
        let time = ManualClock::at(UNIX_EPOCH);
        time.advance(Duration::MAX);
        time.advance(Duration::from_secs(1));
        assert_eq!(time.clock().unix_nanos(), u64::MAX);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let utc = |seconds| Utc(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_795_602_664), "2026-11-25 10:31:04 UTC");
        assert_eq!(utc(4_107_542_399), "2100-02-28 23:59:59 UTC");
        assert_eq!(utc(4_107_542_400), "2100-03-01 00:00:00 UTC");
        assert_eq!(utc(u64::MAX / 1_000_000_000), "2554-07-21 23:34:33 UTC");
    }

    #[test]
    fn the_system_clock_is_past_2020() {
        assert!(Clock::system().now() > UNIX_EPOCH + Duration::from_secs(1_577_836_800));
    }
}
