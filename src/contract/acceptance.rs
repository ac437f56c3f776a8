//! Whether what has changed is accepted, and why.

use std::env;

use super::error::{ContractError, Kind};

/// Whether a check writes what it finds into the contract: never by itself, and never without a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceptance(Option<String>);

/// Values that other tools take for "yes": here they say nothing.
const NO_REASONS: [&str; 9] = ["1", "true", "yes", "y", "on", "all", "always", "force", "accept"];

impl Acceptance {
    /// What is found is compared, and nothing is written.
    #[must_use]
    pub const fn no() -> Self {
        Self(None)
    }

    /// What is found is written, with this reason beside it.
    ///
    /// # Errors
    ///
    /// Where it is blank, or a mere "yes".
    pub fn because(reason: &str) -> Result<Self, ContractError> {
        let reason = reason.trim();
        if reason.is_empty() || NO_REASONS.iter().any(|word| word.eq_ignore_ascii_case(reason)) {
            return Err(Kind::Reason(reason.into()).into());
        }
        Ok(Self(Some(reason.into())))
    }

    /// As the environment says: `PLIMSOLL_ACCEPT` holds the reason, where it is set.
    ///
    /// # Errors
    ///
    /// As [`because`](Self::because); and where `CI` is set too, to anything but `false`, `0` or nothing: a machine that
    /// accepts for everybody is no gate.
    pub fn from_env() -> Result<Self, ContractError> {
        Self::of(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ContractError> {
        let Some(reason) = variable("PLIMSOLL_ACCEPT") else { return Ok(Self::no()) };
        if variable("CI").is_some_and(|ci| !["", "0", "false"].contains(&ci.as_str())) {
            return Err(Kind::InCi.into());
        }
        Self::because(&reason)
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: Option<&str>, ci: Option<&str>) -> Result<Acceptance, String> {
        let variable = |name: &str| match name {
            "PLIMSOLL_ACCEPT" => accept.map(Into::into),
            "CI" => ci.map(Into::into),
            other => panic!("{other} is none of ours"),
        };
        Acceptance::of(variable).map_err(|error| error.to_string())
    }

    #[test]
    fn accepting_takes_a_reason() {
        assert_eq!(of(None, None), Ok(Acceptance::no()));
        assert_eq!(of(Some(" INC-4711 "), Some("false")).unwrap().reason(), Some("INC-4711"));
        for none in ["", "  ", "1", "TRUE", "always"] {
            let said = of(Some(none), None).unwrap_err();
            assert!(said.contains("asks for a reason") && said.contains("PLIMSOLL_ACCEPT=\"shops"), "{said}");
        }
    }

    #[test]
    fn nothing_is_accepted_in_ci() {
        let said = of(Some("shops show full details"), Some("true")).unwrap_err();
        assert!(said.contains("CI only holds"), "{said}");
        assert_eq!(of(None, Some("true")), Ok(Acceptance::no()));
    }
}
