//! What models learn from: items, and how each candidate did on them compared with the others.

use ordinate_core::evidence::{Status, View};
use ordinate_learn::Matrix;

use super::reader::Reading;
use crate::by_slice::BySlice;

/// An item together with what the lookup by slice expects.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) reading: &'a Reading<'a>,
    /// The expected effect of each candidate in the slice: quality less the mean of the candidates.
    pub(super) base: Vec<f64>,
    /// That mean: how easy the slice is.
    pub(super) level: f64,
}

impl<'a> Item<'a> {
    pub(super) fn new(reading: &'a Reading<'a>, expected: &[f64]) -> Self {
        let level = mean(expected);
        Self { reading, base: expected.iter().map(|quality| quality - level).collect(), level }
    }
}

/// Items and the effects seen on them.
#[derive(Debug)]
pub(super) struct Lesson<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// Effect of each candidate (column) on each item (row): its score less the mean of the candidates, so
    /// that the difficulty of items cancels. A candidate that was not asked has its expected effect.
    pub(super) effects: Matrix,
    /// Slices, whether or not one of these items is in them.
    pub(super) slices: usize,
}

impl<'a> Lesson<'a> {
    /// The lesson of these rows, whose readings stand in the same order.
    pub(super) fn new(
        view: &View<'_>,
        readings: &[&'a Reading<'a>],
        lookup: &BySlice,
        slices: usize,
    ) -> Self {
        let count = view.evidence.candidates().len();
        let mut items = Vec::with_capacity(view.rows.len());
        let mut effects = Vec::with_capacity(view.rows.len() * count);
        for (&row, reading) in view.rows.iter().zip(readings) {
            let item = Item::new(reading, &lookup.expected(view.evidence.items().query(row).slice).quality);
            // The mean is taken over those that were asked, less what is expected of just those.
            let asked = |column: &usize| view.evidence.answers(*column).status(row) != Status::Missing;
            let score = |column: usize| view.evidence.answers(column).score(row).unwrap_or(0.0);
            let differences: Vec<f64> =
                (0..count).filter(asked).map(|column| score(column) - item.base[column]).collect();
            let shift = mean(&differences);
            effects.extend(
                (0..count).map(
                    |column| {
                        if asked(&column) { score(column) - shift } else { item.base[column] }
                    },
                ),
            );
            items.push(item);
        }
        let effects = Matrix::from_fn(items.len(), count, |row, column| effects[row * count + column]);
        Self { items, effects, slices }
    }

    pub(super) fn candidates(&self) -> usize {
        self.effects.columns()
    }

    /// Effects less what the lookup by slice expects.
    pub(super) fn deviation(&self, row: usize, candidate: usize) -> f64 {
        self.effects[(row, candidate)] - self.items[row].base[candidate]
    }

    /// The rows of each slice; those without one come last.
    pub(super) fn by_slice(&self) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); self.slices + 1];
        for (row, item) in self.items.iter().enumerate() {
            rows[item.reading.slice.unwrap_or(self.slices)].push(row);
        }
        rows
    }
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}
