//! A decoder that is trained, whole or by low-rank updates: the same layers, chat template and tokens as for answering.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;
use serde_json::{Value, json};

use super::adapter::{Adapter, Folders};
use super::layer::failed;
use super::learning::Learning;
use super::linear::Update;
use super::model::Decoder;
use super::open::{Place, Read, guarded, of_folder, text};
use super::options::Options;
use super::question::Question;
use super::wording::Wording;
use super::write::Writer;
use crate::encoder::adapter::{CONFIG, PREFIX, TENSORS};
use crate::encoder::layers::{LORA_DOWN, LORA_UP};
use crate::encoder::{LowRank, Reach, adapter_config, save_tensors, unwritten, write_json};
use crate::error::ModelError;
use crate::source::{Source, file};

/// Files beside the weights that are taken over from the model that was trained on.
const TAKEN: [&str; 8] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "chat_template.jinja",
];

/// A decoder some or all of whose weights are variables.
pub struct TrainableDecoder {
    decoder: Decoder,
    wording: Wording,
    reach: Reach,
    source: Source,
}

impl TrainableDecoder {
    /// Opens a folder of safetensors: to train all of its weights, or low-rank updates beside the matrices of its layers.
    ///
    /// # Errors
    /// As [`super::open`]; [`ModelError::File`] for an adapter, and for a model that also sees pictures where all weights are
    /// to be trained.
    pub fn open(source: &Source, reach: Reach, seed: u64) -> Result<Self, ModelError> {
        if Folders::of(source)?.adapter.is_some() {
            let problem = "is an adapter, and training begins with a whole model: merge it with PEFT (`merge_and_unload`) and \
                           name the result";
            return Err(file(&source.folder, problem));
        }
        let learning = match reach {
            Reach::Whole => {
                refuse_pictures(source)?;
                Learning::Whole
            }
            Reach::Updates(low_rank) => Learning::Updates(low_rank, SplitMix::new(seed ^ 0x4c6f_5241)),
        };
        let place = Place::Folder(source.clone());
        let Read { decoder, ends, .. } = guarded(&place, || of_folder(source, learning))?;
        let wording = guarded(&place, || Wording::read(&place, ends, None))?;
        Ok(Self { decoder, wording, reach, source: source.clone() })
    }

    /// What is trained: by the names of the file, and PEFT's for what stands beside.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        self.decoder.variables()
    }

    /// The width of its states.
    #[must_use]
    pub fn width(&self) -> usize {
        self.decoder.config().hidden
    }

    /// What is learned of an item: its options where it has some, else the answer with the token that ends it, at most so many
    /// tokens.
    ///
    /// # Errors
    /// What would be wrong with the item were it asked: [`ModelError::Failed`] where it does not fit.
    pub fn lesson(&self, question: &Question, answer: &str, most: usize) -> Result<Options, ModelError> {
        let text = self.wording.prompt(&question.messages())?;
        let options = match &question.options {
            Some(all) => self.wording.options(&text, &all.iter().map(String::as_str).collect::<Vec<_>>())?,
            None => self.wording.answer(&text, answer, most, self.decoder.config().longest)?,
        };
        options.fits(&self.decoder)?;
        Ok(options)
    }

    /// The log-probability of each text, in a graph that reaches every variable: as many as there are texts.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where one does not fit.
    pub fn scores(&self, options: &Options) -> Result<Tensor, ModelError> {
        options.scores(&self.decoder)
    }

    /// The same as numbers, as they are found when an item is answered.
    ///
    /// # Errors
    /// As [`Self::scores`].
    pub fn read(&self, options: &Options) -> Result<Vec<f64>, ModelError> {
        options.log_probabilities(&self.decoder)
    }

    /// The decoder with the values that its variables have now, and what is written of it.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn trained(self) -> Result<(Writer, TrainedDecoder), ModelError> {
        let copied = |(name, variable): (&String, &Var)| -> Candle<(String, Tensor)> {
            Ok((name.clone(), variable.as_detached_tensor().copy()?))
        };
        let tensors = self.variables().iter().map(copied).collect::<Candle<BTreeMap<_, _>>>();
        let tensors = tensors.map_err(|error| failed(&error))?;
        let Self { decoder, wording, reach, source } = self;
        drop(decoder);
        let adapter = match reach {
            Reach::Whole => Adapter::of(BTreeMap::new(), tensors.clone()),
            Reach::Updates(low_rank) => Adapter::of(updates(&tensors, low_rank), BTreeMap::new()),
        };
        let read = of_folder(&source, Learning::Adapted(adapter))?;
        let writer = Writer::new(Box::new(read.decoder), wording);
        Ok((writer, TrainedDecoder { tensors, reach, source }))
    }
}

