//! Metrics equal sacrebleu, rouge-score, the scripts of SQuAD and scikit-learn (`tests/golden/make_metrics.py`), and what
//! holds for any text.

#![allow(clippy::unwrap_used)]

use ordinate_core::Output;
use ordinate_tasks::kinds::{Classify, Generate, Tag};
use ordinate_tasks::metric::{
    Accuracy, Bleu, Chrf, ChrfCounts, ChrfText, Closeness, ExactMatch, LabelF1, Rouge, SetAccuracy, Ter,
    Tokenizer, WordF1, corpus,
};
use ordinate_tasks::{Kind, Metric, Scorer};
use proptest::prelude::*;
use serde_json::Value;

fn golden() -> Value {
    let path = format!("{}/tests/golden/metrics.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[track_caller]
fn close(ours: f64, theirs: &Value, of: &str) {
    let theirs = theirs.as_f64().unwrap();
    assert!((ours - theirs).abs() <= 1e-6, "{of}: {ours} is not {theirs}");
}

#[test]
fn every_item_scores_as_by_the_references() {
    let golden = golden();
    let cases = golden["items"].as_array().unwrap();
    assert!(cases.len() > 90);
    for case in cases {
        let output = case["output"].as_str().unwrap();
        let answers = case["answers"].as_array().unwrap();
        // One answer can also stand as it is.
        let mut targets = vec![case["answers"].to_string()];
        if let [one] = answers.as_slice() {
            targets.push(one.as_str().unwrap().to_owned());
        }
        for (name, theirs) in case["scores"].as_object().unwrap() {
            let metric = Scorer::of(&Generate, Some(name)).unwrap();
            for target in &targets {
                close(
                    metric.score(output, target, None),
                    theirs,
                    &format!("{name} of {output:?} for {target}"),
                );
            }
        }
    }
}

#[test]
fn a_corpus_scores_as_by_sacrebleu() {
    for case in golden()["corpora"].as_array().unwrap() {
        let pairs: Vec<(String, String)> = case["pairs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair["output"].as_str().unwrap().to_owned(), pair["answers"].to_string()))
            .collect();
        let pairs = || pairs.iter().map(|(output, target)| (output.as_str(), target.as_str()));
        let (name, scores) = (case["name"].as_str().unwrap(), &case["scores"]);
        close(corpus::corpus_bleu(pairs(), Tokenizer::V13a), &scores["bleu"], name);
        close(corpus::corpus_bleu(pairs(), Tokenizer::Zh), &scores["bleu-zh"], name);
        close(corpus::corpus_chrf(pairs(), false), &scores["chrf"], name);
        close(corpus::corpus_chrf(pairs(), true), &scores["chrf++"], name);
    }
}

#[test]
fn labels_score_as_by_scikit_learn() {
    let golden = golden();
    let texts = |list: &Value| -> Vec<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        list.as_array().unwrap().iter().map(text).collect()
    };
    let mean = |metric: &Scorer, outputs: &[String], targets: &[String]| {
        let scores = outputs.iter().zip(targets).map(|(output, target)| metric.score(output, target, None));
        scores.sum::<f64>() / outputs.len() as f64
    };
    for (kind, cases) in [("classes", &Classify as &dyn Kind), ("tags", &Tag)] {
        for case in golden[kind].as_array().unwrap() {
            let (outputs, targets) = (texts(&case["outputs"]), texts(&case["targets"]));
            let accuracy = Scorer::of(cases, Some("accuracy")).unwrap();
            close(mean(&accuracy, &outputs, &targets), &case["accuracy"], kind);
            let pairs = outputs.iter().map(String::as_str).zip(targets.iter().map(String::as_str));
            let f1 = if cases.name() == Tag.name() {
                close(
                    mean(&Scorer::of(&Tag, Some("f1")).unwrap(), &outputs, &targets),
                    &case["samples"],
                    kind,
                );
                corpus::tag_f1(pairs)
            } else {
                corpus::class_f1(pairs)
            };
            close(f1.unwrap().macro_, &case["macro"], kind);
            close(f1.unwrap().micro, &case["micro"], kind);
        }
    }
    assert_eq!(corpus::class_f1([]), None);
}

const TEXT: [&dyn Metric; 10] = [
    &ExactMatch,
    &WordF1,
    &Rouge::One,
    &Rouge::Two,
    &Rouge::Longest,
    &Bleu(Tokenizer::V13a),
    &Bleu(Tokenizer::Zh),
    &Chrf::Plain,
    &Chrf::PlusPlus,
    &Ter,
];

/// A text as it stands, as one label, and as a list of labels.
fn outputs(text: &str) -> [Output; 3] {
    [Output::Text(text.into()), Output::Label(text.into()), Output::labels([text])]
}

/// Texts of few signs, which meet each other often, and of any.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[abthe .,\\-(\\[\"0-9猫。\\n&]{0,40}", "(?s).{0,60}"]
}

proptest! {
    #[test]
    fn texts_made_ready_compare_as_by_chrf(a in text(), b in text()) {
        let both = ChrfText::new(&a, usize::MAX).against(&ChrfText::new(&b, usize::MAX));
        for (ours, (output, target)) in both.into_iter().zip([(&a, &b), (&b, &a)]) {
            let exact = ChrfCounts::of(output, &[target], false).score();
            prop_assert!((ours - exact).abs() < 1e-12, "{ours} {exact}");
        }
    }

    #[test]
    fn scores_lie_in_0_to_1(output in text(), target in text(), range in 1e-3..1e6) {
        let closeness = Closeness { range };
        let others: [&dyn Metric; 4] = [&Accuracy, &SetAccuracy, &LabelF1, &closeness];
        for metric in TEXT.into_iter().chain(others) {
            for output in outputs(&output) {
                let score = metric.score(&output, &target);
                prop_assert!((0.0..=1.0).contains(&score), "{metric:?} {score}");
            }
        }
    }

    #[test]
    fn the_right_answer_scores_1(text in "[a-z]{4,8} [b-z]{4,8}( [b-z猫]{2,6}[.]?){1,8}") {
        let output = Output::Text(text.clone());
        for metric in TEXT {
            let several = serde_json::json!(["something else", text]).to_string();
            for target in [&text, &several] {
                let score = metric.score(&output, target);
                prop_assert!((score - 1.0).abs() < 1e-12, "{metric:?} {score}");
            }
        }
        for metric in [&Accuracy as &dyn Metric, &SetAccuracy, &LabelF1] {
            let score = metric.score(&output, &text);
            prop_assert!((score - 1.0).abs() < 1e-12, "{metric:?} {score}");
        }
    }
}
