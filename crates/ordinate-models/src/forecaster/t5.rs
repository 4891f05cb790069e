//! The encoder and the decoder of T5 (Raffel et al. 2020), as `transformers` defines them: norms by the root mean square stand before
//! what they norm, scores are not scaled, and positions are known by a bias for each distance, which all layers of a stack share.
//!
//! What is masked is left out of what is given, and each token says where it stands: that is the same, and takes less.

use candle_core::{Device, Tensor};

use super::config::{Act, T5};
use crate::encoder::layers::{Linear, Result, Weights};
use crate::ops::{add, gelu, rms_norm, softmax};
use crate::seq2seq::layers::Known;

#[derive(Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
    size: usize,
}

impl Attention {
    fn new(weights: &Weights<'_>, name: &str, shape: &T5) -> Result<Self> {
        let (heads, size) = (shape.num_heads, shape.d_kv);
        let part = |part: &str| weights.loose(&format!("{name}.{part}"), shape.d_model, heads * size);
        Ok(Self {
            query: part("q")?,
            key: part("k")?,
            value: part("v")?,
            output: weights.loose(&format!("{name}.o"), heads * size, shape.d_model)?,
            heads,
            size,
        })
    }

    /// `x` is series x tokens x width.
    fn part(&self, of: &Linear, x: &Tensor) -> Result<Tensor> {
        let (series, tokens, _) = x.dims3()?;
        let x = flat(of, x)?;
        x.reshape((series, tokens, self.heads, self.size))?.transpose(1, 2)?.contiguous()
    }

    fn known(&self, x: &Tensor) -> Result<Known> {
        Ok(Known { keys: self.part(&self.key, x)?, values: self.part(&self.value, x)? })
    }

    /// `bias` is 1 x heads x tokens x others.
    fn forward(&self, x: &Tensor, known: &Known, bias: Option<&Tensor>) -> Result<Tensor> {
        let (series, tokens, _) = x.dims3()?;
        let scores = self.part(&self.query, x)?.matmul(&known.keys.t()?.contiguous()?)?;
        let scores = match bias {
            Some(bias) => scores.broadcast_add(bias)?,
            None => scores,
        };
        let others = known.keys.dim(2)?;
        let mixed = softmax(&scores, vec![others; series])?.matmul(&known.values)?.transpose(1, 2)?;
        flat(&self.output, &mixed.reshape((series, tokens, self.heads * self.size))?)
    }
}

/// A layer on every token of `x` (series x tokens x width).
pub(super) fn flat(layer: &Linear, x: &Tensor) -> Result<Tensor> {
    let (series, tokens, width) = x.dims3()?;
    layer.forward(&x.reshape((series * tokens, width))?)?.reshape((series, tokens, ()))
}

impl Act {
    /// Value by value.
    pub(super) fn of(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Relu => x.relu(),
            Self::Gelu => gelu(x),
            Self::GeluTanh => x.gelu(),
            Self::Silu => x.silu(),
        }
    }
}

#[derive(Debug)]
struct FeedForward {
    up: Linear,
    /// What is multiplied with what `up` gives, where there is a gate.
    gated: Option<Linear>,
    down: Linear,
    act: Act,
}

