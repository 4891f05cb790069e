//! Vision transformers (Dosovitskiy et al. 2021), as `transformers` and timm define them: patches of an image as tokens behind one that is
//! learned, whose last state is what the head reads.

use candle_core::{Result, Tensor};

use super::config::Vit as Shape;
use crate::encoder::layers::{Linear, Norm, Weights};
use crate::ops::{Window, add, gelu, linear, patches, softmax};

#[derive(Debug)]
struct Layer {
    attention_norm: Norm,
    /// Queries, keys and values.
    parts: [Linear; 3],
    output: Linear,
    norm: Norm,
    up: Linear,
    down: Linear,
}

/// A vision transformer.
#[derive(Debug)]
pub(super) struct Vit {
    /// Width x values of a patch: rows, columns and channels.
    patch: Tensor,
    patch_bias: Tensor,
    side: usize,
    /// 1 x 1 x width.
    first: Tensor,
    /// 1 x tokens x width.
    positions: Tensor,
    layers: Vec<Layer>,
    norm: Norm,
    heads: usize,
    pub(super) head: Option<Linear>,
    pub(super) channels: usize,
}

impl Vit {
    pub(super) fn new(weights: &Weights<'_>, shape: Shape) -> Result<Self> {
        let prefix = match weights.has("vit.embeddings.cls_token") {
            true => "vit.",
            false => "",
        };
        let name =
            |hub: &str, timm: &str| if shape.is_timm { timm.to_owned() } else { format!("{prefix}{hub}") };
        let patch = name("embeddings.patch_embeddings.projection", "patch_embed.proj");
        let kernel = format!("{patch}.weight");
        let (width, channels, side) =
            (weights.height(&kernel), weights.dimension(&kernel, 1), weights.dimension(&kernel, 2));
        if width == 0 || !width.is_multiple_of(shape.heads) || side == 0 {
            let problem = format!("{} heads do not part the width {width} of tensor {kernel}", shape.heads);
            return Err(candle_core::Error::Msg(problem));
        }
        let positions = name("embeddings.position_embeddings", "pos_embed");
        let places = weights.dimension(&positions, 1);
        let kernel = weights.get(&kernel, &[width, channels, side, side])?.permute((0, 2, 3, 1))?;
        let at = |at: usize| name(&format!("encoder.layer.{at}"), &format!("blocks.{at}"));
        let first_norm = if shape.is_timm { "norm1" } else { "layernorm_before" };
        let count =
            (0..).take_while(|layer| weights.has(&format!("{}.{first_norm}.weight", at(*layer)))).count();
        let layers =
            (0..count).map(|layer| Layer::new(weights, &at(layer), width, shape)).collect::<Result<_>>()?;
        let head = if shape.is_timm { "head" } else { "classifier" };
        let outputs = weights.height(&format!("{head}.weight"));
        let has_head = weights.has(&format!("{head}.weight"));
        Ok(Self {
            patch: kernel.reshape((width, side * side * channels))?,
            patch_bias: weights.get(&format!("{patch}.bias"), &[width])?,
            side,
            first: weights.get(&name("embeddings.cls_token", "cls_token"), &[1, 1, width])?,
            positions: weights.get(&positions, &[1, places, width])?,
            layers,
            norm: weights.norm(&name("layernorm", "norm"), width, shape.eps)?,
            heads: shape.heads,
            head: has_head.then(|| weights.linear(head, width, outputs)).transpose()?,
            channels,
        })
    }

    /// Values of a token.
    pub(super) fn width(&self) -> Result<usize> {
        self.patch.dim(0)
    }

    /// Whether it reads images of these sides.
    pub(super) fn fits(&self, (width, height): (u32, u32)) -> bool {
        let places = |side: u32| side as usize / self.side.max(1);
        self.positions.dim(1).is_ok_and(|tokens| tokens == places(width) * places(height) + 1)
    }

    /// The last state of the first token: images x width. `x` is images x rows x columns x channels.
    pub(super) fn features(&self, x: &Tensor) -> Result<Tensor> {
        let images = x.dim(0)?;
        let window = Window { side: self.side, stride: self.side, padding: 0 };
        let tokens = linear(&patches(x, window)?, &self.patch, Some(&self.patch_bias))?;
        let width = self.patch.dim(0)?;
        let tokens = tokens.reshape((images, (), width))?;
        let first = self.first.broadcast_as((images, 1, width))?;
        let mut x = Tensor::cat(&[&first.contiguous()?, &tokens], 1)?.broadcast_add(&self.positions)?;
        for layer in &self.layers {
            x = layer.forward(&x, self.heads)?;
        }
        self.norm.forward(&x.narrow(1, 0, 1)?.squeeze(1)?.contiguous()?)
    }
}

impl Layer {
    fn new(weights: &Weights<'_>, name: &str, width: usize, shape: Shape) -> Result<Self> {
        let own = |hub: &str, timm: &str| format!("{name}.{}", if shape.is_timm { timm } else { hub });
        let parts = match shape.is_timm {
            true => {
                let weight = weights.get(&format!("{name}.attn.qkv.weight"), &[3 * width, width])?;
                let bias = weights.get(&format!("{name}.attn.qkv.bias"), &[3 * width])?;
                let part = |at: usize| {
                    let rows = |of: &Tensor| of.narrow(0, at * width, width)?.contiguous();
                    Ok::<_, candle_core::Error>(Linear::new(rows(&weight)?, rows(&bias)?))
                };
                [part(0)?, part(1)?, part(2)?]
            }
            false => {
                let part =
                    |part: &str| weights.linear(&format!("{name}.attention.attention.{part}"), width, width);
                [part("query")?, part("key")?, part("value")?]
            }
        };
        let up = own("intermediate.dense", "mlp.fc1");
        let inner = weights.height(&format!("{up}.weight"));
        Ok(Self {
            attention_norm: weights.norm(&own("layernorm_before", "norm1"), width, shape.eps)?,
            parts,
            output: weights.linear(&own("attention.output.dense", "attn.proj"), width, width)?,
            norm: weights.norm(&own("layernorm_after", "norm2"), width, shape.eps)?,
            up: weights.linear(&up, width, inner)?,
            down: weights.linear(&own("output.dense", "mlp.fc2"), inner, width)?,
        })
    }

    fn forward(&self, x: &Tensor, heads: usize) -> Result<Tensor> {
        let (images, tokens, width) = x.dims3()?;
        let x = x.reshape((images * tokens, width))?;
        let normed = self.attention_norm.forward(&x)?;
        let size = width / heads;
        let part = |of: &Linear| {
            of.forward(&normed)?.reshape((images, tokens, heads, size))?.transpose(1, 2)?.contiguous()
        };
        let [query, key, value] = &self.parts;
        let scores = (part(query)?.matmul(&part(key)?.t()?.contiguous()?)? * (size as f64).powf(-0.5))?;
        let mixed = softmax(&scores, vec![tokens; images])?.matmul(&part(value)?)?;
        let mixed = mixed.transpose(1, 2)?.reshape((images * tokens, width))?;
        let x = add(&x, &self.output.forward(&mixed)?)?;
        let inner = gelu(&self.up.forward(&self.norm.forward(&x)?)?)?;
        add(&x, &self.down.forward(&inner)?)?.reshape((images, tokens, width))
    }
}
