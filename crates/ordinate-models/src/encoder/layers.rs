//! What the encoders are built of: tensors by name, each held against the shape that is expected.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use candle_core::{DType, Device, Tensor};
use ordinate_core::task::Precision;

use crate::ops::{
    Heads, Held, Int8, Packed, Weight, add, gelu, layer, layer_norm, linear, linear_add_norm, linear_gelu,
    linear_heads, parted,
};

pub(crate) type Result<T> = candle_core::Result<T>;

#[derive(Debug)]
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
    update: Option<Update>,
}

/// A low-rank update beside a layer (LoRA; Hu et al. 2021): `scale up(down(x))` is added to what it gives.
#[derive(Debug)]
struct Update {
    /// Rank x inputs; PEFT's `lora_A`.
    down: Tensor,
    /// Outputs x rank; PEFT's `lora_B`.
    up: Tensor,
    scale: f64,
}

/// The ends of the names of an update's tensors, behind the name of the layer.
pub(crate) const LORA_DOWN: &str = ".lora_A.weight";
pub(crate) const LORA_UP: &str = ".lora_B.weight";
/// The name of the number that all updates are multiplied with.
pub(crate) const LORA_SCALE: &str = "lora_scale";

#[derive(Debug)]
pub(crate) struct Norm {
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

/// Tensors by name, whatever the name of the model that they stand under (`bert.`, `roberta.`, ...).
pub(crate) struct Weights<'a> {
    tensors: &'a HashMap<String, Tensor>,
    prefix: String,
    /// Names that were asked for.
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Weights<'a> {
    /// Those of a model whose names begin with what stands before `key` in a name.
    pub(crate) fn new(tensors: &'a HashMap<String, Tensor>, key: &str) -> Self {
        let prefix = tensors.keys().find_map(|name| name.strip_suffix(key)).unwrap_or_default().to_owned();
        Self { tensors, prefix, used: RefCell::default() }
    }

    /// All of them, under their whole names.
    pub(crate) fn plain(tensors: &'a HashMap<String, Tensor>) -> Self {
        Self { tensors, prefix: String::new(), used: RefCell::default() }
    }

    /// The names of the tensors that were asked for.
    pub(crate) fn used(self) -> BTreeSet<String> {
        self.used.into_inner()
    }

    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let name = format!("{}{name}", self.prefix);
        let tensor = self
            .tensors
            .get(&name)
            .ok_or_else(|| candle_core::Error::Msg(format!("the weights have no tensor {name}")))?;
        if tensor.dims() != shape {
            let found = tensor.dims();
            return Err(candle_core::Error::Msg(format!(
                "tensor {name} is {found:?}, and {shape:?} is expected"
            )));
        }
        self.used.borrow_mut().insert(name);
        tensor.to_dtype(DType::F32)
    }

    pub(crate) fn rows(&self, name: &str, width: usize) -> Result<Tensor> {
        self.get(name, &[self.height(name), width])
    }

    pub(crate) fn linear(&self, name: &str, from: usize, to: usize) -> Result<Linear> {
        let weight = self.get(&format!("{name}.weight"), &[to, from])?;
        let bias = Some(self.get(&format!("{name}.bias"), &[to])?);
        Ok(Linear { weight: Weight::F32(weight), bias, update: self.update(name, from, to)? })
    }

    /// The update beside a layer, where there is one.
    fn update(&self, name: &str, from: usize, to: usize) -> Result<Option<Update>> {
        let (down, up) = (format!("{name}{LORA_DOWN}"), format!("{name}{LORA_UP}"));
        let Some(scale) = self.tensors.get(LORA_SCALE).filter(|_| self.has(&down)) else { return Ok(None) };
        let rank = self.height(&down);
        let (down, up) = (self.get(&down, &[rank, from])?, self.get(&up, &[to, rank])?);
        Ok(Some(Update { down, up, scale: f64::from(scale.to_scalar::<f32>()?) }))
    }

    /// A layer that has a bias only where the file has one.
    pub(crate) fn loose(&self, name: &str, from: usize, to: usize) -> Result<Linear> {
        if self.has(&format!("{name}.bias")) {
            return self.linear(name, from, to);
        }
        let weight = self.get(&format!("{name}.weight"), &[to, from])?;
        Ok(Linear { weight: Weight::F32(weight), bias: None, update: self.update(name, from, to)? })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(&format!("{}{name}", self.prefix))
    }

    /// The first dimension of a tensor; 0 where it is not there.
    pub(crate) fn height(&self, name: &str) -> usize {
        self.dimension(name, 0)
    }

    /// A dimension of a tensor, the first being 0; 0 where it is not there.
    pub(crate) fn dimension(&self, name: &str, at: usize) -> usize {
        let tensor = self.tensors.get(&format!("{}{name}", self.prefix));
        tensor.and_then(|tensor| tensor.dims().get(at).copied()).unwrap_or(0)
    }

    pub(crate) fn norm(&self, name: &str, width: usize, eps: f64) -> Result<Norm> {
        let eps = eps as f32;
        Ok(Norm {
            weight: self.get(&format!("{name}.weight"), &[width])?,
            bias: match self.has(&format!("{name}.bias")) {
                true => self.get(&format!("{name}.bias"), &[width])?,
                // ModernBERT's norms have none.
                false => Tensor::zeros(width, DType::F32, &Device::Cpu)?,
            },
            eps,
        })
    }
}

