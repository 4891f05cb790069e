//! Metrics for OpenTelemetry: those of the conventions for HTTP servers and for generative models, and what answers cost and what
//! of their time was ours. Counted from the start on (cumulative), and sent again and again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::SCHEMA;
use super::span::{Attribute, Attributes};
use super::who::Who;
use crate::state::Account;

/// What is measured.
struct Instrument {
    name: &'static str,
    unit: &'static str,
    description: &'static str,
    /// Upper bounds of a histogram; none of a sum.
    bounds: &'static [f64],
}

/// Seconds of a request; bounds by the conventions
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>).
const SERVER: usize = 0;
/// Seconds and tokens of whoever was asked; bounds by the conventions
/// (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>).
const ASKED: usize = 1;
const TOKENS: usize = 2;
/// US dollars of whoever was asked.
const COST: usize = 3;
/// Seconds in this server, without waiting for candidates.
const OVERHEAD: usize = 4;

const INSTRUMENTS: [Instrument; 5] = [
    Instrument {
        name: "http.server.request.duration",
        unit: "s",
        description: "Duration of HTTP server requests.",
        bounds: &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0],
    },
    Instrument {
        name: "gen_ai.client.operation.duration",
        unit: "s",
        description: "GenAI operation duration.",
        bounds: &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
    },
    Instrument {
        name: "gen_ai.client.token.usage",
        unit: "{token}",
        description: "Number of input and output tokens used.",
        bounds: &[
            1.0,
            4.0,
            16.0,
            64.0,
            256.0,
            1_024.0,
            4_096.0,
            16_384.0,
            65_536.0,
            262_144.0,
            1_048_576.0,
            4_194_304.0,
            16_777_216.0,
            67_108_864.0,
        ],
    },
    Instrument {
        name: "ordinate.cost",
        unit: "{USD}",
        description: "Cost of candidates, by usage and price.",
        bounds: &[],
    },
    Instrument {
        name: "ordinate.overhead",
        unit: "s",
        description: "Time in this server, without waiting for candidates.",
        bounds: &[0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0],
    },
];

/// Combinations of attributes that an instrument keeps apart, as OpenTelemetry limits them: what comes after is counted together.
const MAX_SERIES: usize = 2_000;

/// What was measured under one combination of attributes.
#[derive(Debug)]
struct Series {
    attributes: Attributes,
    /// By bound, and above them all.
    counts: Vec<u64>,
    sum: f64,
    least: f64,
    most: f64,
}

/// What was measured from the start on.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Nanoseconds since 1970.
    start: u64,
    series: Mutex<[Vec<Series>; INSTRUMENTS.len()]>,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self { start: now(), series: Mutex::default() }
    }

    /// A request that was answered.
    pub(super) fn request(&self, method: &str, route: &'static str, status: u16, took: Duration) {
        let mut attributes = vec![
            ("http.request.method", Attribute::from(method)),
            ("http.route", route.into()),
            ("url.scheme", "http".into()),
            ("http.response.status_code", Attribute::Whole(u64::from(status))),
        ];
        if status >= 500 {
            attributes.push(("error.type", Attribute::Text(status.to_string())));
        }
        self.add(SERVER, attributes, took.as_secs_f64());
    }

    /// Whoever was asked for an answer.
    pub(super) fn account(&self, account: &Account<'_>) {
        for (candidate, answered) in &account.asked {
            let own = || Who::of(candidate, account.route).attributes();
            let mut timed = own();
            if let Some(model) = &answered.signature.model {
                timed.push(("gen_ai.response.model", model.as_str().into()));
            }
            if let Some(failure) = &answered.failure {
                timed.push(("error.type", failure.kind.as_str().into()));
            }
            self.add(ASKED, timed, answered.took.as_secs_f64());
            // What is estimated was reported by nobody.
            if let Some(usage) = answered.usage.filter(|_| !answered.estimated) {
                for (kind, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
                    let mut attributes = own();
                    attributes.push(("gen_ai.token.type", kind.into()));
                    self.add(TOKENS, attributes, tokens as f64);
                }
            }
            if let Some(cost) = answered.all_cost_usd() {
                let attributes = vec![
                    ("ordinate.task", Attribute::from(account.task.run.name.as_str())),
                    ("ordinate.candidate", candidate.name.as_str().into()),
                ];
                self.add(COST, attributes, cost);
            }
        }
        if let Some(overhead) = account.overhead {
            let task = Attribute::from(account.task.run.name.as_str());
            let attributes = vec![("ordinate.task", task), ("ordinate.policy", account.policy.into())];
            self.add(OVERHEAD, attributes, overhead.as_secs_f64());
        }
    }

    fn add(&self, instrument: usize, attributes: Attributes, value: f64) {
        let bounds = INSTRUMENTS[instrument].bounds;
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut all[instrument];
        let find = |known: &[Series], attributes: &Attributes| {
            known.iter().position(|series| series.attributes == *attributes)
        };
        let place = find(known, &attributes).unwrap_or_else(|| {
            let is_full = known.len() + 1 >= MAX_SERIES;
            let attributes =
                if is_full { vec![("otel.metric.overflow", Attribute::Is(true))] } else { attributes };
            let found = if is_full { find(known, &attributes) } else { None };
            found.unwrap_or_else(|| {
                let counts = vec![0; bounds.len() + 1];
                let (least, most) = (f64::INFINITY, f64::NEG_INFINITY);
                known.push(Series { attributes, counts, sum: 0.0, least, most });
                known.len() - 1
            })
        });
        let series = &mut known[place];
        series.counts[bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len())] += 1;
        series.sum += value;
        series.least = series.least.min(value);
        series.most = series.most.max(value);
    }

    /// All of it as a request to a collector; `None` where nothing was measured yet.
    pub(super) fn body(&self, resource: &Value) -> Option<String> {
        let (start, now) = (self.start.to_string(), now().to_string());
        let all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let measured = INSTRUMENTS.iter().zip(all.iter()).filter(|(_, series)| !series.is_empty());
        let metrics: Vec<Value> = measured
            .map(|(instrument, series)| {
                let is_sum = instrument.bounds.is_empty();
                let points: Vec<Value> = series
                    .iter()
                    .map(|series| {
                        let mut point = series.json(instrument.bounds);
                        point["startTimeUnixNano"] = Value::from(start.as_str());
                        point["timeUnixNano"] = Value::from(now.as_str());
                        point
                    })
                    .collect();
                // Cumulative.
                let mut data = json!({ "aggregationTemporality": 2, "dataPoints": points });
                if is_sum {
                    data["isMonotonic"] = Value::from(true);
                }
                let mut metric = json!({
                    "name": instrument.name,
                    "unit": instrument.unit,
                    "description": instrument.description,
                });
                metric[if is_sum { "sum" } else { "histogram" }] = data;
                metric
            })
            .collect();
        if metrics.is_empty() {
            return None;
        }
        let scope = json!({ "name": "ordinate", "version": env!("CARGO_PKG_VERSION") });
        let body = json!({ "resourceMetrics": [{
            "resource": resource,
            "scopeMetrics": [{ "scope": scope, "metrics": metrics, "schemaUrl": SCHEMA }],
            "schemaUrl": SCHEMA,
        }] });
        Some(body.to_string())
    }
}

