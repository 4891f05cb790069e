//! Networks of images that others trained, as they were published: residual networks and vision transformers.

mod config;
#[cfg(test)]
mod golden;
mod preprocess;
mod resnet;
mod trainable;
mod vit;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Instant;

use candle_core::{Device, Result as Candle, Tensor};
use ordinate_core::caught;
use ordinate_images::Image;
use rayon::prelude::*;

use self::config::{Described, Layout};
use self::preprocess::Preprocess;
use self::resnet::ResNet;
pub use self::trainable::{TrainablePublished, TunedNetwork};
use self::vit::Vit;
use super::features::unit;
use super::network::failed;
use super::planes::decoded;
use crate::encoder::layers::{Linear, Weights, parameters};
use crate::encoder::{json, tensors, weights};
use crate::error::ModelError;
use crate::memory::enough_memory;
use crate::methods::matched::Matched;
use crate::model::{Encoder, Facts, Reply, Sample};
use crate::source::{Source, file};

/// Values of images that go through a network together: eight of 224 x 224 pixels.
const VALUES: usize = 8 * 3 * 224 * 224;

/// A network of images as it was published.
pub struct PublishedNetwork {
    body: Body,
    preprocess: Preprocess,
    sides: (u32, u32),
    labels: Vec<String>,
    facts: Facts,
}

enum Body {
    ResNet(ResNet),
    Vit(Vit),
}

/// Whether a folder holds one, by its configuration: also of a kind that does not run here.
#[must_use]
pub fn is_published_network(source: &Source) -> bool {
    json(&source.folder.join("config.json")).is_ok_and(|config| config::is_published(&config))
}

/// What is wrong with the configuration of one; `None` where it would be read.
pub(crate) fn unfit_config(folder: &Path) -> Option<String> {
    config::read(folder).err().map(|error| error.to_string())
}

impl PublishedNetwork {
    /// Reads a folder with `config.json` and `model.safetensors`, and `preprocessor_config.json` where `transformers` wrote it.
    ///
    /// # Errors
    /// [`ModelError::File`] for what is missing, damaged, or not read here.
    pub fn open(source: &Source) -> Result<Self, ModelError> {
        let described = config::read(&source.folder)?;
        let path = weights(&source.folder)?;
        // The file is read whole, and its tensors are made of it.
        let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
        enough_memory(&path, size.saturating_mul(2))?;
        let tensors = tensors(&path)?;
        let unfit = |problem: String| {
            file(&path, &format!("{problem}; the file is damaged, or of another model: fetch it again"))
        };
        caught(|| Self::of(described, &tensors)).and_then(std::convert::identity).map_err(unfit)
    }

    /// Of tensors, or what is wrong with them.
    fn of(described: Described, tensors: &HashMap<String, Tensor>) -> Result<Self, String> {
        let Described { layout, labels, preprocess } = described;
        let body = Body::new(&layout, tensors).map_err(|error| error.to_string())?;
        let sides = preprocess.sides().ok_or("images have no fixed size")?;
        if let Some(problem) = body.unfit(&preprocess, sides) {
            return Err(problem);
        }
        let outputs = body.head().map_or(0, Linear::outputs);
        let named = |at: usize| labels.get(at).cloned().unwrap_or_else(|| at.to_string());
        let parameters = parameters(tensors);
        let labels = (0..outputs).map(named).collect();
        let facts = Facts { parameters, bytes: 4 * parameters };
        Ok(Self { body, preprocess, sides, labels, facts })
    }

    /// Its labels, in the order of its logits; none where it has no head.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Images as it reads them: images x rows x columns x channels.
    fn read(&self, texts: &[&str]) -> Result<Tensor, ModelError> {
        let channels = self.body.channels();
        let of = |text: &&str| decoded(text).map(|image: Image| self.preprocess.values(image, channels));
        let values: Vec<Vec<f32>> = texts.par_iter().map(of).collect::<Result<_, _>>()?;
        let (width, height) = (self.sides.0 as usize, self.sides.1 as usize);
        let shape = (texts.len(), height, width, channels);
        Tensor::from_vec(values.concat(), shape, &Device::Cpu).map_err(|error| failed(&error))
    }

    /// What `of` makes of images (as [`Self::read`] gives them), a few at a time: one row each.
    fn rows(
        &self,
        texts: &[&str],
        of: impl Fn(&Tensor) -> Candle<Tensor>,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let each = self.sides.0 as usize * self.sides.1 as usize * self.body.channels();
        let mut all = Vec::with_capacity(texts.len());
        for texts in texts.chunks((VALUES / each.max(1)).max(1)) {
            let images = self.read(texts)?;
            let rows = caught(|| of(&images)?.to_vec2::<f32>()).map_err(ModelError::Failed)?;
            all.extend(rows.map_err(|error| failed(&error))?);
        }
        Ok(all)
    }

