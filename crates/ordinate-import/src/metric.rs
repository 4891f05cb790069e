//! Which of a log's metrics becomes the score, and how it gets to `[0, 1]`.

use std::collections::{BTreeMap, HashMap};

use crate::error::{ImportError, Place};
use crate::options::Options;
use crate::record::Record;

/// The metrics that the field looks at first, best known first.
const USUAL: [&str; 19] = [
    "acc",
    "accuracy",
    "exact_match",
    "em",
    "quasi_exact_match",
    "match",
    "correct",
    "pass@1",
    "score",
    "chain_of_thought_correctness",
    "ifeval_strict_accuracy",
    "prompt_level_strict_acc",
    "f1",
    "f1_score",
    "mcc",
    "rougeL",
    "rouge_l",
    "bleu",
    "chrf",
];

/// Metrics that their tools give on a scale of 0 to 100, per item too.
const PERCENT: [&str; 9] =
    ["bleu", "sacrebleu", "chrf", "chrf++", "chrf2", "bleu_max", "rouge1_max", "rouge2_max", "rougeL_max"];

/// Metrics of which less is better: as they are, they would turn every comparison round.
const LESS_IS_BETTER: [&str; 12] = [
    "perplexity",
    "word_perplexity",
    "byte_perplexity",
    "bits_per_byte",
    "brier_score",
    "ter",
    "wer",
    "cer",
    "mse",
    "rmse",
    "mae",
    "loss",
];

/// Puts the metrics that the field knows best first; the others keep their order behind them.
pub(crate) fn primary_first(metrics: &mut [(String, f64)]) {
    metrics.sort_by_key(|(name, _)| USUAL.iter().position(|usual| usual == name).unwrap_or(USUAL.len()));
}

/// Whether the field knows this metric.
pub(crate) fn is_usual(name: &str) -> bool {
    USUAL.contains(&name)
}

/// Whether a metric's full name (`scorer.key`, `exact_match:test`, `exact_match,none`) is the one that was asked for.
pub(crate) fn is(full: &str, asked: &str) -> bool {
    full == asked || full.split(['.', ':', ',']).any(|part| part == asked)
}

/// The metric of each task, chosen at its first scored answer.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    chosen: HashMap<String, Choice>,
}

#[derive(Debug)]
struct Choice {
    name: String,
    /// What the first log of the task offered, for messages.
    offered: Vec<String>,
    scale: Scale,
}

#[derive(Debug, Clone, Copy)]
enum Scale {
    AsIs,
    Percent,
    Range(f64, f64),
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::AsIs => value,
            Self::Percent => value / 100.0,
            Self::Range(worst, best) => (value - worst) / (best - worst),
        }
    }
}

/// What an answer's metrics come to.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// The score, in `[0, 1]`.
    Score(f64),
    /// The log has no number for this answer.
    Unscored,
    /// The log has numbers, but not of the task's metric.
    OtherMetric(String),
}

impl Metrics {
    /// The score of a record.
    pub(crate) fn score(
        &mut self,
        record: &Record,
        options: &Options,
        place: &Place,
    ) -> Result<Outcome, ImportError> {
        if record.metrics.is_empty() {
            return Ok(Outcome::Unscored);
        }
        if !self.chosen.contains_key(&record.task) {
            let choice = choose(record, options, place)?;
            self.chosen.insert(record.task.clone(), choice);
        }
        let Some(choice) = self.chosen.get(&record.task) else { return Ok(Outcome::Unscored) };
        let Some((_, value)) = record.metrics.iter().find(|(name, _)| *name == choice.name) else {
            return Ok(Outcome::OtherMetric(choice.name.clone()));
        };
        choice.to_score(*value, place).map(Outcome::Score)
    }

    /// What was chosen, in plain words: tasks that are scored alike share a sentence.
    pub(crate) fn notes(&self) -> Vec<String> {
        const SHOWN: usize = 5;
        let mut alike: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
        for (task, choice) in &self.chosen {
            alike.entry(choice.describe()).or_default().push(task);
        }
        let sentence = |((chosen, others), mut tasks): ((String, String), Vec<&str>)| {
            tasks.sort_unstable();
            let count = tasks.len();
            let named = tasks[..count.min(SHOWN)].join(", ");
            let tasks = match count {
                1 => format!("task {named}"),
                2..=SHOWN => format!("tasks {named}"),
                _ => format!("{count} tasks ({named}, …)"),
            };
            format!("{tasks}: scored by {chosen}{others}.")
        };
        alike.into_iter().map(sentence).collect()
    }

    /// A value of a task's metric as a score, whether or not it is one that an answer can have.
    pub(crate) fn scaled(&self, task: &str, value: f64) -> Option<f64> {
        self.chosen.get(task).map(|choice| choice.scale.of(value))
    }

    /// The metric of a task and what else there was, for messages.
    pub(crate) fn of(&self, task: &str) -> Option<(&str, &[String])> {
        self.chosen.get(task).map(|choice| (choice.name.as_str(), choice.offered.as_slice()))
    }
}

