//! What models see of an item: its slice, its surface on a common scale, its place among topics.

use std::collections::BTreeMap;

use ordinate_features::{Scaler, Smoothing, Sparse, Svd, Tfidf};
use serde::{Deserialize, Serialize};

use crate::random;
use crate::texts::{GRAMS, Text};

/// Latent dimensions, and the dimensions that n-grams are folded into before those are sought.
const LATENT: usize = 64;
const FOLDED_BITS: u8 = 11;
/// Terms of fewer texts are left out.
const MIN_DOCUMENTS: u32 = 3;
/// Texts that latent dimensions are sought in: directions of topics need no more.
const MAX_ROWS: usize = 4_000;

/// Fitted on training texts, without their scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Reader {
    slices: BTreeMap<String, usize>,
    scaler: Scaler,
    tfidf: Tfidf,
    svd: Svd,
}

/// An item as models see it.
#[derive(Debug, Clone)]
pub(super) struct Reading<'a> {
    pub(super) text: &'a Text,
    /// The number of its slice; `None` for none, or one that was not seen in training.
    pub(super) slice: Option<usize>,
    /// Standardised surface measures.
    pub(super) surface: Vec<f32>,
    /// Latent dimensions, scaled to length 1.
    pub(super) latent: Vec<f32>,
}

impl Reader {
    pub(super) fn fit<'a>(slices: impl Iterator<Item = &'a str>, texts: &[&Text], seed: u64) -> Self {
        let tfidf =
            Tfidf::fit(texts.iter().map(|text| &text.grams), GRAMS.dims(), MIN_DOCUMENTS, Smoothing::Smooth);
        let mut some: Vec<usize> = (0..texts.len()).collect();
        random::shuffle(&mut some, seed);
        some.truncate(MAX_ROWS);
        let rows: Vec<Sparse> =
            some.iter().map(|&row| tfidf.folded(&texts[row].grams, FOLDED_BITS)).collect();
        Self {
            slices: slices.map(str::to_owned).zip(0..).collect(),
            scaler: Scaler::fit(texts.iter().map(|text| text.surface.as_slice())),
            svd: Svd::fit(&rows, 1 << FOLDED_BITS, LATENT, seed),
            tfidf,
        }
    }

    pub(super) fn slices(&self) -> usize {
        self.slices.len()
    }

    pub(super) fn read<'a>(&self, text: &'a Text, slice: Option<&str>) -> Reading<'a> {
        let mut latent = self.svd.project(&self.tfidf.folded(&text.grams, FOLDED_BITS));
        let norm = dot(&latent, &latent).sqrt();
        if norm > 0.0 {
            latent.iter_mut().for_each(|value| *value /= norm);
        }
        Reading {
            text,
            slice: slice.and_then(|slice| self.slices.get(slice).copied()),
            surface: self.scaler.transform(&text.surface),
            latent,
        }
    }
}

/// The inner product, in a fixed order of eight sums that a compiler can keep in one register.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// The squared distance, likewise.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..8 {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
}
