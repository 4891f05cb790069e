//! One answer as it is kept: a row of the answer store.

use std::time::{SystemTime, UNIX_EPOCH};

use ordinate_remote::{Doubt, FailureKind, TokenLogprob};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use crate::key::Key;

const PUT: &str = "INSERT INTO answer (key, candidate, item, text, error_kind, error, confidence, input_tokens, \
     output_tokens, cost_usd, charged_usd, latency_ms, first_token_ms, tries, cut_short, logprobs, asked_at, vector, model, doubt) ";

const REPLACE: &str = " ON CONFLICT (key) DO UPDATE SET candidate = excluded.candidate, item = excluded.item, \
     text = excluded.text, error_kind = excluded.error_kind, error = excluded.error, \
     confidence = excluded.confidence, input_tokens = excluded.input_tokens, \
     output_tokens = excluded.output_tokens, cost_usd = excluded.cost_usd, \
     charged_usd = answer.charged_usd + excluded.charged_usd, latency_ms = excluded.latency_ms, \
     first_token_ms = excluded.first_token_ms, tries = answer.tries + excluded.tries, \
     cut_short = excluded.cut_short, logprobs = excluded.logprobs, asked_at = excluded.asked_at, \
     vector = excluded.vector, model = excluded.model, doubt = excluded.doubt";

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

/// A statement that puts these answers into the table.
pub(crate) fn insert(answers: &[(Key, Saved)]) -> QueryBuilder<Sqlite> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let mut query = QueryBuilder::<Sqlite>::new(PUT);
    query.push_values(answers, |mut row, (key, saved)| {
        let logprobs = (!saved.logprobs.is_empty()).then(|| {
            let pairs: Vec<_> = saved.logprobs.iter().map(|t| (&t.token, t.logprob)).collect();
            serde_json::json!(pairs).to_string()
        });
        row.push_bind(key.bytes().to_vec())
            .push_bind(saved.candidate.clone())
            .push_bind(saved.item.clone())
            .push_bind(saved.text.clone())
            .push_bind(saved.error.as_ref().map(|(kind, _)| kind.as_str()))
            .push_bind(saved.error.as_ref().map(|(_, message)| message.clone()))
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
            .push_bind(saved.model.clone())
            .push_bind(saved.doubt.map(Doubt::as_str));
    });
    query.push(REPLACE);
    query
}

/// A vector as it lies in the table: little-endian, four bytes a number.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

/// A row of the table; no key where it is none.
pub(crate) fn read(row: &SqliteRow) -> Result<(Option<Key>, Saved), sqlx::Error> {
    let count = |column: &str| -> Result<Option<u64>, sqlx::Error> {
        let value: Option<i64> = row.try_get(column)?;
        Ok(value.and_then(|value| u64::try_from(value).ok()))
    };
    let key: Vec<u8> = row.try_get("key")?;
    let kind: Option<String> = row.try_get("error_kind")?;
    let message: Option<String> = row.try_get("error")?;
    let logprobs: Option<String> = row.try_get("logprobs")?;
    let pairs: Vec<(String, f64)> =
        logprobs.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let saved = Saved {
        candidate: row.try_get("candidate")?,
        item: row.try_get("item")?,
        text: row.try_get("text")?,
        error: kind.map(|word| {
            (FailureKind::from_word(&word).unwrap_or(FailureKind::Reported), message.unwrap_or_default())
        }),
        confidence: row.try_get("confidence")?,
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
        cost_usd: row.try_get("cost_usd")?,
        charged_usd: row.try_get("charged_usd")?,
        latency_ms: row.try_get("latency_ms")?,
        first_token_ms: row.try_get("first_token_ms")?,
        tries: count("tries")?.unwrap_or(0),
        cut_short: row.try_get("cut_short")?,
        vector: row.try_get::<Option<Vec<u8>>, _>("vector")?.map(|bytes| numbers(&bytes)),
        model: row.try_get("model")?,
        doubt: row.try_get::<Option<String>, _>("doubt")?.as_deref().and_then(Doubt::from_word),
        logprobs: pairs.into_iter().map(|(token, logprob)| TokenLogprob { token, logprob }).collect(),
    };
    Ok((Key::from_bytes(&key), saved))
}
