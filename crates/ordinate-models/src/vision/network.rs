//! A small convolutional network: a stem, and two stages at half and a quarter of its resolution, each with one residual block in
//! which norms come before activations (He et al. 2016, "Identity mappings").
//!
//! Norms are of the channels of each pixel (layer norms, as in ConvNeXt, Liu et al. 2022), so that an image is answered alike
//! whatever else is in its batch, and training and answering are one definition.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{Device, Result as Candle, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::ops::{Window, add, gelu, layer_norm, linear, patches};
use crate::source::file;

/// What `config.json` calls it.
pub const TYPE: &str = "ordinate-cnn";
/// Raised when the same weights come to give other answers.
const VERSION: u32 = 1;
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
/// Images with a longer side than this are halved by the stem.
const FINE: usize = 40;
/// Added to variances, as PyTorch's layer norm has it.
const EPSILON: f32 = 1e-5;

/// What a network reads and says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    model_type: String,
    version: u32,
    /// Rows of pixels that it reads.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Values of a pixel: 1 (grey) or 3.
    pub channels: usize,
    /// Channels of the stem and of the two stages.
    pub widths: [usize; 3],
    /// What is taken off the values of each channel, and what they are divided by.
    pub mean: Vec<f32>,
    /// See `mean`.
    pub deviation: Vec<f32>,
    /// The labels, in the order of its logits.
    pub labels: Vec<String>,
}

impl Config {
    /// The widths of a new network.
    const WIDTHS: [usize; 3] = [24, 48, 96];

    /// Of a new network.
    #[must_use]
    pub fn new(height: usize, width: usize, channels: usize, labels: Vec<String>) -> Self {
        Self {
            model_type: TYPE.to_owned(),
            version: VERSION,
            height,
            width,
            channels,
            widths: Self::WIDTHS,
            mean: vec![127.5; channels],
            deviation: vec![64.0; channels],
            labels,
        }
    }

    /// Reads that of a folder.
    ///
    /// # Errors
    /// [`ModelError::File`] where there is none, or one of another kind of model.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        let path = folder.join(CONFIG);
        let bytes = fs::read(&path).map_err(|error| file(&path, &format!("cannot be read: {error}")))?;
        let other = |problem: &dyn std::fmt::Display| {
            file(&path, &format!("is no network of images that was trained here: {problem}"))
        };
        let config: Self = serde_json::from_slice(&bytes).map_err(|error| other(&error))?;
        if config.model_type != TYPE || config.version != VERSION {
            return Err(other(&format!("it is {} of version {}", config.model_type, config.version)));
        }
        let sides = [config.height, config.width];
        let fits = config.mean.len() == config.channels
            && config.deviation.len() == config.channels
            && matches!(config.channels, 1 | 3)
            && config.deviation.iter().all(|deviation| *deviation > 0.0)
            && sides.iter().all(|side| (1..=4_096).contains(side))
            && config.widths.iter().all(|width| (1..=4_096).contains(width));
        if fits { Ok(config) } else { Err(other(&"its sides, channels or means do not fit")) }
    }

    fn stride(&self) -> usize {
        if self.height.max(self.width) > FINE { 2 } else { 1 }
    }

    /// The names and shapes of its weights: layers of outputs x values of a patch (rows, columns and channels of its window),
    /// biases and norms.
    pub(crate) fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        let [stem, half, quarter] = self.widths;
        let mut all = Vec::new();
        let mut layer = |name: &str, outputs: usize, inputs: usize| {
            all.push((format!("{name}.weight"), vec![outputs, inputs]));
            all.push((format!("{name}.bias"), vec![outputs]));
        };
        layer("stem", stem, 9 * self.channels);
        for (stage, from, to) in [("half", stem, half), ("quarter", half, quarter)] {
            layer(&format!("{stage}.down"), to, 9 * from);
            layer(&format!("{stage}.first"), to, 9 * to);
            layer(&format!("{stage}.second"), to, 9 * to);
        }
        layer("head", self.labels.len(), quarter);
        for (name, width) in [
            ("half.first_norm", half),
            ("half.second_norm", half),
            ("quarter.first_norm", quarter),
            ("quarter.second_norm", quarter),
            ("last_norm", quarter),
        ] {
            all.push((format!("{name}.weight"), vec![width]));
            all.push((format!("{name}.bias"), vec![width]));
        }
        all
    }
}

/// A network.
#[derive(Debug, Clone)]
pub struct Network {
    /// What it reads and says.
    pub config: Config,
    pub(crate) tensors: HashMap<String, Tensor>,
}

/// What the stages make of images: images x rows x columns x channels.
pub(crate) struct States {
    pub(crate) stem: Tensor,
    pub(crate) half: Tensor,
    /// Normed and activated: what the head takes the mean of.
    pub(crate) quarter: Tensor,
}

