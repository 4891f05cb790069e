//! What an answer says, typed; and the one text that each has in files, documents and tests.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::forecast::{self, Forecast, Quantile};

/// What a candidate or a policy answers.
///
/// [`std::fmt::Display`] gives its canonical text, which [`OutputKind::read`] reads back to an equal output.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// One label of a fixed list, or the key of an option. Its text: the label.
    Label(String),
    /// Labels of a fixed list, sorted, each once. Its text: a JSON list.
    Labels(Vec<String>),
    /// A finite number. Its text: the shortest decimal that reads back to the same number.
    Number(f64),
    /// Finite numbers, at least one. Its text: a JSON list.
    Series(Vec<f64>),
    /// The same with quantiles of what may come. Its text: that of [`Forecast`].
    Forecast(Forecast),
    /// Free text. Its text: itself.
    Text(String),
}

/// What the answers to a task are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputKind {
    /// One label, or the key of an option.
    Label,
    /// Any number of labels.
    Labels,
    /// A number.
    Number,
    /// A series of numbers.
    Series,
    /// Free text.
    Text,
}

impl OutputKind {
    /// Reads an answer of this kind from its text; `None` where the text is none. It takes the canonical text, and what
    /// people write in files: white space around it, and labels between commas, semicolons or bars.
    #[must_use]
    pub fn read(self, text: &str) -> Option<Output> {
        match self {
            Self::Label => Some(Output::Label(text.trim().to_owned())),
            Self::Labels => Some(Output::labels(labels(text))),
            Self::Number => number(text).map(Output::Number),
            Self::Series => series(text),
            Self::Text => Some(Output::Text(text.to_owned())),
        }
    }

    /// Whether the mean of several answers is an answer that perhaps nobody gave.
    #[must_use]
    pub fn has_means(self) -> bool {
        matches!(self, Self::Number | Self::Series)
    }

    /// One answer made of several with weights: the label with the most weight, the labels each of which has more than
    /// half of it, the weighted mean of numbers and of series of one length, of their quantiles level by level. `None` where
    /// nothing can be made of them: texts, series of different lengths, and no weight at all. Answers of another kind have no voice.
    #[must_use]
    pub fn merge(self, answers: &[(f64, &Output)]) -> Option<Output> {
        let total: f64 =
            answers.iter().filter(|(_, output)| output.kind() == self).map(|(weight, _)| weight).sum();
        if total.is_nan() || total <= 0.0 {
            return None;
        }
        match self {
            Self::Label => plurality(answers),
            Self::Labels => Some(Output::labels(
                weights(answers.iter().flat_map(|(weight, output)| match output {
                    Output::Labels(labels) => labels.iter().map(|label| (*weight, label.as_str())).collect(),
                    _ => Vec::new(),
                }))
                .into_iter()
                .filter(|(_, weight)| *weight > total / 2.0)
                .map(|(label, _)| label.to_owned()),
            )),
            Self::Number => {
                let sum: f64 = answers
                    .iter()
                    .filter_map(|(weight, output)| match output {
                        Output::Number(number) => Some(weight * number),
                        _ => None,
                    })
                    .sum();
                Some(sum / total).filter(|mean| mean.is_finite()).map(Output::Number)
            }
            Self::Series => mean_series(answers, total),
            Self::Text => None,
        }
    }

    /// The median of several series, value by value and level by level (of an even number the mean of the two in the middle),
    /// which is perhaps a series that nobody gave. `None` for answers of other kinds, series of different lengths, and no series
    /// at all.
    #[must_use]
    pub fn median(self, answers: &[&Output]) -> Option<Output> {
        let series = |output: &&Output| self == Self::Series && output.kind() == self;
        if !answers.iter().all(series) {
            return None;
        }
        let mut sorted = Vec::new();
        forecast::joined(answers, |each| {
            sorted.clear();
            sorted.extend_from_slice(each);
            sorted.sort_unstable_by(f64::total_cmp);
            let half = sorted.len() / 2;
            if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
        })
    }
}

/// Scores the outputs of one task: what replay needs to score an answer that no candidate gave.
pub trait ScoreOutput: Send + Sync + std::fmt::Debug {
    /// The score in `[0, 1]` of `output` where `target` is right, as the task's data writes it, for the item with this
    /// input, which some metrics measure errors by.
    fn score_output(&self, output: &Output, target: &str, input: Option<&str>) -> f64;
}

impl Output {
    /// These labels, sorted, each once.
    #[must_use]
    pub fn labels<S: Into<String>>(labels: impl IntoIterator<Item = S>) -> Self {
        let mut labels: Vec<String> = labels.into_iter().map(Into::into).collect();
        labels.sort_unstable();
        labels.dedup();
        Self::Labels(labels)
    }

