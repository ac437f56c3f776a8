//! The incident that this crate exists for, on loopback: an upstream's answers grow from 8 KB to 85 KB.
//!
//! `checkout` calls `inventory` over HTTP with reqwest, customers call `checkout`, a line is drawn at 64 KiB, and a
//! detector watches the sizes. It prints what happens, and fails unless all that it claims did.
//!
//! ```text
//! cargo run --all-features --example incident              about 10 seconds
//! cargo run --all-features --example incident -- --hold    and stays up, to look at
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

mod checkout;
mod detection;
mod ending;
mod inventory;
mod load;
mod noticed;
mod report;
mod scrape;
mod story;
mod telemetry;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use plimsoll::Ledger;
use tokio::net::TcpListener;

use crate::detection::Detection;
use crate::load::Load;
use crate::story::World;
use crate::telemetry::Telemetry;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let hold = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--hold") => true,
        Some(other) => return Err(format!("unknown argument {other}; there is only --hold").into()),
    };
    let telemetry = Telemetry::install()?;
    let ledger = Ledger::builder().version_header(inventory::VERSION).build();
    let parsed = Arc::default();
    let inventory = serve(inventory::app()).await?;
    let checkout = serve(checkout::app(&ledger, inventory, Arc::clone(&parsed))).await?;

    let detection = Detection::of(&ledger);
    let world = World { http: reqwest::Client::new(), ledger, parsed, telemetry, detection, inventory, checkout };
    let all_hold = story::tell(&world).await?;
    if hold {
        stay(&world).await?;
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves on a free port of the loopback interface, until the process ends.
async fn serve(app: Router) -> Result<SocketAddr> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(address)
}

/// Lets customers come until Ctrl-C.
async fn stay(world: &World) -> Result<()> {
    let World { http, checkout, inventory, telemetry, parsed, .. } = world;
    println!("\nRequests go on until Ctrl-C. To look, and to deploy:\n");
    println!("  curl http://{checkout}/metrics");
    println!("  curl http://{checkout}/checkout --json '{{\"sku\": 17}}'");
    println!("  curl http://{inventory}/deploy --json '{{\"include_full_sku_details\": true}}'");
    let load = Load::start(http, *checkout);
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => break pressed?,
            _ = minute.tick() => {
                load.forget();
                telemetry.forget();
                parsed.take("");
            }
        }
    }
    load.stop().await;
    Ok(())
}
