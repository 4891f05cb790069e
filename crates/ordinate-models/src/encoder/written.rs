//! What was trained, as a folder that others read: an encoder with a head as `transformers` has it, an adapter of PEFT, or an
//! encoder of sentence-transformers.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use candle_core::Tensor;
use serde_json::{Value, json};

use crate::encoder::adapter::{CONFIG, PREFIX, TENSORS};
use crate::encoder::files::Files;
use crate::encoder::folder::{Folder, Pooling, TextEncoder, plain};
use crate::encoder::tunable::LowRank;
use crate::error::ModelError;
use crate::model::Encoder;
use crate::source::{Source, file};

/// The weights of a model.
const WEIGHTS: &str = "model.safetensors";
/// Files that are taken over from the model that was trained on.
const TAKEN: [&str; 6] = [
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "sentence_bert_config.json",
];

/// What is written of an encoder that was trained with a head.
pub struct Written {
    pub(crate) files: Files,
    pub(crate) adapter: Option<Adapter>,
    pub(crate) source: Source,
}

/// What was trained beside a base that is as it was.
pub(crate) struct Adapter {
    pub(crate) tensors: BTreeMap<String, Tensor>,
    pub(crate) low_rank: LowRank,
    /// PEFT's `task_type`.
    pub(crate) task: &'static str,
    pub(crate) targets: &'static [&'static str],
    pub(crate) whole: &'static [&'static str],
}

impl Written {
    /// Whether it is written without the weights of its base.
    #[must_use]
    pub fn is_adapter(&self) -> bool {
        self.adapter.is_some()
    }

    /// All of its tensors, updates added to what they stand beside, under the names that `transformers` has for them.
    #[must_use]
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        self.files.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect()
    }

    /// Its weights besides those of a base that is as it was.
    #[must_use]
    pub fn trained(&self) -> u64 {
        let count = |tensor: &Tensor| tensor.elem_count() as u64;
        match &self.adapter {
            Some(adapter) => adapter.tensors.values().map(count).sum(),
            None => self.files.tensors.values().map(count).sum(),
        }
    }

    /// Writes it into a folder: `model.safetensors` and `config.json`, or, of updates, `adapter_model.safetensors` and
    /// `adapter_config.json`, which names `base`; beside them the tokenizer.
    ///
    /// # Errors
    /// [`ModelError::File`].
    pub fn write(&self, folder: &Path, base: &str) -> Result<(), ModelError> {
        if let Some(adapter) = &self.adapter {
            let named: BTreeMap<String, &Tensor> =
                adapter.tensors.iter().map(|(name, tensor)| (format!("{PREFIX}{name}"), tensor)).collect();
            save_tensors(&folder.join(TENSORS), &named)?;
            let revision = self.source.revision.clone();
            let (targets, whole) = (json!(adapter.targets), json!(adapter.whole));
            let config =
                adapter_config(base, revision.as_deref(), adapter.low_rank, adapter.task, &targets, &whole);
            write_json(&folder.join(CONFIG), &config)?;
        } else {
            let named = self.files.tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
            save_tensors(&folder.join(WEIGHTS), &named)?;
        }
        write_json(&folder.join("config.json"), &self.files.config)?;
        tokenizer(&self.files, &self.source, folder)
    }
}

/// The `adapter_config.json` that PEFT reads.
pub(crate) fn adapter_config(
    base: &str,
    revision: Option<&str>,
    low_rank: LowRank,
    task: &str,
    targets: &Value,
    whole: &Value,
) -> Value {
    json!({
        "base_model_name_or_path": base,
        "revision": revision,
        "peft_type": "LORA",
        "task_type": task,
        "r": low_rank.rank,
        "lora_alpha": low_rank.alpha,
        "lora_dropout": 0.0,
        "target_modules": targets,
        "modules_to_save": whole,
        "bias": "none",
        "fan_in_fan_out": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "use_rslora": false,
        "use_dora": false,
    })
}

/// An encoder that was trained.
pub struct TunedEncoder {
    encoder: TextEncoder,
    files: Files,
    pooling: Pooling,
    source: Source,
}

