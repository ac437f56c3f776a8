//! What does it take to record a body at its end, on one thread and on two that write the same series?
//!
//! **Baseline**: `unrecorded`, the same body counted by the same wrapper without a ledger; and `bare`, without one. The
//! bodies are made beforehand, read where they lie and dropped afterwards, so that of the layer's work only the last part
//! is in here: counting the one frame of 8 KiB, finding that it is the last, and then, what is over `unrecorded`, writing
//! the sample into the ledger, with an exemplar or without.
//!
//! **Known costs**: the clock is read for an exemplar only. `dropped` is what a body that was recorded takes to be dropped,
//! nearly all of it to give back the handle to its series. `unread` bodies, dropped as they are, add to a counter before
//! that and have no size. Two threads contend for the cache lines of one series, more than requests would that do other
//! work in between.
//!
//! ```text
//! scripts/bench --record
//! ```

use bytes::Bytes;
use divan::Bencher;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Empty;
use opentelemetry::Context;
use plimsoll::{ExemplarFilter, Ledger, Limit, MeteredBody, Route, ServerBody, ServerLayer};
use plimsoll_peers::{Exchange, Pieces, now, read, remote_context};
use tower::{Layer, Service, service_fn};

fn main() {
    divan::main();
}

const THREADS: [usize; 2] = [1, 2];

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn bare(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(answer).bench_refs(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn unrecorded(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| MeteredBody::new(answer(), Limit::unlimited())).bench_refs(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn measured(bencher: Bencher<'_, '_>) {
    let ledger = Ledger::builder().exemplars(ExemplarFilter::AlwaysOff).build();
    bencher.with_inputs(bodies_of(&ledger)).bench_refs(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn measured_with_exemplar(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(bodies_of(&Ledger::new())).bench_refs(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn dropped(bencher: Bencher<'_, '_>) {
    let ledger = Ledger::new();
    let bodies = bodies_of(&ledger);
    let read = || {
        let mut body = bodies();
        read_all(&mut body);
        body
    };
    bencher.with_inputs(read).bench_values(drop);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn unread(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(bodies_of(&Ledger::new())).bench_values(drop);
}

/// A body of 8 KiB in one frame.
fn answer() -> Pieces {
    Exchange::USUAL.answer.body()
}

fn read_all(body: &mut (impl Body + Unpin)) {
    read(body, Exchange::USUAL.answer);
}

/// Answers as they leave the layer, each of the same series, with a sampled trace to point to.
fn bodies_of(ledger: &Ledger) -> impl Fn() -> ServerBody<Pieces> + Sync {
    let layer = ServerLayer::new(ledger);
    let context: Context = remote_context();
    move || {
        let _active = context.clone().attach();
        let mut service =
            layer.layer(service_fn(async |_: Request<_>| Ok::<_, std::convert::Infallible>(Response::new(answer()))));
        let mut request = Request::new(Empty::<Bytes>::new());
        request.extensions_mut().insert(Route("/checkout/{cart}"));
        let Ok(response) = now(service.call(request));
        response.into_body()
    }
}
