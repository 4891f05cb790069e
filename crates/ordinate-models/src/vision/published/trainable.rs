//! A published network whose weights are variables: the same definition as for answering. The means and variances of norms of batches stay
//! as they were published, so that an image is answered alike whatever else is in its batch.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;
use ordinate_images::Image;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::config::{Described, Layout, read};
use super::preprocess::Preprocess;
use super::{Body, PublishedNetwork};
use crate::encoder::{json, tensors, weights};
use crate::encoder::{normal, save_tensors, unwritten, write_json};
use crate::error::ModelError;
use crate::kind::Kind;
use crate::methods::matched::Matched;
use crate::model::{Facts, Model, Reply, Sample};
use crate::source::Source;
use crate::vision::TrainsImages;
use crate::vision::network::{Config, failed};
use crate::vision::planes::{Planes, decoded};

/// Files beside the weights.
const CONFIG: &str = "config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";

/// A published network that is trained on.
pub struct TrainablePublished {
    pub(super) layout: Layout,
    preprocess: Preprocess,
    /// What it reads and says.
    config: Config,
    /// What is written beside the weights.
    files: Files,
    /// Means and variances of norms.
    constants: HashMap<String, Tensor>,
    variables: BTreeMap<String, Var>,
    fresh: Vec<String>,
}

/// The configuration with the labels that are learned, and how images are scaled, where that is a file of its own.
#[derive(Debug, Clone)]
struct Files {
    config: Value,
    preprocessor: Option<Value>,
}

impl TrainablePublished {
    /// One that goes on from a folder: with its weights but for the head, which is kept only where the labels are the same.
    ///
    /// # Errors
    /// As [`PublishedNetwork::open`].
    pub fn open(source: &Source, labels: Vec<String>, seed: u64) -> Result<Self, ModelError> {
        // What is wrong with the folder is said there.
        let whole = PublishedNetwork::open(source)?;
        let Described { layout, preprocess, .. } = read(&source.folder)?;
        let single = |(name, tensor): (String, Tensor)| Ok((name, tensor.to_dtype(DType::F32)?));
        let found = tensors(&weights(&source.folder)?)?;
        let is_weight =
            |name: &String, tensor: &Tensor| tensor.dtype().is_float() && !name.starts_with("pooler.");
        let mut all = found
            .into_iter()
            .filter(|(name, tensor)| is_weight(name, tensor))
            .map(single)
            .collect::<Candle<HashMap<String, Tensor>>>()
            .map_err(|error| failed(&error))?;
        let mut fresh = Vec::new();
        if whole.labels() != labels {
            let [weight, bias] = layout.head();
            let width = whole.body.width().map_err(|error| failed(&error))?;
            let mut random = SplitMix::new(seed ^ 0x6865_6164);
            let drawn = normal(&[labels.len(), width], (1.0 / width as f64).sqrt(), &mut random);
            let none = Tensor::zeros(labels.len(), DType::F32, &Device::Cpu);
            for (name, made) in [(weight, drawn), (bias, none)] {
                all.insert(name.to_owned(), made.map_err(|error| failed(&error))?);
                fresh.push(name.to_owned());
            }
        }
        let (variables, constants): (HashMap<_, _>, HashMap<_, _>) =
            all.into_iter().partition(|(name, _)| !name.contains("running_"));
        let variable = |(name, tensor): (String, Tensor)| Ok((name, Var::from_tensor(&tensor)?));
        let variables = variables.into_iter().map(variable).collect::<Candle<_>>();
        let (width, height) = (whole.sides.0 as usize, whole.sides.1 as usize);
        let mut config = Config::new(height, width, whole.body.channels(), labels);
        (config.mean, config.deviation) = preprocess.of_bytes(config.channels);
        let files = Files::read(&source.folder, &config.labels)?;
        let variables = variables.map_err(|error| failed(&error))?;
        Ok(Self { layout, preprocess, config, files, constants, variables, fresh })
    }

    /// All tensors, of which those that are trained lead to their variables.
    fn tensors(&self) -> HashMap<String, Tensor> {
        let variables =
            self.variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone()));
        self.constants.clone().into_iter().chain(variables).collect()
    }
}

impl TrainsImages for TrainablePublished {
    fn config(&self) -> &Config {
        &self.config
    }

    fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    fn is_fresh(&self, name: &str) -> bool {
        self.fresh.iter().any(|fresh| fresh == name)
    }

    fn planes(&self, texts: &[&str]) -> Result<Planes, ModelError> {
        let of = |text: &&str| {
            decoded(text)
                .map(|image: Image| self.preprocess.scaled(image, self.config.channels).pixels().to_vec())
        };
        let values: Vec<Vec<u8>> = texts.par_iter().map(of).collect::<Result<_, _>>()?;
        let size = self.config.height * self.config.width * self.config.channels;
        Ok(Planes::of(size, values.concat()))
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor, ModelError> {
        let logits = || -> Candle<Tensor> {
            // Built anew: what is made of variables once would not follow them.
            let body = Body::new(&self.layout, &self.tensors())?;
            let head = body.head().ok_or_else(|| candle_core::Error::Msg("it has no head".to_owned()))?;
            head.forward(&body.features(images)?)
        };
        logits().map_err(|error| failed(&error))
    }

    fn model(&self, times: f64) -> Result<Box<dyn Model>, ModelError> {
        let head = self.layout.head();
        let copy = |(name, tensor): (String, Tensor)| -> Candle<(String, Tensor)> {
            let tensor = tensor.detach().copy()?;
            let tensor = if head.contains(&name.as_str()) { tensor.affine(times, 0.0)? } else { tensor };
            Ok((name, tensor))
        };
        let tensors = self.tensors().into_iter().map(copy).collect::<Candle<HashMap<_, _>>>();
        let tensors = tensors.map_err(|error| failed(&error))?;
        let described = Described {
            layout: self.layout.clone(),
            labels: self.config.labels.clone(),
            preprocess: self.preprocess.clone(),
        };
        let network = PublishedNetwork::of(described, &tensors).map_err(ModelError::Failed)?;
        Ok(Box::new(TunedNetwork { network, written: Some((self.files.clone(), tensors)) }))
    }
}

impl Files {
    fn read(folder: &Path, labels: &[String]) -> Result<Self, ModelError> {
        let mut config: Value = json(&folder.join(CONFIG))?;
        if config["architecture"].is_string() {
            config["num_classes"] = labels.len().into();
            config["label_names"] = labels.into();
            if config["pretrained_cfg"].is_object() {
                config["pretrained_cfg"]["num_classes"] = labels.len().into();
            }
        } else {
            let places = || labels.iter().enumerate();
            config["id2label"] =
                places().map(|(at, name)| (at.to_string(), json!(name))).collect::<Map<_, _>>().into();
            config["label2id"] =
                places().map(|(at, name)| (name.clone(), json!(at))).collect::<Map<_, _>>().into();
        }
        let preprocessor = folder.join(PREPROCESSOR);
        let preprocessor = preprocessor.is_file().then(|| json(&preprocessor)).transpose()?;
        Ok(Self { config, preprocessor })
    }
}

/// A published network that was trained on: it answers by the labels that it learned.
pub struct TunedNetwork {
    network: PublishedNetwork,
    /// What is written of it; `None` where it was read.
    written: Option<(Files, HashMap<String, Tensor>)>,
}

impl TunedNetwork {
    /// Reads what one wrote into a folder.
    ///
    /// # Errors
    /// As [`PublishedNetwork::open`].
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let source = Source::at(folder);
        Ok(Self { network: PublishedNetwork::open(&source)?, written: None })
    }
}

impl Model for TunedNetwork {
    fn answer(&self, samples: &[Sample<'_>]) -> Result<Vec<Reply>, ModelError> {
        self.network.answered(samples, &Matched::of(self.network.labels(), Kind::Classify))
    }

    fn shares(&self, samples: &[Sample<'_>], label: &str) -> Result<Option<Vec<f64>>, ModelError> {
        self.network.shares(samples, &Matched::of(self.network.labels(), Kind::Classify), label)
    }

    fn facts(&self) -> Facts {
        self.network.facts()
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        let Some((files, tensors)) = &self.written else {
            return Err(unwritten(folder, &"it was read, and is there already"));
        };
        fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
        write_json(&folder.join(CONFIG), &files.config)?;
        if let Some(preprocessor) = &files.preprocessor {
            write_json(&folder.join(PREPROCESSOR), preprocessor)?;
        }
        let all = tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect();
        save_tensors(&folder.join("model.safetensors"), &all)
    }
}