impl Network {
    /// Of these weights.
    ///
    /// # Errors
    /// The first that is missing or of another shape, in words.
    pub(crate) fn of(config: Config, tensors: HashMap<String, Tensor>) -> Result<Self, String> {
        for (name, shape) in config.shapes() {
            match tensors.get(&name) {
                None => return Err(format!("the tensor {name} is missing")),
                Some(tensor) if tensor.dims() != shape => {
                    return Err(format!("the tensor {name} is {:?}, and {shape:?} is needed", tensor.dims()));
                }
                Some(_) => {}
            }
        }
        Ok(Self { config, tensors })
    }

    /// Reads that of a folder.
    ///
    /// # Errors
    /// [`ModelError::File`] where a file is missing or damaged.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let config = Config::read(folder)?;
        let path = folder.join(WEIGHTS);
        let damaged = |problem: &dyn std::fmt::Display| file(&path, &format!("cannot be used: {problem}"));
        let bytes = fs::read(&path).map_err(|error| damaged(&error))?;
        let tensors =
            candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).map_err(|error| damaged(&error))?;
        Self::of(config, tensors).map_err(|problem| damaged(&problem))
    }

    /// Writes it into a folder.
    ///
    /// # Errors
    /// [`ModelError::File`].
    pub fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let failed =
            |path: &Path, error: &dyn std::fmt::Display| file(path, &format!("cannot be written: {error}"));
        let (config, weights) = (folder.join(CONFIG), folder.join(WEIGHTS));
        let text = serde_json::to_string_pretty(&self.config).map_err(|error| failed(&config, &error))?;
        fs::write(&config, text + "\n").map_err(|error| failed(&config, &error))?;
        candle_core::safetensors::save(&self.tensors, &weights).map_err(|error| failed(&weights, &error))
    }

    /// Weights.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.tensors.values().map(|tensor| tensor.elem_count() as u64).sum()
    }

    /// The same with logits that are so many times as large: by the head's own weights, so that every reader of them does.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where memory does not suffice.
    pub fn with_logits_times(mut self, times: f64) -> Result<Self, ModelError> {
        for name in ["head.weight", "head.bias"] {
            let scaled = self.tensor(name).and_then(|tensor| tensor.affine(times, 0.0));
            self.tensors.insert(name.to_owned(), scaled.map_err(|error| failed(&error))?);
        }
        Ok(self)
    }

    fn tensor(&self, name: &str) -> Candle<&Tensor> {
        self.tensors.get(name).ok_or_else(|| candle_core::Error::Msg(format!("the tensor {name} is missing")))
    }

    fn convolved(&self, x: &Tensor, name: &str, stride: usize) -> Candle<Tensor> {
        let (images, height, width, _) = x.dims4()?;
        let window = Window { side: 3, stride, padding: 1 };
        let weight = self.tensor(&format!("{name}.weight"))?;
        let made = linear(&patches(x, window)?, weight, Some(self.tensor(&format!("{name}.bias"))?))?;
        made.reshape((images, window.places(height), window.places(width), weight.dim(0)?))
    }

    fn normed(&self, x: &Tensor, name: &str) -> Candle<Tensor> {
        let part = |end: &str| self.tensor(&format!("{name}.{end}"));
        gelu(&layer_norm(x, part("weight")?, part("bias")?, EPSILON)?)
    }

    fn stage(&self, x: &Tensor, name: &str) -> Candle<Tensor> {
        let x = self.convolved(x, &format!("{name}.down"), 2)?;
        let inner = self.normed(&x, &format!("{name}.first_norm"))?;
        let inner = self.convolved(&inner, &format!("{name}.first"), 1)?;
        let inner = self.normed(&inner, &format!("{name}.second_norm"))?;
        add(&x, &self.convolved(&inner, &format!("{name}.second"), 1)?)
    }

    /// What the stages make of images, whose values are less their mean and over their deviation: images x height x width x
    /// channels.
    pub(crate) fn states(&self, images: &Tensor) -> Candle<States> {
        let stem = gelu(&self.convolved(images, "stem", self.config.stride())?)?;
        let half = self.stage(&stem, "half")?;
        let quarter = self.normed(&self.stage(&half, "quarter")?, "last_norm")?;
        Ok(States { stem, half, quarter })
    }

    /// The logits of images: images x labels.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the images are of other sides.
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, ModelError> {
        let logits = || -> Candle<Tensor> {
            let states = self.states(images)?.quarter;
            let pooled = states.flatten(1, 2)?.mean(1)?;
            linear(&pooled, self.tensor("head.weight")?, Some(self.tensor("head.bias")?))
        };
        logits().map_err(|error| failed(&error))
    }
}

pub(crate) fn failed(error: &candle_core::Error) -> ModelError {
    ModelError::Failed(error.to_string().lines().next().unwrap_or_default().to_owned())
}
