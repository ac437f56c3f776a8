//! A limit for the response of a single call: no layer, no ledger.

use ::reqwest::{Body, Response};

use super::message::{from_http, into_http};
use crate::body::{Held, MeteredBody};
use crate::error::Setting;
use crate::limit::Limit;

/// Adds [`limit_body`](Self::limit_body) to `reqwest::Response`.
pub trait ResponseExt: Sized {
    /// Lets at most `bytes` of the decoded body be read; whatever reads more of it fails.
    ///
    /// For a single call. [`ClientLayer`](crate::ClientLayer) does it for all, and records them. URL, status,
    /// headers and extensions stay what they were. The error is reqwest's own, `is_decode()` as that of every
    /// failing body; [`LimitExceeded::find`](crate::LimitExceeded::find) finds the refusal in it.
    ///
    /// ```no_run
    /// use plimsoll::{KIB, ResponseExt};
    ///
    /// # async fn call(http: reqwest::Client) -> reqwest::Result<()> {
    /// let sku: serde_json::Value = http.get("http://inventory/4711").send().await?.limit_body(64 * KIB).json().await?;
    /// # let _ = sku;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    fn limit_body(self, bytes: u64) -> Self;
}

impl ResponseExt for Response {
    fn limit_body(self, bytes: u64) -> Self {
        from_http(
            into_http(self).map(|body: Body| {
                MeteredBody::held(body, Held { limit: Limit::reject_over(bytes), by: Setting::Call })
            }),
        )
    }
}
