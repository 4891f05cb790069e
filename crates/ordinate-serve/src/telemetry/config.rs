//! What spans and metrics are sent where, by the variables that all SDKs of OpenTelemetry read
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).

use std::fmt;
use std::time::Duration;

/// Why telemetry cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct TelemetryError {
    variable: String,
    problem: String,
}

/// Where spans and metrics are sent, and how.
#[derive(Clone, PartialEq)]
pub struct Telemetry {
    /// Where spans are sent; `None` where they are not.
    pub(crate) traces: Option<Way>,
    /// Where metrics are sent; `None` where they are not.
    pub(crate) metrics: Option<Way>,
    /// `service.name` and whatever else is said of this process.
    pub(crate) resource: Vec<(String, String)>,
    /// The longest that a span waits for others.
    pub(crate) every: Duration,
    /// The most spans that wait.
    pub(crate) queue: usize,
    /// The most spans of a request.
    pub(crate) batch: usize,
    pub(crate) sampler: Sampler,
    /// From one sending of the metrics to the next.
    pub(crate) metrics_every: Duration,
    /// What is to be said of it at the start.
    pub(crate) notes: Vec<String>,
}

/// The way of one kind to a collector.
#[derive(Clone, PartialEq)]
pub(crate) struct Way {
    /// The address that takes it.
    pub(crate) endpoint: String,
    /// Headers, keys among them.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) timeout: Duration,
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
        let endpoint = |way: &Option<Way>| way.as_ref().map(|way| way.endpoint.clone());
        f.debug_struct("Telemetry")
            .field("traces", &endpoint(&self.traces))
            .field("metrics", &endpoint(&self.metrics))
            .finish_non_exhaustive()
    }
}

/// The variables, as they are set: none is empty.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The value of a variable of one kind (`OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`), or that of all kinds.
    fn of_kind(&self, kind: &str, what: &str) -> Option<String> {
        let own = self.get(&format!("OTEL_EXPORTER_OTLP_{kind}_{what}"));
        own.or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{what}")))
    }

    fn number(&self, variable: &str, default: u64) -> Result<u64, TelemetryError> {
        let Some(text) = self.get(variable) else { return Ok(default) };
        text.parse::<u64>().ok().filter(|number| *number > 0).ok_or_else(|| TelemetryError {
            variable: variable.to_owned(),
            problem: format!("{text:?} is no whole number above 0"),
        })
    }

    fn pairs(&self, variable: &str, text: Option<String>) -> Result<Vec<(String, String)>, TelemetryError> {
        text.map_or(Some(Vec::new()), |text| pairs(&text)).ok_or_else(|| TelemetryError {
            variable: variable.to_owned(),
            problem: "what stands there is no list of NAME=VALUE, NAME=VALUE".to_owned(),
        })
    }

    /// Where what is of one kind is sent; `None` where that is not wanted.
    fn way(&self, kind: &str, path: &str) -> Result<Option<Way>, TelemetryError> {
        if self.get(&format!("OTEL_{kind}_EXPORTER")).is_some_and(|text| text != "otlp") {
            return Ok(None);
        }
        let base = self.get("OTEL_EXPORTER_OTLP_ENDPOINT");
        let own = self.get(&format!("OTEL_EXPORTER_OTLP_{kind}_ENDPOINT"));
        let endpoint = own.or_else(|| base.map(|base| format!("{}/{path}", base.trim_end_matches('/'))));
        let Some(endpoint) = endpoint else { return Ok(None) };
        let headers = self.pairs("OTEL_EXPORTER_OTLP_HEADERS", self.of_kind(kind, "HEADERS"))?;
        let timeout = match self.of_kind(kind, "TIMEOUT") {
            None => 10_000,
            Some(text) => text.parse::<u64>().ok().filter(|ms| *ms > 0).ok_or_else(|| TelemetryError {
                variable: "OTEL_EXPORTER_OTLP_TIMEOUT".to_owned(),
                problem: format!("{text:?} is no number of milliseconds above 0"),
            })?,
        };
        Ok(Some(Way { endpoint, headers, timeout: Duration::from_millis(timeout) }))
    }

    /// What is asked for and cannot be had.
    fn notes(&self, traces: bool, metrics: bool) -> Vec<String> {
        let protocol = ["TRACES", "METRICS"].into_iter().zip([traces, metrics]).filter(|(_, is_on)| *is_on);
        let protocol = protocol.filter_map(|(kind, _)| self.of_kind(kind, "PROTOCOL"));
        let protocol = protocol.into_iter().find(|protocol| protocol != "http/json").map(|protocol| {
            format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is {protocol:?}; spans and metrics are sent as http/json, which a collector takes at the \
                 address of http/protobuf too (port 4318)"
            )
        });
        let preference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let delta = self.get(preference).filter(|text| metrics && !text.eq_ignore_ascii_case("cumulative"));
        let delta = delta.map(|text| {
            format!("{preference} is {text:?}; metrics are cumulative: counted from the start on")
        });
        protocol.into_iter().chain(delta).collect()
    }
}

