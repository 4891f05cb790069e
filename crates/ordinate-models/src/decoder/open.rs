//! Where a decoder is, and the files of its layers: configuration and weights.

use ordinate_core::caught;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Value;
use ordinate_core::task::Engine;
use ordinate_hub::ModelName;
use serde::Deserialize;

use super::adapter::{Adapter, Folders, is_of_decoder};
use super::config::{Architecture, Config, KNOWN, Shapes};
use super::layers::Layers;
use super::learning::Learning;
use super::model::Decoder;
use super::weights::Weights;
use super::wording::Wording;
use super::write::Writer;
use crate::encoder::adapter;
use crate::error::ModelError;
use crate::memory::enough_memory;
use crate::source::{Source, file};

/// Where a decoder is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder with `config.json`, `tokenizer.json` and safetensors, or with an adapter of such a one.
    Folder(Source),
    /// A GGUF file.
    Gguf(PathBuf),
    /// A GGUF file that llama.cpp runs.
    Llama(PathBuf),
}

impl Place {
    /// The same model, run by this engine.
    ///
    /// # Errors
    /// [`ModelError::File`] where the engine does not read such files; [`ModelError::Engine`] where this build does not
    /// have it.
    pub fn by(self, engine: Engine) -> Result<Self, ModelError> {
        match (engine, self) {
            (Engine::Candle, place) => Ok(place),
            (Engine::LlamaCpp, Self::Folder(source)) => {
                let problem =
                    "is a folder of safetensors, and llama.cpp reads .gguf files: name one, or remove engine";
                Err(file(&source.folder, problem))
            }
            (Engine::LlamaCpp, _) if !cfg!(feature = "llama-cpp") => Err(ModelError::Engine),
            (Engine::LlamaCpp, Self::Gguf(path) | Self::Llama(path)) => Ok(Self::Llama(path)),
        }
    }
}

/// The decoder that a task file names: a `.gguf` file, `hf:org/name/file.gguf`, or a folder or `hf:org/name` whose
/// `config.json` is of an architecture that is known here. `None` for what is no decoder.
///
/// # Errors
/// [`ModelError::File`] where a `.gguf` file is not there, or a decoder is of another architecture.
pub fn find(text: &str, base: &Path) -> Result<Option<Place>, ModelError> {
    if Path::new(text).extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf")) {
        let path = match ModelName::parse(text)? {
            Some(name) => Source::find(text, base)?.folder.join(name.file().unwrap_or_default()),
            None => base.join(text),
        };
        if path.is_file() {
            return Ok(Some(Place::Gguf(path)));
        }
        return Err(file(&path, "there is no such file"));
    }
    let Ok(source) = Source::find(text, base) else { return Ok(None) };
    if source.folder.join(adapter::CONFIG).is_file() {
        return adapted(source);
    }
    match writes(&source.folder)? {
        Some(true) => return Ok(Some(Place::Folder(source))),
        Some(false) => return Ok(None),
        None => {}
    }
    // A folder of GGUF files, as the hub has them.
    let mut files: Vec<PathBuf> = fs::read_dir(&source.folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|end| end == "gguf"));
    files.sort_unstable();
    match files.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(Place::Gguf(one.clone()))),
        [one, ..] => {
            let problem =
                format!("has {} GGUF files; name one of them, as {text}/{}", files.len(), name_of(one));
            Err(file(&source.folder, &problem))
        }
    }
}

/// Whether a folder holds a decoder; `None` where it has no configuration.
fn writes(folder: &Path) -> Result<Option<bool>, ModelError> {
    #[derive(Deserialize)]
    struct Kind {
        model_type: String,
        #[serde(default)]
        architectures: Vec<String>,
    }
    let path = folder.join("config.json");
    let Ok(bytes) = fs::read(&path) else { return Ok(None) };
    let Ok(kind) = serde_json::from_slice::<Kind>(&bytes) else { return Ok(Some(false)) };
    if Architecture::named(&kind.model_type).is_some() {
        return Ok(Some(true));
    }
    // One that writes, but not here: encoders could say nothing better of it.
    if kind.architectures.iter().any(|name| name.ends_with("ForCausalLM")) {
        let problem = format!("{:?} is no decoder that runs here; known are {KNOWN}", kind.model_type);
        return Err(file(&path, &problem));
    }
    Ok(Some(false))
}

