//! The units that are resampled (items, or whole groups) and how a mean varies between them.

use crate::bootstrap::bca;
use crate::cluster::{self, Group};
use crate::groups::Groups;

/// A mean over items, measured unit by unit.
#[derive(Debug)]
pub(super) struct Units {
    all: usize,
    count: usize,
    items: usize,
    mean: f64,
    se: f64,
    /// Degrees of freedom of Student's t.
    freedom: f64,
    /// Whether there are too few groups for resampling.
    few: bool,
    /// What the statistic can be: with few groups looked at, where every column holds scores, which are in `[0, 1]`.
    range: (f64, f64),
    acceleration: f64,
    /// The greatest absolute value of an item.
    scale: f64,
}

impl Units {
    /// Measures the weighted sum of columns; `None` where no item has all the values.
    pub(super) fn measure(columns: &[(&[f64], f64)], groups: Option<&Groups>) -> Option<Self> {
        let rows = columns.first().map_or(0, |(column, _)| column.len());
        let values: Vec<f64> = match columns {
            [(a, v), (b, w)] => a.iter().zip(*b).map(|(a, b)| v * a + w * b).collect(),
            _ => (0..rows).map(|row| columns.iter().map(|(column, w)| w * column[row]).sum()).collect(),
        };
        let value = |row: usize| values[row];
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
        let mut few = None;
        if let Some(groups) = groups {
            let mut per_group = vec![Group::default(); groups.count()];
            for (row, &group) in groups.of_item().iter().enumerate() {
                let value = value(row);
                if value.is_finite() {
                    let (group, residual) = (&mut per_group[group as usize], value - mean);
                    group.residuals += residual;
                    group.squares += residual * residual;
                    group.items += 1.0;
                }
            }
            per_group.retain(|group| group.items > 0.0);
            count = per_group.len();
            squares += per_group.iter().map(|group| group.residuals * group.residuals).sum::<f64>();
            let leave_one_out: Vec<f64> = per_group
                .iter()
                .filter(|group| group.items < items as f64)
                .map(|group| -group.residuals / (items as f64 - group.items))
                .collect();
            acceleration = bca::acceleration(&leave_one_out);
            few = if count < cluster::FEW { cluster::spread(&per_group) } else { None };
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
        let se = few.map_or((bessel * squares).sqrt() / items as f64, |few| few.se);
        let freedom = few.map_or(count.saturating_sub(1).max(1) as f64, |few| few.freedom);
        let all = groups.map_or(rows, Groups::count);
        let range = if few.is_some() { range(columns) } else { (f64::NEG_INFINITY, f64::INFINITY) };
        Some(Self { all, count, items, mean, se, freedom, few: few.is_some(), range, acceleration, scale })
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

    /// The degrees of freedom of Student's t that go with the standard error.
    pub(super) fn freedom(&self) -> f64 {
        self.freedom
    }

    /// Whether there are too few groups for resampling.
    pub(super) fn few(&self) -> bool {
        self.few
    }

    /// The interval of Student's t, within what is possible.
    pub(super) fn by_student(&self, level: f64) -> (f64, f64) {
        let half = crate::normal::student_quantile(level, self.freedom) * self.se;
        ((self.mean - half).max(self.range.0), (self.mean + half).min(self.range.1))
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

/// See [`Units::range`].
fn range(columns: &[(&[f64], f64)]) -> (f64, f64) {
    let is_score = |value: &f64| !value.is_finite() || (0.0..=1.0).contains(value);
    if !columns.iter().all(|(column, _)| column.iter().all(is_score)) {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    columns
        .iter()
        .fold((0.0, 0.0), |(low, high), (_, weight)| (low + weight.min(0.0), high + weight.max(0.0)))
}
