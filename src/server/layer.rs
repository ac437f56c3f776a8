//! The layer and its settings.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::uri::Scheme;
use http::{Extensions, Response, Uri, Version};
use tower_layer::Layer;

use super::refusal::{Refusal, Refuser};
use super::service::ServerService;
use crate::body::Held;
use crate::call::Call;
use crate::endpoint::{Key, Role, Route, Upstream};
use crate::ledger::{Attributes, Ledger, UrlScheme, View};
use crate::limit::{BodyLimits, Limit};
use crate::settings::Settings;

/// Meters the bodies of a service that answers HTTP requests, and refuses those over their limits.
///
/// Where it stands decides what it counts: outside a (de)compression layer the bytes of the wire, inside it the
/// decoded ones ([`ServerLayer::view`]). Put it *inside* the layer that starts the span of a request, or it knows
/// another trace or none. On an axum `Router`, which applies the last layer first, that reads:
///
/// ```
/// use axum::{Router, routing::post};
/// use plimsoll::{KIB, Ledger, Limit, MIB, ServerLayer};
/// use tower_http::trace::TraceLayer;
///
/// let ledger = Ledger::new();
/// let app: Router = Router::new()
///     .route("/checkout", post(async |body: String| body))
///     .layer(
///         ServerLayer::new(&ledger)
///             .request_limit(Limit::reject_over(2 * MIB))
///             .response_limit(Limit::warn_over(256 * KIB)),
///     )
///     .layer(TraceLayer::new_for_http());
/// ```
///
/// On axum, a route is known to a layer on the `Router`, on a route or inside a nested one, and not around the whole
/// of it, outside `nest_service`, or on a 404: there limits of single endpoints do not apply, and the ledger has no
/// route. Around the whole, `axum::serve` also wants its own body type back:
/// `ServiceBuilder::new().map_response(|r: http::Response<_>| r.map(axum::body::Body::new)).layer(ours).service(app)`.
///
/// | | refused | warned about |
/// |---|---|---|
/// | request, by its declared length | 413 at once; the handler is not called | passes, counted |
/// | request, while it is read | its body fails; an answer of 4xx or 5xx, or the service's error, becomes 413 | passes, counted |
/// | response, by its declared length | a 500 takes its place | passes, counted |
/// | response, while it is written | the stream is aborted, never ended | passes, counted |
///
/// For the counterpart on the calling side see [`ClientLayer`](crate::ClientLayer).
#[derive(Clone, Debug)]
#[must_use]
pub struct ServerLayer {
    config: Arc<Config>,
}

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(super) refuser: Refuser,
    route: RouteOf,
    scheme: Option<UrlScheme>,
}

impl ServerLayer {
    /// A layer that measures into this ledger and limits nothing yet.
    pub fn new(ledger: &Ledger) -> Self {
        let config = Config {
            settings: Settings::new(ledger),
            refuser: Refuser::default(),
            route: RouteOf::default(),
            scheme: None,
        };
        Self { config: Arc::new(config) }
    }

    /// Sets the limit of every request's body.
    ///
    /// With feature `axum`, a rejecting limit above axum's own default of 2 MiB also raises that default for the
    /// request, since otherwise axum would answer first: it then holds what extractors read, decompressed where that is
    /// done inside, against the same line. It turns the default off where the ledger's switch says
    /// [`WarnOnly`](crate::Enforcement::WarnOnly), and where an endpoint's or a request's limit is
    /// [`unlimited`](Limit::unlimited). One that only warns leaves it. An explicit `DefaultBodyLimit` belongs inside this
    /// layer: one outside cannot be told from the default.
    pub fn request_limit(self, limit: Limit) -> Self {
        self.set(|config| config.settings.request = limit)
    }

    /// Sets the limit of every response's body.
    ///
    /// Endless responses (`text/event-stream`, `multipart/x-mixed-replace`, of no declared length) are not held
    /// against it, only against limits set for their endpoint or their request;
    /// see [`exempt_streams`](Self::exempt_streams).
    pub fn response_limit(self, limit: Limit) -> Self {
        self.set(|config| config.settings.response = limit)
    }

    /// Sets limits for one endpoint, in place of the layer's: `"/upload"`, or for one method `"POST /upload"`.
    ///
    /// What is compared is the route template, as it appears in the ledger. For each direction, one method's limit wins over
    /// all methods', and a later one over an earlier; GET's holds for HEAD too, which has the same handler as a rule. A
    /// request's own [`BodyLimits`], in its extensions, win over these.
    pub fn limits_for(self, endpoint: &str, limits: BodyLimits) -> Self {
        self.set(|config| config.settings.endpoints.set(endpoint, limits))
    }

