//! Means per slice: each candidate on each slice, with an interval (see [`crate::mean`]) and shrunken (see
//! [`crate::shrink`]).

use std::collections::HashMap;

use ordinate_core::verdict::SliceCell;

use crate::groups::Groups;
use crate::mean::{Clusters, Scores};
use crate::shrink::{Observed, Shrunken};

/// Which items are in which slice, and which of these depend on each other.
#[derive(Debug, Clone)]
pub struct Slices {
    of_item: Vec<u32>,
    count: usize,
    clusters: Option<Parts>,
}

/// The parts into which slices and groups together cut the items.
#[derive(Debug, Clone)]
struct Parts {
    of_item: Vec<u32>,
    /// The slice of each part.
    slice: Vec<u32>,
}

impl Slices {
    /// From the slice of each item, a number below `count`, or any other for an item without a slice.
    ///
    /// # Panics
    /// When there is not one group per item.
    #[must_use]
    pub fn new(of_item: &[u32], count: usize, groups: Option<&Groups>) -> Self {
        let clusters = groups.map(|groups| {
            assert_eq!(groups.of_item().len(), of_item.len(), "there must be one group per item");
            let mut slice = Vec::new();
            let mut known = HashMap::new();
            let part = |(&of_slice, &of_group): (&u32, &u32)| {
                *known.entry((of_slice, of_group)).or_insert_with(|| {
                    slice.push(of_slice);
                    slice.len() as u32 - 1
                })
            };
            let of_item = of_item.iter().zip(groups.of_item()).map(part).collect();
            Parts { of_item, slice }
        });
        Self { of_item: of_item.to_vec(), count, clusters }
    }

    /// A candidate's column of scores in `[0, 1]` by slice; `None` where it has no score on a slice. Slices
    /// are shrunken towards the candidate's mean over slices.
    #[must_use]
    pub fn cells(&self, scores: &[f64]) -> Vec<Option<SliceCell>> {
        let slices = self.sums(scores);
        let observed: Vec<Observed> = slices.iter().map(Scores::observed).collect();
        let shrunken = Shrunken::fit(&observed).map(|fit| fit.means).unwrap_or_default();
        slices
            .iter()
            .zip(shrunken)
            .map(|(slice, shrunken)| {
                let own = slice.interval()?;
                Some(SliceCell {
                    mean: own.mean,
                    low: own.low,
                    high: own.high,
                    shrunken: shrunken.mean,
                    items: slice.items() as u64,
                })
            })
            .chain(std::iter::repeat(None))
            .take(self.count)
            .collect()
    }

    fn sums(&self, scores: &[f64]) -> Vec<Scores> {
        let mut slices = vec![Scores::NONE; self.count];
        for (&slice, &score) in self.of_item.iter().zip(scores) {
            if let Some(sums) = slices.get_mut(slice as usize).filter(|_| !score.is_nan()) {
                sums.add(score);
            }
        }
        let Some(parts) = &self.clusters else { return slices };
        let mut residuals = vec![None; parts.slice.len()];
        for ((&part, &slice), &score) in parts.of_item.iter().zip(&self.of_item).zip(scores) {
            if let Some(sums) = slices.get(slice as usize).filter(|_| !score.is_nan()) {
                *residuals[part as usize].get_or_insert(0.0) += score - sums.mean();
            }
        }
        let mut clusters = vec![Clusters::default(); self.count];
        for (&slice, residual) in parts.slice.iter().zip(residuals) {
            if let (Some(of_slice), Some(residual)) = (clusters.get_mut(slice as usize), residual) {
                of_slice.count += 1.0;
                of_slice.squares += residual * residual;
            }
        }
        slices.into_iter().zip(clusters).map(|(sums, clusters)| sums.grouped(clusters)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_without_scores_are_none() {
        let cells = Slices::new(&[0, 0, 2, u32::MAX], 3, None).cells(&[1.0, 0.0, f64::NAN, 1.0]);
        assert_eq!(cells[0].map(|cell| (cell.mean, cell.items)), Some((0.5, 2)));
        assert_eq!(cells[1..], [None, None]);
        assert_eq!(Slices::new(&[0], 2, None).cells(&[f64::NAN]), [None, None]);
    }

    #[test]
    fn one_document_is_one_observation() {
        // Ten sentences, all right: ten documents say more than one.
        let one = Slices::new(&[0; 10], 1, Some(&Groups::new(&[0; 10]))).cells(&[1.0; 10])[0].unwrap();
        let ten = Slices::new(&[0; 10], 1, None).cells(&[1.0; 10])[0].unwrap();
        assert!(one.low < 0.25 && ten.low > 0.7, "{one:?} {ten:?}");
    }
}
