//! Digests of the items that a model is trained on.

use std::collections::HashMap;

use ordinate_core::features::Values;
use ordinate_core::{Items, Part};
use ordinate_models::Taught;

use crate::cache::digest;

/// A digest of everything of the items that models are trained on, but their fields.
pub(super) fn items_digest(items: &Items) -> String {
    let texts = (0..items.len()).flat_map(|row| {
        let part = match items.part(row) {
            None => "",
            Some(Part::Train) => "train",
            Some(Part::Test) => "test",
        };
        [Some(items.id(row)), items.input(row), items.target(row), items.groups().get(row), Some(part)]
    });
    digest(texts.map(|text| text.unwrap_or("\0")))
}

/// A digest of the passages that the items are about.
pub(super) fn passages_digest(items: &Items) -> String {
    digest((0..items.len()).map(|row| items.context(row).unwrap_or("\0")))
}

/// A digest of what a teacher answered, by row.
pub(super) fn taught_digest(taught: &HashMap<usize, Taught>) -> String {
    let mut rows: Vec<&usize> = taught.keys().collect();
    rows.sort_unstable();
    let text = |row: &&usize| {
        let Taught { output, confidence, probabilities } = &taught[*row];
        match probabilities.is_empty() {
            true => format!("{row} {confidence:?} {output}"),
            false => format!("{row} {confidence:?} {output} {probabilities:?}"),
        }
    };
    let texts: Vec<String> = rows.iter().map(text).collect();
    digest(texts.iter().map(String::as_str))
}

/// A digest of the fields of the items.
pub(super) fn fields_digest(items: &Items) -> String {
    let mut parts: Vec<String> = Vec::new();
    for feature in items.features().columns() {
        parts.push(feature.name.clone());
        match &feature.values {
            // One NaN is as good as another.
            Values::Numbers(numbers) => parts.extend(numbers.iter().map(|number| {
                let number = if number.is_nan() { f64::NAN } else { *number };
                format!("{:x}", number.to_bits())
            })),
            Values::Categories(codes) => {
                parts.extend((0..items.len()).map(|row| codes.get(row).unwrap_or("\0").to_owned()));
            }
        }
    }
    digest(parts.iter().map(String::as_str))
}
