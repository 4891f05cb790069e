//! An image in memory.

use crate::error::ImageError;
use crate::{dicom, jpeg, png_file};

/// Pixels of the largest image that is read: what a decoder sets aside is known before it begins.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Bytes of the largest file that is read.
pub const MAX_BYTES: u64 = 256 << 20;

/// An image: rows of pixels from the top, each a grey value, or red, green and blue; from 0 to 255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    width: u32,
    height: u32,
    channels: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// Of pixels; `None` where they are not `width * height * channels` (1 or 3) values, or there are none.
    #[must_use]
    pub fn of_pixels(width: u32, height: u32, channels: usize, pixels: Vec<u8>) -> Option<Self> {
        let wanted = (width as usize).checked_mul(height as usize)?.checked_mul(channels)?;
        let fits = wanted > 0 && matches!(channels, 1 | 3) && pixels.len() == wanted;
        fits.then_some(Self { width, height, channels, pixels })
    }

    /// Decodes a PNG, a JPEG or a DICOM file, told by its first bytes. Palettes and 16 bits a value become 8 bits; what is transparent is
    /// laid on white; of DICOM the rescaling and the first window count.
    ///
    /// # Errors
    /// [`ImageError`] where it is none, damaged, or larger than the limits.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ImageError::TooManyBytes { bytes: bytes.len() as u64 });
        }
        match bytes {
            [] => Err(ImageError::Empty),
            [0x89, b'P', b'N', b'G', ..] => png_file::decode(bytes),
            [0xff, 0xd8, ..] => jpeg::decode(bytes),
            _ if dicom::is_dicom(bytes) => dicom::decode(bytes),
            _ => Err(ImageError::Other(looks_like(bytes))),
        }
    }

    /// Pixels of a row.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Values of a pixel: 1 (grey) or 3 (red, green, blue).
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All values, row by row from the top, pixel by pixel.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The longer side, in pixels.
    #[must_use]
    pub fn longer_side(&self) -> u32 {
        self.width.max(self.height)
    }

    /// The same with 1 or 3 values a pixel. Grey is the luma of ITU-R BT.601 (299, 587 and 114 thousandths), rounded.
    #[must_use]
    pub fn with_channels(self, channels: usize) -> Self {
        match (self.channels, channels) {
            (1, 3) => {
                let pixels = self.pixels.iter().flat_map(|&grey| [grey; 3]).collect();
                Self { channels: 3, pixels, ..self }
            }
            (3, 1) => {
                let luma = |rgb: &[u8]| {
                    let [red, green, blue] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
                    ((299 * red + 587 * green + 114 * blue + 500) / 1_000) as u8
                };
                let pixels = self.pixels.chunks_exact(3).map(luma).collect();
                Self { channels: 1, pixels, ..self }
            }
            _ => self,
        }
    }

    /// Writes it as PNG.
    ///
    /// # Errors
    /// [`ImageError::Damaged`] where the encoder fails.
    pub fn to_png(&self) -> Result<Vec<u8>, ImageError> {
        png_file::encode(self)
    }
}

/// Refuses more pixels than are read.
pub(crate) fn check_size(width: u64, height: u64) -> Result<(), ImageError> {
    let pixels = width.saturating_mul(height);
    if pixels > MAX_PIXELS { Err(ImageError::TooManyPixels { width, height }) } else { Ok(()) }
}

/// What a file is that is no image that is read.
fn looks_like(bytes: &[u8]) -> &'static str {
    let starts = |with: &[u8]| bytes.starts_with(with);
    let at = |from: usize, with: &[u8]| bytes.get(from..).is_some_and(|rest| rest.starts_with(with));
    match () {
        () if starts(b"GIF8") => "a GIF",
        () if starts(b"BM") => "a bitmap (BMP)",
        () if starts(b"II*\0") || starts(b"MM\0*") => "a TIFF",
        () if starts(b"RIFF") && at(8, b"WEBP") => "a WebP",
        () if at(4, b"ftyp") => "a HEIF or AVIF",
        () if starts(b"<svg") || starts(b"<?xml") => "an SVG or other XML",
        () if starts(b"PK\x03\x04") => "a zip archive",
        () if std::str::from_utf8(&bytes[..bytes.len().min(64)]).is_ok() => "a text",
        () => "something else",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_no_image_is_named() {
        let named = |bytes: &[u8]| Image::decode(bytes).unwrap_err().to_string();
        assert!(named(b"").contains("empty"));
        assert!(named(b"GIF89a").contains("a GIF"));
        assert!(named(b"label,image\n").contains("a text"));
        assert!(named(&[0x89, b'P', b'N', b'G', 13, 10, 26, 10]).contains("damaged or cut off"));
        assert!(named(&[0xff, 0xd8, 0xff, 0xe0]).contains("damaged or cut off"));
    }

    #[test]
    fn pixels_have_to_be_as_many_as_the_size_says() {
        assert!(Image::of_pixels(2, 2, 1, vec![0; 4]).is_some());
        for (width, height, channels, count) in
            [(2, 2, 1, 5), (2, 2, 2, 8), (0, 2, 1, 0), (u32::MAX, u32::MAX, 3, 4)]
        {
            assert!(Image::of_pixels(width, height, channels, vec![0; count]).is_none());
        }
    }

    #[test]
    fn grey_and_colour() {
        let colour = Image::of_pixels(2, 1, 3, vec![255, 0, 0, 10, 20, 30]).unwrap();
        let grey = colour.with_channels(1);
        assert_eq!(grey.pixels(), [76, 18]);
        assert_eq!(grey.with_channels(3).pixels(), [76, 76, 76, 18, 18, 18]);
    }
}
