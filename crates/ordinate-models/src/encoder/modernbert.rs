//! ModernBERT (Warner et al. 2024): norms before the layers, rotary positions, gated units, and attention that
//! reaches over the whole text in one layer of three and over a window in the others.

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use candle_nn::ops::softmax_last_dim;
use candle_nn::rotary_emb::rope;
use serde::Deserialize;

use crate::encoder::gelu::gelu;
use crate::encoder::layers::{Linear, Norm, Result, Weights, padded, padding, parameters};
use crate::model::Facts;

/// What `config.json` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Config {
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "eps")]
    norm_eps: f64,
    #[serde(default = "window")]
    local_attention: usize,
    #[serde(default = "every")]
    global_attn_every_n_layers: usize,
    #[serde(default = "global_theta")]
    global_rope_theta: f32,
    #[serde(default = "local_theta")]
    local_rope_theta: f32,
    /// Newer files say both thetas here, and which layer is which in `layer_types`.
    rope_parameters: Option<Thetas>,
    layer_types: Option<Vec<String>>,
    #[serde(default = "exact")]
    hidden_activation: String,
    #[serde(default)]
    pad_token_id: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Thetas {
    full_attention: Theta,
    sliding_attention: Theta,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Theta {
    rope_theta: f32,
}

fn eps() -> f64 {
    1e-5
}

fn window() -> usize {
    128
}

fn every() -> usize {
    3
}

fn global_theta() -> f32 {
    160_000.0
}

fn local_theta() -> f32 {
    10_000.0
}

fn exact() -> String {
    "gelu".to_owned()
}

impl Config {
    fn whole(&self, layer: usize) -> bool {
        match &self.layer_types {
            Some(types) => types.get(layer).is_some_and(|kind| kind == "full_attention"),
            None => layer.is_multiple_of(self.global_attn_every_n_layers.max(1)),
        }
    }

    fn theta(&self, whole: bool) -> f32 {
        match (&self.rope_parameters, whole) {
            (Some(thetas), true) => thetas.full_attention.rope_theta,
            (Some(thetas), false) => thetas.sliding_attention.rope_theta,
            (None, true) => self.global_rope_theta,
            (None, false) => self.local_rope_theta,
        }
    }
}

/// The encoder.
#[derive(Debug)]
pub(crate) struct ModernBert {
    config: Config,
    words: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    last: Norm,
    facts: Facts,
}

#[derive(Debug)]
struct Layer {
    /// The first layer has none: the embeddings were normed.
    before: Option<Norm>,
    attention: Linear,
    out: Linear,
    middle: Norm,
    wide: Linear,
    narrow: Linear,
    whole: bool,
}

impl ModernBert {
    /// Builds the encoder of named tensors; each is held against the shape that the configuration asks for.
    ///
    /// # Errors
    /// Where a tensor is missing or of another shape, or the configuration does not go together.
    pub(crate) fn new(config: Config, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let (width, heads, inner) =
            (config.hidden_size, config.num_attention_heads, config.intermediate_size);
        if heads == 0 || width == 0 || !width.is_multiple_of(2 * heads) || config.num_hidden_layers > 256 {
            return Err(candle_core::Error::Msg(format!("{heads} heads do not part a width of {width}")));
        }
        if config.hidden_activation != "gelu" {
            let message = format!("the activation {:?} is not gelu", config.hidden_activation);
            return Err(candle_core::Error::Msg(message));
        }
        let key = "embeddings.tok_embeddings.weight";
        let prefix = tensors.keys().find_map(|name| name.strip_suffix(key)).unwrap_or_default().to_owned();
        let weights = Weights { tensors, prefix };
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for number in 0..config.num_hidden_layers {
            let at = |name: &str| format!("layers.{number}.{name}");
            let norm = |name: &str| weights.norm(&at(name), width, config.norm_eps);
            layers.push(Layer {
                before: if number == 0 { None } else { Some(norm("attn_norm")?) },
                attention: weights.loose(&at("attn.Wqkv"), width, 3 * width)?,
                out: weights.loose(&at("attn.Wo"), width, width)?,
                middle: norm("mlp_norm")?,
                wide: weights.loose(&at("mlp.Wi"), width, 2 * inner)?,
                narrow: weights.loose(&at("mlp.Wo"), inner, width)?,
                whole: config.whole(number),
            });
        }
        let parameters = parameters(tensors);
        Ok(Self {
            words: weights.rows(key, width)?,
            norm: weights.norm("embeddings.norm", width, config.norm_eps)?,
            last: weights.norm("final_norm", width, config.norm_eps)?,
            layers,
            facts: Facts { parameters, bytes: 4 * parameters },
            config,
        })
    }

    pub(crate) fn width(&self) -> usize {
        self.config.hidden_size
    }

    pub(crate) fn longest(&self) -> usize {
        self.config.max_position_embeddings
    }

    pub(crate) fn facts(&self) -> Facts {
        self.facts
    }

    /// The last layer's states of a batch: texts x tokens x width, where shorter texts are padded at the end.
    ///
    /// # Errors
    /// Where a token is not in the vocabulary.
    pub(crate) fn states(&self, batch: &[&[u32]]) -> Result<Tensor> {
        let (rows, tokens) = (batch.len(), batch.iter().map(|ids| ids.len()).max().unwrap_or(0));
        let width = self.config.hidden_size;
        let ids = padded(batch, tokens, self.config.pad_token_id)?;
        let mut x = self.norm.forward(&self.words.index_select(&ids, 0)?)?;
        let padding = padding(batch, tokens)?;
        let window = window_mask(tokens, self.config.local_attention / 2)?;
        let near = match (&padding, window) {
            (Some(padding), Some(window)) => Some(padding.broadcast_add(&window)?),
            (None, window) => window,
            (Some(padding), None) => Some(padding.clone()),
        };
        let size = width / self.config.num_attention_heads;
        let turns = [false, true].map(|whole| rotations(tokens, size, self.config.theta(whole)));
        let [near_turns, whole_turns] = turns;
        let (near_turns, whole_turns) = (near_turns?, whole_turns?);
        for layer in &self.layers {
            let (mask, turns) = if layer.whole { (&padding, &whole_turns) } else { (&near, &near_turns) };
            let shape = (rows, tokens, self.config.num_attention_heads, size);
            x = layer.forward(&x, mask.as_ref(), turns, shape)?;
        }
        self.last.forward(&x)?.reshape((rows, tokens, width))
    }
}

/// Minus "infinity" where two places are further apart than the window reaches; `None` where none are.
fn window_mask(tokens: usize, reach: usize) -> Result<Option<Tensor>> {
    if tokens <= reach + 1 {
        return Ok(None);
    }
    let cell = |at: usize| if (at / tokens).abs_diff(at % tokens) <= reach { 0.0 } else { f32::MIN };
    let cells: Vec<f32> = (0..tokens * tokens).map(cell).collect();
    Tensor::from_vec(cells, (1, 1, tokens, tokens), &Device::Cpu).map(Some)
}

/// Cosines and sines of rotary positions (Su et al. 2021): tokens x half of a head's size.
fn rotations(tokens: usize, size: usize, theta: f32) -> Result<(Tensor, Tensor)> {
    let turns: Vec<f32> = (0..tokens)
        .flat_map(|at| (0..size / 2).map(move |i| at as f32 / theta.powf(2.0 * i as f32 / size as f32)))
        .collect();
    let turns = Tensor::from_vec(turns, (tokens, size / 2), &Device::Cpu)?;
    Ok((turns.cos()?, turns.sin()?))
}

impl Layer {
    /// `x` is (rows x tokens) x width.
    fn forward(
        &self,
        x: &Tensor,
        mask: Option<&Tensor>,
        (cosines, sines): &(Tensor, Tensor),
        (rows, tokens, heads, size): (usize, usize, usize, usize),
    ) -> Result<Tensor> {
        let normed = self.before.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(x))?;
        let all = self.attention.forward(&normed)?.reshape((rows, tokens, 3, heads, size))?;
        let part = |at: usize| all.narrow(2, at, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        let (query, key) = (rope(&part(0)?, cosines, sines)?, rope(&part(1)?, cosines, sines)?);
        let scale = 1.0 / (size as f64).sqrt();
        let mut weights = (query * scale)?.matmul(&key.t()?)?;
        if let Some(mask) = mask {
            weights = weights.broadcast_add(mask)?;
        }
        let mixed = softmax_last_dim(&weights)?.matmul(&part(2)?)?;
        let mixed = mixed.transpose(1, 2)?.reshape((rows * tokens, heads * size))?;
        let x = (self.out.forward(&mixed)? + x)?;
        let wide = self.wide.forward(&self.middle.forward(&x)?)?;
        let inner = wide.dim(1)? / 2;
        let gated = (gelu(&wide.narrow(1, 0, inner)?)? * wide.narrow(1, inner, inner)?)?;
        self.narrow.forward(&gated)? + x
    }
}
