//! An axum server whose bodies are limited and measured, with a metrics page.
//!
//! ```text
//! cargo run --features axum --example axum_server              a few calls, and what the ledger says of them
//! cargo run --features axum --example axum_server -- --hold    serves until Ctrl-C
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::routing::{get, post};
use plimsoll::{BodyLimits, KIB, Ledger, Limit, MIB, OpenMetrics, ServerLayer};
use tokio::{net::TcpListener, signal, sync::oneshot};
use tower_http::trace::TraceLayer;

fn app(ledger: &Ledger) -> Router {
    Router::new()
        .route("/notes/{id}", post(async |note: String| format!("kept {} bytes", note.len())))
        .route("/photos", post(async |photo: axum::body::Bytes| format!("kept {} bytes", photo.len())))
        .route("/report", get(async || "a line of the report\n".repeat(20_000)))
        .layer(
            ServerLayer::new(ledger)
                .request_limit(Limit::reject_over(16 * KIB))
                .limits_for("POST /photos", BodyLimits::new().request(Limit::reject_over(8 * MIB)))
                .response_limit(Limit::warn_over(256 * KIB)),
        )
        // On a router the last layer is the outermost: spans are there before ours looks for them.
        .layer(TraceLayer::new_for_http())
        // After all layers, so that scrapes are neither measured nor traced.
        .route_service("/metrics", OpenMetrics::new(ledger))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let ledger = Ledger::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app(&ledger)).with_graceful_shutdown(async {
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());

    call(address).await?;
    if std::env::args().any(|argument| argument == "--hold") {
        println!("\nuntil Ctrl-C: curl http://{address}/metrics, curl http://{address}/notes/1 --data hello");
        signal::ctrl_c().await?;
    }
    drop(stop);
    server.await??;

    println!();
    for series in ledger.snapshot().series() {
        let endpoint = series.endpoint.to_string();
        let status = series.status.map_or(String::new(), |status| status.to_string());
        print!("{endpoint:<17} {:<8} {status:<3}", series.direction.as_str());
        let (bodies, bytes) = (series.outcomes.total(), series.completed.sum());
        println!("  {bodies} bodies, {bytes:>7} bytes, {} over the limit ({})", series.over_limit, series.limit);
    }
    Ok(())
}

async fn call(address: SocketAddr) -> reqwest::Result<()> {
    let http = reqwest::Client::new();
    let calls = [
        http.post(format!("http://{address}/notes/1")).body("a short note"),
        http.post(format!("http://{address}/notes/2")).body("x".repeat(20_000)),
        // More than axum's own default would take, and less than our limit.
        http.post(format!("http://{address}/photos")).body(vec![0; 3_000_000]),
        http.get(format!("http://{address}/report")),
    ];
    for call in calls {
        let response = call.send().await?;
        let (status, path) = (response.status(), response.url().path().to_owned());
        let text = response.text().await?;
        println!("{path:<9} {status}: {}", text.lines().next().unwrap_or_default());
    }
    Ok(())
}
