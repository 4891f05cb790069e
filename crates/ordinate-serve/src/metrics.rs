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

#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    /// By route and status.
    pub(crate) responses: BTreeMap<(&'static str, u16), u64>,
    pub(crate) tasks: BTreeMap<String, OfTask>,
    pub(crate) overhead: BTreeMap<&'static str, Overhead>,
    pub(crate) open: i64,
    pub(crate) streams_broken: u64,
    pub(crate) streams_continued: u64,
    pub(crate) clients_left: u64,
}

/// What is counted of a task.
#[derive(Debug, Clone, Default)]
pub(crate) struct OfTask {
    pub(crate) candidates: BTreeMap<String, Asked>,
    /// Answers, and those that were none.
    pub(crate) answers: u64,
    pub(crate) errors: u64,
    pub(crate) stood_in: u64,
    pub(crate) cached: u64,
    pub(crate) feedback: u64,
}

/// Requests to one candidate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) requests: u64,
    pub(crate) given: u64,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    cached_tokens: u64,
    pub(crate) cost_usd: f64,
    /// Answers of which nobody knows what they cost.
    pub(crate) unpriced: u64,
    /// Those whose tokens are estimated.
    pub(crate) estimated: u64,
    pub(crate) seconds: f64,
}

/// Time in this server, of one route.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overhead {
    /// By bound.
    counts: [u64; BOUNDS.len() + 1],
    /// Seconds.
    sum: f64,
}

impl Overhead {
    /// How many requests it was of.
    pub(crate) fn requests(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Seconds of a request, on average.
    pub(crate) fn mean(&self) -> f64 {
        self.sum / self.requests().max(1) as f64
    }

    /// Seconds that a share of the requests did not exceed, as far as the bounds tell; `None` beyond the largest.
    pub(crate) fn within(&self, share: f64) -> Option<f64> {
        let most = (share * self.requests() as f64).ceil() as u64;
        let mut so_far = 0;
        let place = self.counts.iter().position(|count| {
            so_far += count;
            so_far >= most.max(1)
        })?;
        BOUNDS.get(place).copied()
    }
}

/// What asking a candidate once came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) error: Option<&'static str>,
    pub(crate) usage: Option<Usage>,
    pub(crate) cost_usd: Option<f64>,
    /// Whether the tokens are estimated.
    pub(crate) estimated: bool,
    pub(crate) took: Duration,
    /// Whether its answer was given to whoever asked.
    pub(crate) given: bool,
}

/// What an answer came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Answer {
    pub(crate) is_error: bool,
    pub(crate) stood_in: bool,
    pub(crate) cached: bool,
    pub(crate) continued: bool,
}

impl Metrics {
    pub(crate) fn responded(&self, route: &'static str, status: u16, overhead: Option<Duration>) {
        let mut counters = self.lock();
        *counters.responses.entry((route, status)).or_default() += 1;
        let Some(seconds) = overhead.map(|overhead| overhead.as_secs_f64()) else { return };
        let overhead = counters.overhead.entry(route).or_default();
        let place = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        overhead.counts[place] += 1;
        overhead.sum += seconds;
    }

    /// What is counted now.
    pub(crate) fn counted(&self) -> Counters {
        self.lock().clone()
    }

    pub(crate) fn asked(&self, task: &str, candidate: &str, outcome: &Outcome) {
        let usage = outcome.usage.unwrap_or_default();
        let add = |asked: &mut Asked| {
            asked.requests += 1;
            asked.given += u64::from(outcome.given);
            asked.estimated += u64::from(outcome.estimated);
            asked.seconds += outcome.took.as_secs_f64();
            if let Some(error) = outcome.error {
                *asked.errors.entry(error).or_default() += 1;
            }
            asked.input_tokens = asked.input_tokens.saturating_add(usage.input_tokens);
            asked.output_tokens = asked.output_tokens.saturating_add(usage.output_tokens);
            asked.cached_tokens = asked.cached_tokens.saturating_add(usage.cached_tokens);
            match outcome.cost_usd {
                Some(cost) => asked.cost_usd += cost,
                None => asked.unpriced += 1,
            }
        };
        count(&mut self.lock().tasks, task, |task: &mut OfTask| count(&mut task.candidates, candidate, add));
    }

