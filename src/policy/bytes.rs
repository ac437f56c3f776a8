//! A number of bytes as people write it: `64 KiB`.

use std::fmt;
use std::str::FromStr;

/// A number of bytes that reads and prints as people write it: `64 KiB`, `2 MiB`, `1500 B`.
///
/// Exact both ways: it prints with the largest unit that leaves a whole number, and reads whole numbers only, with `B`,
/// `KiB`, `MiB`, `GiB` or `TiB` (each 1,024 of the one before) after them, or nothing for bytes. `64 KB` is an error: half
/// of the world means 64,000 by it.
///
/// ```
/// use plimsoll::policy::ByteSize;
///
/// let size: ByteSize = "64 KiB".parse()?;
/// assert_eq!(size, ByteSize(64 * plimsoll::KIB));
/// assert_eq!(ByteSize(65_536).to_string(), "64 KiB");
/// assert_eq!(ByteSize(65_537).to_string(), "65537 B");
/// assert!("64 KB".parse::<ByteSize>().is_err());
/// # Ok::<_, plimsoll::policy::ByteSizeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// The units, largest first, with the power of two that each stands for.
const UNITS: [(&str, u32); 5] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)];

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let whole = |power: u32| bytes.trailing_zeros() >= power && bytes > 0;
        let (unit, power) = UNITS.into_iter().find(|(_, power)| whole(*power)).unwrap_or(("B", 0));
        f.pad(&format!("{} {unit}", bytes >> power))
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let wrong = |wrong| ByteSizeError { text: text.into(), wrong };
        let digits_end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(digits_end);
        if digits.is_empty() {
            return Err(wrong("it does not begin with a whole number"));
        }
        if text.ends_with(' ') {
            return Err(wrong("it ends in a space"));
        }
        let number: u64 = digits.parse().map_err(|_| wrong("it is more than 2^64 - 1"))?;
        let power = match unit.trim_start_matches(' ') {
            "" if unit.is_empty() => 0,
            unit => match UNITS.into_iter().find(|(known, _)| *known == unit) {
                Some((_, power)) => power,
                None if unit.starts_with(char::is_alphabetic) => return Err(wrong("its unit is none of these")),
                None => return Err(wrong("its number is not a whole one")),
            },
        };
        number.checked_mul(1 << power).map(Self).ok_or_else(|| wrong("it is more than 2^64 - 1 bytes"))
    }
}

/// Why a text is no [`ByteSize`]. Its message holds the text, and what would be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteSizeError {
    text: Box<str>,
    wrong: &'static str,
}

impl fmt::Display for ByteSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, wrong } = self;
        write!(f, "{text:?} is no size: {wrong}; {VALID}")
    }
}

/// What would have been valid.
pub(super) const VALID: &str = "write a whole number and B, KiB, MiB, GiB or TiB, as in \"64 KiB\"";

impl std::error::Error for ByteSizeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_size_prints_with_the_largest_unit_that_is_exact() {
        for (bytes, text) in [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1 << 10, "1 KiB"),
            (3 << 29, "1536 MiB"),
            (1 << 52, "4096 TiB"),
            (u64::MAX, "18446744073709551615 B"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }

    #[test]
    fn a_size_reads_with_and_without_a_space_or_a_unit() {
        for text in ["65536", "65536 B", "64KiB", "64 KiB", "64  KiB"] {
            assert_eq!(text.parse(), Ok(ByteSize(65_536)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why_and_what_would_be() {
        for (text, wrong) in [
            ("", "whole number"),
            ("KiB", "whole number"),
            ("-1", "whole number"),
            (" 1", "whole number"),
            ("64 KB", "unit"),
            ("64 kib", "unit"),
            ("64 bytes", "unit"),
            ("1.5 MiB", "not a whole one"),
            ("1_000", "not a whole one"),
            ("64 ", "ends in a space"),
            ("5 KiB ", "ends in a space"),
            ("99999999999999999999", "2^64"),
            ("16777216 TiB", "2^64"),
        ] {
            let said = text.parse::<ByteSize>().unwrap_err().to_string();
            assert!(said.contains(wrong) && said.contains(&format!("{text:?}")) && said.contains("64 KiB"), "{said}");
        }
    }

    proptest! {
        #[test]
        fn every_size_reads_back(bytes: u64, shift in 0u32..64) {
            let size = ByteSize(bytes << shift);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = text.parse::<ByteSize>();
        }
    }
}
