//! Ridge regression on TF-IDF within each slice.
//!
//! Fitted in its dual form (a kernel ridge regression with the cosine of texts as kernel), because slices
//! have fewer items than n-grams; kept in its primal form, because a weight per term and candidate is smaller than
//! the training texts. Rare terms are weighted by what is rare in the slice, which leaves out the wording of
//! a common instruction.

use ordinate_features::{Smoothing, Sparse, Tfidf, packed};
use ordinate_learn::{LearnError, Matrix, kernel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::lesson::{Item, Lesson};
use crate::texts::GRAMS;
use crate::{products, random};

/// N-grams are folded into this many dimensions (as a power of 2): the cosines then have an error of 0.02.
const FOLDED_BITS: u8 = 11;
const DIMS: usize = 1 << FOLDED_BITS;
/// Slices with fewer items keep to the lookup; of larger ones some items are enough.
const MIN_ITEMS: usize = 30;
const MAX_ITEMS: usize = 2_000;

/// A regression per slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Linear {
    /// By number of slice; the last is for items without one.
    slices: Vec<Option<Slice>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slice {
    tfidf: Tfidf,
    /// A row per dimension, a column per candidate.
    #[serde(with = "packed")]
    weights: Vec<f32>,
}

impl Linear {
    /// One fit for each penalty.
    pub(super) fn fit(lesson: &Lesson<'_>, lambdas: &[f64]) -> Result<Vec<Self>, LearnError> {
        let by_slice: Vec<Vec<Option<Slice>>> = lesson
            .by_slice()
            .into_par_iter()
            .map(|rows| Slice::fit(lesson, rows, lambdas))
            .collect::<Result<_, _>>()?;
        let mut fits: Vec<Self> = lambdas.iter().map(|_| Self { slices: Vec::new() }).collect();
        for slice in by_slice {
            for (fit, slice) in fits.iter_mut().zip(slice) {
                fit.slices.push(slice);
            }
        }
        Ok(fits)
    }

    /// Expected deviations from the lookup.
    pub(super) fn predict(&self, item: &Item<'_>) -> Vec<f64> {
        let number = item.reading.slice.unwrap_or(self.slices.len().saturating_sub(1));
        let candidates = item.base.len();
        let mut sums = vec![0.0_f32; candidates];
        if let Some(Some(slice)) = self.slices.get(number) {
            for (place, value) in slice.features(&item.reading.text.grams).iter() {
                let start = place as usize * candidates;
                if let Some(weights) = slice.weights.get(start..start + candidates) {
                    sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
                }
            }
        }
        sums.into_iter().map(f64::from).collect()
    }
}

impl Slice {
    fn features(&self, grams: &Sparse) -> Sparse {
        self.tfidf.folded(grams, FOLDED_BITS)
    }

    fn fit(
        lesson: &Lesson<'_>,
        mut rows: Vec<usize>,
        lambdas: &[f64],
    ) -> Result<Vec<Option<Self>>, LearnError> {
        if rows.len() < MIN_ITEMS {
            return Ok(vec![None; lambdas.len()]);
        }
        random::shuffle(&mut rows, 0);
        rows.truncate(MAX_ITEMS);
        rows.sort_unstable();
        let grams: Vec<&Sparse> = rows.iter().map(|&row| &lesson.items[row].reading.text.grams).collect();
        let tfidf = Tfidf::fit(grams.iter().copied(), GRAMS.dims(), 2, Smoothing::Plain);
        let mut dense = vec![0.0_f32; rows.len() * DIMS];
        for (grams, row) in grams.iter().zip(dense.chunks_exact_mut(DIMS)) {
            tfidf.fold(grams, 1.0, row);
        }
        let k = products::kernel(&dense, DIMS);
        let y = Matrix::from_fn(rows.len(), lesson.candidates(), |i, m| lesson.deviation(rows[i], m));
        let fit = |&lambda: &f64| {
            let alpha = kernel::ridge(&k, &y, lambda)?;
            let weights = products::primal(&dense, DIMS, &alpha);
            Ok(Some(Self { tfidf: tfidf.clone(), weights }))
        };
        lambdas.iter().map(fit).collect()
    }
}
