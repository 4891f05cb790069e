//! The softmax over the tokens of each text, padding left out: mask, exponential and sum in one pass, several values at a
//! time.

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{read, sum, values};

/// The softmax of `scores` (texts x heads x tokens x tokens) over the last dimension, where text `i` has `lengths[i]`
/// tokens and what stands behind them is padding: 0 in what comes out.
pub(crate) fn softmax(scores: &Tensor, lengths: Vec<usize>) -> Result<Tensor> {
    scores.contiguous()?.apply_op1(Softmax { lengths })
}

struct Softmax {
    lengths: Vec<usize>,
}

/// Rows that one thread takes at a time.
const ROWS: usize = 64;

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax of texts"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (texts, heads, rows, width) = layout.shape().dims4()?;
        if self.lengths.len() != texts || self.lengths.iter().any(|&length| length == 0 || length > width) {
            return Err(Error::Msg(format!("{:?} are no lengths of {texts} texts", self.lengths)));
        }
        let values = values(self.name(), storage, layout)?;
        let mut out = vec![0.0_f32; values.len()];
        let arch = pulp::Arch::new();
        let chunks = out.par_chunks_mut(ROWS * width).zip(values.par_chunks(ROWS * width));
        chunks.enumerate().for_each(|(chunk, (out, values))| {
            let (lengths, each) = (self.lengths.as_slice(), heads * rows);
            arch.dispatch(Rows { values, out, width, lengths, each, first: chunk * ROWS });
        });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    /// `y (g - sum of g y)`.
    fn bwd(&self, _: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let width = y.dim(candle_core::D::Minus1)?;
        let arch = pulp::Arch::new();
        let out = read([y, grad], |[y, grad]| {
            let mut out = vec![0.0_f32; y.len()];
            let chunk = ROWS * width;
            let parts = out.par_chunks_mut(chunk).zip(y.par_chunks(chunk)).zip(grad.par_chunks(chunk));
            parts.for_each(|((out, y), grad)| arch.dispatch(Slopes { y, grad, out, width }));
            out
        })?;
        Tensor::from_vec(out, y.shape(), y.device()).map(Some)
    }
}

// Rows from `first` on, of which each text has `each`.
wide!(Rows<'a> {
    values: &'a [f32], out: &'a mut [f32], width: usize, lengths: &'a [usize], each: usize, first: usize,
} {
    for (at, (out, values)) in out.chunks_exact_mut(width).zip(values.chunks_exact(width)).enumerate() {
        let length = lengths[(first + at) / each];
        row(&values[..length], &mut out[..length]);
    }
});

wide!(Slopes<'a> { y: &'a [f32], grad: &'a [f32], out: &'a mut [f32], width: usize } {
    let rows = out.chunks_exact_mut(width).zip(y.chunks_exact(width));
    for ((out, y), grad) in rows.zip(grad.chunks_exact(width)) {
        let level = sum([y, grad], |[y, grad]| y * grad);
        for ((out, y), grad) in out.iter_mut().zip(y).zip(grad) {
            *out = y * (grad - level);
        }
    }
});

#[inline(always)]
fn row(values: &[f32], out: &mut [f32]) {
    let most = values.iter().fold(f32::NEG_INFINITY, |most, &value| if value > most { value } else { most });
    for (out, &value) in out.iter_mut().zip(values) {
        *out = exp(value - most);
    }
    let sum = sum([out], |[value]| value);
    out.iter_mut().for_each(|value| *value /= sum);
}

/// The exponential of a number that is not above 0, without branches: `2^n` from the exponent's bits, and the rest by the
/// polynomial of Cephes' `expf`.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Below this the result is smaller than a normal number.
    let x = x.max(-87.0);
    // Rounds without the call that `round` is without SSE 4.1: the fraction falls out of the sum.
    const ROUND: f32 = 12_582_912.0;
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_2e-4_f32;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    let p = p * r * r + r + 1.0;
    p * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Var};
    use candle_nn::ops::softmax as exact;

    use super::*;

    /// Scores of three texts of 3, 37 and 21 tokens: from -120 to 120.
    fn scores() -> (Tensor, Vec<usize>) {
        let tensor = (Tensor::rand(-1.0_f32, 1.0, (3, 2, 37, 37), &Device::Cpu).unwrap() * 120.0).unwrap();
        (tensor, vec![3, 37, 21])
    }

    fn masked(scores: &Tensor, lengths: &[usize]) -> Tensor {
        let width = scores.dim(3).unwrap();
        let mask: Vec<f32> = lengths
            .iter()
            .flat_map(|&length| (0..width).map(move |at| if at < length { 0.0 } else { f32::NEG_INFINITY }))
            .collect();
        let mask = Tensor::from_vec(mask, (lengths.len(), 1, 1, width), &Device::Cpu).unwrap();
        exact(&scores.broadcast_add(&mask).unwrap(), 3).unwrap()
    }

    fn furthest(a: &Tensor, b: &Tensor) -> f32 {
        (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn is_the_exact_one_and_leaves_padding_out() {
        let (scores, lengths) = scores();
        let mine = softmax(&scores, lengths.clone()).unwrap();
        assert!(furthest(&mine, &masked(&scores, &lengths)) < 5e-7);
        assert_eq!(
            mine.narrow(0, 0, 1)
                .unwrap()
                .narrow(3, 3, 34)
                .unwrap()
                .abs()
                .unwrap()
                .max_all()
                .unwrap()
                .to_scalar::<f32>()
                .unwrap(),
            0.0
        );
    }

    #[test]
    fn has_the_slope_of_the_exact_one() {
        let (scores, lengths) = scores();
        let scores = (scores / 40.0).unwrap();
        let weights = Tensor::rand(-1.0_f32, 1.0, scores.shape(), &Device::Cpu).unwrap();
        let slope = |softmax: &dyn Fn(&Tensor) -> Tensor| {
            let x = Var::from_tensor(&scores).unwrap();
            let grads = (softmax(&x) * &weights).unwrap().sum_all().unwrap().backward().unwrap();
            grads.get(&x).unwrap().clone()
        };
        let mine = slope(&|x| softmax(x, lengths.clone()).unwrap());
        assert!(furthest(&mine, &slope(&|x| masked(x, &lengths))) < 1e-5);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let (scores, _) = scores();
        for lengths in [vec![3, 37], vec![0, 1, 2], vec![3, 38, 21]] {
            assert!(softmax(&scores, lengths).is_err());
        }
    }
}
