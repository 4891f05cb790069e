//! Figures of labels that are no mean of their items' scores: what medical fields report of a classifier.

use std::collections::BTreeMap;

/// The mean over the classes of the targets of the share of their items that were answered right (scikit-learn's
/// `balanced_accuracy_score`), of pairs of output and target. `None` without pairs.
#[must_use]
pub fn balanced_accuracy<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<f64> {
    let mut classes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (output, target) in pairs {
        let (right, all) = classes.entry(target.trim()).or_default();
        *right += u64::from(output.trim() == target.trim());
        *all += 1;
    }
    let recalls: f64 = classes.values().map(|(right, all)| *right as f64 / *all as f64).sum();
    (!classes.is_empty()).then(|| recalls / classes.len() as f64)
}

/// The probability that a positive item has a higher score than a negative one, ties being halves: the area under the ROC
/// curve (Hanley and McNeil 1982; scikit-learn's `roc_auc_score`), of scores and whether each item is positive. `None` where
/// all are of one kind.
#[must_use]
pub fn auroc(cases: &[(f64, bool)]) -> Option<f64> {
    let steps = steps(cases);
    let (negatives, positives) = *steps.last()?;
    if negatives == 0 || positives == 0 {
        return None;
    }
    let areas = steps.windows(2).map(|two| {
        let (width, low, high) = (two[1].0 - two[0].0, two[0].1, two[1].1);
        width as f64 * (low + high) as f64 / 2.0
    });
    Some(areas.sum::<f64>() / (negatives as f64 * positives as f64))
}

/// The largest share of positive items that a threshold finds which leaves at least this share of negative ones alone: the
/// sensitivity at a specificity, as it can be read off the ROC curve at its points. `None` where all are of one kind.
#[must_use]
pub fn sensitivity_at(cases: &[(f64, bool)], specificity: f64) -> Option<f64> {
    let steps = steps(cases);
    let (negatives, positives) = *steps.last()?;
    if negatives == 0 || positives == 0 {
        return None;
    }
    let keeps = |wrong: u64| 1.0 - wrong as f64 / negatives as f64 >= specificity - 1e-12;
    let found = steps.iter().filter(|(wrong, _)| keeps(*wrong)).map(|(_, found)| *found).max()?;
    Some(found as f64 / positives as f64)
}

/// How many negative and positive items are above each threshold, from above the highest score to below the lowest.
fn steps(cases: &[(f64, bool)]) -> Vec<(u64, u64)> {
    let mut sorted: Vec<&(f64, bool)> = cases.iter().collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut steps = vec![(0, 0)];
    let mut above = (0, 0);
    for (at, (score, positive)) in sorted.iter().enumerate() {
        if *positive {
            above.1 += 1;
        } else {
            above.0 += 1;
        }
        if sorted.get(at + 1).is_none_or(|next| next.0 < *score) {
            steps.push(above);
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_kind_there_is_no_curve() {
        assert_eq!(auroc(&[]), None);
        assert_eq!(auroc(&[(0.3, true), (0.4, true)]), None);
        assert_eq!(sensitivity_at(&[(0.3, false)], 0.9), None);
        assert_eq!(balanced_accuracy([]), None);
    }

    #[test]
    fn ties_are_halves() {
        assert_eq!(auroc(&[(0.5, true), (0.5, false)]), Some(0.5));
        assert_eq!(auroc(&[(0.6, true), (0.5, false)]), Some(1.0));
        assert_eq!(sensitivity_at(&[(0.5, true), (0.5, false), (0.7, true)], 1.0), Some(0.5));
    }
}
