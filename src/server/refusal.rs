//! What the caller is told when a body is refused.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::endpoint::Direction;
use crate::error::LimitExceeded;

/// A refusal about to be answered, for a hook set with
/// [`ServerLayer::on_refusal`](crate::ServerLayer::on_refusal).
#[derive(Debug)]
pub struct Refusal<'a> {
    exceeded: &'a LimitExceeded,
    grpc: bool,
}

impl<'a> Refusal<'a> {
    pub(super) fn new(exceeded: &'a LimitExceeded, grpc: bool) -> Self {
        Self { exceeded, grpc }
    }

    /// What was over its limit.
    #[must_use]
    pub fn exceeded(&self) -> &'a LimitExceeded {
        self.exceeded
    }

    /// Whether the request was a gRPC call, whose client understands `grpc-status` only.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.grpc
    }

    /// The answer that is given where no hook is set.
    ///
    /// A short `application/problem+json` (RFC 9457) with the status that
    /// [`LimitExceeded::suggested_status`] names: 413 with the limit, or 500 without details, which are not the
    /// caller's. A gRPC call gets `RESOURCE_EXHAUSTED` (8) in headers only.
    #[must_use]
    pub fn response(&self) -> Response<Bytes> {
        let status = self.exceeded.suggested_status();
        let limit = self.exceeded.limit();
        let about_request = self.exceeded.direction() == Some(Direction::Request);
        let mut response = Response::new(Bytes::new());
        if self.grpc {
            let message = if about_request { "request body over its limit" } else { "response body over its limit" };
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert("grpc-status", HeaderValue::from_static(RESOURCE_EXHAUSTED));
            headers.insert("grpc-message", HeaderValue::from_static(message));
            return response;
        }
        let title = match status {
            // As RFC 9110, section 15.5.14, has it; `http` has an older name.
            StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
            other => other.canonical_reason().unwrap_or_default(),
        };
        let code = status.as_u16();
        let detail = if about_request {
            format!(r#","detail":"The request body is larger than {limit} bytes.","limit":{limit}"#)
        } else {
            String::new()
        };
        *response.status_mut() = status;
        *response.body_mut() = format!(r#"{{"type":"about:blank","title":"{title}","status":{code}{detail}}}"#).into();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// `RESOURCE_EXHAUSTED` of gRPC's status codes.
const RESOURCE_EXHAUSTED: &str = "8";

/// Whether a message belongs to a gRPC call, by its content type (gRPC over HTTP/2, "Content-Type").
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"));
    matches!(kind, Some([] | [b'+' | b';', ..]))
}

/// Whether an answer already says that the call failed: then a refusal may take its place.
pub(super) fn is_failure(answer: &Parts) -> bool {
    let failed_grpc = || answer.headers.get("grpc-status").is_some_and(|status| status != "0");
    let status = answer.status;
    status.is_client_error() || status.is_server_error() || failed_grpc()
}

/// How refusals are answered.
#[derive(Clone, Default)]
pub(super) struct Refuser(Option<Arc<Hook>>);

type Hook = dyn Fn(&Refusal<'_>) -> Response<Bytes> + Send + Sync;

impl Refuser {
    pub(super) fn new(hook: impl Fn(&Refusal<'_>) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(super) fn answer(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        match &self.0 {
            Some(hook) => hook(refusal),
            None => refusal.response(),
        }
    }
}

impl fmt::Debug for Refuser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Refuser(a hook)" } else { "Refuser(default)" })
    }
}
