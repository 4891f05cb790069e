//! What training makes small.

use candle_core::{D, Device, Result, Tensor};
use ordinate_core::task::ClassWeights;
use ordinate_models::encoder::Problem;

/// The sum of what the right tokens are given, by rows of logarithms.
pub(crate) fn given(logs: &Tensor, right: Vec<u32>) -> Result<Tensor> {
    let count = right.len();
    logs.gather(&Tensor::from_vec(right, (count, 1), &Device::Cpu)?, 1)?.sum_all()
}

/// What is right, by item: for labels a share for each, for a number the number.
pub(crate) struct Targets {
    problem: Problem,
    /// Items x labels.
    shares: Vec<Vec<f32>>,
    /// How much each item counts.
    weights: Vec<f32>,
}

impl Targets {
    /// Of the places of the right labels of each item, among so many.
    pub(crate) fn labels(
        problem: Problem,
        right: &[Vec<usize>],
        labels: usize,
        weighing: Option<ClassWeights>,
    ) -> Self {
        let share = |right: &Vec<usize>| {
            let mut shares = vec![0.0; labels];
            right.iter().for_each(|&label| shares[label] = 1.0);
            shares
        };
        let weights = match weighing {
            Some(ClassWeights::Balanced) => balanced(right, labels),
            None => vec![1.0; right.len()],
        };
        Self { problem, shares: right.iter().map(share).collect(), weights }
    }

    /// Of shares of the labels of each item, which add up to one.
    pub(crate) fn shares(shares: Vec<Vec<f32>>) -> Self {
        Self { problem: Problem::OneLabel, weights: vec![1.0; shares.len()], shares }
    }

    /// Of numbers.
    pub(crate) fn numbers(numbers: &[f64]) -> Self {
        let shares = numbers.iter().map(|&number| vec![number as f32]).collect();
        Self { problem: Problem::Number, shares, weights: vec![1.0; numbers.len()] }
    }

    /// What the items of a part add to the mean loss of their batch, given their logits.
    pub(crate) fn loss(&self, logits: &Tensor, part: &[usize], batch: &[usize]) -> Result<Tensor> {
        let width = logits.dim(1)?;
        let total: f32 = batch.iter().map(|&at| self.weights[at]).sum();
        let of = |at: &usize| {
            let weight = self.weights[*at] / total.max(f32::MIN_POSITIVE);
            self.shares[*at].iter().map(move |share| (*share, weight))
        };
        let (shares, weights): (Vec<f32>, Vec<f32>) = part.iter().flat_map(of).unzip();
        let tensor = |values| Tensor::from_vec(values, (part.len(), width), &Device::Cpu);
        let (shares, weights) = (tensor(shares)?, tensor(weights)?);
        match self.problem {
            // Cross-entropy: weighted as PyTorch does it, by the weights of the items over their sum.
            Problem::OneLabel => {
                let logs = candle_nn::ops::log_softmax(logits, D::Minus1)?;
                (logs * (shares * weights)?)?.sum_all()?.neg()
            }
            // Binary cross-entropy, the mean over labels: log(1 + exp(x)) - share x.
            Problem::SeveralLabels => {
                let softplus = (logits.relu()? + (logits.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
                let losses = (softplus - (logits * shares)?)?;
                (losses * weights)?.sum_all()? / width as f64
            }
            Problem::Number => ((logits - shares)?.sqr()? * weights)?.sum_all(),
        }
    }
}

/// Weights by which every label counts as much as every other, as scikit-learn's `class_weight="balanced"`: items over
/// labels and items of the label. An item of several labels counts as their mean.
fn balanced(right: &[Vec<usize>], labels: usize) -> Vec<f32> {
    let mut counts = vec![0_usize; labels];
    right.iter().flatten().for_each(|&label| counts[label] += 1);
    let seen = counts.iter().filter(|&&count| count > 0).count().max(1);
    let weight = |label: &usize| right.len() as f32 / (seen * counts[*label]) as f32;
    right
        .iter()
        .map(|of| if of.is_empty() { 1.0 } else { of.iter().map(weight).sum::<f32>() / of.len() as f32 })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn value(targets: &Targets, logits: &[[f32; 2]], part: &[usize], batch: &[usize]) -> f32 {
        let flat: Vec<f32> = part.iter().flat_map(|&at| logits[at]).collect();
        let logits = Tensor::from_vec(flat, (part.len(), 2), &Device::Cpu).unwrap();
        targets.loss(&logits, part, batch).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn parts_add_up_to_the_mean_of_a_batch() {
        let logits = [[2.0, -1.0], [0.5, 0.25], [-3.0, 1.0]];
        let right = vec![vec![0], vec![1], vec![0]];
        for problem in [Problem::OneLabel, Problem::SeveralLabels] {
            for weighing in [None, Some(ClassWeights::Balanced)] {
                let targets = Targets::labels(problem, &right, 2, weighing);
                let whole = value(&targets, &logits, &[0, 1, 2], &[0, 1, 2]);
                let parts = value(&targets, &logits, &[0, 1], &[0, 1, 2])
                    + value(&targets, &logits, &[2], &[0, 1, 2]);
                assert!((whole - parts).abs() < 1e-5);
            }
        }
        let one = Targets::labels(Problem::OneLabel, &right, 2, None);
        let nll = |x: [f32; 2], right: usize| (x[0].exp() + x[1].exp()).ln() - x[right];
        let expected = (nll(logits[0], 0) + nll(logits[1], 1) + nll(logits[2], 0)) / 3.0;
        assert!((value(&one, &logits, &[0, 1, 2], &[0, 1, 2]) - expected).abs() < 1e-5);
        // Labels count alike: two items of the first as much as one of the second.
        let even = Targets::labels(Problem::OneLabel, &right, 2, Some(ClassWeights::Balanced));
        let expected = (nll(logits[0], 0) + nll(logits[2], 0)) / 4.0 + nll(logits[1], 1) / 2.0;
        assert!((value(&even, &logits, &[0, 1, 2], &[0, 1, 2]) - expected).abs() < 1e-5);
        let several = Targets::labels(Problem::SeveralLabels, &right[..1], 2, None);
        let expected = ((1.0 + (-2.0_f32).exp()).ln() + (1.0 + (-1.0_f32).exp()).ln()) / 2.0;
        assert!((value(&several, &logits, &[0], &[0]) - expected).abs() < 1e-5);
        // A share is as much of the cross-entropy.
        let unsure = Targets::shares(vec![vec![0.7, 0.3]]);
        let expected = 0.7 * nll(logits[0], 0) + 0.3 * nll(logits[0], 1);
        assert!((value(&unsure, &logits, &[0], &[0]) - expected).abs() < 1e-5);
        // Large logits overflow nothing.
        assert!(value(&several, &[[200.0, -200.0]], &[0], &[0]).abs() < 1e-6);
    }
}
