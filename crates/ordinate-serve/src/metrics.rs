//! What the server counts, as Prometheus reads it
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ordinate_remote::Usage;

use crate::watch::Standing;

/// Upper bounds of the histogram of overhead, seconds.
const BOUNDS: [f64; 12] =
    [0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0];

/// All counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    /// By route and status.
    responses: BTreeMap<(&'static str, u16), u64>,
    /// By task and candidate.
    candidates: BTreeMap<(String, String), Asked>,
    /// By task.
    stood_in: BTreeMap<String, u64>,
    feedback: BTreeMap<String, u64>,
    cached: BTreeMap<String, u64>,
    /// By route: counts by bound, and the sum in seconds.
    overhead: BTreeMap<&'static str, ([u64; BOUNDS.len() + 1], f64)>,
    open: i64,
    streams_broken: u64,
    clients_left: u64,
}

#[derive(Debug, Default)]
struct Asked {
    requests: u64,
    given: u64,
    errors: BTreeMap<&'static str, u64>,
    input_tokens: u64,
    output_tokens: u64,
    cached_tokens: u64,
    cost_usd: f64,
    /// Answers of which nobody knows what they cost.
    unpriced: u64,
    seconds: f64,
}

/// What asking a candidate once came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) error: Option<&'static str>,
    pub(crate) usage: Option<Usage>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) took: Duration,
    /// Whether its answer was given to whoever asked.
    pub(crate) given: bool,
}

impl Metrics {
    pub(crate) fn responded(&self, route: &'static str, status: u16, overhead: Option<Duration>) {
        let mut counters = self.lock();
        *counters.responses.entry((route, status)).or_default() += 1;
        let Some(seconds) = overhead.map(|overhead| overhead.as_secs_f64()) else { return };
        let (counts, sum) = counters.overhead.entry(route).or_insert(([0; BOUNDS.len() + 1], 0.0));
        let place = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        counts[place] += 1;
        *sum += seconds;
    }

    pub(crate) fn asked(&self, task: &str, candidate: &str, outcome: &Outcome) {
        let mut counters = self.lock();
        let asked = counters.candidates.entry((task.to_owned(), candidate.to_owned())).or_default();
        asked.requests += 1;
        asked.given += u64::from(outcome.given);
        asked.seconds += outcome.took.as_secs_f64();
        if let Some(error) = outcome.error {
            *asked.errors.entry(error).or_default() += 1;
        }
        let usage = outcome.usage.unwrap_or_default();
        asked.input_tokens = asked.input_tokens.saturating_add(usage.input_tokens);
        asked.output_tokens = asked.output_tokens.saturating_add(usage.output_tokens);
        asked.cached_tokens = asked.cached_tokens.saturating_add(usage.cached_tokens);
        match outcome.cost_usd {
            Some(cost) => asked.cost_usd += cost,
            None => asked.unpriced += 1,
        }
    }

    pub(crate) fn stood_in(&self, task: &str) {
        *self.lock().stood_in.entry(task.to_owned()).or_default() += 1;
    }

    pub(crate) fn cached(&self, task: &str) {
        *self.lock().cached.entry(task.to_owned()).or_default() += 1;
    }

    pub(crate) fn feedback(&self, task: &str) {
        *self.lock().feedback.entry(task.to_owned()).or_default() += 1;
    }

    pub(crate) fn opened(&self, by: i64) {
        self.lock().open += by;
    }

    pub(crate) fn stream_broke(&self) {
        self.lock().streams_broken += 1;
    }

    pub(crate) fn client_left(&self) {
        self.lock().clients_left += 1;
    }

