//! The encoder of the BERT family (Devlin et al. 2019): BERT and MiniLM, RoBERTa and XLM-R, DistilBERT. One
//! definition over safetensors; their differences are names of tensors and where positions begin.

use std::collections::{BTreeSet, HashMap};

use candle_core::Tensor;
use ordinate_core::task::Precision;
use serde::Deserialize;

use crate::encoder::layers::{Linear, Norm, Result, Weights, padded, parameters};
use crate::model::Facts;
use crate::ops::{Heads, softmax};

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
    #[serde(default = "eps", alias = "eps")]
    pub(crate) layer_norm_eps: f64,
    #[serde(default = "exact", alias = "activation")]
    pub(crate) hidden_act: String,
    #[serde(default)]
    pub(crate) pad_token_id: u32,
}

fn eps() -> f64 {
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
    /// The embeddings of token types: of the tokens of a text, and of those of a second one behind it. DistilBERT has none, and of
    /// RoBERTa's kin every token is of the first type.
    token_types: Option<Tensor>,
    norm: Norm,
    layers: Vec<Layer>,
    /// The names of its tensors.
    names: BTreeSet<String>,
    facts: Facts,
}

#[derive(Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    attention_norm: Norm,
    up_proj: Linear,
    down_proj: Linear,
    mlp_norm: Norm,
    heads: usize,
}

/// Names of tensors by architecture.
struct Names {
    embeddings: &'static str,
    layer: &'static str,
    /// Query, key, value, output, its norm, projections up and down, their norm.
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
        let at = |name: &str| format!("{}.{name}", names.embeddings);
        let weights = Weights::new(tensors, &at("word_embeddings.weight"));
        let token_types = match config.model_type.as_str() {
            "distilbert" => None,
            _ => Some(weights.rows(&at("token_type_embeddings.weight"), width)?),
        };
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for number in 0..config.num_hidden_layers {
            let [query, key, value, output, attention_norm, up, down, mlp_norm] =
                names.parts.map(|part| format!("{}.{number}.{part}", names.layer));
            let inner = weights.height(&format!("{up}.bias"));
            layers.push(Layer {
                query: weights.linear(&query, width, width)?,
                key: weights.linear(&key, width, width)?,
                value: weights.linear(&value, width, width)?,
                output: weights.linear(&output, width, width)?,
                attention_norm: weights.norm(&attention_norm, width, config.layer_norm_eps)?,
                up_proj: weights.linear(&up, width, inner)?,
                down_proj: weights.linear(&down, inner, width)?,
                mlp_norm: weights.norm(&mlp_norm, width, config.layer_norm_eps)?,
                heads,
            });
        }
        let positions =
            weights.get(&at("position_embeddings.weight"), &[config.max_position_embeddings, width])?;
        let words = weights.rows(&at("word_embeddings.weight"), width)?;
        let norm = weights.norm(&at("LayerNorm"), width, config.layer_norm_eps)?;
        let parameters = parameters(tensors);
        let facts = Facts { parameters, bytes: 4 * parameters };
        let names = weights.used();
        Ok(Self { words, positions, token_types, norm, layers, names, facts, config })
    }

    /// Holds the weights of its layers so from now on.
    pub(crate) fn hold(&mut self, precision: Precision) -> Result<()> {
        for layer in &mut self.layers {
            let Layer { query, key, value, output, up_proj, down_proj, .. } = layer;
            for one in [query, key, value, output, up_proj, down_proj] {
                self.facts.bytes -= one.hold(precision)?;
            }
        }
        Ok(())
    }

    /// What it was built of.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The names of the tensors that it was built of.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    pub(crate) fn facts(&self) -> Facts {
        self.facts
    }

    /// The last layer's states of a batch: texts x tokens x width, where shorter texts are padded at the end.
    ///
    /// # Errors
    /// Where a token is not in the vocabulary, or a text is longer than the positions reach.
    pub fn states(&self, batch: &[&[u32]]) -> Result<Tensor> {
        self.states_of_pairs(batch, &[])
    }

    /// The same of pairs, each of which is two texts one behind the other. So many of its tokens are of the first one.
    pub(crate) fn states_of_pairs(&self, batch: &[&[u32]], firsts: &[usize]) -> Result<Tensor> {
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
        let mut x = self.words.index_select(&ids, 0)?.reshape((rows, longest, width))?;
        let positions = match &self.token_types {
            Some(types) if self.config.model_type == "bert" && types.dim(0)? > 1 && !firsts.is_empty() => {
                let of = |&first: &usize| (0..longest).map(move |at| u32::from(at >= first));
                let of: Vec<u32> = firsts.iter().flat_map(of).collect();
                let of = Tensor::from_vec(of, rows * longest, ids.device())?;
                x = (x + types.index_select(&of, 0)?.reshape((rows, longest, width))?)?;
                positions
            }
            Some(types) => positions.broadcast_add(&types.narrow(0, 0, 1)?)?,
            None => positions,
        };
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
        let heads = Heads { rows, tokens, heads: self.heads };
        let scale = (1.0 / (size as f64).sqrt()) as f32;
        let query = self.query.heads(x, heads, scale)?;
        let (key, value) = (self.key.heads(x, heads, 1.0)?, self.value.heads(x, heads, 1.0)?);
        let weights = softmax(&query.matmul(&key.t()?)?, lengths.to_vec())?;
        let mixed = weights.matmul(&value)?;
        let mixed = mixed.transpose(1, 2)?.reshape((rows * tokens, width))?;
        let x = self.output.add_norm(&mixed, x, &self.attention_norm)?;
        let inner = if act == "relu" { self.up_proj.forward(&x)?.relu()? } else { self.up_proj.gelu(&x)? };
        self.down_proj.add_norm(&inner, &x, &self.mlp_norm)
    }
}
