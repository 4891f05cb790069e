//! Why an image cannot be read.

use crate::image::{MAX_BYTES, MAX_PIXELS};

/// Why an image cannot be read, and what to do next. Whoever read it says which one it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// No bytes.
    #[error("the image is empty (0 bytes). Write it again, or leave the item out.")]
    Empty,
    /// Neither PNG nor JPEG nor DICOM.
    #[error("this is no PNG, no JPEG and no DICOM file but {0}. Convert it to PNG, or leave the item out.")]
    Other(&'static str),
    /// A DICOM file that holds something else than is read.
    #[error("the DICOM file {0}. Convert it to PNG, or leave the item out.")]
    Dicom(String),
    /// Damaged, or cut off.
    #[error("the image is damaged or cut off ({0}). Write it again, or leave the item out.")]
    Damaged(String),
    /// More pixels than are read.
    #[error(
        "the image says that it has {width} x {height} pixels, more than the {} million that are read. Scale it down, or leave \
         the item out.", MAX_PIXELS / 1_000_000
    )]
    TooManyPixels {
        /// Pixels of a row.
        width: u64,
        /// Rows.
        height: u64,
    },
    /// A larger file than is read.
    #[error(
        "the file has {bytes} bytes, more than the {} MiB that are read of an image. Scale it down, or leave the item out.",
        MAX_BYTES >> 20
    )]
    TooManyBytes {
        /// Bytes of the file.
        bytes: u64,
    },
    /// A text that is no image.
    #[error("this is no image. Give a data URL, data:image/png;base64,... (or image/jpeg).")]
    NoImage,
}
