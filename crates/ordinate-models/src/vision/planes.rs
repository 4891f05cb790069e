//! Images as a network reads them: of its sides and channels, a byte a value.

use candle_core::{Device, Tensor};
use ordinate_images::Image;
use rayon::prelude::*;

use crate::error::ModelError;
use crate::vision::network::{Config, failed};

/// The longest side of the images that a new network reads.
const LONGEST: u32 = 64;
/// The shortest.
const SHORTEST: u32 = 8;

/// Images in memory: a byte a value, so that a hundred thousand of 28 x 28 grey pixels take 80 MB.
#[derive(Debug, Clone)]
pub struct Planes {
    size: usize,
    values: Vec<u8>,
}

/// Where a sample of an image's values comes from, and how bright it is.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Pixels to the right and down that it is moved; what comes in at an edge is the edge's own pixels.
    pub shift: (i32, i32),
    /// What values are multiplied with, around their mean.
    pub gain: f32,
    /// What is added to them, in deviations.
    pub offset: f32,
}

impl Sample {
    /// The image as it is.
    pub const PLAIN: Self = Self { shift: (0, 0), gain: 1.0, offset: 0.0 };
}

/// The images that texts are.
///
/// # Errors
/// [`ModelError::Setting`] for a text that is no image.
pub(super) fn decoded(text: &str) -> Result<Image, ModelError> {
    Image::of_text(text).map_err(|error| ModelError::Setting(format!("an image cannot be read: {error}")))
}

impl Config {
    /// Of a new network for these images: of their own sides, where they all have the same and none is too long; else square, as
    /// long as half of them are at most. Grey where all are. Means and deviations are theirs.
    ///
    /// # Errors
    /// As for [`Planes::of_texts`].
    pub fn of_texts(texts: &[&str], labels: Vec<String>) -> Result<Self, ModelError> {
        let sides =
            |text: &&str| decoded(text).map(|image| (image.width(), image.height(), image.channels()));
        let all = texts.par_iter().map(sides).collect::<Result<Vec<_>, _>>()?;
        let Some(&(width, height, _)) = all.first() else {
            return Err(ModelError::TooLittle { found: 0, labels: labels.len() });
        };
        let is_alike = all.iter().all(|&(w, h, _)| (w, h) == (width, height));
        let (width, height) = match is_alike && width.max(height) <= LONGEST {
            true => (width.max(SHORTEST), height.max(SHORTEST)),
            false => {
                let mut longer: Vec<u32> = all.iter().map(|&(w, h, _)| w.max(h)).collect();
                longer.sort_unstable();
                let side = longer[longer.len() / 2].clamp(SHORTEST, LONGEST);
                (side, side)
            }
        };
        let channels = all.iter().map(|&(_, _, channels)| channels).max().unwrap_or(1);
        let mut config = Self::new(height as usize, width as usize, channels, labels);
        let planes = Planes::of_texts(texts, &config)?;
        (config.mean, config.deviation) = planes.moments(channels);
        Ok(config)
    }
}

impl Planes {
    /// Of the texts of items, as the network of `config` reads them.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a text that is no image.
    pub fn of_texts(texts: &[&str], config: &Config) -> Result<Self, ModelError> {
        let size = config.height * config.width * config.channels;
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let mut values = vec![0; size * texts.len()];
        values.par_chunks_mut(size).zip(texts).try_for_each(|(values, text)| {
            let image = decoded(text)?.resized(side(config.width), side(config.height));
            values.copy_from_slice(image.with_channels(config.channels).pixels());
            Ok::<_, ModelError>(())
        })?;
        Ok(Self { size, values })
    }

