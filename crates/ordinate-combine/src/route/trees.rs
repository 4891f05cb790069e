//! Extremely randomised trees on surface and latent dimensions: one forest over all slices, which sees what
//! the lookup expects of the slice, or one forest per slice.

use ordinate_learn::forest::{Forest, Params};
use ordinate_learn::{LearnError, Matrix};
use serde::{Deserialize, Serialize};

use super::lesson::{Item, Lesson};

/// Slices with fewer items keep to the lookup.
const MIN_ITEMS: usize = 60;

/// One forest, or one per slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Trees {
    /// Learns effects from all items.
    Pooled(Forest),
    /// Learns deviations, by number of slice; the last is for items without one.
    Within(Vec<Option<Forest>>),
}

impl Trees {
    pub(super) fn pooled(lesson: &Lesson<'_>, params: &Params) -> Result<Self, LearnError> {
        let rows: Vec<usize> = (0..lesson.items.len()).collect();
        let x = features(lesson, &rows, &with_lookup);
        Ok(Self::Pooled(Forest::fit(&x, &lesson.effects, params)?))
    }

    pub(super) fn within(lesson: &Lesson<'_>, params: &Params) -> Result<Self, LearnError> {
        let fit = |(number, rows): (u64, Vec<usize>)| {
            if rows.len() < MIN_ITEMS {
                return Ok(None);
            }
            let x = features(lesson, &rows, &of_text);
            let y = Matrix::from_fn(rows.len(), lesson.candidates(), |i, m| lesson.deviation(rows[i], m));
            let params = Params { seed: params.seed.wrapping_add(number), ..*params };
            Forest::fit(&x, &y, &params).map(Some)
        };
        Ok(Self::Within((0..).zip(lesson.by_slice()).map(fit).collect::<Result<_, _>>()?))
    }

    /// Expected deviations from the lookup.
    pub(super) fn predict(&self, item: &Item<'_>) -> Vec<f64> {
        match self {
            Self::Pooled(forest) => {
                let effects = forest.predict(&with_lookup(item));
                effects.iter().zip(&item.base).map(|(effect, base)| effect - base).collect()
            }
            Self::Within(forests) => {
                let number = item.reading.slice.unwrap_or(forests.len().saturating_sub(1));
                match forests.get(number) {
                    Some(Some(forest)) => forest.predict(&of_text(item)),
                    _ => vec![0.0; item.base.len()],
                }
            }
        }
    }
}

fn features(lesson: &Lesson<'_>, rows: &[usize], of: &dyn Fn(&Item<'_>) -> Vec<f32>) -> Matrix<f32> {
    let cells: Vec<Vec<f32>> = rows.iter().map(|&row| of(&lesson.items[row])).collect();
    let width = cells.first().map_or(0, Vec::len);
    Matrix::from_fn(rows.len(), width, |row, column| cells[row][column])
}

fn of_text(item: &Item<'_>) -> Vec<f32> {
    item.reading.surface.iter().chain(&item.reading.latent).copied().collect()
}

fn with_lookup(item: &Item<'_>) -> Vec<f32> {
    let lookup = item.base.iter().chain(std::iter::once(&item.level)).map(|value| *value as f32);
    lookup.chain(of_text(item)).collect()
}
