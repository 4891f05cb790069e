//! AdamW (Loshchilov and Hutter 2019) with clipping of the gradients' length, as PyTorch has both, in one pass over memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, Error, InplaceOp2, Layout, Result, Tensor, Var};
use rayon::prelude::*;

const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;
/// Values that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// A variable, and the running means of its gradient and of its square.
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) variable: Var,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
    decays: bool,
    is_new: bool,
}

/// The optimiser.
pub(crate) struct AdamW {
    pub(crate) slots: Vec<Slot>,
    /// Steps done.
    pub(crate) steps: u64,
    decay: f64,
    /// The longest that a gradient may be over all variables.
    clip: f64,
}

/// The size of a step: of what was trained before, and of what is new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) old: f64,
    pub(crate) new: f64,
}

impl AdamW {
    /// Biases and norms do not decay.
    pub(crate) fn new(
        variables: &BTreeMap<String, Var>,
        is_new: &dyn Fn(&str) -> bool,
        decay: f64,
        clip: f64,
    ) -> Self {
        let slot = |(name, variable): (&String, &Var)| {
            let count = variable.elem_count();
            let lower = name.to_lowercase();
            Slot {
                name: name.clone(),
                variable: variable.clone(),
                first: vec![0.0; count],
                second: vec![0.0; count],
                decays: !lower.ends_with("bias") && !lower.contains("norm"),
                is_new: is_new(name),
            }
        };
        Self { slots: variables.iter().map(slot).collect(), steps: 0, decay, clip }
    }

    /// Nothing for each variable.
    pub(crate) fn no_gradients(&self) -> Gradients {
        Gradients(vec![None; self.slots.len()])
    }

    /// Adds the gradients of a part of a batch.
    pub(crate) fn gather(&self, gradients: &mut Gradients, part: &mut GradStore) -> Result<()> {
        for (sum, slot) in gradients.0.iter_mut().zip(&self.slots) {
            let Some(new) = part.remove(&slot.variable) else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => (sum + new)?,
                None => new.contiguous()?,
            });
        }
        Ok(())
    }

    /// One step along the gradients.
    pub(crate) fn step(&mut self, gradients: &Gradients, rates: Rates) -> Result<()> {
        self.steps += 1;
        let length = gradients.length()?;
        // As `torch.nn.utils.clip_grad_norm_`.
        let scale = (self.clip / (length + 1e-6)).min(1.0);
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let corrections = (1.0 - BETAS.0.powi(steps), 1.0 - BETAS.1.powi(steps));
        for (slot, gradient) in self.slots.iter_mut().zip(&gradients.0) {
            let Some(gradient) = gradient else { continue };
            let rate = if slot.is_new { rates.new } else { rates.old };
            let decay = if slot.decays { 1.0 - rate * self.decay } else { 1.0 };
            let update = Update {
                moments: Mutex::new((&mut slot.first, &mut slot.second)),
                scale: scale as f32,
                decay: decay as f32,
                size: (rate / corrections.0) as f32,
                root: (1.0 / corrections.1.sqrt()) as f32,
            };
            slot.variable.as_tensor().inplace_op2(gradient, &update)?;
        }
        Ok(())
    }
}

/// The gradients of one step, in the order of the variables.
pub(crate) struct Gradients(Vec<Option<Tensor>>);

impl Gradients {
    /// Their length as one vector. Summed in a fixed order, so that the number of threads changes nothing.
    fn length(&self) -> Result<f64> {
        let mut sum = 0.0;
        for gradient in self.0.iter().flatten() {
            let (storage, layout) = gradient.storage_and_layout();
            let candle_core::Storage::Cpu(storage) = &*storage else { return Err(elsewhere()) };
            let squares = |values: &[f32]| {
                let mut lanes = [0.0_f32; 16];
                for chunk in values.chunks(16) {
                    lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += value * value);
                }
                f64::from(lanes.iter().sum::<f32>())
            };
            let parts: Vec<f64> = values(storage, layout)?.par_chunks(CHUNK).map(squares).collect();
            sum += parts.iter().sum::<f64>();
        }
        Ok(sum.sqrt())
    }
}

fn elsewhere() -> Error {
    Error::Msg("training runs on the CPU".to_owned())
}

fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let (from, to) = layout.contiguous_offsets().ok_or_else(elsewhere)?;
    Ok(&storage.as_slice::<f32>()?[from..to])
}

/// The step of one variable.
struct Update<'a> {
    moments: Mutex<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
    /// What gradients are multiplied with.
    scale: f32,
    /// What the variable is multiplied with.
    decay: f32,
    size: f32,
    root: f32,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "a step of AdamW"
    }

    fn cpu_fwd(
        &self,
        own: &mut CpuStorage,
        of_own: &Layout,
        gradient: &CpuStorage,
        of: &Layout,
    ) -> Result<()> {
        let gradient = values(gradient, of)?;
        let (from, to) = of_own.contiguous_offsets().ok_or_else(elsewhere)?;
        let CpuStorage::F32(own) = own else { return Err(elsewhere()) };
        let own = &mut own[from..to];
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, second) = &mut *moments;
        let arch = pulp::Arch::new();
        own.par_chunks_mut(CHUNK)
            .zip(first.par_chunks_mut(CHUNK))
            .zip(second.par_chunks_mut(CHUNK))
            .zip(gradient.par_chunks(CHUNK))
            .for_each(|(((own, first), second), gradient)| {
                arch.dispatch(Chunk { of: self, own, first, second, gradient });
            });
        Ok(())
    }
}

