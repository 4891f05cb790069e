//! What a model is, from the heads of its files: nothing is loaded.

use ordinate_core::caught;
use std::fs;
use std::path::{Path, PathBuf};

use ordinate_hub::ModelName;
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use crate::card::licence;
use crate::decoder::{Architecture, Config, shards};
use crate::decoder::{KNOWN as DECODERS, Weights};
use crate::encoder::{BertConfig, KNOWN as ENCODERS, adapter, builtin, is_classifier, is_extractor};
use crate::error::ModelError;
use crate::forecaster::{is_forecaster, unfit_config};
use crate::memory::enough_memory;
use crate::model::Encoder as _;
use crate::seq2seq::is_translator;
use crate::source::Source;
use crate::tokenizer;
use crate::vision::{ImageEncoder, TYPE as NETWORK, is_published_network, unfit_config as network_unfit};

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Turns texts, or images, into vectors.
    Encoder,
    /// A published sequence classifier.
    Classifier,
    /// Finds the answers to questions in passages.
    Extractor,
    /// Writes.
    Decoder,
    /// Reads a text in one language and writes it in another.
    Translator,
    /// Continues series.
    Forecaster,
    /// Something else, or nothing that can be told.
    Other,
}

/// What a model is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspected {
    /// What it does.
    pub kind: Role,
    /// `model_type` of its configuration, or `general.architecture` of a GGUF file.
    pub architecture: Option<String>,
    /// Numbers in its tensors.
    pub parameters: Option<u64>,
    /// Bytes of its files.
    pub disk_bytes: u64,
    /// Bytes of its weights when Ordinate has loaded them: 4 a parameter, but what is quantised stays so.
    pub memory_bytes: Option<u64>,
    /// The longest text that it reads, in tokens; what is longer is cut (encoders) or does not fit (decoders).
    pub context_tokens: Option<u64>,
    /// The licence that its card or its file names.
    pub licence: Option<String>,
    /// The commit of the hub.
    pub revision: Option<String>,
    /// Its folder or file; `None` for the built-in one.
    pub path: Option<PathBuf>,
    /// Why it does not run here; `None` where it does.
    pub problem: Option<String>,
}

/// Looks at `builtin`, a folder, a `.gguf` file, or a model of the hub's cache; paths are relative to `base`.
///
/// # Errors
/// As [`Source::find`]: what is there but does not run is no error.
pub fn inspect(text: &str, base: &Path) -> Result<Inspected, ModelError> {
    if text == "builtin" {
        let facts = builtin()?.facts();
        return Ok(Inspected {
            architecture: Some("fixed vectors of word pieces".to_owned()),
            parameters: Some(facts.parameters),
            disk_bytes: facts.bytes,
            memory_bytes: Some(facts.bytes),
            licence: Some("Apache-2.0".to_owned()),
            ..Inspected::new(Role::Encoder)
        });
    }
    if Path::new(text).extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf")) {
        let (path, revision) = match ModelName::parse(text)? {
            Some(name) => {
                let source = Source::find(text, base)?;
                (source.folder.join(name.file().unwrap_or_default()), source.revision)
            }
            None => (base.join(text), None),
        };
        if !path.is_file() {
            return Err(ModelError::File { path, problem: "there is no such file".to_owned() });
        }
        return Ok(Inspected { revision, ..gguf(&path) });
    }
    Ok(inspect_source(&Source::find(text, base)?))
}