/// The place of an adapter, where its base is a decoder and it is none of a classifier.
fn adapted(source: Source) -> Result<Option<Place>, ModelError> {
    let folder = &source.folder;
    let base = match adapter::base(folder) {
        Ok(base) => base,
        Err(error) if is_of_decoder(folder) => return Err(error),
        // Encoders say it.
        Err(_) => return Ok(None),
    };
    let Some(base) = base.filter(|_| adapter::is_for(folder, adapter::CLASSIFIES) == Some(false)) else {
        return Ok(None);
    };
    Ok((writes(&base.folder)? == Some(true)).then_some(Place::Folder(source)))
}

fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Opens a decoder with its tokenizer and chat template.
///
/// # Errors
/// [`ModelError::File`] for a file that is missing, damaged, of an architecture that is not known, or a pickle; and
/// where the machine has less memory free than the weights need.
pub fn open(place: &Place) -> Result<Writer, ModelError> {
    guarded(place, || read_writer(place))
}

/// What a place holds; an error where a library panics on its files.
pub(super) fn guarded<T>(
    place: &Place,
    read: impl FnOnce() -> Result<T, ModelError>,
) -> Result<T, ModelError> {
    let path = match place {
        Place::Folder(source) => &source.folder,
        Place::Gguf(path) | Place::Llama(path) => path,
    };
    caught(read)
        .unwrap_or_else(|problem| Err(file(path, &format!("cannot be read: {problem}; fetch it again"))))
}

fn read_writer(place: &Place) -> Result<Writer, ModelError> {
    let Opened { layers, ends, meta } = opened(place)?;
    Ok(Writer::new(layers, Wording::read(place, ends, meta)?))
}

/// Opens the layers alone, with the engine of their place.
///
/// # Errors
/// As [`open`].
pub fn layers(place: &Place) -> Result<Box<dyn Layers>, ModelError> {
    guarded(place, || opened(place)).map(|opened| opened.layers)
}

fn opened(place: &Place) -> Result<Opened, ModelError> {
    if let Place::Llama(path) = place {
        return llama(path);
    }
    let Read { decoder, ends, meta } = decoder(place)?;
    Ok(Opened { layers: Box::new(decoder), ends, meta })
}

/// Layers that can run, and what else is known of them.
struct Opened {
    layers: Box<dyn Layers>,
    ends: Vec<u32>,
    /// Of a GGUF file.
    meta: Option<HashMap<String, Value>>,
}

/// llama.cpp with this file.
#[cfg(feature = "llama-cpp")]
fn llama(path: &Path) -> Result<Opened, ModelError> {
    let weights = Weights::gguf(path)?;
    let content = weights.content().ok_or_else(|| file(path, "is no GGUF file"))?;
    // It keeps numbers as the file has them.
    enough_memory(path, fs::metadata(path).map_or(0, |meta| meta.len()))?;
    let layers = Box::new(super::llama::Llama::open(path)?);
    let meta = content.metadata.clone();
    Ok(Opened { layers, ends: super::config::ends(&meta), meta: Some(meta) })
}

#[cfg(not(feature = "llama-cpp"))]
fn llama(_: &Path) -> Result<Opened, ModelError> {
    Err(ModelError::Engine)
}

/// Layers that were read, and what else their files said.
pub struct Read {
    /// The layers.
    pub decoder: Decoder,
    pub(super) ends: Vec<u32>,
    meta: Option<HashMap<String, Value>>,
}

