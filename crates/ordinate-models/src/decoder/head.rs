//! The head of a GGUF file, of a length that fits into memory, from files that say what they like.

use ordinate_core::caught;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use candle_core::quantized::gguf_file::Content;

use super::weights::{plain, wrong};
use crate::error::ModelError;

/// The longest head that is read, in bytes. Those of the largest vocabularies have 16 MB, and what is one byte in the file
/// (a truth in a list) is 24 in memory.
const LONGEST: u64 = 1 << 26;

/// Reads the head of a file, and leaves the file where it likes.
///
/// # Errors
/// [`ModelError::File`] where it is no GGUF file, is cut off, damaged, or has a head beyond all measure.
pub(super) fn read(path: &Path, file: &File) -> Result<Content, ModelError> {
    let reader = || -> io::Result<Bounded> {
        Ok(Bounded { reader: BufReader::new(file.try_clone()?), left: LONGEST })
    };
    let mut reader = reader().map_err(|error| wrong(path, &error.to_string()))?;
    match caught(|| Content::read(&mut reader)) {
        Ok(content) => content.map_err(|error| wrong(path, &plain(&error))),
        Err(problem) => Err(wrong(path, &alignment(file).unwrap_or(problem))),
    }
}

/// A reader that gives so many bytes and no more.
struct Bounded {
    reader: BufReader<File>,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() as u64 > self.left {
            return Err(io::Error::other(format!("its head is longer than {} MB", LONGEST >> 20)));
        }
        let count = self.reader.read(buffer)?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }

    fn stream_position(&mut self) -> io::Result<u64> {
        self.reader.stream_position()
    }
}

/// Whether the alignment is what the library cannot divide by: an entry of any whole type, whose bytes are all 0.
fn alignment(mut file: &File) -> Option<String> {
    const KEY: &[u8] = b"general.alignment";
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(LONGEST).read_to_end(&mut head).ok()?;
    let at = head.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let kind = head.get(at..at + 4)?;
    let size = match u32::from_le_bytes(kind.try_into().ok()?) {
        0 | 1 => 1,
        2 | 3 => 2,
        4 | 5 => 4,
        _ => return None,
    };
    let value = head.get(at + 4..at + 4 + size)?;
    value.iter().all(|&byte| byte == 0).then(|| "general.alignment is 0".to_owned())
}
