//! The score of one answer against the right one, equal to the reference implementations; and the figures of a whole
//! set of answers that are not the mean of such scores ([`corpus`]).

mod bleu;
mod chrf;
pub mod corpus;
mod grams;
mod labels;
mod rouge;
mod squad;
mod tokens;

use ordinate_core::task::TaskKind;

pub use bleu::BleuCounts;
pub use chrf::ChrfCounts;
pub use tokens::Tokenizer;

/// How an output is scored against a target, in `[0, 1]`.
///
/// Where a target may be a text of one's own ([`Self::ExactMatch`] to [`Self::ChrfPlusPlus`]), several right ones can be
/// given as a JSON list of texts: the best one counts (BLEU pools them, as sacrebleu does).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// 1 where output and target are the same text (outer white space apart), else 0: accuracy.
    Accuracy,
    /// 1 where the labels that were named are those that fit, in any order, else 0.
    SetAccuracy,
    /// F1 of the labels that were named against those that fit; 1 where both are none.
    LabelF1,
    /// 1 where the normalised texts are the same, as the script of SQuAD 1.1 has it, else 0.
    ExactMatch,
    /// F1 of the words of the normalised texts, as the script of SQuAD 1.1 has it; 1 where both have no words (2.0).
    WordF1,
    /// ROUGE-1, F1, as `rouge-score` without a stemmer.
    Rouge1,
    /// ROUGE-2.
    Rouge2,
    /// ROUGE-L.
    RougeL,
    /// `sentence_bleu` of sacrebleu divided by 100: effective order, exponential smoothing.
    Bleu(Tokenizer),
    /// `sentence_chrf` of sacrebleu divided by 100.
    Chrf,
    /// The same with words of one and two (`word_order=2`).
    ChrfPlusPlus,
    /// `1 - |output - target| / range`, at least 0, with the range of the targets that [`Self::fitted`] saw; 1 before.
    Closeness {
        /// The largest target less the smallest.
        range: f64,
    },
}

/// A metric that this version cannot compute, or not on these targets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// The name is not known for this kind.
    #[error("a {kind} task cannot be scored by {name:?}; the metrics are {known}")]
    Unknown {
        /// The kind of task.
        kind: String,
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
    Kind(String),
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

impl Metric {
    /// The metric of this name for a task of this kind; the kind's own without a name.
    ///
    /// # Errors
    /// [`MetricError`] where it cannot be computed.
    pub fn of(kind: TaskKind, name: Option<&str>) -> Result<Self, MetricError> {
        const BLEU: (&str, Metric) = ("bleu", Metric::Bleu(Tokenizer::V13a));
        const BLEU_ZH: (&str, Metric) = ("bleu-zh", Metric::Bleu(Tokenizer::Zh));
        const CHRF: (&str, Metric) = ("chrf", Metric::Chrf);
        const CHRF_PP: (&str, Metric) = ("chrf++", Metric::ChrfPlusPlus);
        let known: &[(&str, Self)] = match kind {
            TaskKind::Classify | TaskKind::Choose | TaskKind::ClassifyImage => {
                &[("accuracy", Self::Accuracy)]
            }
            TaskKind::Tag => &[("f1", Self::LabelF1), ("accuracy", Self::SetAccuracy)],
            TaskKind::Extract => &[("f1", Self::WordF1), ("exact-match", Self::ExactMatch)],
            TaskKind::Generate => &[
                ("exact-match", Self::ExactMatch),
                ("f1", Self::WordF1),
                ("rouge-1", Self::Rouge1),
                ("rouge-2", Self::Rouge2),
                ("rouge-l", Self::RougeL),
                BLEU,
                BLEU_ZH,
                CHRF,
                CHRF_PP,
            ],
            TaskKind::Translate => &[CHRF, CHRF_PP, BLEU, BLEU_ZH],
            TaskKind::Regress => &[("closeness", Self::Closeness { range: 1.0 })],
            TaskKind::Forecast | TaskKind::Scored => return Err(MetricError::Kind(word(kind))),
        };
        let wanted = name.unwrap_or(known[0].0).to_lowercase().replace('_', "-");
        // As rouge-score writes them.
        let wanted = match wanted.as_str() {
            "rouge1" | "rouge2" | "rougel" => wanted.replace("rouge", "rouge-"),
            _ => wanted,
        };
        known.iter().find(|(word, _)| *word == wanted).map(|(_, metric)| *metric).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            MetricError::Unknown { kind: word(kind), name: wanted, known: names.join(", ") }
        })
    }

    /// Whether [`Self::fitted`] must see the targets before the first answer is scored.
    #[must_use]
    pub fn needs_targets(self) -> bool {
        matches!(self, Self::Closeness { .. } | Self::Rouge1 | Self::Rouge2 | Self::RougeL)
    }

    /// The metric for a task whose items have these ids and targets: with the range of the targets that are `true`
    /// (those to learn from), and sure to be able to score against all of them.
    ///
    /// # Errors
    /// [`MetricError`] for the first target against which nothing can be scored.
    pub fn fitted<'a>(
        self,
        targets: impl IntoIterator<Item = (&'a str, &'a str, bool)>,
    ) -> Result<Self, MetricError> {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for (id, target, learnt_from) in targets {
            match self {
                Self::Closeness { .. } => {
                    let value = number(target).ok_or_else(|| MetricError::NotANumber {
                        id: id.to_owned(),
                        target: target.chars().take(60).collect(),
                    })?;
                    if learnt_from {
                        (least, most) = (least.min(value), most.max(value));
                    }
                }
                Self::Rouge1 | Self::Rouge2 | Self::RougeL if !rouge::has_words(target) => {
                    return Err(MetricError::NoWords { id: id.to_owned() });
                }
                _ => {}
            }
        }
        match self {
            Self::Closeness { .. } if most > least && (most - least).is_finite() => {
                Ok(Self::Closeness { range: most - least })
            }
            Self::Closeness { .. } => Err(MetricError::NoRange),
            other => Ok(other),
        }
    }

    /// The score of `output` where `target` is right.
    #[must_use]
    pub fn score(self, output: &str, target: &str) -> f64 {
        let best = |score: &dyn Fn(&str) -> f64| {
            answers(target, |right| right.iter().map(|right| score(right)).fold(0.0, f64::max))
        };
        match self {
            Self::Accuracy => f64::from(u8::from(output.trim() == target.trim())),
            Self::SetAccuracy => labels::same(output, target),
            Self::LabelF1 => labels::f1(output, target),
            Self::ExactMatch => best(&|right| squad::exact_match(output, right)),
            Self::WordF1 => best(&|right| squad::f1(output, right)),
            Self::Rouge1 => best(&|right| rouge::n(output, right, 1)),
            Self::Rouge2 => best(&|right| rouge::n(output, right, 2)),
            Self::RougeL => best(&|right| rouge::l(output, right)),
            Self::Bleu(tokenizer) => {
                answers(target, |right| BleuCounts::of(output, right, tokenizer)).score(true)
            }
            Self::Chrf => answers(target, |right| ChrfCounts::of(output, right, false)).score(),
            Self::ChrfPlusPlus => answers(target, |right| ChrfCounts::of(output, right, true)).score(),
            Self::Closeness { range } => match (number(output), number(target)) {
                (Some(output), Some(target)) => (1.0 - (output - target).abs() / range).max(0.0),
                _ => 0.0,
            },
        }
    }
}

