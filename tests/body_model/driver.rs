//! Drives a body as its case says, through layers and alone, and compares what is seen with the model.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response, header};
use http_body::{Body, Frame};
use plimsoll::{ClientLayer, Direction, Ledger, LimitExceeded, MeteredBody, Outcome, Role, ServerLayer};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use tower::{Layer, Service, ServiceExt};

use crate::case::{Case, Lines, Place};
use crate::model::{Look, Refusal, Story, Yielded, looks_alone, story};
use crate::support::script::Script;

/// Puts the body of a case through layers; whoever reads it, and the ledger, tell the model's story.
pub fn agrees(case: &Case) -> TestCaseResult {
    let ledger = Ledger::builder().max_series(8).build();
    ledger.set_enforcement(case.enforcement);
    let (refused_early, looks) = through_layers(case, &ledger);

    let (role, direction) = match case.place {
        Place::ServerRequest => (Role::Server, Direction::Request),
        Place::ServerResponse => (Role::Server, Direction::Response),
        Place::ClientRequest => (Role::Client, Direction::Request),
        Place::ClientResponse => (Role::Client, Direction::Response),
    };
    let snapshot = ledger.snapshot();
    // An answer that takes the place of a refused one is another body, of another status.
    let theirs = |status: Option<u16>| status.is_none_or(|status| status == 200);
    let of_this: Vec<_> = snapshot
        .series()
        .iter()
        .filter(|series| series.direction == direction && theirs(series.status))
        .inspect(|series| assert_eq!(series.endpoint.role(), role))
        .collect();
    prop_assert_eq!(of_this.len(), 1, "{:?}", snapshot);
    let series = of_this[0];
    prop_assert_eq!(series.outcomes.total(), 1, "one sample: {:?}", series.outcomes);
    let outcome = Outcome::ALL.into_iter().find(|outcome| series.bodies(*outcome) == 1).unwrap();
    let bytes = |sizes: &plimsoll::SizeDistribution| (sizes.count() == 1).then(|| sizes.sum());
    let told = Story {
        refused_early,
        looks,
        outcome,
        completed: bytes(&series.completed),
        offered: bytes(&series.offered),
        over_limit: series.over_limit,
    };
    prop_assert_eq!(told, story(case));
    Ok(())
}

/// Holds the body of a case against a limit without a layer: whoever reads it tells the model's story.
pub fn agrees_alone(case: &Case) -> TestCaseResult {
    prop_assert_eq!(read(MeteredBody::new(case.body(), case.limits[0].limit()), case, None), looks_alone(case));
    Ok(())
}

/// Puts the body through layers around a service, and reads it there or where it comes out. Gives back the refusal
/// that came before, if one did, and else what was seen of the body.
fn through_layers(case: &Case, ledger: &Ledger) -> (Option<Refusal>, Vec<Look>) {
    let refused = Arc::new(Mutex::new(None));
    let looks = Arc::new(Mutex::new(Vec::new()));
    let reader = Reader { case: case.clone(), ledger: ledger.clone(), looks: Arc::clone(&looks) };
    let server = |lines: &Lines| {
        let hook = Arc::clone(&refused);
        let layer = ServerLayer::new(ledger).request_limit(lines.limit()).response_limit(lines.limit());
        layer.on_refusal(move |refusal| {
            let earlier = hook.lock().unwrap().replace(facts(refusal.exceeded()));
            assert_eq!(earlier, None, "a call is refused once");
            refusal.response()
        })
    };
    let client = |lines: &Lines| ClientLayer::new(ledger).request_limit(lines.limit()).response_limit(lines.limit());
    // From the service outwards. A request meets the layers from the other end.
    let mut limits = case.limits.clone();
    if reader.reads_requests() {
        limits.reverse();
    }
    let call = reader.clone();
    let failed = match (case.place, &*limits) {
        (Place::ServerRequest | Place::ServerResponse, [a]) => call.through(server(a).layer(reader)),
        (Place::ServerRequest | Place::ServerResponse, [a, b]) => {
            call.through(server(b).layer(server(a).layer(reader)))
        }
        (Place::ServerRequest | Place::ServerResponse, [a, b, c]) => {
            call.through(server(c).layer(server(b).layer(server(a).layer(reader))))
        }
        (Place::ClientRequest | Place::ClientResponse, [a]) => call.through(client(a).layer(reader)),
        (Place::ClientRequest | Place::ClientResponse, [a, b]) => {
            call.through(client(b).layer(client(a).layer(reader)))
        }
        (Place::ClientRequest | Place::ClientResponse, [a, b, c]) => {
            call.through(client(c).layer(client(b).layer(client(a).layer(reader))))
        }
        (_, limits) => panic!("{} layers", limits.len()),
    };
    if let Some(refusal) = failed {
        *refused.lock().unwrap() = Some(refusal);
    }

    (refused.lock().unwrap().take(), std::mem::take(&mut *looks.lock().unwrap()))
}

