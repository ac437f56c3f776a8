//! A layer of either role, set up alike, and one call through it.

use http::{Method, Request, Response};
use plimsoll::{
    BodyLimits, ClientLayer, Direction, Ledger, Limit, Outcome, Role, Route, SeriesSnapshot, ServerLayer, UrlTemplate,
};
use tower::Layer;

use crate::support::calls::{Answering, Went, call};
use crate::support::script::{Script, Step};

pub const ROLES: [Role; 2] = [Role::Server, Role::Client];
pub const DIRECTIONS: [Direction; 2] = [Direction::Request, Direction::Response];

/// The settings that both layers have.
#[derive(Clone, Debug)]
pub struct Setup {
    pub ledger: Ledger,
    pub limits: BodyLimits,
    pub endpoints: Vec<(&'static str, BodyLimits)>,
    pub exempt_streams: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let (ledger, limits) = (Ledger::new(), BodyLimits::new());
        Self { ledger, limits, endpoints: Vec::new(), exempt_streams: true }
    }
}

impl Setup {
    pub fn server(&self) -> ServerLayer {
        let layer = ServerLayer::new(&self.ledger)
            .request_limit(self.limits.request_limit().unwrap_or_default())
            .response_limit(self.limits.response_limit().unwrap_or_default())
            .exempt_streams(self.exempt_streams);
        self.endpoints.iter().fold(layer, |layer, (endpoint, limits)| layer.limits_for(endpoint, *limits))
    }

    pub fn client(&self) -> ClientLayer {
        let layer = ClientLayer::new(&self.ledger)
            .upstream("up")
            .request_limit(self.limits.request_limit().unwrap_or_default())
            .response_limit(self.limits.response_limit().unwrap_or_default())
            .exempt_streams(self.exempt_streams);
        self.endpoints.iter().fold(layer, |layer, (endpoint, limits)| layer.limits_for(endpoint, *limits))
    }

    /// One call of `/up`, or of the route that the request names, to a service that reads it and answers like this.
    pub async fn call(&self, role: Role, mut request: Request<Script>, answer: Response<Script>) -> Went {
        let extensions = request.extensions_mut();
        let route = extensions.get::<Route>().map_or("/up", |Route(route)| route);
        extensions.insert(Route(route));
        extensions.insert(UrlTemplate(route));
        match role {
            Role::Server => call(self.server().layer(Answering(answer)), request).await,
            Role::Client => call(self.client().layer(Answering(answer)), request).await,
        }
    }

    /// A call of which one body is given, and how that one ended, with how often it was found to be over a limit.
    pub async fn ends(&self, role: Role, direction: Direction, method: Method, body: Script) -> (Outcome, u64) {
        self.ends_with(role, direction, Request::builder().method(method).body(Script::default()).unwrap(), body).await
    }

    /// The same, with all else that the request carries.
    pub async fn ends_with(
        &self,
        role: Role,
        direction: Direction,
        mut request: Request<Script>,
        body: Script,
    ) -> (Outcome, u64) {
        let mut answer = Response::new(Script::default());
        match direction {
            Direction::Request => *request.body_mut() = body,
            Direction::Response => *answer.body_mut() = body,
        }
        let route = request.extensions().get::<Route>().map_or("/up", |Route(route)| route);
        self.call(role, request, answer).await;
        let series = self.find(role, direction, route);
        let ended = Outcome::ALL.into_iter().find(|outcome| series.bodies(*outcome) > 0).unwrap();
        assert_eq!(series.outcomes.total(), 1, "{series:?}");
        (ended, series.over_limit)
    }

    /// What is known of these bodies; of responses, those of the lowest status.
    pub fn find(&self, role: Role, direction: Direction, route: &str) -> SeriesSnapshot {
        self.ledger.snapshot().find(role, direction, route).unwrap().clone()
    }
}

/// Limits of one direction only.
pub fn limits(direction: Direction, limit: Limit) -> BodyLimits {
    match direction {
        Direction::Request => BodyLimits::new().request(limit),
        Direction::Response => BodyLimits::new().response(limit),
    }
}

/// Two bodies of so many bytes: one that says so, one that comes as it comes; with how each ends under a limit that
/// refuses it.
pub fn bodies_of(bytes: usize) -> [(Script, Outcome); 2] {
    let steps = [Step::Data(bytes / 2), Step::Data(bytes - bytes / 2)];
    let declared = Script::new(steps.clone()).declaring(bytes as u64);
    [(declared, Outcome::RejectedEarly), (Script::new(steps), Outcome::RejectedStreaming)]
}