impl TunedEncoder {
    pub(crate) fn new(files: Files, pooling: Pooling, source: &Source) -> Result<Self, ModelError> {
        let encoder = TextEncoder::new(Folder::of(&files)?, pooling);
        Ok(Self { encoder, files, pooling, source: source.clone() })
    }

    /// Writes it as sentence-transformers does: the encoder, `modules.json` and how states are pooled.
    ///
    /// # Errors
    /// [`ModelError::File`].
    pub fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let named = self.files.tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
        save_tensors(&folder.join(WEIGHTS), &named)?;
        write_json(&folder.join("config.json"), &self.files.config)?;
        let module = |at: usize, path: &str, kind: &str| json!({ "idx": at, "name": at.to_string(), "path": path, "type": format!("sentence_transformers.models.{kind}") });
        let modules = [
            module(0, "", "Transformer"),
            module(1, "1_Pooling", "Pooling"),
            module(2, "2_Normalize", "Normalize"),
        ];
        write_json(&folder.join("modules.json"), &json!(modules))?;
        for inner in ["1_Pooling", "2_Normalize"] {
            let path = folder.join(inner);
            fs::create_dir_all(&path).map_err(|error| unwritten(&path, &error))?;
        }
        let pooling = json!({
            "word_embedding_dimension": self.encoder.width(),
            "pooling_mode_cls_token": self.pooling == Pooling::First,
            "pooling_mode_mean_tokens": self.pooling == Pooling::Mean,
        });
        write_json(&folder.join("1_Pooling/config.json"), &pooling)?;
        let longest = self.encoder.longest();
        let lengths = json!({ "max_seq_length": longest, "do_lower_case": false });
        tokenizer(&self.files, &self.source, folder)?;
        write_json(&folder.join("sentence_bert_config.json"), &lengths)
    }
}

impl Encoder for TunedEncoder {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.encoder.embed(texts)
    }

    fn facts(&self) -> crate::model::Facts {
        self.encoder.facts()
    }
}

/// Writes the tokenizer, and what of it the folder that was trained on has besides. It cuts where the model was trained to.
fn tokenizer(files: &Files, source: &Source, folder: &Path) -> Result<(), ModelError> {
    let path = folder.join("tokenizer.json");
    let text = files.tokenizer.to_string(false).map_err(|error| file(&path, &error.to_string()))?;
    fs::write(&path, text).map_err(|error| unwritten(&path, &error))?;
    let name = "tokenizer_config.json";
    let known = fs::read(source.folder.join(name)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let mut config: Value = known.unwrap_or_else(|| json!({ "tokenizer_class": "PreTrainedTokenizerFast" }));
    if let Some(longest) = files.longest {
        config["model_max_length"] = json!(longest);
    }
    write_json(&folder.join(name), &config)?;
    for name in TAKEN {
        let (from, to) = (source.folder.join(name), folder.join(name));
        if from.is_file() {
            fs::copy(&from, &to).map_err(|error| unwritten(&to, &error))?;
        }
    }
    Ok(())
}

/// Writes tensors as `transformers` expects them: with the mark that they are PyTorch's.
pub(crate) fn save_tensors(path: &Path, tensors: &BTreeMap<String, &Tensor>) -> Result<(), ModelError> {
    let mark = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let whole: Vec<(&String, Tensor)> = tensors
        .iter()
        .map(|(name, tensor)| Ok((name, tensor.contiguous()?)))
        .collect::<candle_core::Result<_>>()
        .map_err(|error| ModelError::Failed(plain(&error)))?;
    safetensors::serialize_to_file(whole, Some(mark), path).map_err(|error| unwritten(path, &error))
}

/// Writes a JSON file.
pub(crate) fn write_json(path: &Path, value: &Value) -> Result<(), ModelError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| unwritten(path, &error))?;
    fs::write(path, text + "\n").map_err(|error| unwritten(path, &error))
}

/// That a file cannot be written.
pub(crate) fn unwritten(path: &Path, problem: &dyn std::fmt::Display) -> ModelError {
    file(path, &format!("cannot be written: {problem}"))
}