    /// Of the bytes of images of this size.
    pub(super) fn of(size: usize, values: Vec<u8>) -> Self {
        Self { size, values }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.size.max(1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The mean and the deviation of each channel. Of images that are all one value, the deviation of none.
    fn moments(&self, channels: usize) -> (Vec<f32>, Vec<f32>) {
        let (mut sums, mut squares) = (vec![0_u64; channels], vec![0_u64; channels]);
        for pixel in self.values.chunks_exact(channels) {
            for (at, value) in pixel.iter().enumerate() {
                sums[at] += u64::from(*value);
                squares[at] += u64::from(*value) * u64::from(*value);
            }
        }
        let count = (self.values.len() / channels).max(1) as f64;
        let mean = |at: usize| sums[at] as f64 / count;
        let deviation = |at: usize| (squares[at] as f64 / count - mean(at).powi(2)).max(0.0).sqrt().max(1.0);
        (
            (0..channels).map(|at| mean(at) as f32).collect(),
            (0..channels).map(|at| deviation(at) as f32).collect(),
        )
    }

    /// The images in these places, each as `sample` says: images x height x width x channels, less the mean and over the
    /// deviation.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where memory does not suffice.
    pub fn batch(
        &self,
        places: &[usize],
        config: &Config,
        sample: impl Fn(usize) -> Sample + Sync,
    ) -> Result<Tensor, ModelError> {
        let mut out = vec![0.0_f32; places.len() * self.size];
        out.par_chunks_mut(self.size.max(1)).zip(places).enumerate().for_each(|(at, (out, &place))| {
            self.fill(place, config, sample(at), out);
        });
        let shape = (places.len(), config.height, config.width, config.channels);
        Tensor::from_vec(out, shape, &Device::Cpu).map_err(|error| failed(&error))
    }

    fn fill(&self, place: usize, config: &Config, sample: Sample, out: &mut [f32]) {
        let values = &self.values[place * self.size..][..self.size];
        let (height, width, channels) = (config.height, config.width, config.channels);
        let moved = |at: usize, by: i32, side: usize| {
            (at as i64 - i64::from(by)).clamp(0, side.saturating_sub(1) as i64) as usize
        };
        for (y, row) in out.chunks_exact_mut(width * channels).enumerate().take(height) {
            let from = moved(y, sample.shift.1, height) * width;
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let old = &values[(from + moved(x, sample.shift.0, width)) * channels..][..channels];
                for (at, (new, old)) in pixel.iter_mut().zip(old).enumerate() {
                    *new = (f32::from(*old) - config.mean[at]) / config.deviation[at] * sample.gain
                        + sample.offset;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn text(width: u32, height: u32, channels: usize, of: impl Fn(usize) -> u8) -> String {
        let count = width as usize * height as usize * channels;
        Image::of_pixels(width, height, channels, (0..count).map(of).collect()).unwrap().text().unwrap()
    }

    #[test]
    fn a_new_network_reads_images_as_they_are_where_it_can() {
        let sides = |texts: &[String]| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let config = Config::of_texts(&texts, vec!["a".into(), "b".into()]).unwrap();
            (config.width, config.height, config.channels)
        };
        assert_eq!(sides(&[text(28, 20, 1, |_| 1), text(28, 20, 1, |_| 2)]), (28, 20, 1));
        assert_eq!(sides(&[text(28, 20, 1, |_| 1), text(28, 20, 3, |_| 2)]), (28, 20, 3));
        assert_eq!(sides(&[text(28, 20, 1, |_| 1), text(30, 20, 1, |_| 2)]), (30, 30, 1));
        assert_eq!(sides(&[text(200, 100, 1, |_| 1)]), (64, 64, 1));
        assert_eq!(sides(&[text(3, 2, 1, |_| 1)]), (8, 8, 1));
    }

    #[test]
    fn values_are_standardised_and_moved() {
        let texts = [text(8, 8, 1, |at| (at % 8 * 10) as u8), text(8, 8, 1, |at| (at % 8 * 30) as u8)];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let config = Config::of_texts(&texts, vec!["a".into(), "b".into()]).unwrap();
        let planes = Planes::of_texts(&texts, &config).unwrap();
        let plain = planes.batch(&[0, 1], &config, |_| Sample::PLAIN).unwrap();
        let (mean, square): (f32, f32) = (
            plain.mean_all().unwrap().to_scalar().unwrap(),
            plain.sqr().unwrap().mean_all().unwrap().to_scalar().unwrap(),
        );
        assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-3, "{mean} {square}");
        let moved = planes.batch(&[1], &config, |_| Sample { shift: (2, 0), ..Sample::PLAIN }).unwrap();
        let row = |tensor: &Tensor, at: usize| -> Vec<f32> {
            tensor.get(at).unwrap().get(3).unwrap().flatten_all().unwrap().to_vec1().unwrap()
        };
        let (still, moved) = (row(&plain, 1), row(&moved, 0));
        assert_eq!(moved[2..], still[..6]);
        assert_eq!(moved[..2], [still[0], still[0]]);
    }

    #[test]
    fn what_is_no_image_says_so() {
        let error = Planes::of_texts(&["cat"], &Config::new(8, 8, 1, vec![])).unwrap_err().to_string();
        assert!(error.contains("an image cannot be read"), "{error}");
    }
}
