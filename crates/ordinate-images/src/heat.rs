//! What of an image an answer hangs on, by covering parts of it (occlusion; Zeiler and Fergus 2014, section 4.2): a grey patch is moved
//! over the image, and how far a number falls under it is the heat of the place.

use crate::image::Image;
use crate::scale::Filter;

/// Covered images at most, for one map.
const MOST: usize = 196;
/// Images that are looked at together.
const BATCH: usize = 28;
/// The shorter side of an image over the side of a patch.
const PARTS: u32 = 4;
/// The fall from which on the hottest place is painted in full: less is hardly any, and is painted so.
const FULL: f64 = 0.1;
/// The colour of heat, and how much of a pixel it covers at most.
const COLOUR: [f64; 3] = [235.0, 50.0, 0.0];
const COVER: f64 = 0.75;
/// The longer side up to which a picture of few pixels is enlarged, by whole pixels.
const SHOWN: u32 = 240;

/// Where patches are laid on an image.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Patches {
    width: u32,
    height: u32,
    /// Their left edges, and their upper ones.
    lefts: Vec<u32>,
    tops: Vec<u32>,
}

impl Patches {
    /// Squares of a quarter of the shorter side, as densely as their number allows, so that every pixel is covered; larger where that takes
    /// fewer of them, and cut off where an image is narrower than they are.
    fn on(width: u32, height: u32) -> Self {
        let mut side = width.min(height).div_ceil(PARTS).max(1);
        let mut step = 1;
        loop {
            let of = |all: u32| starts(all, side.min(all), step);
            let (lefts, tops) = (of(width), of(height));
            if lefts.len() * tops.len() <= MOST && step <= side {
                return Self { width: side.min(width), height: side.min(height), lefts, tops };
            }
            step += 1;
            side = side.max(step);
        }
    }

    fn count(&self) -> usize {
        self.lefts.len() * self.tops.len()
    }

    /// The left upper corners, row by row.
    fn corners(&self) -> impl Iterator<Item = (u32, u32)> {
        self.tops.iter().flat_map(|&top| self.lefts.iter().map(move |&left| (left, top)))
    }
}

/// Where patches of one side begin, `step` apart, and the last at the end.
fn starts(all: u32, side: u32, step: u32) -> Vec<u32> {
    let last = all.saturating_sub(side);
    let mut starts: Vec<u32> = (0..last).step_by(step as usize).collect();
    starts.push(last);
    starts
}

/// Tells a number of each of some images.
pub type Number<'a, E> = dyn FnMut(&[Image]) -> Result<Vec<f64>, E> + 'a;

/// How far a number that is told of an image falls where parts of it are covered, pixel by pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The number of the image as it is.
    pub whole: f64,
    /// Pixels of a patch: of a row, and rows.
    pub patch: (u32, u32),
    /// Covered images that were looked at.
    pub looks: usize,
    /// The mean fall of the patches that cover each pixel, row by row from the top.
    pub falls: Vec<f64>,
}

impl Heat {
    /// How many covered images a map of an image of these sides takes, besides the image itself.
    #[must_use]
    pub fn looks(width: u32, height: u32) -> usize {
        Patches::on(width.max(1), height.max(1)).count()
    }

