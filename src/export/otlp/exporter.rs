//! The exporter: reads the ledger at every interval, sends it in parts, and knows what arrived.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use tokio::time::{Instant, sleep_until};
use tower_service::Service;

use super::answer::Failure;
use super::detected::{Judged, Told};
use super::error::{Exported, OtlpError};
use super::message::encode;
use super::outgoing::Outgoing;
use super::part::{LARGEST, Part};
use super::reading::Readings;
use super::retry::Retry;
use super::sending::{Until, later, send};
use super::settings::{OtlpSettings, Temporality};
use crate::body::ShortBody;
use crate::detect::Detector;
use crate::error::BoxError;
use crate::ledger::Ledger;

/// Sends a ledger to an OpenTelemetry collector over OTLP, with the trace ids behind its numbers.
///
/// `service` is the client: hyper-util's, a tonic channel, reqwest's (`OtlpReqwest`, with feature `reqwest`), anything
/// that sends HTTP requests; TLS is its matter.
/// It must not be wrapped in a layer of this ledger's, or exports would be in what is exported.
///
/// ```no_run
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use plimsoll::{Ledger, OtlpExporter, OtlpSettings, ShortBody};
///
/// # async fn start(ledger: Ledger) -> Result<(), Box<dyn std::error::Error>> {
/// let http = Client::builder(TokioExecutor::new()).build_http::<ShortBody>();
/// tokio::spawn(OtlpExporter::new(&ledger, http, OtlpSettings::from_env()?).run());
/// # Ok(())
/// # }
/// ```
///
/// Over gRPC, a tonic channel takes its own kind of body:
///
/// ```no_run
/// use plimsoll::{Ledger, OtlpExporter, OtlpSettings, ShortBody};
/// use tonic::{body::Body, transport::Channel};
/// use tower::ServiceExt;
///
/// # fn start(ledger: Ledger, channel: Channel) {
/// let service = channel.map_request(|request: http::Request<ShortBody>| request.map(Body::new));
/// let settings = OtlpSettings::grpc("http://collector:4317".parse().expect("it is a URL"));
/// tokio::spawn(OtlpExporter::new(&ledger, service, settings).run());
/// # }
/// ```
///
/// An export fails for good on an answer that says so, and is tried again, with growing pauses or after the time that
/// the collector asks for, on 429, 502, 503, 504, their gRPC counterparts and where there is no answer, as the OTLP
/// specification has it. [`OtlpSettings::timeout`] bounds it all, and none is tried again later than an interval after it
/// began (10 s, where that is less): then there is something newer to send. Nothing on the path of requests ever waits
/// for an export. The first failure of a streak is logged as a warning, and its end; likewise, what a collector has to
/// say of an export that it took.
///
/// Needs tokio's timer: a runtime built with `enable_time` or `enable_all`.
#[derive(Debug)]
pub struct OtlpExporter<S> {
    ledger: Ledger,
    detector: Option<Detector>,
    service: S,
    settings: OtlpSettings,
    /// What arrived last, where the next export counts from it; and of the detector.
    sent: Readings,
    told: Told,
    /// No count is said to run from later on.
    earliest: u64,
    /// How many bytes a series took last.
    a_series: usize,
    /// The collector asked to be left alone until then.
    not_before: Option<Instant>,
    failed: u64,
    complained: bool,
}

