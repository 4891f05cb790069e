//! Linear layers in eight bits. Of each output the weights, and of each row what goes in, are whole numbers with a scale of their own
//! (Jacob et al. 2018); sums are whole, and what comes out is f32. No gradient goes through it.
//!
//! A weight `w` is `scale * q` with `q` from -127 to 127, an input `x` is `scale * (q - zero)` with `q` from 0 to 255, from the least to the
//! largest value of its row.

use candle_core::{Error, Result, Tensor};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

use super::held::{Held, size};

/// Values that are looked at side by side.
const LANES: usize = 16;
/// Inputs at most: 2^31 over 255 times 127, beyond which a sum may not fit.
const MOST_INPUTS: usize = 66_000;

thread_local! {
    /// What multiplies, for the instructions of this processor.
    static PRODUCTS: GemmExecutor<u8, i8, i32> = GemmExecutor::default();
}

/// The weights of a layer.
pub(crate) struct Int8 {
    /// Inputs x outputs, as the processor takes them.
    weights: PackedBMatrix<i8>,
    /// Of each output.
    scales: Vec<f32>,
    /// The sum of each output's whole numbers: as often as what is zero of a row, it is too much in a product.
    totals: Vec<i32>,
    inputs: usize,
}

impl std::fmt::Debug for Int8 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} x {} in eight bits", self.outputs(), self.inputs)
    }
}

impl Int8 {
    /// Of weights, outputs x inputs.
    ///
    /// # Errors
    /// Where there are none, or the sums of so many inputs do not fit.
    pub(crate) fn new(weight: &Tensor) -> Result<Self> {
        let (outputs, inputs) = size(weight)?;
        if inputs > MOST_INPUTS {
            let problem = format!("a layer of {inputs} inputs is not computed in eight bits; take f32");
            return Err(Error::Msg(problem));
        }
        let weight = weight.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
        PRODUCTS.with(|products| {
            // Where sums of two products are held in 16 bits, seven bits are what does not flow over.
            let most = if products.may_saturate() { 63.0 } else { 127.0 };
            let mut whole = vec![0_i8; weight.len()];
            let rows = weight.chunks_exact(inputs).zip(whole.chunks_exact_mut(inputs));
            let scales = rows.map(|(row, whole)| scaled(row, most, whole)).collect();
            let total = |row: &[i8]| row.iter().map(|&one| i32::from(one)).sum();
            let totals = whole.chunks_exact(inputs).map(total).collect();
            let view = NdTensorView::from_data([outputs, inputs], &whole[..]);
            Ok(Self { weights: products.prepack_b(view.transposed()), scales, totals, inputs })
        })
    }
}

impl Held for Int8 {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.scales.len()
    }

    fn bytes(&self) -> u64 {
        (self.outputs() * (self.inputs + size_of::<f32>() + size_of::<i32>())) as u64
    }

    fn block(&self, x: &[f32], made: &mut [f32]) -> Result<()> {
        let (arch, rows) = (pulp::Arch::new(), x.len() / self.inputs);
        let mut whole = vec![0_u8; x.len()];
        let (mut zeros, mut scales) = (vec![0_i32; rows], vec![0.0_f32; rows]);
        arch.dispatch(Whole {
            x,
            inputs: self.inputs,
            whole: &mut whole,
            zeros: &mut zeros,
            scales: &mut scales,
        });
        let mut sums = vec![0_i32; made.len()];
        let rows = GemmInputA::Unpacked(NdTensorView::from_data([rows, self.inputs], &whole[..]));
        let weights = GemmInputB::Packed(&self.weights);
        // It can subtract what is zero itself, but of rows beyond the first few it takes that of others (rten-gemm 0.27.0).
        PRODUCTS
            .with(|products| products.gemm(&mut sums, rows, weights, GemmOptions::default()))
            .map_err(|error| Error::Msg(error.to_string()))?;
        arch.dispatch(Scaled { sums: &sums, zeros: &zeros, rows: &scales, layer: self, made });
        Ok(())
    }
}

