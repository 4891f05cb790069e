//! The picture of an item that is a series, with what was forecast of it.

use ordinate_core::verdict::{BandShown, ForecastShown, SeriesShown};
use ordinate_core::{CandidateName, Output, OutputKind, Series};

use super::{ShownAnswer, ShownItem};
use crate::page::series::{Picture, drawing, legend};

/// Values of the past that are drawn: seasons, and at least so many times the horizon.
const SEASONS: usize = 4;
const HORIZONS: usize = 4;

/// The picture of an item, and the names of its lines; `None` where it is no series, or what came of it is not known.
pub(super) fn drawn(item: &ShownItem<'_>) -> Option<(Picture, Vec<(String, &'static str)>)> {
    let Series { values: mut past, season, horizon, .. } = Series::read(item.input?)?;
    let target = read(item.target?)?.values()?.to_vec();
    let most = (SEASONS * season as usize).max(HORIZONS * horizon as usize);
    past.drain(..past.len().saturating_sub(most));
    let forecast = |answer: &ShownAnswer<'_>| {
        let said = read(answer.output?)?;
        let values = said.values().filter(|values| values.len() == target.len())?.to_vec();
        let band = match &said {
            Output::Forecast(forecast) => forecast.interval().map(|interval| BandShown {
                share: interval.share,
                low: interval.low.to_vec(),
                high: interval.high.to_vec(),
            }),
            _ => None,
        };
        let name = CandidateName::new(answer.name).ok()?;
        Some(ForecastShown { name, values, band, score: answer.score.unwrap_or(f64::NAN) })
    };
    let forecasts: Vec<ForecastShown> = item.answers.iter().filter_map(forecast).collect();
    let shown = SeriesShown { id: item.id.to_owned(), past, target, forecasts };
    let names: Vec<&str> = shown.forecasts.iter().map(|forecast| forecast.name.as_str()).collect();
    Some((drawing(&shown, &names)?, legend(&names)))
}

fn read(text: &str) -> Option<Output> {
    OutputKind::Series.read(text)
}
