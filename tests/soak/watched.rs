//! A service whose answers a detector watches, on a clock that is moved by hand.

use std::convert::Infallible;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use plimsoll::detect::{Detector, DetectorBuilder, Notice};
use plimsoll::{Ledger, ManualClock, MeteredBody, Route, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

use super::support::script::Script;

/// The time between two ticks, as a detector has it by default.
pub const TICK: Duration = Duration::from_secs(10);
/// Answers before each tick.
const ANSWERS: usize = 10;

pub struct Watched {
    pub ledger: Ledger,
    pub time: ManualClock,
    pub detector: Detector,
}

impl Watched {
    pub fn new(settings: impl FnOnce(DetectorBuilder) -> DetectorBuilder) -> Self {
        let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_795_600_000));
        let ledger = Ledger::builder().clock(time.clock()).build();
        let detector = settings(Detector::builder(&ledger).tick_interval(TICK)).build();
        Self { ledger, time, detector }
    }

    /// An answer of this size, in a trace of this id.
    pub fn answer(&self, route: &'static str, size: usize, trace: u64) {
        let handler = service_fn(async |_: Request<MeteredBody<Script>>| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(vec![b'x'; size]))))
        });
        let request = Request::builder().extension(Route(route));
        let request = request.header("traceparent", format!("00-{trace:032x}-{trace:016x}-01"));
        let call = ServerLayer::new(&self.ledger).layer(handler).oneshot(request.body(Script::default()).unwrap());
        let read = call.now_or_never().unwrap().unwrap().into_body().collect();
        assert_eq!(read.now_or_never().unwrap().unwrap().to_bytes().len(), size);
    }

    /// So many ticks, with ten answers of this size before each.
    pub fn ticks(&self, ticks: usize, size: usize) -> Vec<Notice> {
        let tick = |_| {
            (1..=ANSWERS).for_each(|trace| self.answer("/watched", size, trace as u64));
            self.time.advance(TICK);
            self.detector.tick()
        };
        (0..ticks).flat_map(tick).collect()
    }
}
