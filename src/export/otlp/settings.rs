//! What is set for an exporter, in code or from the environment.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// Settings of an [`OtlpExporter`](crate::OtlpExporter).
///
/// ```
/// use plimsoll::{OtlpSettings, Temporality};
/// use std::time::Duration;
///
/// let settings = OtlpSettings::http("http://collector:4318/v1/metrics".parse()?)
///     .attribute("service.name", "checkout")
///     .temporality(Temporality::Delta)
///     .interval(Duration::from_secs(15));
/// # Ok::<_, http::uri::InvalidUri>(())
/// ```
///
/// [`from_env`](Self::from_env) reads them from the usual variables of OpenTelemetry SDKs instead.
#[derive(Clone, Debug)]
#[must_use]
pub struct OtlpSettings {
    pub(super) protocol: OtlpProtocol,
    pub(super) endpoint: Endpoint,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
    pub(super) compression: Compression,
    pub(super) temporality: Temporality,
    pub(super) histograms: Histograms,
    pub(super) resource: Vec<(String, String)>,
}

/// Where exports go to. Shown without what may be a secret: the user and password before the host, and the query.
#[derive(Clone)]
pub(super) struct Endpoint(pub(super) Uri);

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(uri) = self;
        let authority = uri.authority().map_or("", Authority::as_str);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        write!(f, "{}://{host}{}", uri.scheme_str().unwrap_or("http"), uri.path())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How an export is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// A `POST` of Protocol Buffers: `http/protobuf`. To the collector's port 4318, as a rule.
    HttpProtobuf,
    /// A gRPC call, for which the service has to speak HTTP/2. To port 4317, as a rule.
    Grpc,
}

/// Whether an export is made smaller before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Sent as it is.
    #[default]
    None,
    /// With gzip: about a tenth of the size, for some CPU time.
    Gzip,
}

/// From when on the counts of an export run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// From when each series was made: an export that is lost loses nothing. What Prometheus wants.
    #[default]
    Cumulative,
    /// From the last export that arrived: one that fails is contained in the next.
    ///
    /// An export whose answer is lost is sent again, and may count twice.
    Delta,
}

/// Which buckets are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Histograms {
    /// All of the ledger's, as exponential histograms of scale 4: nothing is lost, quantiles are within 2.2 %.
    ///
    /// Sizes above 1 TiB are in the last one, whatever they are.
    #[default]
    Exponential,
    /// One for each power of two from 256 B to 16 MiB, for backends that know no others: the buckets of
    /// [`OpenMetrics`](crate::OpenMetrics).
    Explicit,
}

impl OtlpSettings {
    /// Over HTTP to this URL, all of it: `http://localhost:4318/v1/metrics`.
    pub fn http(url: Uri) -> Self {
        Self::new(OtlpProtocol::HttpProtobuf, url)
    }

    /// Over gRPC to this endpoint: `http://localhost:4317`.
    pub fn grpc(endpoint: Uri) -> Self {
        Self::new(OtlpProtocol::Grpc, endpoint)
    }

    pub(super) fn new(protocol: OtlpProtocol, endpoint: Uri) -> Self {
        Self {
            protocol,
            endpoint: Endpoint(endpoint),
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(10),
            interval: Duration::from_secs(60),
            compression: Compression::default(),
            temporality: Temporality::default(),
            histograms: Histograms::default(),
            resource: vec![
                ("service.name".into(), "unknown_service".into()),
                ("service.instance.id".into(), random_uuid()),
                ("telemetry.sdk.language".into(), "rust".into()),
                ("telemetry.sdk.name".into(), env!("CARGO_PKG_NAME").into()),
                ("telemetry.sdk.version".into(), env!("CARGO_PKG_VERSION").into()),
            ],
        }
    }

    /// Adds a header to each export, in place of one of the same name; its value is never shown in `Debug`.
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Sets how long one export may take, with all its attempts; 10 s by default. However long it is, nothing is tried
    /// again when an [`interval`](Self::interval) has passed, 10 s at least.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how long to wait between two exports; 60 s by default. Less than a millisecond counts as one.
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Sets whether exports are compressed; they are not by default.
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Sets from when on counts run; cumulative by default.
    pub fn temporality(self, temporality: Temporality) -> Self {
        Self { temporality, ..self }
    }

    /// Sets which buckets are sent; exponential ones by default.
    pub fn histograms(self, histograms: Histograms) -> Self {
        Self { histograms, ..self }
    }

    /// Sets an attribute of the resource, in place of one of the same name: `service.name` at least.
    ///
    /// `service.instance.id` is a random UUID unless it is set, so that the counts of two processes of a service, or of
    /// one before and after it was started again, are never taken for those of one.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.resource.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.resource.push((name, value)),
        }
        self
    }

    /// Where exports go to.
    #[must_use]
    pub fn endpoint(&self) -> &Uri {
        &self.endpoint.0
    }

    /// How they are sent.
    #[must_use]
    pub fn protocol(&self) -> OtlpProtocol {
        self.protocol
    }

    pub(super) fn resource(&self) -> impl Iterator<Item = (&str, &str)> {
        self.resource.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// A UUID of version 4 (RFC 9562, section 5.4).
fn random_uuid() -> String {
    // Seeded by the system for each process; for an id that nobody has to guess at, that is random enough.
    let [high, low] = [0u8, 1].map(|half| u128::from(RandomState::new().hash_one(half)));
    let id = (high << 64 | low) & !(0xf << 76) & !(3 << 62) | 4 << 76 | 2 << 62;
    let digits = format!("{id:032x}");
    let mut rest = &*digits;
    let parts = [8, 4, 4, 4, 12].map(|length| {
        let (part, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        part
    });
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_in_an_endpoint_is_not_shown() {
        let settings = OtlpSettings::http("https://me:hidden@collector:4318/v1/metrics?key=hidden".parse().unwrap());
        assert_eq!(settings.endpoint.to_string(), "https://collector:4318/v1/metrics");
        assert!(!format!("{settings:?}").contains("hidden"));
        assert_eq!(settings.endpoint().query(), Some("key=hidden"), "it is used all the same");
    }

    #[test]
    fn an_instance_s_id_is_a_uuid_and_its_own() {
        let (one, other) = (random_uuid(), random_uuid());
        assert_ne!(one, other);
        let lengths: Vec<_> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{one}");
        assert!(one.as_bytes()[14] == b'4' && b"89ab".contains(&one.as_bytes()[19]), "{one}");
        assert!(one.chars().all(|c| c == '-' || c.is_ascii_hexdigit()));
    }
}
