//! Drawing the next token.

/// How the next token is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// What log-probabilities are divided by; 0 takes the most probable token.
    pub temperature: f64,
    /// Only the most probable tokens that together have this probability are drawn from.
    pub top_p: f64,
    /// The seed.
    pub seed: u64,
}

impl Default for Sampling {
    /// Greedy.
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, seed: 0 }
    }
}

/// The logarithm of the sum of exponentials.
pub(crate) fn log_sum(logits: &[f32]) -> f64 {
    let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    most + logits.iter().map(|&logit| (f64::from(logit) - most).exp()).sum::<f64>().ln()
}

/// The next token: the first of the most probable ones at temperature 0, else drawn.
pub(crate) fn draw(logits: &[f32], sampling: Sampling, random: &mut fastrand::Rng) -> u32 {
    let mut order: Vec<u32> = (0..).take(logits.len()).collect();
    let of = |token: u32| logits[token as usize];
    if sampling.temperature <= 0.0 {
        return order.into_iter().max_by(|&a, &b| of(a).total_cmp(&of(b)).then(b.cmp(&a))).unwrap_or(0);
    }
    order.sort_unstable_by(|&a, &b| of(b).total_cmp(&of(a)).then(a.cmp(&b)));
    let most = order.first().map_or(0.0, |&token| f64::from(of(token)));
    let weight = |token: u32| ((f64::from(of(token)) - most) / sampling.temperature).exp();
    let all: f64 = order.iter().map(|&token| weight(token)).sum();
    // The token that crosses `top_p` is in (Holtzman et al. 2020).
    let (mut kept, mut sum) = (0, 0.0);
    while kept < order.len() && (kept == 0 || sum < sampling.top_p * all) {
        sum += weight(order[kept]);
        kept += 1;
    }
    let mut left = random.f64() * sum;
    for &token in &order[..kept] {
        left -= weight(token);
        if left < 0.0 {
            return token;
        }
    }
    order.first().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing() {
        // Probabilities 0.5, 0.3, 0.2.
        let logits: Vec<f32> = [0.3_f32, 0.5, 0.2].iter().map(|share| share.ln()).collect();
        let mut random = fastrand::Rng::with_seed(7);
        let mut counts = |temperature: f64, top_p: f64| {
            let mut counts = [0; 3];
            let sampling = Sampling { temperature, top_p, seed: 0 };
            (0..10_000).for_each(|_| counts[draw(&logits, sampling, &mut random) as usize] += 1);
            counts
        };
        assert_eq!(counts(0.0, 1.0), [0, 10_000, 0]);
        let near = |counts: [i32; 3], wanted: [i32; 3]| {
            assert!(counts.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 250), "{counts:?} {wanted:?}");
        };
        near(counts(1.0, 1.0), [3_000, 5_000, 2_000]);
        near(counts(1.0, 0.7), [3_750, 6_250, 0]);
        near(counts(1.0, 0.4), [0, 10_000, 0]);
        // Squares, at half the temperature.
        near(counts(0.5, 1.0), [2_368, 6_579, 1_053]);
        assert!((log_sum(&[0.0, 0.0]) - 2_f64.ln()).abs() < 1e-12);
    }
}
