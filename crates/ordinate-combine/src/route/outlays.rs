//! What an answer will cost or take, from the slice and the length of the input.

use ordinate_core::evidence::View;
use ordinate_trials::Outlay;
use serde::{Deserialize, Serialize};

use super::reader::Reading;

/// Pseudo-variance of lengths that is added, in items: a slope must be earned.
const PRIOR_ITEMS: f64 = 5.0;

/// A line through the outlays of each candidate in each slice over the number of characters, not below the
/// least outlay seen there and not beyond the lengths seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outlays {
    /// By number of slice; the last is for items without one.
    slices: Vec<Option<Slice>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slice {
    shortest: f64,
    longest: f64,
    /// Per candidate.
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Line {
    length: f64,
    mean: f64,
    slope: f64,
    least: f64,
}

impl Outlays {
    pub(super) fn fit(view: &View<'_>, readings: &[&Reading<'_>], slices: usize, outlay: Outlay) -> Self {
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); slices + 1];
        for (at, reading) in readings.iter().enumerate() {
            rows[reading.slice.unwrap_or(slices)].push(at);
        }
        let fit = |rows: &Vec<usize>| {
            let length = |at: usize| characters(readings[at]);
            let lines = (0..view.evidence.candidates().len()).map(|candidate| {
                let known = rows.iter().filter_map(|&at| {
                    Some((length(at), outlay.of(view.evidence, candidate, view.rows[at])?))
                });
                Line::fit(&known.collect::<Vec<_>>())
            });
            Some(Slice {
                shortest: rows.iter().map(|&at| length(at)).reduce(f64::min)?,
                longest: rows.iter().map(|&at| length(at)).reduce(f64::max)?,
                lines: lines.collect::<Option<_>>()?,
            })
        };
        Self { slices: rows.iter().map(fit).collect() }
    }

    /// The expected outlay of each candidate; `None` where nothing like the item was seen.
    pub(super) fn predict(&self, reading: &Reading<'_>) -> Option<Vec<f64>> {
        let number = reading.slice.unwrap_or(self.slices.len().saturating_sub(1));
        let slice = self.slices.get(number)?.as_ref()?;
        let length = characters(reading).clamp(slice.shortest, slice.longest);
        let at = |line: &Line| (line.mean + line.slope * (length - line.length)).max(line.least);
        Some(slice.lines.iter().map(at).collect())
    }
}

impl Line {
    /// Least squares; `None` without a point.
    fn fit(points: &[(f64, f64)]) -> Option<Self> {
        let count = points.len() as f64;
        let least = points.iter().map(|(_, outlay)| *outlay).reduce(f64::min)?;
        let (length, mean) = points
            .iter()
            .fold((0.0, 0.0), |(a, b), (length, outlay)| (a + length / count, b + outlay / count));
        let (both, squares) = points.iter().fold((0.0, 0.0), |(both, squares), (x, y)| {
            (both + (x - length) * (y - mean), squares + (x - length) * (x - length))
        });
        let prior = PRIOR_ITEMS * squares / count;
        let slope = if squares > 0.0 { both / (squares + prior) } else { 0.0 };
        Some(Self { length, mean, slope, least })
    }
}

fn characters(reading: &Reading<'_>) -> f64 {
    reading.text.characters as f64
}
