//! One layer of a decoder: attention, and the gated feed-forward network.

use candle_core::{Device, Tensor};
use candle_nn::ops::silu;

use super::branches::Branches;
use super::cache::Cache;
use super::config::{Architecture, Config};
use super::linear::Linear;
use super::names::Names;
use super::weights::{Weights, plain};
use crate::error::ModelError;
use crate::ops::{Pairs, rms_norm, rope, softmax};

type Result<T> = candle_core::Result<T>;

#[derive(Debug)]
pub(crate) struct Layer {
    attention_norm: Norm,
    qkv: Projections,
    /// Norms of queries and keys, a head at a time.
    head_norms: Option<(Norm, Norm)>,
    o_proj: Linear,
    mlp_norm: Norm,
    gate_up: Projections,
    down_proj: Linear,
    /// Norms of what attention and the feed-forward network made, before it is added.
    post_norms: Option<(Norm, Norm)>,
    sliding_window: Option<usize>,
    /// Whether positions rotate as in layers with a window.
    pub(crate) local_rope: bool,
    /// Which dimensions rotate together.
    pairs: Pairs,
}

/// Matrices with one input: each for itself, or fused into one.
#[derive(Debug)]
enum Projections {
    Separate(Vec<Linear>),
    Fused(Linear, Vec<usize>),
}

impl Projections {
    fn forward(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        match self {
            Self::Separate(all) => all.iter().map(|one| one.forward(x)).collect(),
            Self::Fused(one, sizes) => {
                let (all, mut start) = (one.forward(x)?, 0);
                let mut part = |size: &usize| {
                    start += size;
                    all.narrow(1, start - size, *size)?.contiguous()
                };
                sizes.iter().map(&mut part).collect()
            }
        }
    }
}

/// A norm by the root of the mean square.
#[derive(Debug)]
pub(crate) struct Norm {
    weight: Tensor,
    /// Safetensors of Gemma lack the 1 that GGUF files have added.
    lacks_one: bool,
    eps: f32,
}

impl Norm {
    /// Takes its weight.
    pub(crate) fn take(
        weights: &mut Weights,
        config: &Config,
        name: &str,
        size: usize,
    ) -> std::result::Result<Self, ModelError> {
        let lacks_one = config.architecture.is_gemma() && !weights.is_gguf();
        Ok(Self { weight: weights.tensor(name, &[size])?, lacks_one, eps: config.eps })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if self.lacks_one {
            return rms_norm(x, &(&self.weight + 1.0)?, self.eps);
        }
        rms_norm(x, &self.weight, self.eps)
    }
}

/// What tokens see besides themselves.
pub(crate) enum Seen<'a> {
    /// What was read before, and what stands before them.
    Before(&'a mut Cache),
    /// Of their own texts, which begin alike, what stands before them.
    Branches(&'a Branches),
}

impl Seen<'_> {
    /// The same for one layer.
    pub(crate) fn again(&mut self) -> Seen<'_> {
        match self {
            Self::Before(cache) => Seen::Before(cache),
            Self::Branches(branches) => Seen::Branches(branches),
        }
    }
}

