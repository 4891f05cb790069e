//! What a run gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use ordinate_core::{CandidateName, Item};
use ordinate_remote::{Doubt, FailureKind, TokenLogprob, confidence};
use ordinate_tasks::{Reader, Unreadable, Wrote};

use crate::estimate::{CHUNK, request};
use crate::key::Key;
use crate::plan::Plan;
use crate::run::MeasureError;
use crate::saved::Saved;
use crate::store::{AnswerStore, StoreError};

/// One answer, or the error in its place, as evidence wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The item's place.
    pub item: usize,
    /// What was read out of the reply: the label, the option's key, the span, the number, JSON, or the text.
    pub output: Option<String>,
    /// The reply as it was.
    pub text: Option<String>,
    /// The vector, of a candidate that gives one.
    pub vector: Option<Vec<f32>>,
    /// What went wrong, with its kind in front; exactly one of `output` and `error` is set.
    pub error: Option<(FailureKind, String)>,
    /// The candidate's own confidence in `[0, 1]`.
    pub confidence: Option<f64>,
    /// How probable it finds single labels, where it says.
    pub probabilities: Vec<(String, f64)>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// USD, as metered.
    pub cost_usd: Option<f64>,
    /// Milliseconds from request to answer.
    pub latency_ms: Option<f64>,
    /// Milliseconds to the first text, where it was streamed.
    pub first_token_ms: Option<f64>,
    /// Requests that were sent.
    pub tries: u64,
    /// Whether the reply was cut at the most tokens.
    pub cut: bool,
    /// The model that the answer names, where it is another one than was asked.
    pub model: Option<String>,
    /// What is not to be believed of its count of tokens.
    pub doubt: Option<Doubt>,
}

/// How the asking of a candidate ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// Every item has an answer or a recorded error.
    Complete,
    /// There was no money for one more request.
    Budget,
    /// It was told to stop.
    Cancelled,
    /// The endpoint is dead or denies everything; why.
    Dead(String),
    /// It is beaten under the needs.
    Beaten {
        /// The figures.
        why: String,
        /// Items that were not asked.
        saved_items: u64,
        /// USD that they would probably have cost, where a price is known.
        saved_usd: Option<f64>,
    },
}

/// Quantiles of milliseconds, of answers alone.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Quantiles {
    /// Quantiles by linear interpolation (type 7 of Hyndman and Fan 1996); `None` of nothing.
    #[must_use]
    pub fn of(mut values: Vec<f32>) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        values.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| {
            let place = share * (values.len() - 1) as f64;
            let (below, above) = (values[place.floor() as usize], values[place.ceil() as usize]);
            f64::from(below) + (f64::from(above) - f64::from(below)) * place.fract()
        };
        Some(Self { p50: at(0.5), p95: at(0.95), p99: at(0.99) })
    }
}

/// What is worth telling of the replies of a candidate; earlier runs included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Replies that were cut at the most tokens, or used them up before any text.
    pub cut: u64,
    /// Answers that name another model than the one that was asked, by that model.
    pub models: BTreeMap<String, u64>,
    /// Answers whose count of tokens cannot be.
    pub tokens_unbelievable: u64,
    /// Answers whose total of tokens is not the sum of its parts.
    pub tokens_disagree: u64,
}

/// How one candidate came through.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The candidate.
    pub name: CandidateName,
    /// How its asking ended.
    pub ended: Ended,
    /// Items in all.
    pub items: u64,
    /// Items with an answer or an error.
    pub done: u64,
    /// Items whose answers were in the store before.
    pub kept: u64,
    /// Requests that this run sent.
    pub requests: u64,
    /// Errors by kind.
    pub errors: BTreeMap<&'static str, u64>,
    /// What is worth telling of the replies.
    pub remarks: Remarks,
    /// Tokens read, earlier runs included.
    pub input_tokens: u64,
    /// Tokens written, earlier runs included.
    pub output_tokens: u64,
    /// USD metered, earlier runs included; `None` where no price is known.
    pub cost_usd: Option<f64>,
    /// Latency of answers, milliseconds.
    pub latency_ms: Option<Quantiles>,
    /// Time to the first text, milliseconds, where answers were streamed.
    pub first_token_ms: Option<Quantiles>,
}

/// The answers of a run.
#[derive(Debug)]
pub struct Measured {
    pub(crate) plan: Arc<Plan>,
    pub(crate) store: Arc<AnswerStore>,
    /// How each candidate came through, in the plan's order.
    pub summaries: Vec<Summary>,
    /// What counts against `max_spend`, earlier runs included, USD.
    pub spent_usd: f64,
}

