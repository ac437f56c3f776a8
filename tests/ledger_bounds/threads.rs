//! Many threads on one ledger: every count is exact.

use std::future::ready;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier};
use std::thread;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use plimsoll::{ClientLayer, Ledger, Limit, Outcome};
use tower::{Layer, Service, service_fn};

use crate::alone;
use crate::calls::{Random, callers, made_up, read};
use crate::support::events::Events;

const THREADS: u64 = 8;

#[test]
fn threads_that_write_at_once_lose_no_body() {
    let _alone = alone();
    for max_series in [4_096, 64, 0] {
        let ledger = Ledger::builder().max_series(max_series).build();
        let bodies = Arc::default();
        let barrier = Barrier::new(THREADS as usize);
        let work = |seed: u64| {
            let mut callers = callers(&ledger, Limit::reject_over(1_500).and_warn_over(500), &bodies);
            // Half of the names are those of another thread.
            let mut random = Random::new(seed / 2);
            barrier.wait();
            (0..3_000).for_each(|call| callers[call % 3](made_up(&mut random, 0..2_000)));
        };
        thread::scope(|scope| {
            for seed in 0..THREADS {
                let work = &work;
                scope.spawn(move || work(seed));
            }
        });
        let snapshot = ledger.snapshot();
        assert_eq!(snapshot.outcomes().total(), bodies.load(Relaxed));
        assert!(snapshot.series().len() <= max_series + 4);
    }
}

#[test]
fn threads_that_meet_the_same_names_at_once_make_each_series_once() {
    let _alone = alone();
    const NAMES: u64 = 400;
    // As many as there will be, and one for each thread that finds another one has been quicker and gives it back.
    let ledger = Ledger::builder().max_series((NAMES + THREADS) as usize).build();
    let barrier = Barrier::new(THREADS as usize);
    let work = || {
        // An upstream that takes the request and never answers: one series for each endpoint.
        let upstream = service_fn(|request: Request<_>| {
            read(request.into_body());
            ready(Err::<Response<Full<Bytes>>, _>(std::io::Error::other("gone")))
        });
        let layer = ClientLayer::new(&ledger).upstream("up").request_limit(Limit::warn_over(9));
        let mut client = layer.url_template(|_, path| Some(path.to_owned().into())).layer(upstream);
        for name in 0..NAMES {
            barrier.wait();
            let request = Request::post(format!("/{name}")).body(Full::<Bytes>::from("ten bytes.")).unwrap();
            client.call(request).now_or_never().unwrap().err().unwrap();
        }
    };
    thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
    let snapshot = ledger.snapshot();
    assert_eq!(snapshot.series().len(), NAMES as usize);
    assert!(!ledger.has_overflowed());
    for series in snapshot.series() {
        let completed = (series.bodies(Outcome::Complete), series.completed.sum(), series.completed.max());
        assert_eq!(completed, (THREADS, 10 * THREADS, 10), "{series:?}");
        assert_eq!((series.completed.buckets().len(), series.over_limit), (1, THREADS));
    }
}

#[test]
fn a_full_ledger_says_so_once_whoever_fills_it() {
    let _alone = alone();
    let ledger = Ledger::builder().max_series(1).build();
    let barrier = Barrier::new(THREADS as usize);
    let events = Events::default();
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (ledger, barrier, events) = (&ledger, &barrier, &events);
            scope.spawn(move || {
                let mut callers = callers(ledger, Limit::unlimited(), &Arc::default());
                let mut random = Random::new(seed);
                barrier.wait();
                events.of(|| (0..50).for_each(|call| callers[call % 3](made_up(&mut random, 0..100))));
            });
        }
    });
    assert_eq!(events.take().len(), 1);
}