impl Series {
    fn json(&self, bounds: &[f64]) -> Value {
        let attributes: Vec<Value> =
            self.attributes.iter().map(|(key, value)| json!({ "key": key, "value": value.json() })).collect();
        if bounds.is_empty() {
            return json!({ "attributes": attributes, "asDouble": self.sum });
        }
        // Whole numbers are texts in the JSON of protocol buffers.
        let counts: Vec<String> = self.counts.iter().map(u64::to_string).collect();
        json!({
            "attributes": attributes,
            "count": self.counts.iter().sum::<u64>().to_string(),
            "sum": self.sum,
            "min": self.least,
            "max": self.most,
            "bucketCounts": counts,
            "explicitBounds": bounds,
        })
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(meter: &Meter, name: &str) -> Value {
        let body: Value = serde_json::from_str(&meter.body(&json!({})).unwrap()).unwrap();
        let metrics = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap().clone();
        metrics.into_iter().find(|metric| metric["name"] == name).unwrap()
    }

    #[test]
    fn a_histogram_counts_by_its_bounds_and_series_are_kept_apart_up_to_a_limit() {
        let meter = Meter::new();
        assert_eq!(meter.body(&json!({})), None);
        for ms in [5, 6, 20_000] {
            meter.request("POST", "/v1/chat/completions", 200, Duration::from_millis(ms));
        }
        meter.request("POST", "/v1/chat/completions", 502, Duration::from_millis(1));
        let duration = metric(&meter, "http.server.request.duration");
        let points = duration["histogram"]["dataPoints"].as_array().unwrap();
        assert_eq!((points.len(), &duration["histogram"]["aggregationTemporality"]), (2, &json!(2)));
        assert_eq!(
            (&points[0]["count"], &points[0]["min"], &points[0]["max"]),
            (&json!("3"), &json!(0.005), &json!(20.0))
        );
        let counts = points[0]["bucketCounts"].as_array().unwrap();
        // A bound is in its bucket; the last is above all bounds.
        assert_eq!(
            (counts.len(), &counts[0], &counts[1], &counts[14]),
            (15, &json!("1"), &json!("1"), &json!("1"))
        );
        let failed = json!({ "key": "error.type", "value": { "stringValue": "502" } });
        assert!(points[1]["attributes"].as_array().unwrap().contains(&failed));

        for task in 0..MAX_SERIES + 7 {
            meter.add(COST, vec![("ordinate.task", Attribute::Text(format!("t{task}")))], 0.5);
        }
        let cost = metric(&meter, "ordinate.cost");
        let points = cost["sum"]["dataPoints"].as_array().unwrap();
        assert_eq!((points.len(), &cost["sum"]["isMonotonic"]), (MAX_SERIES, &json!(true)));
        let last = points.last().unwrap();
        assert_eq!(last["attributes"][0]["key"], "otel.metric.overflow");
        assert_eq!(last["asDouble"], 4.0, "eight had no series of their own");
    }
}
