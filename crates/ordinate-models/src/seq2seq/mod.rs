//! Translators: models that read a text in one language and write it in another.

mod beam;
mod config;
pub(crate) mod layers;
mod model;
mod pieces;
mod subwords;
mod trainable;
mod vocabulary;

use std::path::Path;
use std::time::Instant;

use ordinate_core::caught;

use self::beam::Search;
use self::config::SHORTEST;
pub use self::model::Marian;
pub use self::trainable::{Size, TrainableTranslator, TrainedTranslator};
use self::vocabulary::Vocabulary;
use crate::encoder::{json, tensors, weights};
use crate::error::ModelError;
use crate::memory::enough_memory;
use crate::model::{Facts, Model, Prediction, Reply, Sample};
use crate::source::{Source, file};

/// A translator as it was published: its weights, both vocabularies, and how it looks for the best text.
pub struct Translator {
    model: Marian,
    vocabulary: Vocabulary,
    search: Search,
}

/// Whether a folder holds one, by its configuration.
#[must_use]
pub fn is_translator(source: &Source) -> bool {
    json::<serde_json::Value>(&source.folder.join("config.json"))
        .is_ok_and(|config| config["model_type"] == "marian")
}

impl Translator {
    /// Reads a folder with `config.json`, `model.safetensors`, `source.spm`, `target.spm` and `vocab.json`.
    ///
    /// # Errors
    /// [`ModelError::File`] for what is missing, damaged, or not read here.
    pub fn open(source: &Source) -> Result<Self, ModelError> {
        let folder: &Path = &source.folder;
        let (config, search) = config::read(folder)?;
        let path = weights(folder)?;
        // The file is read whole, and its tensors are made of it.
        let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        enough_memory(&path, size.saturating_mul(2))?;
        let tensors = tensors(&path)?;
        let unfit = |problem: String| {
            file(&path, &format!("{problem}; the file is damaged, or of another model: fetch it again"))
        };
        let model = caught(|| Marian::new(&config, &tensors)).map_err(&unfit)?;
        let model = model.map_err(|error| unfit(error.to_string()))?;
        let vocabulary = Vocabulary::read(folder, [search.end, search.pad])?;
        Ok(Self { model, vocabulary, search })
    }

    /// The same, which writes at most so many tokens, whatever its files say: as far as its positions reach, and one at least.
    #[must_use]
    pub fn at_most(mut self, tokens: u32) -> Self {
        let longest = (tokens as usize).saturating_add(1);
        self.search.longest = longest.max(SHORTEST).min(self.model.longest());
        self
    }

    /// The model itself.
    #[must_use]
    pub fn model(&self) -> &Marian {
        &self.model
    }

    /// The tokens of a text that is to be translated, with the one that ends it. What is longer than the model reads is cut.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where a piece is not known, and neither is the token for such pieces.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let mut ids = self.vocabulary.encode(text)?;
        ids.truncate(self.model.longest().saturating_sub(1));
        ids.push(self.search.end);
        Ok(ids)
    }

    /// The tokens of a text that it would have written.
    ///
    /// # Errors
    /// As [`Self::tokens`].
    pub fn translated(&self, tokens: &[u32]) -> Result<Vec<u32>, ModelError> {
        let written = caught(|| self.model.translate(tokens, &self.search)).map_err(ModelError::Failed)?;
        written.map_err(|error| ModelError::Failed(error.to_string()))
    }

    /// A text in the other language. The same whatever else is translated.
    ///
    /// # Errors
    /// As [`Self::tokens`].
    pub fn translate(&self, text: &str) -> Result<String, ModelError> {
        Ok(self.vocabulary.decode(&self.translated(&self.tokens(text)?)?))
    }
}

impl Model for Translator {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        let reply = |sample: &Sample<'_>| {
            let started = Instant::now();
            let output = self.translate(sample.text)?;
            Ok(Reply::timed(started.elapsed(), || Prediction { output, ..Prediction::default() }))
        };
        samples.iter().map(reply).collect()
    }

    fn facts(&self) -> Facts {
        self.model.facts()
    }

    /// It is the folder that it stands on.
    fn save(&self, _: &Path) -> Result<(), ModelError> {
        Ok(())
    }
}
