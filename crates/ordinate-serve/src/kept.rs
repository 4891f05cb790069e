//! Answers to one item that wait for somebody to say what is right: kept in memory, so that no text of them has to be on the
//! record, and written as rows of an evidence table once they are scored.

use std::collections::{HashMap, VecDeque};

use ordinate_core::Item;
use serde::Serialize;

use crate::candidate::{Answered, Candidate};

/// The most items that are kept.
const ITEMS: usize = 10_000;
/// The most bytes of their texts.
const BYTES: usize = 32 << 20;

/// What a candidate answered to an item: a row of an evidence table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The request.
    id: String,
    pub(crate) candidate: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    latency_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

impl Row {
    /// What this candidate answered.
    pub(crate) fn of(id: &str, item: &Item, candidate: &Candidate, answered: &Answered) -> Self {
        Self {
            id: id.to_owned(),
            candidate: candidate.name.to_string(),
            score: None,
            slice: item.slice.clone(),
            cost_usd: answered.cost_usd,
            latency_ms: answered.took.as_secs_f64() * 1e3,
            input_tokens: answered.usage.map(|usage| usage.input_tokens),
            output_tokens: answered.usage.map(|usage| usage.output_tokens),
            confidence: answered.confidence,
            error: answered.failure.as_ref().map(|failure| failure.kind.as_str()),
            input: None,
            target: None,
            output: answered.output.clone(),
        }
    }

    /// What is taken for the answer: none where there was an error.
    pub(crate) fn answer(&self) -> Option<&str> {
        self.output.as_deref().filter(|_| self.error.is_none())
    }
}

/// The answers to one item.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) task: String,
    pub(crate) policy: String,
    /// Whom the policy is held against.
    pub(crate) runner_up: String,
    pub(crate) input: String,
    /// The policy's answer.
    pub(crate) answer: Option<String>,
    /// What every candidate said that was asked, the runner-up among them.
    pub(crate) rows: Vec<Row>,
    /// Whether texts go to the record.
    pub(crate) texts: bool,
}

/// Scores of one item.
pub(crate) struct Scores {
    pub(crate) policy: f64,
    pub(crate) runner_up: f64,
}

impl Kept {
    /// Scores all answers against what is right: an item without an answer scores 0.
    pub(crate) fn score(&mut self, target: &str, score: impl Fn(&str, &str, Option<&str>) -> f64) -> Scores {
        let of = |answer: Option<&str>| {
            answer.map_or(0.0, |answer| score(answer, target, Some(&self.input)).clamp(0.0, 1.0))
        };
        let runner_up = self.rows.iter().find(|row| row.candidate == self.runner_up);
        let scores =
            Scores { policy: of(self.answer.as_deref()), runner_up: of(runner_up.and_then(Row::answer)) };
        let each: Vec<Option<f64>> =
            self.rows.iter().map(|row| row.error.is_none().then(|| of(row.answer()))).collect();
        for (row, score) in self.rows.iter_mut().zip(each) {
            row.score = score;
            if self.texts {
                row.input = Some(self.input.clone());
                row.target = Some(target.to_owned());
            } else {
                row.output = None;
            }
        }
        scores
    }

    fn bytes(&self) -> usize {
        let answers = self.rows.iter().filter_map(|row| row.output.as_ref()).chain(&self.answer);
        self.input.len() + answers.map(String::len).sum::<usize>()
    }
}

/// Items that wait, the oldest of which make room.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    by_request: HashMap<String, Kept>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Waiting {
    pub(crate) fn keep(&mut self, request: String, kept: Kept) {
        self.bytes += kept.bytes();
        self.order.push_back(request.clone());
        self.by_request.insert(request, kept);
        while self.order.len() > ITEMS || self.bytes > BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.by_request.remove(&oldest) {
                self.bytes -= gone.bytes();
            }
        }
    }

    /// The answers to this request, once.
    pub(crate) fn take(&mut self, task: &str, request: &str) -> Option<Kept> {
        self.by_request.get(request).filter(|kept| kept.task == task)?;
        let kept = self.by_request.remove(request)?;
        self.bytes -= kept.bytes();
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let kept = |task: &str, bytes: usize| Kept {
            task: task.to_owned(),
            policy: "p".to_owned(),
            runner_up: "r".to_owned(),
            input: "x".repeat(bytes),
            answer: Some("a".to_owned()),
            rows: Vec::new(),
            texts: false,
        };
        let mut waiting = Waiting::default();
        for at in 0..100 {
            waiting.keep(at.to_string(), kept("t", 1 << 20));
        }
        assert!(waiting.bytes <= BYTES && waiting.by_request.len() == 31, "{}", waiting.by_request.len());
        assert!(waiting.take("t", "3").is_none() && waiting.take("u", "99").is_none());
        assert!(waiting.take("t", "99").is_some() && waiting.take("t", "99").is_none());
        for at in 0..2 * ITEMS {
            waiting.keep(format!("s{at}"), kept("t", 0));
        }
        assert_eq!(waiting.order.len(), ITEMS);
    }
}
