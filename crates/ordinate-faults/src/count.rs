//! What was asked, and how often.

use std::collections::HashMap;
use std::sync::Mutex;

use serde::Serialize;
use sha2::{Digest, Sha256};

/// Requests with one body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BodyCount {
    /// Requests that came in.
    pub asked: u64,
    /// Good answers that were sent to their last byte.
    pub completed: u64,
}

/// A snapshot of the server's own count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests that came in.
    pub asked: u64,
    /// Good answers that were sent to their last byte.
    pub completed: u64,
    /// Requests that are open now.
    pub open: u64,
    /// The most requests that were open at one time.
    pub most_open: u64,
    /// Tokens read in completed answers.
    pub input_tokens: u64,
    /// Tokens written in completed answers.
    pub output_tokens: u64,
    /// Tokens read for streams that broke off after a part of the answer: a server bills them too.
    pub broken_input_tokens: u64,
    /// Tokens written in those, up to where they broke off.
    pub broken_output_tokens: u64,
    /// By the text of the last user message.
    #[serde(skip)]
    pub by_prompt: HashMap<String, BodyCount>,
}

#[derive(Debug, Default)]
pub(crate) struct Counter {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    total: Counts,
    open: u64,
    by_body: HashMap<[u8; 32], u64>,
}

impl Counter {
    /// Counts a request: how many came before, and how many of those with the same body.
    pub(crate) fn asked(&self, body: &[u8], prompt: &str) -> (u64, u64) {
        let key: [u8; 32] = Sha256::digest(body).into();
        let mut inner = self.lock();
        let number = inner.total.asked;
        inner.total.asked += 1;
        inner.open += 1;
        inner.total.most_open = inner.total.most_open.max(inner.open);
        inner.total.by_prompt.entry(prompt.to_owned()).or_default().asked += 1;
        let repeat = inner.by_body.entry(key).or_default();
        *repeat += 1;
        (number, *repeat - 1)
    }

    pub(crate) fn completed(&self, prompt: &str, tokens: (u64, u64)) {
        let mut inner = self.lock();
        inner.total.completed += 1;
        inner.total.input_tokens += tokens.0;
        inner.total.output_tokens += tokens.1;
        inner.total.by_prompt.entry(prompt.to_owned()).or_default().completed += 1;
    }

    pub(crate) fn broke_off(&self, tokens: (u64, u64)) {
        let mut inner = self.lock();
        inner.total.broken_input_tokens += tokens.0;
        inner.total.broken_output_tokens += tokens.1;
    }

    pub(crate) fn closed(&self) {
        let mut inner = self.lock();
        inner.open = inner.open.saturating_sub(1);
    }

    pub(crate) fn snapshot(&self) -> Counts {
        let inner = self.lock();
        Counts { open: inner.open, ..inner.total.clone() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
