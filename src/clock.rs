//! Where the time comes from: the system's clock, or one that a test moves by hand.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
    Manual(Arc<Hands>),
}

/// What a manual clock shows.
#[derive(Debug)]
struct Hands {
    wall: AtomicU64,
    steady: AtomicU64,
}

/// How far a wall clock was set between two looks at it, in nanoseconds: to a later time, or to an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shift {
    later: u64,
    earlier: u64,
}

/// A wall clock and one that nobody sets, looked at together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) wall: u64,
    steady: u64,
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
            Source::Manual(hands) => hands.wall.load(Ordering::Relaxed),
        }
    }

    /// The time now, with what tells at the next look whether the clock was set.
    pub(crate) fn look(&self) -> Look {
        let steady = match &self.0 {
            Source::System => steady_nanos(),
            Source::Manual(hands) => hands.steady.load(Ordering::Relaxed),
        };
        Look { wall: self.unix_nanos(), steady }
    }
}

impl Look {
    /// A clock that only runs a little fast or slow was not set, nor one that was read a little late: a second.
    const SLACK: u64 = 1_000_000_000;

    /// How far the wall clock was set since an earlier look.
    pub(crate) fn shift_since(&self, then: &Self) -> Shift {
        let expected = then.wall.saturating_add(self.steady.saturating_sub(then.steady));
        let (later, earlier) = (self.wall.saturating_sub(expected), expected.saturating_sub(self.wall));
        if later.max(earlier) > Self::SLACK { Shift { later, earlier } } else { Shift::default() }
    }
}

impl Shift {
    /// What a time of before reads on the clock as it is set now.
    pub(crate) fn of(self, time: u64) -> u64 {
        time.saturating_add(self.later).saturating_sub(self.earlier)
    }
}

/// A clock that stands still until it is moved: for deterministic tests.
///
/// [`advance`](Self::advance) is time that passes. [`set`](Self::set) is somebody who sets the clock, while no time passes:
/// a detector's period takes no notice of it.
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
pub struct ManualClock(Arc<Hands>);

impl ManualClock {
    /// A clock that reads `start`.
    #[must_use]
    pub fn at(start: SystemTime) -> Self {
        Self(Arc::new(Hands { wall: AtomicU64::new(unix_nanos(start)), steady: AtomicU64::new(0) }))
    }

    /// A handle to give to [`LedgerBuilder::clock`](crate::LedgerBuilder::clock); it moves with this clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(Arc::clone(&self.0)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let (by, Hands { wall, steady }) = (nanos(by), &*self.0);
        for hand in [wall, steady] {
            let _ = hand.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(by)));
        }
    }

    /// Sets the clock to any time, earlier ones included.
    pub fn set(&self, now: SystemTime) {
        self.0.wall.store(unix_nanos(now), Ordering::Relaxed);
    }
}

/// Linux keeps a wall clock of its timer's resolution (1 to 10 ms) that costs a tenth of the exact one to read: good
/// enough for what a ledger stamps, and read for each sampled body.
#[cfg(target_os = "linux")]
mod system {
    use rustix::time::{ClockId, clock_gettime};

    #[inline]
    pub(super) fn unix_nanos() -> u64 {
        let now = clock_gettime(ClockId::RealtimeCoarse);
        #[allow(clippy::useless_conversion, reason = "32 bits wide on some targets")]
        let (seconds, nanos) = (i64::from(now.tv_sec), i64::from(now.tv_nsec));
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

/// How long it is since this was asked first; time in which the system sleeps may not count.
fn steady_nanos() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock that nobody sets")]
    let now = Instant::now();
    nanos(now.saturating_duration_since(*FIRST.get_or_init(|| now)))
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
    fn a_clock_that_is_set_is_told_from_one_that_goes_on() {
        let seconds = |seconds| Duration::from_secs(seconds).as_nanos() as u64;
        let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(100));
        let clock = time.clock();
        let first = clock.look();
        time.advance(Duration::from_secs(1_000));
        assert_eq!(clock.look().shift_since(&first), Shift::default());
        time.set(UNIX_EPOCH + Duration::from_secs(1_101));
        assert_eq!(clock.look().shift_since(&first).of(7), 7, "a second is no matter");
        time.set(UNIX_EPOCH + Duration::from_secs(5_000));
        assert_eq!(clock.look().shift_since(&first).of(seconds(150)), seconds(4_050));
        time.set(UNIX_EPOCH);
        assert_eq!(clock.look().shift_since(&first).of(seconds(1_150)), seconds(50));
    }

    #[test]
    fn the_system_s_clocks_go_on() {
        let first = Clock::system().look();
        let goes_on = |later: &Look| later.steady > first.steady && later.wall > first.wall;
        assert!(std::iter::repeat_with(|| Clock::system().look()).take(100_000_000).any(|later| goes_on(&later)));
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
