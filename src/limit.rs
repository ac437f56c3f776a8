//! How large a body may be: [`Limit`] for one body, [`BodyLimits`] for the two of a call.

use std::fmt;

/// One kibibyte: 1,024 bytes.
pub const KIB: u64 = 1 << 10;
/// One mebibyte: 1,024 kibibytes.
pub const MIB: u64 = 1 << 20;
/// One gibibyte: 1,024 mebibytes.
pub const GIB: u64 = 1 << 30;

/// How many bytes one body may have, and what happens beyond: refuse it, warn, or both at different sizes.
///
/// A limit is **inclusive**: a body of exactly `n` bytes passes `reject_over(n)`. Any `u64` is valid:
/// `reject_over(0)` allows empty bodies only, while [`Limit::unlimited`] (the default) allows all.
/// A warning line at or above the rejecting one is allowed and has no effect.
///
/// A limit bounds one body; for the two bodies of a call see [`BodyLimits`].
///
/// ```
/// use plimsoll::{KIB, Limit};
///
/// let limit = Limit::reject_over(64 * KIB).and_warn_over(48 * KIB);
/// assert!(limit.allows(64 * KIB));
/// assert!(!limit.allows(64 * KIB + 1));
/// assert_eq!(limit.to_string(), "reject over 65536 bytes, warn over 49152 bytes");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    // `u64::MAX` is "no line": no body can have more bytes than that, so the two mean the same.
    reject: u64,
    warn: u64,
}

impl Limit {
    /// Refuses a body of more than `bytes`.
    #[must_use]
    pub const fn reject_over(bytes: u64) -> Self {
        Self { reject: bytes, warn: u64::MAX }
    }

    /// Lets every body pass, and counts and reports one of more than `bytes` as over the limit.
    ///
    /// This is the way to try a limit on live traffic before enforcing it.
    #[must_use]
    pub const fn warn_over(bytes: u64) -> Self {
        Self { reject: u64::MAX, warn: bytes }
    }

    /// Adds a line at which a warning is given, below the one that rejects.
    #[must_use]
    pub const fn and_warn_over(self, bytes: u64) -> Self {
        Self { reject: self.reject, warn: bytes }
    }

    /// Allows every body, which is not the same as `reject_over(0)`: that one allows none but the empty.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { reject: u64::MAX, warn: u64::MAX }
    }

    /// Whether a body of `bytes` passes without being refused.
    #[must_use]
    pub const fn allows(&self, bytes: u64) -> bool {
        bytes <= self.reject
    }

    /// The largest size that is not refused, in bytes; `None` where nothing is.
    #[must_use]
    pub const fn rejects_over(&self) -> Option<u64> {
        line(self.reject)
    }

    /// The largest size that gives no warning, in bytes; `None` where no warning is asked for.
    #[must_use]
    pub const fn warns_over(&self) -> Option<u64> {
        line(self.warn)
    }

    /// Whether neither line is drawn.
    #[must_use]
    pub const fn is_unlimited(&self) -> bool {
        self.reject == u64::MAX && self.warn == u64::MAX
    }

    pub(crate) const fn reject_line(&self) -> u64 {
        self.reject
    }

    pub(crate) const fn warn_line(&self) -> u64 {
        self.warn
    }
}

const fn line(bytes: u64) -> Option<u64> {
    if bytes == u64::MAX { None } else { Some(bytes) }
}

impl Default for Limit {
    fn default() -> Self {
        Self::unlimited()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rejects_over(), self.warns_over()) {
            (Some(reject), Some(warn)) => {
                write!(f, "reject over {reject} bytes, warn over {warn} bytes")
            }
            (Some(reject), None) => write!(f, "reject over {reject} bytes"),
            (None, Some(warn)) => write!(f, "warn over {warn} bytes"),
            (None, None) => f.write_str("unlimited"),
        }
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limit({self})")
    }
}

/// The limits of the two bodies of one call, where they differ from what stands.
///
/// A direction that is not set keeps the limit it would have without. Used in two places, the later winning:
/// for one endpoint on a layer (`limits_for`), and for one request, as an extension, which layers of both roles read (a
/// proxy that sends on the request it got removes it first, or the caller's exception is the upstream's too):
///
/// ```
/// use plimsoll::{BodyLimits, KIB, Limit, MIB};
///
/// let mut request = http::Request::new(());
/// // This report may be large; the request's own limit stays what the layer says.
/// request.extensions_mut().insert(BodyLimits::new().response(Limit::reject_over(4 * MIB)));
/// // And this one is not limited at all.
/// request.extensions_mut().insert(BodyLimits::new().response(Limit::unlimited()));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyLimits {
    request: Option<Limit>,
    response: Option<Limit>,
}

impl BodyLimits {
    /// Sets nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { request: None, response: None }
    }

    /// Sets the limit of the request's body.
    #[must_use]
    pub const fn request(self, limit: Limit) -> Self {
        Self { request: Some(limit), ..self }
    }

    /// Sets the limit of the response's body.
    #[must_use]
    pub const fn response(self, limit: Limit) -> Self {
        Self { response: Some(limit), ..self }
    }

    /// These, and for a direction that is not set the other's.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { request: self.request.or(other.request), response: self.response.or(other.response) }
    }

    /// The limit set for the request's body, if one is.
    #[must_use]
    pub const fn request_limit(&self) -> Option<Limit> {
        self.request
    }

    /// The limit set for the response's body, if one is.
    #[must_use]
    pub const fn response_limit(&self) -> Option<Limit> {
        self.response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        assert_eq!((KIB, MIB, GIB), (1024, 1_048_576, 1_073_741_824));
    }

    #[test]
    fn a_limit_is_inclusive_and_zero_is_not_none() {
        assert!(Limit::reject_over(5).allows(5));
        assert!(!Limit::reject_over(5).allows(6));
        assert!(Limit::reject_over(0).allows(0));
        assert!(!Limit::reject_over(0).allows(1));
        assert!(Limit::unlimited().allows(u64::MAX));
        assert_ne!(Limit::reject_over(0), Limit::unlimited());
        assert_eq!(Limit::reject_over(0).rejects_over(), Some(0));
        assert_eq!(Limit::unlimited().rejects_over(), None);
    }

    #[test]
    fn a_warning_line_rejects_nothing() {
        let limit = Limit::warn_over(10);
        assert!(limit.allows(u64::MAX));
        assert_eq!(limit.warns_over(), Some(10));
        assert!(!limit.is_unlimited());
    }

    #[test]
    fn both_lines_stand_side_by_side() {
        let limit = Limit::reject_over(10).and_warn_over(5);
        assert_eq!((limit.rejects_over(), limit.warns_over()), (Some(10), Some(5)));
    }

    #[test]
    fn a_limit_says_its_lines() {
        let said = |limit: Limit| limit.to_string();
        assert_eq!(said(Limit::reject_over(9).and_warn_over(5)), "reject over 9 bytes, warn over 5 bytes");
        assert_eq!(said(Limit::reject_over(9)), "reject over 9 bytes");
        assert_eq!(said(Limit::warn_over(5)), "warn over 5 bytes");
        assert_eq!(said(Limit::unlimited()), "unlimited");
    }

    #[test]
    fn limits_of_a_call_set_one_direction_and_leave_the_other() {
        let limits = BodyLimits::new().response(Limit::reject_over(1));
        assert_eq!(limits.request_limit(), None);
        assert_eq!(limits.response_limit(), Some(Limit::reject_over(1)));
    }
}
