//! The size of a series, which a forecaster takes out of it and puts back.

/// What is taken off values, and what they are divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    level: f64,
    size: f64,
}

/// The largest value that is said: differences of such values are numbers.
const LARGEST: f64 = f64::MAX / 4.0;
/// Deviations that are smaller, for the level, are what rounding leaves of values that are all the same.
const ROUNDED: f64 = 1e-12;

/// The mean of what `of` makes of the values that are there, each over the largest one, so that no sum is infinite; and that largest
/// one.
fn mean(values: &[f64], of: impl Fn(f64) -> f64) -> Option<(f64, f64)> {
    let there = || values.iter().filter(|value| !value.is_nan());
    let most = there().fold(0.0_f64, |most, value| most.max(value.abs()));
    let count = there().count();
    if count == 0 {
        return None;
    }
    let unit = if most > 0.0 { most } else { 1.0 };
    Some((there().map(|value| of(value / unit)).sum::<f64>() / count as f64, unit))
}

impl Scale {
    /// Mean and deviation of the values that are there (not NaN), as the instance norm of Chronos-Bolt has it. Of values that are all
    /// the same, the size is `flat`.
    pub(super) fn standard(values: &[f64], flat: f64) -> Self {
        let Some((level, unit)) = mean(values, |value| value) else { return Self { level: 0.0, size: 1.0 } };
        let square =
            mean(values, |value| (value - level) * (value - level)).map_or(0.0, |(square, _)| square);
        let deviation = square.sqrt();
        let size = match deviation > ROUNDED * level.abs() {
            true => deviation * unit,
            false => flat,
        };
        Self { level: level * unit, size }
    }

    /// The mean absolute value of those that are there, as `MeanScaleUniformBins` has it; 1 where that is 0.
    pub(super) fn absolute(values: &[f64]) -> Self {
        let size = mean(values, f64::abs).map_or(0.0, |(mean, unit)| mean * unit);
        Self { level: 0.0, size: if size > 0.0 { size } else { 1.0 } }
    }

    pub(super) fn scaled(&self, value: f64) -> f64 {
        // Halves: the difference of two numbers may be infinite.
        (value / 2.0 - self.level / 2.0) / self.size * 2.0
    }

    /// The value again, within [`LARGEST`].
    pub(super) fn back(&self, scaled: f64) -> f64 {
        scaled.mul_add(self.size, self.level).clamp(-LARGEST, LARGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_comes_out_and_goes_back() {
        let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} {b}");
        let scale = Scale::standard(&[1.0, f64::NAN, 3.0], 1e-5);
        near(scale.scaled(3.0), 1.0);
        near(scale.back(-1.0), 1.0);
        for flat in [[0.1; 7], [0.0; 7], [-5.0; 7]] {
            let scale = Scale::standard(&flat, 1e-5);
            assert_eq!(scale.scaled(flat[0]), 0.0);
            near(scale.back(1.0), flat[0] + 1e-5);
        }
        let large = [f64::MAX, f64::MIN, f64::MAX];
        let scale = Scale::standard(&large, 1e-5);
        assert!(scale.scaled(f64::MIN).is_finite() && scale.back(9.0) == LARGEST);
        near(Scale::absolute(&[-2.0, f64::NAN, 4.0]).scaled(6.0), 2.0);
        assert_eq!(Scale::absolute(&[0.0, f64::NAN]), Scale { level: 0.0, size: 1.0 });
        assert_eq!(Scale::standard(&[f64::NAN], 1e-5), Scale { level: 0.0, size: 1.0 });
    }
}
