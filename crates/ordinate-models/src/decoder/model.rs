//! The decoder of Llama and its kin: one definition. What differs between them is a handful of switches (see
//! [`Architecture`]), and where the tensors come from ([`Weights`]). It runs one text at a time, with a cache.

use candle_core::{Device, Tensor};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};

use super::config::{Architecture, Config};
use super::weights::{Linear, Weights, plain};
use crate::error::ModelError;
use crate::model::Facts;

type Result<T> = candle_core::Result<T>;

/// Tokens that go through the layers together: bounds the memory of attention over long prompts.
const CHUNK: usize = 256;

/// A decoder's layers.
#[derive(Debug)]
pub struct Decoder {
    config: Config,
    embedding: Linear,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Linear,
    frequencies: Vec<f32>,
    /// Whether neighbouring dimensions rotate together, instead of those half a head apart.
    paired: bool,
    facts: Facts,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    attention: Fan,
    head_norms: Option<(Tensor, Tensor)>,
    out: Linear,
    wide_norm: Tensor,
    wide: Fan,
    narrow: Linear,
    window: Option<usize>,
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

/// Keys and values of the tokens so far: what makes the next token cheap.
#[derive(Debug, Default)]
pub struct Cache {
    /// Key-value heads x room x size of a head.
    layers: Vec<Option<(Tensor, Tensor)>>,
    tokens: usize,
}

impl Cache {
    /// Tokens that it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Forgets all tokens but the first ones.
    pub fn truncate(&mut self, tokens: usize) {
        self.tokens = self.tokens.min(tokens);
    }

    /// Keys and values of the layer, with these new ones behind.
    fn extended(&mut self, layer: usize, key: &Tensor, value: &Tensor) -> Result<(Tensor, Tensor)> {
        let (heads, new, size) = key.dims3()?;
        let whole = self.tokens + new;
        if self.layers.len() <= layer {
            self.layers.resize(layer + 1, None);
        }
        let slot = &mut self.layers[layer];
        let (keys, values) = match slot.take() {
            Some((keys, values)) if keys.dim(1)? >= whole => (keys, values),
            old => {
                // Twice the room, so that growing costs little over all.
                let room = (2 * whole).max(64);
                let grown = |old: Option<&Tensor>| -> Result<Tensor> {
                    let room = Tensor::zeros((heads, room, size), key.dtype(), key.device())?;
                    if let Some(old) = old {
                        room.slice_set(&old.narrow(1, 0, self.tokens)?.contiguous()?, 1, 0)?;
                    }
                    Ok(room)
                };
                let old = old.filter(|_| self.tokens > 0);
                (grown(old.as_ref().map(|(keys, _)| keys))?, grown(old.as_ref().map(|(_, values)| values))?)
            }
        };
        keys.slice_set(&key.contiguous()?, 1, self.tokens)?;
        values.slice_set(&value.contiguous()?, 1, self.tokens)?;
        let seen = (keys.narrow(1, 0, whole)?, values.narrow(1, 0, whole)?);
        *slot = Some((keys, values));
        Ok(seen)
    }
}

/// Names of tensors: in safetensors, and in GGUF.
struct Names {
    gguf: bool,
}

impl Names {
    fn of(&self, layer: usize, safetensors: &str, gguf: &str) -> String {
        if self.gguf { format!("blk.{layer}.{gguf}") } else { format!("model.layers.{layer}.{safetensors}") }
    }

    fn embedding(&self) -> &'static str {
        if self.gguf { "token_embd" } else { "model.embed_tokens" }
    }

    fn norm(&self) -> &'static str {
        if self.gguf { "output_norm.weight" } else { "model.norm.weight" }
    }

    fn head(&self) -> &'static str {
        if self.gguf { "output" } else { "lm_head" }
    }
}