/// Writes the weights of an output as whole numbers of this size at most, and says what one stands for.
fn scaled(row: &[f32], most: f32, whole: &mut [i8]) -> f32 {
    let (low, high) = range(row);
    let largest = high.max(-low);
    let scale = if largest > 0.0 { largest / most } else { 1.0 };
    for (whole, value) in whole.iter_mut().zip(row) {
        *whole = (value / scale).round() as i8;
    }
    scale + odd(row)
}

/// The least and the largest value of a row and 0.
#[inline(always)]
fn range(row: &[f32]) -> (f32, f32) {
    let (mut low, mut high) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let mut look = |lane: usize, value: f32| {
        low[lane] = if value < low[lane] { value } else { low[lane] };
        high[lane] = if value > high[lane] { value } else { high[lane] };
    };
    let blocks = row.chunks_exact(LANES);
    for (lane, value) in blocks.remainder().iter().enumerate() {
        look(lane, *value);
    }
    for block in blocks {
        block.iter().enumerate().for_each(|(lane, value)| look(lane, *value));
    }
    (low.into_iter().fold(0.0, f32::min), high.into_iter().fold(0.0, f32::max))
}

/// 0, and of a row with what is no number, or is endless, no number: it is to come out as such, not as some whole number.
#[inline(always)]
fn odd(row: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let blocks = row.chunks_exact(LANES);
    let rest: f32 = blocks.remainder().iter().map(|value| value * 0.0).sum();
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, value)| *sum += value * 0.0);
    }
    rest + sums.iter().sum::<f32>()
}

// Rows as whole numbers, what of them is zero, and what one stands for.
wide!(Whole<'a> { x: &'a [f32], inputs: usize, whole: &'a mut [u8], zeros: &'a mut [i32], scales: &'a mut [f32] } {
    let rows = x.chunks_exact(inputs).zip(whole.chunks_exact_mut(inputs)).zip(zeros).zip(scales);
    for (((x, whole), at), scale) in rows {
        let (low, high) = range(x);
        let one = if high > low { (high - low) / 255.0 } else { 1.0 };
        let (zero, per) = ((-low / one).round(), 1.0 / one);
        for (whole, value) in whole.iter_mut().zip(x) {
            *whole = (value * per + zero + 0.5) as u8;
        }
        *at = zero as i32;
        *scale = one + odd(x);
    }
});

