//! A few series of a `forecast` task for the page: what was known, what came, and what was forecast.

use ordinate_core::evidence::Answers;
use ordinate_core::verdict::{BandShown, ForecastShown, SeriesShown};
use ordinate_core::{CandidateName, Evidence, Interval, Output, OutputKind, Part, Row, Series};
use ordinate_data::Task;

/// How many series are shown, and the forecasts of how many candidates.
const SERIES: usize = 6;
const CANDIDATES: usize = 4;
/// Values of the past that are shown: seasons, and at least so many times the horizon.
const SEASONS: usize = 4;
const HORIZONS: usize = 4;

/// Series that are spread evenly over the scores of the candidate with the best mean, the worst first; none for tasks of other
/// kinds.
pub(crate) fn shown(task: &Task, evidence: &Evidence) -> Vec<SeriesShown> {
    if !task.kind.takes_series() {
        return Vec::new();
    }
    let rows = match evidence.items().has_parts() {
        true => evidence.part(Part::Test).rows,
        false => evidence.view().rows,
    };
    let mut best: Vec<(f64, &CandidateName, &Answers)> = (0..evidence.candidates().len())
        .filter_map(|column| {
            let answers = evidence.answers(column);
            let mean =
                rows.iter().map(|&row| answers.score(row).unwrap_or(0.0)).sum::<f64>() / rows.len() as f64;
            answers.has_output().then_some((mean, &evidence.candidates()[column].name, answers))
        })
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    best.truncate(CANDIDATES);
    let Some((_, _, first)) = best.first() else { return Vec::new() };
    let mut ranked: Vec<(f64, Row)> = rows.iter().filter_map(|&row| Some((first.score(row)?, row))).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let last = ranked.len().saturating_sub(1);
    let count = SERIES.min(ranked.len());
    let places = (0..count).map(|at| at * last / count.saturating_sub(1).max(1));
    places.filter_map(|place| one(evidence, ranked[place].1, &best)).collect()
}

fn one(evidence: &Evidence, row: Row, best: &[(f64, &CandidateName, &Answers)]) -> Option<SeriesShown> {
    let items = evidence.items();
    let Series { values: mut past, season, horizon, .. } = Series::read(items.input(row)?)?;
    let target = read(items.target(row)?)?.values()?.to_vec();
    let most = (SEASONS * season as usize).max(HORIZONS * horizon as usize);
    past.drain(..past.len().saturating_sub(most));
    let forecast = |&(_, name, answers): &(f64, &CandidateName, &Answers)| {
        let said = read(answers.output(row)?)?;
        let values = said.values().filter(|values| values.len() == target.len())?.to_vec();
        let band = match &said {
            Output::Forecast(forecast) => forecast.interval().map(band),
            _ => None,
        };
        Some(ForecastShown { name: name.clone(), values, band, score: answers.score(row)? })
    };
    let forecasts = best.iter().filter_map(forecast).collect();
    Some(SeriesShown { id: items.id(row).to_owned(), past, target, forecasts })
}

fn band(interval: Interval<'_>) -> BandShown {
    BandShown { share: interval.share, low: interval.low.to_vec(), high: interval.high.to_vec() }
}

fn read(text: &str) -> Option<Output> {
    OutputKind::Series.read(text)
}
