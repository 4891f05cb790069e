//! One label, or a set of labels.

use std::collections::BTreeSet;

use ordinate_core::{Output, OutputKind};

use super::Metric;

/// 1 where output and target are the same text (outer white space apart), else 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accuracy;

impl Metric for Accuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn about(&self) -> &'static str {
        "1 where the label is the right one, else 0; its mean is the share of right answers."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        f64::from(u8::from(super::text(output).trim() == target.trim()))
    }
}

/// 1 where the labels that were named are those that fit, in any order, else 0 (scikit-learn's `accuracy_score` of
/// label indicators).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAccuracy;

impl Metric for SetAccuracy {
    fn name(&self) -> &'static str {
        "accuracy"
    }

    fn about(&self) -> &'static str {
        "1 where the labels that were named are just those that fit, else 0."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        f64::from(u8::from(named(output) == read(target)))
    }
}

/// F1 of the labels that were named against those that fit; 1 where both are none (scikit-learn's `f1_score` with
/// `average="samples"`, `zero_division=1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelF1;

impl Metric for LabelF1 {
    fn name(&self) -> &'static str {
        "f1"
    }

    fn about(&self) -> &'static str {
        "F1 of the labels that were named against those that fit; 1 where both are none."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        let (named, right) = (named(output), read(target));
        super::f1(named.intersection(&right).count() as u64, named.len(), right.len())
    }
}

/// The labels that a text names.
pub(super) fn read(text: &str) -> BTreeSet<String> {
    OutputKind::Labels.read(text).as_ref().map(named).unwrap_or_default()
}

fn named(output: &Output) -> BTreeSet<String> {
    match output {
        Output::Labels(labels) => labels.iter().cloned().collect(),
        other => read(&super::text(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_labels() {
        let label = |text: &str| Output::Label(text.into());
        assert!((Accuracy.score(&label("up"), " up") - 1.0).abs() < 1e-12);
        assert!(Accuracy.score(&label("Up"), "up").abs() < 1e-12);
        // sklearn.metrics.f1_score(average="samples") of {a, b} against {b, c} is 0.5
        assert!((LabelF1.score(&Output::labels(["a", "b"]), "b, c") - 0.5).abs() < 1e-12);
        assert!((LabelF1.score(&Output::labels(Vec::<String>::new()), "[]") - 1.0).abs() < 1e-12);
        assert!((SetAccuracy.score(&Output::labels(["a", "b"]), "b; a") - 1.0).abs() < 1e-12);
    }
}
