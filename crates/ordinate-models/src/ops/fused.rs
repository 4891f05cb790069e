//! A linear layer and what follows it, in one pass over what the product made: each pass of its own reads and writes megabytes and
//! takes memory for them. They have no gradient; where something is trained, the operations follow one another. Both give the same bits.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::held::{self, Held, Product};
use super::linear::{biases, product};
use super::{ROWS, add, gelu, layer_norm, linear, read};

/// The weights of a layer, outputs x inputs.
#[derive(Debug)]
pub(crate) enum Weight {
    /// As files have them: what is trained is what is saved.
    F32(Tensor),
    /// As the processor takes them: nothing is trained through them.
    Held(Box<dyn Held>),
}

impl Weight {
    pub(crate) fn outputs(&self) -> usize {
        match self {
            Self::F32(weight) => weight.dims().first().copied().unwrap_or(0),
            Self::Held(weight) => weight.outputs(),
        }
    }

    /// The weights as they are, where gradients are asked of them or of one of the others.
    fn trained(&self, others: &[&Tensor]) -> Option<&Tensor> {
        match self {
            Self::F32(weight) => [weight].iter().chain(others).any(|one| one.track_op()).then_some(weight),
            Self::Held(_) => None,
        }
    }
}

/// `linear(x)`.
pub(crate) fn layer(x: &Tensor, weight: &Weight, bias: Option<&Tensor>) -> Result<Tensor> {
    match (weight, bias) {
        (Weight::F32(weight), bias) => linear(x, weight, bias),
        (Weight::Held(_), Some(bias)) => applied(x, weight, bias, Fused(Sum)),
        (Weight::Held(weight), None) => x.contiguous()?.apply_op1_no_bwd(&Product(&**weight)),
    }
}

/// `gelu(linear(x))`.
pub(crate) fn linear_gelu(x: &Tensor, weight: &Weight, bias: &Tensor) -> Result<Tensor> {
    match weight.trained(&[x, bias]) {
        Some(weight) => gelu(&linear(x, weight, Some(bias))?),
        None => applied(x, weight, bias, Fused(Gelu)),
    }
}

/// The norm of `linear(x) + beside`, where `beside` has the shape of what the layer gives.
pub(crate) fn linear_add_norm(
    (x, weight, bias): (&Tensor, &Weight, &Tensor),
    beside: &Tensor,
    (norm_weight, norm_bias, eps): (&Tensor, &Tensor, f32),
) -> Result<Tensor> {
    if let Some(weight) = weight.trained(&[x, bias, beside, norm_weight, norm_bias]) {
        return layer_norm(&add(&linear(x, weight, Some(bias))?, beside)?, norm_weight, norm_bias, eps);
    }
    let outputs = weight.outputs();
    if beside.dims2()? != (x.dim(0)?, outputs)
        || norm_weight.dims1()? != outputs
        || norm_bias.dims1()? != outputs
    {
        let (beside, norm) = (beside.dims(), norm_weight.dims());
        return Err(Error::Msg(format!(
            "{beside:?} and a norm of {norm:?} do not fit a layer of {outputs} outputs"
        )));
    }
    read([beside, norm_weight, norm_bias], |[beside, norm_weight, norm_bias]| {
        let norm = layer_norm::LayerNorm { eps };
        applied(x, weight, bias, Fused(AddNorm { beside, norm, weight: norm_weight, bias: norm_bias }))
    })?
}

/// What the row with this number becomes, in place: of what the product made, and the bias.
trait Finish: Sync {
    fn row(&self, row: &mut [f32], bias: &[f32], at: usize);
}

struct Sum;

impl Finish for Sum {
    #[inline(always)]
    fn row(&self, row: &mut [f32], bias: &[f32], _: usize) {
        row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
    }
}

struct Gelu;

impl Finish for Gelu {
    #[inline(always)]
    fn row(&self, row: &mut [f32], bias: &[f32], _: usize) {
        gelu::of_sums(row, bias);
    }
}

struct AddNorm<'a> {
    beside: &'a [f32],
    norm: layer_norm::LayerNorm,
    weight: &'a [f32],
    bias: &'a [f32],
}

impl Finish for AddNorm<'_> {
    #[inline(always)]
    fn row(&self, row: &mut [f32], bias: &[f32], at: usize) {
        let beside = &self.beside[at * row.len()..][..row.len()];
        for ((value, bias), beside) in row.iter_mut().zip(bias).zip(beside) {
            *value = *value + bias + beside;
        }
        self.norm.in_place(row, self.weight, self.bias);
    }
}

/// Some rows, the first of which has this number.
struct Rows<'a, F> {
    finish: &'a F,
    made: &'a mut [f32],
    bias: &'a [f32],
    first: usize,
}

