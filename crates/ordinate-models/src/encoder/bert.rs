//! The encoder of the BERT family (Devlin et al. 2019): BERT and MiniLM, RoBERTa and XLM-R, DistilBERT. One
//! definition over safetensors; their differences are names of tensors and where positions begin.

use std::collections::HashMap;

use candle_core::Tensor;
use serde::Deserialize;

use crate::encoder::gelu::gelu;
use crate::encoder::layers::{Linear, Norm, Result, Weights, padded, parameters};
use crate::encoder::plus::plus;
use crate::encoder::softmax::softmax;
use crate::model::Facts;

/// What `config.json` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Config {
    /// `bert`, `roberta`, `xlm-roberta`, `camembert` or `distilbert`.
    pub model_type: String,
    /// The width; DistilBERT calls it `dim`.
    #[serde(alias = "dim")]
    pub hidden_size: usize,
    #[serde(alias = "n_layers")]
    pub(crate) num_hidden_layers: usize,
    #[serde(alias = "n_heads")]
    pub(crate) num_attention_heads: usize,
    pub(crate) max_position_embeddings: usize,
    #[serde(default = "narrow", alias = "eps")]
    pub(crate) layer_norm_eps: f64,
    #[serde(default = "exact", alias = "activation")]
    pub(crate) hidden_act: String,
    #[serde(default)]
    pub(crate) pad_token_id: u32,
}

fn narrow() -> f64 {
    1e-12
}

fn exact() -> String {
    "gelu".to_owned()
}

impl Config {
    /// RoBERTa counts positions from behind the padding's.
    fn first_position(&self) -> u32 {
        if matches!(self.model_type.as_str(), "roberta" | "xlm-roberta" | "camembert") {
            self.pad_token_id + 1
        } else {
            0
        }
    }

    /// The longest text, in tokens.
    pub(crate) fn longest(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.first_position() as usize)
    }
}

/// The encoder.
#[derive(Debug)]
pub struct Bert {
    config: Config,
    words: Tensor,
    positions: Tensor,
    /// The embedding of the first token type, which every token here is of; DistilBERT has none.
    kind: Option<Tensor>,
    norm: Norm,
    layers: Vec<Layer>,
    facts: Facts,
}

#[derive(Debug)]
struct Layer {
    /// Query, key and value side by side.
    attention: Linear,
    out: Linear,
    out_norm: Norm,
    wide: Linear,
    narrow: Linear,
    norm: Norm,
    heads: usize,
}

/// Names of tensors by architecture.
struct Names {
    embeddings: &'static str,
    layer: &'static str,
    /// Query, key, value, output, its norm, wide, narrow, norm.
    parts: [&'static str; 8],
}

const BERT: Names = Names {
    embeddings: "embeddings",
    layer: "encoder.layer",
    parts: [
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "attention.output.LayerNorm",
        "intermediate.dense",
        "output.dense",
        "output.LayerNorm",
    ],
};

const DISTILBERT: Names = Names {
    embeddings: "embeddings",
    layer: "transformer.layer",
    parts: [
        "attention.q_lin",
        "attention.k_lin",
        "attention.v_lin",
        "attention.out_lin",
        "sa_layer_norm",
        "ffn.lin1",
        "ffn.lin2",
        "output_layer_norm",
    ],
};

impl Bert {
    /// Builds the encoder of named tensors; each is held against the shape that the configuration asks for.
    ///
    /// # Errors
    /// Where a tensor is missing or of another shape, or the architecture is another.
    pub fn new(config: Config, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let names = match config.model_type.as_str() {
            "bert" | "roberta" | "xlm-roberta" | "camembert" => BERT,
            "distilbert" => DISTILBERT,
            other => {
                return Err(candle_core::Error::Msg(format!(
                    "the architecture {other:?} is none of {}",
                    crate::encoder::body::KNOWN.join(", ")
                )));
            }
        };
        if !matches!(config.hidden_act.as_str(), "gelu" | "relu") {
            let message = format!("the activation {:?} is neither gelu nor relu", config.hidden_act);
            return Err(candle_core::Error::Msg(message));
        }
        let (width, heads) = (config.hidden_size, config.num_attention_heads);
        if heads == 0 || width == 0 || width % heads != 0 || config.num_hidden_layers > 256 {
            return Err(candle_core::Error::Msg(format!("{heads} heads do not part a width of {width}")));
        }
        let key = format!("{}.word_embeddings.weight", names.embeddings);
        let prefix = tensors.keys().find_map(|name| name.strip_suffix(&key)).unwrap_or_default().to_owned();
        let weights = Weights { tensors, prefix };
        let at = |name: &str| format!("{}.{name}", names.embeddings);
        let kind = match config.model_type.as_str() {
            "distilbert" => None,
            _ => Some(weights.rows(&at("token_type_embeddings.weight"), width)?.narrow(0, 0, 1)?),
        };
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for number in 0..config.num_hidden_layers {
            let [query, key, value, out, out_norm, wide, narrow, norm] =
                names.parts.map(|part| format!("{}.{number}.{part}", names.layer));
            let all = [query, key, value].map(|name| weights.linear(&name, width, width));
            let [query, key, value] = all;
            let (query, key, value) = (query?, key?, value?);
            let attention = Linear {
                weight: Tensor::cat(&[&query.weight, &key.weight, &value.weight], 1)?,
                bias: match (&query.bias, &key.bias, &value.bias) {
                    (Some(query), Some(key), Some(value)) => Some(Tensor::cat(&[query, key, value], 0)?),
                    _ => None,
                },
            };
            let inner = weights.height(&format!("{wide}.bias"));
            layers.push(Layer {
                attention,
                out: weights.linear(&out, width, width)?,
                out_norm: weights.norm(&out_norm, width, config.layer_norm_eps)?,
                wide: weights.linear(&wide, width, inner)?,
                narrow: weights.linear(&narrow, inner, width)?,
                norm: weights.norm(&norm, width, config.layer_norm_eps)?,
                heads,
            });
        }
        let positions =
            weights.get(&at("position_embeddings.weight"), &[config.max_position_embeddings, width])?;
        let words = weights.rows(&at("word_embeddings.weight"), width)?;
        let norm = weights.norm(&at("LayerNorm"), width, config.layer_norm_eps)?;
        let parameters = parameters(tensors);
        let facts = Facts { parameters, bytes: 4 * parameters };
        Ok(Self { words, positions, kind, norm, layers, facts, config })
    }

