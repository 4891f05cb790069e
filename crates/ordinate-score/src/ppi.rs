//! Prediction-powered inference: the mean of what people said of few answers, sharpened by what a judge said of many.
//!
//! With labels `Y` of n answers and a judge's grades `f` of these and of N others, the estimate is
//! `lambda * mean(f of the others) + mean(Y - lambda * f of the labelled)` (Angelopoulos, Bates, Fannjiang, Jordan and Zrnic,
//! *Science* 2023), with the `lambda` in `[0, 1]` that makes its variance least (PPI++: Angelopoulos, Duchi and Zrnic 2023). A
//! judge that is wrong in any way makes it less sharp, and never wrong, as long as the labelled answers are a random draw.
//!
//! [`rectified`] gives each answer a score of its own whose mean is that estimate and whose spread over all answers is its
//! variance: whatever takes columns of scores (paired differences, policies that choose among candidates, the bootstrap) then works
//! on estimates that people's labels have corrected. Such scores are outside of `[0, 1]` where labels are few.

use std::collections::HashMap;

use ordinate_core::verdict::Estimate;

use crate::groups::Groups;
use crate::normal;

/// Labels of one candidate's answers from which it is corrected. In the simulations of `tests/ppi.rs` intervals from 20 labels
/// cover at least 95 %.
pub const FEWEST: usize = 20;

/// Labels of one candidate's answers on a slice from which it is corrected there. In the simulations of `tests/ppi.rs` intervals of
/// slices with so few cover at least 97 %.
pub const FEWEST_ON_SLICE: usize = 10;

/// The estimate by [`power_tuned`], as `ppi_mean_pointestimate` and `ppi_mean_ci` of the package `ppi-python` have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuned {
    /// How far the judge is followed: 0 not at all, 1 as if it were right but for a shift.
    pub lambda: f64,
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub se: f64,
}

/// The mean of labels, with the judge's grades of the same answers and of others. `None` without labels, or of unequal lengths.
#[must_use]
pub fn power_tuned(labels: &[f64], of_labelled: &[f64], of_others: &[f64]) -> Option<Tuned> {
    if labels.is_empty() || labels.len() != of_labelled.len() {
        return None;
    }
    let (n, others) = (labels.len() as f64, of_others.len() as f64);
    if of_others.is_empty() {
        return Some(Tuned { lambda: 0.0, mean: mean(labels), se: (variance(labels) / n).sqrt() });
    }
    let (label, grade) = (mean(labels), mean(of_labelled));
    let covariance = labels.iter().zip(of_labelled).map(|(y, f)| (y - label) * (f - grade)).sum::<f64>() / n;
    let all: Vec<f64> = of_labelled.iter().chain(of_others).copied().collect();
    let of_grades = variance(&all) * all.len() as f64 / (all.len() as f64 - 1.0);
    let best = covariance / ((1.0 + n / others) * of_grades);
    let lambda = if best.is_finite() { best.clamp(0.0, 1.0) } else { 0.0 };
    let off: Vec<f64> = labels.iter().zip(of_labelled).map(|(y, f)| y - lambda * f).collect();
    Some(Tuned {
        lambda,
        mean: lambda.mul_add(mean(of_others), mean(&off)),
        se: (lambda * lambda * variance(of_others) / others + variance(&off) / n).sqrt(),
    })
}

/// What labels make of a judge's grades of one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Rectified {
    /// How far the judge is followed.
    pub lambda: f64,
    /// Answers with a grade and a label.
    pub labelled: usize,
    /// The mean of the labels, by Student's t: what is known without the judge.
    pub labels_alone: Estimate,
    /// A score an answer, whose mean is the estimate; NaN where the answer has no grade.
    pub scores: Vec<f64>,
}

/// The scores of answers with these grades of the judge and these labels, both NaN where there is none; a label without a grade is
/// left out. `None` with fewer than [`FEWEST`] labels.
///
/// The variance that few labels show is too small where they disagree with the judge seldom, or not at all: one disagreement more
/// than was seen is counted, as large as those are, or a whole score where there was none; and Student's t is taken into account.
#[must_use]
pub fn rectified(grades: &[f64], labels: &[f64]) -> Option<Rectified> {
    rectified_from(FEWEST, grades, labels)
}

