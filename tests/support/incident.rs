//! The incident's two services, up and serving on loopback.
#![allow(dead_code, unreachable_pub, reason = "they have more to tell than each test asks of them")]

#[path = "../../examples/incident/checkout.rs"]
pub mod checkout;
#[path = "../../examples/incident/inventory.rs"]
pub mod inventory;

use std::sync::Arc;

use plimsoll::Ledger;
use serde_json::json;

use crate::support::wire::serve;

/// `checkout`, which writes into the ledger, and `inventory`, which it calls.
pub struct Incident {
    pub ledger: Ledger,
    pub checkout: String,
    pub inventory: String,
}

impl Incident {
    pub async fn start() -> Self {
        let ledger = Ledger::new();
        let inventory = serve(inventory::app()).await;
        let checkout = checkout::app(&ledger, address(&inventory).parse().unwrap(), Arc::default());
        Self { checkout: serve(checkout).await, ledger, inventory }
    }

    /// `inventory` deploys `include_full_sku_details: true`.
    pub async fn deploy(&self) {
        let deploy = reqwest::Client::new().post(format!("{}/deploy", self.inventory));
        let details = json!({ "include_full_sku_details": true });
        deploy.json(&details).send().await.unwrap().error_for_status().unwrap();
    }
}

/// Host and port.
pub fn address(url: &str) -> &str {
    url.trim_start_matches("http://")
}
