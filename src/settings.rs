//! What the settings of both layers have in common, and which limits hold for one call.

use std::collections::HashMap;

use http::Extensions;

use crate::body::Held;
use crate::endpoint::{Key, MethodClass};
use crate::error::Setting;
use crate::ledger::{Ledger, View};
use crate::limit::{BodyLimits, Limit};
use crate::trace::SpanWrites;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) ledger: Ledger,
    pub(crate) request: Limit,
    pub(crate) response: Limit,
    pub(crate) endpoints: EndpointLimits,
    #[cfg(feature = "serde")]
    pub(crate) policy: Option<crate::policy::PolicyHandle>,
    pub(crate) view: View,
    pub(crate) span_writes: SpanWrites,
    pub(crate) exempt_streams: bool,
    pub(crate) drain: u64,
}

/// The limits of the two bodies of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallLimits {
    pub(crate) request: Held,
    pub(crate) response: Held,
}

impl Settings {
    pub(crate) fn new(ledger: &Ledger) -> Self {
        Self {
            ledger: ledger.clone(),
            request: Limit::unlimited(),
            response: Limit::unlimited(),
            endpoints: EndpointLimits::default(),
            #[cfg(feature = "serde")]
            policy: None,
            view: View::default(),
            span_writes: SpanWrites::All,
            exempt_streams: true,
            drain: 0,
        }
    }

    /// The layer's limits, then its endpoint's, then the policy's, then the request's: for each direction the last that
    /// is set.
    #[inline(always)]
    pub(crate) fn limits(&self, key: &Key<'_>, extensions: &Extensions) -> CallLimits {
        let mut limits = CallLimits {
            request: Held { limit: self.request, by: Setting::Layer },
            response: Held { limit: self.response, by: Setting::Layer },
        };
        if let Some(of_endpoint) = self.endpoints.get(key.method, key.route) {
            limits.apply(&of_endpoint, Setting::Endpoint);
        }
        #[cfg(feature = "serde")]
        if let Some(of_policy) = self.policy.as_ref().and_then(|policy| policy.limits(&{ *key })) {
            limits.apply(&of_policy, Setting::Policy);
        }
        if let Some(of_request) = extensions.get() {
            limits.apply(of_request, Setting::Request);
        }
        limits
    }
}

impl CallLimits {
    #[inline]
    fn apply(&mut self, limits: &BodyLimits, by: Setting) {
        if let Some(limit) = limits.request_limit() {
            self.request = Held { limit, by };
        }
        if let Some(limit) = limits.response_limit() {
            self.response = Held { limit, by };
        }
    }
}

/// Limits of single endpoints, by route and, where it is given, method.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointLimits(HashMap<Box<str>, Vec<(Option<MethodClass>, BodyLimits)>>);

impl EndpointLimits {
    /// Sets the limits of `endpoint`: a route for all methods, or `METHOD route`. The latter is looked at first, for each
    /// direction; so is what was set later for the same one.
    ///
    /// What does not begin with a method that is told apart is a route, spaces and all: a limit never falls on
    /// another endpoint than the one that is written.
    pub(crate) fn set(&mut self, endpoint: &str, limits: BodyLimits) {
        let split = endpoint.split_once(' ').and_then(|(method, route)| Some((MethodClass::named(method)?, route)));
        let (method, route) = match split {
            Some((method, route)) => (Some(method), route.trim_start()),
            None => (None, endpoint),
        };
        let known = self.0.entry(route.into()).or_default();
        match known.iter_mut().find(|(other, _)| *other == method) {
            Some((_, before)) => *before = limits.or(*before),
            None => known.push((method, limits)),
        }
        // Those of one method before those of all, and of GET behind those of HEAD.
        known.sort_by_key(|(method, _)| (method.is_none(), *method == Some(MethodClass::Get)));
    }

    #[inline]
    fn get(&self, method: MethodClass, route: Option<&str>) -> Option<BodyLimits> {
        if self.0.is_empty() { None } else { self.find(method, route) }
    }

