//! Columns brought to the same scale.

use serde::{Deserialize, Serialize};

/// Standardises each column and cuts what lies more than three standard deviations off, so that one odd text
/// is not far from everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    mean: Vec<f64>,
    /// 0 for a column that does not vary.
    per_unit: Vec<f64>,
}

/// Standard deviations at which values are cut.
const CUT: f64 = 3.0;

impl Scaler {
    /// Mean and standard deviation of each column of these rows, all of the same length.
    #[must_use]
    pub fn fit<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let count = rows.clone().count().max(1) as f64;
        let width = rows.clone().next().map_or(0, <[f32]>::len);
        let mut mean = vec![0.0; width];
        for row in rows.clone() {
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / count);
        }
        let mut variance = vec![0.0; width];
        for row in rows {
            for ((variance, value), mean) in variance.iter_mut().zip(row).zip(&mean) {
                *variance += (f64::from(*value) - mean).powi(2) / count;
            }
        }
        let per_unit = variance.iter().map(|v| if *v > 1e-12 { 1.0 / v.sqrt() } else { 0.0 }).collect();
        Self { mean, per_unit }
    }

    /// The columns that vary: the effective number of dimensions.
    #[must_use]
    pub fn varying(&self) -> usize {
        self.per_unit.iter().filter(|unit| **unit > 0.0).count()
    }

    /// The row on the common scale.
    #[must_use]
    pub fn transform(&self, row: &[f32]) -> Vec<f32> {
        let scale = |((value, mean), unit): ((&f32, &f64), &f64)| {
            ((f64::from(*value) - mean) * unit).clamp(-CUT, CUT) as f32
        };
        row.iter().zip(&self.mean).zip(&self.per_unit).map(scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardises_and_cuts() {
        let rows: Vec<[f32; 3]> = (0..100).map(|i| [i as f32, 4.0, if i == 7 { 1e6 } else { 0.0 }]).collect();
        let scaler = Scaler::fit(rows.iter().map(<[f32; 3]>::as_slice));
        let first = scaler.transform(&rows[0]);
        assert!((first[0] + 49.5 / 28.866).abs() < 1e-3);
        assert_eq!(first[1], 0.0);
        assert_eq!(scaler.transform(&rows[7])[2], 3.0);
        assert_eq!(scaler.varying(), 2);
    }
}