impl Layer {
    /// Takes its tensors.
    ///
    /// # Errors
    /// [`ModelError::File`] where one is missing or of another shape.
    pub(crate) fn take(
        weights: &mut Weights,
        names: &Names,
        config: &Config,
        at: usize,
    ) -> std::result::Result<Self, ModelError> {
        let name = |safetensors: &str, gguf: &str| names.layer(at, safetensors, gguf);
        let Config { architecture, hidden, intermediate, biases, .. } = *config;
        let (own, shared) = (config.heads * config.head, config.kv_heads * config.head);
        let fused = architecture == Architecture::Phi3;
        let qkv = if fused {
            let stem = name("self_attn.qkv_proj", "attn_qkv");
            let size = own + 2 * shared;
            Projections::Fused(weights.linear(&stem, (size, hidden), biases)?, vec![own, shared, shared])
        } else {
            let mut all = Vec::with_capacity(3);
            for (safetensors, gguf, size) in [
                ("self_attn.q_proj", "attn_q", own),
                ("self_attn.k_proj", "attn_k", shared),
                ("self_attn.v_proj", "attn_v", shared),
            ] {
                all.push(weights.linear(&name(safetensors, gguf), (size, hidden), biases)?);
            }
            Projections::Separate(all)
        };
        let mut pair = |[first, second]: [(&str, &str); 2], size: usize| {
            let first = Norm::take(weights, config, &name(first.0, first.1), size)?;
            Ok::<_, ModelError>((first, Norm::take(weights, config, &name(second.0, second.1), size)?))
        };
        let head_norms = if architecture.norms_heads() {
            let names = [
                ("self_attn.q_norm.weight", "attn_q_norm.weight"),
                ("self_attn.k_norm.weight", "attn_k_norm.weight"),
            ];
            Some(pair(names, config.head)?)
        } else {
            None
        };
        let post_norms = if architecture.has_post_norms() {
            let names = [
                ("post_attention_layernorm.weight", "post_attention_norm.weight"),
                ("post_feedforward_layernorm.weight", "post_ffw_norm.weight"),
            ];
            Some(pair(names, hidden)?)
        } else {
            None
        };
        let gate_up = if fused {
            let stem = name("mlp.gate_up_proj", "ffn_up");
            Projections::Fused(
                weights.linear(&stem, (2 * intermediate, hidden), Some(false))?,
                vec![intermediate, intermediate],
            )
        } else {
            let gate =
                weights.linear(&name("mlp.gate_proj", "ffn_gate"), (intermediate, hidden), Some(false))?;
            let up = weights.linear(&name("mlp.up_proj", "ffn_up"), (intermediate, hidden), Some(false))?;
            Projections::Separate(vec![gate, up])
        };
        // Llama and Gemma with biases have one here too; Qwen2 has none.
        let out_bias = biases.map(|biases| biases && architecture != Architecture::Qwen2);
        let attention_norm = name("input_layernorm.weight", "attn_norm.weight");
        Ok(Self {
            attention_norm: Norm::take(weights, config, &attention_norm, hidden)?,
            qkv,
            head_norms,
            o_proj: weights.linear(&name("self_attn.o_proj", "attn_output"), (hidden, own), out_bias)?,
            mlp_norm: Norm::take(weights, config, &names.mlp_norm(at), hidden)?,
            gate_up,
            down_proj: weights.linear(
                &name("mlp.down_proj", "ffn_down"),
                (hidden, intermediate),
                Some(false),
            )?,
            post_norms,
            sliding_window: config.window(at),
            local_rope: config.local_rope.is_some() && config.is_sliding(at),
            // GGUF files of Llama's architecture have the rows of queries and keys reordered for this.
            pairs: match names.gguf && architecture == Architecture::Llama {
                true => Pairs::Interleaved,
                false => Pairs::Halves,
            },
        })
    }

    /// The states after the layer, the `at`-th of its model. `rotary` has the cosines and sines of the new positions.
    /// Without a cache the tokens are those of branches, and the graph reaches every weight.
    pub(crate) fn forward(
        &self,
        at: usize,
        x: &Tensor,
        rotary: &(Tensor, Tensor),
        seen: Seen<'_>,
        config: &Config,
    ) -> Result<Tensor> {
        let post_norms = self.post_norms.as_ref();
        let attended = self.attend(at, &self.attention_norm.forward(x)?, rotary, seen, config)?;
        let attended = post_norms.map_or(Ok(attended.clone()), |(norm, _)| norm.forward(&attended))?;
        let x = (attended + x)?;
        let parts = self.gate_up.forward(&self.mlp_norm.forward(&x)?)?;
        let [gate, up] = parts.as_slice() else {
            return Err(candle_core::Error::Msg("the gate and what it gates are not two".to_owned()));
        };
        // `gelu` is candle's name for the approximation by tanh.
        let gate = if config.architecture.is_gemma() { gate.gelu()? } else { silu(gate)? };
        let made = self.down_proj.forward(&(gate * up)?)?;
        let made = post_norms.map_or(Ok(made.clone()), |(_, norm)| norm.forward(&made))?;
        made + x
    }

