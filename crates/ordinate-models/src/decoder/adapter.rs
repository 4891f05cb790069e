//! Adapters of decoders as PEFT writes them: low-rank updates are added to the weights of their base as these are read, and
//! what was trained whole takes the place of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::linear::Update;
use super::weights::plain;
use crate::encoder::adapter::{CONFIG, PREFIX, TENSORS, base, updated};
use crate::encoder::layers::{LORA_DOWN, LORA_UP};
use crate::encoder::tensors;
use crate::error::ModelError;
use crate::source::{Source, file};

/// What `adapter_config.json` says, as far as it changes answers.
#[derive(Deserialize)]
struct Config {
    peft_type: String,
    task_type: Option<String>,
    #[serde(default)]
    lora_alpha: f64,
    #[serde(default)]
    alpha_pattern: Map<String, Value>,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    init_lora_weights: Value,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Settings by which an adapter is more than an update that is added.
const REFUSED: [&str; 10] = [
    "use_dora",
    "fan_in_fan_out",
    "use_qalora",
    "use_bdlora",
    "layer_replication",
    "alora_invocation_tokens",
    "trainable_token_indices",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
];

/// Where the parts of a decoder's folder lie: of an adapter the weights are those of its base.
pub(crate) struct Folders {
    /// Weights and configuration.
    pub(crate) weights: Source,
    /// Tokenizer and chat template: an adapter's own, where it has them.
    pub(crate) texts: PathBuf,
    /// The adapter, where it is one.
    pub(crate) adapter: Option<PathBuf>,
}

impl Folders {
    /// Those of a folder.
    ///
    /// # Errors
    /// [`ModelError::File`] where the base of an adapter is not there, or is an adapter itself.
    pub(crate) fn of(source: &Source) -> Result<Self, ModelError> {
        let own = &source.folder;
        let Some(weights) = base(own)? else {
            return Ok(Self { weights: source.clone(), texts: own.clone(), adapter: None });
        };
        if weights.folder.join(CONFIG).is_file() {
            let problem = format!(
                "its base {} is an adapter itself: merge that with PEFT (`merge_and_unload`), and name the result as base_model_name_or_path",
                weights.folder.display()
            );
            return Err(file(&own.join(CONFIG), &problem));
        }
        let texts = if own.join("tokenizer.json").is_file() { own } else { &weights.folder };
        Ok(Self { texts: texts.clone(), adapter: Some(own.clone()), weights })
    }
}

/// Whether a folder says that it holds an adapter of a model that writes.
pub(crate) fn is_of_decoder(folder: &Path) -> bool {
    let config = fs::read(folder.join(CONFIG)).ok();
    let config = config.and_then(|bytes| serde_json::from_slice::<Config>(&bytes).ok());
    config.is_some_and(|config| config.task_type.as_deref() == Some("CAUSAL_LM"))
}

/// What is added to a base, and what takes the place of its own.
pub(crate) struct Adapter {
    /// The file that it was read from; empty for one that was made here.
    path: PathBuf,
    /// By the name of the matrix in the base.
    updates: BTreeMap<String, Update>,
    /// By the name of the tensor in the base.
    whole: BTreeMap<String, Tensor>,
}

/// The name of a tensor whatever class or file it is named by: from the layers on.
fn inner(name: &str) -> &str {
    let prefixes = ["model.language_model.", "language_model.model.", "language_model.", "model."];
    prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

impl Adapter {
    /// What was trained: by the names of the base, updates and whole tensors.
    pub(crate) fn of(updates: BTreeMap<String, Update>, whole: BTreeMap<String, Tensor>) -> Self {
        let named = |name: String| inner(&name).to_owned();
        Self {
            path: PathBuf::new(),
            updates: updates.into_iter().map(|(name, update)| (named(name), update)).collect(),
            whole: whole.into_iter().map(|(name, tensor)| (named(name), tensor)).collect(),
        }
    }

    /// Reads that of a folder.
    ///
    /// # Errors
    /// [`ModelError::File`], which names the file and what of it is not read.
    pub(crate) fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(CONFIG);
        let bytes = fs::read(&path).map_err(|error| file(&path, &format!("cannot be read: {error}")))?;
        let config: Config = serde_json::from_slice(&bytes).map_err(|error| {
            file(&path, &format!("is no configuration of PEFT's: {error}; save it again"))
        })?;
        let merge = "merge it with PEFT (`merge_and_unload`) and name the result";
        if let Some(what) = config.refused() {
            return Err(file(&path, &format!("{what}; {merge}")));
        }
        let path = folder.join(TENSORS);
        if !path.is_file() {
            let problem =
                "is missing; the folder of an adapter has adapter_config.json and adapter_model.safetensors";
            return Err(file(&path, problem));
        }
        // In order, so that the same file gives the same error.
        let all: BTreeMap<String, Tensor> = tensors(&path)?.into_iter().collect();
        let (mut updates, mut whole) = (BTreeMap::new(), BTreeMap::new());
        for (name, tensor) in &all {
            let Some(named) = name.strip_prefix(PREFIX) else {
                return Err(file(&path, &format!("tensor {name} is none of an adapter of PEFT; {merge}")));
            };
            if let Some(layer) = named.strip_suffix(LORA_DOWN) {
                let up = all.get(&format!("{PREFIX}{layer}{LORA_UP}"));
                let up = up.ok_or_else(|| file(&path, &format!("{layer} has lora_A and no lora_B")))?;
                let scale = config.scale(layer, tensor.dims().first().copied().unwrap_or(1));
                let update = Update { down: tensor.clone(), up: up.clone(), scale };
                updates.insert(inner(layer).to_owned(), update);
            } else if let Some(layer) = named.strip_suffix(LORA_UP) {
                if !all.contains_key(&format!("{PREFIX}{layer}{LORA_DOWN}")) {
                    return Err(file(&path, &format!("{layer} has lora_B and no lora_A")));
                }
            } else if named.contains("lora_") {
                return Err(file(
                    &path,
                    &format!("tensor {name} is no update of a matrix, which alone are read; {merge}"),
                ));
            } else {
                whole.insert(inner(named).to_owned(), tensor.clone());
            }
        }
        if updates.is_empty() && whole.is_empty() {
            return Err(file(&path, "has no tensors; save the adapter again"));
        }
        Ok(Self { path, updates, whole })
    }

    /// A tensor of the base, as the adapter has it.
    pub(super) fn changed(&mut self, name: &str, tensor: Tensor) -> Result<Tensor, ModelError> {
        let key = inner(name);
        let mut tensor = match self.whole.remove(key) {
            None => tensor,
            Some(own) if own.dims() == tensor.dims() => {
                own.to_dtype(candle_core::DType::F32).map_err(|error| self.unfit(name, &plain(&error)))?
            }
            Some(own) => {
                let (own, theirs) = (own.dims(), tensor.dims());
                return Err(self.unfit(name, &format!("it is {own:?} here, and {theirs:?} in its base")));
            }
        };
        let update = key.strip_suffix(".weight").and_then(|layer| self.updates.remove(layer));
        if let Some(Update { down, up, scale }) = update {
            let sum = updated(&tensor, &down, &up, scale);
            tensor = sum.map_err(|error| self.unfit(name, &plain(&error)))?;
        }
        Ok(tensor)
    }

    /// That a base, whose embedding is its head too, can be read with it.
    ///
    /// # Errors
    /// [`ModelError::File`] where an embedding was trained alone: PEFT leaves the head as it was.
    pub(super) fn tied(&self) -> Result<(), ModelError> {
        let name = "embed_tokens.weight";
        if self.path.as_os_str().is_empty() || !self.whole.contains_key(name) {
            return Ok(());
        }
        Err(self.unfit(name, "its base has it as the head too, which was not trained"))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`ModelError::File`] where it changes what its base does not have.
    pub(super) fn finish(&self) -> Result<(), ModelError> {
        match self.updates.keys().chain(self.whole.keys()).next() {
            None => Ok(()),
            Some(name) => Err(self.unfit(name, "its base has no such weights, or shares them with others")),
        }
    }

    fn unfit(&self, name: &str, why: &str) -> ModelError {
        let problem = format!(
            "{name} does not fit its base: {why}; merge it with PEFT (`merge_and_unload`) and name the result"
        );
        file(&self.path, &problem)
    }
}

impl Config {
    /// Why its answers would be others than PEFT's.
    fn refused(&self) -> Option<String> {
        if self.peft_type != "LORA" {
            return Some(format!("peft_type is {:?}, and \"LORA\" alone is read", self.peft_type));
        }
        let is_set = |key: &&&str| {
            let value = self.others.get(**key).unwrap_or(&Value::Null);
            !(value.is_null() || *value == false || value.as_array().is_some_and(Vec::is_empty))
        };
        if let Some(key) = REFUSED.iter().find(is_set) {
            return Some(format!("it has {key}, which is not read"));
        }
        // Those change the base before they train beside it.
        let start = self.init_lora_weights.as_str().filter(|start| !["gaussian", "eva"].contains(start));
        start.map(|start| format!("init_lora_weights is {start:?}, which changes the base too"))
    }

    /// What the update of a layer is multiplied with. Patterns are ends of names here; PEFT takes expressions, of which names
    /// are the usual ones.
    fn scale(&self, layer: &str, rank: usize) -> f64 {
        let names =
            |key: &str| layer.strip_suffix(key).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let own = self.alpha_pattern.iter().find(|(key, _)| names(key)).and_then(|(_, alpha)| alpha.as_f64());
        let rank = rank.max(1) as f64;
        own.unwrap_or(self.lora_alpha) / if self.use_rslora { rank.sqrt() } else { rank }
    }
}
