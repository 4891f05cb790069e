//! What is near in topic: the nearest training items, or the cluster that an item falls into.

use ordinate_features::packed;
use serde::{Deserialize, Serialize};

use super::lesson::{Item, Lesson};
use super::reader::{distance, dot};
use crate::random;

/// The nearest training items by cosine of topics; those of the same slice count as nearer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Neighbours {
    /// How many are looked at.
    count: usize,
    slices: Vec<u32>,
    #[serde(with = "packed")]
    latents: Vec<f32>,
    /// Deviations from the lookup, an entry per candidate.
    #[serde(with = "packed")]
    deviations: Vec<f32>,
}

/// Items that are kept; more take longer to search than a decision may.
const MAX_ITEMS: usize = 20_000;
/// How much nearer an item of the same slice is.
const SAME_SLICE: f32 = 0.3;
/// Pseudo-items without a deviation in each mean.
const PRIOR_ITEMS: f64 = 10.0;

impl Neighbours {
    /// One for each number of neighbours.
    pub(super) fn fit(lesson: &Lesson<'_>, counts: &[usize]) -> Vec<Self> {
        let mut rows: Vec<usize> = (0..lesson.items.len()).collect();
        random::shuffle(&mut rows, 0);
        rows.truncate(MAX_ITEMS);
        let deviations = |row: &usize| {
            let row = *row;
            (0..lesson.candidates()).map(move |m| lesson.deviation(row, m) as f32).collect::<Vec<_>>()
        };
        let fitted = Self {
            count: 0,
            slices: rows.iter().map(|&row| code(&lesson.items[row])).collect(),
            latents: rows.iter().flat_map(|&row| &lesson.items[row].reading.latent).copied().collect(),
            deviations: rows.iter().flat_map(deviations).collect(),
        };
        counts.iter().map(|&count| Self { count, ..fitted.clone() }).collect()
    }

    pub(super) fn predict(&self, item: &Item<'_>) -> Vec<f64> {
        let own = code(item);
        let latent = &item.reading.latent;
        let mut near: Vec<(f32, usize)> = self
            .latents
            .chunks_exact(latent.len().max(1))
            .zip(&self.slices)
            .enumerate()
            .map(|(row, (other, &slice))| {
                (dot(latent, other) + if slice == own { SAME_SLICE } else { 0.0 }, row)
            })
            .collect();
        let count = self.count.min(near.len());
        if count == 0 {
            return vec![0.0; item.base.len()];
        }
        near.select_nth_unstable_by(count - 1, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut near: Vec<usize> = near[..count].iter().map(|(_, row)| *row).collect();
        // Sums must not depend on the order in which the selection left them.
        near.sort_unstable();
        shrunken(near.into_iter(), &self.deviations, item.base.len())
    }
}

/// Clusters of topics, each with the mean deviation of its items (after Avengers-Pro, Zhang et al. 2025, with
/// means shrunken towards the lookup by slice).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Clusters {
    #[serde(with = "packed")]
    centres: Vec<f32>,
    /// Shrunken mean deviations, an entry per candidate.
    means: Vec<Vec<f64>>,
}

/// Rounds of Lloyd's algorithm.
const ROUNDS: usize = 15;

impl Clusters {
    pub(super) fn fit(lesson: &Lesson<'_>, count: usize, seed: u64) -> Self {
        let mut order: Vec<usize> = (0..lesson.items.len()).collect();
        random::shuffle(&mut order, seed);
        let latent = |row: usize| lesson.items[row].reading.latent.as_slice();
        let width = order.first().map_or(0, |&row| latent(row).len());
        let mut centres: Vec<f32> = order.iter().take(count).flat_map(|&row| latent(row)).copied().collect();
        let mut of: Vec<usize> = Vec::new();
        for _ in 0..ROUNDS {
            let nearest: Vec<usize> = (0..order.len()).map(|row| nearest(&centres, latent(row))).collect();
            if nearest == of {
                break;
            }
            of = nearest;
            let mut sums = vec![0.0_f32; centres.len()];
            let mut sizes = vec![0.0_f32; count];
            for (row, &cluster) in of.iter().enumerate() {
                sizes[cluster] += 1.0;
                let sum = &mut sums[cluster * width..(cluster + 1) * width];
                sum.iter_mut().zip(latent(row)).for_each(|(sum, value)| *sum += value);
            }
            for (cluster, size) in sizes.iter().enumerate().filter(|(_, size)| **size > 0.0) {
                for place in cluster * width..(cluster + 1) * width {
                    centres[place] = sums[place] / size;
                }
            }
        }
        let deviations: Vec<f32> = (0..lesson.items.len())
            .flat_map(|row| (0..lesson.candidates()).map(move |m| lesson.deviation(row, m) as f32))
            .collect();
        let means = (0..centres.len() / width.max(1))
            .map(|cluster| {
                let members = (0..of.len()).filter(|&row| of[row] == cluster);
                shrunken(members, &deviations, lesson.candidates())
            })
            .collect();
        Self { centres, means }
    }

    pub(super) fn predict(&self, item: &Item<'_>) -> Vec<f64> {
        let cluster = nearest(&self.centres, &item.reading.latent);
        self.means.get(cluster).cloned().unwrap_or_else(|| vec![0.0; item.base.len()])
    }
}

fn nearest(centres: &[f32], latent: &[f32]) -> usize {
    let distances = centres.chunks_exact(latent.len().max(1)).map(|centre| distance(centre, latent));
    distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(cluster, _)| cluster)
}

/// Means over these rows, with pseudo-items of 0.
fn shrunken(rows: impl Iterator<Item = usize>, deviations: &[f32], width: usize) -> Vec<f64> {
    let mut sums = vec![0.0; width];
    let mut count = PRIOR_ITEMS;
    for row in rows {
        count += 1.0;
        let own = deviations.get(row * width..(row + 1) * width).unwrap_or_default();
        sums.iter_mut().zip(own).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| sum / count).collect()
}

fn code(item: &Item<'_>) -> u32 {
    item.reading.slice.and_then(|slice| u32::try_from(slice).ok()).unwrap_or(u32::MAX)
}
