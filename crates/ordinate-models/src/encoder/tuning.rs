//! A sequence classifier that is trained: an encoder and a head as `transformers` has them, whole or by low-rank updates.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;
use serde_json::{Map, Value, json};

use crate::encoder::adapter::{self, updated};
use crate::encoder::files::Files;
use crate::encoder::folder::{Classifier, Folder, plain};
use crate::encoder::head::{Head, has_head};
use crate::encoder::layers::{LORA_DOWN, LORA_SCALE, LORA_UP};
use crate::encoder::layout::Layout;
use crate::encoder::trainable::{detached, lengths, tokens, variables};
use crate::encoder::written::{Adapter, Written};
use crate::error::ModelError;
use crate::source::{Source, file};

/// What of a classifier is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reach {
    /// All of it.
    Whole,
    /// Its head, and low-rank updates beside the layers of its encoder.
    Updates(LowRank),
}

/// Low-rank updates (LoRA; Hu et al. 2021).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LowRank {
    /// Their rank.
    pub rank: usize,
    /// They are multiplied with this over the rank.
    pub alpha: f64,
}

/// What a classifier answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The names of its labels; one for a number.
    pub names: Vec<String>,
    /// What they are.
    pub problem: Problem,
}

/// What the labels of a classifier are, as `problem_type` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// One of them is right.
    OneLabel,
    /// Each is a question of its own.
    SeveralLabels,
    /// There is one, and its logit is the answer.
    Number,
}

impl Problem {
    fn name(self) -> &'static str {
        match self {
            Self::OneLabel => "single_label_classification",
            Self::SeveralLabels => "multi_label_classification",
            Self::Number => "regression",
        }
    }
}

/// A classifier whose weights, or some of them, are variables.
pub struct TrainableClassifier {
    folder: Folder,
    head: Head,
    /// The same weights, in no graph: what reads alone keeps nothing.
    reading: (Folder, Head),
    layout: Layout,
    reach: Reach,
    variables: BTreeMap<String, Var>,
    /// Its tensors are the variables, and what is not trained.
    files: Files,
    source: Source,
}

/// How far the weights of a new layer are from zero, as `transformers` has it.
pub(crate) const INITIAL: f64 = 0.02;

impl TrainableClassifier {
    /// Opens an encoder, or a classifier, with a head for these answers: its own where it has one for the same labels, else
    /// a new one.
    ///
    /// # Errors
    /// As [`crate::encoder::open`].
    pub fn open(source: &Source, answers: &Answers, reach: Reach, seed: u64) -> Result<Self, ModelError> {
        if reach != Reach::Whole && adapter::base(&source.folder)?.is_some() {
            let problem = "is an adapter, and updates stand beside a model that is as it was: merge it with PEFT \
                           (`merge_and_unload`) and name the result, or say method = \"full\"";
            return Err(file(&source.folder, problem));
        }
        Self::of(Files::read(source)?, source, answers, reach, seed)
    }

    /// The same of files that were read, and may have been trained on since.
    pub(crate) fn of(
        mut files: Files,
        source: &Source,
        answers: &Answers,
        reach: Reach,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let layout = Layout::of(&files.config).ok_or_else(|| {
            let config = source.folder.join("config.json");
            file(&config, "is of no architecture that can be trained here; name an encoder")
        })?;
        let own = own_labels(&files.config, answers);
        files.tensors = layout.renamed(std::mem::take(&mut files.tensors));
        let width = files.config["hidden_size"].as_u64().or_else(|| files.config["dim"].as_u64());
        let width = width.and_then(|width| usize::try_from(width).ok()).unwrap_or_default();
        let names = own.clone().unwrap_or_else(|| answers.names.clone());
        describe(&mut files.config, &layout, &names, answers.problem);
        let mut random = SplitMix::new(seed ^ 0x4865_6164);
        let made = new_head(&mut files, &layout, width, names.len(), own.is_some(), &mut random);
        made.map_err(|error| files.unfit(&error))?;
        // Built once without updates: what does not fit is said before anything is added.
        let body = Folder::of(&files)?;
        let used = body.body().names().clone();
        drop(body);
        if let Reach::Updates(low_rank) = reach {
            add_updates(&mut files.tensors, &layout, low_rank, &mut random)
                .map_err(|error| files.unfit(&error))?;
        }
        let trained = |name: &str| match reach {
            Reach::Whole => used.contains(name) || layout.is_head(name),
            Reach::Updates(_) => layout.is_head(name) || name.ends_with(LORA_DOWN) || name.ends_with(LORA_UP),
        };
        let variables = variables(&mut files.tensors, trained).map_err(|error| files.unfit(&error))?;
        let folder = Folder::of(&files)?;
        let head = Head::new(&files.config, &files.tensors, width).map_err(|error| files.unfit(&error))?;
        let mut apart = files.clone();
        apart.tensors.values_mut().for_each(|tensor| *tensor = tensor.detach());
        let head_apart = Head::new(&apart.config, &apart.tensors, width);
        let reading = (Folder::of(&apart)?, head_apart.map_err(|error| files.unfit(&error))?);
        Ok(Self { folder, head, reading, layout, reach, variables, files, source: source.clone() })
    }

