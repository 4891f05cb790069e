//! Reading an answer out of free text: a label, a letter, a span, a number or JSON.
//!
//! What cannot be read for certain is [`Unreadable`]: a guess in favour of one candidate would be a score that
//! it did not earn. Two labels in one reply, or a label only in a negation, are no answer.

mod fold;
mod json;
mod label;
mod letter;
mod number;
mod span;

use std::ops::Range;

use ordinate_core::task::TaskKind;
use serde_json::Value;

use fold::Folded;
use label::Names;
use ordinate_core::Item;

/// An answer, and where it stands in the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    /// The label as the task writes it, the option's key, the span, the number in plain digits, compact JSON, or
    /// the text.
    pub value: String,
    /// Bytes of the reply that say so.
    pub span: Range<usize>,
}

/// Why no answer can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Reads replies of one task.
#[derive(Debug, Clone)]
pub struct Reader {
    kind: TaskKind,
    labels: Names,
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

impl Reader {
    /// A reader for a task of this kind with this list of labels (empty where the kind has none).
    #[must_use]
    pub fn new(kind: TaskKind, labels: &[String]) -> Self {
        Self { kind, labels: Names::new(labels) }
    }

    /// Whether answers are long texts, of which a confidence is computed per token.
    #[must_use]
    pub fn is_long(&self) -> bool {
        matches!(self.kind, TaskKind::Generate | TaskKind::Translate | TaskKind::Forecast)
    }

    /// Reads the answer to `item` out of `reply`.
    ///
    /// # Errors
    /// [`Unreadable`] with the reason.
    pub fn read(&self, item: &Item, reply: &str) -> Result<Extracted, Unreadable> {
        let start = after_thoughts(reply)?;
        let body = &reply[start..];
        // Of these kinds the whole text is the answer, also where it is JSON.
        if matches!(self.kind, TaskKind::Generate | TaskKind::Translate) {
            let found = trimmed(body);
            return Ok(Extracted { span: found.span.start + start..found.span.end + start, ..found });
        }
        let (inner, shift) = match answer_field(body) {
            Some((value, at)) => (value, start + at),
            None => (Answer::Text(body.to_owned()), start),
        };
        let mut found = match (&inner, self.kind) {
            (Answer::List(values), TaskKind::Tag) => self.tags(values),
            (_, TaskKind::Tag) => match json::first(body) {
                Some((Value::Array(values), range)) => {
                    self.tags(&values).map(|found| Extracted { span: range, ..found })
                }
                _ => self.labels.read_all(body),
            },
            (_, TaskKind::Forecast) => json::numbers(body),
            (Answer::List(_), _) => Err(Unreadable("the reply is a list".into())),
            (Answer::Text(text), kind) => match kind {
                TaskKind::Classify | TaskKind::ClassifyImage => self.labels.read(text),
                TaskKind::Choose => letter::read(&item.options, text),
                TaskKind::Extract => Ok(span::read(item.context.as_deref(), text)),
                TaskKind::Regress => number::read(text),
                _ => Ok(trimmed(text)),
            },
        }?;
        found.span = (found.span.start + shift).min(reply.len())..(found.span.end + shift).min(reply.len());
        Ok(found)
    }

