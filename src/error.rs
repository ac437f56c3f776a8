//! What went wrong: [`LimitExceeded`], small and public, and the opaque [`Error`] that carries it.

use std::error::Error as StdError;
use std::sync::Arc;
use std::{fmt, io};

use http::StatusCode;

use crate::endpoint::{Direction, Endpoint, Role};

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// A body was refused because it was, or claimed to be, larger than its limit.
///
/// Find it behind any error of any stack with [`LimitExceeded::find`]. Its `Display` names the size, the limit,
/// the endpoint and the setting to change.
///
/// **Not retryable**: the same call is answered by the same bytes. And where the answer to a `POST` was refused,
/// the upstream has already acted on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitExceeded {
    pub(crate) limit: u64,
    pub(crate) seen: u64,
    pub(crate) declared: Option<u64>,
    pub(crate) subject: Option<Subject>,
    pub(crate) setting: Setting,
}

/// Whose body it was; absent for a body that was limited on its own, without a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) endpoint: Endpoint,
    pub(crate) direction: Direction,
}

/// Where the limit that was exceeded had been set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// On the layer, for all endpoints.
    Layer,
    /// On the layer, for this endpoint.
    Endpoint,
    /// In the policy, for this endpoint.
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "only there is a policy"))]
    Policy,
    /// In the request's extensions.
    Request,
    /// On the body itself.
    Body,
    /// On the response of a single call.
    #[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only reqwest's responses have such a limit"))]
    Call,
}

impl LimitExceeded {
    /// The limit: the most bytes that would have passed.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes counted when the body was refused: 0 where it was refused by its declared length, before a byte was
    /// read. Includes the frame that crossed the limit, which was not delivered.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The length in bytes that the body claimed before it was read, if it claimed one.
    #[must_use]
    pub fn declared(&self) -> Option<u64> {
        self.declared
    }

