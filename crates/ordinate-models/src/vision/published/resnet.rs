//! Residual networks (He et al. 2015), as torchvision, timm and `transformers` define them. What a norm of a batch does to values of its
//! running mean and variance is in the weights of the convolution before it.

use candle_core::{Result, Tensor};

use super::config::HubResNet;
use crate::encoder::layers::{Linear, Weights};
use crate::ops::{Window, add, linear, patches};

/// Added to variances.
const EPSILON: f64 = 1e-5;

/// A convolution, and the norm behind it.
#[derive(Debug)]
struct Conv {
    /// Outputs x values of a patch: rows, columns and channels of its window.
    weight: Tensor,
    bias: Tensor,
    window: Window,
}

/// What a layer is called: the convolution, and the norm.
type Names = (String, String);

impl Conv {
    fn new(weights: &Weights<'_>, (conv, norm): &Names, inputs: usize, window: Window) -> Result<Self> {
        let name = format!("{conv}.weight");
        let (outputs, side) = (weights.height(&name), window.side);
        let weight = weights.get(&name, &[outputs, inputs, side, side])?;
        let of = |part: &str| weights.get(&format!("{norm}.{part}"), &[outputs]);
        let scale = (of("weight")? / (of("running_var")? + EPSILON)?.sqrt()?)?;
        let bias = (of("bias")? - (of("running_mean")? * &scale)?)?;
        let weight = weight.permute((0, 2, 3, 1))?.reshape((outputs, side * side * inputs))?;
        Ok(Self { weight: weight.broadcast_mul(&scale.unsqueeze(1)?)?, bias, window })
    }

    fn outputs(&self) -> Result<usize> {
        self.weight.dim(0)
    }

    /// `x` is images x rows x columns x channels.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (images, rows, columns, channels) = x.dims4()?;
        let Window { side, stride, .. } = self.window;
        let (down, across) = (self.window.places(rows), self.window.places(columns));
        let x = match (side, stride) {
            (1, 1) => x.reshape((images * rows * columns, channels))?,
            _ => patches(x, self.window)?,
        };
        linear(&x, &self.weight, Some(&self.bias))?.reshape((images, down, across, ()))
    }
}

#[derive(Debug)]
struct Block {
    layers: Vec<Conv>,
    /// What stands beside them, where sides or channels change.
    beside: Option<Conv>,
}

impl Block {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut inner = x.clone();
        for (at, layer) in self.layers.iter().enumerate() {
            inner = layer.forward(&inner)?;
            if at + 1 < self.layers.len() {
                inner = inner.relu()?;
            }
        }
        let x = match &self.beside {
            Some(beside) => beside.forward(x)?,
            None => x.clone(),
        };
        add(&inner, &x)?.relu()
    }
}

/// A residual network.
#[derive(Debug)]
pub(super) struct ResNet {
    stem: Conv,
    blocks: Vec<Block>,
    pub(super) head: Option<Linear>,
    pub(super) channels: usize,
}

/// The names of layers in one of both layouts.
enum Layout {
    Torch,
    /// With what stands before all names but those of the head.
    Hub(&'static str),
}

impl Layout {
    fn stem(&self) -> Names {
        match self {
            Self::Torch => ("conv1".to_owned(), "bn1".to_owned()),
            Self::Hub(prefix) => {
                let at = |part: &str| format!("{prefix}embedder.embedder.{part}");
                (at("convolution"), at("normalization"))
            }
        }
    }

    fn layer(&self, stage: usize, block: usize, layer: usize) -> Names {
        match self {
            Self::Torch => {
                let at = |part: &str| format!("layer{}.{block}.{part}{}", stage + 1, layer + 1);
                (at("conv"), at("bn"))
            }
            Self::Hub(prefix) => {
                let at = |part: &str| {
                    format!("{prefix}encoder.stages.{stage}.layers.{block}.layer.{layer}.{part}")
                };
                (at("convolution"), at("normalization"))
            }
        }
    }

    fn beside(&self, stage: usize, block: usize) -> Names {
        match self {
            Self::Torch => {
                let at = |part: usize| format!("layer{}.{block}.downsample.{part}", stage + 1);
                (at(0), at(1))
            }
            Self::Hub(prefix) => {
                let at =
                    |part: &str| format!("{prefix}encoder.stages.{stage}.layers.{block}.shortcut.{part}");
                (at("convolution"), at("normalization"))
            }
        }
    }

