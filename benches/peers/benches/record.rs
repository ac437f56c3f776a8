//! What does it take to record a body at its end, on one thread and on two that write the same series?
//!
//! **Baseline**: `unrecorded`, the same body counted by the same wrapper without a ledger; and `bare`, without one. The
//! bodies are made beforehand, so that of the layer's work only the last part is in here: counting the one frame of
//! 8 KiB, finding that it is the last, and then, what is over `unrecorded`, writing the sample into the ledger, with an
//! exemplar or without, and giving back the handle to the series.
//!
//! **Known costs**: the clock is read for an exemplar only. `unread` bodies, dropped as they are, add to a counter and
//! have no size. Two threads contend for the cache lines of one series, more than requests would that do other work
//! in between.
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
    bencher.with_inputs(answer).bench_values(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn unrecorded(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| MeteredBody::new(answer(), Limit::unlimited())).bench_values(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn measured(bencher: Bencher<'_, '_>) {
    let ledger = Ledger::builder().exemplars(ExemplarFilter::AlwaysOff).build();
    bencher.with_inputs(bodies_of(&ledger)).bench_values(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn measured_with_exemplar(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(bodies_of(&Ledger::new())).bench_values(read_all);
}

#[divan::bench(threads = THREADS, sample_count = 500, sample_size = 100)]
fn unread(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(bodies_of(&Ledger::new())).bench_values(drop);
}

/// A body of 8 KiB in one frame.
fn answer() -> Pieces {
    Exchange::USUAL.answer.body()
}

fn read_all(body: impl Body) {
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
