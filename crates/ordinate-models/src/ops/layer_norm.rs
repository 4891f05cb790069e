//! Layer normalisation (Ba, Kiros and Hinton 2016).

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{ROWS, read, sum, sum_of_parts, values, width};

/// `x` less the mean of its last dimension and over its standard deviation, times a weight and plus a bias.
pub(crate) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f32) -> Result<Tensor> {
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, LayerNorm { eps })
}

pub(super) struct LayerNorm {
    pub(super) eps: f32,
}

impl LayerNorm {
    /// The mean of a row, and one over its standard deviation.
    #[inline(always)]
    fn moments(&self, row: &[f32]) -> (f32, f32) {
        let count = row.len() as f32;
        let mean = sum([row], |[value]| value) / count;
        let variance = sum([row], |[value]| (value - mean) * (value - mean)) / count;
        (mean, 1.0 / (variance + self.eps).sqrt())
    }

    /// The norm of a row, in its place.
    #[inline(always)]
    pub(super) fn in_place(&self, row: &mut [f32], weight: &[f32], bias: &[f32]) {
        let (mean, scale) = self.moments(row);
        for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *value = (*value - mean) * scale * weight + bias;
        }
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        weight: &CpuStorage,
        of_weight: &Layout,
        bias: &CpuStorage,
        of_bias: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(self.name(), x, of_x)?;
        let (weight, bias) = (values(self.name(), weight, of_weight)?, values(self.name(), bias, of_bias)?);
        let width = width(of_x);
        if weight.len() != width || bias.len() != width {
            let (weights, biases) = (weight.len(), bias.len());
            let problem =
                format!("a norm of {weights} weights and {biases} biases does not fit a width of {width}");
            return Err(candle_core::Error::Msg(problem));
        }
        let mut out = vec![0.0_f32; x.len()];
        let arch = pulp::Arch::new();
        out.par_chunks_mut(ROWS * width).zip(x.par_chunks(ROWS * width)).for_each(|(out, x)| {
            arch.dispatch(Rows { norm: self, x, weight, bias, out });
        });
        Ok((CpuStorage::F32(out), of_x.shape().clone()))
    }

    /// With `y` the normed values and `h` the gradient times the weight: `(h - mean of h - y mean of h y) / deviation`; of
    /// the weight the sum of `g y` over the rows, of the bias that of `g`.
    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let width = weight.elem_count();
        let arch = pulp::Arch::new();
        let (of_x, sums) = read([x, weight, grad], |[x, weight, grad]| {
            let mut out = vec![0.0_f32; x.len()];
            let chunk = ROWS * width;
            let parts = out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).zip(grad.par_chunks(chunk));
            let sums = parts.map(|((out, x), grad)| {
                let mut sums = vec![0.0_f32; 2 * width];
                let (of_weight, of_bias) = sums.split_at_mut(width);
                arch.dispatch(Slopes { norm: self, x, weight, grad, out, of_weight, of_bias });
                sums
            });
            let sums = sum_of_parts(sums.collect(), 2 * width);
            (out, sums)
        })?;
        let device = x.device();
        let of_weight = Tensor::from_slice(&sums[..width], width, device)?;
        let of_bias = Tensor::from_slice(&sums[width..], width, device)?;
        Ok((Some(Tensor::from_vec(of_x, x.shape(), device)?), Some(of_weight), Some(of_bias)))
    }
}

wide!(Rows<'a> { norm: &'a LayerNorm, x: &'a [f32], weight: &'a [f32], bias: &'a [f32], out: &'a mut [f32] } {
    let width = weight.len();
    for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
        let (mean, scale) = norm.moments(x);
        for (((out, x), weight), bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
            *out = (x - mean) * scale * weight + bias;
        }
    }
});

wide!(Slopes<'a> {
    norm: &'a LayerNorm, x: &'a [f32], weight: &'a [f32], grad: &'a [f32], out: &'a mut [f32], of_weight: &'a mut [f32],
    of_bias: &'a mut [f32],
} {
    let width = weight.len();
    let rows = out.chunks_exact_mut(width).zip(x.chunks_exact(width));
    for ((out, x), grad) in rows.zip(grad.chunks_exact(width)) {
        let (mean, scale) = norm.moments(x);
        let count = width as f32;
        let level = sum([grad, weight], |[g, w]| g * w) / count;
        let slope = sum([grad, weight, x], |[g, w, x]| g * w * (x - mean) * scale) / count;
        for at in 0..width {
            let normed = (x[at] - mean) * scale;
            out[at] = (grad[at] * weight[at] - level - normed * slope) * scale;
            of_weight[at] += grad[at] * normed;
            of_bias[at] += grad[at];
        }
    }
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_nn::ops::layer_norm_slow;

    use super::super::tests::{furthest, random, slopes};
    use super::layer_norm;

    #[test]
    fn values_and_slopes_are_candles() {
        for width in [1, 7, 64, 100] {
            let given = [(random(&[3, 35, width]) * 5.0).unwrap(), random(&[width]), random(&[width])];
            let mine = layer_norm(&given[0], &given[1], &given[2], 1e-3).unwrap();
            let exact = layer_norm_slow(&given[0], &given[1], &given[2], 1e-3).unwrap();
            assert!(furthest(&mine, &exact) < 1e-5, "{width}");
            let mine = slopes(&given, &|x| layer_norm(&x[0], &x[1], &x[2], 1e-3).unwrap());
            let exact = slopes(&given, &|x| layer_norm_slow(&x[0], &x[1], &x[2], 1e-3).unwrap());
            for (mine, exact) in mine.iter().zip(&exact) {
                assert!(furthest(mine, exact) < 2e-4, "{width}: {}", furthest(mine, exact));
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        assert!(layer_norm(&random(&[3, 8]), &random(&[7]), &random(&[8]), 1e-5).is_err());
        assert!(layer_norm(&random(&[3, 8]), &random(&[8]), &random(&[1]), 1e-5).is_err());
    }
}
