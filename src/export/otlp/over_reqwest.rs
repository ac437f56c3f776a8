//! A reqwest client as the one that exports go through.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::reqwest::{Body, Client, Error};
use http::{Request, Response};
use tower_service::Service;

use crate::body::ShortBody;

/// A `reqwest::Client` as the client of an [`OtlpExporter`](super::OtlpExporter), with its TLS, proxy and other settings.
///
/// ```no_run
/// use plimsoll::{Ledger, OtlpExporter, OtlpReqwest, OtlpSettings};
///
/// # async fn start(ledger: Ledger) -> Result<(), Box<dyn std::error::Error>> {
/// let client = OtlpReqwest::new(reqwest::Client::new());
/// tokio::spawn(OtlpExporter::new(&ledger, client, OtlpSettings::from_env()?).run());
/// # Ok(())
/// # }
/// ```
///
/// For gRPC it has to be built with `http2_prior_knowledge()`, or to speak TLS with a collector that offers HTTP/2, which
/// takes reqwest's feature `http2`.
#[derive(Clone, Debug)]
pub struct OtlpReqwest(Client);

impl OtlpReqwest {
    /// Through this client, which must not be wrapped in a layer of the exported ledger.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl Service<Request<ShortBody>> for OtlpReqwest {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ShortBody>) -> Self::Future {
        let client = self.0.clone();
        Box::pin(async move {
            let sent = async { client.execute(request.map(ShortBody::into_bytes).try_into()?).await };
            // The URL may have a password in it, and errors are logged.
            sent.await.map(Response::from).map_err(Error::without_url)
        })
    }
}
