//! The model that answers items that are images.

use std::path::Path;
use std::time::Instant;

use crate::error::ModelError;
use crate::kind::Kind;
use crate::linear::probabilities;
use crate::model::{Facts, Model, Prediction, Reply, Sample as Item};
use crate::vision::network::{Network, failed};
use crate::vision::planes::{Planes, Sample};

/// Images that go through the network together.
const BATCH: usize = 64;

/// A network that says which label an image has.
pub struct ImageClassifier {
    network: Network,
}

impl ImageClassifier {
    /// Of a network.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self { network }
    }

    /// Reads that of a folder.
    ///
    /// # Errors
    /// As [`Network::open`].
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        Network::open(folder).map(Self::new)
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What it says of images (data URLs) that go through the network together.
    fn logits(&self, samples: &[Item<'_>]) -> Result<Vec<Vec<f32>>, ModelError> {
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text).collect();
        let planes = Planes::of_texts(&texts, &self.network.config)?;
        let places: Vec<usize> = (0..texts.len()).collect();
        let images = planes.batch(&places, &self.network.config, |_| Sample::PLAIN)?;
        self.network.logits(&images)?.to_vec2().map_err(|error| failed(&error))
    }

    fn predict(&self, logits: &[f32]) -> Prediction {
        Prediction::likeliest(&self.network.config.labels, &shares(logits))
    }
}

/// The probabilities of all labels.
fn shares(logits: &[f32]) -> Vec<f64> {
    let scores: Vec<f64> = logits.iter().map(|logit| f64::from(*logit)).collect();
    probabilities(Kind::Classify, &scores, 1.0)
}

impl Model for ImageClassifier {
    fn answer(&self, samples: &[Item<'_>]) -> Result<Vec<Reply>, ModelError> {
        let mut replies = Vec::with_capacity(samples.len());
        for samples in samples.chunks(BATCH) {
            let started = Instant::now();
            let logits = self.logits(samples)?;
            let before = started.elapsed() / u32::try_from(samples.len().max(1)).unwrap_or(u32::MAX);
            replies.extend(logits.iter().map(|logits| Reply::timed(before, || self.predict(logits))));
        }
        Ok(replies)
    }

    fn shares(&self, samples: &[Item<'_>], label: &str) -> Result<Option<Vec<f64>>, ModelError> {
        let labels = &self.network.config.labels;
        let Some(at) = labels.iter().position(|own| own == label) else { return Ok(None) };
        let mut all = Vec::with_capacity(samples.len());
        for samples in samples.chunks(BATCH) {
            let share = |logits: &Vec<f32>| shares(logits).get(at).copied().unwrap_or_default();
            all.extend(self.logits(samples)?.iter().map(share));
        }
        Ok(Some(all))
    }

    fn facts(&self) -> Facts {
        let parameters = self.network.parameters();
        Facts { parameters, bytes: 4 * parameters }
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn save(&self, folder: &Path) -> Result<(), ModelError> {
        self.network.write(folder)
    }
}