    /// Its head.
    ///
    /// # Errors
    /// [`ModelError::Setting`] where it has none.
    pub(crate) fn headed(&self) -> Result<&Linear, ModelError> {
        self.body.head().ok_or_else(|| {
            let problem = "the network has no head that says labels; train one on its features: adapt = { from = ..., method = \"probe\" }";
            ModelError::Setting(problem.to_owned())
        })
    }

    /// The logits of images (data URLs), one row each.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a text that is no image, or where it has no head.
    pub fn logits(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let head = self.headed()?;
        self.rows(texts, |images| head.forward(&self.body.features(images)?))
    }

    /// What it says of items that are images, by labels that were matched.
    pub(crate) fn answered(
        &self,
        samples: &[Sample<'_>],
        matched: &Matched,
    ) -> Result<Vec<Reply>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        let started = Instant::now();
        let logits = self.logits(&texts)?;
        let before = started.elapsed() / u32::try_from(texts.len().max(1)).unwrap_or(u32::MAX);
        Ok(logits.iter().map(|logits| Reply::timed(before, || matched.predict(logits))).collect())
    }

    /// How probable it finds one label, of items that are images; `None` where it is none of those that were matched.
    pub(crate) fn shares(
        &self,
        samples: &[Sample<'_>],
        matched: &Matched,
        label: &str,
    ) -> Result<Option<Vec<f64>>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        Ok(self.logits(&texts)?.iter().map(|logits| matched.share(logits, label)).collect())
    }

    /// What the head reads of images (data URLs), one row each.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a text that is no image.
    pub fn features(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.rows(texts, |images| self.body.features(images))
    }
}

impl Body {
    fn new(layout: &Layout, tensors: &HashMap<String, Tensor>) -> Candle<Self> {
        let weights = Weights::plain(tensors);
        let body = match layout {
            Layout::TorchResNet => Self::ResNet(ResNet::torch(&weights)?),
            Layout::HubResNet(shape) => Self::ResNet(ResNet::hub(&weights, *shape)?),
            Layout::Vit(shape) => Self::Vit(Vit::new(&weights, *shape)?),
        };
        // What is there and not read would change what it says.
        let used: BTreeSet<String> = weights.used();
        let is_spared = |name: &str| name.ends_with("num_batches_tracked") || name.starts_with("pooler.");
        let others = tensors.keys().filter(|name| !used.contains(*name) && !is_spared(name));
        match others.min() {
            Some(name) => {
                Err(candle_core::Error::Msg(format!("tensor {name} belongs to no network that is read here")))
            }
            None => Ok(body),
        }
    }

    fn head(&self) -> Option<&Linear> {
        match self {
            Self::ResNet(network) => network.head.as_ref(),
            Self::Vit(network) => network.head.as_ref(),
        }
    }

    /// Values of its features.
    fn width(&self) -> Candle<usize> {
        match self {
            Self::ResNet(network) => network.width(),
            Self::Vit(network) => network.width(),
        }
    }

    fn channels(&self) -> usize {
        match self {
            Self::ResNet(network) => network.channels,
            Self::Vit(network) => network.channels,
        }
    }

    fn features(&self, images: &Tensor) -> Candle<Tensor> {
        match self {
            Self::ResNet(network) => network.features(images),
            Self::Vit(network) => network.features(images),
        }
    }

    /// Why it does not read images that are made like this.
    fn unfit(&self, preprocess: &Preprocess, (width, height): (u32, u32)) -> Option<String> {
        let channels = self.channels();
        if !matches!(channels, 1 | 3) || !preprocess.fits(channels) {
            return Some(format!("it reads {channels} channels, and images are standardised otherwise"));
        }
        match self {
            Self::Vit(vit) if !vit.fits((width, height)) => {
                Some(format!("its positions are not those of images of {width} x {height}"))
            }
            _ => None,
        }
    }
}

/// A published network as an encoder of images.
pub(crate) struct PublishedFeatures(PublishedNetwork);

impl PublishedFeatures {
    pub(crate) fn open(source: &Source) -> Result<Self, ModelError> {
        PublishedNetwork::open(source).map(Self)
    }
}

impl Encoder for PublishedFeatures {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        Ok(self.0.features(texts)?.iter().map(|row| unit(row)).collect())
    }

    fn facts(&self) -> Facts {
        self.0.facts()
    }
}
