//! Slices where a policy is clearly better or worse than the best single.

use ordinate_core::verdict::{Estimate, SliceGain};
use ordinate_score::compare::benjamini_hochberg;
use ordinate_score::normal::{student_quantile, student_two_sided};

use crate::bar::LEVEL;

/// Sums over the units (items, or groups within a slice) of one slice.
#[derive(Debug, Clone, Default)]
struct Sums {
    items: f64,
    sum: f64,
    /// Sum of the squared sums of residuals, unit by unit.
    squares: f64,
    units: f64,
}

/// The slices whose mean paired difference is not zero at the 5 % level, corrected by Benjamini-Hochberg over
/// all slices; the largest gain first. `codes` has the slice of each difference; `clusters` its group.
/// Student's t test of the mean, with the cluster-robust standard error where items are clustered.
pub(crate) fn slice_gains(
    differences: &[f64],
    codes: &[u32],
    names: &[String],
    clusters: Option<&[u32]>,
) -> Vec<SliceGain> {
    let mut sums = vec![Sums::default(); names.len()];
    let known = || {
        let entries = differences.iter().zip(codes).enumerate();
        entries.filter(|(_, (difference, code))| !difference.is_nan() && (**code as usize) < names.len())
    };
    for (_, (difference, code)) in known() {
        let slice = &mut sums[*code as usize];
        slice.items += 1.0;
        slice.sum += difference;
    }
    // One unit per slice and group: residuals are summed within it before they are squared.
    let unit = |position: usize| clusters.map_or(position as u64, |clusters| u64::from(clusters[position]));
    let mut residuals: Vec<(u32, u64, f64)> = known()
        .map(|(position, (difference, code))| {
            let slice = &sums[*code as usize];
            (*code, unit(position), difference - slice.sum / slice.items)
        })
        .collect();
    residuals.sort_unstable_by_key(|(code, unit, _)| (*code, *unit));
    for same in residuals.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let slice = &mut sums[same[0].0 as usize];
        slice.units += 1.0;
        slice.squares += same.iter().map(|(_, _, residual)| residual).sum::<f64>().powi(2);
    }
    let tested: Vec<(&String, Estimate, f64)> = names
        .iter()
        .zip(&sums)
        .filter_map(|(name, sums)| Some((name, sums.estimate()?, sums.p()?)))
        .collect();
    let adjusted = benjamini_hochberg(&tested.iter().map(|(_, _, p)| *p).collect::<Vec<_>>());
    let mut gains: Vec<SliceGain> = tested
        .into_iter()
        .zip(adjusted)
        .filter(|(_, p_adjusted)| *p_adjusted < LEVEL)
        .map(|((slice, difference, _), p_adjusted)| SliceGain {
            slice: slice.clone(),
            difference,
            p_adjusted,
        })
        .collect();
    gains.sort_by(|a, b| b.difference.mean.total_cmp(&a.difference.mean));
    gains
}

impl Sums {
    fn mean(&self) -> f64 {
        self.sum / self.items
    }

    fn standard_error(&self) -> Option<f64> {
        let variance = self.squares * self.units / (self.units - 1.0);
        (self.units > 1.0 && variance > 0.0).then(|| variance.sqrt() / self.items)
    }

    fn estimate(&self) -> Option<Estimate> {
        let half = student_quantile(0.975, self.units - 1.0) * self.standard_error()?;
        Some(Estimate { mean: self.mean(), low: self.mean() - half, high: self.mean() + half })
    }

    fn p(&self) -> Option<f64> {
        Some(student_two_sided(self.mean() / self.standard_error()?, self.units - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_gains_and_harms_are_told_from_noise() {
        let names = ["gain", "harm", "noise", "empty"].map(str::to_owned);
        let (mut differences, mut codes) = (Vec::new(), Vec::new());
        for i in 0..60 {
            let wobble = if i % 2 == 0 { 0.2 } else { -0.2 };
            for (code, shift) in [(0, 0.3), (1, -0.2), (2, 0.01)] {
                differences.push(shift + wobble);
                codes.push(code);
            }
        }
        let gains = slice_gains(&differences, &codes, &names, None);
        assert_eq!(gains.iter().map(|gain| gain.slice.as_str()).collect::<Vec<_>>(), ["gain", "harm"]);
        assert!((gains[0].difference.mean - 0.3).abs() < 1e-12);
        // 60 items of two groups are two units: nothing can be shown.
        let clusters: Vec<u32> = (0..differences.len()).map(|i| u32::from(i % 6 < 3)).collect();
        assert!(slice_gains(&differences, &codes, &names, Some(&clusters)).len() < 2);
    }
}
