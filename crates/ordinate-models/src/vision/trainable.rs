//! A network whose weights are variables: the same definition as for answering.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;

use crate::encoder::normal;
use crate::error::ModelError;
use crate::model::Model;
use crate::vision::classifier::ImageClassifier;
use crate::vision::network::{Config, Network, failed};
use crate::vision::planes::Planes;

/// How much smaller the last layer of a residual block begins: at first the block changes little.
const QUIET: f64 = 0.2;

/// A network of images whose weights are variables.
pub trait TrainsImages: Sync {
    /// What it reads and says.
    fn config(&self) -> &Config;

    /// What is trained, by name.
    fn variables(&self) -> &BTreeMap<String, Var>;

    /// Whether a variable was not trained before.
    fn is_fresh(&self, name: &str) -> bool;

    /// Images (data URLs) as it reads them.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a text that is no image.
    fn planes(&self, texts: &[&str]) -> Result<Planes, ModelError>;

    /// The logits of images, in a graph that reaches all variables.
    ///
    /// # Errors
    /// As [`Network::logits`].
    fn logits(&self, images: &Tensor) -> Result<Tensor, ModelError>;

    /// The model with the values that its variables have now, and logits that are so many times as large.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where memory does not suffice.
    fn model(&self, times: f64) -> Result<Box<dyn Model>, ModelError>;
}

/// A network that is trained.
pub struct TrainableNetwork {
    network: Network,
    variables: BTreeMap<String, Var>,
    fresh: Vec<String>,
}

impl TrainableNetwork {
    /// A new one, with weights drawn at random (He et al. 2015): the same for the same seed.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where memory does not suffice.
    pub fn new(config: Config, seed: u64) -> Result<Self, ModelError> {
        let names = config.shapes().into_iter().map(|(name, _)| name).collect();
        Self::with(config, HashMap::new(), names, seed)
    }

    /// One that goes on from another: with its weights but for the head, which is kept only where the labels are the same.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where memory does not suffice.
    pub fn from_network(network: &Network, labels: Vec<String>, seed: u64) -> Result<Self, ModelError> {
        let mut tensors = network.tensors.clone();
        let mut fresh = Vec::new();
        if network.config.labels != labels {
            for name in ["head.weight", "head.bias"] {
                tensors.remove(name);
                fresh.push(name.to_owned());
            }
        }
        let mut config = network.config.clone();
        config.labels = labels;
        Self::with(config, tensors, fresh, seed)
    }

    fn with(
        config: Config,
        mut known: HashMap<String, Tensor>,
        fresh: Vec<String>,
        seed: u64,
    ) -> Result<Self, ModelError> {
        let mut random = SplitMix::new(seed ^ 0x636e_6e00);
        let mut variables = BTreeMap::new();
        let mut make = |(name, shape): (String, Vec<usize>)| -> Candle<(String, Tensor)> {
            let value = match known.remove(&name) {
                Some(known) => known,
                None => initial(&name, &shape, &mut random)?,
            };
            let variable = Var::from_tensor(&value)?;
            let tensor = variable.as_tensor().clone();
            variables.insert(name.clone(), variable);
            Ok((name, tensor))
        };
        let tensors = config.shapes().into_iter().map(&mut make).collect::<Candle<HashMap<_, _>>>();
        let tensors = tensors.map_err(|error| failed(&error))?;
        let network = Network::of(config, tensors).map_err(ModelError::Failed)?;
        Ok(Self { network, variables, fresh })
    }

    /// The network with the values that its variables have now.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where memory does not suffice.
    pub fn trained(&self) -> Result<Network, ModelError> {
        let copy = |(name, tensor): (&String, &Tensor)| -> Candle<(String, Tensor)> {
            Ok((name.clone(), tensor.detach().copy()?))
        };
        let tensors = self.network.tensors.iter().map(copy).collect::<Candle<_>>();
        Ok(Network { config: self.network.config.clone(), tensors: tensors.map_err(|error| failed(&error))? })
    }
}

impl TrainsImages for TrainableNetwork {
    fn config(&self) -> &Config {
        &self.network.config
    }

    fn variables(&self) -> &BTreeMap<String, Var> {
        &self.variables
    }

    fn is_fresh(&self, name: &str) -> bool {
        self.fresh.iter().any(|fresh| fresh == name)
    }

    fn planes(&self, texts: &[&str]) -> Result<Planes, ModelError> {
        Planes::of_texts(texts, &self.network.config)
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor, ModelError> {
        self.network.logits(images)
    }

    fn model(&self, times: f64) -> Result<Box<dyn Model>, ModelError> {
        Ok(Box::new(ImageClassifier::new(self.trained()?.with_logits_times(times)?)))
    }
}

fn initial(name: &str, shape: &[usize], random: &mut SplitMix) -> Candle<Tensor> {
    match shape {
        &[_, inputs] => {
            let quiet = if name.contains("second") { QUIET } else { 1.0 };
            normal(shape, quiet * (2.0 / inputs as f64).sqrt(), random)
        }
        _ if name.contains("norm.weight") => Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu),
        _ => Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu),
    }
}