    /// All of it as text, and how the verdict of each task stands.
    pub(crate) fn text(&self, standings: &[(String, Standing)]) -> String {
        let counters = self.lock();
        let mut text = String::new();
        head(&mut text, "ordinate_responses_total", "counter", "Responses by route and status.");
        for ((route, status), count) in &counters.responses {
            let _ =
                writeln!(text, "ordinate_responses_total{{route=\"{route}\",status=\"{status}\"}} {count}");
        }
        type Column = (&'static str, &'static str, fn(&Asked) -> f64);
        let columns: [Column; 8] = [
            ("candidate_requests_total", "Requests to a candidate.", |one| one.requests as f64),
            ("candidate_answers_given_total", "Answers of a candidate that were given.", |one| {
                one.given as f64
            }),
            ("candidate_input_tokens_total", "Tokens read, as reported.", |one| one.input_tokens as f64),
            ("candidate_output_tokens_total", "Tokens written, as reported.", |one| one.output_tokens as f64),
            ("candidate_cached_tokens_total", "Tokens read from a cache.", |one| one.cached_tokens as f64),
            ("candidate_cost_usd_total", "Cost by reported usage and price, USD.", |one| one.cost_usd),
            ("candidate_unpriced_total", "Requests whose cost is not known.", |one| one.unpriced as f64),
            ("candidate_seconds_total", "Time until the answer was whole.", |one| one.seconds),
        ];
        for (name, help, value) in columns {
            head(&mut text, &format!("ordinate_{name}"), "counter", help);
            for ((task, candidate), asked) in &counters.candidates {
                let (task, candidate, value) = (label(task), label(candidate), value(asked));
                let _ =
                    writeln!(text, "ordinate_{name}{{task=\"{task}\",candidate=\"{candidate}\"}} {value}");
            }
        }
        let name = "ordinate_candidate_errors_total";
        head(&mut text, name, "counter", "Failed requests to a candidate, by kind.");
        for ((task, candidate), asked) in &counters.candidates {
            for (kind, count) in &asked.errors {
                let (task, candidate) = (label(task), label(candidate));
                let labels = format!("task=\"{task}\",candidate=\"{candidate}\",kind=\"{kind}\"");
                let _ = writeln!(text, "{name}{{{labels}}} {count}");
            }
        }
        for (name, help, by_task) in [
            ("ordinate_stood_in_total", "Answers of somebody who stood in.", &counters.stood_in),
            ("ordinate_feedback_total", "Feedback that was recorded.", &counters.feedback),
            ("ordinate_cache_hits_total", "Answers that were given again.", &counters.cached),
        ] {
            head(&mut text, name, "counter", help);
            for (task, count) in by_task {
                let _ = writeln!(text, "{name}{{task=\"{}\"}} {count}", label(task));
            }
        }
        let name = "ordinate_overhead_seconds";
        head(&mut text, name, "histogram", "Time in this server, without waiting for candidates.");
        for (route, (counts, sum)) in &counters.overhead {
            let mut so_far = 0;
            for (bound, count) in BOUNDS.iter().zip(counts) {
                so_far += count;
                let _ = writeln!(text, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {so_far}");
            }
            let all: u64 = counts.iter().sum();
            let _ = writeln!(text, "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {all}");
            let _ = writeln!(
                text,
                "{name}_sum{{route=\"{route}\"}} {sum}\n{name}_count{{route=\"{route}\"}} {all}"
            );
        }
        for (name, kind, help, value) in [
            ("ordinate_open_connections", "gauge", "Connections that are open.", counters.open),
            (
                "ordinate_streams_broken_total",
                "counter",
                "Streams that ended with an error event.",
                counters.streams_broken.cast_signed(),
            ),
            (
                "ordinate_clients_left_total",
                "counter",
                "Clients that left before their answer was whole.",
                counters.clients_left.cast_signed(),
            ),
        ] {
            head(&mut text, name, kind, help);
            let _ = writeln!(text, "{name} {value}");
        }
        type Stands = (&'static str, &'static str, fn(&Standing) -> f64);
        let columns: [Stands; 3] = [
            ("verdict_stands", "1 while feedback does not refute the verdict.", |one| {
                f64::from(u8::from(one.holds))
            }),
            ("verdict_evidence", "Evidence of feedback against the verdict; 20 refutes it.", |one| {
                one.evidence
            }),
            ("feedback_scores", "Scores that came as feedback.", |one| one.scores as f64),
        ];
        for (name, help, value) in columns {
            head(&mut text, &format!("ordinate_{name}"), "gauge", help);
            for (task, standing) in standings {
                let _ = writeln!(text, "ordinate_{name}{{task=\"{}\"}} {}", label(task), value(standing));
            }
        }
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands before the values of a metric.
pub(crate) fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// The value of a label.
pub(crate) fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_labels_escaped() {
        let metrics = Metrics::default();
        metrics.responded("chat", 200, Some(Duration::from_micros(150)));
        metrics.responded("chat", 200, Some(Duration::from_secs(7)));
        metrics.asked("t", "a\"b", &Outcome { cost_usd: Some(0.5), ..Outcome::default() });
        let text = metrics.text(&[]);
        for line in [
            "ordinate_overhead_seconds_bucket{route=\"chat\",le=\"0.0001\"} 0",
            "ordinate_overhead_seconds_bucket{route=\"chat\",le=\"0.0002\"} 1",
            "ordinate_overhead_seconds_bucket{route=\"chat\",le=\"+Inf\"} 2",
            "ordinate_candidate_cost_usd_total{task=\"t\",candidate=\"a\\\"b\"} 0.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
