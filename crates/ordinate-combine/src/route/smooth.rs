//! Kernel ridge regression over all slices on a few landmarks (Nyström's approximation).
//!
//! The kernel is high for items that look alike (surface), speak of the same (latent dimensions) and are of
//! the same slice.

use ordinate_features::packed;
use ordinate_learn::{LearnError, Matrix, kernel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::lesson::{Item, Lesson};
use super::reader::{Reading, distance, dot};
use crate::random;

/// How much the cosine of topics and the sameness of slices count beside the closeness of surfaces.
const TOPIC: f32 = 0.3;
const SLICE: f32 = 0.3;
/// What is added to the likeness of a landmark with itself.
const ROUNDING: f64 = 1e-4;
/// Landmarks: time grows with their square.
const LANDMARKS: usize = 800;

/// A fitted regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Smooth {
    /// Per candidate: the mean effect, to which the rest is added.
    mean: Vec<f64>,
    /// Per landmark: its slice ([`u32::MAX`] for none).
    slices: Vec<u32>,
    /// Per landmark: surface and latent dimensions.
    #[serde(with = "packed")]
    surfaces: Vec<f32>,
    #[serde(with = "packed")]
    latents: Vec<f32>,
    /// Per landmark: a weight per candidate.
    #[serde(with = "packed")]
    weights: Vec<f32>,
    /// Surface dimensions that vary.
    varying: usize,
}

impl Smooth {
    /// One fit for each penalty.
    pub(super) fn fit(lesson: &Lesson<'_>, lambdas: &[f64], seed: u64) -> Result<Vec<Self>, LearnError> {
        let mut landmarks: Vec<usize> = (0..lesson.items.len()).collect();
        random::shuffle(&mut landmarks, seed);
        landmarks.truncate(LANDMARKS);
        let of = |part: for<'r> fn(&'r Reading<'r>) -> &'r [f32]| -> Vec<f32> {
            landmarks.iter().flat_map(|&row| part(lesson.items[row].reading)).copied().collect()
        };
        let count = lesson.candidates();
        let mean: Vec<f64> = (0..count)
            .map(|m| (0..lesson.items.len()).map(|row| lesson.effects[(row, m)]).sum::<f64>())
            .map(|sum| sum / lesson.items.len().max(1) as f64)
            .collect();
        let mut fitted = Self {
            slices: landmarks.iter().map(|&row| code(lesson.items[row].reading.slice)).collect(),
            surfaces: of(|reading| &reading.surface),
            latents: of(|reading| &reading.latent),
            weights: Vec::new(),
            varying: varying(lesson),
            mean,
        };
        let rows: Vec<Vec<f32>> = lesson.items.par_iter().map(|item| fitted.likeness(item.reading)).collect();
        let wide = |row: usize, landmark: usize| f64::from(rows[row][landmark]);
        let k_nl = Matrix::from_fn(rows.len(), landmarks.len(), wide);
        // Items with the same text make the kernel singular; its 32-bit rounding must not make it worse.
        let own = |i: usize, j: usize| if i == j { ROUNDING } else { 0.0 };
        let k_ll =
            Matrix::from_fn(landmarks.len(), landmarks.len(), |i, j| wide(landmarks[i], j) + own(i, j));
        let y = Matrix::from_fn(rows.len(), count, |row, m| lesson.effects[(row, m)] - fitted.mean[m]);
        let mut fits = Vec::new();
        for weights in kernel::nystrom(&k_nl, &k_ll, &y, lambdas)? {
            let weights = weights.values().iter().map(|weight| *weight as f32).collect();
            fitted.weights = weights;
            fits.push(fitted.clone());
        }
        Ok(fits)
    }

    /// Expected deviations from the lookup.
    pub(super) fn predict(&self, item: &Item<'_>) -> Vec<f64> {
        let mut sums: Vec<f64> = self.mean.iter().zip(&item.base).map(|(mean, base)| mean - base).collect();
        let likeness = self.likeness(item.reading);
        for (like, weights) in likeness.iter().zip(self.weights.chunks_exact(sums.len().max(1))) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += f64::from(*like) * f64::from(*weight);
            }
        }
        sums
    }

    /// The kernel of an item with every landmark.
    fn likeness(&self, reading: &Reading<'_>) -> Vec<f32> {
        let scale = 1.0 / self.varying.max(1) as f32;
        let own = code(reading.slice);
        let of = |(landmark, &slice): (usize, &u32)| {
            let surface = part(&self.surfaces, landmark, reading.surface.len());
            let latent = part(&self.latents, landmark, reading.latent.len());
            let near = libm::expf(-distance(&reading.surface, surface) * scale);
            let same = if slice == own { SLICE } else { 0.0 };
            near + TOPIC * dot(&reading.latent, latent) + same
        };
        self.slices.iter().enumerate().map(of).collect()
    }
}

fn part(all: &[f32], number: usize, width: usize) -> &[f32] {
    all.get(number * width..(number + 1) * width).unwrap_or_default()
}

fn code(slice: Option<usize>) -> u32 {
    slice.and_then(|slice| u32::try_from(slice).ok()).unwrap_or(u32::MAX)
}

/// Surface dimensions that differ among these items.
fn varying(lesson: &Lesson<'_>) -> usize {
    let Some(first) = lesson.items.first() else { return 0 };
    let differs = |dimension: &usize| {
        lesson.items.iter().any(|item| item.reading.surface[*dimension] != first.reading.surface[*dimension])
    };
    (0..first.reading.surface.len()).filter(differs).count()
}