// What sums of whole numbers stand for.
wide!(Scaled<'a> { sums: &'a [i32], zeros: &'a [i32], rows: &'a [f32], layer: &'a Int8, made: &'a mut [f32] } {
    let (width, outputs) = (layer.outputs(), || layer.totals.iter().zip(&layer.scales));
    let rows = made.chunks_exact_mut(width).zip(sums.chunks_exact(width)).zip(zeros.iter().zip(rows));
    for ((made, sums), (zero, row)) in rows {
        for ((made, sum), (total, output)) in made.iter_mut().zip(sums).zip(outputs()) {
            *made = (sum - zero * total) as f32 * (row * output);
        }
    }
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::{furthest, random};
    use super::super::{Heads, Weight, layer, linear, linear_add_norm, linear_gelu, linear_heads};
    use super::*;

    /// The same weights in 32 bits, and in eight.
    fn both(weight: &Tensor) -> [Weight; 2] {
        [Weight::F32(weight.clone()), Weight::Held(Box::new(Int8::new(weight).unwrap()))]
    }

    #[test]
    fn a_layer_is_as_near_as_its_steps_are_fine() {
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 17, 5), (70, 64, 100), (200, 384, 96)] {
            let (x, weight) = (random(&[rows, inputs]), random(&[outputs, inputs]));
            let [_, eight] = both(&weight);
            let exact = linear(&x, &weight, None).unwrap();
            let (made, exact) = (layer(&x, &eight, None).unwrap(), exact.to_vec2::<f32>().unwrap());
            let (made, x) = (made.to_vec2::<f32>().unwrap(), x.to_vec2::<f32>().unwrap());
            let weight = weight.to_vec2::<f32>().unwrap();
            let most_of_weights = if PRODUCTS.with(GemmExecutor::may_saturate) { 63.0 } else { 127.0 };
            for (row, (made, exact)) in x.iter().zip(made.iter().zip(&exact)) {
                let (low, high) = range(row);
                // Half a step of an input times the weights, and half a step of a weight times the inputs, at most.
                for ((made, exact), weights) in made.iter().zip(exact).zip(&weight) {
                    let (low_weight, high_weight) = range(weights);
                    let of_weight = high_weight.max(-low_weight) / most_of_weights;
                    let of_input = (high - low) / 255.0;
                    let sum = |values: &[f32]| values.iter().map(|value| value.abs()).sum::<f32>();
                    // What is zero lies at a whole number: an input may be a whole step off.
                    let bound = of_input * sum(weights)
                        + 0.5 * of_weight * sum(row)
                        + of_input * of_weight * inputs as f32;
                    assert!((made - exact).abs() <= bound + 1e-4, "{made} {exact} {bound}");
                }
            }
        }
    }

    #[test]
    fn what_whole_numbers_say_comes_out_exactly() {
        // Inputs from 0 to 255 and weights from -127 to 127 are their own whole numbers.
        let x = Tensor::new(&[[0.0_f32, 255.0, 3.0], [255.0, 0.0, 7.0]], &candle_core::Device::Cpu).unwrap();
        let most = if PRODUCTS.with(GemmExecutor::may_saturate) { 63.0_f32 } else { 127.0 };
        let weight =
            Tensor::new(&[[most, -2.0, 5.0], [1.0, most, -most]], &candle_core::Device::Cpu).unwrap();
        let [f32s, eight] = both(&weight);
        let made = |weight| layer(&x, weight, None).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(made(&f32s), made(&eight));
    }

    #[test]
    fn what_follows_a_layer_follows_it_here_too() {
        let (rows, tokens, inputs, heads, size) = (3, 35, 40, 3, 7);
        let outputs = heads * size;
        let [x, weight, bias] =
            [random(&[rows * tokens, inputs]), random(&[outputs, inputs]), random(&[outputs])];
        let [beside, norm_weight, norm_bias] =
            [random(&[rows * tokens, outputs]), random(&[outputs]), random(&[outputs])];
        let sums = Weight::F32(weight.clone());
        let [_, eight] = both(&weight);
        let norm = (&norm_weight, &norm_bias, 1e-5);
        let of = |weight: &Weight| {
            [
                layer(&x, weight, Some(&bias)).unwrap(),
                linear_gelu(&x, weight, &bias).unwrap(),
                linear_add_norm((&x, weight, &bias), &beside, norm).unwrap(),
                linear_heads((&x, weight, &bias), Heads { rows, tokens, heads }, 0.3).unwrap(),
            ]
        };
        for (exact, made) in of(&sums).iter().zip(&of(&eight)) {
            assert_eq!(exact.dims(), made.dims());
            let far = furthest(exact, made);
            assert!(far > 0.0 && far < 0.1, "{far}");
        }
    }

    #[test]
    fn what_is_no_number_comes_out_as_none() {
        let [_, eight] = both(&random(&[4, 20]));
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut rows = random(&[2, 20]).to_vec2::<f32>().unwrap();
            rows[0][18] = odd;
            let x = Tensor::new(rows, &candle_core::Device::Cpu).unwrap();
            let made = layer(&x, &eight, None).unwrap().to_vec2::<f32>().unwrap();
            assert!(
                made[0].iter().all(|value| value.is_nan()) && made[1].iter().all(|value| value.is_finite())
            );
        }
        let nothing = Tensor::zeros((2, 20), candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
        assert_eq!(layer(&nothing, &eight, None).unwrap().to_vec2::<f32>().unwrap(), [[0.0; 4]; 2]);
    }

    #[test]
    fn other_shapes_are_refused() {
        let [_, eight] = both(&random(&[4, 7]));
        assert!(layer(&random(&[3, 8]), &eight, None).is_err());
        assert!(layer(&random(&[3, 7]), &eight, Some(&random(&[5]))).is_err());
        assert!(Int8::new(&random(&[0, 7])).is_err());
        assert!(
            Int8::new(&random(&[1, MOST_INPUTS])).is_ok()
                && Int8::new(&random(&[1, MOST_INPUTS + 1])).is_err()
        );
    }
}
