//! DICOM: one image of grey values or colours, by its rescaling and its window as a viewer shows it.

mod elements;
#[cfg(test)]
mod golden;
mod packed;
mod values;

use ordinate_core::caught;

use self::elements::{Elements, PREAMBLE, PixelData, unread};
use self::values::{Shape, grey};
use crate::error::ImageError;
use crate::image::{Image, check_size};
use crate::jpeg;

/// Whether a file begins as one.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(PREAMBLE..PREAMBLE + 4).is_some_and(|letters| letters == b"DICM")
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Image, ImageError> {
    // Whatever a file holds, the program goes on.
    match caught(|| read(bytes)) {
        Ok(read) => read,
        Err(problem) => Err(ImageError::Damaged(problem)),
    }
}

/// How pixels are written.
enum Syntax {
    Native,
    Jpeg,
    Rle,
}

fn syntax(name: &str) -> Result<Syntax, ImageError> {
    Ok(match name {
        "1.2.840.10008.1.2" | "1.2.840.10008.1.2.1" => Syntax::Native,
        "1.2.840.10008.1.2.4.50" | "1.2.840.10008.1.2.4.51" => Syntax::Jpeg,
        "1.2.840.10008.1.2.5" => Syntax::Rle,
        other => {
            let called = match other {
                "1.2.840.10008.1.2.4.57" | "1.2.840.10008.1.2.4.70" => "lossless JPEG",
                "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => "JPEG-LS",
                "1.2.840.10008.1.2.4.90" | "1.2.840.10008.1.2.4.91" => "JPEG 2000",
                _ => "a way that is not known here",
            };
            let shown: String =
                other.chars().filter(|one| one.is_ascii_digit() || *one == '.').take(64).collect();
            return Err(unread(&format!(
                "packs its pixels by {called} ({shown}), which is not read; unpack it (`gdcmconv --raw`)"
            )));
        }
    })
}

fn read(bytes: &[u8]) -> Result<Image, ImageError> {
    let elements = Elements::read(bytes)?;
    if elements.pixels.is_none() {
        let float = elements.has((0x7fe0, 0x0008)) || elements.has((0x7fe0, 0x0009));
        return Err(unread(match float {
            true => "has pixels of floating point, which are not read",
            false => "has no pixels: it is a report, a plan or the like",
        }));
    }
    let shape = Shape::of(&elements, bytes)?;
    check_size(shape.width.into(), shape.height.into())?;
    let syntax = syntax(&elements.transfer_syntax)?;
    let parts = match (&elements.pixels, &syntax) {
        (Some(PixelData::Native(at, length)), Syntax::Native) => {
            let there = &bytes[*at..(at + length).min(bytes.len())];
            let wanted = shape.bytes();
            let native = there.get(..wanted).ok_or_else(|| {
                let problem =
                    format!("the pixels of the DICOM file end after {} of {wanted} bytes", there.len());
                ImageError::Damaged(problem)
            })?;
            return shape.image(native, &elements, bytes);
        }
        (Some(PixelData::Packed(parts)), Syntax::Jpeg | Syntax::Rle) => parts,
        _ => {
            return Err(ImageError::Damaged(
                "the DICOM file packs its pixels otherwise than it says".to_owned(),
            ));
        }
    };
    let packed: Vec<u8> = parts.iter().flat_map(|part| bytes[part.clone()].iter().copied()).collect();
    if let Syntax::Rle = syntax {
        return shape.image(&packed::unpacked(&packed, &shape)?, &elements, bytes);
    }
    if shape.photometric == "RGB" || shape.stored > 8 {
        return Err(unread(
            "holds a JPEG of RGB or of more than 8 bits, which is not read; unpack it (`gdcmconv --raw`)",
        ));
    }
    let image = jpeg::decode(&packed)?;
    if (image.width(), image.height(), image.channels()) != (shape.width, shape.height, shape.samples) {
        return Err(ImageError::Damaged(
            "the JPEG in the DICOM file is of another size than it says".to_owned(),
        ));
    }
    match shape.samples {
        1 => grey(&shape, image.pixels().iter().map(|&value| i32::from(value)), &elements, bytes),
        _ => Ok(image),
    }
}