/// Looks at a folder, as [`inspect`] does.
#[must_use]
pub fn inspect_source(source: &Source) -> Inspected {
    let folder = &source.folder;
    let revision = source.revision.clone();
    match adapter::base(folder) {
        Ok(None) => {}
        Ok(Some(base)) => {
            let base = inspect_source(&base);
            let kind = match (is_classifier(source), is_extractor(source)) {
                (true, _) => Role::Classifier,
                (_, true) => Role::Extractor,
                _ => base.kind,
            };
            let disk_bytes = base.disk_bytes + size(folder);
            return Inspected { kind, disk_bytes, path: Some(folder.clone()), revision, ..base };
        }
        Err(error) => {
            let problem = Some(error.to_string());
            let (disk_bytes, path) = (size(folder), Some(folder.clone()));
            return Inspected { disk_bytes, path, revision, problem, ..Inspected::new(Role::Other) };
        }
    }
    let Ok(text) = fs::read(folder.join("config.json")) else {
        let ggufs = ggufs(folder);
        return match ggufs.as_slice() {
            [one] => Inspected { revision, ..gguf(one) },
            _ => {
                let problem = if ggufs.is_empty() {
                    "config.json is missing; fetch the model again".to_owned()
                } else {
                    format!("it has {} GGUF files; name one of them", ggufs.len())
                };
                let (disk_bytes, path) = (size(folder), Some(folder.clone()));
                Inspected {
                    disk_bytes,
                    path,
                    revision,
                    problem: Some(problem),
                    ..Inspected::new(Role::Other)
                }
            }
        };
    };
    let config: Value = serde_json::from_slice(&text).unwrap_or_default();
    let architecture = config["model_type"].as_str().map(str::to_owned);
    let name = architecture.as_deref().unwrap_or_default();
    let kind = role(source, &config, name);
    let files = shards(folder);
    let weights = files.as_ref().ok().map(|files| Weights::safetensors(files));
    let read = weights.as_ref().and_then(|weights| weights.as_ref().ok());
    let memory_bytes = read.map(Weights::memory);
    let decoder = (kind == Role::Decoder).then(|| Config::of_json(&text));
    let problem = match (&files, &weights, &decoder) {
        (Err(error), ..) | (_, Some(Err(error)), _) => Some(error.to_string()),
        (.., Some(Err(problem))) => Some(problem.clone()),
        (Ok(files), ..) => unfit(source, &config, name, kind, files, memory_bytes),
    };
    let context = match decoder {
        Some(Ok(config)) => Some(config.longest as u64),
        _ => encoder_context(folder, &config, name),
    };
    Inspected {
        kind,
        architecture,
        parameters: read.map(Weights::parameters),
        disk_bytes: size(folder),
        memory_bytes,
        context_tokens: context,
        licence: fs::read_to_string(folder.join("README.md")).ok().and_then(|card| licence(&card)),
        revision,
        path: Some(folder.clone()),
        problem,
    }
}

impl Inspected {
    fn new(kind: Role) -> Self {
        Self {
            kind,
            architecture: None,
            parameters: None,
            disk_bytes: 0,
            memory_bytes: None,
            context_tokens: None,
            licence: None,
            revision: None,
            path: None,
            problem: None,
        }
    }
}

fn role(source: &Source, config: &Value, name: &str) -> Role {
    let writes = config["architectures"].as_array().is_some_and(|names| {
        names.iter().any(|name| name.as_str().is_some_and(|name| name.ends_with("ForCausalLM")))
    });
    if is_forecaster(source) {
        Role::Forecaster
    } else if is_published_network(source) {
        // Its head is told by its tensors; what is published has one, as a rule.
        Role::Classifier
    } else if is_classifier(source) {
        Role::Classifier
    } else if ENCODERS.contains(&name) && is_extractor(source) {
        Role::Extractor
    } else if Architecture::named(name).is_some() || writes {
        Role::Decoder
    } else if is_translator(source) {
        Role::Translator
    } else if ENCODERS.contains(&name) || name == NETWORK {
        Role::Encoder
    } else {
        Role::Other
    }
}

