//! Adapters as PEFT writes them (`adapter_config.json` and `adapter_model.safetensors`), read into the model that they
//! were trained beside: low-rank updates are added to its weights, and what was trained whole takes the place of its own.

use std::fs;
use std::path::Path;

use candle_core::{DType, Tensor};
use serde::Deserialize;
use serde_json::{Map, Value, json as value};

use crate::encoder::files::{Files, json, tensors};
use crate::encoder::folder::plain;
use crate::encoder::layers::{LORA_DOWN, LORA_UP};
use crate::encoder::layout::Layout;
use crate::error::ModelError;
use crate::source::{Source, file};

/// The file that says what an adapter is.
pub(crate) const CONFIG: &str = "adapter_config.json";
/// Its tensors.
pub(crate) const TENSORS: &str = "adapter_model.safetensors";
/// What PEFT puts before the name of every tensor.
pub(crate) const PREFIX: &str = "base_model.model.";

/// What `adapter_config.json` says.
#[derive(Deserialize)]
struct Config {
    base_model_name_or_path: Option<String>,
    revision: Option<String>,
    peft_type: String,
    task_type: Option<String>,
    #[serde(default)]
    lora_alpha: f64,
    #[serde(default)]
    alpha_pattern: Map<String, Value>,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    fan_in_fan_out: bool,
}

/// The configuration of an adapter.
fn said(path: &Path) -> Result<Config, ModelError> {
    let bytes = fs::read(path).map_err(|error| file(path, &format!("cannot be read: {error}")))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| file(path, &format!("is no configuration of PEFT's: {error}; save it again")))
}

/// The model that a folder is an adapter of; `None` where it is none.
pub(crate) fn base(folder: &Path) -> Result<Option<Source>, ModelError> {
    let path = folder.join(CONFIG);
    if !path.is_file() {
        return Ok(None);
    }
    let config = said(&path)?;
    let Some(name) = config.base_model_name_or_path.filter(|name| !name.is_empty()) else {
        return Err(file(
            &path,
            "names no base_model_name_or_path: put the folder or the name of its base there",
        ));
    };
    if folder.join(&name).is_dir() {
        return Source::find(&name, folder).map(Some);
    }
    let at = config.revision.map(|revision| format!("@{revision}")).unwrap_or_default();
    Source::find(&format!("hf:{name}{at}"), folder).map(Some).map_err(|error| {
        let problem = format!("its base {name:?} is neither a folder nor in the hub's cache: {error}");
        file(&path, &problem)
    })
}

/// `task_type` of what classifies, and of what finds spans.
pub(crate) const CLASSIFIES: &str = "SEQ_CLS";
pub(crate) const EXTRACTS: &str = "QUESTION_ANS";

/// Whether a folder holds an adapter of this `task_type`; `None` where it holds no adapter.
pub(crate) fn is_for(folder: &Path, task: &str) -> Option<bool> {
    let path = folder.join(CONFIG);
    path.is_file().then(|| said(&path).is_ok_and(|config| config.task_type.as_deref() == Some(task)))
}

/// The files of a base with an adapter in them.
pub(crate) fn read(folder: &Path, base: Files) -> Result<Files, ModelError> {
    let path = folder.join(CONFIG);
    let config = said(&path)?;
    let refused = |what: &str| {
        Err(file(&path, &format!("{what}; merge it with PEFT (`merge_and_unload`) and name the result")))
    };
    if config.peft_type != "LORA" {
        return refused(&format!("it is of the type {}, and LORA alone is read", config.peft_type));
    }
    if config.use_dora || config.fan_in_fan_out {
        return refused("it has use_dora or fan_in_fan_out, which are not read");
    }
    let weights = folder.join(TENSORS);
    let unfit =
        |error: candle_core::Error| file(&weights, &format!("does not fit its base: {}", plain(&error)));
    let Files { config: mut known, tensors: of_base, mut tokenizer, longest, precision, .. } = base;
    let layout = Layout::of(&known)
        .ok_or_else(|| file(&path, "its base is of an architecture whose adapters are not read"))?;
    let mut merged = layout.renamed(of_base);
    let adapted = tensors(&weights)?;
    for (name, down) in &adapted {
        let Some(inner) = name.strip_prefix(PREFIX) else {
            return Err(file(&weights, &format!("tensor {name} is none of an adapter of PEFT")));
        };
        if let Some(layer) = inner.strip_suffix(LORA_DOWN) {
            let up = adapted.get(&format!("{PREFIX}{layer}{LORA_UP}"));
            let up = up.ok_or_else(|| file(&weights, &format!("{layer} has lora_A and no lora_B")))?;
            let rank = down.dims().first().copied().unwrap_or(1).max(1) as f64;
            let alpha = config.alpha_pattern.get(layer).and_then(Value::as_f64).unwrap_or(config.lora_alpha);
            let scale = alpha / if config.use_rslora { rank.sqrt() } else { rank };
            let weight = format!("{layer}.weight");
            let there = merged.get(&weight);
            let there = there.ok_or_else(|| file(&weights, &format!("its base has no tensor {weight}")))?;
            let sum = updated(there, down, up, scale).map_err(unfit)?;
            merged.insert(weight, sum);
        } else if !inner.ends_with(LORA_UP) {
            merged.insert(inner.to_owned(), down.clone());
        }
    }
    let out = merged.get(&format!("{}.weight", layout.out)).and_then(|out| out.dims().first());
    match (config.task_type.as_deref(), out) {
        (Some(CLASSIFIES), Some(count)) => {
            classify(&mut known, &layout, *count, &folder.join("config.json"));
        }
        (Some(EXTRACTS), _) => {
            known["architectures"] = value!([Layout::of_spans(&known).map(|layout| layout.class())]);
        }
        _ => {}
    }
    let own = folder.join("tokenizer.json");
    if own.is_file() {
        tokenizer = crate::tokenizer::read(&own)?;
    }
    Ok(Files { config: known, tensors: merged, tokenizer, longest, weights, precision })
}

/// `weight + scale up down`.
pub(crate) fn updated(
    weight: &Tensor,
    down: &Tensor,
    up: &Tensor,
    scale: f64,
) -> candle_core::Result<Tensor> {
    let update = up.to_dtype(DType::F32)?.matmul(&down.to_dtype(DType::F32)?)?;
    weight.to_dtype(DType::F32)? + (update * scale)?
}

/// Makes the configuration of a base that of a classifier: labels are named by the adapter's own configuration, where it
/// has one (PEFT writes none), or by the base's where there are as many.
fn classify(known: &mut Value, layout: &Layout, count: usize, own: &Path) {
    known["architectures"] = value!([layout.class()]);
    let Ok(own) = json::<Value>(own) else {
        if known["id2label"].as_object().is_none_or(|names| names.len() != count) {
            known["id2label"] =
                (0..count).map(|at| (at.to_string(), value!(format!("LABEL_{at}")))).collect();
        }
        return;
    };
    for key in ["id2label", "label2id", "problem_type"] {
        known[key] = own[key].clone();
    }
}

/// The files that an adapter's answers hang on.
pub(crate) const FILES: [&str; 2] = [CONFIG, TENSORS];
