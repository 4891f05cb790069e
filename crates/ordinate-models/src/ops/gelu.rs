//! GELU with the exact error function (Hendrycks and Gimpel 2016), as BERT's family has it. candle takes the error
//! function in f64, one value after another, which was a third of an encoder's time.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::softmax::exp;
use super::{read, values};

/// `x Φ(x)`, to 4e-7 of the largest value about (held against candle's in this file's test).
pub(crate) fn gelu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Gelu)
}

struct Gelu;

/// Values that one thread takes at a time.
const CHUNK: usize = 16_384;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let values = values(self.name(), storage, layout)?;
        let mut out = vec![0.0_f32; values.len()];
        let arch = pulp::Arch::new();
        out.par_chunks_mut(CHUNK)
            .zip(values.par_chunks(CHUNK))
            .for_each(|(out, values)| arch.dispatch(Each { values, out }));
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    /// `Φ(x) + x φ(x)`.
    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let arch = pulp::Arch::new();
        let out = read([x, grad], |[x, grad]| {
            let mut out = vec![0.0_f32; x.len()];
            let parts = out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).zip(grad.par_chunks(CHUNK));
            parts.for_each(|((out, values), grad)| arch.dispatch(Slopes { values, grad, out }));
            out
        })?;
        Tensor::from_vec(out, x.shape(), x.device()).map(Some)
    }
}

// The slope at each value, times what came back to it.
wide!(Slopes<'a> { values: &'a [f32], grad: &'a [f32], out: &'a mut [f32] } {
    // 1 / sqrt(2 pi)
    const DENSITY: f32 = 0.398_942_3;
    for ((out, &x), &grad) in out.iter_mut().zip(values).zip(grad) {
        let below = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
        *out = grad * (below + x * DENSITY * exp(-0.5 * x * x));
    }
});

wide!(Each<'a> { values: &'a [f32], out: &'a mut [f32] } {
    for (out, &x) in out.iter_mut().zip(values) {
        *out = of(x);
    }
});

/// That of each sum of a value and a bias, in the place of the value.
#[inline(always)]
pub(super) fn of_sums(values: &mut [f32], biases: &[f32]) {
    for (value, bias) in values.iter_mut().zip(biases) {
        *value = of(*value + bias);
    }
}

#[inline(always)]
fn of(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function as a rational function, without branches, so that the compiler takes several values at once.
/// Source of the coefficients: Eigen 3.4, `generic_fast_erf_float`.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let mut above = -2.726_142_3e-10;
    for coefficient in
        [2.770_681_4e-8, -2.101_024e-6, -5.692_506_4e-5, -7.349_906e-4, -2.954_6e-3, -1.609_603_3e-2]
    {
        above = above * square + coefficient;
    }
    let mut below = -1.456_607_2e-5;
    for coefficient in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2] {
        below = below * square + coefficient;
    }
    x * above / below
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Var};

    use super::*;

    /// From far below 0 to far above, with the ends of what the rational function is for.
    fn grid() -> Tensor {
        Tensor::arange_step(-12.0_f32, 12.0, 0.001, &Device::Cpu).unwrap()
    }

    fn furthest(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn is_the_exact_one() {
        let x = grid();
        let (mine, exact) = (gelu(&x).unwrap(), x.gelu_erf().unwrap());
        // Relative to the value where it is large: an f32 near 12 has steps of 1e-6.
        let scale = x.abs().unwrap().maximum(1.0).unwrap();
        assert!(furthest(&(mine / &scale).unwrap(), &(exact / scale).unwrap()) < 4e-7);
    }

    #[test]
    fn strided_tensors() {
        let x = grid().narrow(0, 0, 23_900).unwrap().reshape((100, 239)).unwrap().t().unwrap();
        assert!(furthest(&gelu(&x).unwrap(), &x.gelu_erf().unwrap()) < 5e-6);
    }

    #[test]
    fn has_the_slope_of_the_exact_one() {
        let slope = |gelu: &dyn Fn(&Tensor) -> Tensor| {
            let x = Var::from_tensor(&grid()).unwrap();
            let grads = gelu(&x).sum_all().unwrap().backward().unwrap();
            grads.get(&x).unwrap().clone()
        };
        let (mine, exact) = (slope(&|x| gelu(x).unwrap()), slope(&|x| x.gelu_erf().unwrap()));
        assert!(furthest(&mine, &exact) < 2e-5, "{}", furthest(&mine, &exact));
    }
}
