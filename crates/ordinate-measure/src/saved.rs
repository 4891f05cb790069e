//! One answer as it is kept: a row of the answer store.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use ordinate_remote::{Doubt, FailureKind, TokenLogprob};
use sqlx::{ColumnIndex, Database, Decode, Encode, QueryBuilder, Row, Type};

use crate::key::Key;

const PUT: &str = "INSERT INTO answer (key, candidate, item, text, error_kind, error, confidence, input_tokens, \
     output_tokens, cost_usd, charged_usd, latency_ms, first_token_ms, tries, cut_short, logprobs, asked_at, vector, model, doubt, \
     receipt, probabilities) ";

/// What an answer was charged is added to what was charged before, but for the same receipt: then it is the same answer, of which it
/// was not heard that it had come.
const REPLACE: &str = " ON CONFLICT (key) DO UPDATE SET candidate = excluded.candidate, item = excluded.item, \
     text = excluded.text, error_kind = excluded.error_kind, error = excluded.error, \
     confidence = excluded.confidence, input_tokens = excluded.input_tokens, \
     output_tokens = excluded.output_tokens, cost_usd = excluded.cost_usd, \
     charged_usd = answer.charged_usd + CASE WHEN answer.receipt = excluded.receipt THEN 0 ELSE excluded.charged_usd END, \
     latency_ms = excluded.latency_ms, first_token_ms = excluded.first_token_ms, \
     tries = answer.tries + CASE WHEN answer.receipt = excluded.receipt THEN 0 ELSE excluded.tries END, \
     cut_short = excluded.cut_short, logprobs = excluded.logprobs, asked_at = excluded.asked_at, \
     vector = excluded.vector, model = excluded.model, doubt = excluded.doubt, receipt = excluded.receipt, \
     probabilities = excluded.probabilities";

const LEAVE: &str = " ON CONFLICT (key) DO NOTHING";

/// What is kept of one answer, or of the error that was met in its place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Saved {
    /// Who was asked (for people who look into the store; the key decides).
    pub candidate: String,
    /// The item's id, likewise.
    pub item: String,
    /// What was said, as it was said; the answer is read out of it when it is needed, so that a better reader
    /// needs no new answers.
    pub text: Option<String>,
    /// The vector, of a candidate that gives one.
    pub vector: Option<Vec<f32>>,
    /// What went wrong for good.
    pub error: Option<(FailureKind, String)>,
    /// The candidate's own confidence.
    pub confidence: Option<f64>,
    /// How probable it finds single labels, where it says.
    pub probabilities: Vec<(String, f64)>,
    /// Tokens read, in all tries that were counted.
    pub input_tokens: Option<u64>,
    /// Tokens written, in all tries that were counted.
    pub output_tokens: Option<u64>,
    /// USD, as metered over all tries.
    pub cost_usd: Option<f64>,
    /// USD that count against `max_spend`: what was metered, and the most that unmetered tries can have cost.
    pub charged_usd: f64,
    /// Milliseconds of the try that ended it.
    pub latency_ms: Option<f64>,
    /// Milliseconds to the first text, where it was streamed.
    pub first_token_ms: Option<f64>,
    /// Requests that were sent.
    pub tries: u64,
    /// Whether the answer was cut at the most tokens.
    pub cut_short: bool,
    /// Tokens with log-probabilities, where they were given.
    pub logprobs: Vec<TokenLogprob>,
    /// The model that the answer names, where it is another one than was asked.
    pub model: Option<String>,
    /// What is not to be believed of its count of tokens.
    pub doubt: Option<Doubt>,
}

/// An answer, what it is kept under, and what tells it from another to the same request; answers of earlier versions and those
/// that nobody paid for have no such receipt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) saved: Saved,
    pub(crate) receipt: Option<i64>,
}

/// What to do about an answer whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// The new one takes its place.
    Replace,
    /// The one that is there stays.
    Leave,
}

/// A database that has the types of the columns.
///
/// SQLite and PostgreSQL share the statements (`$1`, `ON CONFLICT ... DO UPDATE`); what texts may hold is not the same.
pub(crate) trait Dialect: Database {
    /// A text as it lies in the table.
    fn written(text: &str) -> Cow<'_, str> {
        Cow::Borrowed(text)
    }

    /// A text out of the table.
    fn read(text: String) -> String {
        text
    }
}

impl Dialect for sqlx::Sqlite {}

/// PostgreSQL's texts hold no NUL, which a reply may: it is written as SUB and 0, and SUB as SUB and 1.
impl Dialect for sqlx::Postgres {
    fn written(text: &str) -> Cow<'_, str> {
        if !text.contains(['\0', '\u{1a}']) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.replace('\u{1a}', "\u{1a}1").replace('\0', "\u{1a}0"))
    }

    fn read(text: String) -> String {
        if !text.contains('\u{1a}') {
            return text;
        }
        text.replace("\u{1a}0", "\0").replace("\u{1a}1", "\u{1a}")
    }
}

