//! Pictures of a few series: what was known, what came, and what was forecast.

use ordinate_core::verdict::{SeriesShown, Verdict};

use super::lines::path;
use crate::text::clean;

/// Extent of a picture, in its own units.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 150.0;
/// Room for the ends of lines.
const EDGE: f64 = 6.0;

/// All pictures.
pub(super) struct SeriesSection {
    /// The candidates that are drawn, with the class of their lines.
    pub(super) legend: Vec<(String, &'static str)>,
    pub(super) pictures: Vec<Picture>,
}

/// A picture of one series.
pub(super) struct Picture {
    pub(super) id: String,
    pub(super) description: String,
    pub(super) past: String,
    pub(super) target: String,
    pub(super) forecasts: Vec<(String, &'static str)>,
    /// Where the future begins.
    pub(super) now: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) least: String,
    pub(super) most: String,
}

/// Classes of lines, that of the best candidate first.
const CLASSES: [&str; 4] = ["f0", "f1", "f2", "f3"];

pub(super) fn series(verdict: &Verdict) -> Option<SeriesSection> {
    // Who has no forecast of one series has one of another, and the same line everywhere.
    let mut names: Vec<&str> = Vec::new();
    for forecast in verdict.series.iter().flat_map(|shown| &shown.forecasts) {
        if !names.contains(&forecast.name.as_str()) {
            names.push(forecast.name.as_str());
        }
    }
    let legend = names.iter().zip(CLASSES).map(|(name, class)| (clean(name), class)).collect();
    let pictures: Vec<Picture> = verdict.series.iter().filter_map(|shown| picture(shown, &names)).collect();
    (!pictures.is_empty()).then_some(SeriesSection { legend, pictures })
}

fn picture(shown: &SeriesShown, names: &[&str]) -> Option<Picture> {
    let forecasts = shown.forecasts.iter().flat_map(|forecast| &forecast.values);
    let values = || shown.past.iter().chain(&shown.target).chain(forecasts.clone()).copied();
    if values().any(|value| !value.is_finite()) || shown.past.is_empty() || shown.target.is_empty() {
        return None;
    }
    let least = values().fold(f64::INFINITY, f64::min);
    let most = values().fold(f64::NEG_INFINITY, f64::max);
    let steps = (shown.past.len() + shown.target.len() - 1).max(1) as f64;
    let x = |at: usize| EDGE + (WIDTH - 2.0 * EDGE) * at as f64 / steps;
    // Halves: the distance of two very large numbers may be none.
    let range = most / 2.0 - least / 2.0;
    let share = |value: f64| if range > 0.0 { (value / 2.0 - least / 2.0) / range } else { 0.5 };
    let y = |value: f64| HEIGHT - EDGE - (HEIGHT - 2.0 * EDGE) * share(value);
    let line = |from: usize, values: &[f64]| {
        path(values.iter().enumerate().map(|(at, value)| (x(from + at), y(*value))), false)
    };
    // What comes begins at the last value that was known.
    let next = |values: &[f64]| {
        let mut all = vec![shown.past[shown.past.len() - 1]];
        all.extend(values);
        line(shown.past.len() - 1, &all)
    };
    let said: Vec<String> = shown
        .forecasts
        .iter()
        .map(|forecast| format!("{} scores {:.3}", clean(forecast.name.as_str()), forecast.score))
        .collect();
    Some(Picture {
        id: clean(&shown.id),
        description: format!(
            "{} values known, {} to come. {}.",
            shown.past.len(),
            shown.target.len(),
            said.join(", ")
        ),
        past: line(0, &shown.past),
        target: next(&shown.target),
        forecasts: shown
            .forecasts
            .iter()
            .filter_map(|forecast| {
                let place = names.iter().position(|name| *name == forecast.name.as_str())?;
                Some((next(&forecast.values), *CLASSES.get(place)?))
            })
            .collect(),
        now: x(shown.past.len() - 1),
        width: WIDTH,
        height: HEIGHT,
        least: short(least),
        most: short(most),
    })
}

/// A value with three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 || (size < 1e-3 && size > 0.0) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