    pub(crate) fn answered(&self, task: &str, answer: Answer) {
        let mut counters = self.lock();
        counters.streams_continued += u64::from(answer.continued);
        count(&mut counters.tasks, task, |task: &mut OfTask| {
            task.answers += 1;
            task.errors += u64::from(answer.is_error);
            task.stood_in += u64::from(answer.stood_in);
            task.cached += u64::from(answer.cached);
        });
    }

    pub(crate) fn feedback(&self, task: &str) {
        count(&mut self.lock().tasks, task, |task: &mut OfTask| task.feedback += 1);
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
        let columns: [Column; 9] = [
            ("candidate_requests_total", "Requests to a candidate.", |one| one.requests as f64),
            ("candidate_answers_given_total", "Answers of a candidate that were given.", |one| {
                one.given as f64
            }),
            ("candidate_input_tokens_total", "Tokens read, as reported or estimated.", |one| {
                one.input_tokens as f64
            }),
            ("candidate_output_tokens_total", "Tokens written, as reported or estimated.", |one| {
                one.output_tokens as f64
            }),
            ("candidate_cached_tokens_total", "Tokens read from a cache.", |one| one.cached_tokens as f64),
            ("candidate_cost_usd_total", "Cost by usage and price, USD.", |one| one.cost_usd),
            ("candidate_unpriced_total", "Requests whose cost is not known.", |one| one.unpriced as f64),
            (
                "candidate_estimated_total",
                "Requests whose tokens are estimated: their stream broke off.",
                |one| one.estimated as f64,
            ),
            ("candidate_seconds_total", "Time until the answer was whole.", |one| one.seconds),
        ];
        for (name, help, value) in columns {
            head(&mut text, &format!("ordinate_{name}"), "counter", help);
            for (task, candidate, asked) in counters.candidates() {
                let (task, candidate, value) = (label(task), label(candidate), value(asked));
                let _ =
                    writeln!(text, "ordinate_{name}{{task=\"{task}\",candidate=\"{candidate}\"}} {value}");
            }
        }
        let name = "ordinate_candidate_errors_total";
        head(&mut text, name, "counter", "Failed requests to a candidate, by kind.");
        for (task, candidate, asked) in counters.candidates() {
            for (kind, count) in &asked.errors {
                let (task, candidate) = (label(task), label(candidate));
                let labels = format!("task=\"{task}\",candidate=\"{candidate}\",kind=\"{kind}\"");
                let _ = writeln!(text, "{name}{{{labels}}} {count}");
            }
        }
        type OfEach = (&'static str, &'static str, fn(&OfTask) -> u64);
        let columns: [OfEach; 3] = [
            ("ordinate_stood_in_total", "Answers of somebody who stood in.", |task| task.stood_in),
            ("ordinate_feedback_total", "Feedback that was recorded.", |task| task.feedback),
            ("ordinate_cache_hits_total", "Answers that were given again.", |task| task.cached),
        ];
        for (name, help, value) in columns {
            head(&mut text, name, "counter", help);
            for (task, counted) in &counters.tasks {
                let _ = writeln!(text, "{name}{{task=\"{}\"}} {}", label(task), value(counted));
            }
        }
        let name = "ordinate_overhead_seconds";
        head(&mut text, name, "histogram", "Time in this server, without waiting for candidates.");
        for (route, Overhead { counts, sum }) in &counters.overhead {
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
                "ordinate_streams_continued_total",
                "counter",
                "Streams that broke off and were gone on with by another.",
                counters.streams_continued.cast_signed(),
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

impl Counters {
    /// Requests by task and candidate.
    fn candidates(&self) -> impl Iterator<Item = (&str, &str, &Asked)> {
        self.tasks.iter().flat_map(|(task, of)| {
            of.candidates.iter().map(move |(name, asked)| (task.as_str(), name.as_str(), asked))
        })
    }
}

/// Counts under a name: a new one alone is copied.
fn count<T: Default>(counted: &mut BTreeMap<String, T>, name: &str, with: impl FnOnce(&mut T)) {
    if let Some(of) = counted.get_mut(name) {
        return with(of);
    }
    let mut of = T::default();
    with(&mut of);
    counted.insert(name.to_owned(), of);
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