/// A step of some values. Not a closure: that would not be compiled for the processor's own registers.
struct Chunk<'a, 'u> {
    of: &'a Update<'u>,
    own: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    gradient: &'a [f32],
}

impl pulp::NullaryFnOnce for Chunk<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (one, two) = (BETAS.0 as f32, BETAS.1 as f32);
        let rest = ((1.0 - BETAS.0) as f32, (1.0 - BETAS.1) as f32);
        let (scale, size, root, decay) = (self.of.scale, self.of.size, self.of.root, self.of.decay);
        let values = self.own.iter_mut().zip(self.first).zip(self.second).zip(self.gradient);
        for (((own, first), second), gradient) in values {
            let gradient = gradient * scale;
            *first = one * *first + rest.0 * gradient;
            *second = two * *second + rest.1 * gradient * gradient;
            let root = second.sqrt() * root + EPSILON as f32;
            *own = *own * decay - size * *first / root;
        }
    }
}

/// The last share of the time, over which steps shrink where time ends the training, and when they begin and end to grow.
const SHRINKS: f64 = 0.3;
const GROWN: (f64, f64) = (0.05, 0.15);

/// How large a step is: it grows over the first tenth of the steps, and shrinks to nothing over the others. Where the time will be up
/// before the last step, time does so, late: steps that are still large when it ends leave the weights far from where smaller ones would
/// take them, and a short while of those is enough (Hägele et al. 2024). `spent` is the share of the time that is gone; as long as it is no more than that
/// of the steps (at first a twentieth more), it changes nothing.
pub(crate) fn schedule(step: u64, steps: u64, spent: Option<f64>) -> f64 {
    let warm = (steps / 10).max(1);
    let spent = spent.unwrap_or(0.0).min(1.0);
    let grown = ((step + 1) as f64 / warm as f64).max((spent - GROWN.0) / (GROWN.1 - GROWN.0));
    let left = steps.saturating_sub(step) as f64 / steps.saturating_sub(warm).max(1) as f64;
    grown.min(left).min((1.0 - spent) / SHRINKS).min(1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;

    /// The figures are PyTorch's: `torch.optim.AdamW(lr=0.1, weight_decay=0.01)` after `clip_grad_norm_(1.0)`, three steps
    /// on `((x - [3, -2]) ** 2).sum()` from `[1.0, 1.0]`.
    #[test]
    fn steps_are_pytorchs() {
        let x = Var::from_vec(vec![1.0_f32, 1.0], 2, &Device::Cpu).unwrap();
        let variables = BTreeMap::from([("x.weight".to_owned(), x.clone())]);
        let mut optimiser = AdamW::new(&variables, &|_| false, 0.01, 1.0);
        let goal = Tensor::from_vec(vec![3.0_f32, -2.0], 2, &Device::Cpu).unwrap();
        for _ in 0..3 {
            let loss = (x.as_tensor() - &goal).unwrap().sqr().unwrap().sum_all().unwrap();
            let mut gradients = optimiser.no_gradients();
            optimiser.gather(&mut gradients, &mut loss.backward().unwrap()).unwrap();
            optimiser.step(&gradients, Rates { old: 0.1, new: 9.0 }).unwrap();
        }
        let found: Vec<f32> = x.as_tensor().to_vec1().unwrap();
        let theirs = [1.296_582_9, 0.697_255];
        assert!(found.iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
    }

    #[test]
    fn steps_grow_and_shrink() {
        let all: Vec<f64> = (0..100).map(|step| schedule(step, 100, None)).collect();
        assert!((all[0] - 0.1).abs() < 1e-12 && (all[9] - 1.0).abs() < 1e-12);
        assert!(all[10..].windows(2).all(|two| two[1] < two[0]) && all[99] > 0.0);
        assert!(schedule(0, 1, None) > 0.0);
    }

    #[test]
    fn time_that_is_enough_changes_nothing_and_time_that_is_not_ends_in_small_steps() {
        for pace in [0.3, 0.9, 1.0] {
            for step in 0..1_000_u32 {
                let done = f64::from(step) / 1_000.0;
                let spent = Some(pace * done + 0.04 * (1.0 - done));
                let step = u64::from(step);
                assert_eq!(schedule(step, 1_000, spent), schedule(step, 1_000, None), "{pace} {step}");
            }
        }
        // A quarter of the steps can be made.
        let all: Vec<f64> = (0..250_u32)
            .map(|step| schedule(u64::from(step), 1_000, Some(f64::from(step) / 250.0)))
            .collect();
        assert!(all[..30].windows(2).all(|two| two[1] > two[0]) && all[40] > 0.95, "{}", all[40]);
        assert!(all[180..].windows(2).all(|two| two[1] < two[0]) && all[174] > 0.7 && all[249] < 0.02);
        assert_eq!(schedule(3, 1_000, Some(1.2)), 0.0);
    }
}
