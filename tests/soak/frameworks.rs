//! The same in an axum router behind `axum::serve`, and through `reqwest::Client`.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::routing::any;
use axum::serve::ListenerExt;
use http::{Extensions, Response};
use http_body_util::BodyExt;
use reqwest_middleware::Middleware;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::{BoxError, Layer, ServiceExt, service_fn};

use super::service::{Begun, Handler, What};
use super::stack::{Call, Caller, Ends, Upload};
use super::support::protocol::Protocol;

/// A server of axum's, under way.
pub struct Serving {
    stop: oneshot::Sender<()>,
    done: JoinHandle<std::io::Result<()>>,
}

impl Serving {
    /// Stops it as a process does that is told to: it waits until its connections are over.
    pub async fn end(self) {
        drop(self.stop);
        tokio::time::timeout(super::PATIENCE, self.done).await.expect("connections end").unwrap().unwrap();
    }
}

pub fn serve(ends: &Ends, handler: Handler) -> (SocketAddr, Serving) {
    let app = router(ends, handler);
    let listener = ends.listen();
    let address = listener.local_addr().unwrap();
    let begun = ends.begun.clone();
    let listener = listener.tap_io(move |stream| {
        begun.add(What::Connection);
        stream.set_nodelay(true).unwrap();
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    let serve = axum::serve(listener, app).with_graceful_shutdown(stopped);
    (address, Serving { stop, done: tokio::spawn(serve.into_future()) })
}

/// Routes with our layer around them, and around that a count of what comes and goes.
fn router(ends: &Ends, handler: Handler) -> Router {
    let handled = any(move |request: Request| {
        let answer = handler(request.map(|body| body.map_err(BoxError::from).boxed_unsync()));
        async { answer.await.map(Body::new) }
    });
    let begun = ends.begun.clone();
    Router::new()
        .route("/made-up/{name}", handled.clone())
        .route("/status/{code}", handled.clone())
        .route("/{what}", handled)
        .layer(ends.server.clone())
        .layer(from_fn(move |request: Request, next: Next| {
            let begun = begun.clone();
            async move {
                begun.add(What::ServerRequest);
                let answer = next.run(request).await;
                begun.add(What::ServerResponse);
                answer
            }
        }))
}

/// A client of reqwest's: with the layer as a tower service and as a middleware, in turns.
pub fn caller(address: SocketAddr, protocol: Protocol, ends: &Ends, nth: u64) -> Caller {
    let (http, begun) = (protocol.reqwest(), ends.begun.clone());
    let request = move |call: Call| {
        begun.add(What::ClientRequest);
        let url = format!("http://{address}{}", call.path).parse().unwrap();
        let mut request = reqwest::Request::new(call.method, url);
        *request.body_mut() = match call.upload {
            Upload::Nothing => None,
            Upload::Bytes(bytes) => Some(bytes_of(bytes)),
            Upload::Frames(body) => Some(reqwest::Body::wrap(body)),
        };
        request
    };
    let arrived = Arrived(ends.begun.clone());
    let answer = |answer: reqwest::Response| {
        Response::<reqwest::Body>::from(answer).map(|body| body.map_err(BoxError::from).boxed_unsync())
    };
    if nth % 2 == 0 {
        let counted = service_fn(move |request| {
            let (answer, arrived) = (http.execute(request), arrived.clone());
            async move { answer.await.inspect(|_| arrived.0.add(What::ClientResponse)) }
        });
        let service = ends.client.layer(counted).map_request(request);
        return service.map_response(answer).map_err(BoxError::from).boxed_clone();
    }
    let client = reqwest_middleware::ClientBuilder::new(http).with(ends.client.clone()).with(arrived).build();
    let client = Arc::new(client);
    let service = service_fn(move |call: Call| {
        let (client, request) = (Arc::clone(&client), request(call));
        async move { client.execute(request).await.map_err(BoxError::from) }
    });
    service.map_response(answer).boxed_clone()
}

/// Bytes in memory, which are not wrapped but counted all the same.
fn bytes_of(bytes: u64) -> reqwest::Body {
    vec![b'x'; usize::try_from(bytes).unwrap()].into()
}

/// Counts the answers that come to our middleware.
#[derive(Clone)]
struct Arrived(Begun);

#[async_trait]
impl Middleware for Arrived {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: reqwest_middleware::Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        next.run(request, extensions).await.inspect(|_| self.0.add(What::ClientResponse))
    }
}