    /// The best known size in bytes: what was declared or what was seen, whichever is more. A lower bound for a
    /// body that declared nothing.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.declared.unwrap_or(0).max(self.seen)
    }

    /// Whose side refused it; `None` for a body limited without a layer.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self.setting {
            Setting::Call => Some(Role::Client),
            _ => self.endpoint().map(Endpoint::role),
        }
    }

    /// Which of the call's bodies it was; `None` for a body limited without a layer.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        match self.setting {
            Setting::Call => Some(Direction::Response),
            _ => self.subject.as_ref().map(|subject| subject.direction),
        }
    }

    /// The endpoint it belongs to, or the one of the overflow where the ledger is full; `None` for a body limited without a layer.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.subject.as_ref().map(|subject| &subject.endpoint)
    }

    /// The status that a server would answer its own caller with.
    ///
    /// 413 (Content Too Large, RFC 9110 section 15.5.14) where the caller sent too much, 502 where an upstream
    /// answered too much, 500 where we would have: as an answer, or as a request to an upstream.
    #[must_use]
    pub fn suggested_status(&self) -> StatusCode {
        match (self.role(), self.direction()) {
            (Some(Role::Server), Some(Direction::Request)) | (None, _) | (_, None) => StatusCode::PAYLOAD_TOO_LARGE,
            (Some(Role::Client), Some(Direction::Response)) => StatusCode::BAD_GATEWAY,
            (Some(Role::Server), Some(Direction::Response)) | (Some(Role::Client), Some(Direction::Request)) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Whether the call may be tried again with another result: never.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Looks for a refusal behind `error`, however it was wrapped.
    ///
    /// Follows [`source()`](StdError::source), and looks inside [`io::Error`] (shared ones too) and `Arc` and `Box` of a
    /// refusal, whose `source()` skips the value that they hold. What hides it:
    ///
    /// - `reqwest_middleware::Error::Middleware` and other wrappers that stand for what they hold, where another
    ///   middleware put the bare refusal in. Look into its chain: `inner.chain().find_map(LimitExceeded::find)`.
    /// - An upload over HTTP/2 whose [`MeteredBody`](crate::MeteredBody) stands without a
    ///   [`ClientLayer`](crate::ClientLayer): hyper keeps only the reset. Use the layer.
    /// - An error that was turned into text.
    ///
    /// ```
    /// use http_body_util::{BodyExt, Full};
    /// use plimsoll::{Limit, LimitExceeded, MeteredBody};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let body = MeteredBody::new(Full::<bytes::Bytes>::from("too long"), Limit::reject_over(3));
    /// let error = std::io::Error::other(body.collect().await.expect_err("it is too long"));
    /// let exceeded = LimitExceeded::find(&error).expect("it is in there");
    /// assert_eq!((exceeded.size(), exceeded.limit()), (8, 3));
    /// # });
    /// # Ok::<_, std::io::Error>(())
    /// ```
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            // What a shared or boxed error holds is not its source, but itself.
            if let Some(shared) = error.downcast_ref::<Arc<io::Error>>() {
                next = Some(&**shared);
                continue;
            }
            let held = || error.downcast_ref::<Arc<Self>>().map(AsRef::as_ref);
            let boxed = || error.downcast_ref::<Box<Self>>().map(AsRef::as_ref);
            if let Some(found) = error.downcast_ref::<Self>().or_else(held).or_else(boxed) {
                return Some(found);
            }
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, seen, declared, subject, setting } = self;
        match subject {
            Some(Subject { endpoint, direction }) => {
                write!(f, "{} {direction} body of {endpoint}: ", endpoint.role())?;
            }
            None => f.write_str("body: ")?,
        }
        match declared {
            Some(declared) if declared > limit => write!(f, "{declared} bytes declared")?,
            _ => write!(f, "at least {seen} bytes seen")?,
        }
        write!(f, ", over the limit of {limit} bytes; to allow it, raise ")?;
        let layer = match self.role() {
            Some(Role::Server) => "ServerLayer",
            _ => "ClientLayer",
        };
        let direction = self.direction().unwrap_or(Direction::Response);
        match setting {
            Setting::Layer => write!(f, "{layer}::{direction}_limit"),
            Setting::Endpoint => write!(f, "the endpoint's limit in {layer}::limits_for"),
            Setting::Policy => write!(f, "the endpoint's `{direction}` limit in the policy"),
            Setting::Request => write!(f, "the {direction} limit of the BodyLimits in the request's extensions"),
            Setting::Body => f.write_str("the limit given to MeteredBody::new"),
            Setting::Call => f.write_str("the limit given to limit_body"),
        }
    }
}

impl StdError for LimitExceeded {}

/// The error of a client service: a refusal, or the error of the service that was wrapped.
///
/// Opaque, so that it can grow. `source()` is the [`LimitExceeded`], or the wrapped service's own error, of which
/// it also shows the text.
pub struct Error(Kind);

enum Kind {
    // Boxed: an error travels through every frame's result, a refusal through one in a million.
    Limit(Box<LimitExceeded>),
    Inner(BoxError),
}

impl Error {
    pub(crate) fn inner(error: impl Into<BoxError>) -> Self {
        Self(Kind::Inner(error.into()))
    }

    /// The refusal, where this is one: ours, or one of a layer further in.
    #[must_use]
    pub fn limit_exceeded(&self) -> Option<&LimitExceeded> {
        LimitExceeded::find(self)
    }

    /// The wrapped service's or body's own error, where it is an `E`.
    ///
    /// # Errors
    ///
    /// Gives the error back where it is a refusal, or not an `E`.
    pub fn downcast<E: StdError + 'static>(self) -> Result<Box<E>, Self> {
        match self.0 {
            Kind::Inner(error) => error.downcast().map_err(|error| Self(Kind::Inner(error))),
            Kind::Limit(exceeded) => Err(Self(Kind::Limit(exceeded))),
        }
    }

    /// Like [`Error::downcast`], by reference.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        match &self.0 {
            Kind::Inner(error) => error.downcast_ref(),
            Kind::Limit(_) => None,
        }
    }
}

