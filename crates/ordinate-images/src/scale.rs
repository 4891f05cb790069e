//! Scaling: by what the area that a pixel covers has where an image shrinks, between the nearest pixels where it grows.

use crate::image::Image;

/// What of the old pixels along one side makes up a new one: the first of them and their weights, which add up to 1.
struct Share {
    first: usize,
    weights: Vec<f32>,
}

/// How old pixels make up a new one, as Pillow has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// The nearest old pixel.
    Nearest,
    /// A triangle over as many old pixels as a new one covers, at least one on each side.
    Bilinear,
    /// Cubic pieces over twice as many (Keys 1981, with a = -0.5).
    Bicubic,
    /// A sinc under a window that is one too, over three times as many.
    Lanczos,
}

impl Filter {
    /// How far it reaches, in new pixels.
    fn reach(self) -> f64 {
        match self {
            Self::Nearest => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The weight of what lies at this distance, in new pixels.
    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        if x >= self.reach() {
            return 0.0;
        }
        match self {
            Self::Nearest => 1.0,
            Self::Bilinear => 1.0 - x,
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Lanczos => sinc(x) * sinc(x / 3.0),
        }
    }
}

fn sinc(x: f64) -> f64 {
    let angle = x * std::f64::consts::PI;
    if angle == 0.0 { 1.0 } else { angle.sin() / angle }
}

impl Image {
    /// The same with these sides, whatever its own ratio.
    ///
    /// A triangle filter over as many old pixels as a new one covers (at least one on each side), as Pillow's
    /// `resize(..., BILINEAR)` has it: the horizontal pass first, both in f32, rounded once at the end.
    #[must_use]
    pub fn resized(&self, width: u32, height: u32) -> Self {
        self.scaled(width, height, Filter::Bilinear, false)
    }

    /// The same by another filter, rounded to whole values after each pass, as Pillow does it.
    #[must_use]
    pub fn resized_by(&self, width: u32, height: u32, filter: Filter) -> Self {
        self.scaled(width, height, filter, true)
    }

    fn scaled(&self, width: u32, height: u32, filter: Filter, rounds: bool) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        if (width, height) == (self.width(), self.height()) {
            return self.clone();
        }
        let channels = self.channels();
        let (old_width, old_height) = (self.width() as usize, self.height() as usize);
        let across = shares(old_width, width as usize, filter);
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
            if rounds {
                row.iter_mut().for_each(|value| *value = value.round().clamp(0.0, 255.0));
            }
        }
        let mut pixels = Vec::with_capacity(height as usize * row_length);
        let mut sums = vec![0.0_f32; row_length];
        for share in shares(old_height, height as usize, filter) {
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

    /// What of it lies in the middle, with these sides; black where it is smaller. Where an odd number of pixels is too many, half a pixel
    /// `rounds` to an even number (as torchvision has it) or down.
    #[must_use]
    pub fn middle(&self, width: u32, height: u32, rounds: bool) -> Self {
        let first = |old: u32, new: u32| -> i64 {
            let less = i64::from(old) - i64::from(new);
            match (less < 0, rounds) {
                // What is added stands before by half of it.
                (true, _) => -(-less / 2),
                (false, true) => (less as f64 / 2.0).round_ties_even() as i64,
                (false, false) => less / 2,
            }
        };
        let (left, top) = (first(self.width(), width), first(self.height(), height));
        let channels = self.channels();
        let row_length = self.width() as usize * channels;
        let mut pixels = Vec::with_capacity(width as usize * height as usize * channels);
        for y in top..top + i64::from(height) {
            for x in left..left + i64::from(width) {
                let is_there =
                    (0..i64::from(self.width())).contains(&x) && (0..i64::from(self.height())).contains(&y);
                let at = if is_there { y as usize * row_length + x as usize * channels } else { 0 };
                let pixel = &self.pixels()[at..at + channels];
                pixels.extend(pixel.iter().map(|value| if is_there { *value } else { 0 }));
            }
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

fn shares(old: usize, new: usize, filter: Filter) -> Vec<Share> {
    let scale = old as f64 / new as f64;
    if filter == Filter::Nearest {
        // Step by step, as Pillow goes: where a middle falls between two pixels, what was rounded on the way decides.
        let middles = std::iter::successors(Some(0.5 * scale), |middle| Some(middle + scale));
        let share = |middle: f64| Share { first: (middle as usize).min(old - 1), weights: vec![1.0] };
        return middles.take(new).map(share).collect();
    }
    let wide = scale.max(1.0);
    let reach = filter.reach() * wide;
    let share = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).floor().max(0.0) as usize;
        let end = ((centre + reach + 0.5).floor().max(0.0) as usize).clamp(first + 1, old.max(first + 1));
        let weight = |pixel: usize| filter.weight((pixel as f64 + 0.5 - centre) / wide);
        let sum: f64 = (first..end).map(weight).sum();
        let sum = if sum.abs() > f64::MIN_POSITIVE { sum } else { f64::MIN_POSITIVE };
        let weights = (first..end).map(|pixel| (weight(pixel) / sum) as f32).collect();
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
    fn the_middle_is_cut_out() {
        let image = image(5, 4, |x, y| (10 * y + x) as u8);
        assert_eq!(image.middle(2, 2, true).pixels(), [12, 13, 22, 23], "half of three is two, the even one");
        assert_eq!(image.middle(2, 2, false).pixels(), [11, 12, 21, 22]);
        assert_eq!(image.middle(1, 6, false).pixels(), [0, 2, 12, 22, 32, 0]);
        assert_eq!(image.middle(5, 4, true), image);
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