impl Linear {
    /// Of a weight and a bias that stand under names of their own.
    pub(crate) fn new(weight: Tensor, bias: Tensor) -> Self {
        Self { weight: Weight::F32(weight), bias: Some(bias), update: None }
    }

    /// Values that it gives.
    pub(crate) fn outputs(&self) -> usize {
        self.weight.outputs()
    }

    /// Holds its weights so from now on, and says how many bytes that saves. Nothing can be trained through it then.
    pub(crate) fn hold(&mut self, precision: Precision) -> Result<u64> {
        let Weight::F32(weight) = &self.weight else { return Ok(0) };
        let held: Box<dyn Held> = match precision {
            Precision::F32 => Box::new(Packed::new(weight)?),
            Precision::Int8 => Box::new(Int8::new(weight)?),
        };
        let saved = (4 * weight.elem_count() as u64).saturating_sub(held.bytes());
        self.weight = Weight::Held(held);
        Ok(saved)
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = layer(x, &self.weight, self.bias.as_ref())?;
        match &self.update {
            Some(update) => {
                let inner = (linear(x, &update.down, None)? * update.scale)?;
                add(&y, &linear(&inner, &update.up, None)?)
            }
            None => Ok(y),
        }
    }

    /// The bias, where it is all that is added: then the layer goes with what follows it.
    fn alone(&self) -> Option<&Tensor> {
        self.bias.as_ref().filter(|_| self.update.is_none())
    }

    /// GELU of what the layer gives.
    pub(crate) fn gelu(&self, x: &Tensor) -> Result<Tensor> {
        match self.alone() {
            Some(bias) => linear_gelu(x, &self.weight, bias),
            None => gelu(&self.forward(x)?),
        }
    }

    /// The norm of what the layer gives and of what stands beside it.
    pub(crate) fn add_norm(&self, x: &Tensor, beside: &Tensor, norm: &Norm) -> Result<Tensor> {
        match self.alone() {
            Some(bias) => {
                linear_add_norm((x, &self.weight, bias), beside, (&norm.weight, &norm.bias, norm.eps))
            }
            None => norm.forward(&add(&self.forward(x)?, beside)?),
        }
    }

    /// What the layer gives times a scale, parted among heads: texts x heads x tokens x size.
    pub(crate) fn heads(&self, x: &Tensor, heads: Heads, scale: f32) -> Result<Tensor> {
        match self.alone() {
            Some(bias) => linear_heads((x, &self.weight, bias), heads, scale),
            None => parted(&self.forward(x)?, heads, scale),
        }
    }
}

impl Norm {
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        layer_norm(x, &self.weight, &self.bias, self.eps)
    }
}

/// Weights in all tensors of a file that hold numbers.
pub(crate) fn parameters(tensors: &HashMap<String, Tensor>) -> u64 {
    let floats = tensors.values().filter(|tensor| tensor.dtype().is_float());
    floats.map(|tensor| tensor.elem_count() as u64).sum()
}

/// What is added to attention weights so that padding is not looked at: texts x 1 x 1 x tokens; `None` where all
/// texts are of one length.
pub(crate) fn padding(batch: &[&[u32]], longest: usize) -> Result<Option<Tensor>> {
    if batch.iter().all(|ids| ids.len() == longest) {
        return Ok(None);
    }
    let cells: Vec<f32> = batch
        .iter()
        .flat_map(|ids| (0..longest).map(|at| if at < ids.len() { 0.0 } else { f32::MIN }))
        .collect();
    Tensor::from_vec(cells, (batch.len(), 1, 1, longest), &Device::Cpu).map(Some)
}

/// A batch in one row, shorter texts filled up at the end.
pub(crate) fn padded(batch: &[&[u32]], longest: usize, with: u32) -> Result<Tensor> {
    let fill = |ids: &&[u32]| {
        let missing = longest - ids.len();
        ids.iter().copied().chain(std::iter::repeat_n(with, missing)).collect::<Vec<u32>>()
    };
    Tensor::from_vec(batch.iter().flat_map(fill).collect(), batch.len() * longest, &Device::Cpu)
}
