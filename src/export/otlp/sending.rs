//! One message on its way: tried again for as long as there is sense in it.

use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::time::{Instant, sleep, timeout_at};
use tower_service::Service;

use super::answer::{Failure, judge};
use super::error::{Exported, OtlpError};
use super::outgoing::Outgoing;
use super::retry::Retry;
use super::settings::{OtlpProtocol, OtlpSettings};
use crate::body::ShortBody;
use crate::error::BoxError;
use crate::ledger::Ledger;

/// What stands for a time that no clock can tell: thirty years.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
/// Exports that are closer together are tried again for as long as this all the same.
const LEAST_TIME_TO_RETRY: Duration = Duration::from_secs(10);
/// The pauses between attempts grow from here ...
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// ... to here.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Until when an export may take that begins now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// An attempt that is under way then is given up.
    end: Instant,
    /// From then on there is something newer to send: nothing is tried again.
    retries: Instant,
}

impl Until {
    pub(super) fn of(settings: &OtlpSettings) -> Self {
        let now = Instant::now();
        let end = later(now, settings.timeout);
        Self { end, retries: end.min(later(now, settings.interval.max(LEAST_TIME_TO_RETRY))) }
    }
}

/// Sends a message through this client. The ledger's clock tells what a date in an answer means.
pub(super) async fn send<S, R>(
    service: &mut S,
    outgoing: &Outgoing,
    protocol: OtlpProtocol,
    ledger: &Ledger,
    until: Until,
) -> Result<Exported, Failure>
where
    S: Service<Request<ShortBody>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body,
    R::Error: Into<BoxError>,
{
    let mut last = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = async {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(Failure::of_call)?;
            let response = service.call(outgoing.request()).await.map_err(Failure::of_call)?;
            judge(protocol, ledger.unix_nanos(), response).await
        };
        let Ok(attempt) = timeout_at(until.end, attempt).await else {
            return Err(Failure { error: last.unwrap_or_else(OtlpError::timeout), retry: Retry::Soon });
        };
        let failure = match attempt {
            Ok(exported) => return Ok(exported),
            Err(failure) => failure,
        };
        let wait = match failure.retry {
            Retry::Never => return Err(failure),
            Retry::Soon => jittered(pause),
            // "At once" is what a collector that is down may say too.
            Retry::After(asked) => asked.max(jittered(pause)),
        };
        if later(Instant::now(), wait) >= until.retries {
            return Err(failure);
        }
        last = Some(failure.error);
        sleep(wait).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// The moment that much later.
pub(super) fn later(from: Instant, by: Duration) -> Instant {
    from.checked_add(by.min(FOR_EVER)).unwrap_or(from)
}

/// Between half of it and all of it, so that not all exporters come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    // Seeded anew each time, its hashes are as random as this needs.
    let random = RandomState::new().hash_one(0) % 1024;
    #[allow(clippy::cast_precision_loss, reason = "below 1,024")]
    pause.mul_f64(0.5 + random as f64 / 2048.0)
}
