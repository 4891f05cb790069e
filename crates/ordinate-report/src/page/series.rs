//! Pictures of a few series: what was known, what came, and what was forecast.

use ordinate_core::verdict::{BandShown, SeriesShown, Verdict};

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
    /// Whose bands are drawn, and how much of what comes they are to hold, in per cent.
    pub(super) band: Option<(String, String)>,
    pub(super) pictures: Vec<Picture>,
}

/// A picture of one series.
pub(crate) struct Picture {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) past: String,
    pub(crate) target: String,
    pub(crate) forecasts: Vec<(String, &'static str)>,
    /// Around one of them, where most of what comes was to lie.
    pub(crate) band: Option<String>,
    /// Where the future begins.
    pub(crate) now: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) least: String,
    pub(crate) most: String,
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
    let legend = legend(&names);
    // Several on top of each other could not be told apart: that of the best candidate that gives one.
    let banded = |name: &&&str| verdict.series.iter().any(|shown| band_of(shown, name).is_some());
    let banded = names.iter().find(banded).copied();
    let band = banded.and_then(|name| {
        let band = verdict.series.iter().find_map(|shown| band_of(shown, name))?;
        Some((clean(name), format!("{:.0}", 100.0 * band.share)))
    });
    let pictures: Vec<Picture> =
        verdict.series.iter().filter_map(|shown| picture(shown, &names, banded)).collect();
    (!pictures.is_empty()).then_some(SeriesSection { legend, band, pictures })
}

/// The first of these names, with the classes of their lines.
pub(crate) fn legend(names: &[&str]) -> Vec<(String, &'static str)> {
    names.iter().zip(CLASSES).map(|(name, class)| (clean(name), class)).collect()
}

/// The picture of one series with the forecasts of the first of these candidates, and the band of the first that gives one.
pub(crate) fn drawing(shown: &SeriesShown, names: &[&str]) -> Option<Picture> {
    picture(shown, names, names.iter().copied().find(|name| band_of(shown, name).is_some()))
}

/// The band of a candidate around its forecast of a series.
fn band_of<'a>(shown: &'a SeriesShown, name: &str) -> Option<&'a BandShown> {
    let forecast = shown.forecasts.iter().find(|forecast| forecast.name.as_str() == name)?;
    forecast.band.as_ref().filter(|band| band.low.len() == band.high.len())
}

fn picture(shown: &SeriesShown, names: &[&str], banded: Option<&str>) -> Option<Picture> {
    let band = banded.and_then(|name| band_of(shown, name));
    let bounds = band.into_iter().flat_map(|band| band.low.iter().chain(&band.high));
    let forecasts = shown.forecasts.iter().flat_map(|forecast| &forecast.values);
    let values =
        || shown.past.iter().chain(&shown.target).chain(forecasts.clone()).chain(bounds.clone()).copied();
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
    // Out along the upper bounds and back along the lower ones.
    let around = |band: &BandShown| {
        let (last, from) = (shown.past[shown.past.len() - 1], shown.past.len());
        let bound = |values: &[f64]| -> Vec<(f64, f64)> {
            values.iter().enumerate().map(|(at, value)| (x(from + at), y(*value))).collect()
        };
        let (out, back) = (bound(&band.high), bound(&band.low));
        let start = (x(from - 1), y(last));
        path(std::iter::once(start).chain(out).chain(back.into_iter().rev()), false) + "Z"
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
        band: band.map(around),
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
