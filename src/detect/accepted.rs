//! A growth that is wanted: declared before or after it comes, where every instance reads it.

use std::time::SystemTime;

use crate::endpoint::{Direction, EndpointName};

/// A change of an endpoint's sizes that is accepted, for instance in the policy file: nobody calls a function on 200
/// instances.
///
/// While it is in force, a finding that it matches is closed as accepted, and the bodies since the change are the new
/// baseline.
///
/// ```
/// use plimsoll::AcceptedChange;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let endpoint = "client GET /inventory/{sku} of inventory".parse()?;
/// let change = AcceptedChange::new(endpoint, "full details, agreed with the shop team")
///     .version("2.31.0")
///     .expires(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
/// assert_eq!(change.version.as_deref(), Some("2.31.0"));
/// # Ok::<_, plimsoll::EndpointNameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcceptedChange {
    /// Whose growth is accepted.
    pub endpoint: EndpointName,
    /// Of which of its bodies; of both where `None`.
    pub direction: Option<Direction>,
    /// Since which version: only a finding whose first version after the change is this one matches. Any where `None`.
    pub version: Option<Box<str>>,
    /// Why, for whoever reads the closing report.
    pub reason: Box<str>,
    /// Until when findings are accepted by this; for ever where `None`. What was accepted stays so.
    pub expires: Option<SystemTime>,
}

impl AcceptedChange {
    /// Accepts any growth of this endpoint, for this reason.
    #[must_use]
    pub fn new(endpoint: EndpointName, reason: impl Into<Box<str>>) -> Self {
        Self { endpoint, direction: None, version: None, reason: reason.into(), expires: None }
    }

    /// Accepts the growth of this direction's bodies only.
    #[must_use]
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Accepts the growth that came with this version only.
    #[must_use]
    pub fn version(mut self, version: impl Into<Box<str>>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Accepts nothing from this time on.
    #[must_use]
    pub fn expires(mut self, at: SystemTime) -> Self {
        self.expires = Some(at);
        self
    }
}
