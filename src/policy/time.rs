//! Times as a policy's file has them: spans like `10m`, and moments as TOML's dates (RFC 3339).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use toml::value::{Date, Datetime, Offset, Time};

use super::rule_settings::Seconds;

/// The units of a span, largest first, with their seconds; those of Prometheus.
const UNITS: [(&str, u32); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

pub(super) const SPAN: &str =
    "must be a span of time from \"1s\" to \"4294967295s\", with s, m, h, d or w, as in \"10m\"";
pub(super) const MOMENT: &str =
    "must be a date from 1970 to 9999, or one with a time in UTC, as in 2026-12-31 or 2026-12-31T12:00:00Z";

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(seconds) = *self;
        let whole = UNITS.into_iter().find(|(_, of)| seconds.checked_rem(*of) == Some(0) && seconds > 0);
        let (unit, of) = whole.unwrap_or(("s", 1));
        write!(f, "{}{unit}", seconds.checked_div(of).unwrap_or(seconds))
    }
}

impl FromStr for Seconds {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (unit, of) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit)).ok_or(())?;
        let digits = text.strip_suffix(unit).ok_or(())?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(());
        }
        let number: u32 = digits.parse().map_err(|_| ())?;
        number.checked_mul(of).filter(|seconds| *seconds > 0).map(Self).ok_or(())
    }
}

const DAY: u64 = 86_400;
/// The last second of 9999.
const LAST: u64 = 253_402_300_799;

/// The moment as TOML has it: a date where it is the start of one. One outside of 1970 to 9999 is the nearest within.
pub(super) fn written(moment: SystemTime) -> Datetime {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let since = since.min(Duration::new(LAST, 999_999_999));
    let (days, seconds, nanosecond) = (since.as_secs() / DAY, since.as_secs() % DAY, since.subsec_nanos());
    let date = Some(date_of(days));
    if seconds == 0 && nanosecond == 0 {
        return Datetime { date, time: None, offset: None };
    }
    #[allow(clippy::cast_possible_truncation, reason = "hours, minutes and seconds of a day")]
    let (hour, minute, second) = ((seconds / 3_600) as u8, (seconds / 60 % 60) as u8, (seconds % 60) as u8);
    let time = Time { hour, minute, second: Some(second), nanosecond: Some(nanosecond).filter(|nanos| *nanos > 0) };
    Datetime { date, time: Some(time), offset: Some(Offset::Z) }
}

/// The moment that is meant; `None` where it is not one from 1970 to 9999, in UTC.
pub(super) fn read(written: &Datetime) -> Option<SystemTime> {
    let Datetime { date, time, offset } = written;
    let days = days_of((*date)?)?;
    let (seconds, nanos) = match (time, offset) {
        (None, None) => (0, 0),
        (Some(Time { hour, minute, second, nanosecond }), Some(Offset::Z | Offset::Custom { minutes: 0 })) => {
            let minutes = u64::from(*hour).checked_mul(60)?.checked_add(u64::from(*minute))?;
            let seconds = minutes.checked_mul(60)?.checked_add(u64::from(second.unwrap_or(0).min(59)))?;
            (seconds, nanosecond.unwrap_or(0))
        }
        _ => return None,
    };
    UNIX_EPOCH.checked_add(Duration::new(days.checked_mul(DAY)?.checked_add(seconds)?, nanos))
}

/// The date of a day counted from 1970-01-01 (Gregorian calendar; 400 years are 146,097 days).
fn date_of(days: u64) -> Date {
    // Years begin in March here, so that a leap day is the last of its year.
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let leaps = (of_era / 1_460).saturating_add(of_era / 146_096).saturating_sub(of_era / 36_524);
    let year_of_era = of_era.saturating_sub(leaps) / 365;
    let before = year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let of_year = of_era.saturating_sub(before);
    let shifted = of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = of_year.saturating_sub(shifted.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if shifted < 10 { shifted.saturating_add(3) } else { shifted.saturating_sub(9) };
    let year = year_of_era.saturating_add(era.saturating_mul(400)).saturating_add(u64::from(month <= 2));
    #[allow(clippy::cast_possible_truncation, reason = "at most 9999, 12 and 31")]
    Date { year: year as u16, month: month as u8, day: day as u8 }
}

/// The day of a date, counted from 1970-01-01; `None` before that, and where the calendar has no such date.
fn days_of(date: Date) -> Option<u64> {
    let (year, month) = (u64::from(date.year), u64::from(date.month));
    let year = year.checked_sub(u64::from(month <= 2))?;
    let shifted = if month > 2 { month.checked_sub(3)? } else { month.checked_add(9)? };
    let of_year = shifted.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(u64::from(date.day))?;
    let of_era = (year % 400).checked_mul(365)?.checked_add(year % 400 / 4)?.checked_sub(year % 400 / 100)?;
    let days = (year / 400).checked_mul(146_097)?.checked_add(of_era)?.checked_add(of_year)?;
    let days = days.checked_sub(719_469)?;
    (date_of(days) == date).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn moments_are_written_as_the_calendar_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_675_200, "2026-12-31"),
            (1_798_675_201, "2026-12-31T00:00:01Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01"),
            (LAST, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(written(at(seconds)).to_string(), text);
            assert_eq!(read(&text.parse().unwrap()), Some(at(seconds)), "{text}");
        }
        assert_eq!(written(UNIX_EPOCH - Duration::from_secs(1)), written(UNIX_EPOCH));
        assert_eq!(written(at(LAST + 1)).to_string(), "9999-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn what_is_no_moment_in_utc_is_none() {
        for text in ["1969-12-31", "12:00:00", "2026-12-31T12:00:00", "2026-12-31T12:00:00+01:00"] {
            assert_eq!(read(&text.parse().unwrap()), None, "{text}");
        }
        assert_eq!(days_of(Date { year: 2026, month: 2, day: 29 }), None);
    }

    #[test]
    fn a_span_is_written_with_its_largest_unit() {
        for (seconds, text) in [(1, "1s"), (90, "90s"), (600, "10m"), (5_400, "90m"), (86_400, "1d"), (604_800, "1w")] {
            assert_eq!(Seconds(seconds).to_string(), text);
        }
        for text in ["", "s", "0s", "1", "-1s", "+1s", "1.5h", "1h30m", "1ms", "99999999w"] {
            assert_eq!(text.parse::<Seconds>(), Err(()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_and_span_reads_back(seconds in 0..=LAST, nanos in 0..1_000_000_000u32, span in 1..=u32::MAX) {
            let moment = UNIX_EPOCH + Duration::new(seconds, nanos);
            prop_assert_eq!(read(&written(moment)), Some(moment));
            prop_assert_eq!(Seconds(span).to_string().parse(), Ok(Seconds(span)));
        }
    }
}