/// A statement that puts these answers into the table, each with what tells it from another to the same request.
pub(crate) fn insert<DB: Dialect>(answers: &[&Entry], again: Again) -> QueryBuilder<DB>
where
    for<'q> bool: Encode<'q, DB> + Type<DB>,
    for<'q> f64: Encode<'q, DB> + Type<DB>,
    for<'q> i64: Encode<'q, DB> + Type<DB>,
    for<'q> String: Encode<'q, DB> + Type<DB>,
    for<'q> Vec<u8>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<f64>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<i64>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<Vec<u8>>: Encode<'q, DB> + Type<DB>,
{
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let own = |text: &str| DB::written(text).into_owned();
    let mut query = QueryBuilder::<DB>::new(PUT);
    query.push_values(answers, |mut row, Entry { key, saved, receipt }| {
        let logprobs = written(&pairs(&saved.logprobs));
        let probabilities = written(&saved.probabilities);
        row.push_bind(key.bytes().to_vec())
            .push_bind(own(&saved.candidate))
            .push_bind(own(&saved.item))
            .push_bind(saved.text.as_deref().map(own))
            .push_bind(saved.error.as_ref().map(|(kind, _)| kind.as_str().to_owned()))
            .push_bind(saved.error.as_ref().map(|(_, message)| own(message)))
            .push_bind(saved.confidence)
            .push_bind(saved.input_tokens.map(whole))
            .push_bind(saved.output_tokens.map(whole))
            .push_bind(saved.cost_usd)
            .push_bind(saved.charged_usd)
            .push_bind(saved.latency_ms)
            .push_bind(saved.first_token_ms)
            .push_bind(whole(saved.tries))
            .push_bind(saved.cut_short)
            .push_bind(logprobs)
            .push_bind(now)
            .push_bind(saved.vector.as_deref().map(bytes))
            .push_bind(saved.model.as_deref().map(own))
            .push_bind(saved.doubt.map(|doubt| doubt.as_str().to_owned()))
            .push_bind(*receipt)
            .push_bind(probabilities.as_deref().map(own));
    });
    query.push(match again {
        Again::Replace => REPLACE,
        Again::Leave => LEAVE,
    });
    query
}

/// A statement over these keys, which are in parentheses after `begin`.
pub(crate) fn over_keys<DB: Database>(begin: &str, keys: &[Key]) -> QueryBuilder<DB>
where
    for<'q> Vec<u8>: Encode<'q, DB> + Type<DB>,
{
    let mut query = QueryBuilder::<DB>::new(begin);
    query.push(" (");
    let mut list = query.separated(", ");
    for key in keys {
        list.push_bind(key.bytes().to_vec());
    }
    query.push(")");
    query
}

/// A vector as it lies in the table: little-endian, four bytes a number.
pub(crate) fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Texts with a number each as they lie in the table: JSON; nothing where there are none.
pub(crate) fn written(pairs: &[(String, f64)]) -> Option<String> {
    (!pairs.is_empty()).then(|| serde_json::json!(pairs).to_string())
}

/// What [`written`] wrote.
pub(crate) fn pairs_in(text: Option<String>) -> Vec<(String, f64)> {
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Tokens with their log-probabilities.
pub(crate) fn pairs(tokens: &[TokenLogprob]) -> Vec<(String, f64)> {
    tokens.iter().map(|token| (token.token.clone(), token.logprob)).collect()
}

pub(crate) fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

/// A row of the table; `None` where its key is none.
pub(crate) fn read<R: Row<Database: Dialect>>(row: &R) -> Result<Option<Entry>, sqlx::Error>
where
    for<'c> &'c str: ColumnIndex<R>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> f64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let count = |column: &str| -> Result<Option<u64>, sqlx::Error> {
        let value: Option<i64> = row.try_get(column)?;
        Ok(value.and_then(|value| u64::try_from(value).ok()))
    };
    let text = |column: &str| -> Result<Option<String>, sqlx::Error> {
        Ok(row.try_get::<Option<String>, _>(column)?.map(R::Database::read))
    };
    let key: Vec<u8> = row.try_get("key")?;
    let kind: Option<String> = row.try_get("error_kind")?;
    let message = text("error")?;
    let logprobs = pairs_in(row.try_get("logprobs")?);
    let saved = Saved {
        candidate: text("candidate")?.unwrap_or_default(),
        item: text("item")?.unwrap_or_default(),
        text: text("text")?,
        error: kind.map(|word| {
            (FailureKind::from_word(&word).unwrap_or(FailureKind::Reported), message.unwrap_or_default())
        }),
        confidence: row.try_get("confidence")?,
        probabilities: pairs_in(text("probabilities")?),
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
        cost_usd: row.try_get("cost_usd")?,
        charged_usd: row.try_get("charged_usd")?,
        latency_ms: row.try_get("latency_ms")?,
        first_token_ms: row.try_get("first_token_ms")?,
        tries: count("tries")?.unwrap_or(0),
        cut_short: row.try_get("cut_short")?,
        vector: row.try_get::<Option<Vec<u8>>, _>("vector")?.map(|bytes| numbers(&bytes)),
        model: text("model")?,
        doubt: row.try_get::<Option<String>, _>("doubt")?.as_deref().and_then(Doubt::from_word),
        logprobs: logprobs.into_iter().map(|(token, logprob)| TokenLogprob { token, logprob }).collect(),
    };
    let receipt = row.try_get("receipt")?;
    Ok(Key::from_bytes(&key).map(|key| Entry { key, saved, receipt }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_postgresql_as_they_were() {
        for text in ["", "plain", "a\0b", "\u{1a}", "\u{1a}0", "\0\u{1a}1\u{1a}\u{1a}\0", "\u{1a}1"] {
            let written = sqlx::Postgres::written(text);
            assert!(!written.contains('\0'));
            assert_eq!(sqlx::Postgres::read(written.into_owned()), text);
        }
    }
}
