//! TER, and the figures of whole corpora of translations with their signatures, equal sacrebleu's
//! (`tests/golden/make_ter.py`).

#![allow(clippy::unwrap_used)]

use ordinate_tasks::Scorer;
use ordinate_tasks::kinds::Translate;
use ordinate_tasks::metric::{CorpusFigure, TerCounts, Tokenizer};
use serde_json::Value;

fn golden() -> Value {
    let path = format!("{}/tests/golden/ter.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_item_has_the_ter_of_sacrebleu() {
    let golden = golden();
    let cases = golden["items"].as_array().unwrap();
    assert!(cases.len() > 140);
    let metric = Scorer::of(&Translate, Some("ter")).unwrap();
    for case in cases {
        let output = case["output"].as_str().unwrap();
        let answers: Vec<&str> =
            case["answers"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
        let (ours, theirs) = (TerCounts::of(output, &answers).rate(), case["ter"].as_f64().unwrap() / 100.0);
        assert!((ours - theirs).abs() <= 1e-6, "{output:?} for {answers:?}: {ours} is not {theirs}");
        // As a score it is in [0, 1], larger is better.
        let score = metric.score(output, &case["answers"].to_string(), None);
        assert!((score - (1.0 - theirs).max(0.0)).abs() <= 1e-6, "{output:?}: {score}");
    }
}

#[test]
fn corpora_have_the_figures_and_signatures_of_sacrebleu() {
    let figures = [
        ("bleu", CorpusFigure::Bleu(Tokenizer::V13a)),
        ("bleu-zh", CorpusFigure::Bleu(Tokenizer::Zh)),
        ("chrf", CorpusFigure::Chrf),
        ("chrf++", CorpusFigure::ChrfPlusPlus),
        ("ter", CorpusFigure::Ter),
    ];
    for case in golden()["corpora"].as_array().unwrap() {
        let pairs: Vec<(String, String)> = case["pairs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair["output"].as_str().unwrap().to_owned(), pair["answers"].to_string()))
            .collect();
        let of = || pairs.iter().map(|(output, target)| (output.as_str(), target.as_str()));
        for (name, figure) in figures {
            let theirs = &case["figures"][name];
            let (ours, score) = (figure.of(of()), theirs["score"].as_f64().unwrap());
            assert!((ours - score).abs() <= 1e-6, "{name} of {}: {ours} is not {score}", case["name"]);
            assert_eq!(figure.signature(of().map(|(_, target)| target)), theirs["signature"], "{name}");
        }
    }
}

#[test]
fn which_figures_are_told_follows_from_the_script() {
    let chinese = CorpusFigure::of_translations(["猫坐在垫子上。", "GPT-4 的准确率"]);
    assert_eq!(chinese, [CorpusFigure::Bleu(Tokenizer::Zh), CorpusFigure::Chrf]);
    let names: Vec<&str> =
        CorpusFigure::of_translations(["Die Katze.", "猫"]).into_iter().map(CorpusFigure::name).collect();
    assert_eq!(names, ["BLEU", "chrF2", "chrF2++", "TER"]);
    assert_eq!(CorpusFigure::of_translations([""]).len(), 4);
}
