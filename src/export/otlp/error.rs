//! How an export went.

use std::fmt;

use http::StatusCode;

use crate::error::BoxError;

/// An export that arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub(super) rejected: u64,
    pub(super) message: String,
}

impl Exported {
    /// Adds what was said about another part of it.
    pub(super) fn add(&mut self, part: Self) {
        self.rejected = self.rejected.saturating_add(part.rejected);
        if self.message.is_empty() {
            self.message = part.message;
        }
    }

    /// How many data points the collector refused to take; 0 as a rule. They are not sent again.
    #[must_use]
    pub fn rejected_points(&self) -> u64 {
        self.rejected
    }

    /// What the collector says about it: why it refused points, or a warning; empty as a rule.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// An export that did not arrive, after all attempts that its time allowed.
#[derive(Debug)]
pub struct OtlpError(Kind);

#[derive(Debug)]
enum Kind {
    Call(BoxError),
    Status(StatusCode, String),
    Grpc(u16, String),
    NoOtlp,
    Timeout,
    Compress(std::io::Error),
}

impl OtlpError {
    pub(super) fn call(error: impl Into<BoxError>) -> Self {
        Self(Kind::Call(error.into()))
    }

    pub(super) fn status(status: StatusCode, message: String) -> Self {
        Self(Kind::Status(status, message))
    }

    pub(super) fn grpc(code: u16, message: String) -> Self {
        Self(Kind::Grpc(code, message))
    }

    pub(super) fn no_otlp() -> Self {
        Self(Kind::NoOtlp)
    }

    pub(super) fn timeout() -> Self {
        Self(Kind::Timeout)
    }

    pub(super) fn compress(error: std::io::Error) -> Self {
        Self(Kind::Compress(error))
    }

    /// The HTTP status of the last answer, where that was not one of success.
    #[must_use]
    pub fn http_status(&self) -> Option<StatusCode> {
        match self.0 {
            Kind::Status(status, _) => Some(status),
            _ => None,
        }
    }

    /// The gRPC status code of the last answer, where that was not `OK`.
    #[must_use]
    pub fn grpc_status(&self) -> Option<u16> {
        match self.0 {
            Kind::Grpc(code, _) => Some(code),
            _ => None,
        }
    }

    /// What the collector says about it, cut to 500 characters; empty where it says nothing, or did not answer.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.0 {
            Kind::Status(_, message) | Kind::Grpc(_, message) => message,
            Kind::Call(_) | Kind::NoOtlp | Kind::Timeout | Kind::Compress(_) => "",
        }
    }

    /// Whether no attempt was answered in time: see [`OtlpSettings::timeout`](crate::OtlpSettings::timeout).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self.0, Kind::Timeout)
    }
}

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // Clients wrap what went wrong in "client error": all of it, down to the refused connection.
            Kind::Call(error) => {
                f.write_str("the collector cannot be called")?;
                let causes = std::iter::successors(Some(&**error as &dyn std::error::Error), |error| error.source());
                causes.into_iter().try_for_each(|cause| write!(f, ": {cause}"))
            }
            Kind::Status(status, _) => write!(f, "the collector answered with HTTP status {status}"),
            Kind::Grpc(code, _) => write!(f, "the collector answered with gRPC status {code}"),
            Kind::NoOtlp => f.write_str("what answered is no OTLP collector, or one of the other protocol"),
            Kind::Timeout => f.write_str("the collector did not answer in time; see OtlpSettings::timeout"),
            Kind::Compress(error) => write!(f, "the export cannot be compressed: {error}"),
        }?;
        if self.message().is_empty() { Ok(()) } else { write!(f, ": {}", self.message()) }
    }
}

impl std::error::Error for OtlpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Call(error) => Some(&**error),
            Kind::Compress(error) => Some(error),
            Kind::Status(..) | Kind::Grpc(..) | Kind::NoOtlp | Kind::Timeout => None,
        }
    }
}
