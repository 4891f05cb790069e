//! What forecasts err, in the figures that the field reports: scores are in `[0, 1]`, and sMAPE and MASE are not.

use ordinate_combine::scored_rows;
use ordinate_core::{Evidence, Output, OutputKind, Row, Series};
use ordinate_data::Task;
use ordinate_tasks::metric::errors;
use ordinate_trials::{Outlay, Pick, Priced, Trial, Trials};

/// Sentences for what was assumed and left out: the errors of each candidate over the series that are scored and that it has a
/// forecast of; and of the policies, where the scores are sMAPE's.
pub(crate) fn notes(task: &Task, evidence: &Evidence, trials: &Trials, metric: Option<&str>) -> Vec<String> {
    if !task.kind.takes_series() {
        return Vec::new();
    }
    // In the order of the boards of trials.
    let rows = scored_rows(evidence);
    let of_candidates: Vec<String> = evidence
        .candidates()
        .iter()
        .enumerate()
        .filter_map(|(column, candidate)| Some((candidate, Sums::of(evidence, column, &rows)?)))
        .map(|(candidate, sums)| format!("{} {}", candidate.name, sums.told()))
        .collect();
    let mut notes = Vec::new();
    if !of_candidates.is_empty() {
        notes.push(format!(
            "Errors of the forecasts there are, as the field reports them (sMAPE in per cent as the mean over series, and over all values; MASE \
             as the mean over series): {}.",
            of_candidates.join("; ")
        ));
    }
    if metric == Some("smape") {
        notes.extend(of_policies(evidence, trials, &rows));
    }
    notes
}

/// The sMAPE of every policy over all candidates at its dial for quality alone, from its cross-fitted scores.
fn of_policies(evidence: &Evidence, trials: &Trials, rows: &[Row]) -> Option<String> {
    let board = trials.scored();
    let column = |name| trials.candidates.iter().position(|candidate| candidate.name == name);
    // The figures are of these rows only where the board is.
    let is_same = evidence.candidates().iter().enumerate().all(|(own, candidate)| {
        let cells = column(candidate.name.clone()).map(|at| &board.columns[at].quality);
        cells.is_some_and(|cells| {
            cells.len() == rows.len()
                && cells.iter().zip(rows).all(|(cell, &row)| match evidence.answers(own).score(row) {
                    Some(score) => *cell == score,
                    None => *cell == 0.0 || cell.is_nan(),
                })
        })
    });
    if !is_same {
        return None;
    }
    let lengths: Option<Vec<f64>> =
        rows.iter().map(|&row| Some(target(evidence, row)?.len() as f64)).collect();
    let lengths = lengths?;
    let priced = Priced::new(board, &[]);
    let mut told = Vec::new();
    // Of a policy with a promise and without, the one without.
    let is_for_quality = |trial: &&Trial| {
        trial.pool == "all" && trial.calibration.is_none() && trial.outlay != Some(Outlay::Latency)
    };
    for trial in trials.trials.iter().filter(is_for_quality) {
        let plays: Vec<_> = match &trial.on_test {
            Some(plays) => vec![plays],
            None => trial.plays.iter().collect(),
        };
        let played: Vec<_> = plays.iter().map(|plays| priced.played(plays, &|_| Pick::at(0))).collect();
        let smape = |row: usize| {
            let sum: f64 = played.iter().map(|played| 200.0 * (1.0 - played.quality[row])).sum();
            sum / played.len() as f64
        };
        let mean = (0..rows.len()).map(smape).sum::<f64>() / rows.len() as f64;
        let pooled =
            (0..rows.len()).map(|row| lengths[row] * smape(row)).sum::<f64>() / lengths.iter().sum::<f64>();
        if pooled.is_finite() {
            told.push(format!("{} sMAPE {mean:.2} and {pooled:.2}", trial.name));
        }
    }
    (!told.is_empty()).then(|| {
        format!(
            "Errors of the policies over all candidates, for quality alone, on series that they were not learned on: {}.",
            told.join("; ")
        )
    })
}

fn target(evidence: &Evidence, row: Row) -> Option<Vec<f64>> {
    values(evidence.items().target(row)?)
}

fn values(text: &str) -> Option<Vec<f64>> {
    match OutputKind::Series.read(text) {
        Some(Output::Series(values)) => Some(values),
        _ => None,
    }
}

/// Sums of the errors of one candidate.
#[derive(Debug, Default)]
struct Sums {
    series: f64,
    smape: f64,
    values: f64,
    smape_of_values: f64,
    scaled: f64,
    mase: f64,
}

impl Sums {
    /// `None` where it has no forecast.
    fn of(evidence: &Evidence, column: usize, rows: &[Row]) -> Option<Self> {
        let (answers, mut sums) = (evidence.answers(column), Self::default());
        for &row in rows {
            let (Some(_), Some(output)) = (answers.score(row), answers.output(row)) else { continue };
            let (Some(forecast), Some(target)) = (values(output), target(evidence, row)) else { continue };
            if forecast.len() != target.len() {
                continue;
            }
            let smape = errors::smape(&forecast, &target);
            sums.series += 1.0;
            sums.smape += smape;
            sums.values += target.len() as f64;
            sums.smape_of_values += smape * target.len() as f64;
            let past = evidence.items().input(row).and_then(Series::read);
            if let Some(mase) = past.and_then(|past| errors::mase(&forecast, &target, &past)) {
                sums.scaled += 1.0;
                sums.mase += mase;
            }
        }
        (sums.series > 0.0).then_some(sums)
    }

    fn told(&self) -> String {
        let mase = match self.scaled > 0.0 {
            true => format!(", MASE {:.3}", self.mase / self.scaled),
            false => String::new(),
        };
        let left_out = match self.series - self.scaled {
            0.0 => String::new(),
            count if self.scaled > 0.0 => format!(" (without {count} series whose past has no scale)"),
            _ => String::new(),
        };
        format!(
            "sMAPE {:.2} and {:.2}{mase}{left_out}",
            self.smape / self.series,
            self.smape_of_values / self.values
        )
    }
}
