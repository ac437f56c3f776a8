//! The customers: requests at a steady pace, and what became of each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::checkout::Refused;
use crate::inventory::SKUS;

/// The two things that customers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Checkout,
    Cart,
}

impl Kind {
    fn request(self, http: &reqwest::Client, checkout: SocketAddr, sku: u32) -> RequestBuilder {
        match self {
            Self::Checkout => http.post(format!("http://{checkout}/checkout")).json(&json!({ "sku": sku })),
            Self::Cart => http.get(format!("http://{checkout}/cart/{sku}")),
        }
    }

    const fn every(self) -> Duration {
        match self {
            Self::Checkout => Duration::from_millis(20),
            Self::Cart => Duration::from_millis(40),
        }
    }
}

/// One request of a customer.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) begun: Instant,
    pub(crate) ended: Instant,
    /// The status it was answered with; 0 where there was no answer.
    pub(crate) status: u16,
    pub(crate) refused: Option<Refused>,
}

impl Call {
    pub(crate) fn took(&self) -> Duration {
        self.ended.duration_since(self.begun)
    }
}

/// Requests that flow until they are stopped.
pub(crate) struct Load {
    calls: Arc<Mutex<Vec<Call>>>,
    stopped: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(http: &reqwest::Client, checkout: SocketAddr) -> Self {
        let mut load = Self { calls: Arc::default(), stopped: Arc::default(), tasks: JoinSet::new() };
        let sku = Arc::<AtomicU32>::default();
        for kind in [Kind::Checkout, Kind::Cart] {
            let (calls, stopped) = (Arc::clone(&load.calls), Arc::clone(&load.stopped));
            let (http, sku) = (http.clone(), Arc::clone(&sku));
            load.tasks.spawn(async move {
                let mut pace = interval(kind.every());
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while !stopped.load(Ordering::SeqCst) {
                    pace.tick().await;
                    let sku = sku.fetch_add(1, Ordering::Relaxed) % SKUS;
                    let request = kind.request(&http, checkout, sku);
                    let call = send(kind, request).await;
                    calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
                }
            });
        }
        load
    }

    /// Sends so many checkouts before all else, four at a time and as fast as they are answered.
    pub(crate) async fn warm_up(http: &reqwest::Client, checkout: SocketAddr, count: u32) {
        let mut callers = JoinSet::new();
        for caller in 0..4 {
            let http = http.clone();
            callers.spawn(async move {
                for sku in (caller..count).step_by(4) {
                    send(Kind::Checkout, Kind::Checkout.request(&http, checkout, sku % SKUS)).await;
                }
            });
        }
        while callers.join_next().await.is_some() {}
    }

    /// Waits until `count` checkouts have begun and ended after `since`, half a minute at most, and gives all calls
    /// that did.
    pub(crate) async fn flow(&self, count: usize, since: Instant) -> Vec<Call> {
        let checkouts = |calls: &[Call]| calls.iter().filter(|call| call.kind == Kind::Checkout).count();
        let enough = async {
            while checkouts(&self.since(since)) < count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        // What did not happen in time is for the claims to say.
        let _ = timeout(Duration::from_secs(30), enough).await;
        self.since(since)
    }

    /// Lets the requests under way finish, and gives all there were.
    pub(crate) async fn stop(mut self) -> Vec<Call> {
        self.stopped.store(true, Ordering::SeqCst);
        while self.tasks.join_next().await.is_some() {}
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets go of what was collected.
    pub(crate) fn forget(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The calls that began since then and have ended.
    pub(crate) fn since(&self, since: Instant) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|call| call.begun >= since).cloned().collect()
    }
}

async fn send(kind: Kind, request: RequestBuilder) -> Call {
    let begun = Instant::now();
    let (status, refused) = match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let body = response.bytes().await.unwrap_or_default();
            (status, serde_json::from_slice(&body).ok())
        }
        Err(_) => (0, None),
    };
    Call { kind, begun, ended: Instant::now(), status, refused }
}
