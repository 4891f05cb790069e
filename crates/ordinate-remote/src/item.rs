//! What is asked about.

use serde_json::{Map, Value};

/// One input of the task, with what a prompt may need.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    /// Unique within the task.
    pub id: String,
    /// The text to be labelled, translated, ...; the question, where there is one.
    pub input: String,
    /// The passage that a question is about.
    pub context: Option<String>,
    /// The options to choose from.
    pub options: Vec<Choice>,
    /// The right answer. Shown to a candidate only in examples, never for the item that is asked about.
    pub target: Option<String>,
    /// All fields of the row, for templates of the user's (`{{ item.title }}`). The field of the target must
    /// not be among them.
    pub fields: Map<String, Value>,
}

/// One option of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its letter or number: what the answer names it by.
    pub key: String,
    /// What it says.
    pub text: String,
}

impl Choice {
    /// Options without keys get the letters A, B, C, ... (numbers from 1, where there are more than 26).
    #[must_use]
    pub fn lettered<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Vec<Self> {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        let letters = texts.len() <= 26;
        texts
            .into_iter()
            .enumerate()
            .map(|(at, text)| {
                let letter = u8::try_from(at).ok().filter(|_| letters).map(|at| char::from(b'A' + at));
                let key = letter.map_or_else(|| (at + 1).to_string(), |letter| letter.to_string());
                Self { key, text }
            })
            .collect()
    }
}
