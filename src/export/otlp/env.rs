//! The environment variables that OpenTelemetry's exporters have in common.

use std::cell::Cell;
use std::ffi::OsString;
use std::fmt;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};

use super::encoded::percent_decoded;
use super::settings::{Compression, Histograms, OtlpProtocol, OtlpSettings, Temporality};

/// A variable holds what cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSettingsError {
    variable: String,
    expected: &'static str,
}

impl fmt::Display for OtlpSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, expected } = self;
        write!(f, "the environment variable {variable} must hold {expected}")
    }
}

impl std::error::Error for OtlpSettingsError {}

impl OtlpSettings {
    /// Reads the environment, as the OTLP exporter specification has it.
    ///
    /// | variable | what it sets |
    /// |---|---|
    /// | `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` | [`endpoint`](Self::endpoint), as it is |
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT` | the same; over HTTP, `/v1/metrics` is put behind it |
    /// | `OTEL_EXPORTER_OTLP_{METRICS_,}PROTOCOL` | `http/protobuf` (the default) or `grpc` |
    /// | `OTEL_EXPORTER_OTLP_{METRICS_,}HEADERS` | [`header`](Self::header)s, `name=value,name=value`, percent-encoded |
    /// | `OTEL_EXPORTER_OTLP_{METRICS_,}TIMEOUT` | [`timeout`](Self::timeout), in milliseconds; 0 is no limit: a silent collector is waited for |
    /// | `OTEL_EXPORTER_OTLP_{METRICS_,}COMPRESSION` | [`compression`](Self::compression): `gzip` or `none` |
    /// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | [`temporality`](Self::temporality): `cumulative`, `delta`; `lowmemory` counts as `delta` |
    /// | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | [`histograms`](Self::histograms): `base2_exponential_bucket_histogram` (our default) or `explicit_bucket_histogram` |
    /// | `OTEL_METRIC_EXPORT_INTERVAL` | [`interval`](Self::interval), in milliseconds |
    /// | `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME` | [`attribute`](Self::attribute)s |
    ///
    /// An empty variable is one that is not set. Certificates, keys and whether there is TLS at all are the client's
    /// matter: `OTEL_EXPORTER_OTLP_{CERTIFICATE,CLIENT_KEY,CLIENT_CERTIFICATE,INSECURE}` are not read, and a URL of
    /// `https://` needs a client that speaks it. Nor is `http/json` written.
    ///
    /// # Errors
    ///
    /// Where a variable holds something else, rather than going on with a default that nobody asked for: it names the
    /// variable and what it may hold, and not what it holds, which may be a secret.
    pub fn from_env() -> Result<Self, OtlpSettingsError> {
        Self::from_os_vars(|name| std::env::var_os(name))
    }

    fn from_os_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, OtlpSettingsError> {
        let unreadable = Cell::new(None);
        let settings = Self::from_vars(|name| {
            var(name)?.into_string().inspect_err(|_| unreadable.set(Some(name.to_owned()))).ok()
        });
        match unreadable.take() {
            Some(variable) => Err(OtlpSettingsError { variable, expected: "text in UTF-8" }),
            None => settings,
        }
    }