    /// Of which kind it is.
    #[must_use]
    pub fn kind(&self) -> OutputKind {
        match self {
            Self::Label(_) => OutputKind::Label,
            Self::Labels(_) => OutputKind::Labels,
            Self::Number(_) => OutputKind::Number,
            Self::Series(_) | Self::Forecast(_) => OutputKind::Series,
            Self::Text(_) => OutputKind::Text,
        }
    }

    /// The values of a series, with or without quantiles; `None` for an answer of another kind.
    #[must_use]
    pub fn values(&self) -> Option<&[f64]> {
        match self {
            Self::Series(values) => Some(values),
            Self::Forecast(forecast) => Some(forecast.values()),
            Self::Label(_) | Self::Labels(_) | Self::Number(_) | Self::Text(_) => None,
        }
    }

    /// The quantiles that it has.
    #[must_use]
    pub fn quantiles(&self) -> &[Quantile] {
        match self {
            Self::Forecast(forecast) => forecast.quantiles(),
            _ => &[],
        }
    }

    /// The quantile of a level, as [`Forecast::quantile`] has it: of a plain series its values. `None` for an answer of another
    /// kind.
    #[must_use]
    pub fn quantile(&self, level: f64) -> Option<Cow<'_, [f64]>> {
        match self {
            Self::Forecast(forecast) => Some(forecast.quantile(level)),
            other => other.values().map(Cow::Borrowed),
        }
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Label(text) | Self::Text(text) => f.write_str(text),
            Self::Labels(labels) => write!(f, "{}", Value::from(labels.clone())),
            Self::Number(number) => write!(f, "{number}"),
            Self::Series(numbers) => write!(f, "{}", Value::from(numbers.clone())),
            Self::Forecast(forecast) => write!(f, "{forecast}"),
        }
    }
}

/// The labels that a text names: a JSON list of texts, else parts between `,`, `;` and `|`. In the order of the text,
/// perhaps more than once.
fn labels(text: &str) -> impl Iterator<Item = String> {
    let parts: Vec<String> = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(list)) => {
            list.iter().map(|label| label.as_str().map_or_else(|| label.to_string(), str::to_owned)).collect()
        }
        _ => text.split([',', ';', '|']).map(str::to_owned).collect(),
    };
    parts.into_iter().map(|label| label.trim().to_owned()).filter(|label| !label.is_empty())
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

fn series(text: &str) -> Option<Output> {
    let text = text.trim();
    if text.starts_with('{') {
        let object = serde_json::from_str(text).ok()?;
        return Forecast::read(&object).ok().map(Forecast::into_output);
    }
    if !text.starts_with('[') {
        return None;
    }
    let values = serde_json::from_str::<Vec<f64>>(text).ok().filter(|values| !values.is_empty());
    values.map(Output::Series)
}

/// The weight of each text, in the order of the texts.
fn weights<'a>(voices: impl Iterator<Item = (f64, &'a str)>) -> BTreeMap<&'a str, f64> {
    let mut sums = BTreeMap::new();
    for (weight, text) in voices {
        *sums.entry(text).or_insert(0.0) += weight;
    }
    sums
}

/// The label with the most weight; of equal ones the one that was named first.
fn plurality(answers: &[(f64, &Output)]) -> Option<Output> {
    let named = || {
        answers.iter().filter_map(|(weight, output)| match output {
            Output::Label(label) => Some((*weight, label.as_str())),
            _ => None,
        })
    };
    let sums = weights(named());
    let most = sums.values().copied().fold(f64::NEG_INFINITY, f64::max);
    named().find(|(_, label)| sums[label] >= most).map(|(_, label)| Output::Label(label.to_owned()))
}

