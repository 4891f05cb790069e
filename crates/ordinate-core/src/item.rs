//! One item of a task: what a candidate is asked about.

use serde::{Deserialize, Serialize};

/// One item, with all that a candidate may be told of it.
///
/// [`crate::Items`] holds many of them in columns; [`crate::Items::item`] makes one of a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Unique within the task.
    pub id: String,
    /// What is to be labelled, translated, answered, ...
    pub input: Input,
    /// The passage that a question is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The options to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
    /// The right answer, as text that the task's kind reads. Shown to a candidate only in examples, never for the item
    /// that is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The slice (domain, task, topic) that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
    /// The group of dependent items (a document, a passage) that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What an item is, in every form in which it is there: whoever answers takes the form that it can read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The text. Of an item that is a row of a table, the lines `name: value` of its fields.
    pub text: String,
    /// The fields of a row of a table, typed: for models that read numbers and categories. No model reads them out of
    /// the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// A field of an item that is a row of a table. A value that is not known has no field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name in the file.
    pub name: String,
    /// What it holds.
    pub value: FieldValue,
}

/// What a field of an item holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// A finite number.
    Number(f64),
    /// One of a few texts.
    Category(String),
}

impl Input {
    /// The value of the field of this name, if it is known.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }
}

impl<S: Into<String>> From<S> for Input {
    fn from(text: S) -> Self {
        Self { text: text.into(), fields: Vec::new() }
    }
}

/// One option of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        Self::keyed(texts.into_iter().map(|text| (None, text.into())).collect())
    }

    /// Options some of which have keys of their own; the others get the letter (or number) of their place.
    #[must_use]
    pub fn keyed(options: Vec<(Option<String>, String)>) -> Vec<Self> {
        let letters = options.len() <= 26;
        let made = |at: usize| match u8::try_from(at).ok().filter(|_| letters) {
            Some(at) => char::from(b'A' + at).to_string(),
            None => (at + 1).to_string(),
        };
        let place = |(at, (key, text)): (usize, (Option<String>, String))| Self {
            key: key.unwrap_or_else(|| made(at)),
            text,
        };
        options.into_iter().enumerate().map(place).collect()
    }

    /// The key of the option that `named` names by its key or by its text.
    #[must_use]
    pub fn key_of<'a>(options: &'a [Self], named: &str) -> Option<&'a str> {
        let by_key = options.iter().find(|option| option.key == named);
        by_key
            .or_else(|| options.iter().find(|option| option.text == named))
            .map(|option| option.key.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_named_by_key_or_by_text() {
        let options = Choice::keyed(vec![(Some("i".into()), "red".into()), (None, "blue".into())]);
        assert_eq!(options[1].key, "B");
        assert_eq!(Choice::key_of(&options, "red"), Some("i"));
        assert_eq!(Choice::key_of(&options, "B"), Some("B"));
        assert_eq!(Choice::key_of(&options, "green"), None);
        let many = Choice::lettered((0..27).map(|at| at.to_string()));
        assert_eq!(many[26].key, "27");
    }
}
