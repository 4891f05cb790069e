//! Sets of labels.

use std::collections::BTreeSet;

use serde_json::Value;

/// The labels that a text names: a JSON list of texts, else parts between `,`, `;` and `|`.
pub(super) fn read(text: &str) -> BTreeSet<String> {
    let parts: Vec<String> = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(list)) => {
            list.iter().map(|label| label.as_str().map_or_else(|| label.to_string(), str::to_owned)).collect()
        }
        _ => text.split([',', ';', '|']).map(str::to_owned).collect(),
    };
    parts.iter().map(|label| label.trim().to_owned()).filter(|label| !label.is_empty()).collect()
}

/// F1 of two sets; 1 where both are empty (scikit-learn's `f1_score` with `average="samples"`, `zero_division=1`).
pub(super) fn f1(output: &str, target: &str) -> f64 {
    let (named, right) = (read(output), read(target));
    super::f1(named.intersection(&right).count() as u64, named.len(), right.len())
}

/// 1 where the sets are the same, else 0 (scikit-learn's `accuracy_score` of label indicators).
pub(super) fn same(output: &str, target: &str) -> f64 {
    f64::from(u8::from(read(output) == read(target)))
}