/// Why a folder whose weights and configuration can be read does not run.
fn unfit(
    source: &Source,
    config: &Value,
    name: &str,
    kind: Role,
    files: &[PathBuf],
    memory: Option<u64>,
) -> Option<String> {
    if name == NETWORK {
        return ImageEncoder::open(&source.folder).err().map(|error| error.to_string());
    }
    if is_published_network(source) {
        let room = || enough_memory(&source.folder, memory.unwrap_or_default()).err();
        return network_unfit(&source.folder).or_else(|| room().map(|error| error.to_string()));
    }
    if kind == Role::Forecaster {
        let room = || enough_memory(&source.folder, memory.unwrap_or_default()).err();
        return unfit_config(&source.folder).or_else(|| room().map(|error| error.to_string()));
    }
    if kind == Role::Translator {
        let lacks = ["source.spm", "target.spm", "vocab.json"]
            .into_iter()
            .find(|name| !source.folder.join(name).is_file());
        return match lacks {
            Some(name) => Some(format!("{name} is missing; fetch the model again")),
            None => {
                enough_memory(&source.folder, memory.unwrap_or_default()).err().map(|error| error.to_string())
            }
        };
    }
    if kind != Role::Decoder && !ENCODERS.contains(&name) {
        let encoders = ENCODERS.join(", ");
        return Some(format!(
            "{name:?} is no architecture that runs here; known are the encoders {encoders}, translators of the family marian, forecasters of the family chronos, networks of images (ResNet, ViT), and the decoders {DECODERS}"
        ));
    }
    if config["quantization_config"].is_object() {
        return Some("its safetensors are quantised, which is not read; take a GGUF file of it".to_owned());
    }
    if kind != Role::Decoder && files.len() > 1 {
        return Some("encoders are read from one model.safetensors, and it has several files".to_owned());
    }
    let path = source.folder.join("tokenizer.json");
    if !path.is_file() {
        return Some("tokenizer.json is missing; save one with transformers".to_owned());
    }
    if let Err(error) = tokenizer::read(&path) {
        return Some(error.to_string());
    }
    enough_memory(&source.folder, memory.unwrap_or_default()).err().map(|error| error.to_string())
}

/// As [`crate::encoder::open`] cuts texts.
fn encoder_context(folder: &Path, config: &Value, name: &str) -> Option<u64> {
    let longest = config["max_position_embeddings"].as_u64()?;
    if !ENCODERS.contains(&name) {
        return Some(longest);
    }
    let longest = BertConfig::deserialize(config)
        .ok()
        .filter(|_| name != "modernbert")
        .map_or(longest, |config| config.longest() as u64);
    let said = fs::read(folder.join("sentence_bert_config.json")).ok();
    let said = said.and_then(|text| serde_json::from_slice::<Value>(&text).ok()?["max_seq_length"].as_u64());
    Some(said.unwrap_or(512).clamp(3, longest.max(3)))
}

fn gguf(path: &Path) -> Inspected {
    let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
    let known = Inspected { disk_bytes: bytes, path: Some(path.to_owned()), ..Inspected::new(Role::Decoder) };
    let weights = match Weights::gguf(path) {
        Ok(weights) => weights,
        Err(error) => return Inspected { problem: Some(error.to_string()), kind: Role::Other, ..known },
    };
    let word = |key: &str| Some(weights.content()?.metadata.get(key)?.to_string().ok()?.clone());
    let architecture = word("general.architecture");
    let card = || licence(&fs::read_to_string(path.with_file_name("README.md")).ok()?);
    let config = crate::decoder::gguf_config(&weights);
    let vocabulary = || {
        let beside = path.with_file_name("tokenizer.json");
        if beside.is_file() {
            return tokenizer::read(&beside).map(drop).map_err(|error| error.to_string());
        }
        let meta = &weights.content().ok_or("is no GGUF file")?.metadata;
        caught(|| crate::decoder::vocabulary(meta)).unwrap_or_else(Err).map(drop)
    };
    let problem = match config.map(drop).and_then(|()| vocabulary()) {
        Err(problem) => Some(problem),
        Ok(()) => enough_memory(path, weights.memory()).err().map(|error| error.to_string()),
    };
    let longest = architecture
        .as_ref()
        .and_then(|name| weights.content()?.metadata.get(&format!("{name}.context_length"))?.to_u64().ok());
    Inspected {
        architecture,
        parameters: Some(weights.parameters()),
        memory_bytes: Some(weights.memory()),
        context_tokens: longest,
        licence: word("general.license").or_else(card),
        problem,
        ..known
    }
}

/// The GGUF files of a folder, in order.
fn ggufs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"))).collect();
    files.sort_unstable();
    files
}

/// Bytes of the files of a folder, and of the folders in it.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match fs::metadata(entry.path()) {
        Ok(meta) if meta.is_file() => meta.len(),
        // Not through links: they could go round.
        Ok(_) if entry.file_type().is_ok_and(|kind| kind.is_dir()) => size(&entry.path()),
        _ => 0,
    };
    entries.map(of).sum()
}
