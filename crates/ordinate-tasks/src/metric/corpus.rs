//! Figures of a whole set of answers that are not the mean of their items' scores.

use std::collections::{BTreeMap, BTreeSet};

use super::bleu::BleuCounts;
use super::chrf::ChrfCounts;
use super::ter::TerCounts;
use super::tokens::Tokenizer;
use super::{labels, right_answers};

/// F1 over classes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassF1 {
    /// The mean of the F1 of each class that occurs in outputs or targets (scikit-learn's `average="macro"`).
    pub macro_: f64,
    /// F1 of all decisions together (`average="micro"`); with one label an item this is accuracy.
    pub micro: f64,
}

/// Macro and micro F1 of pairs of output and target that hold one label each (outer white space apart). `None`
/// without pairs.
#[must_use]
pub fn class_f1<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<ClassF1> {
    let one = |text: &str| BTreeSet::from([text.trim().to_owned()]);
    sets_f1(pairs.into_iter().map(|(output, target)| (one(output), one(target))))
}

/// Macro and micro F1 of pairs of output and target that hold sets of labels. `None` where no label occurs.
#[must_use]
pub fn tag_f1<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<ClassF1> {
    sets_f1(pairs.into_iter().map(|(output, target)| (labels::read(output), labels::read(target))))
}

fn sets_f1(pairs: impl Iterator<Item = (BTreeSet<String>, BTreeSet<String>)>) -> Option<ClassF1> {
    // Right, in outputs, in targets.
    let mut classes: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for (named, right) in pairs {
        for label in named.intersection(&right) {
            classes.entry(label.clone()).or_default()[0] += 1;
        }
        for label in named {
            classes.entry(label).or_default()[1] += 1;
        }
        for label in right {
            classes.entry(label).or_default()[2] += 1;
        }
    }
    if classes.is_empty() {
        return None;
    }
    let f1 = |[right, named, wanted]: [u64; 3]| 2.0 * right as f64 / (named + wanted) as f64;
    let sum = classes.values().fold([0; 3], |sum, class| [0, 1, 2].map(|at| sum[at] + class[at]));
    let macro_ = classes.values().map(|class| f1(*class)).sum::<f64>() / classes.len() as f64;
    Some(ClassF1 { macro_, micro: f1(sum) })
}

/// BLEU of a corpus in `[0, 1]`: sacrebleu's `corpus_bleu` divided by 100. Targets are texts, or JSON lists of
/// several right ones.
#[must_use]
pub fn corpus_bleu<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, tokenizer: Tokenizer) -> f64 {
    let mut sum = BleuCounts::default();
    for (output, target) in pairs {
        sum += right_answers(target, |references| BleuCounts::of(output, references, tokenizer));
    }
    sum.score(false)
}

/// chrF of a corpus in `[0, 1]`, with `words` chrF++: sacrebleu's `corpus_chrf` divided by 100. Targets as for
/// [`corpus_bleu`].
#[must_use]
pub fn corpus_chrf<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>, words: bool) -> f64 {
    let mut sum = ChrfCounts::default();
    for (output, target) in pairs {
        sum += right_answers(target, |references| ChrfCounts::of(output, references, words));
    }
    sum.score()
}

/// TER of a corpus: edits for each word of the references, which may be more than 1; sacrebleu's `corpus_ter` divided by 100.
/// Targets as for [`corpus_bleu`].
#[must_use]
pub fn corpus_ter<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> f64 {
    let mut sum = TerCounts::default();
    for (output, target) in pairs {
        sum += right_answers(target, |references| TerCounts::of(output, references));
    }
    sum.rate()
}
