//! The units that are resampled (items, or whole groups) and how a mean varies between them.

use crate::bootstrap::bca;
use crate::groups::Groups;

/// A mean over items, measured unit by unit.
#[derive(Debug)]
pub(super) struct Units {
    all: usize,
    count: usize,
    items: usize,
    mean: f64,
    se: f64,
    acceleration: f64,
    /// The greatest absolute value of an item.
    scale: f64,
}

impl Units {
    /// Measures the weighted sum of columns; `None` where no item has all the values.
    pub(super) fn measure(
        columns: &[&[f64]],
        groups: Option<&Groups>,
        weights: &[(usize, f64)],
    ) -> Option<Self> {
        let rows = weights.first().map_or(0, |&(column, _)| columns[column].len());
        let value = |row: usize| weights.iter().map(|&(column, weight)| weight * columns[column][row]).sum();
        let (mut items, mut sum, mut scale) = (0_usize, 0.0, 0.0_f64);
        for value in (0..rows).map(value).filter(|value: &f64| value.is_finite()) {
            items += 1;
            sum += value;
            scale = scale.max(value.abs());
        }
        if items == 0 {
            return None;
        }
        let mean = sum / items as f64;
        let (mut squares, mut count) = (0.0, 0);
        let acceleration;
        if let Some(groups) = groups {
            let mut per_group = vec![(0.0, 0_u32); groups.count()];
            for (row, &group) in groups.of_item().iter().enumerate() {
                let value: f64 = value(row);
                if value.is_finite() {
                    let (residuals, items) = &mut per_group[group as usize];
                    *residuals += value - mean;
                    *items += 1;
                }
            }
            per_group.retain(|&(_, items)| items > 0);
            count = per_group.len();
            squares += per_group.iter().map(|(residuals, _)| residuals * residuals).sum::<f64>();
            let leave_one_out: Vec<f64> = per_group
                .iter()
                .filter(|&&(_, of_group)| (of_group as usize) < items)
                .map(|&(residuals, of_group)| -residuals / (items - of_group as usize) as f64)
                .collect();
            acceleration = bca::acceleration(&leave_one_out);
        } else {
            // Leaving out an item moves the mean by -residual / (n - 1): the skewness is that of the items.
            let mut cubes = 0.0;
            for value in (0..rows).map(value).filter(|value: &f64| value.is_finite()) {
                let residual = value - mean;
                squares += residual * residual;
                cubes += residual * residual * residual;
                count += 1;
            }
            let skewness = cubes / (squares * squares.sqrt());
            acceleration = if skewness.is_finite() { skewness / 6.0 } else { 0.0 };
        }
        let bessel = count as f64 / (count.max(2) - 1) as f64;
        let se = (bessel * squares).sqrt() / items as f64;
        Some(Self { all: groups.map_or(rows, Groups::count), count, items, mean, se, acceleration, scale })
    }

    /// Units in the table, with or without a value.
    pub(super) fn all(&self) -> usize {
        self.all
    }

    /// Units with a value.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Items with a value.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The mean over items.
    pub(super) fn mean(&self) -> f64 {
        self.mean
    }

    /// Its standard error, linearised.
    pub(super) fn se(&self) -> f64 {
        self.se
    }

    /// The acceleration of BCa, from leaving out each unit in turn.
    pub(super) fn acceleration(&self) -> f64 {
        self.acceleration
    }

    /// Whether units do not vary, beyond rounding.
    pub(super) fn constant(&self) -> bool {
        self.count < 2 || self.se <= 1e-12 * self.scale
    }
}
