//! Our side of an answer: [`ServerLayer`] for axum, or for any tower service that answers HTTP requests.

mod body;
mod future;
mod layer;
mod refusal;
mod service;

pub use body::ServerBody;
pub use future::ServerFuture;
pub use layer::ServerLayer;
pub use refusal::Refusal;
pub use service::ServerService;
