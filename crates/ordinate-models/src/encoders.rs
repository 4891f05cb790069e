//! Encoders that are opened once and shared: what an encoder said of a text serves every model on it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ordinate_core::task::Precision;
use serde::{Deserialize, Serialize};

use crate::encoder::{builtin, open};
use crate::error::ModelError;
use crate::inspect::inspect_source;
use crate::model::{Encoder, Facts};
use crate::source::Source;
use crate::stop::Stop;
use crate::vision::{ImageEncoder, PublishedFeatures, is_network, is_published_network, sees};

/// Where an encoder, or a published model, comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderSource {
    /// The one that Ordinate brings.
    Builtin,
    /// One in a folder or in the hub's cache.
    Folder(Source),
    /// One behind an API, whose vectors are given ([`SharedEncoder::keep`]): what tells it from others.
    Elsewhere(String),
}

impl EncoderSource {
    /// What `builtin`, a folder or `hf:org/name` says; paths are relative to `base`.
    ///
    /// # Errors
    /// As [`Source::find`].
    pub fn find(text: &str, base: &Path) -> Result<Self, ModelError> {
        if text == "builtin" { Ok(Self::Builtin) } else { Source::find(text, base).map(Self::Folder) }
    }

    /// The same, whose layers compute in what a candidate asks for.
    ///
    /// # Errors
    /// [`ModelError::Setting`] where it has no layers of its own here, or is none of texts.
    pub fn in_precision(self, precision: Option<Precision>) -> Result<Self, ModelError> {
        match (precision, self) {
            (None, source) => Ok(source),
            (Some(precision), Self::Folder(source)) if !sees(&Self::Folder(source.clone())) => {
                Ok(Self::Folder(Source { precision, ..source }))
            }
            (Some(_), source) => Err(ModelError::Setting(format!(
                "precision is for encoders of texts in a folder or on the hub, and {} is none; remove it",
                match source {
                    Self::Builtin => "the built-in one, which has no layers,",
                    Self::Folder(_) => "a network of images",
                    Self::Elsewhere(_) => "one behind an API",
                }
            ))),
        }
    }

    /// In what its layers compute.
    pub(crate) fn precision(&self) -> Precision {
        match self {
            Self::Folder(source) => source.precision,
            Self::Builtin | Self::Elsewhere(_) => Precision::F32,
        }
    }

    /// What its vectors hang on: a digest of the files, whatever folder they lie in.
    ///
    /// # Errors
    /// [`ModelError::File`] where a file cannot be read.
    pub fn identity(&self) -> Result<String, ModelError> {
        match self {
            // Raised with the file that is built in.
            Self::Builtin => Ok("builtin 1".to_owned()),
            Self::Folder(source) => source.identity(),
            Self::Elsewhere(name) => Ok(name.clone()),
        }
    }

    /// Bytes of its files; 0 for one that is elsewhere.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the built-in encoder is damaged.
    pub fn disk_bytes(&self) -> Result<u64, ModelError> {
        match self {
            Self::Builtin => Ok(builtin()?.facts().bytes),
            Self::Folder(source) => Ok(inspect_source(source).disk_bytes),
            Self::Elsewhere(_) => Ok(0),
        }
    }

    fn open(&self) -> Result<Box<dyn Encoder>, ModelError> {
        match self {
            Self::Builtin => Ok(Box::new(builtin()?)),
            Self::Folder(source) if is_network(self) => Ok(Box::new(ImageEncoder::open(&source.folder)?)),
            Self::Folder(source) if is_published_network(source) => {
                Ok(Box::new(PublishedFeatures::open(source)?))
            }
            Self::Folder(source) => Ok(Box::new(open(source)?)),
            Self::Elsewhere(_) => Ok(Box::new(Elsewhere)),
        }
    }
}

/// The vector of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// Of length 1, as the encoder gave it.
    pub vector: Vec<f32>,
    /// How long it took: of this text alone where vectors are kept, else its share of its batch.
    pub took: Duration,
}

