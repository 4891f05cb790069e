//! What forecasts err, in the figures that the field reports: scores are in `[0, 1]`, and sMAPE and MASE are not.

use ordinate_combine::scored_rows;
use ordinate_core::{DECILES, Evidence, Output, OutputKind, Row, Series};
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
    let sums: Vec<_> = evidence
        .candidates()
        .iter()
        .enumerate()
        .filter_map(|(column, candidate)| Some((candidate, Sums::of(evidence, column, &rows)?)))
        .collect();
    let of_candidates: Vec<String> =
        sums.iter().map(|(candidate, sums)| format!("{} {}", candidate.name, sums.told())).collect();
    let mut notes = Vec::new();
    if !of_candidates.is_empty() {
        notes.push(format!(
            "Errors of the forecasts there are, as the field reports them (sMAPE in per cent as the mean over series, and over all values; MASE \
             as the mean over series{}): {}.",
            if sums.iter().any(|(_, sums)| sums.quantiles.there) { QUANTILES } else { "" },
            of_candidates.join("; ")
        ));
    }
    if metric == Some("smape") {
        notes.extend(of_policies(evidence, trials, &rows));
    }
    notes
}

/// What is said of quantiles.
const QUANTILES: &str = "; WQL over all values, as GIFT-Eval has it, and how many of them the widest interval between two quantiles holds";

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
    OutputKind::Series.read(text)?.values().map(<[f64]>::to_vec)
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
    quantiles: Quantiles,
}

/// What there is to say of quantiles.
#[derive(Debug, Default)]
struct Quantiles {
    /// The quantile losses, and the absolute values that came, of all series.
    loss: f64,
    magnitude: f64,
    /// Whether any forecast asked for, or gave, quantiles.
    there: bool,
    /// Values that an interval was given for, how many it held, and how many it was to hold.
    bounded: f64,
    held: f64,
    to_hold: f64,
}

impl Quantiles {
    fn add(&mut self, forecast: &Output, target: &[f64], past: Option<&Series>) {
        let asked = past.map(|past| past.quantiles.as_slice()).filter(|asked| !asked.is_empty());
        self.there |= asked.is_some() || !forecast.quantiles().is_empty();
        self.loss += errors::quantile_loss(forecast, target, asked.unwrap_or(&DECILES)).unwrap_or_default();
        self.magnitude += errors::magnitude(target);
        let Output::Forecast(forecast) = forecast else { return };
        if let Some(interval) = forecast.interval() {
            let count = target.len() as f64;
            self.bounded += count;
            self.held += count * errors::coverage(interval, target);
            self.to_hold += count * interval.share;
        }
    }

    fn told(&self) -> String {
        if !self.there || self.magnitude <= 0.0 {
            return String::new();
        }
        let held = match self.bounded > 0.0 {
            true => format!(
                " (holds {:.1} % where it says {:.0} %)",
                100.0 * self.held / self.bounded,
                100.0 * self.to_hold / self.bounded
            ),
            false => String::new(),
        };
        format!(", WQL {:.4}{held}", self.loss / self.magnitude)
    }
}

impl Sums {
    /// `None` where it has no forecast.
    fn of(evidence: &Evidence, column: usize, rows: &[Row]) -> Option<Self> {
        let (answers, mut sums) = (evidence.answers(column), Self::default());
        for &row in rows {
            let (Some(_), Some(output)) = (answers.score(row), answers.output(row)) else { continue };
            let (Some(said), Some(target)) = (OutputKind::Series.read(output), target(evidence, row)) else {
                continue;
            };
            let Some(forecast) = said.values().filter(|values| values.len() == target.len()) else {
                continue;
            };
            let smape = errors::smape(forecast, &target);
            sums.series += 1.0;
            sums.smape += smape;
            sums.values += target.len() as f64;
            sums.smape_of_values += smape * target.len() as f64;
            let past = evidence.items().input(row).and_then(Series::read);
            sums.quantiles.add(&said, &target, past.as_ref());
            if let Some(mase) = past.and_then(|past| errors::mase(forecast, &target, &past)) {
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
            "sMAPE {:.2} and {:.2}{mase}{left_out}{}",
            self.smape / self.series,
            self.smape_of_values / self.values,
            self.quantiles.told()
        )
    }
}