impl<F: Finish> pulp::NullaryFnOnce for Rows<'_, F> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (at, row) in self.made.chunks_exact_mut(self.bias.len()).enumerate() {
            self.finish.row(row, self.bias, self.first + at);
        }
    }
}

/// How the states of a layer are parted among heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    /// Texts.
    pub(crate) rows: usize,
    /// Tokens of each.
    pub(crate) tokens: usize,
    /// Heads.
    pub(crate) heads: usize,
}

/// `linear(x)` times a scale, of texts x heads x tokens x size.
pub(crate) fn linear_heads(
    (x, weight, bias): (&Tensor, &Weight, &Tensor),
    heads: Heads,
    scale: f32,
) -> Result<Tensor> {
    match weight.trained(&[x, bias]) {
        Some(weight) => parted(&linear(x, weight, Some(bias))?, heads, scale),
        None => applied(x, weight, bias, Parted { heads, scale }),
    }
}

/// States, (texts x tokens) x width, parted among heads and times a scale.
pub(crate) fn parted(states: &Tensor, heads: Heads, scale: f32) -> Result<Tensor> {
    let Heads { rows, tokens, heads } = heads;
    let size = states.dim(1)? / heads.max(1);
    let parted = states.reshape((rows, tokens, heads, size))?.transpose(1, 2)?.contiguous()?;
    if scale == 1.0 { Ok(parted) } else { parted * f64::from(scale) }
}

fn applied(x: &Tensor, weight: &Weight, bias: &Tensor, after: impl After) -> Result<Tensor> {
    let (x, bias) = (x.contiguous()?, bias.contiguous()?);
    match weight {
        Weight::F32(weight) => x.apply_op3_no_bwd(&weight.contiguous()?, &bias, &Plain(after)),
        Weight::Held(weight) => x.apply_op2_no_bwd(&bias, &Ready(&**weight, after)),
    }
}

/// What becomes of a product, which lacks its biases.
trait After: Sync {
    const NAME: &'static str;

    /// What some rows become where they are; the first of them has this number.
    fn rows(&self, made: &mut [f32], bias: &[f32], first: usize);

    /// What all become then. They are as wide as there are biases.
    fn all(&self, made: Vec<f32>, bias: &[f32]) -> Result<(CpuStorage, Shape)>;
}

/// A layer, and what follows.
struct Plain<A>(A);

impl<A: After> CustomOp3 for Plain<A> {
    fn name(&self) -> &'static str {
        A::NAME
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
        let (made, _, outputs) = product(x, of_x, weight, of_weight)?;
        let CpuStorage::F32(mut made) = made else {
            return Err(Error::Msg("linear layers are of f32".to_owned()));
        };
        let bias = biases(A::NAME, bias, of_bias, outputs)?;
        let chunks = made.par_chunks_mut(ROWS * outputs).enumerate();
        chunks.for_each(|(chunk, made)| self.0.rows(made, bias, chunk * ROWS));
        self.0.all(made, bias)
    }
}

/// The same, with weights that are held.
struct Ready<'a, A>(&'a dyn Held, A);

impl<A: After> CustomOp2 for Ready<'_, A> {
    fn name(&self) -> &'static str {
        A::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        of_x: &Layout,
        bias: &CpuStorage,
        of_bias: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let bias = biases(A::NAME, bias, of_bias, self.0.outputs())?;
        let made = held::product(self.0, x, of_x, |made, first| self.1.rows(made, bias, first))?;
        self.1.all(made, bias)
    }
}

/// What each row becomes.
struct Fused<F>(F);

impl<F: Finish> After for Fused<F> {
    const NAME: &'static str = "a layer and what follows";

    fn rows(&self, made: &mut [f32], bias: &[f32], first: usize) {
        pulp::Arch::new().dispatch(Rows { finish: &self.0, made, bias, first });
    }

    fn all(&self, made: Vec<f32>, bias: &[f32]) -> Result<(CpuStorage, Shape)> {
        let rows = made.len() / bias.len();
        Ok((CpuStorage::F32(made), (rows, bias.len()).into()))
    }
}

struct Parted {
    heads: Heads,
    scale: f32,
}

impl After for Parted {
    const NAME: &'static str = "a layer parted among heads";

    fn rows(&self, _: &mut [f32], _: &[f32], _: usize) {}

