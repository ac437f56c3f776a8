//! When an export is to be tried again, as a collector says it (OTLP specification 1.x, "Throttling").

use std::time::Duration;

use http::{HeaderMap, header};

use super::date::http_date;
use super::wire::{Field, fields};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// When it suits the exporter.
    Soon,
    /// Not before.
    After(Duration),
}

/// `Retry-After` (RFC 9110, section 10.2.3): a number of seconds, or a date, of which one that is past is now.
pub(super) fn retry_after(headers: &HeaderMap, now: u64) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(Duration::from_secs(http_date(text)?).saturating_sub(Duration::from_nanos(now))),
    }
}

/// The delay of a `google.rpc.RetryInfo` among the details of a `google.rpc.Status`.
pub(super) fn retry_info(status: &[u8]) -> Option<Duration> {
    let bytes_of = |message, wanted: u64| {
        fields(message).into_iter().flatten().filter_map(move |(field, value)| match value {
            Field::Bytes(bytes) if field == wanted => Some(bytes),
            _ => None,
        })
    };
    let info = bytes_of(status, 3).find(|any| bytes_of(any, 1).any(|url| url.ends_with(b"/google.rpc.RetryInfo")))?;
    let delay = bytes_of(bytes_of(info, 2).next()?, 1).next()?;
    let mut duration = Duration::ZERO;
    for (field, value) in fields(delay)? {
        let more = match (field, value) {
            // Both are signed, and a delay of less than nothing is none.
            (_, Field::Number(negative)) if i64::try_from(negative).is_err() => return Some(Duration::ZERO),
            (1, Field::Number(seconds)) => Duration::from_secs(seconds),
            (2, Field::Number(nanos)) => Duration::from_nanos(nanos),
            _ => Duration::ZERO,
        };
        duration = duration.saturating_add(more);
    }
    Some(duration)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::wire::Writer;
    use super::*;

    /// A status whose details say when to come again.
    pub(in super::super) fn come_again(seconds: u64) -> Vec<u8> {
        let mut status = Writer::with_capacity(0);
        status.varint(1, 8);
        status.message(3, |any| {
            any.text(1, "type.googleapis.com/google.rpc.RetryInfo");
            any.message(2, |info| info.message(1, |delay| delay.varint(1, seconds)));
        });
        status.finish()
    }

    #[test]
    fn a_date_is_as_far_away_as_the_clock_says() {
        let now = 784_111_777_000_000_000;
        let after =
            |text: &str| retry_after(&[(header::RETRY_AFTER, text.parse().unwrap())].into_iter().collect(), now);
        assert_eq!(after(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:51:37 GMT"), Some(Duration::from_secs(120)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:36 GMT"), Some(Duration::ZERO), "a second ago");
        assert_eq!([after("-1"), after("soon"), after("")], [None; 3]);
    }

    #[test]
    fn a_delay_is_what_the_details_say_and_never_negative() {
        assert_eq!(retry_info(&come_again(3)), Some(Duration::from_secs(3)));
        assert_eq!(retry_info(&come_again(u64::MAX)), Some(Duration::ZERO), "a second less than none");
        assert_eq!([retry_info(b""), retry_info(b"down")], [None; 2]);
    }
}
