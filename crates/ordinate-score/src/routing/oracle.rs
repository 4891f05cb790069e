//! The oracle, and how far a policy is from it.

/// The best answer to every item. An upper bound, partly luck: where guesses are right by chance the best of
/// many guessers is nearly always right.
#[derive(Debug, Clone, PartialEq)]
pub struct Oracle {
    /// The candidate that it takes for each item; the cheapest of the best, then the first. `None` where no
    /// candidate was asked.
    pub choice: Vec<Option<usize>>,
    /// Its score per item, `NaN` where no candidate was asked.
    pub quality: Vec<f64>,
    /// Its cost per item, `NaN` where it is not known.
    pub cost: Vec<f64>,
}

impl Oracle {
    /// Takes the best score for each item. `scores` and `costs` have a column per candidate, `NaN` where
    /// there is no value; an unknown cost counts as dearer than any known one.
    #[must_use]
    pub fn new(scores: &[&[f64]], costs: &[&[f64]]) -> Self {
        let items = scores.first().map_or(0, |column| column.len());
        let cost = |candidate: usize, item: usize| {
            let cost = costs.get(candidate).and_then(|column| column.get(item));
            cost.copied().filter(|cost| !cost.is_nan())
        };
        let dearness = |candidate, item| cost(candidate, item).unwrap_or(f64::INFINITY);
        let choice: Vec<Option<usize>> = (0..items)
            .map(|item| {
                (0..scores.len()).filter(|&candidate| !scores[candidate][item].is_nan()).min_by(|&a, &b| {
                    scores[b][item]
                        .total_cmp(&scores[a][item])
                        .then(dearness(a, item).total_cmp(&dearness(b, item)))
                })
            })
            .collect();
        let of_choice = |value: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            let value = |(item, choice): (usize, &Option<usize>)| {
                choice.map_or(f64::NAN, |candidate| value(candidate, item))
            };
            choice.iter().enumerate().map(value).collect()
        };
        let quality = of_choice(&|candidate, item| scores[candidate][item]);
        let cost = of_choice(&|candidate, item| cost(candidate, item).unwrap_or(f64::NAN));
        Self { choice, quality, cost }
    }
}

/// Regret of a policy: the mean over items of the best candidate's utility minus its own, where utility is
/// score - `lambda` x cost. `quality` and `cost` are the policy's per item, as they were measured. The best
/// candidate is sought among those with a utility; items without one, of the policy or of all candidates, are
/// left out; `None` where none is left. With `lambda` 0 costs need not be known.
#[must_use]
pub fn regret(
    scores: &[&[f64]],
    costs: &[&[f64]],
    quality: &[f64],
    cost: &[f64],
    lambda: f64,
) -> Option<f64> {
    let utility = |score: f64, cost: Option<&f64>| {
        if lambda == 0.0 { score } else { score - lambda * cost.copied().unwrap_or(f64::NAN) }
    };
    let (mut sum, mut items) = (0.0, 0_usize);
    for (item, &quality) in quality.iter().enumerate() {
        let best = scores
            .iter()
            .enumerate()
            .map(|(candidate, column)| {
                utility(column[item], costs.get(candidate).and_then(|column| column.get(item)))
            })
            .fold(f64::NAN, f64::max);
        let regret = best - utility(quality, cost.get(item));
        if !regret.is_nan() {
            sum += regret;
            items += 1;
        }
    }
    (items > 0).then(|| sum / items as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn the_oracle_takes_the_cheapest_of_the_best() {
        let scores: [&[f64]; 3] = [&[1.0, 0.2, NAN, 1.0], &[1.0, 0.9, NAN, 1.0], &[1.0, 0.1, NAN, 1.0]];
        let costs: [&[f64]; 3] = [&[3.0, 1.0, 1.0, NAN], &[2.0, 5.0, 1.0, NAN], &[NAN, 1.0, 1.0, NAN]];
        let oracle = Oracle::new(&scores, &costs);
        assert_eq!(oracle.choice, [Some(1), Some(1), None, Some(0)]);
        assert_eq!(oracle.cost[..2], [2.0, 5.0]);
        assert!(oracle.quality[2].is_nan() && oracle.cost[3].is_nan());
        assert_eq!(Oracle::new(&scores, &[]).choice, [Some(0), Some(1), None, Some(0)]);
    }

    #[test]
    fn regret_weighs_quality_against_cost() {
        let scores: [&[f64]; 2] = [&[1.0, 0.0], &[0.5, 0.5]];
        let costs: [&[f64]; 2] = [&[10.0, 10.0], &[1.0, 1.0]];
        // Always the first: free of regret on the first item, 0.5 on the second.
        assert_eq!(regret(&scores, &costs, scores[0], costs[0], 0.0), Some(0.25));
        // At 0.1 a unit of cost the second is always better, by 0.4 and by 1.4.
        let regretted = regret(&scores, &costs, scores[0], costs[0], 0.1).unwrap();
        assert!((regretted - 0.9).abs() < 1e-12);
        assert_eq!(regret(&scores, &[], scores[0], &[], 0.0), Some(0.25));
        assert_eq!(regret(&scores, &costs, &[NAN, NAN], costs[0], 0.0), None);
    }
}