impl Decoder {
    /// Takes the tensors that the configuration asks for, and no others.
    ///
    /// # Errors
    /// [`ModelError::File`] where one is missing, of another shape, or one too many.
    pub(crate) fn new(config: Config, mut weights: Weights) -> std::result::Result<Self, ModelError> {
        let names = Names { gguf: weights.is_gguf() };
        let Config { architecture, hidden, wide, vocabulary, .. } = config;
        let fused = architecture == Architecture::Phi3;
        let own = config.heads * config.head;
        let shared = config.kv_heads * config.head;
        // GGUF files of Gemma have the 1 added already.
        let shifted = architecture == Architecture::Gemma && !names.gguf;
        let norm = |weights: &mut Weights, name: &str, size: usize| {
            let weight = weights.tensor(name, &[size])?;
            if shifted { (weight + 1.0).map_err(|error| failed(&error)) } else { Ok(weight) }
        };
        let embedding = weights.linear(names.embedding(), (vocabulary, hidden), Some(false))?;
        // Without room beforehand: a damaged file may say millions.
        let mut layers = Vec::new();
        for at in 0..config.layers {
            let name = |safetensors: &str, gguf: &str| names.of(at, safetensors, gguf);
            let biases = config.biases;
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
            let head_norms = if architecture == Architecture::Qwen3 {
                let mut of =
                    |safetensors: &str, gguf: &str| weights.tensor(&name(safetensors, gguf), &[config.head]);
                let query = of("self_attn.q_norm.weight", "attn_q_norm.weight")?;
                Some((query, of("self_attn.k_norm.weight", "attn_k_norm.weight")?))
            } else {
                None
            };
            let wide = if fused {
                let stem = name("mlp.gate_up_proj", "ffn_up");
                Fan::One(weights.linear(&stem, (2 * wide, hidden), Some(false))?, vec![wide, wide])
            } else {
                let gate = weights.linear(&name("mlp.gate_proj", "ffn_gate"), (wide, hidden), Some(false))?;
                let up = weights.linear(&name("mlp.up_proj", "ffn_up"), (wide, hidden), Some(false))?;
                Fan::Each(vec![gate, up])
            };
            // Llama with biases has one here too; Qwen2 has none.
            let out_bias = biases.map(|biases| biases && architecture == Architecture::Llama);
            layers.push(Layer {
                attention_norm: norm(
                    &mut weights,
                    &name("input_layernorm.weight", "attn_norm.weight"),
                    hidden,
                )?,
                attention,
                head_norms,
                out: weights.linear(&name("self_attn.o_proj", "attn_output"), (hidden, own), out_bias)?,
                wide_norm: norm(
                    &mut weights,
                    &name("post_attention_layernorm.weight", "ffn_norm.weight"),
                    hidden,
                )?,
                wide,
                narrow: weights.linear(
                    &name("mlp.down_proj", "ffn_down"),
                    (hidden, config.wide),
                    Some(false),
                )?,
                window: config.window(at),
            });
        }
        let last = norm(&mut weights, names.norm(), hidden)?;
        let head = if config.tied {
            embedding.again()
        } else {
            weights.linear(names.head(), (vocabulary, hidden), Some(false))?
        };
        let mut frequencies = config.frequencies();
        // Llama 3's stretching, as GGUF writes it down: a divisor for each frequency.
        if weights.has("rope_freqs.weight") {
            let divisors = weights.tensor("rope_freqs.weight", &[frequencies.len()])?;
            let divisors = divisors.to_vec1::<f32>().map_err(|error| failed(&error))?;
            frequencies.iter_mut().zip(divisors).for_each(|(frequency, by)| *frequency /= by);
        }
        let tied = config.tied;
        let (parameters, bytes) = weights
            .finish(|name| name.ends_with("rotary_emb.inv_freq") || tied && name == "lm_head.weight")?;
        Ok(Self {
            // GGUF files of Llama's architecture have the rows of queries and keys reordered for this.
            paired: names.gguf && architecture == Architecture::Llama,
            config,
            embedding,
            layers,
            norm: last,
            head,
            frequencies,
            facts: Facts { parameters, bytes },
        })
    }

