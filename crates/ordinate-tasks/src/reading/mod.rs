//! Reading an answer out of free text: a label, a letter, a span, a number or JSON.
//!
//! What cannot be read for certain is [`Unreadable`]: a guess in favour of one candidate would be a score that
//! it did not earn. Two labels in one reply, or a label only in a negation, are no answer.

mod fold;
mod json;
mod label;
pub mod letter;
mod marks;
pub mod number;
mod reader;
pub mod span;
mod thoughts;

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

impl Unreadable {
    /// Of a reply that was cut before it came to its answer.
    #[must_use]
    pub fn cut() -> Self {
        Self("the reply was cut at `max_tokens` before its answer was sure; raise `max_tokens`".into())
    }
}

/// What a candidate wrote, without its reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrote<'a> {
    /// The text.
    pub text: &'a str,
    /// Whether it was cut at the most tokens: what it mentions is then not what it would have come to.
    pub cut: bool,
}

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
///
/// # Errors
/// [`Unreadable`] where it was cut: a part of an answer is not the answer.
pub fn whole(reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
    if reply.cut {
        return Err(Unreadable::cut());
    }
    let value = reply.text.trim();
    let start = reply.text.len() - reply.text.trim_start().len();
    Ok(Extracted { output: Output::Text(value.to_owned()), span: start..start + value.len() })
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
    text: String,
    start: usize,
    cut: bool,
}

impl Passage {
    /// The text. The value of a JSON field is whole, also where the reply goes on and was cut later.
    #[must_use]
    pub fn wrote(&self) -> Wrote<'_> {
        Wrote { text: &self.text, cut: self.cut }
    }

    /// What was found in the text, as found in the reply.
    #[must_use]
    pub fn place(&self, found: Extracted) -> Extracted {
        Extracted { span: found.span.start + self.start..found.span.end + self.start, ..found }
    }
}

/// What a reply says: the field for the answer, where it is one JSON object (perhaps in a code fence), else itself.
#[must_use]
pub fn said(reply: Wrote<'_>) -> Said {
    let whole = || Said::Text(Passage { text: reply.text.to_owned(), start: 0, cut: reply.cut });
    answer_field(reply.text).unwrap_or_else(whole)
}

/// The text that a reply says.
///
/// # Errors
/// [`Unreadable`] where the field for the answer holds a list.
pub fn answer_text(reply: Wrote<'_>) -> Result<Passage, Unreadable> {
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
    Some(Said::Text(Passage { text, start: at, cut: false }))
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
