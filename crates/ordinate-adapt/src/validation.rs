//! How well items are answered that were held out of training.

use std::collections::BTreeMap;

use ordinate_models::encoder::Problem;
use serde::{Deserialize, Serialize};

/// How well they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// Items that were held out.
    pub items: usize,
    /// For labels the share of right answers, for tags the F1 over all (micro-averaged), for a number one less the mean
    /// squared error over the variance.
    pub score: f64,
    /// The mean loss: of two that score alike, the one that is less surprised is better.
    pub loss: f64,
}

impl Validated {
    /// Whether it is to be taken rather than an earlier one.
    pub(crate) fn beats(&self, earlier: &Self) -> bool {
        self.items < TELLING
            || self.score > earlier.score
            || (self.score == earlier.score && self.loss < earlier.loss)
    }
}

/// Of the logits of items and what is right of each.
pub(crate) fn validated(problem: Problem, logits: &[Vec<f32>], right: &[Vec<usize>]) -> Validated {
    let (mut hits, mut said, mut there, mut loss) = (0_usize, 0_usize, 0_usize, 0.0_f64);
    for (logits, right) in logits.iter().zip(right) {
        if problem == Problem::SeveralLabels {
            for (label, &logit) in logits.iter().enumerate() {
                let (chosen, is_right) = (logit >= 0.0, right.contains(&label));
                hits += usize::from(chosen && is_right);
                said += usize::from(chosen);
                there += usize::from(is_right);
                let wrong = if is_right { -f64::from(logit) } else { f64::from(logit) };
                loss += (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()) / logits.len() as f64;
            }
            continue;
        }
        let best = (0..logits.len()).fold(0, |best, at| if logits[at] > logits[best] { at } else { best });
        hits += usize::from(right.contains(&best));
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit - most).exp()).sum();
        loss += right.first().map_or(0.0, |&label| sum.ln() - f64::from(logits[label] - most));
    }
    let items = logits.len();
    let score = match problem {
        Problem::SeveralLabels => 2.0 * hits as f64 / (said + there).max(1) as f64,
        Problem::OneLabel | Problem::Number => hits as f64 / items.max(1) as f64,
    };
    Validated { items, score, loss: loss / items.max(1) as f64 }
}

/// Of numbers that were said and the right ones, both over their spread.
pub(crate) fn validated_numbers(said: &[f64], right: &[f64]) -> Validated {
    let count = right.len().max(1) as f64;
    let loss = said.iter().zip(right).map(|(said, right)| (said - right).powi(2)).sum::<f64>() / count;
    let mean = right.iter().sum::<f64>() / count;
    let spread = right.iter().map(|right| (right - mean).powi(2)).sum::<f64>() / count;
    Validated { items: right.len(), score: (1.0 - loss / spread.max(1e-12)).clamp(0.0, 1.0), loss }
}

/// Items fewer than which are all learned from: so few held out would tell nothing.
const FEW: usize = 100;
/// Items held out that tell which weights are better. Of fewer chance says it, and training would end where it is lucky: then the last
/// weights are taken, after all passes, as those of few items are best made (Mosbach et al. 2021).
const TELLING: usize = 50;
/// Items that are held out at most.
const MOST: usize = 500;

/// Places of items to learn from and to hold out: a tenth, of each label in proportion, in an order that hangs on the seed
/// alone. None are held out of few, and none that is the only one of its label.
pub(crate) fn held_out(labels: &[String], seed: u64) -> (Vec<usize>, Vec<usize>) {
    if labels.len() < FEW {
        return ((0..labels.len()).collect(), Vec::new());
    }
    let mut order: Vec<usize> = (0..labels.len()).collect();
    ordinate_core::random::shuffle(&mut order, seed ^ 0x6865_6c64);
    order.sort_by_key(|&at| &labels[at]);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    labels.iter().for_each(|label| *counts.entry(label).or_default() += 1);
    // Every so many of the items sorted by label.
    let most = (labels.len() / 10).min(MOST);
    let taken = |at: usize| (at * most + labels.len() / 2) / labels.len();
    let (mut train, mut held) = (Vec::new(), Vec::new());
    for (at, place) in order.into_iter().enumerate() {
        let is_alone = counts.get(labels[place].as_str()) == Some(&1);
        let part = if taken(at + 1) > taken(at) && !is_alone { &mut held } else { &mut train };
        part.push(place);
    }
    train.sort_unstable();
    held.sort_unstable();
    (train, held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_learned_from() {
        let labels: Vec<String> = (0..1_000).map(|at| format!("l{}", at % 300)).collect();
        let (train, held) = held_out(&labels, 5);
        assert_eq!(train.len() + held.len(), 1_000);
        let known: std::collections::BTreeSet<&String> = train.iter().map(|&at| &labels[at]).collect();
        assert_eq!(known.len(), 300);
        let two: Vec<String> = (0..1_000).map(|at| format!("l{}", usize::from(at % 5 == 0))).collect();
        let (_, held) = held_out(&two, 5);
        let rare = held.iter().filter(|&&at| two[at] == "l1").count();
        assert!((held.len(), rare) == (100, 20), "{} {rare}", held.len());
        assert!(held_out(&two[..99], 5).1.is_empty());
        assert_eq!(held_out(&vec!["a".to_owned(); 100_000], 0).1.len(), 500);
    }

    #[test]
    fn few_items_held_out_do_not_tell() {
        let of = |items, score| Validated { items, score, loss: 1.0 };
        assert!(of(49, 0.1).beats(&of(49, 0.9)));
        assert!(of(50, 0.9).beats(&of(50, 0.1)) && !of(50, 0.1).beats(&of(50, 0.9)));
    }

    #[test]
    fn scores() {
        let one = validated(Problem::OneLabel, &[vec![1.0, 2.0], vec![3.0, 0.0]], &[vec![1], vec![1]]);
        assert!((one.score - 0.5).abs() < 1e-12);
        let expected = f64::midpoint((1.0 + (-1.0_f64).exp()).ln(), (1.0 + 3.0_f64.exp()).ln());
        assert!((one.loss - expected).abs() < 1e-6, "{}", one.loss);
        let tags = validated(Problem::SeveralLabels, &[vec![1.0, 2.0, -1.0]], &[vec![1, 2]]);
        assert!((tags.score - 0.5).abs() < 1e-12);
        assert!((validated_numbers(&[1.0, 2.0], &[1.0, 2.0]).score - 1.0).abs() < 1e-12);
    }
}