/// The innermost service, and the outermost caller: whichever of the two gets the body of the case reads it.
#[derive(Clone)]
struct Reader {
    case: Case,
    ledger: Ledger,
    looks: Arc<Mutex<Vec<Look>>>,
}

impl Reader {
    /// Gives back the refusal, where that is what the call comes to.
    fn through<S, R>(self, service: S) -> Option<Refusal>
    where
        S: Service<Request<Script>, Response = Response<R>>,
        S::Error: Into<Box<dyn StdError + Send + Sync>>,
        R: Body<Data = Bytes>,
        R::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let mut request = Request::new(Script::default());
        if self.reads_requests() {
            *request.body_mut() = self.case.body();
            self.claim(request.headers_mut());
        }
        match service.oneshot(request).now_or_never().expect("nothing is waited for") {
            Ok(response) if response.status() == 200 && !self.reads_requests() => {
                self.keep(response.into_body());
                None
            }
            Ok(_) => None,
            Err(error) => Some(facts(LimitExceeded::find(&*error.into()).expect("it is a refusal"))),
        }
    }

    fn reads_requests(&self) -> bool {
        matches!(self.case.place, Place::ServerRequest | Place::ClientRequest)
    }

    fn claim(&self, headers: &mut HeaderMap) {
        if let Some(length) = self.case.header {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
    }

    fn keep<B>(&self, body: B)
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        *self.looks.lock().unwrap() = read(body, &self.case, Some(&self.ledger));
    }
}

impl<B> Service<Request<B>> for Reader
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Script>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut response = Response::new(Script::default());
        if self.reads_requests() {
            self.keep(request.into_body());
        } else {
            *response.body_mut() = self.case.body();
            self.claim(response.headers_mut());
        }
        ready(Ok(response))
    }
}

/// Polls a body as often as the case says, switching the ledger when it says so, then drops it.
fn read<B>(body: B, case: &Case, ledger: Option<&Ledger>) -> Vec<Look>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let mut body = pin!(body);
    let mut looks = vec![look(&*body, None)];
    for poll in 0..case.polls {
        if let Some(ledger) = ledger {
            ledger.set_enforcement(case.enforcement_at(poll));
        }
        let polled = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
        let yielded = match polled.map(|frame| frame.map(|result| result.map(Frame::into_data))) {
            Poll::Pending => Yielded::Pending,
            Poll::Ready(None) => Yielded::End,
            Poll::Ready(Some(Ok(Ok(data)))) => Yielded::Data(data.len()),
            Poll::Ready(Some(Ok(Err(_)))) => Yielded::Trailers,
            Poll::Ready(Some(Err(error))) => match LimitExceeded::find(&*error.into()) {
                Some(exceeded) => Yielded::Refused(facts(exceeded)),
                None => Yielded::Failed,
            },
        };
        looks.push(look(&*body, Some(yielded)));
    }
    looks
}

fn look(body: &impl Body, yielded: Option<Yielded>) -> Look {
    let hint = body.size_hint();
    Look { yielded, hint: (hint.lower(), hint.upper()), at_end: body.is_end_stream() }
}

fn facts(exceeded: &LimitExceeded) -> Refusal {
    Refusal { limit: exceeded.limit(), seen: exceeded.seen(), declared: exceeded.declared() }
}
