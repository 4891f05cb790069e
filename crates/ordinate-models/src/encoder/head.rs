//! The heads of published sequence classifiers, and those for spans, as `transformers` has them.

use std::collections::HashMap;

use candle_core::Tensor;
use serde_json::Value;

use crate::encoder::layers::{Linear, Norm, Result, Weights};
use crate::encoder::layout::{Act, CLASSIFIES, Layout, is_named};
use crate::ops::gelu;

/// A classifier on an encoder's states.
#[derive(Debug)]
pub(crate) struct Head {
    dense: Option<Linear>,
    act: Act,
    norm: Option<Norm>,
    out: Linear,
    /// Whether the states of all tokens are averaged; else the first token's is taken.
    mean: bool,
    labels: Vec<String>,
    /// Whether each label is a question of its own.
    several: bool,
}

/// Whether a configuration is that of a published classifier.
pub(crate) fn has_head(config: &Value) -> bool {
    is_named(config, CLASSIFIES)
}

impl Head {
    /// The head of a classifier's configuration, over an encoder of this width.
    pub(crate) fn new(config: &Value, tensors: &HashMap<String, Tensor>, width: usize) -> Result<Self> {
        let layout = Layout::of(config).ok_or_else(unknown)?;
        Self::laid_out(&layout, config, tensors, width)
    }

    /// The head for spans of a configuration: the logits of a start and of an end.
    pub(crate) fn of_spans(config: &Value, tensors: &HashMap<String, Tensor>, width: usize) -> Result<Self> {
        let layout = Layout::of_spans(config).ok_or_else(unknown)?;
        let head = Self::laid_out(&layout, config, tensors, width)?;
        match head.labels.len() {
            2 => Ok(head),
            count => Err(candle_core::Error::Msg(format!(
                "its head has {count} outputs, and a head for spans has 2, of start and end"
            ))),
        }
    }

    /// The head that these names are of.
    pub(crate) fn laid_out(
        layout: &Layout,
        config: &Value,
        tensors: &HashMap<String, Tensor>,
        width: usize,
    ) -> Result<Self> {
        let plain = Weights::plain(tensors);
        let norm = match layout.norm {
            Some(name) => Some(plain.norm(name, width, config["norm_eps"].as_f64().unwrap_or(1e-5))?),
            None => None,
        };
        let count = plain.height(&format!("{}.weight", layout.out));
        let labels = (0..count)
            .map(|at| {
                let named = config["id2label"][at.to_string()].as_str();
                named.map_or_else(|| format!("LABEL_{at}"), str::to_owned)
            })
            .collect();
        Ok(Self {
            dense: layout.dense.map(|dense| plain.loose(dense, width, width)).transpose()?,
            act: layout.act,
            norm,
            out: plain.loose(layout.out, width, count)?,
            mean: config["classifier_pooling"] == "mean",
            labels,
            several: config["problem_type"] == "multi_label_classification",
        })
    }

    /// The labels, in the order of the logits.
    pub(crate) fn labels(&self) -> &[String] {
        &self.labels
    }

    pub(crate) fn several(&self) -> bool {
        self.several
    }

    /// The logits of a text's states (tokens x width).
    pub(crate) fn logits(&self, states: &Tensor) -> Result<Vec<f32>> {
        let length = states.dim(0)?;
        self.of_batch(&states.unsqueeze(0)?, &[length])?.squeeze(0)?.to_vec1()
    }

    /// The logits of a batch (texts x labels), whose states are texts x tokens x width with so many tokens each.
    pub(crate) fn of_batch(&self, states: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let pooled = if self.mean { mean(states, lengths)? } else { first(states)? };
        self.rows(&pooled)
    }

    /// The logits of states, each for itself: rows x width to rows x labels.
    pub(crate) fn rows(&self, states: &Tensor) -> Result<Tensor> {
        let Some(dense) = &self.dense else { return self.out.forward(states) };
        let x = dense.forward(states)?;
        let mut x = match self.act {
            Act::Tanh => x.tanh()?,
            Act::Relu => x.relu()?,
            Act::Gelu => gelu(&x)?,
        };
        if let Some(norm) = &self.norm {
            x = norm.forward(&x)?;
        }
        self.out.forward(&x)
    }
}

fn unknown() -> candle_core::Error {
    candle_core::Error::Msg("no head of this architecture is known".to_owned())
}

/// The first token's states of each text: texts x width.
pub(crate) fn first(states: &Tensor) -> Result<Tensor> {
    states.narrow(1, 0, 1)?.squeeze(1)?.contiguous()
}

/// The mean of the states of each text, padding left out: texts x width.
pub(crate) fn mean(states: &Tensor, lengths: &[usize]) -> Result<Tensor> {
    let tokens = states.dim(1)?;
    let share = |&length: &usize| {
        let share = 1.0 / length.max(1) as f32;
        (0..tokens).map(move |at| if at < length { share } else { 0.0 })
    };
    let shares: Vec<f32> = lengths.iter().flat_map(share).collect();
    let shares = Tensor::from_vec(shares, (lengths.len(), 1, tokens), states.device())?;
    shares.matmul(states)?.squeeze(1)
}