    /// The same, from wherever the variables are.
    ///
    /// ```
    /// use plimsoll::{OtlpProtocol, OtlpSettings};
    ///
    /// let settings = OtlpSettings::from_vars(|name| match name {
    ///     "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://collector:4318".into()),
    ///     _ => None,
    /// })?;
    /// assert_eq!(settings.protocol(), OtlpProtocol::HttpProtobuf);
    /// assert_eq!(settings.endpoint(), "http://collector:4318/v1/metrics");
    /// # Ok::<_, plimsoll::OtlpSettingsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As those of [`from_env`](Self::from_env).
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, OtlpSettingsError> {
        let var = |name: &str| var(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        // The variable for metrics wins over the one for all signals.
        let either = |name: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_METRICS_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")];
            names.into_iter().find_map(|name| var(&name).map(|value| (name, value)))
        };
        let one = |name: &str| var(name).map(|value| (name.to_owned(), value));

        let protocol = read(either("PROTOCOL"), "http/protobuf or grpc", |value| match &*value.to_ascii_lowercase() {
            "http/protobuf" => Some(OtlpProtocol::HttpProtobuf),
            "grpc" => Some(OtlpProtocol::Grpc),
            _ => None,
        })?;
        let protocol = protocol.unwrap_or(OtlpProtocol::HttpProtobuf);
        let endpoint = read(either("ENDPOINT"), "an absolute URL, with its scheme", absolute)?;
        let complete = protocol == OtlpProtocol::Grpc || var("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT").is_some();
        let endpoint = match (endpoint, complete) {
            (Some(endpoint), true) => endpoint,
            (Some(base), false) => of_metrics(base),
            (None, _) if protocol == OtlpProtocol::Grpc => Uri::from_static("http://localhost:4317"),
            (None, _) => Uri::from_static("http://localhost:4318/v1/metrics"),
        };
        let mut settings = Self::new(protocol, endpoint);

        let headers = "a list of name=value, percent-encoded";
        for (name, value) in read(either("HEADERS"), headers, pairs)?.into_iter().flatten() {
            let named = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(&value).ok());
            let Some((name, value)) = named else { return Err(refuse(either("HEADERS"), headers)) };
            settings = settings.header(name, value);
        }
        if let Some(timeout) = read(either("TIMEOUT"), "a number of milliseconds, or 0 for no limit", millis)? {
            settings.timeout = if timeout.is_zero() { Duration::MAX } else { timeout };
        }
        let pause = |value: &str| millis(value).filter(|pause| !pause.is_zero());
        if let Some(interval) = read(one("OTEL_METRIC_EXPORT_INTERVAL"), "a number of milliseconds, 1 or more", pause)?
        {
            settings.interval = interval;
        }
        let compression = read(either("COMPRESSION"), "gzip or none", |value| match &*value.to_ascii_lowercase() {
            "gzip" => Some(Compression::Gzip),
            "none" => Some(Compression::None),
            _ => None,
        })?;
        settings.compression = compression.unwrap_or_default();
        let temporality = one("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
        let temporality =
            read(temporality, "cumulative, delta or lowmemory", |value| match &*value.to_ascii_lowercase() {
                "cumulative" => Some(Temporality::Cumulative),
                "delta" | "lowmemory" => Some(Temporality::Delta),
                _ => None,
            })?;
        settings.temporality = temporality.unwrap_or_default();
        let histograms = one("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION");
        let expected = "explicit_bucket_histogram or base2_exponential_bucket_histogram";
        let histograms = read(histograms, expected, |value| match &*value.to_ascii_lowercase() {
            "explicit_bucket_histogram" => Some(Histograms::Explicit),
            "base2_exponential_bucket_histogram" => Some(Histograms::Exponential),
            _ => None,
        })?;
        settings.histograms = histograms.unwrap_or_default();
        let attributes = read(one("OTEL_RESOURCE_ATTRIBUTES"), "a list of name=value, percent-encoded", pairs)?;
        let service = var("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name));
        // A service without a name stays the unknown one.
        let named = |(name, value): &(String, String)| name != "service.name" || !value.is_empty();
        for (name, value) in attributes.into_iter().flatten().chain(service).filter(named) {
            settings = settings.attribute(name, value);
        }
        Ok(settings)
    }
}

type Variable = Option<(String, String)>;

fn read<T>(
    variable: Variable,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, OtlpSettingsError> {
    let Some((_, value)) = &variable else { return Ok(None) };
    match parse(value) {
        Some(value) => Ok(Some(value)),
        None => Err(refuse(variable, expected)),
    }
}

fn refuse(variable: Variable, expected: &'static str) -> OtlpSettingsError {
    OtlpSettingsError { variable: variable.map(|(name, _)| name).unwrap_or_default(), expected }
}

fn absolute(url: &str) -> Option<Uri> {
    url.parse().ok().filter(|uri: &Uri| uri.scheme().is_some() && uri.authority().is_some())
}

/// The place for metrics below a URL for all signals; a query stays behind it.
fn of_metrics(base: Uri) -> Uri {
    let query = base.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = format!("{}/v1/metrics{query}", base.path().trim_end_matches('/'));
    let mut parts = base.clone().into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).unwrap_or(base)
}

fn millis(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_millis)
}