    /// Its shape.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its size.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.facts
    }

    /// Reads tokens behind those of the cache. Gives the logits after each of the last `keep` of them: `keep` rows
    /// of the vocabulary's size.
    ///
    /// # Errors
    /// [`ModelError::Failed`] for tokens that are not in the vocabulary, or more of them than the model can hold.
    pub fn read(
        &self,
        tokens: &[u32],
        cache: &mut Cache,
        keep: usize,
    ) -> std::result::Result<Vec<Vec<f32>>, ModelError> {
        if let Some(token) = tokens.iter().find(|token| **token as usize >= self.config.vocabulary) {
            return Err(ModelError::Failed(format!(
                "token {token} is not among the model's {}: tokenizer and weights do not fit together",
                self.config.vocabulary
            )));
        }
        let whole = cache.len() + tokens.len();
        if tokens.is_empty() || whole > self.config.longest {
            return Err(ModelError::Failed(format!(
                "a text of {whole} tokens does not fit: the model holds from 1 to {}",
                self.config.longest
            )));
        }
        self.states(tokens, cache, keep.clamp(1, tokens.len()))
            .and_then(|states| self.head.forward(&states)?.to_vec2::<f32>())
            .map_err(|error| failed(&error))
    }

    /// The normed states of the last `keep` tokens.
    fn states(&self, tokens: &[u32], cache: &mut Cache, keep: usize) -> Result<Tensor> {
        let mut kept = Vec::new();
        let first = tokens.len() - keep;
        for (number, chunk) in tokens.chunks(CHUNK).enumerate() {
            let x = self.layered(chunk, cache)?;
            let skip = first.saturating_sub(number * CHUNK);
            if skip < chunk.len() {
                kept.push(x.narrow(0, skip, chunk.len() - skip)?);
            }
        }
        rms_norm(&Tensor::cat(&kept, 0)?.contiguous()?, &self.norm, self.config.eps)
    }

    fn layered(&self, tokens: &[u32], cache: &mut Cache) -> Result<Tensor> {
        let (start, new) = (cache.tokens, tokens.len());
        let mut x = self.embedding.rows(&Tensor::new(tokens, &Device::Cpu)?)?;
        if self.config.architecture == Architecture::Gemma {
            #[allow(clippy::cast_precision_loss)] // a width
            let scale = (self.config.hidden as f64).sqrt();
            x = (x * scale)?;
        }
        #[allow(clippy::cast_precision_loss)] // positions
        let angles = (start..start + new)
            .flat_map(|at| self.frequencies.iter().map(move |frequency| at as f32 * frequency))
            .collect::<Vec<_>>();
        let angles = Tensor::from_vec(angles, (new, self.frequencies.len()), &Device::Cpu)?;
        let turn = (angles.cos()?, angles.sin()?);
        for (at, layer) in self.layers.iter().enumerate() {
            x = self.layer(at, layer, &x, &turn, cache)?;
        }
        cache.tokens += new;
        Ok(x)
    }

    fn layer(
        &self,
        at: usize,
        layer: &Layer,
        x: &Tensor,
        turn: &(Tensor, Tensor),
        cache: &mut Cache,
    ) -> Result<Tensor> {
        let Config { heads, kv_heads, head, eps, .. } = self.config;
        let (start, new) = (cache.tokens, x.dim(0)?);
        let parts = layer.attention.forward(&rms_norm(x, &layer.attention_norm, eps)?)?;
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
        let norms = layer.head_norms.as_ref();
        let query = self.turned(&split(query, heads, norms.map(|(query, _)| query))?, turn)?;
        let key = self.turned(&split(key, kv_heads, norms.map(|(_, key)| key))?, turn)?;
        let (keys, values) = cache.extended(at, &key, &split(value, kv_heads, None)?)?;
        // Heads that share keys go as rows of one matrix: nothing is repeated.
        let share = heads / kv_heads;
        let query = query.reshape((kv_heads, share * new, head))?;
        #[allow(clippy::cast_precision_loss)] // a head's size
        let scale = 1.0 / (head as f64).sqrt();
        let mut weights = (query * scale)?.matmul(&keys.t()?)?;
        if let Some(mask) = mask(start, new, layer.window)? {
            let whole = start + new;
            weights = weights.reshape((kv_heads, share, new, whole))?.broadcast_add(&mask)?.reshape((
                kv_heads,
                share * new,
                whole,
            ))?;
        }
        let mixed = softmax_last_dim(&weights)?.matmul(&values)?;
        let mixed = mixed.reshape((heads, new, head))?.transpose(0, 1)?.reshape((new, heads * head))?;
        let x = (layer.out.forward(&mixed)? + x)?;
        let parts = layer.wide.forward(&rms_norm(&x, &layer.wide_norm, eps)?)?;
        let [gate, up] = parts.as_slice() else {
            return Err(candle_core::Error::Msg("the wide part has no two parts".to_owned()));
        };
        // `gelu` is candle's name for the approximation by tanh.
        let gate = if self.config.architecture == Architecture::Gemma { gate.gelu()? } else { silu(gate)? };
        layer.narrow.forward(&(gate * up)?)? + x
    }

    /// Heads x tokens x size, rotated by their positions.
    fn turned(&self, x: &Tensor, (cos, sin): &(Tensor, Tensor)) -> Result<Tensor> {
        let Config { head, rotary, .. } = self.config;
        let x = x.unsqueeze(0)?;
        let rotating = if rotary < head { x.narrow(3, 0, rotary)?.contiguous()? } else { x.clone() };
        let turned = if self.paired { rope_i(&rotating, cos, sin)? } else { rope(&rotating, cos, sin)? };
        if rotary == head {
            return turned.squeeze(0);
        }
        Tensor::cat(&[&turned, &x.narrow(3, rotary, head - rotary)?], 3)?.squeeze(0)
    }
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

fn failed(error: &candle_core::Error) -> ModelError {
    ModelError::Failed(plain(error))
}
