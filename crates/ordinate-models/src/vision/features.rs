//! What a network knows of images besides its own labels: vectors for a probe.

use std::path::Path;

use candle_core::{Result as Candle, Tensor};

use crate::error::ModelError;
use crate::model::{Encoder, Facts};
use crate::vision::network::{Network, failed};
use crate::vision::planes::{Planes, Sample};

/// Images that go through the network together.
const BATCH: usize = 64;
/// Parts of each side of the last stage whose means are taken apart: where something is counts too.
const GRID: usize = 2;

/// A network as an encoder of images.
pub struct ImageEncoder {
    network: Network,
}

impl ImageEncoder {
    /// Reads that of a folder.
    ///
    /// # Errors
    /// As [`Network::open`].
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        Ok(Self { network: Network::open(folder)? })
    }

    /// The means of all stages, those of the last one apart in quarters, each of the three of equal weight.
    fn vectors(&self, images: &Tensor) -> Candle<Vec<Vec<f32>>> {
        let states = self.network.states(images)?;
        let parts = [cells(&states.stem, 1)?, cells(&states.half, 1)?, cells(&states.quarter, GRID)?];
        let joined = |at: usize| {
            let mut vector: Vec<f32> = parts.iter().flat_map(|part| unit(&part[at])).collect();
            vector = unit(&vector);
            vector
        };
        Ok((0..images.dim(0)?).map(joined).collect())
    }
}

/// The means of the cells of a grid over each image, one cell after the other.
fn cells(states: &Tensor, grid: usize) -> Candle<Vec<Vec<f32>>> {
    let (_, rows, columns, channels) = states.dims4()?;
    let cell = |at: usize, side: usize| {
        (at * side / grid, ((at + 1) * side).div_ceil(grid).max(at * side / grid + 1))
    };
    let images: Vec<Vec<f32>> = states.flatten_from(1)?.to_vec2()?;
    let means = |values: &Vec<f32>| {
        let mut all = Vec::with_capacity(grid * grid * channels);
        for (down, across) in (0..grid).flat_map(|down| (0..grid).map(move |across| (down, across))) {
            let ((top, bottom), (left, right)) = (cell(down, rows), cell(across, columns));
            let mut sums = vec![0.0_f32; channels];
            for (y, x) in
                (top..bottom.min(rows)).flat_map(|y| (left..right.min(columns)).map(move |x| (y, x)))
            {
                let pixel = &values[(y * columns + x) * channels..][..channels];
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
            }
            let count = ((bottom - top) * (right - left)).max(1) as f32;
            all.extend(sums.iter().map(|sum| sum / count));
        }
        all
    };
    Ok(images.iter().map(means).collect())
}

/// The vector of length 1 in the same direction; of length 0 where it has none.
pub(super) fn unit(vector: &[f32]) -> Vec<f32> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.iter().map(|value| if length > 0.0 { value / length } else { 0.0 }).collect()
}

impl Encoder for ImageEncoder {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut all = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH) {
            let planes = Planes::of_texts(texts, &self.network.config)?;
            let places: Vec<usize> = (0..texts.len()).collect();
            let images = planes.batch(&places, &self.network.config, |_| Sample::PLAIN)?;
            all.extend(self.vectors(&images).map_err(|error| failed(&error))?);
        }
        Ok(all)
    }

    fn facts(&self) -> Facts {
        let parameters = self.network.parameters();
        Facts { parameters, bytes: 4 * parameters }
    }
}
