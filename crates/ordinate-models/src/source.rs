//! Where a model is: a folder, or the hub's cache.

use std::fs;
use std::path::{Path, PathBuf};

use ordinate_core::task::Precision;
use ordinate_hub::{Cache, ModelName};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::encoder::adapter;
use crate::error::ModelError;

/// Where an encoder is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The folder.
    pub folder: PathBuf,
    /// The commit of the hub, where it came from there.
    pub revision: Option<String>,
    /// `org/name` at the hub, where it came from there: how it is found on another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// In what the layers of an encoder compute.
    #[serde(default, skip_serializing_if = "is_default")]
    pub precision: Precision,
}

fn is_default(precision: &Precision) -> bool {
    *precision == Precision::default()
}

impl Source {
    /// A folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), revision: None, model: None, precision: Precision::default() }
    }

    /// The folder of `hf:org/name[@revision]` in the hub's cache, or of a path relative to `base`.
    ///
    /// # Errors
    /// [`ModelError::File`] where it is not there, with how to get it; [`ModelError::Name`].
    pub fn find(text: &str, base: &Path) -> Result<Self, ModelError> {
        let Some(name) = ModelName::parse(text)? else {
            let folder = base.join(text);
            if folder.is_dir() {
                return Ok(Self::at(folder));
            }
            if text.contains(['/', '\\', '.']) {
                return Err(file(
                    &folder,
                    "there is no such folder; name one with config.json, tokenizer.json and model.safetensors",
                ));
            }
            return Err(ModelError::Unknown(text.to_owned()));
        };
        let cache = Cache::from_env();
        match cache.find(&name) {
            Some(found) => {
                let model = Some(name.repository().to_owned());
                Ok(Self { revision: Some(found.commit), model, ..Self::at(found.folder) })
            }
            None => Err(file(
                &cache.repository(&name),
                &format!(
                    "{name} is not in the hub's cache; fetch it with `ordinate models fetch {name}`, or name a folder"
                ),
            )),
        }
    }

    /// The same where its folder is not on this machine, and its commit is in the hub's cache here: what was saved beside
    /// it was then brought here from elsewhere. Else it stays as it is, and opening it says what is missing.
    #[must_use]
    pub fn on_this_machine(self) -> Self {
        let (Some(model), Some(revision)) = (&self.model, &self.revision) else { return self };
        if self.folder.is_dir() {
            return self;
        }
        let name = ModelName::parse(&format!("hf:{model}@{revision}"));
        let found = name.ok().flatten().and_then(|name| Cache::from_env().find(&name));
        match found {
            Some(found) => Self { folder: found.folder, ..self },
            None => self,
        }
    }

    /// A digest of the files that its answers hang on.
    ///
    /// # Errors
    /// [`ModelError::File`] where one cannot be read.
    pub fn identity(&self) -> Result<String, ModelError> {
        let mut hasher = Sha256::new();
        for name in FILES.into_iter().chain(adapter::FILES) {
            let path = self.folder.join(name);
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(file(&path, &format!("cannot be read: {error}"))),
            };
            hasher.update(name);
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        if let Some(base) = adapter::base(&self.folder)? {
            hasher.update(base.identity()?);
        }
        if self.precision == Precision::Int8 {
            hasher.update("int8");
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The files of a model's folder; four of a translator's, and the last one of a network of images.
const FILES: [&str; 11] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "generation_config.json",
    "source.spm",
    "target.spm",
    "vocab.json",
    "preprocessor_config.json",
];

pub(crate) fn file(path: &Path, problem: &str) -> ModelError {
    ModelError::File { path: path.to_owned(), problem: problem.to_owned() }
}
