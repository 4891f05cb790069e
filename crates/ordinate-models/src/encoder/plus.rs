//! Sums. candle adds large tensors in threads of its own that callers wait for by turns: with a batch a thread, as
//! encoders run here, they mostly wait.

use candle_core::{CpuStorage, CustomOp2, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// `x + y`, where `y` has the shape of `x`, or is one row that is added to all rows of `x`.
pub(crate) fn plus(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&y.contiguous()?, Plus)
}

struct Plus;

/// Rows that one thread takes at a time.
const ROWS: usize = 32;

impl CustomOp2 for Plus {
    fn name(&self) -> &'static str {
        "plus"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        y: &CpuStorage,
        of_y: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (Some(xs), Some(ys)) = (of_x.contiguous_offsets(), of_y.contiguous_offsets()) else {
            return Err(Error::Msg("plus takes contiguous tensors".to_owned()));
        };
        let (x, y) = (&x.as_slice::<f32>()?[xs.0..xs.1], &y.as_slice::<f32>()?[ys.0..ys.1]);
        let width = of_x.dims().last().copied().unwrap_or(1).max(1);
        let same = of_x.dims() == of_y.dims();
        if !same && of_y.dims() != [width] {
            return Err(Error::Msg(format!("{:?} cannot be added to {:?}", of_y.dims(), of_x.dims())));
        }
        let mut out = vec![0.0_f32; x.len()];
        let chunk = ROWS * width;
        out.par_chunks_mut(chunk).zip(x.par_chunks(chunk)).enumerate().for_each(|(at, (out, x))| {
            if same {
                sums(x, &y[at * chunk..][..x.len()], out);
            } else {
                out.chunks_exact_mut(width).zip(x.chunks_exact(width)).for_each(|(out, x)| sums(x, y, out));
            }
        });
        Ok((CpuStorage::F32(out), of_x.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        y: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let of_y = match x.dims() == y.dims() {
            true => grad.clone(),
            false => grad.reshape(((), y.dim(0)?))?.sum(0)?,
        };
        Ok((Some(grad.clone()), Some(of_y)))
    }
}

fn sums(x: &[f32], y: &[f32], out: &mut [f32]) {
    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
        *out = x + y;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, Var};

    use super::*;

    fn random(dims: &[usize]) -> Tensor {
        Tensor::rand(-1.0_f32, 1.0, dims, &Device::Cpu).unwrap()
    }

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn sums_and_slopes_are_candles() {
        let x = random(&[3, 70, 5]);
        for y in [random(&[3, 70, 5]), random(&[5]), random(&[3, 5, 70]).transpose(1, 2).unwrap()] {
            assert_eq!(values(&plus(&x, &y).unwrap()), values(&x.broadcast_add(&y).unwrap()));
            let slope = |plus: &dyn Fn(&Tensor) -> Tensor| {
                let y = Var::from_tensor(&y.contiguous().unwrap()).unwrap();
                let grads = plus(&y).sqr().unwrap().sum_all().unwrap().backward().unwrap();
                values(grads.get(&y).unwrap())
            };
            let (mine, exact) = (slope(&|y| plus(&x, y).unwrap()), slope(&|y| x.broadcast_add(y).unwrap()));
            assert!(mine.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 1e-4), "{mine:?} {exact:?}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for y in [random(&[4]), random(&[70, 5]), random(&[1])] {
            assert!(plus(&random(&[3, 70, 5]), &y).is_err());
        }
    }
}
