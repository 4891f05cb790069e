//! What is asked of a model: which texts an answer and a target are.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kinds of task that models here answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// One label.
    Classify,
    /// Any number of labels: a JSON list, or words parted by commas, semicolons or bars.
    Tag,
    /// A number.
    Regress,
}

/// The tags that a text names: a JSON list of texts, else parts between `,`, `;` and `|`.
pub(crate) fn tags(text: &str) -> BTreeSet<String> {
    if let Ok(Value::Array(list)) = serde_json::from_str::<Value>(text) {
        return list.iter().filter_map(|tag| Some(tag.as_str()?.trim().to_owned())).collect();
    }
    text.split([',', ';', '|']).map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// Tags as one text that [`tags`] reads back.
pub(crate) fn tag_text(tags: &[&str]) -> String {
    Value::from(tags.to_vec()).to_string()
}

impl Kind {
    /// The labels that a target names; of a number its text.
    pub(crate) fn labels(self, target: &str) -> Vec<String> {
        match self {
            Self::Classify | Self::Regress => vec![target.trim().to_owned()],
            Self::Tag => tags(target).into_iter().collect(),
        }
    }
}
