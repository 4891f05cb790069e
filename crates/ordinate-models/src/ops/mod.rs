//! Operations of encoders and decoders, each in one pass over memory and with its gradient: candle's own fused ones
//! (`layer_norm`, `rms_norm`, `rope`, `softmax_last_dim`) have none, and end the graph without an error.

/// Work as a type of its own, which `pulp` compiles for the registers of this processor. Of a closure that is not sure: where the
/// compiler leaves it a function of its own, it is compiled for any processor, and takes three times as long.
macro_rules! wide {
    ($name:ident<$life:lifetime> { $($field:ident: $type:ty),* $(,)? } $body:block) => {
        struct $name<$life> {
            $($field: $type,)*
        }

        impl pulp::NullaryFnOnce for $name<'_> {
            type Output = ();

            #[inline(always)]
            fn call(self) {
                let Self { $($field),* } = self;
                $body
            }
        }
    };
}

mod add;
mod fused;
mod gelu;
mod held;
mod int8;
mod layer_norm;
mod linear;
mod patches;
mod rms_norm;
mod rope;
mod softmax;

use candle_core::{CpuStorage, Error, Layout, Result, Storage, Tensor};
use rayon::prelude::*;

pub(crate) use add::add;
pub(crate) use fused::{Heads, Weight, layer, linear_add_norm, linear_gelu, linear_heads, parted};
pub(crate) use gelu::gelu;
pub(crate) use held::{Held, Packed};
pub(crate) use int8::Int8;
pub(crate) use layer_norm::layer_norm;
pub(crate) use linear::linear;
pub(crate) use patches::{Window, patches};
pub(crate) use rms_norm::rms_norm;
pub(crate) use rope::{Pairs, rope};
pub(crate) use softmax::softmax;

/// Rows that one thread takes at a time.
const ROWS: usize = 32;

/// The values of a contiguous argument of an operation.
fn values<'a>(name: &str, storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((from, to)) = layout.contiguous_offsets() else {
        return Err(Error::Msg(format!("{name} takes contiguous tensors")));
    };
    Ok(&storage.as_slice::<f32>()?[from..to])
}

/// What `of` makes of the values of some tensors: how gradients read them, which are not arguments of an operation.
fn read<const N: usize, T>(tensors: [&Tensor; N], of: impl FnOnce([&[f32]; N]) -> T) -> Result<T> {
    let mut whole = Vec::with_capacity(N);
    for tensor in tensors {
        whole.push(tensor.contiguous()?);
    }
    let stored: Vec<_> = whole.iter().map(Tensor::storage_and_layout).collect();
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&stored) {
        let Storage::Cpu(storage) = &**storage else {
            return Err(Error::Msg("these operations run on the CPU".to_owned()));
        };
        *slice = values("a gradient", storage, layout)?;
    }
    Ok(of(slices))
}

/// The last dimension of a layout, at least 1.
fn width(layout: &Layout) -> usize {
    layout.dims().last().copied().unwrap_or(1).max(1)
}

/// The sum of these terms. Eight sums, which the compiler can hold side by side: it may not reorder one.
#[inline(always)]
fn sum<const N: usize>(of: [&[f32]; N], term: impl Fn([f32; N]) -> f32) -> f32 {
    let length = of[0].len();
    let of = of.map(|values| &values[..length]);
    let mut sums = [0.0_f32; 8];
    let whole = length / 8 * 8;
    for at in (0..whole).step_by(8) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += term(of.map(|values| values[at + lane]));
        }
    }
    let rest: f32 = (whole..length).map(|at| term(of.map(|values| values[at]))).sum();
    rest + sums.iter().sum::<f32>()
}

/// The sum of these parts, one after the other: summed as threads end, the last digits would hang on their number.
fn sum_of_parts(parts: Vec<Vec<f32>>, width: usize) -> Vec<f32> {
    parts.into_iter().fold(vec![0.0; width], |mut all, part| {
        all.iter_mut().zip(&part).for_each(|(all, part)| *all += part);
        all
    })
}

/// The sum of each column of rows of this width.
fn column_sums(rows: &[f32], width: usize) -> Vec<f32> {
    let part = |rows: &[f32]| {
        let mut sums = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        sums
    };
    sum_of_parts(rows.par_chunks(ROWS * width).map(part).collect(), width)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Tensor, Var};

    /// The largest difference between the values of two tensors.
    pub(super) fn furthest(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    pub(super) fn random(dims: &[usize]) -> Tensor {
        Tensor::rand(-1.0_f32, 1.0, dims, &Device::Cpu).unwrap()
    }

    /// The gradients of the arguments, where every value of the result counts differently.
    pub(super) fn slopes(arguments: &[Tensor], of: &dyn Fn(&[Tensor]) -> Tensor) -> Vec<Tensor> {
        let variables: Vec<Var> = arguments.iter().map(|one| Var::from_tensor(one).unwrap()).collect();
        let made = of(&variables.iter().map(|one| one.as_tensor().clone()).collect::<Vec<_>>());
        let weights = Tensor::arange(0.0_f32, made.elem_count() as f32, &Device::Cpu).unwrap();
        let weights = (weights * 0.37).unwrap().sin().unwrap().reshape(made.shape()).unwrap();
        let gradients = (made * weights).unwrap().sum_all().unwrap().backward().unwrap();
        variables.iter().map(|one| gradients.get(one).unwrap().clone()).collect()
    }

    #[test]
    fn sums_of_every_length() {
        for length in 0..40 {
            let values: Vec<f32> = (0..length).map(|at| at as f32).collect();
            let squares: f32 = values.iter().map(|value| value * value).sum();
            assert_eq!(super::sum([&values, &values], |[a, b]| a * b), squares);
        }
    }
}
