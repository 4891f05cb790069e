//! The layers of encoder and decoder: attention, and what stands around it. Norms come behind what they norm.

use candle_core::{D, Device, Tensor};

use crate::encoder::layers::{Linear, Norm, Result, Weights};
use crate::ops::{add, gelu, softmax};

/// The smallest number that is added to a variance, as in PyTorch.
const EPS: f64 = 1e-5;

/// Keys and values: texts (or series) x heads x tokens x size.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) keys: Tensor,
    pub(crate) values: Tensor,
}

impl Known {
    /// With further tokens.
    pub(crate) fn and(&self, more: &Self) -> Result<Self> {
        let joined = |a: &Tensor, b: &Tensor| Tensor::cat(&[a, b], 2);
        Ok(Self { keys: joined(&self.keys, &more.keys)?, values: joined(&self.values, &more.values)? })
    }

    /// Of these texts, in this order.
    pub(super) fn of(&self, texts: &Tensor) -> Result<Self> {
        Ok(Self { keys: self.keys.index_select(texts, 0)?, values: self.values.index_select(texts, 0)? })
    }
}

/// What of the other tokens a token looks at.
#[derive(Clone)]
pub(super) enum Sight {
    /// As many as each text has.
    Lengths(Vec<usize>),
    /// Those before it, and itself.
    Before,
}

#[derive(Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

impl Attention {
    fn new(weights: &Weights<'_>, name: &str, width: usize, heads: usize) -> Result<Self> {
        let part = |part: &str| weights.linear(&format!("{name}.{part}"), width, width);
        let (query, key) = (part("q_proj")?, part("k_proj")?);
        Ok(Self { query, key, value: part("v_proj")?, output: part("out_proj")?, heads })
    }

    /// `x` is texts x tokens x width.
    fn part(&self, of: &Linear, x: &Tensor) -> Result<Tensor> {
        let (texts, tokens, width) = x.dims3()?;
        let x = of.forward(&x.reshape((texts * tokens, width))?)?;
        x.reshape((texts, tokens, self.heads, width / self.heads))?.transpose(1, 2)?.contiguous()
    }

    fn known(&self, x: &Tensor) -> Result<Known> {
        Ok(Known { keys: self.part(&self.key, x)?, values: self.part(&self.value, x)? })
    }

    fn forward(&self, x: &Tensor, known: &Known, sight: &Sight) -> Result<Tensor> {
        let (texts, tokens, width) = x.dims3()?;
        let scale = ((width / self.heads) as f64).powf(-0.5);
        let query = (self.part(&self.query, x)? * scale)?;
        let scores = query.matmul(&known.keys.t()?.contiguous()?)?;
        let others = scores.dim(D::Minus1)?;
        let shares = match sight {
            Sight::Lengths(lengths) => softmax(&scores, lengths.clone())?,
            Sight::Before => softmax(&scores.broadcast_add(&behind(tokens, others)?)?, vec![others; texts])?,
        };
        let mixed = shares.matmul(&known.values)?.transpose(1, 2)?.reshape((texts * tokens, width))?;
        self.output.forward(&mixed)?.reshape((texts, tokens, width))
    }
}

/// What is added to scores so that no token sees those behind it: tokens x others, where the last token is the last of the others.
fn behind(tokens: usize, others: usize) -> Result<Tensor> {
    let first = others - tokens;
    let cell = |at: usize| if at % others > first + at / others { -1e9_f32 } else { 0.0 };
    Tensor::from_vec((0..tokens * others).map(cell).collect(), (tokens, others), &Device::Cpu)
}

/// What follows the first of the two layers between attentions.
#[derive(Debug, Clone, Copy)]
enum Act {
    Swish,
    Relu,
    Gelu,
}

#[derive(Debug)]
struct Inner {
    up: Linear,
    down: Linear,
    act: Act,
}

impl Inner {
    fn new(weights: &Weights<'_>, name: &str, (width, inner): (usize, usize), act: &str) -> Result<Self> {
        let act = match act {
            "relu" => Act::Relu,
            "gelu" => Act::Gelu,
            _ => Act::Swish,
        };
        let up = weights.linear(&format!("{name}.fc1"), width, inner)?;
        Ok(Self { up, down: weights.linear(&format!("{name}.fc2"), inner, width)?, act })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (texts, tokens, width) = x.dims3()?;
        let inner = self.up.forward(&x.reshape((texts * tokens, width))?)?;
        let inner = match self.act {
            Act::Swish => inner.silu()?,
            Act::Relu => inner.relu()?,
            Act::Gelu => gelu(&inner)?,
        };
        self.down.forward(&inner)?.reshape((texts, tokens, width))
    }
}