    /// What it was built of.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn facts(&self) -> Facts {
        self.facts
    }

    /// The last layer's states of a batch: texts x tokens x width, where shorter texts are padded at the end.
    ///
    /// # Errors
    /// Where a token is not in the vocabulary, or a text is longer than the positions reach.
    pub fn states(&self, batch: &[&[u32]]) -> Result<Tensor> {
        let (rows, longest) = (batch.len(), batch.iter().map(|ids| ids.len()).max().unwrap_or(0));
        if longest > self.config.longest() {
            return Err(candle_core::Error::Msg(format!(
                "a text of {longest} tokens is longer than {}",
                self.config.longest()
            )));
        }
        let ids = padded(batch, longest, self.config.pad_token_id)?;
        let width = self.config.hidden_size;
        let first = self.config.first_position() as usize;
        let positions = self.positions.narrow(0, first, longest)?;
        let positions = match &self.kind {
            Some(kind) => positions.broadcast_add(kind)?,
            None => positions,
        };
        let mut x = self.words.index_select(&ids, 0)?.reshape((rows, longest, width))?;
        x = self.norm.forward(&x.broadcast_add(&positions)?)?.reshape((rows * longest, width))?;
        let lengths: Vec<usize> = batch.iter().map(|ids| ids.len()).collect();
        for layer in &self.layers {
            x = layer.forward(&x, &lengths, (rows, longest), &self.config.hidden_act)?;
        }
        x.reshape((rows, longest, width))
    }
}

impl Layer {
    /// `x` is (rows x tokens) x width.
    fn forward(
        &self,
        x: &Tensor,
        lengths: &[usize],
        (rows, tokens): (usize, usize),
        act: &str,
    ) -> Result<Tensor> {
        let width = x.dim(1)?;
        let size = width / self.heads;
        let all = self.attention.forward(x)?.reshape((rows, tokens, 3, self.heads, size))?;
        let part = |at: usize| all.narrow(2, at, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        let (query, key, value) = (part(0)?, part(1)?, part(2)?);
        let scale = 1.0 / (size as f64).sqrt();
        let weights = softmax(&(query * scale)?.matmul(&key.t()?)?, lengths.to_vec())?;
        let mixed = weights.matmul(&value)?;
        let mixed = mixed.transpose(1, 2)?.reshape((rows * tokens, width))?;
        let x = self.out_norm.forward(&plus(&self.out.forward(&mixed)?, x)?)?;
        let wide = self.wide.forward(&x)?;
        let wide = if act == "relu" { wide.relu()? } else { gelu(&wide)? };
        self.norm.forward(&plus(&self.narrow.forward(&wide)?, &x)?)
    }
}