fn mean_series(answers: &[(f64, &Output)], total: f64) -> Option<Output> {
    let (weights, series): (Vec<f64>, Vec<&Output>) =
        answers.iter().filter(|(_, output)| output.kind() == OutputKind::Series).copied().unzip();
    forecast::joined(&series, |each| {
        each.iter().zip(&weights).fold(0.0, |sum, (value, weight)| sum + weight * value / total)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_output_reads_back_from_its_text() {
        for (output, text) in [
            (Output::Label("Sci/Tech, new".into()), "Sci/Tech, new"),
            (Output::labels(["b", "a, c", "b"]), r#"["a, c","b"]"#),
            (Output::labels(Vec::<String>::new()), "[]"),
            (Output::Number(-0.1), "-0.1"),
            (Output::Number(1e-7), "0.0000001"),
            (Output::Series(vec![1.0, 2.5]), "[1.0,2.5]"),
            (
                OutputKind::Series.read(r#"{"mean": [2], "quantiles": {"0.9": [3]}}"#).unwrap(),
                r#"{"values":[2.0],"quantiles":{"0.9":[3.0]}}"#,
            ),
            (Output::Text(" as it is\n".into()), " as it is\n"),
        ] {
            assert_eq!(output.to_string(), text);
            assert_eq!(output.kind().read(text), Some(output));
        }
    }

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(OutputKind::Labels.read("b; a | b,"), Some(Output::labels(["a", "b"])));
        assert_eq!(OutputKind::Labels.read("[3, \"x\"]"), Some(Output::labels(["3", "x"])));
        assert_eq!(OutputKind::Label.read(" up\n"), Some(Output::Label("up".into())));
        assert_eq!(OutputKind::Number.read(" 4.50 "), Some(Output::Number(4.5)));
        for bad in ["", "about 4", "inf", "NaN", "[4]"] {
            assert_eq!(OutputKind::Number.read(bad), None, "{bad}");
        }
        for bad in ["", "4", "[]", "[null]", "[\"a\"]", "{}", r#"{"values":[1],"quantiles":{"0.1":[1,2]}}"#] {
            assert_eq!(OutputKind::Series.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn answers_are_merged_by_what_they_are() {
        let merged = |kind: OutputKind, texts: &[(f64, &str)]| {
            let outputs: Vec<(f64, Output)> =
                texts.iter().map(|(weight, text)| (*weight, kind.read(text).unwrap())).collect();
            let answers: Vec<(f64, &Output)> =
                outputs.iter().map(|(weight, output)| (*weight, output)).collect();
            kind.merge(&answers).map(|output| output.to_string())
        };
        assert_eq!(merged(OutputKind::Label, &[(1.0, "b"), (1.0, "a")]).as_deref(), Some("b"));
        assert_eq!(merged(OutputKind::Label, &[(1.0, "b"), (0.6, "a"), (0.6, "a")]).as_deref(), Some("a"));
        assert_eq!(
            merged(OutputKind::Labels, &[(1.0, "a,b"), (1.0, "b,c"), (1.0, "b,a")]).as_deref(),
            Some(r#"["a","b"]"#)
        );
        assert_eq!(merged(OutputKind::Number, &[(3.0, "1"), (1.0, "5")]).as_deref(), Some("2"));
        assert_eq!(
            merged(OutputKind::Series, &[(1.0, "[1, 2]"), (1.0, "[3, 4]")]).as_deref(),
            Some("[2.0,3.0]")
        );
        assert_eq!(merged(OutputKind::Series, &[(1.0, "[1, 2]"), (1.0, "[3]")]), None);
        let series = |values: &[f64]| Output::Series(values.to_vec());
        let (a, b, c) = (series(&[1.0, 9.0]), series(&[5.0, 2.0]), series(&[2.0, 3.0]));
        assert_eq!(OutputKind::Series.median(&[&a, &b, &c]), Some(series(&[2.0, 3.0])));
        assert_eq!(OutputKind::Series.median(&[&a, &b]), Some(series(&[3.0, 5.5])));
        assert_eq!(OutputKind::Series.median(&[&a, &series(&[1.0])]), None);
        assert_eq!(OutputKind::Series.median(&[]), None);
        // Quantiles are joined level by level; who gives none is sure of the values.
        let (low, both) = (
            r#"{"values":[2],"quantiles":{"0.1":[1]}}"#,
            r#"{"values":[8],"quantiles":{"0.1":[4],"0.9":[9]}}"#,
        );
        assert_eq!(
            merged(OutputKind::Series, &[(1.0, low), (1.0, both), (2.0, "[6]")]).as_deref(),
            Some(r#"{"values":[5.5],"quantiles":{"0.1":[4.25],"0.9":[5.5]}}"#)
        );
        assert_eq!(merged(OutputKind::Series, &[(1.0, low), (1.0, "[6, 7]")]), None);
        let [low, both] = [low, both].map(|text| OutputKind::Series.read(text).unwrap());
        assert_eq!(
            OutputKind::Series.median(&[&low, &both, &series(&[6.0])]).unwrap().to_string(),
            r#"{"values":[6.0],"quantiles":{"0.1":[4.0],"0.9":[6.0]}}"#
        );
        assert_eq!(OutputKind::Number.median(&[&Output::Number(1.0)]), None);
        assert_eq!(merged(OutputKind::Text, &[(1.0, "x"), (1.0, "x")]), None);
        assert_eq!(merged(OutputKind::Number, &[]), None);
        assert_eq!(OutputKind::Number.merge(&[(1.0, &Output::Text("4".into()))]), None);
    }
}
