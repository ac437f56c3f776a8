//! The calling service: `checkout`, with a line drawn on every body that it sends or receives.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use opentelemetry::trace::TraceContextExt;
use plimsoll::{ClientLayer, KIB, Ledger, Limit, LimitExceeded, OpenMetrics, ServerLayer, UrlTemplate};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use tower_http::trace::TraceLayer;
use tracing::{Instrument, Span, info_span};

/// How large an answer of `inventory` may be.
pub(crate) const LINE: Limit = Limit::reject_over(64 * KIB).and_warn_over(48 * KIB);

/// The service; `parsed` receives what its parser saw.
pub(crate) fn app(ledger: &Ledger, inventory: SocketAddr, parsed: Arc<Parsed>) -> Router {
    // Each call has a span of its own (see `ask`): sizes and refusals are told there.
    let layer = ClientLayer::new(ledger).upstream("inventory").response_limit(LINE).span_attributes(true);
    let http = ClientBuilder::new(reqwest::Client::new()).with(layer).build();
    let checkout = Checkout { http, inventory, parsed };
    Router::new()
        .route("/checkout", post(Checkout::order))
        .route("/cart/{sku}", get(Checkout::cart))
        .with_state(checkout)
        .layer(ServerLayer::new(ledger).request_limit(Limit::reject_over(16 * KIB)))
        // Outside of ours, so that the span is there when a body begins.
        .layer(TraceLayer::new_for_http().make_span_with(span_of))
        .route_service("/metrics", OpenMetrics::new(ledger))
}

fn span_of(request: &Request) -> Span {
    let route = request.extensions().get().map_or("", MatchedPath::as_str);
    info_span!("request", "otel.name" = format!("{} {route}", request.method()), "otel.kind" = "server")
}

#[derive(Clone)]
struct Checkout {
    http: ClientWithMiddleware,
    inventory: SocketAddr,
    parsed: Arc<Parsed>,
}

#[derive(Deserialize)]
struct Order {
    sku: u32,
}

impl Checkout {
    async fn order(State(checkout): State<Self>, Json(order): Json<Order>) -> Result<Json<Value>, Failure> {
        let stock = checkout.ask("/inventory/{sku}", order.sku).await?;
        let warehouses = stock.get("warehouses").and_then(Value::as_array).into_iter().flatten();
        let available: u64 = warehouses.filter_map(|warehouse| warehouse.get("available")?.as_u64()).sum();
        Ok(Json(json!({ "sku": order.sku, "ordered": available > 0 })))
    }

    async fn cart(State(checkout): State<Self>, Path(sku): Path<u32>) -> Result<Json<Value>, Failure> {
        checkout.ask("/prices/{sku}", sku).await.map(Json)
    }

    /// Asks `inventory`. A body over the line fails `send`, and the parser never hears of it.
    async fn ask(&self, template: &'static str, sku: u32) -> Result<Value, Failure> {
        let path = template.replace("{sku}", &sku.to_string());
        let call = self.http.get(format!("http://{}{path}", self.inventory)).with_extension(UrlTemplate(template));
        let span = info_span!("call", "otel.name" = format!("GET {template}"), "otel.kind" = "client");
        async {
            let text = call.send().await?.error_for_status()?.bytes().await?;
            let begun = Instant::now();
            let answer = serde_json::from_slice(&text)?;
            self.parsed.note(Parse { template, bytes: text.len() as u64, took: begun.elapsed() });
            Ok(answer)
        }
        .instrument(span)
        .await
    }
}

/// What `checkout` tells its own caller when `inventory` sent too much.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Refused {
    pub(crate) size: u64,
    pub(crate) limit: u64,
    pub(crate) seen: u64,
    pub(crate) endpoint: String,
    pub(crate) trace_id: String,
}

/// Whatever kept an answer from coming.
struct Failure(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Some(exceeded) = LimitExceeded::find(&*self.0) else {
            return (StatusCode::BAD_GATEWAY, self.0.to_string()).into_response();
        };
        let context = opentelemetry::Context::current();
        let refused = Refused {
            size: exceeded.size(),
            limit: exceeded.limit(),
            seen: exceeded.seen(),
            endpoint: exceeded.endpoint().map(ToString::to_string).unwrap_or_default(),
            trace_id: context.span().span_context().trace_id().to_string(),
        };
        (exceeded.suggested_status(), Json(refused)).into_response()
    }
}

/// What the parser saw.
#[derive(Debug, Default)]
pub(crate) struct Parsed(Mutex<Vec<Parse>>);

/// An answer of `inventory` that was parsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parse {
    pub(crate) template: &'static str,
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
}

impl Parsed {
    fn note(&self, parse: Parse) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(parse);
    }

    /// The answers of one endpoint that were parsed since this was last asked.
    pub(crate) fn take(&self, template: &str) -> Vec<Parse> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.into_iter().filter(|parse| parse.template == template).collect()
    }
}