/// The right answers that a target gives: a JSON list of texts (not empty), or the text itself.
fn answers<T>(target: &str, of: impl FnOnce(&[&str]) -> T) -> T {
    let list = target.trim_start().starts_with('[').then(|| serde_json::from_str::<Vec<String>>(target));
    match list {
        Some(Ok(list)) if !list.is_empty() => of(&list.iter().map(String::as_str).collect::<Vec<_>>()),
        _ => of(&[target]),
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

fn word(kind: TaskKind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
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

    #[test]
    fn scores_of_labels() {
        assert!((Metric::Accuracy.score(" up", "up") - 1.0).abs() < 1e-12);
        assert!(Metric::Accuracy.score("Up", "up").abs() < 1e-12);
        // sklearn.metrics.f1_score(average="samples") of {a, b} against {b, c} is 0.5
        assert!((Metric::LabelF1.score(r#"["a","b"]"#, "b, c") - 0.5).abs() < 1e-12);
        assert!((Metric::LabelF1.score("[]", "[]") - 1.0).abs() < 1e-12);
        assert!((Metric::SetAccuracy.score(r#"["a","b"]"#, "b; a") - 1.0).abs() < 1e-12);
    }

    #[test]
    fn numbers_are_scored_by_the_range_of_what_was_learnt_from() {
        let targets = [("1", "10", true), ("2", " 30.0", true), ("3", "90", false)];
        let metric = Metric::of(TaskKind::Regress, None).unwrap().fitted(targets).unwrap();
        assert_eq!(metric, Metric::Closeness { range: 20.0 });
        assert!((metric.score("25", "30") - 0.75).abs() < 1e-12);
        assert!(metric.score("-90", "90").abs() < 1e-12);
        assert!(metric.score("many", "90").abs() < 1e-12);
        let fitted = |targets: [(&str, &str, bool); 2]| metric.fitted(targets).unwrap_err().to_string();
        assert!(fitted([("1", "1", true), ("b7", "two", false)]).contains("b7"));
        assert!(fitted([("1", "1", true), ("2", "1", true)]).contains("do not differ"));
    }

    #[test]
    fn what_cannot_be_scored_says_so() {
        assert_eq!(Metric::of(TaskKind::Extract, Some("exact_match")), Ok(Metric::ExactMatch));
        assert_eq!(Metric::of(TaskKind::Generate, Some("rougeL")), Ok(Metric::RougeL));
        let error = Metric::of(TaskKind::Classify, Some("bleu")).unwrap_err().to_string();
        assert!(error.contains("accuracy"), "{error}");
        assert!(Metric::of(TaskKind::Forecast, None).unwrap_err().to_string().contains("recorded"));
        let error = Metric::Rouge1.fitted([("k1", "猫坐下了", true)]).unwrap_err().to_string();
        assert!(error.contains("k1") && error.contains("chrf"), "{error}");
    }
}
