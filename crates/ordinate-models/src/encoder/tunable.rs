//! An encoder with a head on it, whole or by low-rank updates, whose weights are variables.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use candle_core::{DType, Device, Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;
use serde_json::{Value, json};

use crate::encoder::adapter::{self, updated};
use crate::encoder::files::Files;
use crate::encoder::folder::{Folder, plain};
use crate::encoder::head::Head;
use crate::encoder::layers::{LORA_DOWN, LORA_SCALE, LORA_UP};
use crate::encoder::layout::Layout;
use crate::encoder::trainable::{detached, variables};
use crate::encoder::written::{Adapter, Written};
use crate::error::ModelError;
use crate::source::{Source, file};

/// What of a model is trained.
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

/// How far the weights of a new layer are from zero, as `transformers` has it.
pub(crate) const INITIAL: f64 = 0.02;

/// An encoder with a head whose weights, or some of them, are variables.
pub(crate) struct Tunable {
    pub(crate) folder: Folder,
    pub(crate) head: Head,
    /// The same weights, in no graph: what reads alone keeps nothing.
    pub(crate) reading: (Folder, Head),
    layout: Layout,
    reach: Reach,
    pub(crate) variables: BTreeMap<String, Var>,
    /// Its tensors are the variables, and what is not trained.
    files: Files,
    source: Source,
}

/// The last layer of the head that an encoder is to have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Last {
    pub(crate) outputs: usize,
    /// Whether one that is there is kept.
    pub(crate) kept: bool,
}

/// Refuses updates beside an adapter.
pub(crate) fn allowed(source: &Source, reach: Reach) -> Result<(), ModelError> {
    if reach != Reach::Whole && adapter::base(&source.folder)?.is_some() {
        let problem = "is an adapter, and updates stand beside a model that is as it was: merge it with PEFT \
                       (`merge_and_unload`) and name the result, or say method = \"full\"";
        return Err(file(&source.folder, problem));
    }
    Ok(())
}

/// The names of the head that an architecture has, as `of` finds them.
pub(crate) fn layout(
    files: &Files,
    source: &Source,
    of: fn(&Value) -> Option<Layout>,
) -> Result<Layout, ModelError> {
    of(&files.config).ok_or_else(|| {
        let config = source.folder.join("config.json");
        file(&config, "is of no architecture that can be trained here; name an encoder")
    })
}

/// Makes a configuration that of a class: what names the base's own file, or a type that its weights no longer have, is taken
/// away.
pub(crate) fn describe(config: &mut Value, layout: &Layout) {
    config["architectures"] = json!([layout.class()]);
    if let Some(config) = config.as_object_mut() {
        ["_name_or_path", "torch_dtype", "num_labels"].iter().for_each(|key| drop(config.remove(*key)));
        config.insert("dtype".to_owned(), json!("float32"));
    }
}

impl Tunable {
    /// Of files whose configuration says what the head is.
    pub(crate) fn of(
        mut files: Files,
        source: &Source,
        layout: Layout,
        last: Last,
        reach: Reach,
        seed: u64,
    ) -> Result<Self, ModelError> {
        files.tensors = layout.renamed(std::mem::take(&mut files.tensors));
        let width = files.config["hidden_size"].as_u64().or_else(|| files.config["dim"].as_u64());
        let width = width.and_then(|width| usize::try_from(width).ok()).unwrap_or_default();
        let mut random = SplitMix::new(seed ^ 0x4865_6164);
        let made = new_head(&mut files, &layout, width, last, &mut random);
        made.map_err(|error| files.unfit(&error))?;
        // Built once without updates: what does not fit is said before anything is added.
        let body = Folder::to_train(&files)?;
        let used = body.body().names().clone();
        drop(body);
        // What neither reads is no part of it: the pooling of an encoder, where the head has none.
        files.tensors.retain(|name, _| used.contains(name) || layout.is_head(name));
        if let Reach::Updates(low_rank) = reach {
            add_updates(&mut files.tensors, &layout, low_rank, &mut random)
                .map_err(|error| files.unfit(&error))?;
        }
        let trained = |name: &str| match reach {
            Reach::Whole => used.contains(name) || layout.is_head(name),
            Reach::Updates(_) => layout.is_head(name) || name.ends_with(LORA_DOWN) || name.ends_with(LORA_UP),
        };
        let variables = variables(&mut files.tensors, trained).map_err(|error| files.unfit(&error))?;
        let open = |files: &Files| -> Result<(Folder, Head), ModelError> {
            let head = Head::laid_out(&layout, &files.config, &files.tensors, width);
            Ok((Folder::to_train(files)?, head.map_err(|error| files.unfit(&error))?))
        };
        let (folder, head) = open(&files)?;
        let mut apart = files.clone();
        apart.tensors.values_mut().for_each(|tensor| *tensor = tensor.detach());
        let reading = open(&apart)?;
        Ok(Self { folder, head, reading, layout, reach, variables, files, source: source.clone() })
    }

    /// Whether a variable is of the head.
    pub(crate) fn is_head(&self, name: &str) -> bool {
        self.layout.is_head(name)
    }

    /// Multiplies the logits, and adds to them: by the last layer's own weights, so that every reader of them does.
    pub(crate) fn scale_logits(&self, times: f64, plus: f64) -> Result<(), ModelError> {
        let change = |end: &str, plus: f64| -> Candle<()> {
            match self.variables.get(&format!("{}.{end}", self.layout.out)) {
                Some(variable) => variable.set(&variable.as_detached_tensor().affine(times, plus)?),
                None => Ok(()),
            }
        };
        let changed = change("weight", 0.0).and_then(|()| change("bias", plus));
        changed.map_err(|error| ModelError::Failed(plain(&error)))
    }

    /// What is written of it with the values that its variables have now; as an adapter it is of this `task_type`.
    pub(crate) fn written(&self, task: &'static str) -> Result<Written, ModelError> {
        let mut files = detached(&self.files)?;
        let failed = |error: candle_core::Error| ModelError::Failed(plain(&error));
        let adapter = match self.reach {
            Reach::Whole => None,
            Reach::Updates(low_rank) => {
                let trained = self.variables.keys();
                let pick = |name: &String| Some((name.clone(), files.tensors.get(name)?.clone()));
                let tensors = trained.filter_map(pick).collect();
                merge(&mut files.tensors, low_rank).map_err(failed)?;
                let Layout { targets, whole, .. } = self.layout;
                Some(Adapter { tensors, low_rank, task, targets, whole })
            }
        };
        Ok(Written { files, adapter, source: self.source.clone() })
    }
}

/// Adds the layers of the head that are not there.
fn new_head(
    files: &mut Files,
    layout: &Layout,
    width: usize,
    last: Last,
    random: &mut SplitMix,
) -> Candle<()> {
    let bias = layout.norm.is_none() || files.config["classifier_bias"] == true;
    let mut wanted = Vec::new();
    if let Some(dense) = layout.dense {
        wanted.push((format!("{dense}.weight"), vec![width, width], true));
        if bias {
            wanted.push((format!("{dense}.bias"), vec![width], true));
        }
    }
    let Last { outputs, kept } = last;
    wanted.push((format!("{}.weight", layout.out), vec![outputs, width], kept));
    wanted.push((format!("{}.bias", layout.out), vec![outputs], kept));
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
