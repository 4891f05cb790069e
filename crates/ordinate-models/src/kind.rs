//! What is asked of a model: which texts an answer and a target are.

use std::collections::BTreeSet;

use ordinate_core::{Output, OutputKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kinds of task that models here answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// One label.
    Classify,
    /// One of the options that the item gives.
    Choose,
    /// Any number of labels: a JSON list, or words parted by commas, semicolons or bars.
    Tag,
    /// A number.
    Regress,
    /// The next values of a series.
    Series,
    /// Free text: a translation, for example.
    Text,
    /// A passage of the context that the item gives.
    Extract,
}

/// The tags that a text names.
pub(crate) fn tags(text: &str) -> BTreeSet<String> {
    match OutputKind::Labels.read(text) {
        Some(Output::Labels(labels)) => labels.into_iter().collect(),
        _ => BTreeSet::new(),
    }
}

/// Tags as one text that [`tags`] reads back.
pub(crate) fn tag_text(tags: &[&str]) -> String {
    Value::from(tags.to_vec()).to_string()
}

impl Kind {
    /// What a task of this kind asks of a model here; `None` where it asks for something else.
    #[must_use]
    pub fn of(kind: &dyn ordinate_tasks::Kind) -> Option<Self> {
        // What text cannot ask, a model cannot answer that does not see.
        if !kind.takes_images() {
            kind.prompt()?;
        }
        match kind.output()? {
            OutputKind::Label if kind.has_labels() => Some(Self::Classify),
            OutputKind::Label if !kind.takes_images() => Some(Self::Choose),
            OutputKind::Labels if kind.has_labels() => Some(Self::Tag),
            OutputKind::Number => Some(Self::Regress),
            OutputKind::Series if kind.takes_series() => Some(Self::Series),
            OutputKind::Text if kind.is_long() => Some(Self::Text),
            OutputKind::Text if kind.extracts() => Some(Self::Extract),
            OutputKind::Label | OutputKind::Labels | OutputKind::Series | OutputKind::Text => None,
        }
    }

    /// Some kinds, as a sentence names them.
    pub(crate) fn list(kinds: &[Self]) -> String {
        let names: Vec<&str> = kinds
            .iter()
            .map(|kind| match kind {
                Self::Classify => "classify",
                Self::Choose => "choose",
                Self::Tag => "tag",
                Self::Regress => "regress",
                Self::Series => "forecast",
                Self::Text => "generate and translate",
                Self::Extract => "extract",
            })
            .collect();
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => "none".to_owned(),
        }
    }

    /// The labels that a target names; of a number, a series and free text itself.
    #[must_use]
    pub fn labels(self, target: &str) -> Vec<String> {
        match self {
            Self::Classify | Self::Choose | Self::Regress | Self::Series | Self::Text | Self::Extract => {
                vec![target.trim().to_owned()]
            }
            Self::Tag => tags(target).into_iter().collect(),
        }
    }
}