    fn attend(
        &self,
        at: usize,
        x: &Tensor,
        rotary: &(Tensor, Tensor),
        seen: Seen<'_>,
        config: &Config,
    ) -> Result<Tensor> {
        let Config { heads, kv_heads, head, .. } = *config;
        let new = x.dim(0)?;
        let parts = self.qkv.forward(x)?;
        let [query, key, value] = parts.as_slice() else {
            return Err(candle_core::Error::Msg("query, key and value are not three".to_owned()));
        };
        let split = |part: &Tensor, heads: usize, norm: Option<&Norm>| -> Result<Tensor> {
            let part = part.reshape((new, heads, head))?;
            let part = norm.map_or(Ok(part.clone()), |norm| norm.forward(&part))?;
            part.transpose(0, 1)?.contiguous()
        };
        let norms = self.head_norms.as_ref();
        let query = self.rotated(&split(query, heads, norms.map(|(query, _)| query))?, rotary, config)?;
        let key = self.rotated(&split(key, kv_heads, norms.map(|(_, key)| key))?, rotary, config)?;
        let value = split(value, kv_heads, None)?;
        let mask = match &seen {
            Seen::Before(cache) => mask(cache.len(), new, self.sliding_window)?,
            Seen::Branches(branches) => Some(branches.mask(self.sliding_window)?),
        };
        let (keys, values) = match seen {
            Seen::Before(cache) => cache.extended(at, &key, &value)?,
            Seen::Branches(_) => (key, value),
        };
        let whole = keys.dim(1)?;
        // Heads that share keys go as rows of one matrix: nothing is repeated.
        let share = heads / kv_heads;
        let query = query.reshape((kv_heads, share * new, head))?;
        let mut weights = (query * config.scale)?.matmul(&keys.t()?)?;
        if let Some(cap) = config.attention_softcap {
            weights = capped(&weights, cap)?;
        }
        let mut weights = weights.reshape((kv_heads, share, new, whole))?;
        if let Some(mask) = mask {
            weights = weights.broadcast_add(&mask)?;
        }
        let weights = softmax(&weights, vec![whole; kv_heads])?.reshape((kv_heads, share * new, whole))?;
        let mixed = weights.matmul(&values)?;
        let mixed = mixed.reshape((heads, new, head))?.transpose(0, 1)?.reshape((new, heads * head))?;
        self.o_proj.forward(&mixed)
    }

    /// Heads x tokens x size, rotated by their positions.
    fn rotated(&self, x: &Tensor, (cos, sin): &(Tensor, Tensor), config: &Config) -> Result<Tensor> {
        let Config { head, rotary, .. } = *config;
        let x = x.unsqueeze(0)?;
        let rotating = if rotary < head { x.narrow(3, 0, rotary)?.contiguous()? } else { x.clone() };
        let rotated = rope(&rotating, cos, sin, self.pairs)?;
        if rotary == head {
            return rotated.squeeze(0);
        }
        Tensor::cat(&[&rotated, &x.narrow(3, rotary, head - rotary)?], 3)?.squeeze(0)
    }
}

/// Squeezed between minus and plus the cap (Bello et al. 2016; Gemma 2).
pub(crate) fn capped(x: &Tensor, cap: f64) -> Result<Tensor> {
    (x / cap)?.tanh()? * cap
}

/// What new tokens may not look at: those behind them, and those further back than the window. `None` where that is
/// nothing.
fn mask(start: usize, new: usize, window: Option<usize>) -> Result<Option<Tensor>> {
    let whole = start + new;
    if new == 1 && window.is_none_or(|window| whole <= window) {
        return Ok(None);
    }
    let hidden = |row: usize, at: usize| {
        let place = start + row;
        at > place || window.is_some_and(|window| at + window <= place)
    };
    let cells: Vec<f32> = (0..new)
        .flat_map(|row| (0..whole).map(move |at| if hidden(row, at) { f32::NEG_INFINITY } else { 0.0 }))
        .collect();
    Tensor::from_vec(cells, (new, whole), &Device::Cpu).map(Some)
}

pub(crate) fn failed(error: &candle_core::Error) -> ModelError {
    ModelError::Failed(plain(error))
}
