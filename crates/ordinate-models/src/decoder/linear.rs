//! A matrix that tokens go through, and the low-rank update that may stand beside it.

use std::sync::Arc;

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{Module as _, Result, Tensor};

use crate::ops::{add, linear};

/// A matrix that tokens go through.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
    /// What is trained beside it (LoRA; Hu et al. 2021).
    update: Option<Update>,
}

#[derive(Debug, Clone)]
pub(crate) enum Weight {
    /// Outputs x inputs, `f32`.
    Dense(Tensor),
    Quantised(Arc<QTensor>),
}

/// A low-rank update: `scale up(down(x))` is added to what a layer gives.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    /// Rank x inputs; PEFT's `lora_A`.
    pub(crate) down: Tensor,
    /// Outputs x rank; PEFT's `lora_B`.
    pub(crate) up: Tensor,
    pub(crate) scale: f64,
}

impl Linear {
    pub(crate) fn new(weight: Weight, bias: Option<Tensor>, update: Option<Update>) -> Self {
        Self { weight, bias, update }
    }

    /// `x` is tokens x inputs.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = match (&self.weight, &self.bias) {
            (Weight::Dense(weight), bias) => linear(x, weight, bias.as_ref())?,
            (Weight::Quantised(weight), bias) => {
                let y = QMatMul::QTensor(Arc::clone(weight)).forward(&x.contiguous()?)?;
                bias.as_ref().map_or(Ok(y.clone()), |bias| y.broadcast_add(bias))?
            }
        };
        let Some(update) = &self.update else { return Ok(y) };
        let inner = (linear(x, &update.down, None)? * update.scale)?;
        add(&y, &linear(&inner, &update.up, None)?)
    }

    /// The rows of these tokens: a matrix as a table of embeddings.
    pub(crate) fn rows(&self, tokens: &Tensor) -> Result<Tensor> {
        match &self.weight {
            Weight::Dense(weight) => weight.index_select(tokens, 0),
            Weight::Quantised(weight) => weight.embedding(tokens),
        }
    }

    /// The same matrix once more, without copying it.
    pub(crate) fn again(&self) -> Self {
        Self { weight: self.weight.clone(), bias: self.bias.clone(), update: self.update.clone() }
    }

    /// Its numbers, and their bytes; an update is not counted.
    pub(crate) fn count(&self) -> (u64, u64) {
        let (parameters, bytes) = match &self.weight {
            Weight::Dense(weight) => (weight.elem_count(), weight.elem_count() * 4),
            Weight::Quantised(weight) => (weight.shape().elem_count(), weight.storage_size_in_bytes()),
        };
        let bias = self.bias.as_ref().map_or(0, Tensor::elem_count);
        ((parameters + bias) as u64, (bytes + 4 * bias) as u64)
    }
}
