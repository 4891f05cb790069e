//! Decompression within limits, whose errors know what they are.

use std::io::{self, Read};

use crate::error::Problem;
use crate::limit::Limit;

/// The most that one compressed file may hold.
const MAX_BYTES: u64 = 64 << 30;
/// How many times its size a file may grow by decompression, once it is beyond [`HARMLESS`].
pub(crate) const MAX_RATIO: u64 = 1_000;
/// Growth below this is never a bomb.
pub(crate) const HARMLESS: u64 = 16 << 20;

/// A decoder within limits. Its errors are told from those of the disk.
pub(super) struct Unpacked<R> {
    inner: R,
    format: &'static str,
    /// The size of the compressed file.
    packed: u64,
    count: u64,
}

#[derive(Debug, thiserror::Error)]
enum UnpackError {
    #[error("{detail}")]
    Damaged { format: &'static str, detail: String },
    #[error("bomb")]
    Bomb { packed: u64, unpacked: u64 },
}

impl<R: Read> Unpacked<R> {
    pub(super) fn new(inner: R, format: &'static str, packed: u64) -> Self {
        Self { inner, format, packed, count: 0 }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let detail = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the end is missing".to_owned(),
                _ => error.to_string(),
            };
            io::Error::other(UnpackError::Damaged { format: self.format, detail })
        })?;
        self.count += read as u64;
        let bomb = self.count > HARMLESS && self.count > self.packed.saturating_mul(MAX_RATIO);
        if bomb || self.count > MAX_BYTES {
            return Err(io::Error::other(UnpackError::Bomb { packed: self.packed, unpacked: self.count }));
        }
        Ok(read)
    }
}

/// What an error of a [`super::TextReader`] means.
pub(crate) fn unpack_problem(error: io::Error) -> Problem {
    match error.downcast::<UnpackError>() {
        Ok(UnpackError::Damaged { format, detail }) => Problem::Compression { format, detail },
        Ok(UnpackError::Bomb { packed, unpacked }) => Problem::Limit(Limit::Bomb { packed, unpacked }),
        Err(error) => Problem::from(error),
    }
}
