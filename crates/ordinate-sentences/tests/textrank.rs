//! How central sentences are equals networkx's PageRank (`tests/golden/make_textrank.py`).

#![allow(clippy::unwrap_used)]

use serde_json::Value;

#[test]
fn centrality_is_pagerank() {
    let path = format!("{}/tests/golden/textrank.json", env!("CARGO_MANIFEST_DIR"));
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(cases.len(), 5);
    for case in &cases {
        let sentences: Vec<String> = serde_json::from_value(case["sentences"].clone()).unwrap();
        let sentences: Vec<&str> = sentences.iter().map(String::as_str).collect();
        let ranks: Vec<f64> = serde_json::from_value(case["ranks"].clone()).unwrap();
        let ours = ordinate_sentences::central(&sentences);
        for (ours, theirs) in ours.iter().zip(&ranks) {
            assert!((ours - theirs).abs() < 1e-6, "{ours} is not {theirs} in {case}");
        }
    }
    assert!(ordinate_sentences::central(&[]).is_empty());
}
