//! Limited-memory BFGS (Liu and Nocedal 1989; Nocedal and Wright 2006, algorithm 7.5) for smooth convex functions.

use std::collections::VecDeque;

/// Steps whose curvature is remembered.
const MEMORY: usize = 6;
/// The share of the promised descent that a step has to bring (Armijo).
const DESCENT: f64 = 1e-4;
/// Halvings of a step before the function is taken for flat.
const HALVINGS: u32 = 40;
/// Values that differ by a smaller share differ by rounding only.
const ROUNDING: f64 = 1e-13;

/// A step and the change of the gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// 1 over their inner product.
    inverse: f64,
    /// The inner product of the change with itself, by the guess of the curvature.
    guessed: f64,
}

/// Where `function`, which gives its value and writes its gradient, is least: begun at `point`, ended where no entry of the
/// gradient is above `flat`, or after so many steps. `flatten` divides a vector by a positive guess of the second derivatives.
pub(crate) fn minimise(
    mut point: Vec<f64>,
    flatten: impl Fn(&mut [f64]),
    flat: f64,
    steps: u32,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Vec<f64> {
    let mut gradient = vec![0.0; point.len()];
    let mut value = function(&point, &mut gradient);
    let mut pairs: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    let (mut next, mut next_gradient) = (point.clone(), gradient.clone());
    for _ in 0..steps {
        if gradient.iter().all(|slope| slope.abs() <= flat) {
            break;
        }
        let direction = direction(&pairs, &gradient, &flatten);
        let slope = dot(&direction, &gradient);
        let mut length = 1.0;
        let mut found = None;
        for _ in 0..HALVINGS {
            for ((next, at), along) in next.iter_mut().zip(&point).zip(&direction) {
                *next = along.mul_add(length, *at);
            }
            let reached = function(&next, &mut next_gradient);
            if reached <= value + DESCENT * length * slope + ROUNDING * value.abs() {
                found = Some(reached);
                break;
            }
            length *= 0.5;
        }
        let Some(reached) = found else { break };
        let step: Vec<f64> = next.iter().zip(&point).map(|(next, at)| next - at).collect();
        let change: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(next, now)| next - now).collect();
        let product = dot(&step, &change);
        if product > 0.0 {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            let mut flattened = change.clone();
            flatten(&mut flattened);
            let guessed = dot(&change, &flattened);
            pairs.push_back(Pair { step, change, inverse: 1.0 / product, guessed });
        }
        value = reached;
        std::mem::swap(&mut point, &mut next);
        std::mem::swap(&mut gradient, &mut next_gradient);
    }
    point
}

/// Downhill, by the curvature of the last steps: the two-loop recursion.
fn direction(pairs: &VecDeque<Pair>, gradient: &[f64], flatten: &impl Fn(&mut [f64])) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = pair.inverse * dot(&pair.step, &direction);
        add(&mut direction, -share, &pair.change);
        shares.push(share);
    }
    // The guess, at the scale of the last step.
    let scale = pairs.back().map_or(1.0, |pair| 1.0 / (pair.inverse * pair.guessed));
    flatten(&mut direction);
    direction.iter_mut().for_each(|along| *along *= scale);
    for (pair, share) in pairs.iter().zip(shares.into_iter().rev()) {
        let back = pair.inverse * dot(&pair.change, &direction);
        add(&mut direction, share - back, &pair.step);
    }
    direction
}

/// The inner product, in a fixed order of eight sums that a compiler can keep in registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

/// Adds a multiple of a vector.
fn add(to: &mut [f64], share: f64, vector: &[f64]) {
    to.iter_mut().zip(vector).for_each(|(to, value)| *to += share * value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badly_scaled_bowl_is_left_at_its_bottom() {
        let scales: Vec<f64> = (0..30).map(|i| 10.0_f64.powi(i % 3)).collect();
        let found = minimise(
            vec![1.0; 30],
            |_| {},
            1e-9,
            500,
            |at, gradient| {
                let mut value = 0.0;
                for (i, (x, scale)) in at.iter().zip(&scales).enumerate() {
                    let off = x - i as f64;
                    gradient[i] = scale * off;
                    value += 0.5 * scale * off * off;
                }
                value
            },
        );
        for (i, x) in found.iter().enumerate() {
            assert!((x - i as f64).abs() < 1e-8, "{i}: {x}");
        }
    }
}