impl<S, R> OtlpExporter<S>
where
    S: Service<Request<ShortBody>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body,
    R::Error: Into<BoxError>,
{
    /// An exporter that sends this ledger through this client.
    #[must_use]
    pub fn new(ledger: &Ledger, service: S, settings: OtlpSettings) -> Self {
        Self {
            ledger: ledger.clone(),
            detector: None,
            service,
            settings,
            sent: Readings::none(),
            told: Told::default(),
            earliest: u64::MAX,
            a_series: BYTES_A_SERIES,
            not_before: None,
            failed: 0,
            complained: false,
        }
    }

    /// Adds what a detector of this ledger knows, as of its last tick: `plimsoll.bodies.above_baseline`,
    /// `plimsoll.regression.active`, `plimsoll.regression.factor` and `plimsoll.findings`.
    ///
    /// What they say is told at [`OpenMetrics::detector`](crate::OpenMetrics::detector). Cumulative counts of them run
    /// since the detector was made.
    #[must_use]
    pub fn detector(mut self, detector: &Detector) -> Self {
        self.detector = Some(detector.clone());
        self
    }

    /// Exports at every interval, until it is dropped: for [`tokio::spawn`].
    pub async fn run(self) {
        self.run_until(std::future::pending()).await;
    }

    /// Exports at every interval, and a last time when `stop` is ready, so that a process that ends loses nothing.
    ///
    /// Takes up to two [timeouts](OtlpSettings::timeout) from then, where an export is under way: without a limit, it
    /// waits for a silent collector as long as that is silent.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut next = Instant::now();
        loop {
            next = later(next, self.settings.interval.max(SHORTEST_INTERVAL));
            next = next.max(self.not_before.take().unwrap_or(next)).max(Instant::now());
            let mut pause = pin!(sleep_until(next));
            let stopped = poll_fn(|cx| match stop.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => pause.as_mut().poll(cx).map(|()| false),
            })
            .await;
            let _reported = self.export_once().await;
            if stopped {
                return;
            }
        }
    }

    /// Exports what the ledger holds now. Where it holds nothing, nothing is sent; what would be more than 4 MB before it
    /// is compressed is sent as several messages.
    ///
    /// Called again at once after an error, it calls the collector at once: the pauses that a collector asks for are
    /// kept within an export, and between those of [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// Where it did not arrive, or not all of it; the next one makes up for what did not.
    pub async fn export_once(&mut self) -> Result<Exported, OtlpError> {
        let result = self.export().await;
        self.report(&result);
        result
    }

    async fn export(&mut self) -> Result<Exported, OtlpError> {
        let began = self.detector.as_ref().map_or(0, Detector::began);
        let all = Readings::of(&self.ledger, began, self.earliest);
        self.earliest = all.earliest;
        let mut exported = Exported::default();
        if all.series.is_empty() {
            return Ok(exported);
        }
        let fresh;
        let readings = match self.settings.temporality {
            Temporality::Cumulative => &all,
            Temporality::Delta => {
                fresh = all.since(&self.sent);
                &fresh
            }
        };
        let until = Until::of(&self.settings);
        let mut failed = None;
        let mut parts = vec![Part::whole(all.series.len(), self.detector.as_ref().map_or(0, judged_series))];
        while let Some(part) = parts.pop() {
            let (message, told) = match self.written(readings, &part) {
                Ok(written) => written,
                Err(halves) => {
                    parts.extend(halves.into_iter().rev());
                    continue;
                }
            };
            let outgoing = Outgoing::new(message, &self.settings).map_err(OtlpError::compress)?;
            match send(&mut self.service, &outgoing, self.settings.protocol, &self.ledger, until).await {
                Ok(answer) => exported.add(answer),
                Err(Failure { error, retry }) => {
                    failed = failed.or(Some(error));
                    match retry {
                        // What one part is refused for need not be in the others.
                        Retry::Never => continue,
                        Retry::Soon => break,
                        Retry::After(asked) => {
                            self.not_before = Some(later(Instant::now(), asked));
                            break;
                        }
                    }
                }
            }
            if self.settings.temporality == Temporality::Delta {
                self.sent.take(&all, part.series);
                self.told = told.unwrap_or_default();
            }
        }
        failed.map_or(Ok(exported), Err)
    }

    /// A part as a message; where that is too large, its halves.
    fn written(&mut self, readings: &Readings, part: &Part) -> Result<(Vec<u8>, Option<Told>), [Part; 2]> {
        let too_large = |bytes: usize| part.halves().filter(|_| bytes > LARGEST);
        let room = part.series.len().saturating_mul(self.a_series.saturating_add(self.a_series / 8));
        // What will be too large, if series are as large as they were last, is not written first.
        if let Some(halves) = too_large(room) {
            return Err(halves);
        }
        let judged = self.detector.as_ref().map(|detector| Judged {
            detector,
            series: part.judged.clone(),
            findings: part.is_first(),
            told: &self.told,
        });
        let (message, told) = encode(readings, part, judged.as_ref(), &self.settings, room);
        self.a_series = message.len().checked_div(part.series.len()).unwrap_or(self.a_series);
        too_large(message.len()).map_or(Ok((message, told)), Err)
    }

    fn report(&mut self, result: &Result<Exported, OtlpError>) {
        let endpoint = &self.settings.endpoint;
        match result {
            Err(error) => {
                if self.failed == 0 {
                    tracing::warn!(%endpoint, %error, "metrics of bodies do not reach the collector");
                }
                self.failed = self.failed.saturating_add(1);
            }
            Ok(Exported { rejected, message }) => {
                if self.failed > 0 {
                    tracing::info!(%endpoint, failed = self.failed, "metrics of bodies reach the collector again");
                }
                self.failed = 0;
                // It may take all of them and warn all the same.
                let complains = *rejected > 0 || !message.is_empty();
                if complains && !self.complained {
                    let reason = message.as_str();
                    tracing::warn!(%endpoint, rejected, reason, "the collector complains about metrics of bodies");
                }
                self.complained = complains;
            }
        }
    }
}

fn judged_series(detector: &Detector) -> usize {
    let mut length = 0usize;
    detector.visit(|_| length = length.saturating_add(1));
    length
}

/// About what a series takes in an export; corrected after the first.
const BYTES_A_SERIES: usize = 1500;
/// No collector is called without a pause.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);
