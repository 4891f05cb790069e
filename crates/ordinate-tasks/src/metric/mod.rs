//! The score of one answer against the right one, equal to the reference implementations; and the figures of a whole
//! set of answers that are not the mean of such scores ([`corpus`], [`ranking`]).

mod bleu;
mod chrf;
mod chrf_text;
mod closeness;
pub mod corpus;
mod figure;
mod grams;
mod judge;
mod labels;
pub mod ranking;
mod rouge;
mod series;
mod squad;
mod ter;
mod tokens;
mod wql;

use std::fmt::Debug;
use std::sync::Arc;

use ordinate_core::Output;

use crate::kind::Kind;

pub use bleu::{Bleu, BleuCounts};
pub use chrf::{Chrf, ChrfCounts};
pub use chrf_text::ChrfText;
pub use closeness::Closeness;
pub use figure::CorpusFigure;
pub use judge::Judged;
pub use labels::{Accuracy, LabelF1, SetAccuracy};
pub use rouge::Rouge;
pub use series::{Mase, Rmsse, Smape, errors};
pub use squad::{ExactMatch, WordF1};
pub use ter::{Ter, TerCounts};
pub use tokens::Tokenizer;
pub use wql::Wql;

/// How an output is scored against a target, in `[0, 1]`, larger is better.
pub trait Metric: Send + Sync + Debug {
    /// Its name in task files, verdicts and documents, such as `rouge-l`.
    fn name(&self) -> &'static str;

    /// What it is, in one sentence.
    fn about(&self) -> &'static str;

    /// The score of `output` where `target` is right. An output of a kind that it is not for scores 0.
    fn score(&self, output: &Output, target: &str) -> f64;

    /// The same for the item with this input, which some metrics measure errors by.
    fn score_of(&self, output: &Output, target: &str, _input: Option<&str>) -> f64 {
        self.score(output, target)
    }

    /// The levels of quantiles that it reads, where the task says none: forecasts are then asked for these.
    fn levels(&self) -> &'static [f64] {
        &[]
    }

    /// Whether [`Self::fitted`] must see the targets before the first answer is scored.
    fn needs_targets(&self) -> bool {
        false
    }

    /// The metric for a task with these targets; `None` where it is the same for all tasks.
    ///
    /// # Errors
    /// [`MetricError`] for the first target against which nothing can be scored.
    fn fitted(
        &self,
        _targets: &mut dyn Iterator<Item = Target<'_>>,
    ) -> Result<Option<Arc<dyn Metric>>, MetricError> {
        Ok(None)
    }
}

/// The right answer to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The item's id.
    pub id: &'a str,
    /// Its right answer.
    pub text: &'a str,
    /// Its input, where it is known.
    pub input: Option<&'a str>,
    /// Whether models learn from it.
    pub learnt_from: bool,
}

/// A metric that this version cannot compute, or not on these targets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// The name is not known for this kind.
    #[error("a {kind} task cannot be scored by {name:?}; the metrics are {known}")]
    Unknown {
        /// The kind of task.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The kind has no metric here.
    #[error(
        "answers of a {0} task cannot be scored by this version; score them elsewhere, and give them with `score` as \
         recorded candidates"
    )]
    Kind(&'static str),
    /// A target that is no number.
    #[error("the target of item {id} is {target:?}, not a number; correct it, or remove the item")]
    NotANumber {
        /// The item.
        id: String,
        /// Its target.
        target: String,
    },
    /// Numbers that do not differ.
    #[error(
        "the targets do not differ, so there is no range to measure errors by; give items with other targets"
    )]
    NoRange,
    /// A target that is no series.
    #[error("the target of item {id} is no list of finite numbers; correct it, or remove the item")]
    NotASeries {
        /// The item.
        id: String,
    },
    /// A past by which no error can be measured.
    #[error(
        "the past of item {id} {why}, so that {metric} has nothing to measure errors by; use metric = \"smape\", or leave \
         the item out"
    )]
    NoScale {
        /// The item.
        id: String,
        /// What is wrong with it.
        why: String,
        /// The metric.
        metric: &'static str,
    },
    /// A target by which no loss can be measured.
    #[error(
        "the target of item {id} is 0 throughout, so that wql has nothing to measure losses by; use metric = \"mase\", or leave the \
         item out"
    )]
    OnlyZeros {
        /// The item.
        id: String,
    },
    /// A target without anything that the metric counts.
    #[error(
        "the target of item {id} has no word of the letters a-z or digits, and ROUGE counts nothing else; use \
         metric = \"chrf\", which reads every script"
    )]
    NoWords {
        /// The item.
        id: String,
    },
}

/// The metric of this name for a task of this kind; the kind's own without a name.
///
/// # Errors
/// [`MetricError`] where there is none.
pub fn find(kind: &dyn Kind, name: Option<&str>) -> Result<Arc<dyn Metric>, MetricError> {
    let known = kind.metrics();
    let Some(default) = known.first() else { return Err(MetricError::Kind(kind.name())) };
    let wanted = name.unwrap_or(default.name()).to_lowercase().replace('_', "-");
    // As rouge-score writes them.
    let wanted = match wanted.as_str() {
        "rouge1" | "rouge2" | "rougel" => wanted.replace("rouge", "rouge-"),
        _ => wanted,
    };
    known.iter().find(|metric| metric.name() == wanted).cloned().ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|metric| metric.name()).collect();
        MetricError::Unknown { kind: kind.name(), name: wanted, known: names.join(", ") }
    })
}

/// The text of an output that is scored as text.
fn text(output: &Output) -> std::borrow::Cow<'_, str> {
    match output {
        Output::Label(text) | Output::Text(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// The best score of `output` against the right answers that `target` gives.
fn best(output: &Output, target: &str, score: impl Fn(&str, &str) -> f64) -> f64 {
    let output = text(output);
    right_answers(target, |right| right.iter().map(|right| score(&output, right)).fold(0.0, f64::max))
}

/// The right answers that a target gives, handed to `of`: a JSON list of texts (not empty), or the text itself.
pub fn right_answers<T>(target: &str, of: impl FnOnce(&[&str]) -> T) -> T {
    let list = target.trim_start().starts_with('[').then(|| serde_json::from_str::<Vec<String>>(target));
    match list {
        Some(Ok(list)) if !list.is_empty() => of(&list.iter().map(String::as_str).collect::<Vec<_>>()),
        _ => of(&[target]),
    }
}

/// F1 of `found` among `given` and `right`; where one of these is empty, 1 if both are.
fn f1(found: u64, given: usize, right: usize) -> f64 {
    if given == 0 || right == 0 {
        return f64::from(u8::from(given == right));
    }
    2.0 * found as f64 / (given + right) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Classify, Extract, Generate, Scored};

    #[test]
    fn what_cannot_be_scored_says_so() {
        assert_eq!(find(&Extract, Some("exact_match")).unwrap().name(), "exact-match");
        assert_eq!(find(&Generate, Some("rougeL")).unwrap().name(), "rouge-l");
        let error = find(&Classify, Some("bleu")).unwrap_err().to_string();
        assert!(error.contains("accuracy"), "{error}");
        assert!(find(&Scored, None).unwrap_err().to_string().contains("recorded"));
        let target = Target { id: "k1", text: "猫坐下了", input: None, learnt_from: true };
        let error = Rouge::One.fitted(&mut [target].into_iter()).unwrap_err().to_string();
        assert!(error.contains("k1") && error.contains("chrf"), "{error}");
    }
}
