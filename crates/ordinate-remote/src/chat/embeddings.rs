//! Embeddings of an OpenAI-compatible server: what a probe is trained on.

use ordinate_core::task::OpenAi;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::BESIDE_TEXT;
use super::address::{address, check_secrets, key_of, key_variable};
use super::relay::{Whole, fetch};
use crate::aside::aside;
use crate::failure::{Failure, FailureKind, SetupError};
use crate::http::Http;
use crate::reply::{Doubt, Reply, Usage};
use crate::said::excerpt;
use crate::secret::ApiKey;

/// A model that turns a text into a vector.
#[derive(Debug, Clone)]
pub struct Embeddings {
    http: Http,
    url: Url,
    model: String,
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Wire {
    data: Vec<WireVector>,
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct WireVector {
    embedding: Vec<f32>,
}

impl Embeddings {
    /// Sets up the model of this entry.
    ///
    /// # Errors
    /// [`SetupError`] as for [`super::Chat::new`].
    pub fn new(entry: &OpenAi) -> Result<Self, SetupError> {
        Self::with_key(entry, key_of(entry)?)
    }

    /// The same without a key: for looking at kept vectors. It cannot be asked where a key is wanted.
    ///
    /// # Errors
    /// [`SetupError`] as for [`super::Chat::without_key`].
    pub fn without_key(entry: &OpenAi) -> Result<Self, SetupError> {
        key_variable(entry)?;
        Self::with_key(entry, None)
    }

    fn with_key(entry: &OpenAi, key: Option<ApiKey>) -> Result<Self, SetupError> {
        if entry.model.trim().is_empty() {
            let problem = "the model has no name; write the server's name for it".into();
            return Err(SetupError::Setting { key: "openai.model", problem });
        }
        let url = address(entry, "embeddings")?;
        check_secrets(entry, key.as_ref())?;
        let http = Http::new(entry.timeouts.unwrap_or_default(), key, entry.key_header.as_deref())?;
        Ok(Self { http, url, model: entry.model.clone(), extra: entry.extra.clone() })
    }

    /// What makes its vectors differ from those of another server, apart from the request itself.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("openai {}", self.url)
    }

    /// The exact body of the request for one text. `extra` of the entry is in it (`{ dimensions = 256 }`).
    #[must_use]
    pub fn body(&self, text: &str) -> String {
        let mut body = self.extra.clone();
        body.insert("model".into(), json!(self.model));
        body.insert("input".into(), json!(text));
        body.insert("encoding_format".into(), json!("float"));
        super::canonical(&Value::Object(body))
    }

    /// The most tokens that a request can use up: no tokeniser makes more tokens than bytes.
    #[must_use]
    pub fn most_tokens(&self, body: &str) -> Usage {
        Usage { input_tokens: body.len() as u64 + 64, ..Usage::default() }
    }

    /// Asks once, with the body that [`Embeddings::body`] made. The reply has a vector and no text.
    ///
    /// # Errors
    /// [`Failure`]: transport, status, or an answer that is not one vector.
    pub async fn ask(&self, body: &str) -> Result<Reply, Failure> {
        self.http.tidy(self.try_ask(body).await)
    }

    /// The name of the model, as the server knows it.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Host and port of its server.
    #[must_use]
    pub fn server(&self) -> (&str, u16) {
        (self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or_default())
    }

    /// Sends this body, and gives the answer as it came; its text is empty.
    ///
    /// # Errors
    /// [`Failure`]: transport, status, or an answer that is no JSON.
    pub async fn relay(&self, body: String) -> Result<Whole, Failure> {
        let body = fetch(&self.http, &self.url, body).await?;
        let wire = super::wire::parse(&body).map_err(|failure| self.http.tidied(failure))?;
        let usage = wire.usage.as_ref().and_then(|said| super::usage::read(said).usage);
        let signature = self.http.signed(wire.signature());
        Ok(Whole { body, text: String::new(), usage, signature })
    }

    async fn try_ask(&self, body: &str) -> Result<Reply, Failure> {
        let mut bytes = Vec::new();
        let latency = self
            .http
            .post(&self.url, body, false, BESIDE_TEXT, |chunk| {
                bytes.extend_from_slice(chunk);
                Ok(true)
            })
            .await?;
        let most = self.most_tokens(body);
        // A long answer is read elsewhere: others are being timed here.
        aside(bytes.len(), move || {
            read(&bytes, most)
                .map(|reply| Reply { latency, ..reply })
                .map_err(|problem| Failure { latency, ..Failure::new(FailureKind::Shape, problem) })
        })
        .await
    }
}

fn read(bytes: &[u8], most: Usage) -> Result<Reply, String> {
    let wire: Wire = serde_json::from_slice(bytes).map_err(|error| {
        let text = String::from_utf8_lossy(bytes);
        format!("the answer is not what an embeddings API sends ({error}): {}", excerpt(&text))
    })?;
    let counted = wire.usage.as_ref().map(super::usage::read).unwrap_or_default();
    let believed = counted.believed(most, 0);
    let doubt = if believed == counted.usage { counted.doubt } else { Some(Doubt::Unbelievable) };
    let count = wire.data.len();
    let Ok([WireVector { embedding }]) = <[WireVector; 1]>::try_from(wire.data) else {
        return Err(format!("the answer has {count} vectors, and one text was sent"));
    };
    if embedding.is_empty() || embedding.iter().any(|number| !number.is_finite()) {
        return Err("the vector is empty, or has a number that is not finite".into());
    }
    Ok(Reply { vector: Some(embedding), usage: believed, doubt, ..Reply::default() })
}
