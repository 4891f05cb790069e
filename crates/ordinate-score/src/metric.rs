//! The score of one answer against the right one, for the kinds of task whose answers are labels, letters, spans
//! or texts to be matched.

use std::collections::{BTreeSet, HashMap};

use ordinate_core::task::TaskKind;

/// How an output is scored against a target, in `[0, 1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// 1 where output and target are the same text (outer white space apart), else 0: accuracy.
    Accuracy,
    /// F1 of the labels that were named against those that fit; 1 where both are none.
    LabelF1,
    /// 1 where the normalised texts are the same, as the script of SQuAD 1.1 has it, else 0.
    ExactMatch,
    /// F1 of the words of the normalised texts, as the script of SQuAD 1.1 has it.
    WordF1,
}

/// A metric that this version cannot compute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// The name is not known for this kind.
    #[error("a {kind} task cannot be scored by {name:?} yet; the metrics are {known}")]
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
        "live answers of a {0} task cannot be scored yet; ask the candidates elsewhere, and give their answers \
         with `score` as recorded candidates"
    )]
    Kind(String),
}

impl Metric {
    /// The metric of this name for a task of this kind; the kind's own without a name.
    ///
    /// # Errors
    /// [`MetricError`] where it cannot be computed.
    pub fn of(kind: TaskKind, name: Option<&str>) -> Result<Self, MetricError> {
        let known: &[(&str, Self)] = match kind {
            TaskKind::Classify | TaskKind::Choose | TaskKind::ClassifyImage => {
                &[("accuracy", Self::Accuracy)]
            }
            TaskKind::Tag => &[("f1", Self::LabelF1), ("accuracy", Self::Accuracy)],
            TaskKind::Extract => &[("f1", Self::WordF1), ("exact-match", Self::ExactMatch)],
            TaskKind::Generate => &[("exact-match", Self::ExactMatch), ("f1", Self::WordF1)],
            TaskKind::Translate | TaskKind::Forecast | TaskKind::Regress | TaskKind::Scored => {
                return Err(MetricError::Kind(word(kind)));
            }
        };
        let wanted = name.unwrap_or(known[0].0).replace('_', "-");
        known.iter().find(|(word, _)| *word == wanted).map(|(_, metric)| *metric).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
            MetricError::Unknown { kind: word(kind), name: wanted, known: names.join(", ") }
        })
    }

    /// The score of `output` where `target` is right.
    #[must_use]
    pub fn score(self, output: &str, target: &str) -> f64 {
        let same = |same: bool| f64::from(u8::from(same));
        match self {
            Self::Accuracy => same(output.trim() == target.trim()),
            Self::ExactMatch => same(words(output) == words(target)),
            Self::LabelF1 => {
                let (named, right) = (labels(output), labels(target));
                let (found, named, right) = (named.intersection(&right).count(), named.len(), right.len());
                f1(found, named, right)
            }
            Self::WordF1 => {
                let (given, right) = (words(output), words(target));
                let mut left: HashMap<&str, usize> = HashMap::new();
                for word in &right {
                    *left.entry(word).or_default() += 1;
                }
                let mut found = 0;
                for word in &given {
                    if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
                        *count -= 1;
                        found += 1;
                    }
                }
                f1(found, given.len(), right.len())
            }
        }
    }
}

fn word(kind: TaskKind) -> String {
    serde_json::to_value(kind).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

#[allow(clippy::cast_precision_loss)] // counts of words
fn f1(found: usize, given: usize, right: usize) -> f64 {
    if given == 0 || right == 0 {
        return f64::from(u8::from(given == right));
    }
    2.0 * found as f64 / (given + right) as f64
}

/// The labels of a JSON array, or of a list with commas.
fn labels(text: &str) -> BTreeSet<String> {
    let list = serde_json::from_str::<Vec<String>>(text);
    let list =
        list.unwrap_or_else(|_| text.split([',', ';', '|']).map(|label| label.trim().to_owned()).collect());
    list.into_iter().filter(|label| !label.is_empty()).collect()
}

/// Words in lower case, without ASCII punctuation and English articles (SQuAD 1.1's `normalize_answer`).
fn words(text: &str) -> Vec<String> {
    let bare: String = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    bare.split_whitespace().filter(|word| !matches!(*word, "a" | "an" | "the")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_references() {
        assert!((Metric::Accuracy.score(" up", "up") - 1.0).abs() < 1e-12);
        assert!(Metric::Accuracy.score("Up", "up").abs() < 1e-12);
        // evaluate-v1.1.py of SQuAD: f1_score("the Denver Broncos team", "Denver Broncos") = 0.8
        assert!((Metric::WordF1.score("the Denver Broncos team", "Denver Broncos") - 0.8).abs() < 1e-12);
        assert!((Metric::ExactMatch.score("The  Broncos!", "broncos") - 1.0).abs() < 1e-12);
        // sklearn.metrics.f1_score(average="samples") of {a, b} against {b, c} is 0.5
        assert!((Metric::LabelF1.score(r#"["a","b"]"#, "b, c") - 0.5).abs() < 1e-12);
        assert!((Metric::LabelF1.score("[]", "[]") - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_scored_says_so() {
        assert_eq!(Metric::of(TaskKind::Extract, Some("exact_match")), Ok(Metric::ExactMatch));
        let error = Metric::of(TaskKind::Classify, Some("bleu")).unwrap_err().to_string();
        assert!(error.contains("accuracy"), "{error}");
        assert!(Metric::of(TaskKind::Translate, None).unwrap_err().to_string().contains("recorded"));
    }
}
