//! ModernBERT (Warner et al. 2024): norms before the layers, rotary positions, gated units, and attention that
//! reaches over the whole text in one layer of three and over a window in the others.

use std::collections::{BTreeSet, HashMap};

use candle_core::{Device, Tensor};
use ordinate_core::task::Precision;
use serde::Deserialize;

use crate::encoder::layers::{Linear, Norm, Result, Weights, padded, padding, parameters};
use crate::model::Facts;
use crate::ops::{Pairs, gelu, rope, softmax};

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
    fn is_global(&self, layer: usize) -> bool {
        match &self.layer_types {
            Some(types) => types.get(layer).is_some_and(|kind| kind == "full_attention"),
            None => layer.is_multiple_of(self.global_attn_every_n_layers.max(1)),
        }
    }

    fn theta(&self, global: bool) -> f32 {
        match (&self.rope_parameters, global) {
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
    final_norm: Norm,
    /// The names of its tensors.
    names: BTreeSet<String>,
    facts: Facts,
}

#[derive(Debug)]
struct Layer {
    /// The first layer has none: the embeddings were normed.
    attention_norm: Option<Norm>,
    /// Query, key and value side by side, as files have them.
    qkv: Linear,
    output: Linear,
    mlp_norm: Norm,
    /// What is gated, and the gate, side by side.
    up_proj: Linear,
    down_proj: Linear,
    /// Whether attention reaches over the whole text.
    global: bool,
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
        let weights = Weights::new(tensors, key);
        let mut layers = Vec::with_capacity(config.num_hidden_layers);
        for number in 0..config.num_hidden_layers {
            let at = |name: &str| format!("layers.{number}.{name}");
            let norm = |name: &str| weights.norm(&at(name), width, config.norm_eps);
            layers.push(Layer {
                attention_norm: if number == 0 { None } else { Some(norm("attn_norm")?) },
                qkv: weights.loose(&at("attn.Wqkv"), width, 3 * width)?,
                output: weights.loose(&at("attn.Wo"), width, width)?,
                mlp_norm: norm("mlp_norm")?,
                up_proj: weights.loose(&at("mlp.Wi"), width, 2 * inner)?,
                down_proj: weights.loose(&at("mlp.Wo"), inner, width)?,
                global: config.is_global(number),
            });
        }
        let parameters = parameters(tensors);
        Ok(Self {
            words: weights.rows(key, width)?,
            norm: weights.norm("embeddings.norm", width, config.norm_eps)?,
            final_norm: weights.norm("final_norm", width, config.norm_eps)?,
            names: weights.used(),
            layers,
            facts: Facts { parameters, bytes: 4 * parameters },
            config,
        })
    }

    /// Holds the weights of its layers so from now on.
    pub(crate) fn hold(&mut self, precision: Precision) -> Result<()> {
        for layer in &mut self.layers {
            let Layer { qkv, output, up_proj, down_proj, .. } = layer;
            for one in [qkv, output, up_proj, down_proj] {
                self.facts.bytes -= one.hold(precision)?;
            }
        }
        Ok(())
    }

    pub(crate) fn width(&self) -> usize {
        self.config.hidden_size
    }

    pub(crate) fn longest(&self) -> usize {
        self.config.max_position_embeddings
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
    /// Where a token is not in the vocabulary.
    pub(crate) fn states(&self, batch: &[&[u32]]) -> Result<Tensor> {
        let (rows, tokens) = (batch.len(), batch.iter().map(|ids| ids.len()).max().unwrap_or(0));
        let width = self.config.hidden_size;
        let ids = padded(batch, tokens, self.config.pad_token_id)?;
        let mut x = self.norm.forward(&self.words.index_select(&ids, 0)?)?;
        let padding = padding(batch, tokens)?;
        let window = window_mask(tokens, self.config.local_attention / 2)?;
        let local = match (&padding, window) {
            (Some(padding), Some(window)) => Some(padding.broadcast_add(&window)?),
            (None, window) => window,
            (Some(padding), None) => Some(padding.clone()),
        };
        let size = width / self.config.num_attention_heads;
        let rotary = |global: bool| rotations(tokens, size, self.config.theta(global));
        let (local_rotary, global_rotary) = (rotary(false)?, rotary(true)?);
        for layer in &self.layers {
            let (mask, rotary) =
                if layer.global { (&padding, &global_rotary) } else { (&local, &local_rotary) };
            let shape = (rows, tokens, self.config.num_attention_heads, size);
            x = layer.forward(&x, mask.as_ref(), rotary, shape)?;
        }
        self.final_norm.forward(&x)?.reshape((rows, tokens, width))
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
    let angles: Vec<f32> = (0..tokens)
        .flat_map(|at| (0..size / 2).map(move |i| at as f32 / theta.powf(2.0 * i as f32 / size as f32)))
        .collect();
    let angles = Tensor::from_vec(angles, (tokens, size / 2), &Device::Cpu)?;
    Ok((angles.cos()?, angles.sin()?))
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
        let normed = self.attention_norm.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(x))?;
        let all = self.qkv.forward(&normed)?.reshape((rows, tokens, 3, heads, size))?;
        let part = |at: usize| all.narrow(2, at, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        let rotated = |at: usize| rope(&part(at)?, cosines, sines, Pairs::Halves);
        let (query, key) = (rotated(0)?, rotated(1)?);
        let scale = 1.0 / (size as f64).sqrt();
        let mut weights = (query * scale)?.matmul(&key.t()?)?;
        if let Some(mask) = mask {
            weights = weights.broadcast_add(mask)?;
        }
        let mixed = softmax(&weights, vec![tokens; rows])?.matmul(&part(2)?)?;
        let mixed = mixed.transpose(1, 2)?.reshape((rows * tokens, heads * size))?;
        let x = (self.output.forward(&mixed)? + x)?;
        let both = self.up_proj.forward(&self.mlp_norm.forward(&x)?)?;
        let inner = both.dim(1)? / 2;
        let gated = (gelu(&both.narrow(1, 0, inner)?)? * both.narrow(1, inner, inner)?)?;
        self.down_proj.forward(&gated)? + x
    }
}
