//! Rotary positions (Su et al. 2021): pairs of dimensions rotate by an angle that grows with the position.

use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::values;

/// Which dimensions of a head rotate together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// Those half a head apart.
    Halves,
    /// Neighbours.
    Interleaved,
}

/// `x` (texts x heads x tokens x size) rotated; `cos` and `sin` are tokens x half of the size.
pub(crate) fn rope(x: &Tensor, cos: &Tensor, sin: &Tensor, pairs: Pairs) -> Result<Tensor> {
    x.contiguous()?.apply_op3(&cos.contiguous()?, &sin.contiguous()?, Rope(pairs))
}

struct Rope(Pairs);

impl CustomOp3 for Rope {
    fn name(&self) -> &'static str {
        "rotary positions"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        cos: &CpuStorage,
        of_cos: &Layout,
        sin: &CpuStorage,
        of_sin: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (.., tokens, size) = of_x.shape().dims4()?;
        let x = values(self.name(), x, of_x)?;
        let (cos, sin) = (values(self.name(), cos, of_cos)?, values(self.name(), sin, of_sin)?);
        let half = size / 2;
        if size == 0 || size % 2 != 0 || cos.len() != tokens * half || sin.len() != cos.len() {
            let table = cos.len();
            let problem = format!("{table} cosines do not fit {tokens} tokens and heads of size {size}");
            return Err(Error::Msg(problem));
        }
        let mut out = vec![0.0_f32; x.len()];
        let chunk = (tokens * size).max(1);
        out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).for_each(|(out, x)| {
            let rows = out.chunks_exact_mut(size).zip(x.chunks_exact(size));
            let turns = cos.chunks_exact(half).zip(sin.chunks_exact(half));
            for ((out, x), (cos, sin)) in rows.zip(turns) {
                match self.0 {
                    Pairs::Halves => {
                        let (low, high) = x.split_at(half);
                        let (out_low, out_high) = out.split_at_mut(half);
                        for at in 0..half {
                            out_low[at] = low[at] * cos[at] - high[at] * sin[at];
                            out_high[at] = low[at] * sin[at] + high[at] * cos[at];
                        }
                    }
                    Pairs::Interleaved => {
                        let pairs = out.chunks_exact_mut(2).zip(x.chunks_exact(2));
                        for ((out, x), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
                            out[0] = x[0] * cos - x[1] * sin;
                            out[1] = x[0] * sin + x[1] * cos;
                        }
                    }
                }
            }
        });
        Ok((CpuStorage::F32(out), of_x.shape().clone()))
    }

    /// Rotated back. The angles are no parameters.
    fn bwd(
        &self,
        _: &Tensor,
        cos: &Tensor,
        sin: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        Ok((Some(rope(grad, cos, &sin.neg()?, self.0)?), None, None))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Tensor;
    use candle_nn::rotary_emb::{rope_i_slow, rope_slow};

    use super::super::tests::{furthest, random, slopes};
    use super::{Pairs, rope};

    #[test]
    fn values_and_slopes_are_candles() {
        let angles = (random(&[5, 4]) * 3.0).unwrap();
        let (cos, sin) = (angles.cos().unwrap(), angles.sin().unwrap());
        let x = [random(&[2, 3, 5, 8])];
        type Slow = fn(&Tensor, &Tensor, &Tensor) -> candle_core::Result<Tensor>;
        let slow: [(Pairs, Slow); 2] = [(Pairs::Halves, rope_slow), (Pairs::Interleaved, rope_i_slow)];
        for (pairs, slow) in slow {
            let (mine, exact) = (rope(&x[0], &cos, &sin, pairs).unwrap(), slow(&x[0], &cos, &sin).unwrap());
            assert!(furthest(&mine, &exact) < 1e-6, "{pairs:?}");
            let mine = slopes(&x, &|x| rope(&x[0], &cos, &sin, pairs).unwrap());
            let exact = slopes(&x, &|x| slow(&x[0], &cos, &sin).unwrap());
            assert!(furthest(&mine[0], &exact[0]) < 1e-6, "{pairs:?}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let table = random(&[5, 3]);
        assert!(rope(&random(&[2, 3, 5, 8]), &table, &table, Pairs::Halves).is_err());
        assert!(rope(&random(&[2, 3, 5, 7]), &table, &table, Pairs::Halves).is_err());
    }
}
