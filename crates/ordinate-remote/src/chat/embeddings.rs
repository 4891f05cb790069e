//! Embeddings of an OpenAI-compatible server: features for a probe, or neighbours for examples.

use std::time::Duration;

use ordinate_core::task::OpenAi;
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use super::{address, key_of};
use crate::failure::{Failure, FailureKind, SetupError};
use crate::http::{Http, shorten};
use crate::reply::Usage;

/// A model that turns texts into vectors.
#[derive(Debug, Clone)]
pub struct Embeddings {
    http: Http,
    url: Url,
    model: String,
}

/// The vectors of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// One vector a text, in the order of the texts, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read, if the server says.
    pub usage: Option<Usage>,
    /// From sending to the last byte.
    pub latency: Duration,
}

#[derive(Deserialize)]
struct Wire {
    data: Vec<WireVector>,
    usage: Option<super::wire::WireUsage>,
}

#[derive(Deserialize)]
struct WireVector {
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl Embeddings {
    /// Sets up the model of this entry.
    ///
    /// # Errors
    /// [`SetupError`] as for [`super::Chat::new`].
    pub fn new(entry: &OpenAi) -> Result<Self, SetupError> {
        let url = address(entry, "embeddings")?;
        let key = key_of(entry, &url)?;
        let http = Http::new(entry.timeouts.unwrap_or_default(), key, entry.key_header.as_deref())?;
        Ok(Self { http, url, model: entry.model.clone() })
    }

    /// Asks once for the vectors of these texts.
    ///
    /// # Errors
    /// [`Failure`]: transport, status, or an answer that is not one vector of one length for each text.
    pub async fn embed(&self, texts: &[&str]) -> Result<Embedded, Failure> {
        let body = json!({ "model": self.model, "input": texts, "encoding_format": "float" }).to_string();
        let mut bytes = Vec::new();
        let latency = self
            .http
            .post(&self.url, &body, false, |chunk| {
                bytes.extend_from_slice(chunk);
                Ok(true)
            })
            .await?;
        let shape = |problem: String| Failure { latency, ..Failure::new(FailureKind::Shape, problem) };
        let wire: Wire = serde_json::from_slice(&bytes).map_err(|error| {
            let text = shorten(&String::from_utf8_lossy(&bytes));
            shape(format!("the answer is not what an embeddings API sends ({error}): {text}"))
        })?;
        let usage = wire.usage.as_ref().and_then(super::wire::WireUsage::usage);
        let mut vectors = vec![Vec::new(); texts.len()];
        for (at, vector) in wire.data.into_iter().enumerate() {
            let slot = vectors.get_mut(vector.index.unwrap_or(at));
            *slot.ok_or_else(|| shape("the answer has more vectors than there are texts".into()))? =
                vector.embedding;
        }
        let length = vectors.first().map_or(0, Vec::len);
        if vectors.iter().any(|vector| vector.is_empty() || vector.len() != length) {
            return Err(shape("the answer lacks a vector, or its vectors differ in length".into()));
        }
        Ok(Embedded { vectors, usage, latency })
    }
}
