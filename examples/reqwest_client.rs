//! reqwest in three ways: a limit for one call, a middleware, and a tower service.
//!
//! ```text
//! cargo run --features reqwest-middleware --example reqwest_client
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::net::Ipv4Addr;

use axum::{Json, Router, routing::get};
use plimsoll::{BodyLimits, ClientLayer, KIB, Ledger, Limit, LimitExceeded, ResponseExt, UrlTemplate};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};

#[derive(Deserialize, Serialize)]
struct Sku {
    name: String,
    stock: Vec<u32>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = upstream().await?;
    let (plain, detailed) = (format!("{upstream}/inventory/plain"), format!("{upstream}/inventory/detailed"));
    let http = reqwest::Client::new();

    println!("one call: no layer, no ledger");
    let sku: Sku = http.get(&plain).send().await?.limit_body(64 * KIB).json().await?;
    println!("  read     {}, in {} places", sku.name, sku.stock.len());
    let refused = http.get(&detailed).send().await?.limit_body(64 * KIB).json::<Sku>().await;
    report(&refused.err().ok_or("it was read")?);

    // Every call, from here on. Clones share the ledger: make one of it in the whole program.
    let ledger = Ledger::new();
    let layer = ClientLayer::new(&ledger)
        .upstream("inventory")
        .response_limit(Limit::reject_over(64 * KIB).and_warn_over(48 * KIB));

    println!("a middleware: reqwest's own call style, settings by `with_extension`");
    let client = reqwest_middleware::ClientBuilder::new(http.clone()).with(layer.clone()).build();
    let template = UrlTemplate("/inventory/{sku}");
    let refused = client.get(&detailed).with_extension(template).send().await;
    report(&refused.err().ok_or("it was read")?);
    // This one call may be larger.
    let larger = BodyLimits::new().response(Limit::reject_over(256 * KIB));
    let response = client.get(&detailed).with_extension(template).with_extension(larger).send().await?;
    println!("  read     {} bytes", response.bytes().await?.len());

    println!("a tower service: under timeouts, retries, load balancing");
    let service = layer.url_template(|_, path| path.starts_with("/inventory/").then_some("/inventory/{sku}".into()));
    let refused = service.layer(http.clone()).oneshot(http.get(&detailed).build()?).await;
    report(&refused.err().ok_or("it was read")?);

    println!("\nwhat the ledger has of it");
    for series in ledger.snapshot().series() {
        let median = series.offered.quantile(0.5).unwrap_or(0);
        println!("  {}, {}:", series.endpoint, series.direction);
        println!("    {} bodies, median {median} bytes, {} over a limit", series.outcomes.total(), series.over_limit);
    }
    Ok(())
}

/// The refusal is found behind reqwest's errors, and says what to change.
fn report(error: &(dyn Error + 'static)) {
    match LimitExceeded::find(error) {
        Some(refusal) => println!("  refused  {refusal}"),
        None => println!("  failed   {error}"),
    }
}

/// An upstream whose answers are 8 KB, or 84 KB with details.
async fn upstream() -> std::io::Result<String> {
    let sku = |name: &str, places| Json(Sku { name: name.to_owned(), stock: vec![7; places] });
    let app = Router::new()
        .route("/inventory/plain", get(async move || sku("plain", 4_000)))
        .route("/inventory/detailed", get(async move || sku("detailed", 42_000)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(format!("http://{address}"))
}
