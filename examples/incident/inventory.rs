//! The upstream: `inventory`, whose answers grow tenfold when a flag is set.
#![allow(clippy::arithmetic_side_effects, reason = "made-up numbers, all small")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many articles there are; they are numbered from 0.
pub(crate) const SKUS: u32 = 50;

/// The header in which its answers say which version sent them.
pub(crate) const VERSION: HeaderName = HeaderName::from_static("x-service-version");
/// Its version without and with full details.
pub(crate) const VERSIONS: [&str; 2] = ["2.7.4", "2.8.0"];

/// What a deploy of this service can change.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Config {
    pub(crate) include_full_sku_details: bool,
}

struct Inventory {
    include_full_sku_details: AtomicBool,
    /// For each article the answer without and with full details, as a service would have them cached.
    answers: Vec<[Bytes; 2]>,
}

/// `GET /inventory/{sku}`, `GET /prices/{sku}`, and `POST /deploy` to change the configuration.
pub(crate) fn app() -> Router {
    let answers = (0..SKUS).map(|sku| [false, true].map(|full| stock(sku, full).to_string().into())).collect();
    let inventory = Inventory { include_full_sku_details: AtomicBool::new(false), answers };
    Router::new()
        .route("/inventory/{sku}", get(Inventory::stock))
        .route("/prices/{sku}", get(price))
        .route("/deploy", post(Inventory::deploy))
        .with_state(Arc::new(inventory))
}

impl Inventory {
    async fn deploy(State(inventory): State<Arc<Self>>, Json(config): Json<Config>) {
        inventory.include_full_sku_details.store(config.include_full_sku_details, Ordering::SeqCst);
    }

    async fn stock(State(inventory): State<Arc<Self>>, Path(sku): Path<usize>) -> Response {
        let full = inventory.include_full_sku_details.load(Ordering::SeqCst);
        match inventory.answers.get(sku) {
            Some([short, long]) => {
                let [before, after] = VERSIONS;
                let (body, version) = if full { (long, after) } else { (short, before) };
                ([(header::CONTENT_TYPE, "application/json"), (VERSION, version)], body.clone()).into_response()
            }
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

async fn price(Path(sku): Path<u16>) -> Json<Value> {
    Json(json!({ "sku": sku, "currency": "EUR", "net": 900 + sku % 500, "vat_percent": 19 }))
}

/// About 8 KB; with full details about 85 KB. The article decides by how many entries it varies.
fn stock(sku: u32, full: bool) -> Value {
    json!({
        "sku": sku,
        "name": format!("Sailcloth, weight {}, by the metre", 200 + sku % 300),
        "warehouses": (0..92 + sku % 7).map(|place| warehouse(sku, place)).collect::<Value>(),
        "details": full.then(|| (0..196 + sku % 19).map(|variant| details(sku, variant)).collect::<Value>()),
    })
}

fn warehouse(sku: u32, place: u32) -> Value {
    json!({
        "warehouse": format!("WH-{place:03}"),
        "aisle": format!("{:02}-{:02}", place % 24, sku % 60),
        "available": (sku * 7 + place * 13) % 90,
        "reserved": (sku + place) % 12,
        "restock_days": 2 + (sku * place) % 19,
    })
}

fn details(sku: u32, variant: u32) -> Value {
    json!({
        "variant": format!("{sku}-{variant:04}"),
        "finish": if (sku + variant) % 3 == 0 { "calendered" } else { "plain" },
        "description": "Woven from long-staple cotton, finished without wax. Cut to length; edges are not hemmed. \
                        Shrinks by up to three percent in the first wash. Keep it dry when folded.",
        "dimensions": { "width_mm": 1370 + variant % 80, "grams_per_square_metre": 200 + sku % 300 },
        "images": (0..2).map(|side| format!("/images/{sku}/{variant:04}-{side}.webp")).collect::<Value>(),
        "ratings": { "count": (sku * variant) % 400, "mean": f64::from(30 + (sku + variant) % 20) / 10.0 },
    })
}