    fn head(&self) -> &'static str {
        match self {
            Self::Torch => "fc",
            Self::Hub(_) => "classifier.1",
        }
    }
}

impl ResNet {
    /// With the names of torchvision and timm.
    pub(super) fn torch(weights: &Weights<'_>) -> Result<Self> {
        let plain = HubResNet { downsample_in_first_stage: false, downsample_in_bottleneck: false };
        Self::new(weights, &Layout::Torch, plain)
    }

    /// With the names of `transformers`.
    pub(super) fn hub(weights: &Weights<'_>, shape: HubResNet) -> Result<Self> {
        let is_whole = weights.has("resnet.embedder.embedder.convolution.weight");
        Self::new(weights, &Layout::Hub(if is_whole { "resnet." } else { "" }), shape)
    }

    fn new(weights: &Weights<'_>, layout: &Layout, shape: HubResNet) -> Result<Self> {
        let stem = layout.stem();
        let channels = weights.dimension(&format!("{}.weight", stem.0), 1);
        let stem = Conv::new(weights, &stem, channels, Window { side: 7, stride: 2, padding: 3 })?;
        let has = |names: &Names| weights.has(&format!("{}.weight", names.0));
        let mut blocks = Vec::new();
        let mut width = stem.outputs()?;
        for stage in 0.. {
            if !has(&layout.layer(stage, 0, 0)) {
                break;
            }
            for block in (0..).take_while(|block| has(&layout.layer(stage, *block, 0))) {
                let halves = block == 0 && (stage > 0 || shape.downsample_in_first_stage);
                let stride = if halves { 2 } else { 1 };
                let deep = has(&layout.layer(stage, block, 2));
                let places: &[(usize, usize)] = match (deep, shape.downsample_in_bottleneck) {
                    (false, _) => &[(3, stride), (3, 1)],
                    (true, false) => &[(1, 1), (3, stride), (1, 1)],
                    (true, true) => &[(1, stride), (3, 1), (1, 1)],
                };
                let mut inner = width;
                let mut layers = Vec::new();
                for (at, &(side, stride)) in places.iter().enumerate() {
                    let window = Window { side, stride, padding: side / 2 };
                    let layer = Conv::new(weights, &layout.layer(stage, block, at), inner, window)?;
                    inner = layer.outputs()?;
                    layers.push(layer);
                }
                let names = layout.beside(stage, block);
                let window = Window { side: 1, stride, padding: 0 };
                let needs = halves || inner != width;
                let beside = match needs || has(&names) {
                    true => Some(Conv::new(weights, &names, width, window)?),
                    false => None,
                };
                width = inner;
                blocks.push(Block { layers, beside });
            }
        }
        if blocks.is_empty() {
            let name = layout.layer(0, 0, 0).0;
            return Err(candle_core::Error::Msg(format!("the weights have no tensor {name}.weight")));
        }
        let name = layout.head();
        let outputs = weights.height(&format!("{name}.weight"));
        let head = weights
            .has(&format!("{name}.weight"))
            .then(|| weights.linear(name, width, outputs))
            .transpose()?;
        Ok(Self { stem, blocks, head, channels })
    }

    /// Channels of the last stage.
    pub(super) fn width(&self) -> Result<usize> {
        let last = self.blocks.last().and_then(|block| block.layers.last());
        last.map_or(Ok(0), Conv::outputs)
    }

    /// The means of the last stage: images x width. `x` is images x rows x columns x channels.
    pub(super) fn features(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = largest(&self.stem.forward(x)?.relu()?)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        x.flatten(1, 2)?.mean(1)
    }
}

/// The largest value of each channel in windows of 3 x 3 pixels, at every second one. No value is below 0, so that zeros beyond the
/// edges change nothing.
fn largest(x: &Tensor) -> Result<Tensor> {
    let (images, rows, columns, channels) = x.dims4()?;
    let window = Window { side: 3, stride: 2, padding: 1 };
    let (down, across) = (window.places(rows), window.places(columns));
    let each = patches(x, window)?.reshape((images * down * across, 9, channels))?;
    each.max(1)?.reshape((images, down, across, channels))
}
