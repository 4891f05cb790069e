//! An encoder from a folder (or the hub's cache): configuration, tokenizer, weights, and how states are pooled.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokenizers::Tokenizer;

use crate::encoder::bert::{Bert, Config};
use crate::error::ModelError;
use crate::model::{Encoder, Facts};

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
}

/// `HF_HUB_CACHE`, else `hub` in `HF_HOME`, else the hub's own default.
fn hub_cache() -> PathBuf {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("HF_HUB_CACHE")
        .or_else(|| Some(named("HF_HOME")?.join("hub")))
        .or_else(|| Some(named("XDG_CACHE_HOME")?.join("huggingface/hub")))
        .or_else(|| Some(named("HOME")?.join(".cache/huggingface/hub")))
        .unwrap_or_default()
}

fn file(path: &Path, problem: &str) -> ModelError {
    ModelError::File { path: path.to_owned(), problem: problem.to_owned() }
}

/// How the states of a text become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pooling {
    Mean,
    First,
}

#[derive(Deserialize)]
struct PoolingFile {
    #[serde(default)]
    pooling_mode_cls_token: bool,
}

#[derive(Deserialize)]
struct LengthFile {
    max_seq_length: Option<usize>,
}

/// An encoder of a folder.
pub(crate) struct Opened {
    bert: Bert,
    tokenizer: Tokenizer,
    pooling: Pooling,
    longest: usize,
    identity: String,
}

/// Texts that go through the layers together.
const BATCH: usize = 32;

/// Opens an encoder.
///
/// # Errors
/// [`ModelError::File`] for a file that is missing, damaged, or of an architecture that is not known.
pub fn open(source: &Source) -> Result<impl Encoder + use<>, ModelError> {
    let at = |name: &str| source.folder.join(name);
    let config: Config = json(&at("config.json"))?;
    let mut tokenizer = tokenizer(&at("tokenizer.json"))?;
    let weights = weights(&source.folder)?;
    let bytes = fs::read(&weights).map_err(|error| file(&weights, &format!("cannot be read: {error}")))?;
    let bad = |error: &dyn std::fmt::Display| {
        file(&weights, &format!("{error}; the file is cut off, damaged, or of another model: fetch it again"))
    };
    let tensors =
        candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|error| bad(&plain(&error)))?;
    let digest = Sha256::digest(&bytes);
    drop(bytes);
    let bert = Bert::new(config, &tensors).map_err(|error| bad(&plain(&error)))?;
    let pooling = at("1_Pooling/config.json");
    let first = pooling.is_file() && json::<PoolingFile>(&pooling)?.pooling_mode_cls_token;
    let length = at("sentence_bert_config.json");
    let length = if length.is_file() { json::<LengthFile>(&length)?.max_seq_length } else { None };
    let longest = length.unwrap_or(512).clamp(3, bert.config().longest().max(3));
    let cut = tokenizers::TruncationParams { max_length: longest, ..Default::default() };
    tokenizer.with_truncation(Some(cut)).map_err(|error| file(&at("tokenizer.json"), &error.to_string()))?;
    tokenizer.with_padding(None);
    let pooling = if first { Pooling::First } else { Pooling::Mean };
    let identity = format!("{:x} {pooling:?} {longest} {:?}", HexDigest(&digest), source.revision);
    Ok(Opened { bert, tokenizer, pooling, longest, identity })
}

struct HexDigest<'a>(&'a [u8]);

impl std::fmt::LowerHex for HexDigest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first line of an error: candle's have back-traces.
fn plain(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ModelError> {
    let bytes = fs::read(path).map_err(|error| file(path, &format!("cannot be read: {error}; the folder of a model has config.json, tokenizer.json and model.safetensors")))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        file(path, &format!("is not the configuration of an encoder: {error}; known architectures are bert, roberta, xlm-roberta, camembert and distilbert"))
    })
}

fn tokenizer(path: &Path) -> Result<Tokenizer, ModelError> {
    if !path.is_file() {
        return Err(file(
            path,
            "is missing; a model without it has no fast tokenizer: save one with transformers (`AutoTokenizer.from_pretrained(...).save_pretrained(...)`)",
        ));
    }
    Tokenizer::from_file(path)
        .map_err(|error| file(path, &format!("is no tokenizer: {error}; fetch it again")))
}

/// The weights' file. What unpickles runs code, and is refused by name.
fn weights(folder: &Path) -> Result<PathBuf, ModelError> {
    let path = folder.join("model.safetensors");
    if path.is_file() {
        return Ok(path);
    }
    for pickle in ["pytorch_model.bin", "model.pt", "model.pth", "model.pkl"] {
        let path = folder.join(pickle);
        if path.is_file() {
            return Err(file(
                &path,
                "is a pickle, which can run any code when it is read; Ordinate reads safetensors only: convert it, or take a revision that has model.safetensors",
            ));
        }
    }
    Err(file(
        &path,
        "is missing; the folder of a model has config.json, tokenizer.json and model.safetensors",
    ))
}

impl Encoder for Opened {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let failed = |error: candle_core::Error| ModelError::Failed(plain(&error));
        let encodings = self
            .tokenizer
            .encode_batch(texts.to_vec(), true)
            .map_err(|error| ModelError::Failed(error.to_string()))?;
        // Texts of like length go together, so that little is padded.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&at| encodings[at].get_ids().len());
        let mut vectors = vec![Vec::new(); texts.len()];
        for places in order.chunks(BATCH) {
            let batch: Vec<&[u32]> = places.iter().map(|&at| encodings[at].get_ids()).collect();
            let states = self.bert.states(&batch).map_err(failed)?;
            for (row, &place) in places.iter().enumerate() {
                let tokens = match self.pooling {
                    Pooling::Mean => batch[row].len(),
                    Pooling::First => 1,
                };
                let pooled = states
                    .get(row)
                    .and_then(|states| states.narrow(0, 0, tokens)?.mean(0)?.to_vec1::<f32>())
                    .map_err(failed)?;
                vectors[place] = unit(pooled);
            }
        }
        Ok(vectors)
    }

    fn facts(&self) -> Facts {
        self.bert.facts()
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("identity", &self.identity).field("longest", &self.longest).finish()
    }
}

/// Scaled to length 1.
pub(crate) fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
    vector
}
