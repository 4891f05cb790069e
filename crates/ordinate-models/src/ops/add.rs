//! Sums. candle adds large tensors in threads of its own that callers wait for by turns: with a batch a thread, as
//! encoders run here, they mostly wait.

use candle_core::{CpuStorage, CustomOp2, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{ROWS, column_sums, read, values, width};

/// `x + y`, where `y` has the shape of `x`, or is one row that is added to all rows of `x`.
pub(crate) fn add(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op2(&y.contiguous()?, Add)
}

struct Add;

impl CustomOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        y: &CpuStorage,
        of_y: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, y, width) = (values(self.name(), x, of_x)?, values(self.name(), y, of_y)?, width(of_x));
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
            false => {
                let sums = read([grad], |[grad]| column_sums(grad, y.elem_count()))?;
                Tensor::from_vec(sums, y.shape(), y.device())?
            }
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

    use super::super::tests::{furthest, random, slopes};
    use super::*;

    fn values(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn values_and_slopes_are_candles() {
        let x = random(&[3, 70, 5]);
        for y in [random(&[3, 70, 5]), random(&[5]), random(&[3, 5, 70]).transpose(1, 2).unwrap()] {
            assert_eq!(values(&add(&x, &y).unwrap()), values(&x.broadcast_add(&y).unwrap()));
            let given = [x.clone(), y];
            let mine = slopes(&given, &|of| add(&of[0], &of[1]).unwrap());
            let exact = slopes(&given, &|of| of[0].broadcast_add(&of[1]).unwrap());
            assert!(mine.iter().zip(&exact).all(|(mine, exact)| furthest(mine, exact) < 1e-4));
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        for y in [random(&[4]), random(&[70, 5]), random(&[1])] {
            assert!(add(&random(&[3, 70, 5]), &y).is_err());
        }
    }
}