/// The quality on a slice, out of the judge's grades of the answers there and of the labels among them, as [`rectified`] has it with a
/// `lambda` of its own; `groups` are numbers of the answers' groups, where some depend on each other. `None` with fewer than
/// [`FEWEST_ON_SLICE`] labels, or in fewer than two groups.
#[must_use]
pub fn on_slice(grades: &[f64], labels: &[f64], groups: Option<&[u32]>) -> Option<Estimate> {
    let scores = rectified_from(FEWEST_ON_SLICE, grades, labels)?.scores;
    let known: Vec<(usize, f64)> =
        scores.iter().copied().enumerate().filter(|(_, score)| score.is_finite()).collect();
    let count = known.len() as f64;
    let mean = known.iter().map(|(_, score)| score).sum::<f64>() / count;
    let mut units: HashMap<u32, f64> = HashMap::new();
    let mut alone = Vec::new();
    for (at, score) in known {
        match groups.and_then(|groups| groups.get(at)).filter(|group| **group != Groups::NONE) {
            Some(group) => *units.entry(*group).or_default() += score - mean,
            None => alone.push(score - mean),
        }
    }
    let parts = (units.len() + alone.len()) as f64;
    if parts < 2.0 {
        return None;
    }
    let squares: f64 = units.into_values().chain(alone).map(|off| off * off).sum();
    let se = (squares * parts / (parts - 1.0)).sqrt() / count;
    let half = normal::student_quantile(0.975, parts - 1.0) * se;
    let [mean, low, high] = [mean, mean - half, mean + half].map(|end| end.clamp(0.0, 1.0));
    Some(Estimate { mean, low, high })
}

fn rectified_from(fewest: usize, grades: &[f64], labels: &[f64]) -> Option<Rectified> {
    let (labelled, others): (Vec<usize>, Vec<usize>) = (0..grades.len().min(labels.len()))
        .filter(|&at| grades[at].is_finite())
        .partition(|&at| labels[at].is_finite());
    if labelled.len() < fewest {
        return None;
    }
    let pick = |column: &[f64], places: &[usize]| places.iter().map(|&at| column[at]).collect::<Vec<f64>>();
    let (y, of_labelled, of_others) =
        (pick(labels, &labelled), pick(grades, &labelled), pick(grades, &others));
    let labels_alone = by_student(&y)?;
    let mut scores = vec![f64::NAN; grades.len()];
    let n = labelled.len() as f64;
    if others.is_empty() {
        labelled.iter().for_each(|&at| scores[at] = labels[at]);
        return Some(Rectified { lambda: 0.0, labelled: labelled.len(), labels_alone, scores });
    }
    let Tuned { lambda, mean: estimate, .. } = power_tuned(&y, &of_labelled, &of_others)?;
    let all = n + others.len() as f64;
    let graded = mean(&of_others);
    for &at in &others {
        scores[at] = (all / others.len() as f64 * lambda).mul_add(grades[at] - graded, estimate);
    }
    let off: Vec<f64> = y.iter().zip(&of_labelled).map(|(y, f)| y - lambda * f).collect();
    for (&at, off) in labelled.iter().zip(widened(&off, &y, &of_labelled)) {
        scores[at] = (all / n).mul_add(off, estimate);
    }
    Some(Rectified { lambda, labelled: labelled.len(), labels_alone, scores })
}

/// What is off around its mean, as much wider as [`rectified`] says.
fn widened(off: &[f64], labels: &[f64], grades: &[f64]) -> Vec<f64> {
    const SAME: f64 = 1e-9;
    let n = off.len() as f64;
    let apart: Vec<f64> =
        labels.iter().zip(grades).map(|(y, f)| (y - f).abs()).filter(|d| *d > SAME).collect();
    let one_more =
        if apart.is_empty() { 1.0 } else { apart.iter().map(|d| d * d).sum::<f64>() / apart.len() as f64 };
    let center = mean(off);
    let squares: f64 = off.iter().map(|off| (off - center).powi(2)).sum();
    let student = normal::student_quantile(0.975, n - 2.0) / normal::quantile(0.975);
    let wanted = (squares + one_more) * n / (n - 2.0) * student * student;
    if squares > SAME {
        let by = (wanted / squares).sqrt();
        return off.iter().map(|off| by * (off - center)).collect();
    }
    // Nothing is off, so nothing can be stretched: as much to one side as to the other.
    let each = (wanted / n).sqrt();
    let signs: Vec<f64> = (0..off.len()).map(|at| if at % 2 == 0 { each } else { -each }).collect();
    let center = mean(&signs);
    signs.iter().map(|sign| sign - center).collect()
}

