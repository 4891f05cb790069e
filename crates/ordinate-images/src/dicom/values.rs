//! From stored values to grey ones: the bits that count, the rescaling, the window, and what is white.

use super::elements::{Elements, unread};
use crate::error::ImageError;
use crate::image::Image;

/// What the file says of its pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Values of a pixel.
    pub(super) samples: usize,
    /// Bits of a value as it stands in the file: 8 or 16.
    allocated: u16,
    /// Bits of it that count.
    pub(super) stored: u16,
    /// The place of the highest of them.
    high: u16,
    is_signed: bool,
    /// Whether all values of one colour stand together.
    is_planar: bool,
    pub(super) photometric: String,
}

impl Shape {
    pub(super) fn of(elements: &Elements, bytes: &[u8]) -> Result<Self, ImageError> {
        let number = |element: u16| elements.number(bytes, (0x0028, element));
        let (Some(height), Some(width)) = (number(0x0010), number(0x0011)) else {
            return Err(unread("says no rows and columns of its pixels"));
        };
        let frames = elements.decimal(bytes, (0x0028, 0x0008)).unwrap_or(1.0);
        if frames > 1.0 {
            return Err(unread(&format!(
                "holds {frames} images, and an item is one: write each into a file"
            )));
        }
        let allocated = number(0x0100).unwrap_or(8);
        let stored = number(0x0101).unwrap_or(allocated);
        let photometric = elements.text(bytes, (0x0028, 0x0004)).unwrap_or_else(|| "MONOCHROME2".to_owned());
        let samples = usize::from(number(0x0002).unwrap_or(1));
        let shape = Self {
            width: width.into(),
            height: height.into(),
            samples,
            allocated,
            stored,
            high: number(0x0102).unwrap_or(stored.saturating_sub(1)),
            is_signed: number(0x0103) == Some(1),
            is_planar: number(0x0006) == Some(1),
            photometric,
        };
        shape.check(elements)?;
        Ok(shape)
    }

    fn check(&self, elements: &Elements) -> Result<(), ImageError> {
        let fits = match (self.samples, self.photometric.as_str()) {
            (1, "MONOCHROME1" | "MONOCHROME2") => matches!(self.allocated, 8 | 16),
            (3, "RGB" | "YBR_FULL" | "YBR_FULL_422") => {
                self.allocated == 8 && self.stored == 8 && self.high == 7
            }
            _ => false,
        };
        if !fits {
            let photometric: String = self
                .photometric
                .chars()
                .filter(|one| one.is_ascii_alphanumeric() || *one == '_')
                .take(16)
                .collect();
            return Err(unread(&format!(
                "has {} values a pixel of {} bits, {photometric}: what is read is MONOCHROME1 and MONOCHROME2 of 8 and 16 bits, and RGB of 8",
                self.samples, self.allocated
            )));
        }
        if self.width == 0 || self.height == 0 {
            return Err(unread("has no pixels: its rows or columns are 0"));
        }
        if self.stored == 0
            || self.stored > self.allocated
            || self.high >= self.allocated
            || self.high + 1 < self.stored
        {
            return Err(ImageError::Damaged(
                "the bits of the pixels of the DICOM file do not fit".to_owned(),
            ));
        }
        if elements.has((0x0028, 0x3000)) {
            return Err(unread("rescales its values by a table (Modality LUT), which is not read"));
        }
        Ok(())
    }