    /// Of an image, and a number that is told of each of some images of its size: such as how probable a network finds a label. A patch has
    /// the mean brightness of the image, so that it is neither light nor dark in it.
    ///
    /// # Errors
    /// The first of `number`.
    pub fn of<E>(image: &Image, number: &mut Number<'_, E>) -> Result<Self, E> {
        let (width, height) = (image.width(), image.height());
        let patches = Patches::on(width, height);
        let grey = mean_brightness(image);
        let whole = number(std::slice::from_ref(image))?.first().copied().unwrap_or(f64::NAN);
        let size = width as usize * height as usize;
        let (mut sums, mut counts) = (vec![0.0_f64; size], vec![0_u32; size]);
        let corners: Vec<(u32, u32)> = patches.corners().collect();
        for corners in corners.chunks(BATCH) {
            let covered: Vec<Image> =
                corners.iter().map(|&corner| covered(image, corner, &patches, grey)).collect();
            for (&(left, top), told) in corners.iter().zip(number(&covered)?) {
                let fall = whole - told;
                for y in top..top + patches.height {
                    let row = y as usize * width as usize;
                    for at in row + left as usize..row + (left + patches.width) as usize {
                        sums[at] += fall;
                        counts[at] += 1;
                    }
                }
            }
        }
        let falls = sums.iter().zip(&counts).map(|(sum, count)| sum / f64::from((*count).max(1))).collect();
        let patch = (patches.width, patches.height);
        Ok(Self { width, height, whole, patch, looks: corners.len(), falls })
    }

    /// The largest fall, and the pixel in the middle of where it is.
    #[must_use]
    pub fn peak(&self) -> (f64, (u32, u32)) {
        let most = self.falls.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Pixels under the very same patches fall alike.
        let (mut x, mut y, mut count) = (0_u64, 0_u64, 0_u64);
        for at in (0..self.falls.len()).filter(|&at| self.falls[at] >= most) {
            let (row, column) = (at / self.width as usize, at % self.width as usize);
            (x, y, count) = (x + column as u64, y + row as u64, count + 1);
        }
        let middle = |sum: u64| u32::try_from(sum / count.max(1)).unwrap_or(0);
        (most, (middle(x), middle(y)))
    }

    /// The image in grey with the heat laid over it, the more of it the redder; one of few pixels is enlarged. Where the number rises, nothing
    /// is laid over.
    #[must_use]
    pub fn over(&self, image: &Image) -> Image {
        let grey = image.clone().with_channels(1);
        let full = self.peak().0.max(FULL);
        let pixels = grey.pixels().iter().zip(&self.falls).flat_map(|(&value, &fall)| {
            let share = COVER * (fall / full).clamp(0.0, 1.0);
            COLOUR.map(|colour| (f64::from(value) * (1.0 - share) + colour * share).round() as u8)
        });
        let drawn = Image::of_pixels(self.width, self.height, 3, pixels.collect()).unwrap_or(grey);
        let times = (SHOWN / drawn.longer_side()).max(1);
        drawn.resized_by(drawn.width() * times, drawn.height() * times, Filter::Nearest)
    }
}

fn mean_brightness(image: &Image) -> u8 {
    let grey = image.clone().with_channels(1);
    let sum: u64 = grey.pixels().iter().map(|&value| u64::from(value)).sum();
    let count = grey.pixels().len().max(1) as u64;
    u8::try_from((sum + count / 2) / count).unwrap_or(u8::MAX)
}