    /// Sets how to find the route template of a request, in place of the [`Route`] extension and axum's
    /// `MatchedPath`.
    ///
    /// It must give a template, never a path: the ledger is bounded, and paths would crowd out what matters.
    ///
    /// ```
    /// use plimsoll::{Ledger, ServerLayer};
    ///
    /// #[derive(Clone)]
    /// struct Matched(String);
    ///
    /// let layer = ServerLayer::new(&Ledger::new())
    ///     .route(|_uri, extensions| extensions.get::<Matched>().map(|matched| matched.0.as_str().into()));
    /// ```
    pub fn route<F>(self, route: F) -> Self
    where
        F: for<'a> Fn(&'a Uri, &'a Extensions) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    {
        self.set(|config| config.route = RouteOf(Some(Arc::new(route))))
    }

    /// Says with which scheme this server is called: the attribute `url.scheme`.
    ///
    /// Not set, it is the one of each request's URI, else `http`. Over HTTP/1 a URI has none as a rule, and behind a
    /// proxy that ends TLS it is that of the way from there: set it where callers use `https`. It then holds for all
    /// requests, whatever their URIs say.
    pub fn url_scheme(self, scheme: UrlScheme) -> Self {
        self.set(|config| config.scheme = Some(scheme))
    }

    /// Says which bytes this layer sees; those of the wire by default.
    pub fn view(self, view: View) -> Self {
        self.set(|config| config.settings.view = view)
    }

    /// Sets the answer to a refused body, in place of [`Refusal::response`].
    ///
    /// ```
    /// use plimsoll::{Ledger, ServerLayer};
    ///
    /// let layer = ServerLayer::new(&Ledger::new()).on_refusal(|refusal| {
    ///     let mut response = refusal.response();
    ///     response.headers_mut().insert("x-limit", refusal.exceeded().limit().into());
    ///     response
    /// });
    /// ```
    pub fn on_refusal<F>(self, answer: F) -> Self
    where
        F: Fn(&Refusal<'_>) -> Response<Bytes> + Send + Sync + 'static,
    {
        self.set(|config| config.refuser = Refuser::new(answer))
    }

    /// Sets up to how many bytes of a refused HTTP/1 request are read and thrown away before it is answered; 0 by
    /// default.
    ///
    /// A client that is still writing when the connection closes may see a broken pipe in place of the 413. Only
    /// requests whose declared length is within this are drained; they keep their connection. It takes as long as
    /// the client takes to send it: bound that by a timeout layer. Never done where the client waits for
    /// `100 Continue`, nor on HTTP/2, which needs none of it.
    pub fn drain_refused_up_to(self, bytes: u64) -> Self {
        self.set(|config| config.settings.drain = bytes)
    }

    /// Sets whether endless responses are exempt from the layer's own limit; they are by default.
    pub fn exempt_streams(self, exempt: bool) -> Self {
        self.set(|config| config.settings.exempt_streams = exempt)
    }

    /// Sets whether sizes and refusals are written on the active OpenTelemetry span; they are by default.
    ///
    /// `http.request.body.size` and `http.response.body.size` when a body has ended; on a refusal `error.type`,
    /// `plimsoll.limit` and the refused size. To write them, the span is kept until the bodies have ended, so one
    /// that ends when it is dropped lasts as long. A span of `tracing` ends when `tracing`'s own holders let it go
    /// (tower-http's `TraceLayer` holds it until the response's body has ended); what comes later is lost, unless
    /// [`keep_span`](Self::keep_span) says otherwise.
    /// Without feature `opentelemetry` there is no such span.
    pub fn span_attributes(self, write: bool) -> Self {
        self.set(|config| config.settings.span_writes = config.settings.span_writes.with_attributes(write))
    }

    /// Sets whether the `tracing` span in which a request begins is kept until its bodies have ended; it is not by
    /// default. To keep it implies [`span_attributes`](Self::span_attributes); not to keep it says nothing of them.
    ///
    /// A span that only the handler's future holds (`#[instrument]`, `.instrument(span)`) ends with that future, and the
    /// size of a response that is streamed afterwards would come too late for it. Kept, it has both sizes, and lasts
    /// until the last byte has left: its duration is then that of the whole request.
    pub fn keep_span(self, keep: bool) -> Self {
        self.set(|config| config.settings.span_writes = config.settings.span_writes.with_span_kept(keep))
    }

    pub(crate) fn set(mut self, set: impl FnOnce(&mut Config)) -> Self {
        set(Arc::make_mut(&mut self.config));
        self
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> ServerService<S> {
        ServerService::new(inner, Arc::clone(&self.config))
    }
}

/// How the route template of a request is found.
#[derive(Clone, Default)]
pub(super) struct RouteOf(Option<Arc<RouteFn>>);

type RouteFn = dyn for<'a> Fn(&'a Uri, &'a Extensions) -> Option<Cow<'a, str>> + Send + Sync;

impl Config {
    /// The call that begins with a request of this head, and the limit of its request's body.
    #[inline(always)]
    pub(super) fn begin(&self, head: &Parts) -> (Call, Held) {
        let Parts { method, uri, version, headers, extensions, .. } = head;
        let named;
        let route = match (&self.route.0, extensions.get()) {
            (Some(route), _) => {
                named = route(uri, extensions);
                named.as_deref()
            }
            (None, Some(Route(route))) => Some(*route),
            (None, None) => crate::axum::matched_path(extensions),
        };
        let key = Key::new(Role::Server, method, Upstream::default(), route);
        let common = self.common(uri, *version);
        Call::begin(&self.settings, &key, headers, extensions, common)
    }

    /// What the request's head tells of all bodies of the call.
    #[inline(always)]
    fn common(&self, uri: &Uri, version: Version) -> Attributes {
        let scheme = self.scheme.unwrap_or_else(|| match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => UrlScheme::Https,
            _ => UrlScheme::Http,
        });
        Attributes::of(self.settings.view).with_scheme(scheme).with_version(version)
    }
}

impl fmt::Debug for RouteOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "RouteOf(a closure)" } else { "RouteOf(extensions)" })
    }
}
