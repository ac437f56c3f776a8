//! reqwest, in three ways: the layer around a client, the layer as a middleware, and a limit for a single call.
//!
//! All three see decoded bodies, the final response after redirects, and one call for each logical request.

mod message;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
mod response;
mod service;

pub use response::ResponseExt;
pub use service::ReqwestFuture;
