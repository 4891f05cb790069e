//! Nearest class means: the label whose vectors point, on the mean, where a vector does (Mensink et al. 2013, "Distance-based image
//! classification: generalizing to new classes at near-zero cost"; the prototypes of Snell et al. 2017, with cosines). Nothing is
//! fitted but how sure it is, so a handful of items a label is enough.

use serde::{Deserialize, Serialize};

use crate::encoder::folder::unit;
use crate::error::ModelError;
use crate::model::Prediction;

/// What cosines may be multiplied with, one step after the other, and which of them where no label has two items to tell by.
const SCALES: [f64; 12] = [1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0, 56.0, 80.0];
const UNTOLD: usize = 7;

/// The mean direction of each label's vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMeans {
    /// Sorted.
    labels: Vec<String>,
    /// Of each label, of length 1.
    means: Vec<Vec<f32>>,
    /// Probabilities are the softmax of the cosines times this.
    scale: f64,
}

impl ClassMeans {
    /// Of vectors and the label of each. The scale is the one under which the labels of all are most probable, each held against means
    /// that it is no part of.
    ///
    /// # Errors
    /// [`ModelError::TooLittle`] where there are not two labels.
    pub fn fit(vectors: &[&[f32]], targets: &[Vec<String>]) -> Result<Self, ModelError> {
        let mut labels: Vec<String> = targets.iter().flatten().cloned().collect();
        labels.sort_unstable();
        labels.dedup();
        if labels.len() < 2 {
            return Err(ModelError::TooLittle { found: vectors.len(), labels: labels.len() });
        }
        let width = vectors.first().map_or(0, |vector| vector.len());
        let (mut sums, mut counts) = (vec![vec![0.0_f32; width]; labels.len()], vec![0_usize; labels.len()]);
        let units: Vec<Vec<f32>> = vectors.iter().map(|vector| unit(vector.to_vec())).collect();
        let place = |target: &Vec<String>| labels.binary_search(target.first()?).ok();
        let classes: Vec<usize> = targets.iter().map(|target| place(target).unwrap_or(0)).collect();
        for (vector, &class) in units.iter().zip(&classes) {
            counts[class] += 1;
            sums[class].iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        }
        let means: Vec<Vec<f32>> = sums.iter().map(|sum| unit(sum.clone())).collect();
        let mut told = Vec::new();
        for (vector, &class) in units.iter().zip(&classes).filter(|(_, class)| counts[**class] > 1) {
            let mut cosines: Vec<f64> = means.iter().map(|mean| dot(mean, vector)).collect();
            let others = unit(sums[class].iter().zip(vector).map(|(sum, value)| sum - value).collect());
            cosines[class] = dot(&others, vector);
            told.push((cosines, class));
        }
        let loss = |scale: f64| -> f64 {
            told.iter()
                .map(|(cosines, class)| -shares(cosines, scale)[*class].max(f64::MIN_POSITIVE).ln())
                .sum()
        };
        let losses = SCALES.iter().map(|&scale| (loss(scale), scale));
        let scale = match told.is_empty() {
            true => SCALES[UNTOLD],
            false => losses.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(SCALES[UNTOLD], |(_, scale)| scale),
        };
        Ok(Self { labels, means, scale })
    }

    fn of(&self, vector: &[f32]) -> Vec<f64> {
        let vector = unit(vector.to_vec());
        let cosines: Vec<f64> = self.means.iter().map(|mean| dot(mean, &vector)).collect();
        shares(&cosines, self.scale)
    }

    /// The answer to a vector.
    #[must_use]
    pub fn predict(&self, vector: &[f32]) -> Prediction {
        Prediction::likeliest(&self.labels, &self.of(vector))
    }

    /// How probable a label is; `None` for one that it does not know.
    #[must_use]
    pub fn share(&self, vector: &[f32], label: &str) -> Option<f64> {
        let at = self.labels.iter().position(|own| own == label)?;
        self.of(vector).get(at).copied()
    }

    /// Features of a vector.
    pub(crate) fn width(&self) -> usize {
        self.means.first().map_or(0, Vec::len)
    }

    /// The number of values.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.means.iter().map(|mean| mean.len() as u64).sum()
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
}

/// The softmax of scaled cosines.
fn shares(cosines: &[f64], scale: f64) -> Vec<f64> {
    let most = cosines.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut shares: Vec<f64> = cosines.iter().map(|cosine| (scale * (cosine - most)).exp()).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(labels: &[&str]) -> Vec<Vec<String>> {
        labels.iter().map(|&label| vec![label.to_owned()]).collect()
    }

    #[test]
    fn the_label_that_a_vector_points_to() {
        let rows: [&[f32]; 5] = [&[3.0, 0.0], &[0.9, 0.1], &[1.0, -0.1], &[0.0, 1.0], &[0.2, 2.0]];
        let model = ClassMeans::fit(&rows, &targets(&["right", "right", "right", "up", "up"])).unwrap();
        for (vector, label) in [([5.0, 1.0], "right"), ([0.1, 0.2], "up"), ([-1.0, 2.0], "up")] {
            let said = model.predict(&vector);
            assert_eq!(said.output, label);
            assert!(said.confidence.unwrap() > 0.9, "{said:?}");
            assert_eq!(model.share(&vector, label), said.confidence);
        }
        assert!(model.predict(&[1.0, 0.95]).confidence.unwrap() < 0.7);
        assert_eq!(model.share(&[1.0, 1.0], "down"), None);
        // A vector of nothing points nowhere.
        assert!((model.predict(&[0.0, 0.0]).confidence.unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn how_sure_it_is_hangs_on_how_well_labels_are_told_apart() {
        // Two labels whose vectors lie on top of each other, and two that do not: the first must not be sure.
        let scale = |shift: f32| {
            let rows: Vec<Vec<f32>> = (0..40_u16)
                .map(|at| {
                    vec![f32::from(at % 7) - 3.0 + shift * f32::from(at % 2), f32::from(at * at % 11) - 5.0]
                })
                .collect();
            let labels: Vec<&str> = (0..40).map(|at| ["a", "b"][at % 2]).collect();
            let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
            ClassMeans::fit(&rows, &targets(&labels)).unwrap().scale
        };
        assert!(scale(0.0) < scale(40.0), "{} {}", scale(0.0), scale(40.0));
    }

    #[test]
    fn one_item_a_label_is_enough_and_one_label_is_not() {
        let rows: [&[f32]; 2] = [&[1.0, 0.0], &[0.0, 1.0]];
        let model = ClassMeans::fit(&rows, &targets(&["a", "b"])).unwrap();
        assert_eq!(model.predict(&[0.2, 0.1]).output, "a");
        assert!(ClassMeans::fit(&rows, &targets(&["a", "a"])).is_err());
        assert!(ClassMeans::fit(&[], &[]).is_err());
    }
}
