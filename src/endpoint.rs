//! Who is measured: role, direction, and the endpoint that bodies are counted under.

mod key;
mod method;
mod name;
#[cfg(feature = "serde")]
mod name_serde;

use std::fmt;
use std::sync::Arc;

pub use name::{EndpointName, EndpointNameError};

pub(crate) use key::{Key, Upstream};
pub(crate) use method::MethodClass;

/// Which side of a call this process is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// We answer: bodies that pass a [`ServerLayer`](crate::ServerLayer).
    Server,
    /// We call an upstream: bodies that pass a [`ClientLayer`](crate::ClientLayer).
    Client,
}

impl Role {
    /// `server` or `client`, as in the metric names of OpenTelemetry's HTTP conventions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which of the two bodies of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the caller to the one who answers.
    Request,
    /// Back from the one who answers.
    Response,
}

impl Direction {
    /// `request` or `response`, as in the metric names of OpenTelemetry's HTTP conventions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The route template that matched a request, as an extension of the request, for servers without axum.
///
/// A `&'static str` on purpose: a route names code, so there are as many as the program has, never as many as
/// there are paths. Routes known only at run time go through
/// [`ServerLayer::route`](crate::ServerLayer::route).
///
/// ```
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(plimsoll::Route("/users/{id}"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route(pub &'static str);

/// The template behind a client request's URL, as an extension of the request.
///
/// Named after the attribute `url.template`. Without one, calls to an upstream are told apart by their method
/// only. Templates known only at run time go through
/// [`ClientLayer::url_template`](crate::ClientLayer::url_template).
///
/// ```
/// let mut request = http::Request::get("http://inventory/inventory/4711").body(())?;
/// request.extensions_mut().insert(plimsoll::UrlTemplate("/inventory/{sku}"));
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UrlTemplate(pub &'static str);

/// What is measured together: role, upstream (client only), method and route template.
///
/// Never holds a raw path. A clone is a handle. Methods that HTTP does not register read `_OTHER`.
/// Its `Display` is made for people: `POST /checkout`, `GET /inventory/{sku} of inventory`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint(Arc<Parts>);

#[derive(PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Parts {
    overflow: bool,
    role: Role,
    name: Option<Box<str>>,
    port: Option<u16>,
    upstream: Option<Box<str>>,
    route: Option<Box<str>>,
    method: MethodClass,
    /// That of its key, to compare by; of the overflow's, one that no key has.
    tag: u64,
}

impl Endpoint {
    pub(crate) fn new(key: &Key<'_>) -> Self {
        let Key { role, method, upstream, route } = *key;
        let text = match (upstream.name, upstream.port) {
            (Some(name), Some(port)) => Some(format!("{name}:{port}").into()),
            (Some(name), None) => Some(name.into()),
            (None, _) => None,
        };
        Self(Arc::new(Parts {
            overflow: false,
            role,
            name: upstream.name.map(Into::into),
            port: upstream.port,
            upstream: text,
            route: route.map(Into::into),
            method,
            tag: key.tag(),
        }))
    }

    /// Where everything is counted that finds no room of its own.
    pub(crate) fn overflow(role: Role) -> Self {
        Self(Arc::new(Parts {
            overflow: true,
            role,
            name: None,
            port: None,
            upstream: None,
            route: None,
            method: MethodClass::Other,
            tag: u64::MAX,
        }))
    }

    #[inline]
    pub(crate) fn matches(&self, key: &Key<'_>) -> bool {
        let parts = &*self.0;
        parts.tag == key.tag() && parts.name.as_deref() == key.upstream.name && parts.route.as_deref() == key.route
    }

    /// What tells it from every other one that is alive: a multiple of four.
    pub(crate) fn place(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Which side of the call we are on.
    #[must_use]
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// The upstream's name as set on the layer, or else `host` or `host:port` of the request's URL; client only.
    #[must_use]
    pub fn upstream(&self) -> Option<&str> {
        self.0.upstream.as_deref()
    }

    /// The upstream without its port: the attribute `server.address`.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The port in the upstream's text, where it is host and port.
    #[cfg(feature = "serde")]
    pub(crate) fn upstream_port(&self) -> Option<u16> {
        self.0.port
    }

    /// The method, `_OTHER` for one that is not registered (as OpenTelemetry's conventions require).
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.0.method.as_str()
    }

    /// The route template (server) or URL template (client); absent where none is known.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.0.route.as_deref()
    }

    /// Whether this stands for all endpoints that found no room in the ledger.
    #[must_use]
    #[inline]
    pub fn is_overflow(&self) -> bool {
        self.0.overflow
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_overflow() {
            return write!(f, "all other {} endpoints", self.role());
        }
        f.write_str(self.method())?;
        match self.route() {
            Some(route) => write!(f, " {route}")?,
            None => f.write_str(match self.role() {
                Role::Server => " (no route)",
                Role::Client => " (no template)",
            })?,
        }
        match self.upstream() {
            Some(upstream) => write!(f, " of {upstream}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}: {self})", self.role())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::HashState;

    fn key<'a>(role: Role, name: Option<&'a str>, port: Option<u16>, route: Option<&'a str>) -> Key<'a> {
        Key { role, method: MethodClass::Get, upstream: Upstream { name, port }, route }
    }

    #[test]
    fn an_endpoint_reads_like_a_sentence() {
        let call = key(Role::Client, Some("inventory"), None, Some("/inventory/{sku}"));
        assert_eq!(Endpoint::new(&call).to_string(), "GET /inventory/{sku} of inventory");
        let call = key(Role::Client, Some("10.0.0.1"), Some(8080), None);
        assert_eq!(Endpoint::new(&call).to_string(), "GET (no template) of 10.0.0.1:8080");
        let answer = key(Role::Server, None, None, Some("/checkout"));
        assert_eq!(Endpoint::new(&answer).to_string(), "GET /checkout");
        assert_eq!(Endpoint::overflow(Role::Client).to_string(), "all other client endpoints");
    }

    #[test]
    fn every_part_of_a_key_tells_endpoints_apart() {
        let base = key(Role::Client, Some("a"), Some(1), Some("/x"));
        let others = [
            key(Role::Server, Some("a"), Some(1), Some("/x")),
            key(Role::Client, Some("b"), Some(1), Some("/x")),
            key(Role::Client, None, Some(1), Some("/x")),
            key(Role::Client, Some("a"), Some(2), Some("/x")),
            key(Role::Client, Some("a"), None, Some("/x")),
            key(Role::Client, Some("a"), Some(1), Some("/y")),
            key(Role::Client, Some("a"), Some(1), None),
            Key { method: MethodClass::Put, ..base },
        ];
        let zero = key(Role::Client, Some("a"), Some(0), Some("/x"));
        assert!(!Endpoint::new(&zero).matches(&key(Role::Client, Some("a"), None, Some("/x"))), "port 0 is one");
        let state = HashState::default();
        assert!(Endpoint::new(&base).matches(&base));
        for other in others {
            assert!(!Endpoint::new(&base).matches(&other), "{other:?}");
            assert_ne!(base.hash_with(&state), other.hash_with(&state), "{other:?}");
        }
    }
}