/// The image with a patch on it.
fn covered(image: &Image, (left, top): (u32, u32), patches: &Patches, grey: u8) -> Image {
    let (width, channels) = (image.width() as usize, image.channels());
    let mut pixels = image.pixels().to_vec();
    for y in top as usize..(top + patches.height) as usize {
        let from = (y * width + left as usize) * channels;
        pixels[from..from + patches.width as usize * channels].fill(grey);
    }
    Image::of_pixels(image.width(), image.height(), channels, pixels).unwrap_or_else(|| image.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::convert::Infallible;

    use super::*;

    fn image(width: u32, height: u32, channels: usize, of: impl Fn(u32, u32) -> u8) -> Image {
        let cells = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels = cells.flat_map(|(x, y)| vec![of(x, y); channels]).collect();
        Image::of_pixels(width, height, channels, pixels).unwrap()
    }

    /// What looks at the pixels of a rectangle alone, and knows the image as it is by them.
    fn looks_at(whole: &Image, [left, top, right, bottom]: [u32; 4]) -> impl FnMut(&Image) -> f64 {
        let cells = move |image: &Image| -> Vec<u8> {
            let row = image.width() as usize * image.channels();
            (top..bottom)
                .flat_map(|y| {
                    let from = y as usize * row + left as usize * image.channels();
                    image.pixels()[from..from + (right - left) as usize * image.channels()].to_vec()
                })
                .collect()
        };
        let known = cells(whole);
        move |image| {
            let same = cells(image).iter().zip(&known).filter(|(a, b)| a == b).count();
            0.9 * same as f64 / known.len() as f64
        }
    }

    fn heat(image: &Image, mut number: impl FnMut(&Image) -> f64) -> (Heat, usize) {
        let mut seen = 0;
        let heat = Heat::of(image, &mut |images| {
            assert!(images.len() <= BATCH);
            seen += images.len();
            Ok::<_, Infallible>(images.iter().map(&mut number).collect())
        });
        (heat.unwrap(), seen)
    }

    #[test]
    fn heat_lies_where_a_number_looks() {
        for (width, height, channels) in [(20, 20, 1), (64, 40, 3), (200, 256, 1)] {
            let picture = image(width, height, channels, |x, y| ((x * 7 + y * 13) % 97) as u8);
            let corner = [width - width / 5, 0, width, height / 5];
            let (found, seen) = heat(&picture, looks_at(&picture, corner));
            assert_eq!(seen, found.looks + 1, "every covered image once, and the image itself");
            assert_eq!(found.looks, Heat::looks(width, height));
            assert!(found.looks <= MOST && (found.whole - 0.9).abs() < 1e-9);
            let (most, (x, y)) = found.peak();
            assert!(most > 0.3 && x >= corner[0] && y < corner[3], "{most} at {x}, {y}");
            // Where no patch reaches the corner, nothing hangs on it.
            let cold = |x: u32, y: u32| found.falls[(y * width + x) as usize].abs() < 1e-12;
            assert!(cold(0, 0) && cold(0, height - 1) && cold(width - 1, height - 1));
            let drawn = found.over(&picture);
            let times = drawn.width() / width;
            assert_eq!((drawn.height(), drawn.channels()), (height * times, 3));
            let pixel = |x: u32, y: u32| {
                let at = ((y * times) * drawn.width() + x * times) as usize * 3;
                drawn.pixels()[at..at + 3].to_vec()
            };
            let [hot, cold] = [pixel(x, y), pixel(0, height - 1)];
            assert!(hot[0] > hot[2].saturating_add(100), "red: {hot:?}");
            assert!(cold[0] == cold[1] && cold[1] == cold[2], "grey: {cold:?}");
        }
    }

    #[test]
    fn every_pixel_is_covered_whatever_the_sides() {
        for (width, height) in [(1, 1), (2, 3), (28, 28), (1_000, 1), (1, 5_000), (256, 256), (300, 7)] {
            let patches = Patches::on(width, height);
            assert!(patches.count() <= MOST, "{width} x {height}: {}", patches.count());
            for (all, side, starts) in
                [(width, patches.width, &patches.lefts), (height, patches.height, &patches.tops)]
            {
                assert!(starts[0] == 0 && starts[starts.len() - 1] + side == all, "{width} x {height}");
                assert!(starts.windows(2).all(|two| two[1] > two[0] && two[1] - two[0] <= side));
            }
        }
    }

    #[test]
    fn what_rises_is_no_heat_and_what_fails_is_told() {
        let picture = image(8, 8, 1, |x, _| (x * 20) as u8);
        // Surer of every covered one.
        let mut first = true;
        let (found, _) = heat(&picture, |_| if std::mem::take(&mut first) { 0.5 } else { 0.6 });
        assert!(found.peak().0 < 0.0);
        assert!(found.over(&picture).pixels().chunks(3).all(|pixel| pixel[0] == pixel[2]));
        let failed =
            Heat::of(&picture, &mut |images| if images.len() == 1 { Ok(vec![1.0]) } else { Err("no") });
        assert_eq!(failed.err(), Some("no"));
    }
}
