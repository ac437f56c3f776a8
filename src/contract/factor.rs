//! By how much a size may grow: a factor, compared exactly.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A factor of growth, in thousandths from 1 to 1,000: `2.0` allows twice the size, inclusive.
///
/// Held as a whole number, so that exactly twice is never more than twice.
///
/// ```
/// use plimsoll::Factor;
///
/// let factor: Factor = "1.5".parse()?;
/// assert!(factor.allows(1_000, 1_500) && !factor.allows(1_000, 1_501));
/// assert_eq!(Factor::TWO, Factor::new(2.0)?);
/// # Ok::<_, plimsoll::FactorError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Factor(u32);

const ONE: u32 = 1_000;

impl Factor {
    /// Twice the size: the default of a contract.
    pub const TWO: Self = Self(2_000);

    /// A factor from 1 to 1,000, rounded to a thousandth.
    ///
    /// # Errors
    ///
    /// Outside of that range, and where it is no number.
    pub fn new(factor: f64) -> Result<Self, FactorError> {
        let thousandths = (factor * f64::from(ONE)).round();
        if !(f64::from(ONE)..=f64::from(ONE.saturating_mul(ONE))).contains(&thousandths) {
            return Err(FactorError(factor.to_string()));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1,000 to 1,000,000")]
        Ok(Self(thousandths as u32))
    }

    /// Whether `is` bytes are at most this many times `was` bytes; no rounding, no overflow.
    #[must_use]
    pub const fn allows(self, was: u64, is: u64) -> bool {
        // 64 bits times 20 bits: 128 hold both.
        (is as u128).saturating_mul(ONE as u128) <= (was as u128).saturating_mul(self.0 as u128)
    }
}

impl Default for Factor {
    fn default() -> Self {
        Self::TWO
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / ONE, self.0 % ONE);
        let digits = format!("{thousandths:03}");
        match digits.trim_end_matches('0') {
            "" => f.pad(&format!("{whole}.0")),
            digits => f.pad(&format!("{whole}.{digits}")),
        }
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Factor({self})")
    }
}

impl FromStr for Factor {
    type Err = FactorError;

    fn from_str(text: &str) -> Result<Self, FactorError> {
        let number = text.trim().parse().map_err(|_| FactorError(text.into()))?;
        Self::new(number).map_err(|_| FactorError(text.into()))
    }
}

/// Why a number is no [`Factor`]. Its message holds the number, and the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorError(String);

impl fmt::Display for FactorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is no factor of growth: write a number from 1.0 to 1000.0, such as 2.0", self.0)
    }
}

impl Error for FactorError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exactly_twice_passes_and_one_byte_more_does_not() {
        for size in [1, 5, 8_421, 1 << 40, u64::MAX / 2] {
            assert!(Factor::TWO.allows(size, size * 2));
            assert!(!Factor::TWO.allows(size, size * 2 + 1), "{size}");
        }
        assert!(Factor::TWO.allows(u64::MAX, u64::MAX));
        assert!(Factor::TWO.allows(0, 0) && !Factor::TWO.allows(0, 1));
    }

    #[test]
    fn a_factor_is_written_as_it_is_read() {
        for (text, written) in [("2", "2.0"), ("1.5", "1.5"), ("1.05", "1.05"), ("1.0004", "1.0"), ("1000", "1000.0")] {
            assert_eq!(text.parse::<Factor>().unwrap().to_string(), written);
        }
        for wrong in ["0.9", "1001", "-2", "NaN", "inf", "twice", ""] {
            let said = wrong.parse::<Factor>().unwrap_err().to_string();
            assert!(said.starts_with(wrong) && said.contains("from 1.0 to 1000.0"), "{said}");
        }
    }

    proptest! {
        #[test]
        fn every_factor_reads_back(thousandths in 1_000u32..=1_000_000) {
            let factor = Factor(thousandths);
            prop_assert_eq!(factor.to_string().parse(), Ok(factor));
        }
    }
}