/// An encoder that several models may use.
pub struct SharedEncoder {
    encoder: Box<dyn Encoder>,
    /// What was embedded before; `None` where nothing is kept. Four bytes a dimension and text: 1.5 GB for a million
    /// texts and 384 dimensions.
    kept: Option<RwLock<HashMap<Box<str>, Arc<Embedding>>>>,
}

impl SharedEncoder {
    /// One vector a text. Where vectors are kept, a text that is new is embedded by itself, as a caller who needs an answer
    /// now would do it, so that its time is its latency.
    ///
    /// # Errors
    /// As [`Encoder::embed`]; [`ModelError::Stopped`].
    pub fn embed(&self, texts: &[&str], stop: Stop<'_>) -> Result<Vec<Arc<Embedding>>, ModelError> {
        let Some(kept) = &self.kept else {
            let started = Instant::now();
            let vectors = self.encoder.embed(texts)?;
            let took = started.elapsed() / u32::try_from(texts.len().max(1)).unwrap_or(u32::MAX);
            return Ok(vectors.into_iter().map(|vector| Arc::new(Embedding { vector, took })).collect());
        };
        texts
            .iter()
            .map(|text| {
                if let Some(known) = kept.read().unwrap_or_else(PoisonError::into_inner).get(*text) {
                    return Ok(known.clone());
                }
                stop.check()?;
                let started = Instant::now();
                let vector = self.encoder.embed(&[text])?.pop().unwrap_or_default();
                Ok(self.keep(text, Embedding { vector, took: started.elapsed() }))
            })
            .collect()
    }

    /// Takes what was embedded elsewhere, if vectors are kept here.
    pub fn keep(&self, text: &str, embedding: Embedding) -> Arc<Embedding> {
        let embedding = Arc::new(embedding);
        if let Some(kept) = &self.kept {
            let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
            kept.insert(text.into(), embedding.clone());
        }
        embedding
    }

    /// Whether the vector of a text is kept.
    #[must_use]
    pub fn knows(&self, text: &str) -> bool {
        let known = |kept: &RwLock<HashMap<_, _>>| {
            kept.read().unwrap_or_else(PoisonError::into_inner).contains_key(text)
        };
        self.kept.as_ref().is_some_and(known)
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.encoder.facts()
    }
}

/// The encoders that were opened.
#[derive(Default)]
pub struct Encoders {
    keeping: bool,
    opened: Mutex<Vec<(EncoderSource, Arc<SharedEncoder>)>>,
}

impl Encoders {
    /// None so far; they keep no vectors: for serving, and for measuring how fast that is.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// None so far; they keep the vector of every text, for many models on the same items.
    #[must_use]
    pub fn keeping() -> Self {
        Self { keeping: true, ..Self::default() }
    }

    /// The encoder that is open, where there is one and no other.
    #[must_use]
    pub fn only(&self) -> Option<Arc<SharedEncoder>> {
        match &self.opened.lock().unwrap_or_else(PoisonError::into_inner)[..] {
            [(source, encoder)] if !matches!(source, EncoderSource::Elsewhere(_)) => {
                Some(Arc::clone(encoder))
            }
            _ => None,
        }
    }

    /// The encoder of a source, which is opened where it is not open yet.
    ///
    /// # Errors
    /// As [`open`]; [`ModelError::Failed`] where the built-in encoder is damaged.
    pub fn get(&self, source: &EncoderSource) -> Result<Arc<SharedEncoder>, ModelError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, encoder)) = opened.iter().find(|(known, _)| known == source) {
            return Ok(encoder.clone());
        }
        let shared = SharedEncoder { encoder: source.open()?, kept: self.keeping.then(RwLock::default) };
        let shared = Arc::new(shared);
        opened.push((source.clone(), shared.clone()));
        Ok(shared)
    }
}

/// An encoder that is not here: only the vectors that are kept of it can be had.
struct Elsewhere;

impl Encoder for Elsewhere {
    fn embed(&self, _: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        Err(ModelError::Failed("its encoder is not in this process".to_owned()))
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}
