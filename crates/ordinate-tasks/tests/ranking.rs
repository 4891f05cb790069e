//! Figures of labels, against scikit-learn's (`golden/make_ranking.py`).
#![allow(clippy::unwrap_used, clippy::panic)] // a test may

use ordinate_tasks::metric::ranking::{auroc, balanced_accuracy, sensitivity_at};
use serde_json::Value;

fn close(mine: f64, theirs: &Value, what: &str) {
    let theirs = theirs.as_f64().unwrap();
    assert!((mine - theirs).abs() < 1e-12, "{what}: {mine} is not {theirs}");
}

fn balanced(case: &Value) -> f64 {
    let texts = |key: &str| case[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    balanced_accuracy(texts("outputs").zip(texts("targets"))).unwrap()
}

#[test]
fn figures_are_scikit_learns() {
    let golden: Value = serde_json::from_str(include_str!("golden/ranking.json")).unwrap();
    close(balanced(&golden["several"]), &golden["several"]["balanced_accuracy"], "four classes");
    for case in golden["two"].as_array().unwrap() {
        let scores = case["scores"].as_array().unwrap().iter().map(|score| score.as_f64().unwrap());
        let positive =
            case["positive"].as_array().unwrap().iter().map(|positive| positive.as_bool().unwrap());
        let cases: Vec<(f64, bool)> = scores.zip(positive).collect();
        close(auroc(&cases).unwrap(), &case["auroc"], "auroc");
        close(balanced(case), &case["balanced_accuracy"], "two classes");
        for (at, theirs) in case["sensitivity_at"].as_object().unwrap() {
            close(sensitivity_at(&cases, at.parse().unwrap()).unwrap(), theirs, at);
        }
    }
}
