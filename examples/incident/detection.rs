//! The detector of `checkout`, and what it had to say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use plimsoll::detect::{Closing, Detector, Finding, Notice, Period, Ticker};
use plimsoll::{Direction, Ledger};
use tokio::time::{Instant, sleep, timeout};

use crate::Result;
use crate::scrape::STOCK;

/// How often it looks. The default is 10 seconds: a false alarm costs more there than a minute.
pub(crate) const TICK: Duration = Duration::from_millis(250);
/// How many bodies make a baseline. The default is a week: traffic has its days and its nights.
pub(crate) const PERIOD: u32 = 300;

/// Bodies to learn from: a baseline, and a calm period.
pub(crate) const LEARNED: u32 = 2 * PERIOD;

/// A detector, with all that it has told.
pub(crate) struct Detection {
    detector: Detector,
    told: Arc<Mutex<Vec<(Notice, Instant)>>>,
}

impl Detection {
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let told = Arc::<Mutex<Vec<_>>>::default();
        let list = Arc::clone(&told);
        let tell = move |notice: &Notice| {
            list.lock().unwrap_or_else(PoisonError::into_inner).push((notice.clone(), Instant::now()));
        };
        let builder = Detector::builder(ledger).tick_interval(TICK).period(Period::Bodies(PERIOD.into()));
        Self { detector: builder.on_notice(tell).build(), told }
    }

    /// Looks once, now.
    pub(crate) fn tick(&self) {
        self.detector.tick();
    }

    /// Looks at every tick from now on, until what this gives is dropped.
    pub(crate) fn start(&self) -> Result<Ticker> {
        Ok(self.detector.start()?)
    }

    /// The findings so far, of whatever endpoint: each as it was then, and when that was.
    pub(crate) fn findings(&self) -> Vec<(Finding, Instant)> {
        let findings = |(notice, told): &(Notice, Instant)| {
            let findings = match notice {
                Notice::Opened(findings) => findings.clone(),
                Notice::Joined(finding) | Notice::Raised(finding) => vec![finding.clone()],
                _ => Vec::new(),
            };
            let told = *told;
            findings.into_iter().map(move |finding| (finding, told))
        };
        self.told.lock().unwrap_or_else(PoisonError::into_inner).iter().flat_map(findings).collect()
    }

    /// Waits for what is said of the endpoint that grows; half a minute at most.
    pub(crate) async fn finding(&self) -> Option<(Finding, Instant)> {
        let grown =
            |finding: &Finding| finding.endpoint.route() == Some(STOCK) && finding.direction == Direction::Response;
        wait_for(|| self.findings().into_iter().find(|(finding, _)| grown(finding))).await
    }

    /// Waits for the report that closes this finding, likewise.
    pub(crate) async fn closing(&self, id: u64) -> Option<(Closing, Instant)> {
        let closing = |(notice, told): &(Notice, Instant)| match notice {
            Notice::Closed(closing) if closing.finding.id == id => Some((closing.clone(), *told)),
            _ => None,
        };
        wait_for(|| self.told.lock().unwrap_or_else(PoisonError::into_inner).iter().find_map(closing)).await
    }
}

async fn wait_for<T>(mut there: impl FnMut() -> Option<T>) -> Option<T> {
    let found = async {
        loop {
            match there() {
                Some(found) => break found,
                None => sleep(Duration::from_millis(5)).await,
            }
        }
    };
    timeout(Duration::from_secs(30), found).await.ok()
}