    fn tags(&self, values: &[Value]) -> Result<Extracted, Unreadable> {
        let mut labels = Vec::new();
        for value in values {
            let text = value.as_str().ok_or_else(|| Unreadable(format!("{value} is no label")))?;
            labels.push(
                self.labels
                    .exact(text)
                    .ok_or_else(|| Unreadable(format!("{text:?} is no label of the task")))?,
            );
        }
        Ok(self.labels.list(labels, 0..0))
    }
}

/// The text itself, without outer white space.
fn trimmed(text: &str) -> Extracted {
    let value = text.trim();
    let start = text.len() - text.trim_start().len();
    Extracted { value: value.to_owned(), span: start..start + value.len() }
}

/// Where the answer begins, after `<think>...</think>` of reasoning models.
fn after_thoughts(reply: &str) -> Result<usize, Unreadable> {
    match (reply.find("<think>"), reply.rfind("</think>")) {
        (_, Some(end)) => Ok(end + "</think>".len()),
        (Some(_), None) => Err(Unreadable("the reasoning was not finished; raise `max_tokens`".into())),
        (None, None) => Ok(0),
    }
}

enum Answer {
    Text(String),
    List(Vec<Value>),
}

/// The answer of a reply that is one JSON object (perhaps in a code fence) with a field for it, and where the
/// field's value stands.
fn answer_field(body: &str) -> Option<(Answer, usize)> {
    let (value, range) = json::first(body)?;
    let object = value.as_object()?;
    let field = ANSWER_FIELDS
        .iter()
        .find_map(|name| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
        .or_else(|| object.iter().next().filter(|_| object.len() == 1))?;
    let text = match field.1 {
        Value::String(text) => text.clone(),
        Value::Array(values) => return Some((Answer::List(values.clone()), 0)),
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Null | Value::Object(_) => return None,
    };
    let key_at = body[range.clone()].find(field.0.as_str())? + field.0.len();
    let at = body[range.start + key_at..range.end].find(&text).map_or(0, |at| range.start + key_at + at);
    Some((Answer::Text(text), at))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use ordinate_core::Choice;

    fn kinds() -> impl Strategy<Value = TaskKind> {
        prop::sample::select(vec![
            TaskKind::Classify,
            TaskKind::Tag,
            TaskKind::Choose,
            TaskKind::Extract,
            TaskKind::Regress,
            TaskKind::Forecast,
            TaskKind::Generate,
        ])
    }

    fn item() -> Item {
        Item {
            context: Some("The cat sat. 猫坐下了。".into()),
            options: Choice::lettered(["red", "blue", "绿色"]),
            ..Item::default()
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_and_spans_are_of_the_reply(
            kind in kinds(),
            text in "(?s).{0,60}|[AB(){}\\[\\]\", :.答案是不upno<think>/\\-0-9万１]{0,40}",
        ) {
            let labels = ["up", "down", "no", "上涨"].map(String::from);
            if let Ok(found) = Reader::new(kind, &labels).read(&item(), &text) {
                prop_assert!(text.get(found.span.clone()).is_some(), "{:?} of {text:?}", found.span);
            }
        }

        #[test]
        fn a_label_alone_is_always_read(at in 0..4_usize, open in "[\"'*(\\[ ]{0,3}", close in "[\"'*.)\\] ]{0,3}") {
            let labels = ["up", "card_arrival", "Sci/Tech", "上涨"].map(String::from);
            let reader = Reader::new(TaskKind::Classify, &labels);
            let reply = format!("{open}{}{close}", labels[at]);
            let found = reader.read(&item(), &reply);
            prop_assert_eq!(found.map(|f| f.value), Ok(labels[at].clone()), "{}", reply);
        }
    }

    #[test]
    fn json_and_thoughts() {
        let reader = Reader::new(TaskKind::Classify, &["up", "down"].map(String::from));
        let read =
            |text: &str| reader.read(&item(), text).map(|found| (found.value, text[found.span].to_owned()));
        let up = Ok(("up".to_owned(), "up".to_owned()));
        assert_eq!(read(r#"{"answer": "up"}"#), up);
        assert_eq!(read("```json\n{\"label\": \"up\"}\n```"), up);
        assert_eq!(read("<think>down? no, not down</think>\nup"), up);
        assert!(read("<think>it is up, and").is_err());
        let texts = Reader::new(TaskKind::Translate, &[]);
        let read =
            |text: &str| texts.read(&item(), text).map(|found| (found.value, text[found.span].to_owned()));
        let whole = Ok((r#"{"answer": 1}"#.to_owned(), r#"{"answer": 1}"#.to_owned()));
        assert_eq!(read("<think>so</think>\n {\"answer\": 1}\n"), whole);
        let tags = Reader::new(TaskKind::Tag, &["a", "b", "c"].map(String::from));
        let read = |text: &str| tags.read(&item(), text).map(|found| found.value);
        assert_eq!(read(r#"["c", "A"]"#), Ok(r#"["a","c"]"#.into()));
        assert_eq!(read(r#"{"answer": ["b"]}"#), Ok(r#"["b"]"#.into()));
        assert_eq!(read("[]"), Ok("[]".into()));
        assert_eq!(read("b, c"), Ok(r#"["b","c"]"#.into()));
        assert!(read(r#"["d"]"#).is_err());
    }
}
