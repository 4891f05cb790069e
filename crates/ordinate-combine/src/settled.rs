//! When the items have been dealt into folds often enough.

use ordinate_trials::{Board, Curve, Plays, Priced};

/// The share of the variance of the mean that is left to the dealing, at most: a tenth of the standard error.
const SMALL: f64 = 0.01;

/// Whether one folding more would move the mean quality by little against its standard error, given what a policy did in each.
pub(crate) fn settled<'a>(board: &Board, rounds: impl ExactSizeIterator<Item = &'a Plays>) -> bool {
    if rounds.len() < 2 {
        return false;
    }
    let priced = Priced::new(board, &[]);
    let of_round = |curve: Curve<'_>| -> Vec<f64> {
        (0..curve.len()).map(|item| curve.quality(0, item)).filter(|quality| !quality.is_nan()).collect()
    };
    let scores: Vec<Vec<f64>> = rounds.map(|plays| of_round(priced.curve(plays))).collect();
    let moments = |values: &[f64]| {
        let (count, sum) = (values.len() as f64, values.iter().sum::<f64>());
        let squares: f64 = values.iter().map(|value| (value - sum / count).powi(2)).sum();
        (sum / count, squares / (count - 1.0).max(1.0))
    };
    let (_, between) = moments(&scores.iter().map(|scores| moments(scores).0).collect::<Vec<_>>());
    let (_, within) = moments(&scores[0]);
    between / scores.len() as f64 <= SMALL * within / scores[0].len().max(1) as f64
}