impl Telemetry {
    /// What the variables say; `None` where they name no collector, or turn it off.
    ///
    /// # Errors
    /// [`TelemetryError`] where the value of a variable cannot be.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, TelemetryError> {
        let variables = Variables(&get);
        let is_off = variables.get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        if is_off {
            return Ok(None);
        }
        let traces = variables.way("TRACES", "v1/traces")?;
        let metrics = variables.way("METRICS", "v1/metrics")?;
        if traces.is_none() && metrics.is_none() {
            return Ok(None);
        }
        let attributes = "OTEL_RESOURCE_ATTRIBUTES";
        let mut resource = variables.pairs(attributes, variables.get(attributes))?;
        if let Some(name) = variables.get("OTEL_SERVICE_NAME") {
            resource.retain(|(key, _)| key != "service.name");
            resource.push(("service.name".to_owned(), name));
        }
        for (name, value) in [("service.name", "ordinate"), ("service.version", env!("CARGO_PKG_VERSION"))] {
            if resource.iter().all(|(key, _)| key != name) {
                resource.push((name.to_owned(), value.to_owned()));
            }
        }
        let size = |variable, default| {
            variables.number(variable, default).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let time = |variable, default| variables.number(variable, default).map(Duration::from_millis);
        let queue = size("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)?;
        let batch = size("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?;
        let sampler =
            Sampler::of(variables.get("OTEL_TRACES_SAMPLER"), variables.get("OTEL_TRACES_SAMPLER_ARG"))?;
        Ok(Some(Self {
            resource,
            every: time("OTEL_BSP_SCHEDULE_DELAY", 5_000)?,
            // As many as a channel can hold.
            queue: queue.min(1 << 20),
            batch: batch.min(queue),
            // Of what is sent nowhere nothing is kept.
            sampler: if traces.is_some() { sampler } else { Sampler { share: 0.0, by_parent: false } },
            metrics_every: time("OTEL_METRIC_EXPORT_INTERVAL", 60_000)?,
            notes: variables.notes(traces.is_some(), metrics.is_some()),
            traces,
            metrics,
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
                    variable: "OTEL_TRACES_SAMPLER_ARG".to_owned(),
                    problem: format!("{text:?} is no share of the traces, 0 to 1"),
                })?
            }
            _ => {
                return Err(TelemetryError {
                    variable: "OTEL_TRACES_SAMPLER".to_owned(),
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
        let endpoints = |all: &Telemetry| {
            [&all.traces, &all.metrics].map(|way| way.as_ref().map(|way| way.endpoint.clone()))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(endpoints(&plain), [some("http://c:4318/v1/traces"), some("http://c:4318/v1/metrics")]);
        assert_eq!(plain.metrics_every, Duration::from_secs(60));
        assert_eq!((plain.batch, plain.queue, plain.every), (512, 2_048, Duration::from_secs(5)));
        assert_eq!(plain.sampler, Sampler { share: 1.0, by_parent: true });
        assert_eq!(of(&[base, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(None));
        let none = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "prometheus")];
        assert_eq!(of(&[base, none[0], none[1]]), Ok(None));
        let counted = of(&[base, none[0]]).unwrap().unwrap();
        assert_eq!(endpoints(&counted), [None, some("http://c:4318/v1/metrics")]);
        assert_eq!(counted.sampler, Sampler { share: 0.0, by_parent: false });
        let delta = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
        assert!(of(&[base, delta]).unwrap().unwrap().notes[0].contains("cumulative"));
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
        assert_eq!(endpoints(&full), [some("https://t/x"), some("http://c:4318/v1/metrics")]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(full.traces.unwrap().headers, [pair("api-key", "a b"), pair("x-y", "c=d")]);
        assert!(full.resource.contains(&pair("service.name", "desk")) && full.resource.len() == 3);
        assert_eq!(full.sampler, Sampler { share: 0.25, by_parent: false });
        assert!(full.notes[0].contains("grpc"));
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
