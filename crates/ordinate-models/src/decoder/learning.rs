//! What of a decoder's weights is trained, or was: they are read as variables, with variables beside them, or with what an
//! adapter changed.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result as Candle, Tensor, Var};
use ordinate_core::random::SplitMix;

use super::adapter::Adapter;
use super::linear::Update;
use super::weights::plain;
use crate::encoder::LowRank;
use crate::encoder::layers::{LORA_DOWN, LORA_UP};
use crate::error::ModelError;

/// What of the weights is trained, or was.
pub(crate) enum Learning {
    /// Nothing.
    Nothing,
    /// All of them.
    Whole,
    /// Low-rank updates beside the matrices of all layers.
    Updates(LowRank, SplitMix),
    /// An adapter, which is added to them.
    Adapted(Adapter),
}

impl Learning {
    /// A tensor of the file, as it is read.
    pub(super) fn weight(
        &mut self,
        name: &str,
        tensor: Tensor,
        variables: &mut BTreeMap<String, Var>,
    ) -> Result<Tensor, ModelError> {
        match self {
            Self::Whole => variable(name, &tensor, variables).map_err(|error| failed(&error)),
            Self::Adapted(adapter) => adapter.changed(name, tensor),
            Self::Nothing | Self::Updates(..) => Ok(tensor),
        }
    }

    /// The update beside the matrix of this name, where there is one. As in PEFT, `lora_A` is uniform within one over the root
    /// of the inputs, and `lora_B` zero, so that nothing changes at first.
    pub(super) fn update(
        &mut self,
        layer: &str,
        (outputs, inputs): (usize, usize),
        variables: &mut BTreeMap<String, Var>,
    ) -> Result<Option<Update>, ModelError> {
        let Self::Updates(low_rank, random) = self else { return Ok(None) };
        if !layer.contains("layers.") {
            return Ok(None);
        }
        let LowRank { rank, alpha } = *low_rank;
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        let down: Vec<f32> =
            (0..rank * inputs).map(|_| (bound * (2.0 * random.unit() - 1.0)) as f32).collect();
        let update = || -> Candle<Update> {
            let down = Tensor::from_vec(down, (rank, inputs), &Device::Cpu)?;
            let up = Tensor::zeros((outputs, rank), DType::F32, &Device::Cpu)?;
            let down = variable(&format!("{layer}{LORA_DOWN}"), &down, variables)?;
            let up = variable(&format!("{layer}{LORA_UP}"), &up, variables)?;
            Ok(Update { down, up, scale: alpha / rank.max(1) as f64 })
        };
        update().map(Some).map_err(|error| failed(&error))
    }

    /// That a model can be read whose embedding is its head too.
    ///
    /// # Errors
    /// As [`Adapter::tied`].
    pub(super) fn tied(&self) -> Result<(), ModelError> {
        match self {
            Self::Adapted(adapter) => adapter.tied(),
            Self::Nothing | Self::Whole | Self::Updates(..) => Ok(()),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Where an adapter changes what its base does not have.
    pub(super) fn finish(&self) -> Result<(), ModelError> {
        match self {
            Self::Adapted(adapter) => adapter.finish(),
            Self::Nothing | Self::Whole | Self::Updates(..) => Ok(()),
        }
    }
}

fn variable(name: &str, tensor: &Tensor, variables: &mut BTreeMap<String, Var>) -> Candle<Tensor> {
    let variable = Var::from_tensor(tensor)?;
    let tensor = variable.as_tensor().clone();
    variables.insert(name.to_owned(), variable);
    Ok(tensor)
}

fn failed(error: &candle_core::Error) -> ModelError {
    ModelError::Failed(plain(error))
}
