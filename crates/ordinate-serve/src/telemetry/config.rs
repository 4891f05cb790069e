//! What spans are sent where, by the variables that all SDKs of OpenTelemetry read
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use std::fmt;
use std::time::Duration;

/// Why telemetry cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct TelemetryError {
    variable: &'static str,
    problem: String,
}

/// Where spans are sent, and how.
#[derive(Clone, PartialEq)]
pub struct Telemetry {
    /// The address that takes traces.
    pub(crate) endpoint: String,
    /// Headers, keys among them.
    pub(crate) headers: Vec<(String, String)>,
    /// `service.name` and whatever else is said of this process.
    pub(crate) resource: Vec<(String, String)>,
    pub(crate) timeout: Duration,
    /// The longest that a span waits for others.
    pub(crate) every: Duration,
    /// The most spans that wait.
    pub(crate) queue: usize,
    /// The most spans of a request.
    pub(crate) batch: usize,
    pub(crate) sampler: Sampler,
    /// What is to be said of it at the start.
    pub(crate) note: Option<String>,
}

/// Which traces are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sampler {
    /// The share of the traces that begin here.
    pub(crate) share: f64,
    /// Whether those that began elsewhere are sent where whoever began them sends them.
    pub(crate) by_parent: bool,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers hold keys.
        f.debug_struct("Telemetry").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Telemetry {
    /// What the variables say; `None` where they name no collector, or turn it off.
    ///
    /// # Errors
    /// [`TelemetryError`] where the value of a variable cannot be.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TelemetryError> {
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let of_traces = |own: &str, all: &str| get(own).or_else(|| get(all));
        let is_off = get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let others = get("OTEL_TRACES_EXPORTER").is_some_and(|text| text != "otlp");
        let base = get("OTEL_EXPORTER_OTLP_ENDPOINT");
        let endpoint = get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            .or_else(|| base.map(|base| format!("{}/v1/traces", base.trim_end_matches('/'))));
        let Some(endpoint) = endpoint.filter(|_| !is_off && !others) else { return Ok(None) };
        let protocol = of_traces("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
        let note = protocol.filter(|protocol| protocol != "http/json").map(|protocol| {
            format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol:?}; spans are sent as http/json, which a collector takes at the address \
                 of http/protobuf too (port 4318)"
            )
        });
        let pairs = |own: &'static str, all: &'static str| -> Result<Vec<(String, String)>, TelemetryError> {
            let problem = "what stands there is no list of NAME=VALUE, NAME=VALUE".to_owned();
            of_traces(own, all)
                .map_or(Some(Vec::new()), |text| pairs(&text))
                .ok_or(TelemetryError { variable: all, problem })
        };
        let headers = pairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")?;
        let mut resource = pairs("OTEL_RESOURCE_ATTRIBUTES", "OTEL_RESOURCE_ATTRIBUTES")?;
        if let Some(name) = get("OTEL_SERVICE_NAME") {
            resource.retain(|(key, _)| key != "service.name");
            resource.push(("service.name".to_owned(), name));
        }
        for (name, value) in [("service.name", "ordinate"), ("service.version", env!("CARGO_PKG_VERSION"))] {
            if resource.iter().all(|(key, _)| key != name) {
                resource.push((name.to_owned(), value.to_owned()));
            }
        }
        let number = |variable: &'static str, default: u64| {
            let Some(text) = get(variable) else { return Ok(default) };
            text.parse::<u64>().ok().filter(|number| *number > 0).ok_or_else(|| TelemetryError {
                variable,
                problem: format!("{text:?} is no whole number above 0"),
            })
        };
        let time = of_traces("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT");
        let timeout = match time {
            None => 10_000,
            Some(text) => text.parse::<u64>().ok().filter(|ms| *ms > 0).ok_or_else(|| TelemetryError {
                variable: "OTEL_EXPORTER_OTLP_TIMEOUT",
                problem: format!("{text:?} is no number of milliseconds above 0"),
            })?,
        };
        let queue = usize::try_from(number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)?).unwrap_or(usize::MAX);
        let batch = usize::try_from(number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?).unwrap_or(usize::MAX);
        Ok(Some(Self {
            endpoint,
            headers,
            resource,
            timeout: Duration::from_millis(timeout),
            every: Duration::from_millis(number("OTEL_BSP_SCHEDULE_DELAY", 5_000)?),
            // As many as a channel can hold.
            queue: queue.min(1 << 20),
            batch: batch.min(queue),
            sampler: Sampler::of(get("OTEL_TRACES_SAMPLER"), get("OTEL_TRACES_SAMPLER_ARG"))?,
            note,
        }))
    }
}