impl FeedForward {
    fn new(weights: &Weights<'_>, name: &str, shape: &T5) -> Result<Self> {
        let (width, inner) = (shape.d_model, shape.d_ff);
        let up = |part: &str| weights.loose(&format!("{name}.{part}"), width, inner);
        Ok(Self {
            up: up(if shape.is_gated() { "wi_0" } else { "wi" })?,
            gated: shape.is_gated().then(|| up("wi_1")).transpose()?,
            down: weights.loose(&format!("{name}.wo"), inner, width)?,
            act: shape.act().unwrap_or(Act::Relu),
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let inner = self.act.of(&flat(&self.up, x)?)?;
        let inner = match &self.gated {
            Some(gated) => (inner * flat(gated, x)?)?,
            None => inner,
        };
        flat(&self.down, &inner)
    }
}

/// What is added to scores for each distance between tokens.
#[derive(Debug)]
struct Bias {
    /// A row for each bucket of distances, a value for each head.
    table: Vec<Vec<f32>>,
    furthest: usize,
    /// Whether tokens look at those behind them too.
    both_ways: bool,
}

impl Bias {
    fn new(weights: &Weights<'_>, name: &str, shape: &T5, both_ways: bool) -> Result<Self> {
        let name = format!("{name}.relative_attention_bias.weight");
        let table = weights.get(&name, &[shape.relative_attention_num_buckets, shape.num_heads])?;
        Ok(Self { table: table.to_vec2()?, furthest: shape.relative_attention_max_distance, both_ways })
    }

    /// Of tokens that stand at `at`, looking at those at `others`: 1 x heads x tokens x others.
    fn of(&self, at: &[usize], others: &[usize]) -> Result<Tensor> {
        let heads = self.table.first().map_or(0, Vec::len);
        let mut cells = vec![0.0_f32; heads * at.len() * others.len()];
        for (row, &from) in at.iter().enumerate() {
            for (column, &to) in others.iter().enumerate() {
                let distance = to as i64 - from as i64;
                let bucket = bucket(distance, self.both_ways, self.table.len(), self.furthest);
                for (head, value) in self.table[bucket].iter().enumerate() {
                    cells[(head * at.len() + row) * others.len() + column] = *value;
                }
            }
        }
        Tensor::from_vec(cells, (1, heads, at.len(), others.len()), &Device::Cpu)
    }
}

/// The bucket of a distance (that of the other token, less one's own): near ones have their own, further ones share one with those
/// that are about as far, on a logarithmic scale up to `furthest`. As `T5Attention._relative_position_bucket` of `transformers` has it,
/// whose logarithms are of 32 bits.
pub(super) fn bucket(distance: i64, both_ways: bool, buckets: usize, furthest: usize) -> usize {
    let (first, buckets, distance) = match both_ways {
        true => (if distance > 0 { buckets / 2 } else { 0 }, buckets / 2, distance.unsigned_abs()),
        false => (0, buckets, distance.min(0).unsigned_abs()),
    };
    let distance = usize::try_from(distance).unwrap_or(usize::MAX);
    let exact = buckets / 2;
    if distance < exact {
        return first + distance;
    }
    let share = (distance as f32 / exact as f32).ln() / (furthest as f64 / exact as f64).ln() as f32;
    let far = exact + (share * (buckets - exact) as f32) as usize;
    first + far.min(buckets - 1)
}

#[derive(Debug)]
struct Block {
    own_norm: Tensor,
    own: Attention,
    /// What it reads of the encoder, in a decoder.
    source: Option<(Tensor, Attention)>,
    inner_norm: Tensor,
    inner: FeedForward,
}

/// A stack of layers, and the norm behind them.
#[derive(Debug)]
pub(super) struct Stack {
    blocks: Vec<Block>,
    bias: Bias,
    norm: Tensor,
    epsilon: f32,
}

impl Stack {
    /// `name` is `encoder` or `decoder`.
    pub(super) fn new(weights: &Weights<'_>, name: &str, shape: &T5) -> Result<Self> {
        let writes = name == "decoder";
        let norm = |name: &str| weights.get(&format!("{name}.weight"), &[shape.d_model]);
        let block = |at: usize| {
            let layer = |place: usize| format!("{name}.block.{at}.layer.{place}");
            let own = layer(0);
            let source = || {
                let source = layer(1);
                let attention = Attention::new(weights, &format!("{source}.EncDecAttention"), shape)?;
                Ok::<_, candle_core::Error>((norm(&format!("{source}.layer_norm"))?, attention))
            };
            let last = layer(if writes { 2 } else { 1 });
            Ok::<_, candle_core::Error>(Block {
                own_norm: norm(&format!("{own}.layer_norm"))?,
                own: Attention::new(weights, &format!("{own}.SelfAttention"), shape)?,
                source: writes.then(source).transpose()?,
                inner_norm: norm(&format!("{last}.layer_norm"))?,
                inner: FeedForward::new(weights, &format!("{last}.DenseReluDense"), shape)?,
            })
        };
        let layers = if writes { shape.decoder_layers() } else { shape.num_layers };
        Ok(Self {
            blocks: (0..layers).map(block).collect::<Result<_>>()?,
            bias: Bias::new(weights, &format!("{name}.block.0.layer.0.SelfAttention"), shape, !writes)?,
            norm: norm(&format!("{name}.final_layer_norm"))?,
            epsilon: shape.layer_norm_epsilon as f32,
        })
    }

    fn normed(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        rms_norm(x, weight, self.epsilon)
    }

    /// The states of tokens that stand at these places and all look at each other: `x` is series x tokens x width.
    pub(super) fn states(&self, x: &Tensor, places: &[usize]) -> Result<Tensor> {
        let bias = self.bias.of(places, places)?;
        let mut x = x.clone();
        for block in &self.blocks {
            let normed = self.normed(&x, &block.own_norm)?;
            x = add(&x, &block.own.forward(&normed, &block.own.known(&normed)?, Some(&bias))?)?;
            x = add(&x, &block.inner.forward(&self.normed(&x, &block.inner_norm)?)?)?;
        }
        self.normed(&x, &self.norm)
    }

    /// What each layer reads of the encoder's states: of one source for all that is written, or of one for each.
    pub(super) fn read(&self, states: &Tensor) -> Result<Vec<Known>> {
        let known = |block: &Block| Some(block.source.as_ref()?.1.known(states));
        self.blocks.iter().filter_map(known).collect()
    }

    /// The states of one further token each, at place `at` of all: `x` is series x 1 x width. `before` holds what each layer keeps of
    /// the tokens before, and `source` what it reads of the encoder.
    pub(super) fn step(
        &self,
        x: &Tensor,
        at: usize,
        before: &mut Vec<Known>,
        source: &[Known],
    ) -> Result<Tensor> {
        let (series, _, width) = x.dims3()?;
        let bias = self.bias.of(&[at], &(0..=at).collect::<Vec<_>>())?;
        let mut x = x.clone();
        for (place, (block, source)) in self.blocks.iter().zip(source).enumerate() {
            let normed = self.normed(&x, &block.own_norm)?;
            let mut own = block.own.known(&normed)?;
            if let Some(before) = before.get(place) {
                own = before.and(&own)?;
            }
            x = add(&x, &block.own.forward(&normed, &own, Some(&bias))?)?;
            match before.get_mut(place) {
                Some(before) => *before = own,
                None => before.push(own),
            }
            if let Some((norm, attention)) = &block.source {
                let normed = self.normed(&x, norm)?;
                // What is written of one source asks it as the tokens of one text would.
                let asked = match source.keys.dim(0)? == series {
                    true => normed,
                    false => normed.reshape((1, series, width))?,
                };
                let mixed = attention.forward(&asked, source, None)?;
                x = add(&x, &mixed.reshape((series, 1, width))?)?;
            }
            x = add(&x, &block.inner.forward(&self.normed(&x, &block.inner_norm)?)?)?;
        }
        self.normed(&x, &self.norm)
    }
}
