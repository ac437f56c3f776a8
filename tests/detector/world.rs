//! An upstream of any size and version, called through a layer, and a detector that is ticked by hand.

use std::convert::Infallible;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll::detect::{Closing, Detector, DetectorBuilder, Finding, Notice, Period};
use plimsoll::{ClientLayer, KIB, Ledger, Limit, ManualClock, UrlTemplate};
use tower::{Layer, ServiceExt, service_fn};

/// What an answer of the upstream is like.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) route: &'static str,
    pub(crate) size: usize,
    pub(crate) version: &'static str,
    pub(crate) coding: Option<&'static str>,
}

impl Answer {
    pub(crate) const fn of(size: usize) -> Self {
        Self { route: "/inventory/{sku}", size, version: "2.30.0", coding: None }
    }

    pub(crate) const fn version(self, version: &'static str) -> Self {
        Self { version, ..self }
    }

    pub(crate) const fn route(self, route: &'static str) -> Self {
        Self { route, ..self }
    }

    pub(crate) const fn coding(self, coding: &'static str) -> Self {
        Self { coding: Some(coding), ..self }
    }
}

pub(crate) struct World {
    pub(crate) time: ManualClock,
    pub(crate) ledger: Ledger,
    pub(crate) detector: Detector,
    calls: u64,
}

/// The tick of all these tests.
pub(crate) const TICK: Duration = Duration::from_secs(10);
/// Bodies that make a baseline: enough for p99.
pub(crate) const PERIOD: u64 = 2_000;

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|detector| detector)
    }

    pub(crate) fn with(settings: impl FnOnce(DetectorBuilder) -> DetectorBuilder) -> Self {
        let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_795_600_000));
        let header = HeaderName::from_static("x-service-version");
        let ledger = Ledger::builder().clock(time.clock()).version_header(header).build();
        let detector = settings(Detector::builder(&ledger).tick_interval(TICK).period(Period::Bodies(PERIOD))).build();
        Self { time, ledger, detector, calls: 0 }
    }

    /// The same after a restart: the clock goes on, the ledger is empty, and the detector a new one.
    #[cfg(feature = "serde")]
    pub(crate) fn restart(&self, settings: impl FnOnce(DetectorBuilder) -> DetectorBuilder) -> Self {
        let header = HeaderName::from_static("x-service-version");
        let ledger = Ledger::builder().clock(self.time.clock()).version_header(header).build();
        let detector = settings(Detector::builder(&ledger).tick_interval(TICK).period(Period::Bodies(PERIOD))).build();
        Self { time: self.time.clone(), ledger, detector, calls: self.calls }
    }

    /// Gets one answer.
    pub(crate) fn get(&mut self, answer: Answer) {
        self.calls += 1;
        let Answer { route, size, version, coding } = answer;
        let limit = Limit::reject_over(64 * KIB);
        let upstream = service_fn(move |_| async move {
            let mut response = Response::builder().header("x-service-version", version);
            if let Some(coding) = coding {
                response = response.header("content-encoding", coding);
            }
            Ok::<_, Infallible>(response.body(Full::new(Bytes::from(vec![b'x'; size]))).unwrap())
        });
        let client = ClientLayer::new(&self.ledger).upstream("inventory").response_limit(limit).layer(upstream);
        let request = Request::get("http://inventory/")
            .header("traceparent", format!("00-{:032x}-{:016x}-01", self.calls, self.calls))
            .extension(UrlTemplate(route));
        let call = client.oneshot(request.body(Full::<Bytes>::default()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            if let Ok(response) = call.await {
                response.into_body().collect().await.unwrap();
            }
        });
    }

    /// Gets ten answers, and ticks.
    pub(crate) fn tick(&mut self, answer: Answer) -> Vec<Notice> {
        self.tick_of(&[answer; 10])
    }

    /// Gets these answers, and ticks.
    pub(crate) fn tick_of(&mut self, answers: &[Answer]) -> Vec<Notice> {
        for answer in answers {
            self.get(*answer);
        }
        self.time.advance(TICK);
        self.detector.tick()
    }

    /// Ticks that find nothing.
    pub(crate) fn calm(&mut self, ticks: usize, answers: &[Answer]) {
        for _ in 0..ticks {
            assert_eq!(self.tick_of(answers), [], "nothing is to be found");
        }
    }

    /// A period of bodies of 8 KB, more or less.
    pub(crate) fn period(&mut self, answer: Answer) {
        let usual: Vec<_> = (0..50).map(|n| Answer { size: answer.size + 20 * n, ..answer }).collect();
        self.calm(PERIOD as usize / usual.len(), &usual);
    }

    /// Ticks until something is found; in how many.
    pub(crate) fn until_found(&mut self, answer: Answer, most: usize) -> (usize, Vec<Notice>) {
        for tick in 1..=most {
            let found = self.tick(answer);
            if !found.is_empty() {
                return (tick, found);
            }
        }
        panic!("nothing was found in {most} ticks");
    }
}

/// The findings that were opened or raised.
pub(crate) fn found(notices: &[Notice]) -> Vec<Finding> {
    let of = |notice: &Notice| match notice {
        Notice::Opened(findings) => findings.clone(),
        Notice::Joined(finding) | Notice::Raised(finding) => vec![finding.clone()],
        _ => vec![],
    };
    notices.iter().flat_map(of).collect()
}

/// The one report that closes a finding.
pub(crate) fn closing(notices: &[Notice]) -> Closing {
    let closing = notices.iter().find_map(|notice| match notice {
        Notice::Closed(closing) => Some(closing.clone()),
        _ => None,
    });
    closing.expect("a finding was closed")
}
