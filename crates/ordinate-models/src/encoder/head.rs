//! The heads of published sequence classifiers, as `transformers` has them.

use std::collections::HashMap;

use candle_core::Tensor;
use serde_json::Value;

use crate::encoder::layers::{Linear, Norm, Result, Weights};
use crate::ops::gelu;

/// A classifier on an encoder's states.
#[derive(Debug)]
pub(crate) struct Head {
    dense: Linear,
    act: Act,
    norm: Option<Norm>,
    out: Linear,
    /// Whether the states of all tokens are averaged; else the first token's is taken.
    mean: bool,
    labels: Vec<String>,
    /// Whether each label is a question of its own.
    several: bool,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Tanh,
    Relu,
    Gelu,
}

/// Whether a configuration is that of a published classifier.
pub(crate) fn has_head(config: &Value) -> bool {
    let first = config["architectures"].as_array().and_then(|names| names.first());
    first.and_then(Value::as_str).is_some_and(|name| name.ends_with("ForSequenceClassification"))
}

impl Head {
    /// The head of a configuration, over an encoder of this width.
    pub(crate) fn new(config: &Value, tensors: &HashMap<String, Tensor>, width: usize) -> Result<Self> {
        let plain = Weights::plain(tensors);
        let kind = config["model_type"].as_str().unwrap_or_default();
        // Where the dense layer stands, what follows it, and where the last layer stands.
        let (dense, act, out) = match kind {
            "bert" => ("bert.pooler.dense", Act::Tanh, "classifier"),
            "distilbert" => ("pre_classifier", Act::Relu, "classifier"),
            "modernbert" => ("head.dense", Act::Gelu, "classifier"),
            _ => ("classifier.dense", Act::Tanh, "classifier.out_proj"),
        };
        let norm = if kind == "modernbert" {
            Some(plain.norm("head.norm", width, config["norm_eps"].as_f64().unwrap_or(1e-5))?)
        } else {
            None
        };
        let count = plain.height(&format!("{out}.weight"));
        let labels = (0..count)
            .map(|at| {
                let named = config["id2label"][at.to_string()].as_str();
                named.map_or_else(|| format!("LABEL_{at}"), str::to_owned)
            })
            .collect();
        Ok(Self {
            dense: plain.loose(dense, width, width)?,
            act,
            norm,
            out: plain.loose(out, width, count)?,
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
        let pooled = if self.mean { states.mean_keepdim(0)? } else { states.narrow(0, 0, 1)? };
        let x = self.dense.forward(&pooled.contiguous()?)?;
        let mut x = match self.act {
            Act::Tanh => x.tanh()?,
            Act::Relu => x.relu()?,
            Act::Gelu => gelu(&x)?,
        };
        if let Some(norm) = &self.norm {
            x = norm.forward(&x)?;
        }
        self.out.forward(&x)?.squeeze(0)?.to_vec1()
    }
}
