//! A hyper client whose calls are limited and measured, and what a refusal looks like.
//!
//! ```text
//! cargo run --example hyper_client
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::net::{Ipv4Addr, SocketAddr};

use axum::body::{Body, Bytes};
use axum::{Router, routing::get};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use plimsoll::{ClientLayer, ClientService, KIB, Ledger, Limit, LimitExceeded, MeteredBody, UrlTemplate};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, ServiceExt};

/// A client of the service at the other end, as the rest of a program would hold it.
#[derive(Clone)]
struct Inventory {
    http: ClientService<Client<HttpConnector, MeteredBody<Empty<Bytes>>>>,
    address: SocketAddr,
}

impl Inventory {
    fn new(ledger: &Ledger, address: SocketAddr) -> Self {
        let layer = ClientLayer::new(ledger).upstream("inventory").response_limit(Limit::reject_over(64 * KIB));
        Self { http: layer.layer(Client::builder(TokioExecutor::new()).build_http()), address }
    }

    /// A refusal is an error like any other: `?` takes it along, from the call or from the body.
    async fn stock(&self, sku: &str) -> Result<Bytes, BoxError> {
        let uri = format!("http://{}/inventory/{sku}", self.address);
        // Without a template, all calls to this upstream would count as one endpoint. Never the path itself.
        let request = Request::get(uri).extension(UrlTemplate("/inventory/{sku}")).body(Empty::new())?;
        let response = self.http.clone().oneshot(request).await?;
        Ok(response.into_body().collect().await?.to_bytes())
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let ledger = Ledger::new();
    let inventory = Inventory::new(&ledger, upstream().await?);

    for sku in ["plain", "detailed", "endless"] {
        match inventory.stock(sku).await {
            Ok(body) => println!("{sku:<9} {} bytes", body.len()),
            Err(error) => match LimitExceeded::find(&*error) {
                Some(refusal) => println!("{sku:<9} {refusal}"),
                None => return Err(error),
            },
        }
    }

    println!();
    for series in ledger.snapshot().series() {
        let outcomes = series.outcomes.iter().filter(|(_, count)| *count > 0);
        let outcomes: Vec<_> = outcomes.map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
        println!("{}, {}: {}", series.endpoint, series.direction, outcomes.join(", "));
    }
    Ok(())
}

/// Answers 8 KB, 85 KB that say so, and a stream that says nothing and does not end.
async fn upstream() -> std::io::Result<SocketAddr> {
    let endless = || futures_util::stream::repeat_with(|| Ok::<_, BoxError>(Bytes::from_static(&[b'.'; 1024])));
    let app = Router::new()
        .route("/inventory/plain", get(async || vec![b'.'; 8_000]))
        .route("/inventory/detailed", get(async || vec![b'.'; 85_000]))
        .route("/inventory/endless", get(async move || Body::from_stream(endless())));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(address)
}
