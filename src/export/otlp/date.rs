//! Dates as HTTP writes them (RFC 9110, section 5.6.7).

/// Seconds since 1970 of a date in one of the three forms that a recipient must take; `None` for what is none of them,
/// or of a year before 1970.
pub(super) fn http_date(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match words[..] {
        // Sun, 06 Nov 1994 08:49:37 GMT; or Sunday, 06-Nov-94 08:49:37 GMT.
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        // Sun Nov  6 08:49:37 1994.
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let within = |text: &str, most: u64| text.parse::<u64>().ok().filter(|number| *number <= most);
    let mut parts = time.split(':');
    let (hour, minute, second) = (within(parts.next()?, 23)?, within(parts.next()?, 59)?, within(parts.next()?, 60)?);
    let year = match (within(year, 9_999)?, year.len()) {
        (year, 4) => year,
        // Two digits are of the years from 1970 to 2069.
        (year @ 70.., 2) => year.saturating_add(1900),
        (year, 2) => year.saturating_add(2000),
        _ => return None,
    };
    let days = days(year, month, within(day, 31)?)?;
    let seconds = [(days, 86_400), (hour, 3_600), (minute, 60), (second, 1)];
    Some(seconds.into_iter().fold(0, |sum: u64, (count, each)| sum.saturating_add(count.saturating_mul(each))))
}

/// The months, and how many days of a year of 365 are before each.
const MONTHS: [(&str, u64); 12] = [
    ("Jan", 0),
    ("Feb", 31),
    ("Mar", 59),
    ("Apr", 90),
    ("May", 120),
    ("Jun", 151),
    ("Jul", 181),
    ("Aug", 212),
    ("Sep", 243),
    ("Oct", 273),
    ("Nov", 304),
    ("Dec", 334),
];

/// Days from the first of January 1970 to this one.
fn days(year: u64, month: &str, day: u64) -> Option<u64> {
    let (_, before) = MONTHS.into_iter().find(|(name, _)| *name == month)?;
    let leap_years_until = |year: u64| (year / 4).saturating_sub(year / 100).saturating_add(year / 400);
    // Up to February, this year's leap day has not been.
    let last = if before < 59 { year.saturating_sub(1) } else { year };
    let leap_days = leap_years_until(last).saturating_sub(leap_years_until(1969));
    let of_years = year.checked_sub(1970)?.saturating_mul(365);
    Some(of_years.saturating_add(leap_days).saturating_add(before).saturating_add(day.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Utc;

    #[test]
    fn all_three_forms_are_read() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(http_date(text), Some(784_111_777), "{text}");
        }
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Thu, 29 Feb 2024 23:59:60 GMT"), Some(1_709_251_200), "a leap second");
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "7",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nvm 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 99994 08:49:37 GMT",
            "Sun, -6 Nov 1994 08:49:37 +GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    proptest! {
        /// The clock writes dates by counting years off: the other way round, and by other means.
        #[test]
        fn every_second_of_eight_thousand_years_is_read_as_it_is_written(seconds in 0..u64::MAX / 1_000_000_000) {
            let written = Utc(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
            let (year, rest) = written.split_once('-').unwrap();
            let (month, day, time) = (&rest[..2], &rest[3..5], &rest[6..14]);
            let month = MONTHS[month.parse::<usize>().unwrap() - 1].0;
            prop_assert_eq!(http_date(&format!("Mon, {day} {month} {year} {time} GMT")), Some(seconds));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = http_date(&text);
        }
    }
}
