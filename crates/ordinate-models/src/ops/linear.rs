//! Linear layers: product and bias in one operation. What is frozen gets no gradient, which candle's own product would
//! compute all the same: a third of the time of training low-rank updates alone.

use candle_core::backend::BackendStorage as _;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{ROWS, column_sums, read, values};

/// `x` (rows x inputs) times the transpose of a weight (outputs x inputs), plus a bias.
pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, Linear),
        None => x.apply_op2(&weight, Linear),
    }
}

struct Linear;

const NAME: &str = "linear";

pub(super) fn product(
    x: &CpuStorage,
    of_x: &Layout,
    weight: &CpuStorage,
    of_weight: &Layout,
) -> Result<(CpuStorage, usize, usize)> {
    let ((rows, inputs), (outputs, expected)) = (of_x.shape().dims2()?, of_weight.shape().dims2()?);
    if inputs != expected {
        let problem = format!("a layer of {expected} inputs does not fit a width of {inputs}");
        return Err(Error::Msg(problem));
    }
    let made = x.matmul(weight, (1, rows, outputs, inputs), of_x, &of_weight.transpose(0, 1)?)?;
    Ok((made, rows, outputs))
}

/// As many biases as the layer has outputs.
pub(super) fn biases<'a>(
    name: &str,
    bias: &'a CpuStorage,
    layout: &Layout,
    outputs: usize,
) -> Result<&'a [f32]> {
    let bias = values(name, bias, layout)?;
    match bias.len() == outputs {
        true => Ok(bias),
        false => Err(Error::Msg(format!("a layer of {outputs} outputs has {} biases", bias.len()))),
    }
}

/// Of `x` the gradient times the weight, of the weight the transposed gradient times `x`; `None` for what is frozen.
fn slopes(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
    let of_x = if x.track_op() { Some(grad.matmul(&weight.detach())?) } else { None };
    let of_weight = if weight.track_op() { Some(grad.t()?.matmul(&x.detach())?) } else { None };
    Ok((of_x, of_weight))
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        weight: &CpuStorage,
        of_weight: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (made, rows, outputs) = product(x, of_x, weight, of_weight)?;
        Ok((made, (rows, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        slopes(x, weight, &grad.contiguous()?)
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        NAME
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
        let (mut made, rows, outputs) = product(x, of_x, weight, of_weight)?;
        let bias = biases(NAME, bias, of_bias, outputs)?;
        let CpuStorage::F32(made_values) = &mut made else {
            return Err(Error::Msg("linear layers are of f32".to_owned()));
        };
        made_values.par_chunks_mut(ROWS * outputs).for_each(|rows| {
            for row in rows.chunks_exact_mut(outputs) {
                row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
            }
        });
        Ok((made, (rows, outputs).into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (of_x, of_weight) = slopes(x, weight, &grad)?;
        let of_bias = match bias.track_op() {
            true => {
                let sums = read([&grad], |[grad]| column_sums(grad, bias.elem_count()))?;
                Some(Tensor::from_vec(sums, bias.shape(), bias.device())?)
            }
            false => None,
        };
        Ok((of_x, of_weight, of_bias))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Var;

    use super::super::tests::{furthest, random, slopes};
    use super::linear;

    #[test]
    fn values_and_slopes_are_candles() {
        for (rows, inputs, outputs) in [(1, 1, 1), (70, 5, 3), (33, 64, 100)] {
            let given = [random(&[rows, inputs]), random(&[outputs, inputs]), random(&[outputs])];
            let exact = |x: &[candle_core::Tensor]| {
                x[0].matmul(&x[1].t().unwrap()).unwrap().broadcast_add(&x[2]).unwrap()
            };
            let mine = linear(&given[0], &given[1], Some(&given[2])).unwrap();
            assert!(furthest(&mine, &exact(&given)) < 1e-4);
            let mine = slopes(&given, &|x| linear(&x[0], &x[1], Some(&x[2])).unwrap());
            for (mine, exact) in mine.iter().zip(&slopes(&given, &exact)) {
                assert!(furthest(mine, exact) < 2e-4, "{}", furthest(mine, exact));
            }
            let plain = slopes(&given[..2], &|x| linear(&x[0], &x[1], None).unwrap());
            let exact = slopes(&given[..2], &|x| x[0].matmul(&x[1].t().unwrap()).unwrap());
            assert!(plain.iter().zip(&exact).all(|(mine, exact)| furthest(mine, exact) < 2e-4));
        }
    }

    #[test]
    fn what_is_frozen_has_no_gradient() {
        let (weight, bias) = (random(&[4, 3]), random(&[4]));
        let x = Var::from_tensor(&random(&[5, 3])).unwrap();
        let made = linear(x.as_tensor(), &weight, Some(&bias)).unwrap();
        let gradients = made.sum_all().unwrap().backward().unwrap();
        assert!(gradients.get(&x).is_some());
        assert!(gradients.get(&weight).is_none() && gradients.get(&bias).is_none());
    }

    #[test]
    fn other_shapes_are_refused() {
        assert!(linear(&random(&[3, 8]), &random(&[4, 7]), None).is_err());
        assert!(linear(&random(&[3, 8]), &random(&[4, 8]), Some(&random(&[5]))).is_err());
    }
}
