//! The layer and its settings.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderMap, Method};
use tower_layer::Layer;

use super::service::ClientService;
use crate::body::Held;
use crate::call::Call;
use crate::endpoint::{Key, Role, Upstream, UrlTemplate};
use crate::ledger::{Attributes, Ledger, View};
use crate::limit::{BodyLimits, Limit};
use crate::settings::Settings;
use crate::trace::SpanWrites;

/// Meters the bodies of calls to an upstream, and refuses those over their limits.
///
/// Around any tower service that sends HTTP requests: hyper-util's client, tonic's channel; with feature `reqwest`
/// also around `reqwest::Client`, and with `reqwest-middleware` as one of its middlewares.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Full;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use plimsoll::{ClientLayer, KIB, Ledger, Limit, MeteredBody};
/// use tower::Layer;
///
/// let ledger = Ledger::new();
/// let http = Client::builder(TokioExecutor::new()).build_http::<MeteredBody<Full<Bytes>>>();
/// let inventory = ClientLayer::new(&ledger)
///     .upstream("inventory")
///     .response_limit(Limit::reject_over(64 * KIB).and_warn_over(48 * KIB))
///     .layer(http);
/// # let _ = inventory;
/// ```
///
/// | | refused | warned about |
/// |---|---|---|
/// | response, by its declared length | the call fails before a byte of it is read | passes, counted |
/// | response, while it is read | its body fails, again on every poll; dropped at once | passes, counted |
/// | request, by its declared length | the call fails; nothing is sent | passes, counted |
/// | request, while it is sent | the call fails, or the body of an answer that has begun; the upstream never sees a whole request | passes, counted |
///
/// The error is [`Error`](crate::Error); [`LimitExceeded::find`](crate::LimitExceeded::find) finds the refusal in
/// it and in whatever wraps it. A refused HTTP/1 response costs its connection unless it is drained; on HTTP/2
/// only its stream. The limit bounds what the application holds, not what the upstream has already sent.
///
/// A call that is refused before it is sent keeps what `poll_ready` reserved in the service inside, as any layer's does
/// that answers by itself: a place of a concurrency limit or a buffer, tonic's channel among them, until this handle calls
/// again or is dropped.
///
/// For the counterpart on the answering side see [`ServerLayer`](crate::ServerLayer).
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientLayer {
    config: Arc<Config>,
}

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    upstream: Option<(Arc<str>, Option<u16>)>,
    template: TemplateOf,
}

impl ClientLayer {
    /// A layer that measures into this ledger and limits nothing yet.
    pub fn new(ledger: &Ledger) -> Self {
        let mut settings = Settings::new(ledger);
        settings.span_writes = SpanWrites::Refusals;
        let config = Config { settings, upstream: None, template: TemplateOf::default() };
        Self { config: Arc::new(config) }
    }

    /// Names the upstream that is called through this layer.
    ///
    /// Without a name, it is the host of each request's URL, in lower case, and its port where that is not the scheme's
    /// default: right for a client that calls one host, and still bounded, though of little use, for one that calls any.
    ///
    /// The name is also the attribute `server.address`, in place of the URL's host: who calls one service at many
    /// addresses wants one series of it. `server.port` is that of the name, if it ends in one (`inventory:8080`),
    /// else that of each URL or its scheme.
    pub fn upstream(self, name: impl AsRef<str>) -> Self {
        // `host:port` is the same upstream whether it is given here or found in a URL.
        let (name, port) = host_and_port(name.as_ref());
        self.set(|config| config.upstream = Some((name.into(), port)))
    }

    /// Sets the limit of every response's body.
    ///
    /// Endless responses (`text/event-stream`, `multipart/x-mixed-replace`, of no declared length) are not held
    /// against it, only against limits set for their endpoint or their request. An upstream that you do not trust
    /// could use that to pass: see [`exempt_streams`](Self::exempt_streams).
    pub fn response_limit(self, limit: Limit) -> Self {
        self.set(|config| config.settings.response = limit)
    }

    /// Sets the limit of every request's body.
    pub fn request_limit(self, limit: Limit) -> Self {
        self.set(|config| config.settings.request = limit)
    }

    /// Sets limits for one endpoint, in place of the layer's: `"/inventory/{sku}"`, or for one method
    /// `"GET /inventory/{sku}"`.
    ///
    /// What is compared is the URL template, as it appears in the ledger. For each direction, one method's limit wins over
    /// all methods', and a later one over an earlier; GET's holds for HEAD too. A request's own [`BodyLimits`], in its
    /// extensions, win over these.
    pub fn limits_for(self, endpoint: &str, limits: BodyLimits) -> Self {
        self.set(|config| config.settings.endpoints.set(endpoint, limits))
    }

    /// Sets how to find the template behind a request's method and path, for requests without a [`UrlTemplate`]
    /// extension.
    ///
    /// It must give a template, never a path: the ledger is bounded, and paths would crowd out what matters.
    ///
    /// ```
    /// use plimsoll::{ClientLayer, Ledger};
    ///
    /// let layer = ClientLayer::new(&Ledger::new()).url_template(|_method, path| {
    ///     path.starts_with("/inventory/").then_some("/inventory/{sku}".into())
    /// });
    /// ```
    pub fn url_template<F>(self, template: F) -> Self
    where
        F: Fn(&Method, &str) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    {
        self.set(|config| config.template = TemplateOf(Some(Arc::new(template))))
    }

