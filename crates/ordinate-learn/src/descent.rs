//! Dual coordinate descent for logistic regression on sparse rows, several classes side by side: a row's features are
//! far apart in memory, and what is fetched for one class serves its neighbours.

use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::margin::Cells;
use ordinate_core::random::shuffle;

/// Passes over the rows after which fitting stops in any case.
const PASSES: usize = 200;
/// Passes after which the classes that are not done close ranks.
const PHASE: usize = 8;

/// One logistic regression for each class against the rest.
pub(crate) struct Descent<'a, H> {
    pub(crate) rows: &'a [Cells<'a>],
    /// The squared length of each row, the 1 of the intercept included.
    pub(crate) squares: &'a [f64],
    pub(crate) features: usize,
    pub(crate) classes: usize,
    /// Whether a class is right for a row.
    pub(crate) holds: H,
    /// LIBLINEAR's `C`, in ascending order.
    pub(crate) costs: &'a [f64],
    /// A class is done when none of its dual coordinates' gradients is larger.
    pub(crate) tolerance: f64,
}

/// What one class has come to.
struct Class {
    number: usize,
    /// A weight per feature, and the intercept.
    weights: Vec<f32>,
    /// Per row: the dual variable, and the cost less it.
    alpha: Vec<[f64; 2]>,
    /// Gradients below which a coordinate is left as it is.
    inner_flat: f64,
    steepest: f64,
    newton_steps: usize,
    done: bool,
}

impl<H: Fn(usize, usize) -> bool + Sync> Descent<'_, H> {
    /// For each cost in turn, per class a weight per feature, and the intercept last: the same bits whatever the number of
    /// threads. `each` may break off. The dual variables for one cost, grown as the cost grows, are where the next begins
    /// (Chu, Ho, Tsai, Lin and Lin 2015, "Warm start for parameter selection of linear classifiers").
    pub(crate) fn solve(&self, each: &mut dyn FnMut(usize, Vec<Vec<f32>>) -> ControlFlow<()>) {
        let Some(&first) = self.costs.first() else { return };
        let least = (0.001 * first).min(1e-8);
        let mut classes: Vec<Class> = (0..self.classes)
            .map(|number| Class {
                number,
                weights: vec![0.0; self.features + 1],
                alpha: vec![[least, first - least]; self.rows.len()],
                inner_flat: 1e-2,
                steepest: 0.0,
                newton_steps: 0,
                done: false,
            })
            .collect();
        for (at, &cost) in self.costs.iter().enumerate() {
            if let Some(before) = at.checked_sub(1).map(|at| self.costs[at]) {
                classes.iter_mut().for_each(|class| class.grow(before, cost));
            }
            self.descend(&mut classes, cost, at == 0);
            if each(at, classes.iter().map(|class| class.weights.clone()).collect()).is_break() {
                break;
            }
        }
    }

    fn descend(&self, classes: &mut [Class], cost: f64, begin: bool) {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        for first in (0..PASSES).step_by(PHASE) {
            let orders: Vec<Vec<usize>> = (first..first + PHASE)
                .map(|pass| {
                    shuffle(&mut order, pass as u64);
                    order.clone()
                })
                .collect();
            let mut open: Vec<&mut Class> = classes.iter_mut().filter(|class| !class.done).collect();
            // Side by side they read each row once, but every thread wants its share of them.
            match open.len() / rayon::current_num_threads().max(1) {
                0 if open.is_empty() => break,
                0..4 => self.phase::<1>(&mut open, &orders, cost, begin && first == 0),
                4..32 => self.phase::<4>(&mut open, &orders, cost, begin && first == 0),
                _ => self.phase::<16>(&mut open, &orders, cost, begin && first == 0),
            }
        }
    }

    /// Some passes, by blocks of `L` classes.
    fn phase<const L: usize>(&self, open: &mut [&mut Class], orders: &[Vec<usize>], cost: f64, begin: bool) {
        let arch = pulp::Arch::new();
        open.par_chunks_mut(L).for_each(|classes| {
            arch.dispatch(Block::<_, L> { of: self, classes, orders, cost, begin });
        });
    }
}

/// Some passes for some classes side by side. Not a closure: that would not be compiled for the processor's own registers.
struct Block<'a, 'c, H, const L: usize> {
    of: &'a Descent<'a, H>,
    classes: &'a mut [&'c mut Class],
    orders: &'a [Vec<usize>],
    cost: f64,
    /// Whether these passes are the first.
    begin: bool,
}

impl<H: Fn(usize, usize) -> bool + Sync, const L: usize> pulp::NullaryFnOnce for Block<'_, '_, H, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { of, classes, orders, cost, begin } = self;
        let sign = |row: usize, lane: usize| {
            classes.get(lane).map_or(0.0, |class| if (of.holds)(row, class.number) { 1.0 } else { -1.0 })
        };
        let signs: Vec<[f64; L]> =
            (0..of.rows.len()).map(|row| std::array::from_fn(|lane| sign(row, lane))).collect();
        let together =
            |at: usize| std::array::from_fn(|lane| classes.get(lane).map_or(0.0, |class| class.weights[at]));
        let mut weights: Vec<[f32; L]> = (0..=of.features).map(together).collect();
        if begin {
            for (at, (row, signs)) in of.rows.iter().zip(&signs).enumerate() {
                let alpha = |lane: usize| classes.get(lane).map_or(0.0, |class| class.alpha[at][0]);
                add(&mut weights, row, &std::array::from_fn(|lane| signs[lane] * alpha(lane)));
            }
        }
        for order in orders {
            for &at in order {
                let (row, signs) = (&of.rows[at], &signs[at]);
                let scores = scores(&weights, row);
                let mut steps = [0.0; L];
                for (lane, class) in classes.iter_mut().enumerate().filter(|(_, class)| !class.done) {
                    steps[lane] =
                        signs[lane] * class.step(at, signs[lane] * scores[lane], of.squares[at], cost);
                }
                if steps.iter().any(|step| *step != 0.0) {
                    add(&mut weights, row, &steps);
                }
            }
            classes.iter_mut().for_each(|class| class.passed(of.rows.len(), of.tolerance));
            if classes.iter().all(|class| class.done) {
                break;
            }
        }
        for (lane, class) in classes.iter_mut().enumerate() {
            class.weights.iter_mut().zip(&weights).for_each(|(own, weights)| *own = weights[lane]);
        }
    }
}

