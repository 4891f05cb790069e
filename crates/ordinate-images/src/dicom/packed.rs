//! Pixels that were packed by run lengths (PS3.5, annex G): a segment for each byte of each value of a pixel, the high one first.

use super::values::Shape;
use crate::error::ImageError;

/// Bytes of the head: how many segments, and where each begins.
const HEAD: usize = 64;

/// The values as they would stand in the file without packing: plane by plane, the low byte first.
pub(super) fn unpacked(packed: &[u8], shape: &Shape) -> Result<Vec<u8>, ImageError> {
    let damaged =
        || ImageError::Damaged("the packed pixels of the DICOM file are damaged or cut off".to_owned());
    let number = |at: usize| -> Option<usize> {
        let bytes = packed.get(4 * at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let (each, segments) = (shape.pixels(), shape.samples * shape.bytes_each());
    if number(0) != Some(segments) {
        return Err(damaged());
    }
    let mut values = vec![0; shape.bytes()];
    for segment in 0..segments {
        let from = number(segment + 1).filter(|from| *from >= HEAD).ok_or_else(damaged)?;
        let bytes = runs(packed.get(from..).ok_or_else(damaged)?, each).ok_or_else(damaged)?;
        let (plane, byte) = (segment / shape.bytes_each(), segment % shape.bytes_each());
        let low = shape.bytes_each() - 1 - byte;
        for (at, value) in bytes.into_iter().enumerate() {
            values[(plane * each + at) * shape.bytes_each() + low] = value;
        }
    }
    Ok(values)
}

/// So many bytes of runs; `None` where they end before.
fn runs(mut packed: &[u8], wanted: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(wanted);
    while bytes.len() < wanted {
        let (&head, rest) = packed.split_first()?;
        packed = rest;
        match head {
            0..=127 => {
                let (part, rest) = packed.split_at_checked(usize::from(head) + 1)?;
                bytes.extend(part);
                packed = rest;
            }
            128 => {}
            129..=255 => {
                let (&value, rest) = packed.split_first()?;
                bytes.extend(std::iter::repeat_n(value, 257 - usize::from(head)));
                packed = rest;
            }
        }
    }
    bytes.truncate(wanted);
    Some(bytes)
}
