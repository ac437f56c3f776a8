//! Our side of a call to an upstream: [`ClientLayer`] for any tower HTTP client, and for reqwest.

mod future;
mod layer;
mod service;

pub use future::ClientFuture;
pub use layer::ClientLayer;
pub use service::ClientService;

#[cfg_attr(not(feature = "reqwest"), allow(unused_imports, reason = "what reqwest's adapters build on"))]
pub(crate) use layer::Head;
#[cfg(feature = "serde")]
pub(crate) use layer::host_and_port;
