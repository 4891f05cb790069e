//! The state of a training in one file, whole or not at all: what was killed goes on as if nothing had happened.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use candle_core::{Device, Tensor};
use ordinate_models::ModelError;
use serde::{Deserialize, Serialize};

use crate::optimiser::AdamW;
use crate::validation::Validated;

/// What of the state is no tensor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    /// What the training hangs on: that of another one is not taken.
    pub(crate) key: String,
    /// Passes begun before, and steps of the present one that are done.
    pub(crate) pass: u64,
    pub(crate) within: usize,
    /// The best score so far, and the steps before it.
    pub(crate) best: Option<Validated>,
    pub(crate) best_at: u64,
    /// Validations since the best one.
    pub(crate) since: u32,
    /// Losses since the last validation: their sum and how many.
    pub(crate) losses: (f64, u64),
    /// How long it took until then.
    pub(crate) spent: Duration,
    /// Why it is over.
    pub(crate) ended: Option<Ended>,
}

/// Why a training is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All passes are done.
    Passes,
    /// Items held out were answered no better for a while.
    Early,
    /// Its time was up.
    Time,
}

const STATE: &str = "state";
const VALUE: &str = "value.";
const FIRST: &str = "first.";
const SECOND: &str = "second.";
const BEST: &str = "best.";

/// The values of variables, by name.
pub(crate) type Values = HashMap<String, Tensor>;

/// Writes the state. Of a training that is over, the best values are all that is needed.
pub(crate) fn write(
    path: &Path,
    state: &State,
    optimiser: &AdamW,
    best: Option<&Values>,
) -> Result<(), ModelError> {
    let failed = |problem: &dyn std::fmt::Display| ModelError::File {
        path: path.to_owned(),
        problem: format!("the state of the training cannot be written: {problem}"),
    };
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    let goes_on = state.ended.is_none();
    for slot in &optimiser.slots {
        let name = &slot.name;
        if goes_on || best.is_none() {
            tensors.insert(format!("{VALUE}{name}"), slot.variable.as_detached_tensor());
        }
        if goes_on {
            for (kind, values) in [(FIRST, &slot.first), (SECOND, &slot.second)] {
                let tensor = Tensor::from_slice(values, values.len(), &Device::Cpu);
                tensors.insert(format!("{kind}{name}"), tensor.map_err(|error| failed(&error))?);
            }
        }
    }
    for (name, value) in best.into_iter().flatten() {
        tensors.insert(format!("{BEST}{name}"), value.clone());
    }
    let text = serde_json::to_string(&(state, optimiser.steps)).map_err(|error| failed(&error))?;
    let about = HashMap::from([(STATE.to_owned(), text)]);
    let part = path.with_extension("part");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    safetensors::serialize_to_file(&tensors, Some(about), &part).map_err(|error| failed(&error))?;
    fs::rename(&part, path).map_err(|error| failed(&error))
}

/// Reads the state that a training of this key left, and puts the variables and the optimiser where they were. `None` where
/// there is none that can be used.
pub(crate) fn read(path: &Path, key: &str, optimiser: &mut AdamW) -> Option<(State, Option<Values>)> {
    let bytes = fs::read(path).ok()?;
    let (_, about) = safetensors::SafeTensors::read_metadata(&bytes).ok()?;
    let text = about.metadata().as_ref()?.get(STATE)?;
    let (state, steps): (State, u64) = serde_json::from_str(text).ok()?;
    if state.key != key {
        return None;
    }
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).ok()?;
    let best: Values = tensors
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(BEST)?.to_owned(), tensor.clone())))
        .collect();
    let best = (!best.is_empty()).then_some(best);
    let list = |kind: &str, name: &str| tensors.get(&format!("{kind}{name}"))?.to_vec1::<f32>().ok();
    // Read whole before anything is changed.
    let mut found = Vec::with_capacity(optimiser.slots.len());
    for slot in &optimiser.slots {
        let own = best.as_ref().filter(|_| state.ended.is_some()).and_then(|best| best.get(&slot.name));
        let value = own.or_else(|| tensors.get(&format!("{VALUE}{}", slot.name)))?.clone();
        let moments = match state.ended {
            Some(_) => None,
            None => Some((list(FIRST, &slot.name)?, list(SECOND, &slot.name)?)),
        };
        found.push((value, moments));
    }
    for (slot, (value, moments)) in optimiser.slots.iter_mut().zip(found) {
        slot.variable.set(&value).ok()?;
        if let Some((first, second)) = moments {
            (slot.first, slot.second) = (first, second);
        }
    }
    optimiser.steps = steps;
    Some((state, best))
}
