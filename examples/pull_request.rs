//! The incident's last act: the pull request that caused it meets a contract, and does not pass unseen.
//!
//! `inventory` and `checkout` run on loopback, as their tests run them. What their bodies weigh is committed in a contract;
//! a pull request sets `include_full_sku_details: true`, and `cargo test` fails with a table. Then it is accepted with a
//! reason, and passes. It fails unless all that it claims happened.
//!
//! ```text
//! cargo run --all-features --example pull_request
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

#[path = "incident/inventory.rs"]
mod inventory;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use plimsoll::contract::{Acceptance, ChangeKind, Subject};
use plimsoll::{ClientLayer, Contract, Ledger, ServerLayer, UrlTemplate, Verdict};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::inventory::{Config, SKUS};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const REASON: &str = "shops show full details; checkout reads them from July on";

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let desk = std::env::temp_dir().join(format!("plimsoll-pull-request-{}", std::process::id()));
    std::fs::create_dir_all(&desk)?;
    let told = tell(&desk.join("plimsoll.contract.toml")).await;
    std::fs::remove_dir_all(&desk)?;
    Ok(if told? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn tell(contract: &Path) -> Result<bool> {
    let [main, pull_request] = [false, true].map(|include_full_sku_details| Config { include_full_sku_details });
    let shown = |text: &str| text.replace(&contract.display().to_string(), "tests/plimsoll.contract.toml");

    act("once, on main:  PLIMSOLL_ACCEPT=\"first sizes\" cargo test");
    let first = contract_test(contract, main, Acceptance::because("first sizes")?).await?;
    let committed = std::fs::read_to_string(contract)?;
    indent(&shown(&first.to_string()));

    act("every day, on main:  cargo test");
    let usual = contract_test(contract, main, Acceptance::no()).await?;
    indent(&shown(&usual.to_string()));

    act("the pull request  include_full_sku_details: true  in CI:  cargo test");
    let refused = contract_test(contract, pull_request, Acceptance::no()).await?;
    indent(&shown(&refused.to_string()));
    let untouched = std::fs::read_to_string(contract)? == committed;

    act("a reason that is none:  PLIMSOLL_ACCEPT=1 cargo test");
    let lazy = Acceptance::because("1");
    indent(&lazy.as_ref().map_or_else(ToString::to_string, |_| "accepted".into()));

    act(&format!("accepted by its author:  PLIMSOLL_ACCEPT=\"{REASON}\" cargo test"));
    let accepted = contract_test(contract, pull_request, Acceptance::because(REASON)?).await?;
    let changed = std::fs::read_to_string(contract)?;
    indent(&shown(&accepted.to_string()));

    act("what the owners of the contract are asked to review");
    let difference = difference(&committed, &changed);
    indent(&difference);

    act("the pull request again, in CI:  cargo test");
    let passed = contract_test(contract, pull_request, Acceptance::no()).await?;
    indent(&shown(&passed.to_string()));

    let grown = |role: &str| {
        let mut grown = refused.changes().iter().filter(|change| change.kind() == ChangeKind::Grown);
        grown.any(|change| match change.subject() {
            Subject::Bodies { endpoint, .. } => {
                endpoint.role().as_str() == role
                    && endpoint.route() == Some("/inventory/{sku}")
                    && change.factor().is_some_and(|factor| factor > 8.0)
            }
            Subject::Fixture(_) => false,
        })
    };
    let added = difference.lines().filter(|line| line.starts_with('+')).count();
    let claims = [
        ("main keeps its contract, and runs of it do not differ", usual.passed() && usual.changes().is_empty()),
        ("the pull request does not", !refused.passed()),
        ("what grew is the answer, where it is given and where it is read", grown("server") && grown("client")),
        ("and nothing else", refused.changes().iter().filter(|change| change.fails()).count() == 2),
        ("failing writes nothing", untouched),
        ("a reason has to say something", lazy.is_err()),
        ("the accepted contract keeps reason and old size, and changes no other line", added == 6),
        ("and then it passes", accepted.passed() && passed.passed() && passed.changes().is_empty()),
    ];
    println!();
    for (claim, holds) in claims {
        println!("  {} {claim}", if holds { "\u{2713}" } else { "\u{2717}" });
    }
    Ok(claims.iter().all(|(_, holds)| *holds))
}

/// What `tests/contract.rs` of a service would do: run it, call it as its callers do, and hold the ledger against the file.
async fn contract_test(path: &Path, config: Config, acceptance: Acceptance) -> Result<Verdict> {
    let ledger = Ledger::new();
    let inventory = serve(inventory::app().layer(ServerLayer::new(&ledger))).await?;
    let checkout = serve(checkout(&ledger, inventory)).await?;

    let http = reqwest::Client::new();
    http.post(format!("http://{inventory}/deploy")).json(&config).send().await?.error_for_status()?;
    for sku in 0..SKUS {
        http.get(format!("http://{inventory}/prices/{sku}")).send().await?.error_for_status()?.bytes().await?;
        http.post(format!("http://{checkout}/checkout")).json(&sku).send().await?.error_for_status()?.bytes().await?;
    }
    // A body is counted when its owner lets go of it, which may be after its message has arrived. Of each article: price,
    // order, and the order's question to inventory on both sides; each a request and a response.
    let bodies = u64::from(SKUS).saturating_mul(8).saturating_add(2);
    let counted = async {
        while ledger.snapshot().outcomes().total() < bodies {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), counted).await?;

    let contract = Contract::open_with(path, acceptance)?.fail_on_new().fail_on_vanished();
    Ok(contract.check(&ledger.snapshot())?)
}

/// `POST /checkout`, which asks `inventory` for the article.
fn checkout(ledger: &Ledger, inventory: SocketAddr) -> Router {
    let http = ClientBuilder::new(reqwest::Client::new()).with(ClientLayer::new(ledger).upstream("inventory")).build();
    Router::new().route("/checkout", post(order)).with_state((http, inventory)).layer(ServerLayer::new(ledger))
}

type Upstream = (ClientWithMiddleware, SocketAddr);

async fn order(State((http, inventory)): State<Upstream>, Json(sku): Json<u32>) -> (StatusCode, Json<Value>) {
    let call = http.get(format!("http://{inventory}/inventory/{sku}")).with_extension(UrlTemplate("/inventory/{sku}"));
    let stock = async { call.send().await.ok()?.json::<Value>().await.ok() };
    match stock.await {
        Some(stock) => (StatusCode::OK, Json(serde_json::json!({ "sku": stock.get("sku"), "ordered": true }))),
        None => (StatusCode::BAD_GATEWAY, Json(Value::Null)),
    }
}

/// Serves on a free port of the loopback interface, until the process ends.
async fn serve(app: Router) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(address)
}

fn act(what: &str) {
    println!("\n{what}\n");
}

fn indent(text: &str) {
    for line in text.trim_end().lines() {
        println!("{}", format!("    {line}").trim_end());
    }
}

/// The lines that were taken out and put in, below the endpoint whose entry they are in.
fn difference(before: &str, after: &str) -> String {
    let entries = |text: &str| -> Vec<Vec<String>> {
        text.split("\n[[entry]]\n").map(|entry| entry.lines().map(Into::into).collect()).collect()
    };
    let mut lines = Vec::new();
    for (old, new) in entries(before).iter().zip(entries(after)).filter(|(old, new)| *old != new) {
        lines.extend(new.first().map(|endpoint| format!("  {endpoint}")));
        lines.extend(old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}")));
        lines.extend(new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}")));
    }
    lines.join("\n")
}
