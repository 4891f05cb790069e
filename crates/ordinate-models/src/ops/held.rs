//! Weights that are held as the processor takes them, laid out once: a product lays them out anew each time, which takes as long as
//! the product of a few rows. No gradient goes through them.

use std::fmt::Debug;

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

use super::values;

/// Rows that one thread takes at a time: what goes in and what comes out stay in its cache.
const BLOCK: usize = 64;

/// The weights of a layer.
pub(crate) trait Held: Debug + Send + Sync {
    fn inputs(&self) -> usize;

    fn outputs(&self) -> usize;

    /// Bytes of them, and of what they are read by.
    fn bytes(&self) -> u64;

    /// The product of some rows, at most [`BLOCK`], and the transpose of the weights.
    fn block(&self, x: &[f32], made: &mut [f32]) -> Result<()>;
}

/// `x` (rows x inputs) times the transpose of the weights. `after` is given each block of rows that was made, and the number of its
/// first row, while they are in the cache.
pub(super) fn product(
    held: &dyn Held,
    x: &CpuStorage,
    of_x: &Layout,
    after: impl Fn(&mut [f32], usize) + Sync,
) -> Result<Vec<f32>> {
    let ((rows, width), inputs) = (of_x.shape().dims2()?, held.inputs());
    if inputs != width {
        let problem = format!("a layer of {inputs} inputs does not fit a width of {width}");
        return Err(Error::Msg(problem));
    }
    let x = values("a layer that is held", x, of_x)?;
    let mut made = vec![0.0_f32; rows * held.outputs()];
    let blocks = made.par_chunks_mut(BLOCK * held.outputs()).zip(x.par_chunks(BLOCK * inputs)).enumerate();
    blocks.try_for_each(|(block, (made, x))| {
        held.block(x, made)?;
        after(made, block * BLOCK);
        Ok::<(), Error>(())
    })?;
    Ok(made)
}

/// The product alone.
pub(super) struct Product<'a>(pub(super) &'a dyn Held);

impl CustomOp1 for Product<'_> {
    fn name(&self) -> &'static str {
        "a layer that is held"
    }

    fn cpu_fwd(&self, x: &CpuStorage, of_x: &Layout) -> Result<(CpuStorage, Shape)> {
        let made = product(self.0, x, of_x, |_, _| ())?;
        let rows = made.len() / self.0.outputs();
        Ok((CpuStorage::F32(made), (rows, self.0.outputs()).into()))
    }
}

/// The outputs and inputs of weights.
///
/// # Errors
/// Where there are none.
pub(super) fn size(weight: &Tensor) -> Result<(usize, usize)> {
    match weight.dims2()? {
        (outputs, inputs) if outputs > 0 && inputs > 0 => Ok((outputs, inputs)),
        (outputs, inputs) => Err(Error::Msg(format!("a layer of {outputs} x {inputs} has no weights"))),
    }
}

thread_local! {
    /// What multiplies, for the instructions of this processor.
    static PRODUCTS: GemmExecutor = GemmExecutor::default();
}

/// Weights in f32.
pub(crate) struct Packed {
    /// Inputs x outputs.
    weights: PackedBMatrix<f32>,
}

impl Packed {
    /// Of weights, outputs x inputs.
    ///
    /// # Errors
    /// Where there are none.
    pub(crate) fn new(weight: &Tensor) -> Result<Self> {
        let (outputs, inputs) = size(weight)?;
        let weight = weight.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
        let view = NdTensorView::from_data([outputs, inputs], &weight[..]);
        Ok(Self { weights: PRODUCTS.with(|products| products.prepack_b(view.transposed())) })
    }
}

impl Debug for Packed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} x {}", self.outputs(), self.inputs())
    }
}

impl Held for Packed {
    fn inputs(&self) -> usize {
        self.weights.rows()
    }

    fn outputs(&self) -> usize {
        self.weights.cols()
    }

    fn bytes(&self) -> u64 {
        (self.inputs() * self.outputs() * size_of::<f32>()) as u64
    }

    fn block(&self, x: &[f32], made: &mut [f32]) -> Result<()> {
        let inputs = self.inputs();
        let rows = GemmInputA::Unpacked(NdTensorView::from_data([x.len() / inputs, inputs], x));
        let weights = GemmInputB::Packed(&self.weights);
        PRODUCTS
            .with(|products| products.gemm(made, rows, weights, GemmOptions::default()))
            .map_err(|error| Error::Msg(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::{furthest, random};
    use super::super::{Heads, Weight, layer, linear_add_norm, linear_gelu, linear_heads};
    use super::*;

    /// The same weights as files have them, and held.
    fn both(weight: &Tensor) -> [Weight; 2] {
        [Weight::F32(weight.clone()), Weight::Held(Box::new(Packed::new(weight).unwrap()))]
    }

    #[test]
    fn what_is_held_gives_what_files_have() {
        for (rows, tokens, inputs, heads, size) in
            [(1, 1, 1, 1, 1), (3, 35, 5, 3, 7), (2, 70, 384, 12, 32), (1, 9, 1_536, 4, 33)]
        {
            let outputs = heads * size;
            let x = random(&[rows * tokens, inputs]);
            let weights = both(&(random(&[outputs, inputs]) / (inputs as f64).sqrt()).unwrap());
            let [bias, norm_weight, norm_bias] = [random(&[outputs]), random(&[outputs]), random(&[outputs])];
            let beside = random(&[rows * tokens, outputs]);
            let made = weights.map(|weight| {
                [
                    layer(&x, &weight, None).unwrap(),
                    layer(&x, &weight, Some(&bias)).unwrap(),
                    linear_gelu(&x, &weight, &bias).unwrap(),
                    linear_add_norm((&x, &weight, &bias), &beside, (&norm_weight, &norm_bias, 1e-5)).unwrap(),
                    linear_heads((&x, &weight, &bias), Heads { rows, tokens, heads }, 0.3).unwrap(),
                ]
            });
            for (one, other) in made[0].iter().zip(&made[1]) {
                assert_eq!(one.dims(), other.dims());
                assert!(furthest(one, other) < 2e-5, "{inputs} {}", furthest(one, other));
            }
        }
    }

    #[test]
    fn what_is_no_number_stays_in_its_row() {
        let [_, held] = both(&random(&[4, 20]));
        let mut rows = random(&[70, 20]).to_vec2::<f32>().unwrap();
        rows[65][18] = f32::NAN;
        let x = Tensor::new(rows, &candle_core::Device::Cpu).unwrap();
        let made = layer(&x, &held, None).unwrap().to_vec2::<f32>().unwrap();
        for (at, row) in made.iter().enumerate() {
            assert!(row.iter().all(|value| value.is_nan() == (at == 65)), "{at}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let [_, held] = both(&random(&[4, 7]));
        assert!(layer(&random(&[3, 8]), &held, None).is_err());
        assert!(layer(&random(&[3, 7]), &held, Some(&random(&[5]))).is_err());
        assert!(Packed::new(&random(&[0, 7])).is_err() && Packed::new(&random(&[7, 0])).is_err());
        let nothing = Tensor::zeros((0, 7), candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
        assert_eq!(layer(&nothing, &held, None).unwrap().dims(), [0, 4]);
    }
}