fn choose(record: &Record, options: &Options, place: &Place) -> Result<Choice, ImportError> {
    let offered: Vec<String> = record.metrics.iter().map(|(name, _)| name.clone()).collect();
    let name = match &options.metric {
        Some(asked) => {
            offered.iter().find(|name| *name == asked).or_else(|| offered.iter().find(|name| is(name, asked)))
        }
        None => {
            offered.iter().find(|name| !LESS_IS_BETTER.contains(&name.as_str()) && !name.ends_with("stderr"))
        }
    };
    let Some(name) = name.cloned() else {
        let wanted = options
            .metric
            .as_ref()
            .map_or("a metric of which more is better".into(), |m| format!("the metric {m:?}"));
        return Err(place.clone().field("metrics").refuse(
            format!("task {} has not {wanted}; it has {}", record.task, offered.join(", ")),
            "choose one with --metric NAME (and give its worst and best value with --range where it is not in [0, 1])",
        ));
    };
    let scale = match options.range {
        Some((worst, best)) => Scale::Range(worst, best),
        None if LESS_IS_BETTER.contains(&name.as_str()) => {
            return Err(place.clone().field(&name).refuse(
                "is a metric of which less is better, and a score is better when it is larger",
                "give its worst and its best value with --range WORST,BEST, or choose another with --metric NAME",
            ));
        }
        None if PERCENT.contains(&name.as_str()) => Scale::Percent,
        None => Scale::AsIs,
    };
    Ok(Choice { name, offered, scale })
}

impl Choice {
    /// The metric with its scale, and what else the log has.
    fn describe(&self) -> (String, String) {
        let chosen = match self.scale {
            Scale::AsIs => self.name.clone(),
            Scale::Percent => format!("{}, divided by 100", self.name),
            Scale::Range(worst, best) => {
                format!("{}, scaled from {worst} (worst) to {best} (best)", self.name)
            }
        };
        let others: Vec<&str> =
            self.offered.iter().map(String::as_str).filter(|name| *name != self.name).collect();
        if others.is_empty() {
            return (chosen, String::new());
        }
        (chosen, format!("; the log also has {} (choose with --metric)", others.join(", ")))
    }

    fn to_score(&self, value: f64, place: &Place) -> Result<f64, ImportError> {
        let place = || place.clone().field(&self.name);
        if !value.is_finite() {
            return Err(place().refuse(
                format!("the score is {value}, which is no number"),
                "find out what the tool meant: correct the row, or take the answer out of the log",
            ));
        }
        let score = self.scale.of(value);
        // Sums of floats (an F1, a mean over graders) may pass the end by a rounding.
        const ROUNDING: f64 = 1e-9;
        if !(-ROUNDING..=1.0 + ROUNDING).contains(&score) {
            return Err(place().refuse(
                format!("the score {value} comes to {score}, which is outside [0, 1]"),
                "give the metric's worst and best value with --range WORST,BEST, or choose another with --metric NAME",
            ));
        }
        Ok(score.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(metrics: &[(&str, f64)], options: &Options) -> Result<f64, String> {
        let record = Record {
            task: "t".into(),
            metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            ..Record::default()
        };
        match Metrics::default().score(&record, options, &Place::default().line(7)) {
            Ok(Outcome::Score(score)) => Ok(score),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn scores_come_to_the_unit_interval_or_are_refused() {
        let none = Options::default();
        assert_eq!(score(&[("acc", 1.0)], &none), Ok(1.0));
        assert_eq!(score(&[("bleu", 42.0)], &none), Ok(0.42));
        assert_eq!(score(&[("f1", 1.0 + 1e-12)], &none), Ok(1.0));
        assert_eq!(score(&[("word_perplexity", 9.0), ("acc", 0.5)], &none), Ok(0.5));
        let refused = score(&[("grade", 7.0)], &none).unwrap_err();
        assert!(refused.contains("line 7, field grade") && refused.contains("--range"), "{refused}");
        let refused = score(&[("acc", f64::NAN)], &none).unwrap_err();
        assert!(refused.contains("no number"), "{refused}");
        let refused = score(&[("wer", 0.1)], &none).unwrap_err();
        assert!(refused.contains("more is better") && refused.contains("wer"), "{refused}");
        let ranged = Options { range: Some((10.0, 0.0)), metric: Some("wer".into()), ..Options::default() };
        assert_eq!(score(&[("wer", 2.5)], &ranged), Ok(0.75));
        let missing = Options { metric: Some("bleu".into()), ..Options::default() };
        assert!(score(&[("acc", 1.0)], &missing).unwrap_err().contains("it has acc"));
    }

    #[test]
    fn tasks_that_are_scored_alike_share_a_note() {
        let mut metrics = Metrics::default();
        for task in ["b", "a", "c"] {
            let pairs = [("acc".to_owned(), 1.0), ("acc_norm".to_owned(), 1.0)];
            let kept = if task == "c" { 1 } else { 2 };
            let record = Record { task: task.into(), metrics: pairs[..kept].to_vec(), ..Record::default() };
            metrics.score(&record, &Options::default(), &Place::default()).unwrap();
        }
        assert_eq!(
            metrics.notes(),
            [
                "task c: scored by acc.",
                "tasks a, b: scored by acc; the log also has acc_norm (choose with --metric).",
            ]
        );
    }

    #[test]
    fn a_part_of_a_full_name_is_enough() {
        assert!(is("exact_match:test", "exact_match") && is("grader.tone", "tone") && is("acc,none", "acc"));
        assert!(!is("exact_match", "match"));
    }
}
