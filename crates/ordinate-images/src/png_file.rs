//! PNG.

use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Limits, Transformations};

use crate::error::ImageError;
use crate::image::{Image, MAX_PIXELS, check_size};

/// Bytes that the decoder may set aside: 4 a pixel, and some for itself.
const MEMORY: usize = 4 * MAX_PIXELS as usize + (64 << 20);

pub(crate) fn decode(bytes: &[u8]) -> Result<Image, ImageError> {
    let damaged = |error: png::DecodingError| ImageError::Damaged(error.to_string());
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MEMORY });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_size(u64::from(width), u64::from(height))?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| ImageError::TooManyPixels { width: u64::from(width), height: u64::from(height) })?;
    let mut values = vec![0; size];
    let frame = reader.next_frame(&mut values).map_err(damaged)?;
    values.truncate(frame.buffer_size());
    let (channels, pixels) = match frame.color_type {
        ColorType::Grayscale => (1, values),
        ColorType::Rgb => (3, values),
        ColorType::GrayscaleAlpha => (1, on_white::<2>(&values)),
        ColorType::Rgba => (3, on_white::<4>(&values)),
        ColorType::Indexed => return Err(ImageError::Damaged("it has no palette".to_owned())),
    };
    Image::of_pixels(width, height, channels, pixels)
        .ok_or_else(|| ImageError::Damaged("it has fewer pixels than it says".to_owned()))
}

/// Pixels whose last value says how opaque they are, laid on white.
fn on_white<const N: usize>(values: &[u8]) -> Vec<u8> {
    let laid = |pixel: &[u8]| {
        let opaque = u32::from(pixel[N - 1]);
        let value = move |value: &u8| ((u32::from(*value) * opaque + 255 * (255 - opaque) + 127) / 255) as u8;
        pixel[..N - 1].iter().map(value).collect::<Vec<u8>>()
    };
    values.chunks_exact(N).flat_map(laid).collect()
}

pub(crate) fn encode(image: &Image) -> Result<Vec<u8>, ImageError> {
    let failed = |error: png::EncodingError| ImageError::Damaged(error.to_string());
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, image.width(), image.height());
    encoder.set_color(if image.channels() == 1 { ColorType::Grayscale } else { ColorType::Rgb });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(image.pixels()).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn written(color: ColorType, depth: BitDepth, width: u32, height: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        if color == ColorType::Indexed {
            encoder.set_palette(vec![1, 2, 3, 200, 100, 50]);
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        for channels in [1, 3] {
            let pixels = (0..7 * 5 * channels).map(|at| (at * 37 % 256) as u8).collect();
            let image = Image::of_pixels(7, 5, channels, pixels).unwrap();
            assert_eq!(Image::decode(&image.to_png().unwrap()).unwrap(), image);
        }
    }

    #[test]
    fn every_kind_becomes_grey_or_colour_of_eight_bits() {
        let pixels =
            |color, depth, data: &[u8]| decode(&written(color, depth, 2, 1, data)).unwrap().pixels().to_vec();
        assert_eq!(pixels(ColorType::Indexed, BitDepth::Eight, &[1, 0]), [200, 100, 50, 1, 2, 3]);
        assert_eq!(pixels(ColorType::Grayscale, BitDepth::One, &[0b0100_0000]), [0, 255]);
        assert_eq!(pixels(ColorType::Grayscale, BitDepth::Sixteen, &[0x12, 0x34, 0xff, 0xff]), [0x12, 0xff]);
        // Nothing of what is wholly transparent, half of what is half so.
        assert_eq!(pixels(ColorType::GrayscaleAlpha, BitDepth::Eight, &[9, 0, 9, 255]), [255, 9]);
        assert_eq!(
            pixels(ColorType::Rgba, BitDepth::Eight, &[0, 100, 200, 128, 1, 2, 3, 255]),
            [127, 177, 227, 1, 2, 3]
        );
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        // A header of 20,000 x 20,000 pixels, whose data would be a few kilobytes.
        let mut bytes = written(ColorType::Grayscale, BitDepth::Eight, 1, 1, &[0]);
        bytes[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        let crc = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        let error = decode(&bytes).unwrap_err();
        assert_eq!(error, ImageError::TooManyPixels { width: 20_000, height: 20_000 });
        assert!(error.to_string().contains("64 million"));
    }

    /// The checksum of a chunk (ISO 3309).
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        })
    }

    #[test]
    fn what_is_cut_off_is_damaged() {
        let image = Image::of_pixels(16, 16, 1, (0..=255).collect()).unwrap().to_png().unwrap();
        for end in [8, 20, 33, 45, image.len() / 2] {
            let error = Image::decode(&image[..end]).unwrap_err();
            assert!(matches!(error, ImageError::Damaged(_)), "{end}: {error}");
        }
    }
}
