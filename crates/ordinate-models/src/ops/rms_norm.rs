//! Root mean square normalisation (Zhang and Sennrich 2019).

use candle_core::{CpuStorage, CustomOp2, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{ROWS, read, sum, sum_of_parts, values, width};

/// `x` over the root of the mean square of its last dimension, times a weight.
pub(crate) fn rms_norm(x: &Tensor, weight: &Tensor, eps: f32) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&weight.contiguous()?, RmsNorm { eps })
}

struct RmsNorm {
    eps: f32,
}

impl RmsNorm {
    /// One over the root of the mean square of a row.
    #[inline(always)]
    fn scale(&self, row: &[f32]) -> f32 {
        1.0 / (sum([row], |[value]| value * value) / row.len() as f32 + self.eps).sqrt()
    }
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        weight: &CpuStorage,
        of_weight: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight) = (values(self.name(), x, of_x)?, values(self.name(), weight, of_weight)?);
        let width = width(of_x);
        if weight.len() != width {
            let weights = weight.len();
            return Err(Error::Msg(format!("a norm of {weights} weights does not fit a width of {width}")));
        }
        let mut out = vec![0.0_f32; x.len()];
        let arch = pulp::Arch::new();
        out.par_chunks_mut(ROWS * width).zip(x.par_chunks(ROWS * width)).for_each(|(out, x)| {
            arch.dispatch(Rows { norm: self, x, weight, out });
        });
        Ok((CpuStorage::F32(out), of_x.shape().clone()))
    }

    /// With `y` the normed values and `h` the gradient times the weight: `(h - y mean of h y) / root`; of the weight the
    /// sum of `g y` over the rows.
    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let width = weight.elem_count();
        let arch = pulp::Arch::new();
        let (of_x, of_weight) = read([x, weight, grad], |[x, weight, grad]| {
            let mut out = vec![0.0_f32; x.len()];
            let chunk = ROWS * width;
            let parts = out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).zip(grad.par_chunks(chunk));
            let sums = parts.map(|((out, x), grad)| {
                let mut sums = vec![0.0_f32; width];
                arch.dispatch(Slopes { norm: self, x, weight, grad, out, sums: &mut sums });
                sums
            });
            let sums = sum_of_parts(sums.collect(), width);
            (out, sums)
        })?;
        let device = x.device();
        let of_weight = Tensor::from_vec(of_weight, width, device)?;
        Ok((Some(Tensor::from_vec(of_x, x.shape(), device)?), Some(of_weight)))
    }
}

wide!(Rows<'a> { norm: &'a RmsNorm, x: &'a [f32], weight: &'a [f32], out: &'a mut [f32] } {
    let width = weight.len();
    for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let scale = norm.scale(x);
        for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
            *out = x * scale * weight;
        }
    }
});

wide!(Slopes<'a> {
    norm: &'a RmsNorm, x: &'a [f32], weight: &'a [f32], grad: &'a [f32], out: &'a mut [f32], sums: &'a mut [f32],
} {
    let width = weight.len();
    let rows = out.chunks_exact_mut(width).zip(x.chunks_exact(width));
    for ((out, x), grad) in rows.zip(grad.chunks_exact(width)) {
        let scale = norm.scale(x);
        let slope = sum([grad, weight, x], |[g, w, x]| g * w * x * scale) / width as f32;
        for at in 0..width {
            let normed = x[at] * scale;
            out[at] = (grad[at] * weight[at] - normed * slope) * scale;
            sums[at] += grad[at] * normed;
        }
    }
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_nn::ops::rms_norm_slow;

    use super::super::tests::{furthest, random, slopes};
    use super::rms_norm;

    #[test]
    fn values_and_slopes_are_candles() {
        for width in [1, 7, 64, 100] {
            let given = [(random(&[3, 35, width]) * 5.0).unwrap(), random(&[width])];
            let mine = rms_norm(&given[0], &given[1], 1e-3).unwrap();
            assert!(furthest(&mine, &rms_norm_slow(&given[0], &given[1], 1e-3).unwrap()) < 1e-5, "{width}");
            let mine = slopes(&given, &|x| rms_norm(&x[0], &x[1], 1e-3).unwrap());
            let exact = slopes(&given, &|x| rms_norm_slow(&x[0], &x[1], 1e-3).unwrap());
            for (mine, exact) in mine.iter().zip(&exact) {
                assert!(furthest(mine, exact) < 2e-4, "{width}: {}", furthest(mine, exact));
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        assert!(rms_norm(&random(&[3, 8]), &random(&[7]), 1e-5).is_err());
    }
}
