//! Where a model is: a folder, or the hub's cache.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::ModelError;

/// Where an encoder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The folder.
    pub folder: PathBuf,
    /// The commit of the hub, where it came from there.
    pub revision: Option<String>,
}

impl Source {
    /// The folder of `hf:org/name[@revision]` in the hub's cache, or of a path relative to `base`.
    ///
    /// # Errors
    /// [`ModelError::File`] where it is not there, with how to get it.
    pub fn find(text: &str, base: &Path) -> Result<Self, ModelError> {
        let Some(name) = text.strip_prefix("hf:") else {
            let folder = base.join(text);
            if folder.is_dir() {
                return Ok(Self { folder, revision: None });
            }
            if text.contains(['/', '\\', '.']) {
                return Err(file(
                    &folder,
                    "there is no such folder; name one with config.json, tokenizer.json and model.safetensors",
                ));
            }
            return Err(ModelError::Unknown(text.to_owned()));
        };
        let (name, wanted) = name.split_once('@').unwrap_or((name, "main"));
        if name.contains("..") || wanted.contains("..") {
            return Err(ModelError::Unknown(text.to_owned()));
        }
        let cache = hub_cache();
        let repository = cache.join(format!("models--{}", name.replace('/', "--")));
        let revision = fs::read_to_string(repository.join("refs").join(wanted))
            .map_or_else(|_| wanted.to_owned(), |text| text.trim().to_owned());
        let folder = repository.join("snapshots").join(&revision);
        if folder.is_dir() {
            return Ok(Self { folder, revision: Some(revision) });
        }
        Err(file(
            &folder,
            &format!(
                "{name} is not in the hub's cache, and Ordinate does not download models yet; run `hf download {name}` (or set HF_HUB_CACHE), or name a folder"
            ),
        ))
    }

    /// A digest of the files that its answers hang on.
    ///
    /// # Errors
    /// [`ModelError::File`] where one cannot be read.
    pub fn identity(&self) -> Result<String, ModelError> {
        let mut hasher = Sha256::new();
        for name in FILES {
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
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The files of a model's folder.
const FILES: [&str; 5] = [
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "1_Pooling/config.json",
    "sentence_bert_config.json",
];

/// `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else the hub's own default.
pub(crate) fn hub_cache() -> PathBuf {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("HF_HUB_CACHE")
        .or_else(|| Some(named("HF_HOME")?.join("hub")))
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("huggingface/hub")))
        .or_else(|| Some(named("HOME")?.join(".cache/huggingface/hub")))
        .unwrap_or_default()
}

pub(crate) fn file(path: &Path, problem: &str) -> ModelError {
    ModelError::File { path: path.to_owned(), problem: problem.to_owned() }
}
