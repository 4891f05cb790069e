//! Reading an answer out of free text: a label, a letter, a span, a number or JSON.
//!
//! What cannot be read for certain is [`Unreadable`]: a guess in favour of one candidate would be a score that
//! it did not earn. Two labels in one reply, or a label only in a negation, are no answer.

mod fold;
mod json;
mod label;
pub mod letter;
pub mod number;
mod reader;
pub mod span;

use std::ops::Range;

use ordinate_core::Output;
use serde_json::Value;

use fold::Folded;
pub use json::series;
pub use label::Labels;
pub use reader::Reader;

/// An answer, and where it stands in the reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// The answer: a label as the task writes it, an option's key, ...
    pub output: Output,
    /// Bytes of the reply that say so.
    pub span: Range<usize>,
}

/// Why no answer can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Fields under which models put the answer when they write JSON, asked or not.
const ANSWER_FIELDS: [&str; 14] = [
    "answer",
    "label",
    "labels",
    "category",
    "class",
    "classification",
    "sentiment",
    "result",
    "output",
    "prediction",
    "choice",
    "value",
    "答案",
    "标签",
];

/// The text itself, without outer white space.
#[must_use]
pub fn whole(text: &str) -> Extracted {
    let value = text.trim();
    let start = text.len() - text.trim_start().len();
    Extracted { output: Output::Text(value.to_owned()), span: start..start + value.len() }
}

/// Where the answer begins, after `<think>...</think>` of reasoning models.
fn after_thoughts(reply: &str) -> Result<usize, Unreadable> {
    match (reply.find("<think>"), reply.rfind("</think>")) {
        (_, Some(end)) => Ok(end + "</think>".len()),
        (Some(_), None) => Err(Unreadable("the reasoning was not finished; raise `max_tokens`".into())),
        (None, None) => Ok(0),
    }
}

/// What a reply says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A text.
    Text(Passage),
    /// A JSON list.
    List(Vec<Value>),
}

/// A text within a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The text.
    pub text: String,
    start: usize,
}

impl Passage {
    /// What was found in the text, as found in the reply.
    #[must_use]
    pub fn place(&self, found: Extracted) -> Extracted {
        Extracted { span: found.span.start + self.start..found.span.end + self.start, ..found }
    }
}

/// What a reply says: the field for the answer, where it is one JSON object (perhaps in a code fence), else itself.
#[must_use]
pub fn said(reply: &str) -> Said {
    answer_field(reply).unwrap_or_else(|| Said::Text(Passage { text: reply.to_owned(), start: 0 }))
}

/// The text that a reply says.
///
/// # Errors
/// [`Unreadable`] where the field for the answer holds a list.
pub fn answer_text(reply: &str) -> Result<Passage, Unreadable> {
    match said(reply) {
        Said::Text(passage) => Ok(passage),
        Said::List(_) => Err(Unreadable("the reply is a list".into())),
    }
}

/// The first JSON list of a reply, and where it stands, if nothing else of JSON stands before it.
#[must_use]
pub fn first_list(reply: &str) -> Option<(Vec<Value>, Range<usize>)> {
    match json::first(reply)? {
        (Value::Array(values), span) => Some((values, span)),
        _ => None,
    }
}

fn answer_field(body: &str) -> Option<Said> {
    let (value, range) = json::first(body)?;
    let object = value.as_object()?;
    let field = ANSWER_FIELDS
        .iter()
        .find_map(|name| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
        .or_else(|| object.iter().next().filter(|_| object.len() == 1))?;
    let text = match field.1 {
        Value::String(text) => text.clone(),
        Value::Array(values) => return Some(Said::List(values.clone())),
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Null | Value::Object(_) => return None,
    };
    let key_at = body[range.clone()].find(field.0.as_str())? + field.0.len();
    let at = body[range.start + key_at..range.end].find(&text).map_or(0, |at| range.start + key_at + at);
    Some(Said::Text(Passage { text, start: at }))
}

/// Whether a mention that begins at character `at` is negated: a negating word shortly before it in the same
/// clause. Words that are themselves possible answers (the label `no`) negate nothing.
fn negated(text: &Folded, at: usize, is_answer: impl Fn(&str) -> bool) -> bool {
    const BREAKS: [char; 10] = ['.', ',', ';', ':', '\n', '。', '、', '!', '?', '('];
    const WORDS: [&str; 14] = [
        "not",
        "no",
        "never",
        "neither",
        "nor",
        "without",
        "isn't",
        "wasn't",
        "cannot",
        "can't",
        "doesn't",
        "rather than",
        "instead of",
        "excluding",
    ];
    const HAN: [&str; 9] = ["不是", "并非", "不属", "不选", "不为", "不应", "而非", "没有", "排除"];
    let from = at.saturating_sub(40);
    let before: String = text.chars()[from..at].iter().collect();
    let clause = before.rsplit(BREAKS).next().unwrap_or_default();
    let clause = clause.rsplit(" but ").next().unwrap_or_default();
    let clause = clause.rsplit("而是").next().unwrap_or_default();
    if HAN.iter().any(|word| clause.contains(word)) {
        return true;
    }
    let words: Vec<&str> = clause.split_whitespace().collect();
    let last = words[words.len().saturating_sub(4)..].join(" ");
    let padded = format!(" {last} ");
    WORDS.iter().any(|word| !is_answer(word) && padded.contains(&format!(" {word} ")))
}