/// What a layer is made of, besides its name.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) inner: usize,
    pub(super) act: &'a str,
}

/// A norm of what was added to what was there.
fn normed(norm: &Norm, x: &Tensor, more: &Tensor) -> Result<Tensor> {
    let dims = x.dims3()?;
    norm.forward(&add(x, more)?.reshape((dims.0 * dims.1, dims.2))?)?.reshape(dims)
}

#[derive(Debug)]
pub(super) struct EncoderLayer {
    attention: Attention,
    attention_norm: Norm,
    inner: Inner,
    norm: Norm,
}

impl EncoderLayer {
    pub(super) fn new(weights: &Weights<'_>, name: &str, shape: Shape<'_>) -> Result<Self> {
        let norm = |norm: &str| weights.norm(&format!("{name}.{norm}"), shape.width, EPS);
        Ok(Self {
            attention: Attention::new(weights, &format!("{name}.self_attn"), shape.width, shape.heads)?,
            attention_norm: norm("self_attn_layer_norm")?,
            inner: Inner::new(weights, name, (shape.width, shape.inner), shape.act)?,
            norm: norm("final_layer_norm")?,
        })
    }

    /// `x` is texts x tokens x width, shorter texts filled up at the end.
    pub(super) fn forward(&self, x: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let sight = Sight::Lengths(lengths.to_vec());
        let mixed = self.attention.forward(x, &self.attention.known(x)?, &sight)?;
        let x = normed(&self.attention_norm, x, &mixed)?;
        normed(&self.norm, &x, &self.inner.forward(&x)?)
    }
}

#[derive(Debug)]
pub(super) struct DecoderLayer {
    own: Attention,
    own_norm: Norm,
    source: Attention,
    source_norm: Norm,
    inner: Inner,
    norm: Norm,
}

impl DecoderLayer {
    pub(super) fn new(weights: &Weights<'_>, name: &str, shape: Shape<'_>) -> Result<Self> {
        let norm = |norm: &str| weights.norm(&format!("{name}.{norm}"), shape.width, EPS);
        let attention =
            |part: &str| Attention::new(weights, &format!("{name}.{part}"), shape.width, shape.heads);
        Ok(Self {
            own: attention("self_attn")?,
            own_norm: norm("self_attn_layer_norm")?,
            source: attention("encoder_attn")?,
            source_norm: norm("encoder_attn_layer_norm")?,
            inner: Inner::new(weights, name, (shape.width, shape.inner), shape.act)?,
            norm: norm("final_layer_norm")?,
        })
    }

    /// What the decoder reads of the source's states.
    pub(super) fn read(&self, states: &Tensor) -> Result<Known> {
        self.source.known(states)
    }

    /// One further token of each text: `x` is texts x 1 x width. All texts have the one source.
    pub(super) fn step(&self, x: &Tensor, before: Option<&Known>, source: &Known) -> Result<(Tensor, Known)> {
        let own = self.own.known(x)?;
        let own = before.map_or_else(|| Ok(own.clone()), |before| before.and(&own))?;
        let (texts, _, width) = x.dims3()?;
        let tokens = own.keys.dim(2)?;
        let mixed = self.own.forward(x, &own, &Sight::Lengths(vec![tokens; texts]))?;
        let x = normed(&self.own_norm, x, &mixed)?;
        // Texts of one source ask it as the tokens of one text would.
        let asked = x.reshape((1, texts, width))?;
        let tokens = source.keys.dim(2)?;
        let mixed = self.source.forward(&asked, source, &Sight::Lengths(vec![tokens]))?;
        let x = normed(&self.source_norm, &x, &mixed.reshape((texts, 1, width))?)?;
        Ok((normed(&self.norm, &x, &self.inner.forward(&x)?)?, own))
    }

    /// All tokens of texts at once, each of which sees those before it: `x` is texts x tokens x width, and sources have these lengths.
    pub(super) fn forward(&self, x: &Tensor, source: &Known, lengths: &[usize]) -> Result<Tensor> {
        let mixed = self.own.forward(x, &self.own.known(x)?, &Sight::Before)?;
        let x = normed(&self.own_norm, x, &mixed)?;
        let mixed = self.source.forward(&x, source, &Sight::Lengths(lengths.to_vec()))?;
        let x = normed(&self.source_norm, &x, &mixed)?;
        normed(&self.norm, &x, &self.inner.forward(&x)?)
    }
}