    /// What is trained, by the names that `transformers` has for it.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    /// Whether a variable is of the head.
    #[must_use]
    pub fn is_head(&self, name: &str) -> bool {
        self.layout.is_head(name)
    }

    /// The labels, in the order of the logits.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        self.head.labels()
    }

    /// The tokens of texts, cut to the longest that it reads.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails.
    pub fn tokens(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, ModelError> {
        tokens(self.folder.tokenizer(), texts)
    }

    /// The logits of a batch: texts x labels.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for a text that is too long or has no tokens, or a token that is not in the vocabulary.
    pub fn logits(&self, batch: &[&[u32]]) -> Result<Tensor, ModelError> {
        let states = self.folder.body().states(batch);
        let logits = states.and_then(|states| self.head.of_batch(&states, &lengths(batch)));
        logits.map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// The logits of a batch as numbers.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn read(&self, batch: &[&[u32]]) -> Result<Vec<Vec<f32>>, ModelError> {
        let (folder, head) = &self.reading;
        let states = folder.body().states(batch);
        let logits = states.and_then(|states| head.of_batch(&states, &lengths(batch))?.to_vec2());
        logits.map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// The dimensions of its encoder.
    #[must_use]
    pub fn width(&self) -> usize {
        self.folder.width()
    }

    /// Multiplies the logits, and adds to them: by the last layer's own weights, so that every reader of them does.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn scale_logits(&self, times: f64, plus: f64) -> Result<(), ModelError> {
        let change = |end: &str, plus: f64| -> Candle<()> {
            match self.variables.get(&format!("{}.{end}", self.layout.out)) {
                Some(variable) => variable.set(&variable.as_detached_tensor().affine(times, plus)?),
                None => Ok(()),
            }
        };
        let changed = change("weight", 0.0).and_then(|()| change("bias", plus));
        changed.map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// The classifier with the values that its variables have now, and what is written of it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the computation fails.
    pub fn tuned(&self) -> Result<(Classifier, Written), ModelError> {
        let mut files = detached(&self.files)?;
        let failed = |error: candle_core::Error| ModelError::Failed(plain(&error));
        let adapter = match self.reach {
            Reach::Whole => None,
            Reach::Updates(low_rank) => {
                let trained = self.variables.keys();
                let pick = |name: &String| Some((name.clone(), files.tensors.get(name)?.clone()));
                let tensors = trained.filter_map(pick).collect();
                merge(&mut files.tensors, low_rank).map_err(failed)?;
                Some(Adapter { tensors, low_rank, targets: self.layout.targets, whole: self.layout.whole })
            }
        };
        let classifier = Classifier::of(&files)?;
        Ok((classifier, Written { files, adapter, source: self.source.clone() }))
    }
}

/// The labels of a classifier that are those asked for, in its own order.
fn own_labels(config: &Value, answers: &Answers) -> Option<Vec<String>> {
    let names = config["id2label"].as_object().filter(|_| has_head(config))?;
    let name = |at: usize| names.get(&at.to_string())?.as_str().map(str::to_owned);
    let own: Vec<String> = (0..names.len()).map(name).collect::<Option<_>>()?;
    let (mut ours, mut theirs) = (answers.names.clone(), own.clone());
    ours.sort_unstable();
    theirs.sort_unstable();
    (ours == theirs && answers.problem != Problem::Number).then_some(own)
}

/// Makes a configuration that of a classifier of these labels.
fn describe(config: &mut Value, layout: &Layout, names: &[String], problem: Problem) {
    let numbered = || names.iter().enumerate();
    config["architectures"] = json!([layout.class]);
    config["id2label"] =
        numbered().map(|(at, name)| (at.to_string(), json!(name))).collect::<Map<_, _>>().into();
    config["label2id"] = numbered().map(|(at, name)| (name.clone(), json!(at))).collect::<Map<_, _>>().into();
    config["problem_type"] = json!(problem.name());
    if let Some(config) = config.as_object_mut() {
        // Names of the base's own file, and of a type that its weights no longer have.
        ["_name_or_path", "torch_dtype", "num_labels"].iter().for_each(|key| drop(config.remove(*key)));
        config.insert("dtype".to_owned(), json!("float32"));
    }
}

/// Adds the layers of the head that are not there; the last one is kept only where its labels are those asked for.
fn new_head(
    files: &mut Files,
    layout: &Layout,
    width: usize,
    labels: usize,
    keeps_last: bool,
    random: &mut SplitMix,
) -> Candle<()> {
    let bias = layout.norm.is_none() || files.config["classifier_bias"] == true;
    let mut wanted = vec![(format!("{}.weight", layout.dense), vec![width, width], true)];
    if bias {
        wanted.push((format!("{}.bias", layout.dense), vec![width], true));
    }
    let last = |end: &str| format!("{}.{end}", layout.out);
    wanted.push((last("weight"), vec![labels, width], keeps_last));
    wanted.push((last("bias"), vec![labels], keeps_last));
    for (name, shape, keeps) in wanted {
        let there = files.tensors.get(&name).filter(|there| keeps && there.dims() == shape);
        if there.is_none() {
            let made = match name.ends_with("bias") {
                true => Tensor::zeros(shape, DType::F32, &Device::Cpu)?,
                false => normal(&shape, INITIAL, random)?,
            };
            files.tensors.insert(name, made);
        }
    }
    if let Some(norm) = layout.norm {
        let name = format!("{norm}.weight");
        if let Entry::Vacant(place) = files.tensors.entry(name) {
            place.insert(Tensor::ones(width, DType::F32, &Device::Cpu)?);
        }
    }
    Ok(())
}

/// Numbers of a normal distribution (Box and Muller 1958).
pub(crate) fn normal(shape: &[usize], deviation: f64, random: &mut SplitMix) -> Candle<Tensor> {
    let count = shape.iter().product();
    let mut one = || {
        let (radius, angle) = (1.0 - random.unit(), std::f64::consts::TAU * random.unit());
        (deviation * (-2.0 * radius.ln()).sqrt() * angle.cos()) as f32
    };
    let values: Vec<f32> = (0..count).map(|_| one()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// Puts updates beside the layers of the encoder. As in PEFT, `lora_A` is uniform within one over the root of the inputs,
/// and `lora_B` zero, so that nothing changes at first.
fn add_updates(
    tensors: &mut HashMap<String, Tensor>,
    layout: &Layout,
    low_rank: LowRank,
    random: &mut SplitMix,
) -> Candle<()> {
    let mut layers: Vec<String> =
        tensors.keys().filter_map(|name| name.strip_suffix(".weight")).map(str::to_owned).collect();
    layers.retain(|layer| layout.is_target(layer));
    layers.sort_unstable();
    if layers.is_empty() {
        return Err(candle_core::Error::Msg("no layer of it takes a low-rank update".to_owned()));
    }
    for layer in layers {
        let Some((outputs, inputs)) =
            tensors.get(&format!("{layer}.weight")).map(Tensor::dims2).transpose()?
        else {
            continue;
        };
        let bound = 1.0 / (inputs as f64).sqrt();
        let down: Vec<f32> =
            (0..low_rank.rank * inputs).map(|_| (bound * (2.0 * random.unit() - 1.0)) as f32).collect();
        let down = Tensor::from_vec(down, (low_rank.rank, inputs), &Device::Cpu)?;
        let up = Tensor::zeros((outputs, low_rank.rank), DType::F32, &Device::Cpu)?;
        tensors.insert(format!("{layer}{LORA_DOWN}"), down);
        tensors.insert(format!("{layer}{LORA_UP}"), up);
    }
    let scale = low_rank.alpha / low_rank.rank.max(1) as f64;
    tensors.insert(LORA_SCALE.to_owned(), Tensor::new(scale as f32, &Device::Cpu)?);
    Ok(())
}

/// Adds updates to the weights that they stand beside, and takes them away.
fn merge(tensors: &mut HashMap<String, Tensor>, low_rank: LowRank) -> Candle<()> {
    tensors.remove(LORA_SCALE);
    let layers: Vec<String> =
        tensors.keys().filter_map(|name| name.strip_suffix(LORA_DOWN)).map(str::to_owned).collect();
    for layer in layers {
        let down = tensors.remove(&format!("{layer}{LORA_DOWN}"));
        let up = tensors.remove(&format!("{layer}{LORA_UP}"));
        if let (Some(down), Some(up), Some(weight)) = (down, up, tensors.get_mut(&format!("{layer}.weight")))
        {
            *weight = updated(weight, &down, &up, low_rank.alpha / low_rank.rank.max(1) as f64)?;
        }
    }
    Ok(())
}