impl Sampler {
    fn of(name: Option<String>, argument: Option<String>) -> Result<Self, TelemetryError> {
        let name = name.unwrap_or_else(|| "parentbased_always_on".to_owned());
        let (root, by_parent) = match name.strip_prefix("parentbased_") {
            Some(root) => (root, true),
            None => (name.as_str(), false),
        };
        let share = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => {
                let text = argument.unwrap_or_else(|| "1".to_owned());
                let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
                share.ok_or_else(|| TelemetryError {
                    variable: "OTEL_TRACES_SAMPLER_ARG",
                    problem: format!("{text:?} is no share of the traces, 0 to 1"),
                })?
            }
            _ => {
                return Err(TelemetryError {
                    variable: "OTEL_TRACES_SAMPLER",
                    problem: format!(
                        "{name:?} is not known; write always_on, always_off, traceidratio, or one of them after parentbased_"
                    ),
                });
            }
        };
        Ok(Self { share, by_parent })
    }
}

/// `NAME=VALUE,NAME=VALUE`, values percent-encoded; `None` where it is none.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then(|| (name.to_owned(), crate::routes::decoded(value.trim())))
    };
    text.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<Telemetry>, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Telemetry::from_variables(get).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_are_read_as_the_sdks_read_them() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");
        assert_eq!(of(&[]), Ok(None));
        let plain = of(&[base]).unwrap().unwrap();
        assert_eq!(plain.endpoint, "http://c:4318/v1/traces");
        assert_eq!((plain.batch, plain.queue, plain.every), (512, 2_048, Duration::from_secs(5)));
        assert_eq!(plain.sampler, Sampler { share: 1.0, by_parent: true });
        for off in [("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(of(&[base, off]), Ok(None));
        }
        let full = of(&[
            base,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://t/x"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, x-y = c=d ,"),
            ("OTEL_SERVICE_NAME", "desk"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ])
        .unwrap()
        .unwrap();
        assert_eq!(full.endpoint, "https://t/x");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(full.headers, [pair("api-key", "a b"), pair("x-y", "c=d")]);
        assert!(full.resource.contains(&pair("service.name", "desk")) && full.resource.len() == 3);
        assert_eq!(full.sampler, Sampler { share: 0.25, by_parent: false });
        assert!(full.note.unwrap().contains("grpc"));
        assert!(!format!("{plain:?}").contains("header"));
        for (wrong, says) in [
            (("OTEL_TRACES_SAMPLER", "jaeger_remote"), "OTEL_TRACES_SAMPLER: \"jaeger_remote\""),
            (("OTEL_BSP_MAX_QUEUE_SIZE", "0"), "OTEL_BSP_MAX_QUEUE_SIZE: \"0\""),
            (("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), "OTEL_EXPORTER_OTLP_TIMEOUT: \"soon\""),
            (("OTEL_EXPORTER_OTLP_HEADERS", "secret"), "OTEL_EXPORTER_OTLP_HEADERS: what stands there"),
        ] {
            let error = of(&[base, wrong]).unwrap_err();
            assert!(error.starts_with(says) && !error.contains("secret"), "{error}");
        }
    }
}
