//! Scaling: by the mean of the area that a pixel covers where an image shrinks, between the nearest pixels where it grows.

use crate::image::Image;

/// What of the old pixels along one side makes up a new one: the first of them and their weights, which add up to 1.
struct Share {
    first: usize,
    weights: Vec<f32>,
}

impl Image {
    /// The same with these sides, whatever its own ratio.
    ///
    /// A triangle filter over as many old pixels as a new one covers (at least one on each side), as Pillow's
    /// `resize(..., BILINEAR)` has it: the horizontal pass first, both in f32, rounded once at the end.
    #[must_use]
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        if (width, height) == (self.width(), self.height()) {
            return self.clone();
        }
        let channels = self.channels();
        let (old_width, old_height) = (self.width() as usize, self.height() as usize);
        let across = shares(old_width, width as usize);
        let row_length = width as usize * channels;
        let mut rows = vec![0.0_f32; old_height * row_length];
        for (row, old) in
            rows.chunks_exact_mut(row_length).zip(self.pixels().chunks_exact(old_width * channels))
        {
            for (new, share) in row.chunks_exact_mut(channels).zip(&across) {
                for (weight, pixel) in
                    share.weights.iter().zip(old[share.first * channels..].chunks_exact(channels))
                {
                    new.iter_mut().zip(pixel).for_each(|(new, old)| *new += weight * f32::from(*old));
                }
            }
        }
        let mut pixels = Vec::with_capacity(height as usize * row_length);
        let mut sums = vec![0.0_f32; row_length];
        for share in shares(old_height, height as usize) {
            sums.fill(0.0);
            for (weight, row) in
                share.weights.iter().zip(rows[share.first * row_length..].chunks_exact(row_length))
            {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
            }
            pixels.extend(sums.iter().map(|sum| sum.round().clamp(0.0, 255.0) as u8));
        }
        Self::of_pixels(width, height, channels, pixels).unwrap_or_else(|| self.clone())
    }

    /// The same with a longer side of at most so many pixels, in its own ratio.
    #[must_use]
    pub fn within(&self, most: u32) -> Self {
        let longer = self.longer_side();
        if longer <= most {
            return self.clone();
        }
        let side = |side: u32| {
            let scaled = (u64::from(side) * u64::from(most) + u64::from(longer) / 2) / u64::from(longer);
            u32::try_from(scaled).unwrap_or(most).max(1)
        };
        self.resized(side(self.width()), side(self.height()))
    }
}

fn shares(old: usize, new: usize) -> Vec<Share> {
    let scale = old as f64 / new as f64;
    let reach = scale.max(1.0);
    let share = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).floor().max(0.0) as usize;
        let end = ((centre + reach + 0.5).floor().max(0.0) as usize).clamp(first + 1, old.max(first + 1));
        let weight = |pixel: usize| (1.0 - ((pixel as f64 + 0.5 - centre) / reach).abs()).max(0.0);
        let sum: f64 = (first..end).map(weight).sum();
        let weights = (first..end).map(|pixel| (weight(pixel) / sum.max(f64::MIN_POSITIVE)) as f32).collect();
        Share { first, weights }
    };
    (0..new).map(share).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn image(width: u32, height: u32, of: impl Fn(u32, u32) -> u8) -> Image {
        let pixels =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| of(x, y)).collect();
        Image::of_pixels(width, height, 1, pixels).unwrap()
    }

    #[test]
    fn sides_of_every_kind() {
        let flat = image(9, 7, |_, _| 77);
        for (width, height) in [(1, 1), (3, 2), (9, 14), (40, 3)] {
            let scaled = flat.resized(width, height);
            assert_eq!((scaled.width(), scaled.height()), (width, height));
            assert!(scaled.pixels().iter().all(|&value| value == 77));
        }
        let slope = image(8, 1, |x, _| (x * 30) as u8).resized(4, 1);
        assert!(slope.pixels().windows(2).all(|two| two[1] > two[0]), "{:?}", slope.pixels());
        assert_eq!(
            image(10, 10, |x, _| (x * 20) as u8).resized(10, 5).pixels()[..10],
            [0, 20, 40, 60, 80, 100, 120, 140, 160, 180]
        );
    }

    #[test]
    fn the_longer_side_is_kept_within_a_limit() {
        let image = image(100, 40, |x, y| (x + y) as u8);
        let small = image.within(50);
        assert_eq!((small.width(), small.height()), (50, 20));
        assert_eq!(image.within(100), image);
        let thin = self::image(300, 1, |x, _| x as u8).within(10);
        assert_eq!((thin.width(), thin.height()), (10, 1));
    }
}