    /// Says which bytes this layer sees; those of the wire by default, and always decoded ones around reqwest.
    pub fn view(self, view: View) -> Self {
        self.set(|config| config.settings.view = view)
    }

    /// Sets up to how many bytes of a refused response are read and thrown away before the call fails; 0 by
    /// default.
    ///
    /// An HTTP/1 connection can be used again only once its response has been read. Only responses whose declared
    /// length is within this are drained. It takes as long as the upstream takes to send it: bound that by a
    /// timeout layer. Never done on HTTP/2, which needs none of it.
    pub fn drain_refused_up_to(self, bytes: u64) -> Self {
        self.set(|config| config.settings.drain = bytes)
    }

    /// Sets whether endless responses are exempt from the layer's own limit; they are by default.
    pub fn exempt_streams(self, exempt: bool) -> Self {
        self.set(|config| config.settings.exempt_streams = exempt)
    }

    /// Sets whether sizes and refusals are written on the active OpenTelemetry span, which must be the call's own.
    ///
    /// Not set, only refusals are: often no layer makes a span for a call, and the active one is that of the
    /// request being answered, whose sizes are others. A refusal then marks that span with `plimsoll.limit` and
    /// `plimsoll.response.body.refused_size` (or `plimsoll.request.body.refused_size`), so that tail sampling can keep
    /// its trace. Set it to `true` where every call has a span of its own, made by a layer further out: then
    /// `http.request.body.size`, `http.response.body.size` and `error.type` are written too, and the span is kept until
    /// the bodies have ended. `false` writes nothing. Without feature `opentelemetry` there is no such span.
    pub fn span_attributes(self, write: bool) -> Self {
        self.set(|config| config.settings.span_writes = config.settings.span_writes.with_attributes(write))
    }

    /// Sets whether the `tracing` span in which a call begins is kept until its bodies have ended; it is not by
    /// default. To keep it implies [`span_attributes`](Self::span_attributes); not to keep it says nothing of them.
    ///
    /// A span that only the call's future holds (`#[instrument]`, `.instrument(span)`) ends with that future, and the size
    /// of a response that is read afterwards would come too late for it. Kept, it has both sizes, and lasts
    /// until the last byte has come: its duration is then that of the whole call.
    pub fn keep_span(self, keep: bool) -> Self {
        self.set(|config| config.settings.span_writes = config.settings.span_writes.with_span_kept(keep))
    }

    #[cfg_attr(not(feature = "reqwest-middleware"), allow(dead_code))]
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn set(mut self, set: impl FnOnce(&mut Config)) -> Self {
        set(Arc::make_mut(&mut self.config));
        self
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService::new(inner, Arc::clone(&self.config))
    }
}

/// The head of a request as all clients have it, whatever type their requests are of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) host: Option<&'a str>,
    pub(crate) port: Option<u16>,
    /// That port, else the one that the URL's scheme stands for.
    pub(crate) known_port: Option<u16>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
}

impl Config {
    pub(crate) fn begin(&self, head: &Head<'_>, view: View) -> (Call, Held) {
        let Head { method, path, host, port, known_port, headers, extensions } = *head;
        let host = host.map(lower_case);
        let (upstream, known_port) = match &self.upstream {
            Some((name, port)) => (Upstream::new(Some(name), *port), port.or(known_port)),
            None => (Upstream::new(host.as_deref(), port), known_port),
        };
        let template = match (extensions.get(), &self.template) {
            (Some(UrlTemplate(template)), _) => Some(Cow::Borrowed(*template)),
            (None, TemplateOf(Some(template))) => template(method, path),
            (None, TemplateOf(None)) => None,
        };
        let key = Key::new(Role::Client, method, upstream, template.as_deref());
        Call::begin(&self.settings, &key, headers, extensions, Attributes::of(view).with_port(known_port))
    }
}

/// A host in lower case, as its case does not matter (RFC 9110, section 4.2.3).
#[inline]
fn lower_case(host: &str) -> Cow<'_, str> {
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => host.to_ascii_lowercase().into(),
        false => host.into(),
    }
}

/// Splits the port off a name that ends in one.
pub(crate) fn host_and_port(name: &str) -> (&str, Option<u16>) {
    let split = name.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match split.map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) if !host.is_empty() => (host, Some(port)),
        _ => (name, None),
    }
}

/// How the URL template of a request without one is found.
#[derive(Clone, Default)]
struct TemplateOf(Option<Arc<TemplateFn>>);

type TemplateFn = dyn Fn(&Method, &str) -> Option<Cow<'static, str>> + Send + Sync;

impl fmt::Debug for TemplateOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "TemplateOf(a closure)" } else { "TemplateOf(extensions)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_split_off_a_name_and_nothing_else() {
        assert_eq!(host_and_port("inventory"), ("inventory", None));
        assert_eq!(host_and_port("inventory:8080"), ("inventory", Some(8080)));
        assert_eq!(host_and_port("[::1]:80"), ("[::1]", Some(80)));
        for name in ["[::1]", "::1", "inventory:", ":80", "inventory:http", "inventory:70000", ""] {
            assert_eq!(host_and_port(name), (name, None));
        }
    }
}
