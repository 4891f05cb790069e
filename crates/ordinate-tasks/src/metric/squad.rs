//! Exact match and F1 of words, as the scripts of SQuAD have them (Rajpurkar et al. 2016).

use ordinate_core::Output;

use super::grams::{Numbering, count, is_space, shared, split};
use super::{Metric, best};

/// 1 where the normalised texts are the same, else 0; the best of several right answers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactMatch;

impl Metric for ExactMatch {
    fn name(&self) -> &'static str {
        "exact-match"
    }

    fn about(&self) -> &'static str {
        "1 where the texts are the same without case, punctuation and English articles (SQuAD), else 0."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        best(output, target, exact_match)
    }
}

/// F1 of the words of the normalised texts; the best of several right answers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordF1;

impl Metric for WordF1 {
    fn name(&self) -> &'static str {
        "f1"
    }

    fn about(&self) -> &'static str {
        "F1 of the words without case, punctuation and English articles (SQuAD)."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        best(output, target, f1)
    }
}

/// 1 where the normalised texts are the same, else 0.
fn exact_match(output: &str, target: &str) -> f64 {
    f64::from(u8::from(split(&normalised(output)).eq(split(&normalised(target)))))
}

/// F1 of the words of the normalised texts. Where one has no words, 1 if the other has none either: the rule of
/// `evaluate-v2.0.py`; `evaluate-v1.1.py`, which is the same otherwise, gives 0.
fn f1(output: &str, target: &str) -> f64 {
    let (given, right) = (normalised(output), normalised(target));
    let mut numbering = Numbering::default();
    let (given, right) = (numbering.numbers(split(&given)), numbering.numbers(split(&right)));
    super::f1(shared(&count(&given, 1), &count(&right, 1)), given.len(), right.len())
}

/// The scripts' `normalize_answer`: lower case, without ASCII punctuation, then without the English articles
/// (`\b(a|an|the)\b`), each of which leaves a space.
fn normalised(text: &str) -> String {
    let bare: Vec<char> = text.to_lowercase().chars().filter(|c| !c.is_ascii_punctuation()).collect();
    let is_word = |c: &char| c.is_alphanumeric();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < bare.len() {
        let run = bare[at..].iter().take_while(|c| is_word(c)).count();
        if run == 0 {
            kept.push(if is_space(bare[at]) { ' ' } else { bare[at] });
            at += 1;
        } else {
            match &bare[at..at + run] {
                ['a'] | ['a', 'n'] | ['t', 'h', 'e'] => kept.push(' '),
                word => kept.extend(word),
            }
            at += run;
        }
    }
    kept
}