/// The mean with the interval of Student's t; `None` of fewer than two values.
#[must_use]
pub fn by_student(values: &[f64]) -> Option<Estimate> {
    let n = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values);
    let half = normal::student_quantile(0.975, n - 1.0) * (variance(values) / (n - 1.0)).sqrt();
    Some(Estimate { mean, low: mean - half, high: mean + half })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean square around the mean.
fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_the_scores_is_the_estimate_and_their_spread_its_error() {
        let grades: Vec<f64> = (0..400).map(|at| f64::from(at * 7 % 5) / 4.0).collect();
        let labels: Vec<f64> = (0..400)
            .map(|at| {
                if at % 4 == 0 {
                    (grades[at] + f64::from(at as u32 % 3) / 4.0 - 0.2).clamp(0.0, 1.0)
                } else {
                    f64::NAN
                }
            })
            .collect();
        let found = rectified(&grades, &labels).unwrap();
        let of = |is_labelled: bool, column: &[f64]| -> Vec<f64> {
            (0..400).filter(|&at| labels[at].is_finite() == is_labelled).map(|at| column[at]).collect()
        };
        let tuned = power_tuned(&of(true, &labels), &of(true, &grades), &of(false, &grades)).unwrap();
        assert_eq!((found.lambda, found.labelled), (tuned.lambda, 100));
        assert!((mean(&found.scores) - tuned.mean).abs() < 1e-12);
        let se = (variance(&found.scores) / 400.0).sqrt();
        assert!(se > tuned.se && se < 1.1 * tuned.se, "{se} {}", tuned.se);
    }

    #[test]
    fn few_labels_correct_nothing_and_labels_of_all_are_taken() {
        let grades = [0.5; 40];
        let mut labels = [f64::NAN; 40];
        labels[..FEWEST - 1].fill(1.0);
        assert_eq!(rectified(&grades, &labels), None);
        assert_eq!(rectified(&grades, &[1.0; 40]).unwrap().scores, [1.0; 40]);
    }

    #[test]
    fn labels_that_agree_throughout_leave_doubt() {
        let grades: Vec<f64> = (0..1_000).map(|at| f64::from(at % 10 < 7)).collect();
        let labels: Vec<f64> = (0..1_000).map(|at| if at < 50 { grades[at] } else { f64::NAN }).collect();
        let scores = rectified(&grades, &labels).unwrap().scores;
        let se = (variance(&scores) / 1_000.0).sqrt();
        assert!((mean(&scores) - 0.7).abs() < 1e-12 && se > 0.02, "{se}");
    }

    #[test]
    fn a_slice_needs_ten_labels_and_dependent_answers_count_as_one() {
        let grades: Vec<f64> = (0..60).map(|at| f64::from(at % 3) / 2.0).collect();
        let labels = |count: usize| -> Vec<f64> {
            (0..60).map(|at| if at < count { 1.0 - grades[at] } else { f64::NAN }).collect()
        };
        assert_eq!(on_slice(&grades, &labels(FEWEST_ON_SLICE - 1), None), None);
        let alone = on_slice(&grades, &labels(12), None).unwrap();
        assert!(alone.low < alone.mean && alone.mean < alone.high && alone.low >= 0.0, "{alone:?}");
        let scores = rectified_from(10, &grades, &labels(12)).unwrap().scores;
        assert!((alone.mean - mean(&scores)).abs() < 1e-12);
        // Every answer three times, which are one group: no surer than once.
        let thrice = |column: &[f64]| -> Vec<f64> { column.iter().flat_map(|x| [*x; 3]).collect() };
        let groups: Vec<u32> = (0..180).map(|at| at / 3).collect();
        let grouped = on_slice(&thrice(&grades), &thrice(&labels(12)), Some(&groups)).unwrap();
        let naive = on_slice(&thrice(&grades), &thrice(&labels(12)), None).unwrap();
        assert!(grouped.high - grouped.low > 1.4 * (naive.high - naive.low), "{grouped:?} {naive:?}");
        assert_eq!(on_slice(&thrice(&grades), &thrice(&labels(12)), Some(&[7; 180])), None);
    }

    #[test]
    fn a_judge_that_says_the_same_of_all_is_not_followed() {
        let labels: Vec<f64> =
            (0..300).map(|at| if at < 100 { f64::from(at % 2) } else { f64::NAN }).collect();
        let found = rectified(&[0.9; 300], &labels).unwrap();
        assert_eq!(found.lambda, 0.0);
        assert!((mean(&found.scores) - 0.5).abs() < 1e-12);
    }
}