impl From<LimitExceeded> for Error {
    fn from(exceeded: LimitExceeded) -> Self {
        Self(Kind::Limit(Box::new(exceeded)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Limit(exceeded) => {
                write!(f, "body refused: {} bytes, limit {}", exceeded.size(), exceeded.limit())
            }
            Kind::Inner(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Limit(exceeded) => f.debug_tuple("Error").field(exceeded).finish(),
            Kind::Inner(error) => f.debug_tuple("Error").field(error).finish(),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Limit(exceeded) => Some(&**exceeded),
            Kind::Inner(error) => Some(&**error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Key, MethodClass, Upstream};

    fn refused(role: Role, direction: Direction, setting: Setting) -> LimitExceeded {
        let upstream = Upstream { name: (role == Role::Client).then_some("inventory"), port: None };
        let endpoint =
            Endpoint::new(&Key { role, method: MethodClass::Get, upstream, route: Some("/inventory/{sku}") });
        LimitExceeded {
            limit: 65_536,
            seen: 0,
            declared: Some(87_040),
            subject: Some(Subject { endpoint, direction }),
            setting,
        }
    }

    #[test]
    fn the_message_names_size_limit_endpoint_and_the_setting_to_change() {
        let text = |role, direction, setting| refused(role, direction, setting).to_string();
        assert_eq!(
            text(Role::Client, Direction::Response, Setting::Layer),
            "client response body of GET /inventory/{sku} of inventory: 87040 bytes declared, over the limit of \
             65536 bytes; to allow it, raise ClientLayer::response_limit"
        );
        assert!(text(Role::Server, Direction::Request, Setting::Layer).ends_with("raise ServerLayer::request_limit"));
        assert!(text(Role::Server, Direction::Request, Setting::Endpoint).ends_with("ServerLayer::limits_for"));
        assert!(text(Role::Client, Direction::Request, Setting::Request).contains("request limit of the BodyLimits"));
        let streamed = LimitExceeded {
            seen: 70_000,
            declared: None,
            subject: None,
            ..refused(Role::Client, Direction::Response, Setting::Body)
        };
        assert_eq!(
            streamed.to_string(),
            "body: at least 70000 bytes seen, over the limit of 65536 bytes; to allow it, raise the limit given to \
             MeteredBody::new"
        );
    }

    #[test]
    fn the_suggested_status_says_whose_fault_it_was() {
        let status = |role, direction| refused(role, direction, Setting::Layer).suggested_status().as_u16();
        assert_eq!(status(Role::Server, Direction::Request), 413);
        assert_eq!(status(Role::Server, Direction::Response), 500);
        assert_eq!(status(Role::Client, Direction::Response), 502);
        assert_eq!(status(Role::Client, Direction::Request), 500);
        assert!(!refused(Role::Client, Direction::Response, Setting::Layer).is_retryable());
    }

    #[test]
    fn a_refusal_is_found_through_any_wrapping() {
        let exceeded = refused(Role::Client, Direction::Response, Setting::Layer);
        let error = Error::inner(io::Error::other(io::Error::other(Error::from(exceeded.clone()))));
        assert_eq!(LimitExceeded::find(&error), Some(&exceeded));
        assert_eq!(error.limit_exceeded(), Some(&exceeded));
        assert_eq!(LimitExceeded::find(&io::Error::other("something else")), None);
        assert_eq!(LimitExceeded::find(&io::Error::from(io::ErrorKind::BrokenPipe)), None);
    }

    #[test]
    fn an_inner_error_is_handed_back_as_what_it_was() {
        let error = Error::inner(io::Error::new(io::ErrorKind::BrokenPipe, "gone"));
        assert_eq!(error.to_string(), "gone");
        assert!(error.source().is_some_and(|source| source.downcast_ref::<io::Error>().is_some()));
        assert!(error.downcast_ref::<fmt::Error>().is_none());
        let error = error.downcast::<fmt::Error>().unwrap_err();
        assert_eq!(error.downcast::<io::Error>().unwrap().kind(), io::ErrorKind::BrokenPipe);
        let refusal = Error::from(refused(Role::Client, Direction::Response, Setting::Layer));
        assert!(refusal.downcast::<LimitExceeded>().unwrap_err().limit_exceeded().is_some());
    }
}
