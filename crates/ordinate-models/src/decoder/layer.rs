//! One layer of a decoder: attention, and the wide part.

use candle_core::{Device, Tensor};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};

use super::cache::Cache;
use super::config::{Architecture, Config};
use super::names::Names;
use super::weights::{Linear, Weights, plain};
use crate::error::ModelError;

type Result<T> = candle_core::Result<T>;

#[derive(Debug)]
pub(crate) struct Layer {
    attention_norm: Tensor,
    attention: Fan,
    head_norms: Option<(Tensor, Tensor)>,
    out: Linear,
    wide_norm: Tensor,
    wide: Fan,
    narrow: Linear,
    /// Norms behind attention and the wide part, before what they made is added.
    behind: Option<(Tensor, Tensor)>,
    window: Option<usize>,
    /// Whether it turns as layers with a window do.
    pub(crate) near: bool,
    /// Whether neighbouring dimensions rotate together, instead of those half a head apart.
    paired: bool,
}

/// Matrices with one input: each for itself, or all in one.
#[derive(Debug)]
enum Fan {
    Each(Vec<Linear>),
    One(Linear, Vec<usize>),
}

impl Fan {
    fn forward(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        match self {
            Self::Each(all) => all.iter().map(|one| one.forward(x)).collect(),
            Self::One(one, sizes) => {
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

/// The weight of a norm. Safetensors of Gemma lack the 1 that GGUF files have added.
pub(crate) fn norm(
    weights: &mut Weights,
    config: &Config,
    name: &str,
    size: usize,
) -> std::result::Result<Tensor, ModelError> {
    let shifted = config.architecture.is_gemma() && !weights.is_gguf();
    let weight = weights.tensor(name, &[size])?;
    if shifted { (weight + 1.0).map_err(|error| failed(&error)) } else { Ok(weight) }
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
        let Config { architecture, hidden, wide, biases, .. } = *config;
        let (own, shared) = (config.heads * config.head, config.kv_heads * config.head);
        let fused = architecture == Architecture::Phi3;
        let attention = if fused {
            let stem = name("self_attn.qkv_proj", "attn_qkv");
            let size = own + 2 * shared;
            Fan::One(weights.linear(&stem, (size, hidden), biases)?, vec![own, shared, shared])
        } else {
            let mut all = Vec::with_capacity(3);
            for (safetensors, gguf, size) in [
                ("self_attn.q_proj", "attn_q", own),
                ("self_attn.k_proj", "attn_k", shared),
                ("self_attn.v_proj", "attn_v", shared),
            ] {
                all.push(weights.linear(&name(safetensors, gguf), (size, hidden), biases)?);
            }
            Fan::Each(all)
        };
        let mut pair = |[first, second]: [(&str, &str); 2], size: usize| {
            let first = norm(weights, config, &name(first.0, first.1), size)?;
            Ok::<_, ModelError>((first, norm(weights, config, &name(second.0, second.1), size)?))
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
        let behind = if architecture.norms_behind() {
            let names = [
                ("post_attention_layernorm.weight", "post_attention_norm.weight"),
                ("post_feedforward_layernorm.weight", "post_ffw_norm.weight"),
            ];
            Some(pair(names, hidden)?)
        } else {
            None
        };
        let wide_part = if fused {
            let stem = name("mlp.gate_up_proj", "ffn_up");
            Fan::One(weights.linear(&stem, (2 * wide, hidden), Some(false))?, vec![wide, wide])
        } else {
            let gate = weights.linear(&name("mlp.gate_proj", "ffn_gate"), (wide, hidden), Some(false))?;
            let up = weights.linear(&name("mlp.up_proj", "ffn_up"), (wide, hidden), Some(false))?;
            Fan::Each(vec![gate, up])
        };
        // Llama and Gemma with biases have one here too; Qwen2 has none.
        let out_bias = biases.map(|biases| biases && architecture != Architecture::Qwen2);
        Ok(Self {
            attention_norm: norm(
                weights,
                config,
                &name("input_layernorm.weight", "attn_norm.weight"),
                hidden,
            )?,
            attention,
            head_norms,
            out: weights.linear(&name("self_attn.o_proj", "attn_output"), (hidden, own), out_bias)?,
            wide_norm: norm(weights, config, &names.wide_norm(at), hidden)?,
            wide: wide_part,
            narrow: weights.linear(&name("mlp.down_proj", "ffn_down"), (hidden, wide), Some(false))?,
            behind,
            window: config.window(at),
            near: config.near_rope.is_some() && config.is_near(at),
            // GGUF files of Llama's architecture have the rows of queries and keys reordered for this.
            paired: names.gguf && architecture == Architecture::Llama,
        })
    }

    /// The states after the layer, the `at`-th of its model. `turn` has the cosines and sines of the new positions.
    pub(crate) fn forward(
        &self,
        at: usize,
        x: &Tensor,
        turn: &(Tensor, Tensor),
        cache: &mut Cache,
        config: &Config,
    ) -> Result<Tensor> {
        let eps = config.eps;
        let mixed = self.attend(at, &rms_norm(x, &self.attention_norm, eps)?, turn, cache, config)?;
        let mixed = match &self.behind {
            Some((norm, _)) => rms_norm(&mixed, norm, eps)?,
            None => mixed,
        };
        let x = (mixed + x)?;
        let parts = self.wide.forward(&rms_norm(&x, &self.wide_norm, eps)?)?;
        let [gate, up] = parts.as_slice() else {
            return Err(candle_core::Error::Msg("the wide part has no two parts".to_owned()));
        };
        // `gelu` is candle's name for the approximation by tanh.
        let gate = if config.architecture.is_gemma() { gate.gelu()? } else { silu(gate)? };
        let made = self.narrow.forward(&(gate * up)?)?;
        let made = match &self.behind {
            Some((_, norm)) => rms_norm(&made, norm, eps)?,
            None => made,
        };
        made + x
    }

    fn attend(
        &self,
        at: usize,
        x: &Tensor,
        turn: &(Tensor, Tensor),
        cache: &mut Cache,
        config: &Config,
    ) -> Result<Tensor> {
        let Config { heads, kv_heads, head, eps, .. } = *config;
        let (start, new) = (cache.len(), x.dim(0)?);
        let parts = self.attention.forward(x)?;
        let [query, key, value] = parts.as_slice() else {
            return Err(candle_core::Error::Msg("attention has no three parts".to_owned()));
        };
        let split = |part: &Tensor, heads: usize, norm: Option<&Tensor>| -> Result<Tensor> {
            let part = part.reshape((new, heads, head))?;
            let part = match norm {
                Some(norm) => rms_norm(&part, norm, eps)?,
                None => part,
            };
            part.transpose(0, 1)?.contiguous()
        };
        let norms = self.head_norms.as_ref();
        let query = self.turned(&split(query, heads, norms.map(|(query, _)| query))?, turn, config)?;
        let key = self.turned(&split(key, kv_heads, norms.map(|(_, key)| key))?, turn, config)?;
        let (keys, values) = cache.extended(at, &key, &split(value, kv_heads, None)?)?;
        // Heads that share keys go as rows of one matrix: nothing is repeated.
        let share = heads / kv_heads;
        let query = query.reshape((kv_heads, share * new, head))?;
        let mut weights = (query * config.scale)?.matmul(&keys.t()?)?;
        if let Some(cap) = config.cap_attention {
            weights = capped(&weights, cap)?;
        }
        if let Some(mask) = mask(start, new, self.window)? {
            let whole = start + new;
            weights = weights.reshape((kv_heads, share, new, whole))?.broadcast_add(&mask)?.reshape((
                kv_heads,
                share * new,
                whole,
            ))?;
        }
        let mixed = softmax_last_dim(&weights)?.matmul(&values)?;
        let mixed = mixed.reshape((heads, new, head))?.transpose(0, 1)?.reshape((new, heads * head))?;
        self.out.forward(&mixed)
    }

    /// Heads x tokens x size, rotated by their positions.
    fn turned(&self, x: &Tensor, (cos, sin): &(Tensor, Tensor), config: &Config) -> Result<Tensor> {
        let Config { head, rotary, .. } = *config;
        let x = x.unsqueeze(0)?;
        let rotating = if rotary < head { x.narrow(3, 0, rotary)?.contiguous()? } else { x.clone() };
        let turned = if self.paired { rope_i(&rotating, cos, sin)? } else { rope(&rotating, cos, sin)? };
        if rotary == head {
            return turned.squeeze(0);
        }
        Tensor::cat(&[&turned, &x.narrow(3, rotary, head - rotary)?], 3)?.squeeze(0)
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