impl Measured {
    /// Hands every answer and error of a candidate to `take`, in the order of the items. Items that were not
    /// asked are left out.
    ///
    /// # Errors
    /// [`MeasureError`] when the store cannot be read.
    pub async fn rows(&self, candidate: usize, mut take: impl FnMut(Row)) -> Result<(), MeasureError> {
        let plan = &self.plan;
        let identity = plan.candidates[candidate].answerer.identity();
        let mut at = 0;
        while at < plan.len() {
            let end = plan.len().min(at + CHUNK);
            let places: Vec<usize> = (at..end).map(|at| plan.place(at)).collect();
            let mut keys = Vec::with_capacity(CHUNK);
            for &at in &places {
                keys.push(Key::of(&identity, &request(plan, candidate, at, &plan.items.item(at))?));
            }
            for (item, saved) in places.into_iter().zip(self.store.find(&keys).await?) {
                if let Some(saved) = saved {
                    take(row(plan, candidate, item, saved));
                }
            }
            at = end;
        }
        Ok(())
    }

    /// Closes the store, so that its file is whole for whoever copies it.
    ///
    /// # Errors
    /// None today.
    pub async fn close(self) -> Result<(), StoreError> {
        self.store.close().await;
        Ok(())
    }
}

/// Whether a kept answer is not to be asked for again. An error of connecting is no answer; other errors stand
/// unless they are to be retried, and so do replies out of which nothing can be read.
pub(crate) fn stands(plan: &Plan, saved: &Saved) -> bool {
    match &saved.error {
        _ if plan.asks_nobody => true,
        Some((FailureKind::Connect, _)) => false,
        Some(_) => !plan.retry_errors,
        None => true,
    }
}

/// Reads the answer out of what was kept.
pub(crate) fn row(plan: &Plan, candidate: usize, item: usize, saved: Saved) -> Row {
    let mut row = Row {
        item,
        output: None,
        text: None,
        vector: saved.vector,
        error: saved.error,
        confidence: saved.confidence,
        probabilities: saved.probabilities,
        input_tokens: saved.input_tokens,
        output_tokens: saved.output_tokens,
        cost_usd: saved.cost_usd,
        latency_ms: saved.latency_ms,
        first_token_ms: saved.first_token_ms,
        tries: saved.tries,
        cut: saved.cut_short,
        model: saved.model,
        doubt: saved.doubt,
    };
    let Some(text) = saved.text else { return row };
    let said =
        Said { text: &text, cut: saved.cut_short, confidence: row.confidence, logprobs: &saved.logprobs };
    let is_output = plan.candidates[candidate].answerer.gives_outputs();
    match read_reply(&plan.reader, &plan.items.item(item), is_output, said) {
        Ok((output, confidence)) => {
            row.confidence = confidence;
            row.output = Some(output);
        }
        Err(unreadable) => row.error = Some((FailureKind::Unreadable, unreadable.to_string())),
    }
    row.text = Some(text);
    row
}

/// What a candidate said of an item.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// Its reply.
    pub text: &'a str,
    /// Whether it was cut at the most tokens.
    pub cut: bool,
    /// Its own confidence, if it says.
    pub confidence: Option<f64>,
    /// The log-probabilities of its tokens, where it gives them.
    pub logprobs: &'a [TokenLogprob],
}

/// The output that a reply comes to, and the confidence in it: the one way in which replies are read, when they are
/// measured and when they are served. With `is_output` the reply is the output itself ([`crate::Answerer::gives_outputs`]).
///
/// # Errors
/// [`Unreadable`] where no answer can be read for certain.
pub fn read_reply(
    reader: &Reader,
    item: &Item,
    is_output: bool,
    said: Said<'_>,
) -> Result<(String, Option<f64>), Unreadable> {
    if is_output {
        return Ok((said.text.to_owned(), said.confidence));
    }
    let found = reader.read_wrote(item, Wrote { text: said.text, cut: said.cut })?;
    let of_tokens = || confidence::of_span(said.logprobs, said.text, &found.span, reader.is_long());
    Ok((found.output.to_string(), said.confidence.or_else(of_tokens)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy.quantile([4, 1, 3, 2], [.5, .95, .99]) = [2.5, 3.85, 3.97]
        let quantiles = Quantiles::of(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        for (ours, numpy) in [(quantiles.p50, 2.5), (quantiles.p95, 3.85), (quantiles.p99, 3.97)] {
            assert!((ours - numpy).abs() < 1e-6, "{ours} {numpy}");
        }
        assert_eq!(Quantiles::of(Vec::new()), None);
    }
}
