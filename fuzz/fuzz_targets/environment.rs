//! Any text as the environment variables of an exporter: settings that can be used, or an error that names a variable and
//! does not repeat what it holds, which may be a secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::OtlpSettings;

const NAMES: [&str; 14] = [
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SERVICE_NAME",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
];

fuzz_target!(|variables: Vec<(u8, String)>| {
    let named = variables.iter().map(|(name, value)| (NAMES[usize::from(*name) % NAMES.len()], value));
    let named: Vec<_> = named.collect();
    let value = |wanted: &str| named.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).clone());
    match OtlpSettings::from_vars(value) {
        Ok(settings) => {
            let endpoint = settings.endpoint();
            assert!(endpoint.scheme().is_some() && endpoint.authority().is_some(), "{endpoint}");
        }
        Err(error) => {
            let said = error.to_string();
            let (name, value) = named.iter().find(|(name, _)| said.contains(name)).expect("it names the variable");
            // Words of our own do not count.
            assert!(value.len() < 80 || !said.contains(&***value), "{name}: {said}");
        }
    }
});