    pub(super) fn pixels(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Bytes of one value.
    pub(super) fn bytes_each(&self) -> usize {
        usize::from(self.allocated / 8)
    }

    /// Bytes of all values.
    pub(super) fn bytes(&self) -> usize {
        self.pixels() * self.samples * self.bytes_each()
    }

    /// A stored value, of the bits that count.
    fn value(&self, raw: u16) -> i32 {
        let value = (i32::from(raw) >> (self.high + 1 - self.stored)) & ((1 << self.stored) - 1);
        let is_below = self.is_signed && value >> (self.stored - 1) == 1;
        if is_below { value - (1 << self.stored) } else { value }
    }

    /// The image of values as they stand in the file, at least as many as there have to be.
    pub(super) fn image(
        &self,
        native: &[u8],
        elements: &Elements,
        bytes: &[u8],
    ) -> Result<Image, ImageError> {
        if self.samples == 1 {
            let raw = native.chunks_exact(self.bytes_each()).map(|one| match one {
                [low, high] => u16::from_le_bytes([*low, *high]),
                other => other.first().copied().unwrap_or(0).into(),
            });
            return grey(self, raw.map(|raw| self.value(raw)), elements, bytes);
        }
        if self.photometric != "RGB" {
            return Err(unread(&format!(
                "has colours of {} that are not packed, which are not read",
                self.photometric
            )));
        }
        // What was packed by run lengths comes plane by plane too.
        let is_planar = self.is_planar || elements.transfer_syntax == "1.2.840.10008.1.2.5";
        let each = self.pixels();
        let pixels = match is_planar {
            true => (0..each).flat_map(|at| [native[at], native[each + at], native[2 * each + at]]).collect(),
            false => native.to_vec(),
        };
        Image::of_pixels(self.width, self.height, 3, pixels).ok_or_else(|| unread("has no pixels"))
    }
}

/// How values become grey ones (PS3.3, C.11.2.1).
enum Window {
    /// As they are: of 8 bits, of which nothing else is said.
    Plain,
    /// From the least value to the largest.
    Range(f64, f64),
    /// By centre and width.
    Linear(f64, f64),
    LinearExact(f64, f64),
    Sigmoid(f64, f64),
}

impl Window {
    fn of(&self, x: f64) -> f64 {
        let share = match *self {
            Self::Plain => x / 255.0,
            Self::Range(low, high) => (x - low) / (high - low),
            Self::Linear(centre, width) if width > 1.0 => (x - (centre - 0.5)) / (width - 1.0) + 0.5,
            Self::Linear(centre, _) => f64::from(u8::from(x > centre - 0.5)),
            Self::LinearExact(centre, width) => (x - centre) / width + 0.5,
            Self::Sigmoid(centre, width) => 1.0 / (1.0 + (-4.0 * (x - centre) / width).exp()),
        };
        255.0 * share.clamp(0.0, 1.0)
    }
}

/// The image of stored values: rescaled, then by the first window that the file names. Without one, values of 8 bits are taken as they are
/// and others from the least to the largest; so that what is darkest is black, or in `MONOCHROME1` white.
pub(super) fn grey(
    shape: &Shape,
    stored: impl Iterator<Item = i32>,
    elements: &Elements,
    bytes: &[u8],
) -> Result<Image, ImageError> {
    let decimal = |element: u16| elements.decimal(bytes, (0x0028, element));
    let (slope, intercept) = (decimal(0x1053).unwrap_or(1.0), decimal(0x1052).unwrap_or(0.0));
    let stored: Vec<i32> = stored.collect();
    let rescaled = |value: i32| f64::from(value).mul_add(slope, intercept);
    let window = match (decimal(0x1050), decimal(0x1051)) {
        (Some(centre), Some(width)) if width > 0.0 => {
            match elements.text(bytes, (0x0028, 0x1056)).unwrap_or_default().as_str() {
                "LINEAR_EXACT" => Window::LinearExact(centre, width),
                "SIGMOID" => Window::Sigmoid(centre, width),
                _ => Window::Linear(centre, width.max(1.0)),
            }
        }
        _ if shape.stored == 8 && !shape.is_signed && slope == 1.0 && intercept == 0.0 => Window::Plain,
        _ => {
            let ends = stored
                .iter()
                .fold((i32::MAX, i32::MIN), |(low, high), &value| (low.min(value), high.max(value)));
            let (low, high) = (rescaled(ends.0), rescaled(ends.1));
            // One value throughout is black.
            Window::Range(low.min(high), if low == high { low + 1.0 } else { low.max(high) })
        }
    };
    let is_inverse = shape.photometric == "MONOCHROME1";
    let pixel = |&value: &i32| {
        let grey = window.of(rescaled(value)).round() as u8;
        if is_inverse { 255 - grey } else { grey }
    };
    let pixels = stored.iter().map(pixel).collect();
    Image::of_pixels(shape.width, shape.height, 1, pixels).ok_or_else(|| unread("has no pixels"))
}
