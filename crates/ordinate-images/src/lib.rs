//! Images in memory, and the forms in which they come.
//!
//! - [`Image`]: grey or colour pixels, decoded within limits from PNG, JPEG and DICOM, scaled and written as PNG.
//! - [`text_of`] and [`Image::of_text`]: the text of an item that is an image, and back.
//! - [`Npz`]: arrays of NumPy in a `.npz` file, an item at a time.
//! - [`Heat`]: what of an image a number hangs on, by covering parts of it.
//!
//! Nothing here knows of tasks or models.

mod dicom;
mod error;
mod heat;
mod image;
mod jpeg;
mod npy;
mod npz;
mod png_file;
mod scale;
mod text;

pub use error::ImageError;
pub use heat::{Heat, Number};
pub use image::{Image, MAX_BYTES, MAX_PIXELS};
pub use npy::{Header, Kind};
pub use npz::{Npz, NpzError, Pixels};
pub use scale::Filter;
pub use text::text_of;