/// `name=value,name=value`, each percent-encoded (W3C Baggage, without properties).
fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    let pairs = list.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((percent_decoded(name.trim())?, percent_decoded(value.trim())?)).filter(|(name, _)| !name.is_empty())
    };
    pairs.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Result<OtlpSettings, String> {
        let var = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        OtlpSettings::from_vars(var).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_is_the_local_collector_over_http() {
        let settings = of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap();
        assert_eq!(settings.endpoint(), "http://localhost:4318/v1/metrics");
        assert_eq!((settings.timeout, settings.interval), (Duration::from_secs(10), Duration::from_secs(60)));
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap().endpoint(), "http://localhost:4317/");
    }

    #[test]
    fn what_is_for_metrics_wins_over_what_is_for_all() {
        let settings = of(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:1/base/"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:2/as/it/is"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "7"),
            ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "8"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "9"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZIP"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "HTTP/protobuf"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
            ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"),
        ])
        .unwrap();
        assert_eq!(settings.endpoint(), "http://metrics:2/as/it/is");
        assert_eq!((settings.timeout, settings.interval), (Duration::from_millis(8), Duration::from_millis(9)));
        assert_eq!((settings.compression, settings.temporality), (Compression::Gzip, Temporality::Delta));
        assert_eq!(settings.histograms, Histograms::Explicit);
    }

    /// What was put behind the whole text used to be part of its query.
    #[test]
    fn the_path_for_metrics_is_put_behind_the_path() {
        for (base, endpoint) in [
            ("http://all:1", "http://all:1/v1/metrics"),
            ("http://all:1/base/", "http://all:1/base/v1/metrics"),
            ("https://all/base?key=a/b", "https://all/base/v1/metrics?key=a/b"),
        ] {
            assert_eq!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", base)]).unwrap().endpoint(), endpoint);
        }
    }

    #[test]
    fn the_service_s_name_wins_over_the_one_among_the_attributes() {
        let settings = of(&[
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a, deployment.environment.name=pre%20prod"),
            ("OTEL_SERVICE_NAME", "checkout"),
        ])
        .unwrap();
        let resource: Vec<_> = settings.resource().collect();
        assert!(resource.contains(&("service.name", "checkout")), "{resource:?}");
        assert!(resource.contains(&("deployment.environment.name", "pre prod")), "{resource:?}");
    }

    #[test]
    fn a_service_without_a_name_is_the_unknown_one() {
        let settings = of(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=,team=a")]).unwrap();
        let resource: Vec<_> = settings.resource().collect();
        assert!(resource.contains(&("service.name", "unknown_service")) && resource.contains(&("team", "a")));
    }

    /// It used to count as not set.
    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_an_error_that_names_the_variable() {
        use std::os::unix::ffi::OsStringExt;
        const NAME: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let var = |name: &str| (name == NAME).then(|| OsString::from_vec(b"http://caf\xe9:4318".into()));
        let error = OtlpSettings::from_os_vars(var).unwrap_err().to_string();
        assert!(error.contains(NAME) && error.contains("UTF-8"), "{error}");
    }

    #[test]
    fn a_timeout_of_zero_is_none() {
        assert_eq!(of(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "0")]).unwrap().timeout, Duration::MAX);
    }

    #[test]
    fn headers_are_decoded_and_never_shown() {
        let settings = of(&[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hidden,x-tenant=a")]).unwrap();
        assert_eq!(settings.headers["authorization"], "Bearer hidden");
        assert_eq!(settings.headers["x-tenant"], "a");
        assert!(!format!("{settings:?}").contains("hidden"));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_that_names_the_variable_and_not_the_value() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "carrier pigeon"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=secret"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "-5"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz"),
        ] {
            let error = of(&[(name, value)]).unwrap_err();
            assert!(error.contains(name) && !error.contains(value), "{error}");
        }
    }
}