    fn all(&self, made: Vec<f32>, bias: &[f32]) -> Result<(CpuStorage, Shape)> {
        let (Heads { rows, tokens, heads }, outputs) = (self.heads, bias.len());
        if made.len() != rows * tokens * outputs || heads == 0 || outputs % heads != 0 {
            let made = made.len() / outputs;
            return Err(Error::Msg(format!("{made} rows of {outputs} are no {rows} texts of {heads} heads")));
        }
        let size = outputs / heads;
        let mut out = vec![0.0_f32; made.len()];
        if out.is_empty() {
            return Ok((CpuStorage::F32(out), (rows, heads, tokens, size).into()));
        }
        let arch = pulp::Arch::new();
        let texts = out.par_chunks_mut(tokens * outputs).zip(made.par_chunks(tokens * outputs));
        texts.for_each(|(out, made)| arch.dispatch(Text { made, bias, out, size, scale: self.scale }));
        Ok((CpuStorage::F32(out), (rows, heads, tokens, size).into()))
    }
}

// The states of a text, head by head.
wide!(Text<'a> { made: &'a [f32], bias: &'a [f32], out: &'a mut [f32], size: usize, scale: f32 } {
    let (width, tokens) = (bias.len(), made.len() / bias.len());
    for (head, out) in out.chunks_exact_mut(tokens * size).enumerate() {
        let bias = &bias[head * size..][..size];
        for (row, out) in made.chunks_exact(width).zip(out.chunks_exact_mut(size)) {
            for ((out, value), bias) in out.iter_mut().zip(&row[head * size..][..size]).zip(bias) {
                *out = (value + bias) * scale;
            }
        }
    }
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Var;

    use super::super::tests::{furthest, random};
    use super::*;

    /// The same tensors, gradients asked of the first.
    fn trained(x: &Tensor) -> Tensor {
        Var::from_tensor(x).unwrap().as_tensor().clone()
    }

    #[test]
    fn in_one_pass_or_in_several_the_bits_are_the_same() {
        for (rows, tokens, inputs, heads, size) in [(1, 1, 1, 1, 1), (3, 35, 5, 3, 7), (2, 20, 64, 4, 32)] {
            let outputs = heads * size;
            let [x, weight, bias] =
                [random(&[rows * tokens, inputs]), random(&[outputs, inputs]), random(&[outputs])];
            let weight = Weight::F32(weight);
            let gelu = |x: &Tensor| linear_gelu(x, &weight, &bias).unwrap();
            assert_eq!(furthest(&gelu(&x), &gelu(&trained(&x)).detach()), 0.0);
            let [beside, norm_weight, norm_bias] =
                [random(&[rows * tokens, outputs]), random(&[outputs]), random(&[outputs])];
            let normed = |x: &Tensor| {
                linear_add_norm((x, &weight, &bias), &beside, (&norm_weight, &norm_bias, 1e-5)).unwrap()
            };
            assert_eq!(furthest(&normed(&x), &normed(&trained(&x)).detach()), 0.0);
            let by_heads =
                |x: &Tensor| linear_heads((x, &weight, &bias), Heads { rows, tokens, heads }, 0.3).unwrap();
            let (one, several) = (by_heads(&x), by_heads(&trained(&x)).detach());
            assert_eq!(one.dims(), [rows, heads, tokens, size]);
            assert_eq!(furthest(&one, &several), 0.0);
        }
    }

    #[test]
    fn what_is_trained_has_its_gradient() {
        let [x, weight, bias] = [random(&[6, 4]), random(&[8, 4]), random(&[8])];
        let weight = Weight::F32(weight);
        let x = Var::from_tensor(&x).unwrap();
        let layer = (x.as_tensor(), &weight, &bias);
        let beside = random(&[6, 8]);
        let made = [
            linear_gelu(layer.0, layer.1, layer.2).unwrap(),
            linear_add_norm(layer, &beside, (&bias, &bias, 1e-5)).unwrap(),
            linear_heads(layer, Heads { rows: 2, tokens: 3, heads: 2 }, 0.5).unwrap(),
        ];
        for made in made {
            assert!(made.sqr().unwrap().sum_all().unwrap().backward().unwrap().get(&x).is_some());
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let [x, weight, bias] = [random(&[6, 4]), random(&[8, 4]), random(&[8])];
        let weight = Weight::F32(weight);
        assert!(linear_gelu(&x, &Weight::F32(random(&[8, 5])), &bias).is_err());
        assert!(linear_gelu(&x, &weight, &random(&[7])).is_err());
        assert!(linear_add_norm((&x, &weight, &bias), &random(&[6, 7]), (&bias, &bias, 1e-5)).is_err());
        assert!(
            linear_add_norm((&x, &weight, &bias), &random(&[6, 8]), (&random(&[7]), &bias, 1e-5)).is_err()
        );
        assert!(linear_heads((&x, &weight, &bias), Heads { rows: 2, tokens: 2, heads: 2 }, 1.0).is_err());
        assert!(linear_heads((&x, &weight, &bias), Heads { rows: 2, tokens: 3, heads: 3 }, 1.0).is_err());
    }
}