    #[inline(never)]
    fn find(&self, method: MethodClass, route: Option<&str>) -> Option<BodyLimits> {
        let known = self.0.get(route?)?.iter();
        let ours = known.filter(|(wanted, _)| wanted.is_none_or(|wanted| method.is_held_like(wanted)));
        ours.map(|(_, limits)| *limits).reduce(BodyLimits::or)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{Role, Upstream};
    use http::Method;

    fn reject(bytes: u64) -> Limit {
        Limit::reject_over(bytes)
    }

    #[test]
    fn the_request_s_limit_wins_over_the_endpoint_s_over_the_layer_s() {
        let mut settings = Settings::new(&Ledger::new());
        (settings.request, settings.response) = (reject(1), reject(2));
        settings.endpoints.set("/up", BodyLimits::new().request(reject(10)));
        let mut extensions = Extensions::new();

        let key = |route| Key::new(Role::Server, &Method::POST, Upstream::default(), Some(route));

        let plain = settings.limits(&key("/other"), &extensions);
        assert_eq!((plain.request.limit, plain.response.limit), (reject(1), reject(2)));
        let known = settings.limits(&key("/up"), &extensions);
        assert_eq!((known.request.limit, known.response.limit), (reject(10), reject(2)));
        assert_eq!((known.request.by, known.response.by), (Setting::Endpoint, Setting::Layer));
        extensions.insert(BodyLimits::new().request(Limit::unlimited()));
        let asked = settings.limits(&key("/up"), &extensions);
        assert_eq!((asked.request.limit, asked.request.by), (Limit::unlimited(), Setting::Request));
    }

    #[test]
    fn an_endpoint_s_limit_may_be_for_one_method() {
        let mut limits = EndpointLimits::default();
        limits.set("/up", BodyLimits::new().request(reject(1)));
        limits.set("POST /up", BodyLimits::new().request(reject(2)));
        limits.set("POST /up", BodyLimits::new().request(reject(3)));
        let get = |limits: &EndpointLimits, method, route| {
            limits.get(method, route).and_then(|limits| limits.request_limit())
        };
        limits.set("put /up", BodyLimits::new().request(reject(4)));
        limits.set("/a b", BodyLimits::new().request(reject(5)));
        assert_eq!(get(&limits, MethodClass::Put, Some("/up")), Some(reject(4)));
        assert_eq!(get(&limits, MethodClass::Put, Some("/a b")), Some(reject(5)));
        assert_eq!(get(&limits, MethodClass::Put, Some("b")), None);
        assert_eq!(get(&limits, MethodClass::Get, Some("/up")), Some(reject(1)));
        assert_eq!(get(&limits, MethodClass::Post, Some("/up")), Some(reject(3)));
        assert_eq!(get(&limits, MethodClass::Post, Some("/")), None);
        assert_eq!(get(&limits, MethodClass::Post, None), None);
    }

    #[test]
    fn what_one_limit_of_an_endpoint_leaves_out_another_says() {
        for endpoint in ["POST /up", "/up"] {
            let mut limits = EndpointLimits::default();
            limits.set("/up", BodyLimits::new().request(reject(1)).response(reject(2)));
            limits.set(endpoint, BodyLimits::new().response(reject(3)));
            let both = BodyLimits::new().request(reject(1)).response(reject(3));
            assert_eq!(limits.get(MethodClass::Post, Some("/up")), Some(both), "{endpoint}");
        }
    }

    #[test]
    fn what_holds_get_holds_head_unless_it_has_its_own() {
        let mut limits = EndpointLimits::default();
        limits.set("GET /", BodyLimits::new().request(reject(1)).response(reject(2)));
        limits.set("/", BodyLimits::new().request(reject(3)));
        assert_eq!(limits.get(MethodClass::Head, Some("/")), limits.get(MethodClass::Get, Some("/")));
        limits.set("HEAD /", BodyLimits::new().request(reject(4)));
        let own = BodyLimits::new().request(reject(4)).response(reject(2));
        assert_eq!(limits.get(MethodClass::Head, Some("/")), Some(own));
        assert_eq!(limits.get(MethodClass::Post, Some("/")), Some(BodyLimits::new().request(reject(3))));
    }
}