/// Reads the layers alone, for candle.
///
/// # Errors
/// As [`open`].
pub fn decoder(place: &Place) -> Result<Read, ModelError> {
    match place {
        Place::Folder(source) => {
            let Folders { weights, adapter, .. } = Folders::of(source)?;
            let adapter = adapter.map(|folder| Adapter::read(&folder)).transpose()?;
            of_folder(&weights, adapter.map_or(Learning::Nothing, Learning::Adapted))
        }
        Place::Gguf(path) | Place::Llama(path) => {
            let weights = Weights::gguf(path)?;
            let content = weights.content().ok_or_else(|| file(path, "is no GGUF file"))?;
            let config = gguf_config(&weights).map_err(|problem| file(path, &problem))?;
            let meta = Some(content.metadata.clone());
            enough_memory(path, weights.memory())?;
            let ends = config.ends.clone();
            Ok(Read { decoder: Decoder::new(config, weights)?, ends, meta })
        }
    }
}

/// Reads the layers of a folder of safetensors, of which something is trained, or was.
///
/// # Errors
/// As [`open`].
pub(super) fn of_folder(source: &Source, learning: Learning) -> Result<Read, ModelError> {
    let path = source.folder.join("config.json");
    let bytes = fs::read(&path).map_err(|error| file(&path, &format!("cannot be read: {error}")))?;
    let config = Config::of_json(&bytes).map_err(|problem| file(&path, &problem))?;
    let files = shards(&source.folder)?;
    let weights = Weights::safetensors(&files)?;
    // What is trained is read once, and copied into variables.
    let copies = if matches!(learning, Learning::Whole) { 2 } else { 1 };
    enough_memory(&files[0], weights.memory().saturating_mul(copies))?;
    let ends = config.ends.clone();
    Ok(Read { decoder: Decoder::new(config, weights.learning(learning))?, ends, meta: None })
}

/// The configuration of a GGUF file.
pub(crate) fn gguf_config(weights: &Weights) -> Result<Config, String> {
    let rows = weights.shape("token_embd.weight").and_then(|shape| shape.first()).copied();
    let rows = rows.ok_or("has no token_embd.weight: it is no language model")?;
    let content = weights.content().ok_or("is no GGUF file")?;
    let (tied, long) = (!weights.has("output.weight"), weights.has("rope_factors_long.weight"));
    Config::of_gguf(&content.metadata, Shapes { vocabulary: rows, tied, long })
}

/// The safetensors of a folder: one file, or those that an index names. What unpickles runs code, and is refused by
/// name.
pub(crate) fn shards(folder: &Path) -> Result<Vec<PathBuf>, ModelError> {
    let one = folder.join("model.safetensors");
    if one.is_file() {
        return Ok(vec![one]);
    }
    let index = folder.join("model.safetensors.index.json");
    if index.is_file() {
        let names = ordinate_hub::shards_of(text(&index)?.as_bytes()).map_err(|why| file(&index, &why))?;
        let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
        return match paths.iter().find(|path| !path.is_file()) {
            Some(path) => Err(file(path, "is missing; the index names it: fetch the model again")),
            None => Ok(paths),
        };
    }
    let pickle = fs::read_dir(folder).ok().and_then(|entries| {
        let pickled = |path: &PathBuf| {
            let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            matches!(end.as_str(), "bin" | "pt" | "pth" | "pkl" | "ckpt")
        };
        entries.flatten().map(|entry| entry.path()).find(pickled)
    });
    Err(match pickle {
        Some(path) => file(
            &path,
            "is a pickle, which can run any code when it is read; Ordinate reads safetensors and GGUF only: convert it, or take a revision that has model.safetensors",
        ),
        None => file(
            &one,
            "is missing; the folder of a model has config.json, tokenizer.json and model.safetensors",
        ),
    })
}

pub(super) fn text(path: &Path) -> Result<String, ModelError> {
    fs::read_to_string(path).map_err(|error| file(path, &format!("cannot be read: {error}")))
}
