//! An image as a text: a data URL (RFC 2397).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ordinate_core::image::{JPEG, PNG};

use crate::dicom;
use crate::error::ImageError;
use crate::image::{Image, MAX_BYTES};

/// The text of an item that is this image: the bytes of a PNG or JPEG, unless its longer side has more pixels than `max_side`,
/// in which case it is scaled down to that and written as PNG, as is every DICOM file. It was decoded once, so that whoever reads the text can.
///
/// # Errors
/// As [`Image::decode`].
pub fn text_of(bytes: &[u8], max_side: u32) -> Result<String, ImageError> {
    let image = Image::decode(bytes)?;
    if image.longer_side() > max_side || dicom::is_dicom(bytes) {
        return image.within(max_side).text();
    }
    let start = if bytes.starts_with(&[0xff, 0xd8]) { JPEG } else { PNG };
    Ok(of_bytes(start, bytes))
}

fn of_bytes(start: &str, bytes: &[u8]) -> String {
    let mut text = String::with_capacity(start.len() + bytes.len().div_ceil(3) * 4);
    text.push_str(start);
    STANDARD.encode_string(bytes, &mut text);
    text
}

impl Image {
    /// Its text, as a PNG.
    ///
    /// # Errors
    /// As [`Self::to_png`].
    pub fn text(&self) -> Result<String, ImageError> {
        Ok(of_bytes(PNG, &self.to_png()?))
    }

    /// The image that a text is.
    ///
    /// # Errors
    /// [`ImageError::NoImage`] for another text; as [`Self::decode`].
    pub fn of_text(text: &str) -> Result<Self, ImageError> {
        Self::decode(&bytes_of(text)?)
    }

    /// Width and height of the PNG that a text holds, from its head alone; `None` for everything else.
    #[must_use]
    pub fn sides_of_png(text: &str) -> Option<(u32, u32)> {
        // A signature of 8 bytes, length and name of the first chunk, width and height: 24 bytes, 32 digits.
        let head = STANDARD.decode(text.strip_prefix(PNG)?.get(..32)?).ok()?;
        let side = |at: usize| Some(u32::from_be_bytes(head.get(at..at + 4)?.try_into().ok()?));
        Some((side(16)?, side(20)?))
    }
}

/// The file that a text holds.
fn bytes_of(text: &str) -> Result<Vec<u8>, ImageError> {
    let packed = text.strip_prefix(PNG).or_else(|| text.strip_prefix(JPEG)).ok_or(ImageError::NoImage)?;
    let bytes = packed.len() as u64 / 4 * 3;
    if bytes > MAX_BYTES {
        return Err(ImageError::TooManyBytes { bytes });
    }
    STANDARD.decode(packed).map_err(|error| ImageError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_text_reads_back() {
        let image = Image::of_pixels(40, 20, 3, (0..2_400).map(|at| (at % 251) as u8).collect()).unwrap();
        let text = image.text().unwrap();
        assert!(text.starts_with(PNG) && Image::of_text(&text).unwrap() == image);
        let bytes = image.to_png().unwrap();
        assert_eq!(text_of(&bytes, 40).unwrap(), text, "what is small enough stays as it is");
        let small = Image::of_text(&text_of(&bytes, 10).unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (10, 5));
        assert_eq!(Image::sides_of_png(&text), Some((40, 20)));
        assert_eq!(Image::sides_of_png("data:image/png;base64,iVBO"), None);
    }

    #[test]
    fn what_is_no_text_of_an_image_is_refused() {
        assert_eq!(Image::of_text("cat.png"), Err(ImageError::NoImage));
        assert_eq!(Image::of_text(PNG), Err(ImageError::Empty));
        assert!(matches!(Image::of_text("data:image/png;base64,%%%"), Err(ImageError::Damaged(_))));
    }
}