impl Class {
    /// Moves the dual variable of a row to its best; gives how far it went. `slope` is the row's score times its sign,
    /// `curve` its squared length.
    #[inline(always)]
    fn step(&mut self, at: usize, slope: f64, curve: f64, cost: f64) -> f64 {
        let alpha = &mut self.alpha[at];
        // Of alpha and C - alpha, the one whose optimum is the smaller is moved: Newton is stable there.
        let near = usize::from(0.5 * curve * (alpha[1] - alpha[0]) + slope < 0.0);
        let side = if near == 0 { 1.0 } else { -1.0 };
        let old = alpha[near];
        let mut z = if cost - old < 0.5 * cost { 0.1 * old } else { old };
        let gradient = |z: f64| curve * (z - old) + side * slope + (z / (cost - z)).ln();
        let mut g = gradient(z);
        self.steepest = self.steepest.max(g.abs());
        let mut steps = 0;
        while g.abs() >= self.inner_flat && steps < 100 {
            let next = z - g / (curve + cost / (cost - z) / z);
            z = if next <= 0.0 { 0.1 * z } else { next };
            g = gradient(z);
            steps += 1;
        }
        if steps == 0 || !z.is_finite() || z >= cost {
            return 0.0;
        }
        self.newton_steps += steps;
        alpha[near] = z;
        alpha[1 - near] = cost - z;
        side * (z - old)
    }

    /// Begins anew for a larger cost, with all that was learnt for the last one in proportion.
    fn grow(&mut self, before: f64, cost: f64) {
        let by = cost / before;
        self.weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * by) as f32);
        self.alpha.iter_mut().for_each(|alpha| *alpha = alpha.map(|part| part * by));
        (self.inner_flat, self.steepest, self.newton_steps, self.done) = (1e-2, 0.0, 0, false);
    }

    /// Ends a pass over all rows.
    fn passed(&mut self, rows: usize, tolerance: f64) {
        self.done |= self.steepest < tolerance;
        if self.newton_steps <= rows / 10 {
            self.inner_flat = (0.1 * self.inner_flat).max(1e-8);
        }
        (self.steepest, self.newton_steps) = (0.0, 0);
    }
}

/// The score of each class of a block for a row.
#[inline(always)]
fn scores<const L: usize>(weights: &[[f32; L]], row: &Cells<'_>) -> [f64; L] {
    let mut sums = [0.0; L];
    for (&at, &value) in row.index.iter().zip(row.value) {
        for (sum, weight) in sums.iter_mut().zip(&weights[at as usize]) {
            *sum += f64::from(weight * value);
        }
    }
    for (sum, intercept) in sums.iter_mut().zip(&weights[weights.len() - 1]) {
        *sum += f64::from(*intercept);
    }
    sums
}

/// Adds so many times a row to the weights of each class of a block.
#[inline(always)]
fn add<const L: usize>(weights: &mut [[f32; L]], row: &Cells<'_>, steps: &[f64; L]) {
    for (&at, &value) in row.index.iter().zip(row.value) {
        for (weight, step) in weights[at as usize].iter_mut().zip(steps) {
            *weight += (step * f64::from(value)) as f32;
        }
    }
    let intercept = weights.len() - 1;
    for (weight, step) in weights[intercept].iter_mut().zip(steps) {
        *weight += *step as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ordinate_core::random::SplitMix;

    /// Classes side by side, and each alone: the same bits.
    #[test]
    fn neighbours_change_nothing() {
        let mut random = SplitMix::new(3);
        let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..200)
            .map(|_| {
                let index: Vec<u32> = (0..50).filter(|_| random.unit() < 0.2).collect();
                let value = index.iter().map(|_| random.unit() as f32).collect();
                (index, value)
            })
            .collect();
        let cells: Vec<Cells<'_>> = rows.iter().map(|(index, value)| Cells { index, value }).collect();
        let squares: Vec<f64> = rows
            .iter()
            .map(|(_, value)| 1.0 + value.iter().map(|value| f64::from(value * value)).sum::<f64>())
            .collect();
        let holds = |row: usize, class: usize| rows[row].0.iter().any(|at| *at as usize % 41 == class);
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let problem = Descent {
                rows: &cells,
                squares: &squares,
                features: 50,
                classes: 41,
                holds: &holds,
                costs: &[4.0, 20.0],
                tolerance: 0.02,
            };
            let mut found = Vec::new();
            pool.install(|| {
                problem.solve(&mut |_, weights| {
                    found = weights;
                    ControlFlow::Continue(())
                });
            });
            found
        };
        // 41 classes: blocks of 16, of 4 and of 1.
        let (wide, four, one) = (fit(1), fit(9), fit(40));
        assert!(wide == four && wide == one);
        assert!(wide.iter().flatten().any(|weight| weight.abs() > 1.0));
    }
}