/// Updates by the matrix that they stand beside.
fn updates(tensors: &BTreeMap<String, Tensor>, low_rank: LowRank) -> BTreeMap<String, Update> {
    let scale = low_rank.alpha / low_rank.rank.max(1) as f64;
    let pair = |(name, down): (&String, &Tensor)| {
        let layer = name.strip_suffix(LORA_DOWN)?;
        let up = tensors.get(&format!("{layer}{LORA_UP}"))?.clone();
        Some((layer.to_owned(), Update { down: down.clone(), up, scale }))
    };
    tensors.iter().filter_map(pair).collect()
}

/// What is written of a model that also sees pictures would lack what sees them.
fn refuse_pictures(source: &Source) -> Result<(), ModelError> {
    let path = source.folder.join("config.json");
    let config: Value = serde_json::from_str(&text(&path)?).unwrap_or_default();
    if config["text_config"].is_object() {
        let problem = "is of a model that also sees pictures, whose texts alone are trained here; say method = \"lora\"";
        return Err(file(&path, problem));
    }
    Ok(())
}

/// What was trained of a decoder.
pub struct TrainedDecoder {
    tensors: BTreeMap<String, Tensor>,
    reach: Reach,
    source: Source,
}

impl TrainedDecoder {
    /// Whether it is written without the weights of its base.
    #[must_use]
    pub fn is_adapter(&self) -> bool {
        self.reach != Reach::Whole
    }

    /// Weights that were trained.
    #[must_use]
    pub fn trained(&self) -> u64 {
        self.tensors.values().map(|tensor| tensor.elem_count() as u64).sum()
    }

    /// Writes it into a folder, as `transformers` reads it, or, of updates, PEFT: then `adapter_config.json` names `base`.
    ///
    /// # Errors
    /// [`ModelError::File`].
    pub fn write(&self, folder: &Path, base: &str) -> Result<(), ModelError> {
        match self.reach {
            Reach::Whole => self.write_whole(folder)?,
            Reach::Updates(low_rank) => {
                let named =
                    self.tensors.iter().map(|(name, tensor)| (format!("{PREFIX}{}", module(name)), tensor));
                save_tensors(&folder.join(TENSORS), &named.collect())?;
                let layers = self.tensors.keys().filter_map(|name| name.strip_suffix(LORA_DOWN));
                let mut targets: Vec<&str> = layers.filter_map(|layer| layer.rsplit('.').next()).collect();
                targets.sort_unstable();
                targets.dedup();
                let revision = self.source.revision.as_deref();
                let config =
                    adapter_config(base, revision, low_rank, "CAUSAL_LM", &json!(targets), &Value::Null);
                write_json(&folder.join(CONFIG), &config)?;
            }
        }
        TAKEN.iter().try_for_each(|name| self.take(name, folder))
    }

    fn write_whole(&self, folder: &Path) -> Result<(), ModelError> {
        let named = self.tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
        save_tensors(&folder.join("model.safetensors"), &named)?;
        let path = self.source.folder.join("config.json");
        let mut config: Value = serde_json::from_str(&text(&path)?)
            .map_err(|error| file(&path, &format!("is not what it should be: {error}")))?;
        if let Some(config) = config.as_object_mut() {
            // Names of the base's own file, and of a type that its weights no longer have.
            ["_name_or_path", "torch_dtype"].iter().for_each(|key| drop(config.remove(*key)));
            config.insert("dtype".to_owned(), json!("float32"));
        }
        write_json(&folder.join("config.json"), &config)?;
        self.take("generation_config.json", folder)
    }

    fn take(&self, name: &str, folder: &Path) -> Result<(), ModelError> {
        let (from, to) = (self.source.folder.join(name), folder.join(name));
        if !from.is_file() {
            return Ok(());
        }
        fs::copy(&from, &to).map(drop).map_err(|error| unwritten(&to, &error))
    }
}

/// The name of a module in today's classes: files of models that also see pictures have older ones.
fn module(name: &str) -> String {
    match name.strip_prefix("language_model.model.") {
        Some(rest) => format!("model.language_model.{rest}"),
        None => name.to_owned(),
    }
}
