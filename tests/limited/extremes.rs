//! Numbers near the largest: nothing wraps around, and nothing panics.

use std::convert::Infallible;

use bytes::Buf;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::BodyExt;
use plimsoll::{ClientLayer, Direction, Ledger, Limit, LimitExceeded, MeteredBody};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::readings::only;
use crate::support::script::Script;
use crate::{next_refusal, pieces};

/// A piece that claims to hold any number of bytes.
#[derive(Clone, Copy)]
struct Claim(usize);

impl Buf for Claim {
    fn remaining(&self) -> usize {
        self.0
    }

    fn chunk(&self) -> &[u8] {
        &[]
    }

    fn advance(&mut self, count: usize) {
        self.0 = self.0.saturating_sub(count);
    }
}

const VAST: Claim = Claim(usize::MAX);

#[tokio::test]
async fn more_bytes_than_a_number_holds_are_still_over_the_limit() {
    let mut body = MeteredBody::new(pieces([Claim(1), VAST, VAST]), Limit::reject_over(u64::MAX - 1));
    assert!(body.frame().await.unwrap().is_ok());
    assert_eq!(next_refusal(&mut body).await.seen(), u64::MAX);
    assert_eq!(next_refusal(&mut body).await.size(), u64::MAX);
}

#[tokio::test]
async fn the_largest_limit_and_no_limit_let_any_number_of_bytes_pass() {
    for limit in [Limit::reject_over(u64::MAX), Limit::unlimited(), Limit::warn_over(u64::MAX)] {
        let mut body = MeteredBody::new(pieces([VAST, VAST, Claim(1)]), limit);
        for _ in 0..3 {
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn a_declared_length_of_the_largest_number_is_refused_and_says_so() {
    for declared in [u64::MAX, u64::MAX - 1] {
        let mut body = MeteredBody::new(Script::default().declaring(declared), Limit::reject_over(5));
        let exceeded = next_refusal(&mut body).await;
        assert_eq!((exceeded.size(), exceeded.declared()), (declared, Some(declared)));
        assert!(exceeded.to_string().contains(&format!("{declared} bytes declared")), "{exceeded}");
    }
    let mut body = MeteredBody::new(Script::default().declaring(u64::MAX), Limit::unlimited());
    assert_eq!(body.size_hint().exact(), Some(u64::MAX));
    assert!(body.frame().await.is_none(), "what it claims is no reason to refuse it");
}

#[tokio::test]
async fn sums_in_the_ledger_stay_at_the_largest_number() {
    let ledger = Ledger::new();
    let upstream = service_fn(async |_: Request<MeteredBody<Script>>| {
        Ok::<_, Infallible>(Response::new(pieces([VAST, VAST, Claim(1)])))
    });
    let client = ClientLayer::new(&ledger).response_limit(Limit::warn_over(u64::MAX - 1)).layer(upstream);
    for bodies in 1..=2 {
        let mut body = client.clone().oneshot(Request::new(Script::default())).await.unwrap().into_body();
        while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
        let answers = only(&ledger, Direction::Response);
        assert_eq!((answers.completed.count(), answers.completed.sum()), (bodies, u64::MAX));
        assert_eq!((answers.completed.max(), answers.over_limit), (u64::MAX, bodies));
        // Sizes beyond 1 TiB share the last bucket; the largest is exact all the same.
        assert_eq!(answers.completed.quantile(1.0), Some(u64::MAX));
        assert!(answers.completed.quantile(0.5) > Some(1 << 39));
    }
}

#[tokio::test]
async fn a_header_with_more_digits_than_a_number_holds_is_over_every_limit() {
    let ledger = Ledger::new();
    let upstream = service_fn(async |_: Request<MeteredBody<Script>>| {
        let response = Response::builder().header(header::CONTENT_LENGTH, "99999999999999999999999");
        Ok::<_, Infallible>(response.body(pieces([VAST])).unwrap())
    });
    let client = ClientLayer::new(&ledger).response_limit(Limit::reject_over(u64::MAX - 1)).layer(upstream);
    let error = client.oneshot(Request::new(Script::default())).await.err().unwrap();
    assert_eq!(error.limit_exceeded().map(LimitExceeded::size), Some(u64::MAX));
    let answers = only(&ledger, Direction::Response);
    // Anyone can declare anything: it counts as what the last bucket holds at least, and leaves the sum of use.
    assert_eq!((answers.completed.count(), answers.offered.count(), answers.offered.sum()), (0, 1, 1 << 40));
}
