//! What a training was, for whoever reads the model: beside it, as `training.json`.

use std::fs;
use std::path::Path;

use ordinate_models::ModelError;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Ended;
use crate::validation::Validated;

/// The name of the file.
pub const REPORT: &str = "training.json";

/// What a training was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingReport {
    /// The method.
    pub method: String,
    /// Why it was chosen, where it was (`auto`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// The model that was trained on: its name on the hub, or its folder.
    pub base: String,
    /// What it was trained on before, without labels (`mlm`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<Pretraining>,
    /// Items that were learned from.
    pub items: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Passes over the items.
    pub passes: f64,
    /// Seconds that it took, on so many threads.
    pub seconds: f64,
    /// Threads.
    pub threads: usize,
    /// Weights that were trained.
    pub trained: u64,
    /// How well items were answered that were held out; `None` where none were.
    pub validated: Option<Validated>,
    /// Why it ended.
    pub ended: Ended,
    /// The seed.
    pub seed: u64,
}

/// What a training on texts without labels was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pretraining {
    /// Texts that were learned from.
    pub texts: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Passes over the texts.
    pub passes: f64,
    /// Seconds that it took.
    pub seconds: f64,
    /// How well masked tokens of texts were guessed that were held out, before and after: one over the perplexity. `None` where
    /// none were held out.
    pub guessed: Option<(f64, f64)>,
    /// Why it ended.
    pub ended: Ended,
}

impl TrainingReport {
    /// That of a folder; `None` where nothing was trained there, or it cannot be read.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(REPORT)).ok()?).ok()
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), ModelError> {
        let path = folder.join(REPORT);
        let text =
            serde_json::to_string_pretty(self).map_err(|error| ModelError::Failed(error.to_string()))?;
        fs::write(&path, text + "\n")
            .map_err(|error| ModelError::File { path, problem: format!("cannot be written: {error}") })
    }
}

/// Threads that training uses.
pub(crate) fn threads() -> usize {
    rayon::current_num_threads()
}
