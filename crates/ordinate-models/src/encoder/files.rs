//! The files of a model's folder, read: configuration, tokenizer and weights.

use ordinate_core::caught;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use ordinate_core::task::Precision;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::Tokenizer;

use crate::encoder::adapter;
use crate::encoder::body::KNOWN;
use crate::encoder::folder::plain;
use crate::error::ModelError;
use crate::memory::enough_memory;
use crate::source::{Source, file};
use crate::tokenizer;

/// What a folder holds. Of an adapter: what its base holds, with the adapter in it.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) config: Value,
    pub(crate) tensors: HashMap<String, Tensor>,
    /// Cuts nothing off.
    pub(crate) tokenizer: Tokenizer,
    /// The longest text, in tokens, where the folder says so.
    pub(crate) longest: Option<usize>,
    /// The file of the weights.
    pub(crate) weights: PathBuf,
    /// In what its layers are to compute.
    pub(crate) precision: Precision,
}

#[derive(Deserialize)]
struct LengthFile {
    max_seq_length: Option<usize>,
}

impl Files {
    /// Reads a folder, or an adapter with its base.
    pub(crate) fn read(source: &Source) -> Result<Self, ModelError> {
        match adapter::base(&source.folder)? {
            Some(base) => {
                let base = Source { precision: source.precision, ..base };
                adapter::read(&source.folder, Self::plain(&base)?)
            }
            None => Self::plain(source),
        }
    }

    fn plain(source: &Source) -> Result<Self, ModelError> {
        let at = |name: &str| source.folder.join(name);
        let config: Value = json(&at("config.json"))?;
        let tokenizer = tokenizer::read(&at("tokenizer.json"))?;
        let weights = weights(&source.folder)?;
        // The file is read whole, and its tensors are made of it.
        let size = fs::metadata(&weights).map_or(0, |meta| meta.len());
        enough_memory(&weights, size.saturating_mul(2))?;
        let tensors = tensors(&weights)?;
        let length = at("sentence_bert_config.json");
        let longest = if length.is_file() { json::<LengthFile>(&length)?.max_seq_length } else { None };
        Ok(Self { config, tensors, tokenizer, longest, weights, precision: source.precision })
    }

    /// That something in the files made the reading of them end.
    pub(crate) fn odd(&self, problem: &str) -> ModelError {
        odd(&self.weights, problem)
    }

    /// That the weights are not those of the configuration.
    pub(crate) fn unfit(&self, error: &candle_core::Error) -> ModelError {
        unfit(&self.weights, error)
    }
}

fn odd(weights: &Path, problem: &str) -> ModelError {
    file(weights, &format!("cannot be read: {problem}; fetch it again"))
}

fn unfit(weights: &Path, error: &candle_core::Error) -> ModelError {
    let problem =
        format!("{}; the file is cut off, damaged, or of another model: fetch it again", plain(error));
    file(weights, &problem)
}

/// The tensors of a safetensors file.
pub(crate) fn tensors(path: &Path) -> Result<HashMap<String, Tensor>, ModelError> {
    let bytes = fs::read(path).map_err(|error| file(path, &format!("cannot be read: {error}")))?;
    let read = caught(|| candle_core::safetensors::load_buffer(&bytes, &Device::Cpu));
    read.map_err(|problem| odd(path, &problem))?.map_err(|error| unfit(path, &error))
}

pub(crate) fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ModelError> {
    let bytes = fs::read(path).map_err(|error| file(path, &format!("cannot be read: {error}; the folder of a model has config.json, tokenizer.json and model.safetensors")))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        file(
            path,
            &format!(
                "is not the configuration of an encoder: {error}; known architectures are {}",
                KNOWN.join(", ")
            ),
        )
    })
}

/// The weights' file. What unpickles runs code, and is refused by name.
pub(crate) fn weights(folder: &Path) -> Result<PathBuf, ModelError> {
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
