//! JPEG.

use std::io::Cursor;

use ordinate_core::caught;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::error::ImageError;
use crate::image::{Image, check_size};

/// The longest side that the format can say.
const LONGEST: usize = 65_535;

pub(crate) fn decode(bytes: &[u8]) -> Result<Image, ImageError> {
    // Whatever a file holds, the program goes on.
    match caught(|| read(bytes)) {
        Ok(read) => read,
        Err(problem) => Err(ImageError::Damaged(problem)),
    }
}

fn read(bytes: &[u8]) -> Result<Image, ImageError> {
    let damaged = |error: zune_jpeg::errors::DecodeErrors| {
        ImageError::Damaged(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let nothing = || ImageError::Damaged("it has no pixels".to_owned());
    // A picture that is cut off is refused, and not filled up with grey.
    let options =
        DecoderOptions::default().set_max_width(LONGEST).set_max_height(LONGEST).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or_else(nothing)?;
    check_size(width as u64, height as u64)?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let space = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
    let options = options.jpeg_set_out_colorspace(space);
    decoder.set_options(options);
    let pixels = decoder.decode().map_err(damaged)?;
    let size = |side: usize| u32::try_from(side).map_err(|_| nothing());
    Image::of_pixels(size(width)?, size(height)?, if is_grey { 1 } else { 3 }, pixels).ok_or_else(nothing)
}
