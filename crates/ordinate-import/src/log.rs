//! A log as bytes: a file, a run folder, or bytes in memory. Compressed files are read through, within limits.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{ImportError, LimitHit, Place};
use crate::lenient::Lenient;
use crate::options::Limits;

const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// Where one log is: a path, or bytes in memory.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
    memory: Option<Memory>,
}

#[derive(Debug, Clone)]
enum Memory {
    File(Vec<u8>),
    Folder(BTreeMap<String, Vec<u8>>),
}

/// Something to seek in.
pub(crate) trait Seekable: Read + Seek {}
impl<T: Read + Seek> Seekable for T {}

impl Log {
    /// The log at a path: a file, or the folder of one HELM run.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), memory: None }
    }

    /// A file that is in memory already; `name` stands in messages.
    #[must_use]
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Self {
        Self { path: name.into(), memory: Some(Memory::File(bytes.to_owned())) }
    }

    /// A run folder that is in memory already.
    #[must_use]
    pub fn from_folder(name: &str, files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { path: name.into(), memory: Some(Memory::Folder(files)) }
    }

    /// The path, or the name given in its place.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn place(&self) -> Place {
        Place::file(&self.path)
    }

    /// The file's name without its folder.
    pub(crate) fn file_name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub(crate) fn is_folder(&self) -> bool {
        match &self.memory {
            None => self.path.is_dir(),
            Some(memory) => matches!(memory, Memory::Folder(_)),
        }
    }

    /// A file of a run folder, as a log of its own; `None` when the folder has no such file.
    pub(crate) fn member(&self, name: &str) -> Option<Self> {
        match &self.memory {
            None => {
                let path = self.path.join(name);
                path.is_file().then(|| Self::at(&path))
            }
            Some(Memory::Folder(files)) => files
                .get(name)
                .map(|bytes| Self { path: self.path.join(name), memory: Some(Memory::File(bytes.clone())) }),
            Some(Memory::File(_)) => None,
        }
    }

    /// A file in the same folder; only for logs that are files on disk.
    pub(crate) fn sibling(&self, name: &str) -> Option<Self> {
        let path = self.path.parent()?.join(name);
        (self.memory.is_none() && path.is_file()).then(|| Self::at(&path))
    }

    /// The raw file.
    pub(crate) fn file(&self) -> Result<Option<File>, ImportError> {
        match &self.memory {
            None => File::open(&self.path).map(Some).map_err(|error| self.unreadable(&error)),
            Some(_) => Ok(None),
        }
    }

    /// The bytes, where the log is in memory.
    pub(crate) fn memory(&self) -> Option<&[u8]> {
        match &self.memory {
            Some(Memory::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The raw bytes to seek in, and how many there are.
    pub(crate) fn seek(&self) -> Result<(Box<dyn Seekable + '_>, u64), ImportError> {
        if let Some(bytes) = self.memory() {
            return Ok((Box::new(Cursor::new(bytes)), bytes.len() as u64));
        }
        let regular = fs::metadata(&self.path).is_ok_and(|meta| meta.is_file());
        if !regular && self.path.exists() && !self.is_folder() {
            // A pipe or a device may never end, and cannot be read twice.
            return Err(self
                .place()
                .refuse("is no file (but a pipe or a device)", "save what it gives to a file"));
        }
        let mut file = self.file()?.ok_or_else(|| self.place().refuse("is a folder", "name a file"))?;
        let len = file.seek(SeekFrom::End(0)).map_err(|error| self.unreadable(&error))?;
        file.rewind().map_err(|error| self.unreadable(&error))?;
        Ok((Box::new(BufReader::new(file)), len))
    }

    /// The bytes from the start, without a byte order mark, decompressed if they are gzip or zstd.
    pub(crate) fn read(&self, limits: &Limits) -> Result<Box<dyn BufRead + '_>, ImportError> {
        let (mut raw, len) = self.seek()?;
        let mut magic = [0; 4];
        let mut got = 0;
        while got < magic.len() {
            match raw.read(&mut magic[got..]).map_err(|error| self.unreadable(&error))? {
                0 => break,
                read => got += read,
            }
        }
        raw.rewind().map_err(|error| self.unreadable(&error))?;
        let guard = |reader| Bounded::compressed(reader, len, limits.total_bytes, limits.ratio);
        let mut reader: Box<dyn BufRead + '_> = if magic.starts_with(&[0x1f, 0x8b]) {
            Box::new(BufReader::new(guard(Box::new(flate2::read::MultiGzDecoder::new(raw)) as Box<dyn Read>)))
        } else if magic == [0x28, 0xb5, 0x2f, 0xfd] {
            let decoder = zstd::Decoder::new(raw).map_err(|error| self.unreadable(&error))?;
            Box::new(BufReader::new(guard(Box::new(decoder) as Box<dyn Read>)))
        } else {
            Box::new(BufReader::with_capacity(128 << 10, raw))
        };
        if reader.fill_buf().map_err(|error| self.place().io(&error))?.starts_with(BYTE_ORDER_MARK) {
            reader.consume(BYTE_ORDER_MARK.len());
        }
        Ok(reader)
    }

    /// Whether the first thing in the file is a JSON list.
    pub(crate) fn is_list(&self, limits: &Limits) -> Result<bool, ImportError> {
        let mut reader = self.read(limits)?;
        loop {
            let bytes = reader.fill_buf().map_err(|error| self.place().io(&error))?;
            let len = bytes.len();
            match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(byte) => return Ok(*byte == b'['),
                None if len == 0 => return Ok(false),
                None => reader.consume(len),
            }
        }
    }

    /// A whole JSON file as one value.
    pub(crate) fn json<T: for<'de> Deserialize<'de>>(&self, limits: &Limits) -> Result<T, ImportError> {
        let bounded = Bounded::plain(self.read(limits)?, limits.entry_bytes, "JSON file");
        let reader = BufReader::new(Lenient::new(bounded, limits.values));
        serde_json::from_reader(reader).map_err(|error| self.place().json(error))
    }

    fn unreadable(&self, error: &io::Error) -> ImportError {
        self.place().refuse(format!("cannot be read: {error}"), "check the path and its permissions")
    }
}

/// Ends with a [`LimitHit`] where more comes out than is allowed.
pub(crate) struct Bounded<R> {
    inner: R,
    count: u64,
    most: u64,
    what: &'static str,
    /// The compressed size and the allowed ratio.
    packed: Option<(u64, u64)>,
}

/// Growth below this is never a bomb.
pub(crate) const HARMLESS: u64 = 16 << 20;

impl<R: Read> Bounded<R> {
    pub(crate) fn plain(inner: R, most: u64, what: &'static str) -> Self {
        Self { inner, count: 0, most, what, packed: None }
    }

    pub(crate) fn compressed(inner: R, packed: u64, most: u64, ratio: u64) -> Self {
        Self { inner, count: 0, most, what: "compressed data", packed: Some((packed, ratio)) }
    }

    /// Bytes that came out so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        if self.count > self.most {
            return Err(io::Error::other(LimitHit {
                problem: format!("this {} holds more than {} bytes", self.what, self.most),
                next: "split the log, or take it apart by hand if it can be trusted".into(),
            }));
        }
        if let Some((packed, ratio)) = self.packed
            && self.count > HARMLESS
            && self.count > packed.saturating_mul(ratio)
        {
            return Err(io::Error::other(LimitHit {
                problem: format!("grows more than {ratio} times by decompression, as a zip bomb does"),
                next: "unpack and look at it by hand if it can be trusted".into(),
            }));
        }
        Ok(read)
    }
}

/// Lines of JSON Lines, each within the limit, numbered from 1; empty ones are passed over.
pub(crate) struct Lines<'a> {
    reader: Box<dyn BufRead + 'a>,
    line: Vec<u8>,
    number: u64,
    most: u64,
    values: u64,
    place: Place,
}

impl<'a> Lines<'a> {
    pub(crate) fn open(log: &'a Log, limits: &Limits) -> Result<Self, ImportError> {
        Ok(Self {
            reader: log.read(limits)?,
            line: Vec::new(),
            number: 0,
            most: limits.line_bytes,
            values: limits.values,
            place: log.place(),
        })
    }

    /// The place of the last line.
    pub(crate) fn place(&self) -> Place {
        self.place.clone().line(self.number)
    }

    /// Bytes of the last line.
    pub(crate) fn len(&self) -> u64 {
        self.line.len() as u64
    }

    /// The next line as a `T`.
    pub(crate) fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>, ImportError> {
        if !self.advance()? {
            return Ok(None);
        }
        self.parse().map(Some)
    }

    /// The last line as a `T`: for lines that can be one thing or another.
    pub(crate) fn parse<T: for<'de> Deserialize<'de>>(&self) -> Result<T, ImportError> {
        let lenient =
            || serde_json::from_reader(BufReader::new(Lenient::new(self.line.as_slice(), self.values)));
        // A line that is too short for too many values need not be counted.
        if self.line.len() as u64 > self.values {
            return lenient().map_err(|error| self.place().json(error));
        }
        let error = match serde_json::from_slice(&self.line) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        // Seldom: the line holds what Python writes for a number that is none.
        if let Ok(value) = lenient() {
            return Ok(value);
        }
        Err(match std::str::from_utf8(&self.line) {
            Err(bad) => self.place().refuse(
                format!("is not UTF-8 (at byte {} of the line)", bad.valid_up_to() + 1),
                "convert the file to UTF-8, or fetch it again if it is damaged",
            ),
            Ok(_) => self.place().json(error),
        })
    }

    /// Goes to the next line that is not empty.
    pub(crate) fn advance(&mut self) -> Result<bool, ImportError> {
        loop {
            self.line.clear();
            self.number += 1;
            let mut bounded = (&mut self.reader).take(self.most.saturating_add(1));
            let read = bounded.read_until(b'\n', &mut self.line).map_err(|error| self.place().io(&error))?;
            if read == 0 {
                return Ok(false);
            }
            if read as u64 > self.most {
                return Err(self.place().refuse(
                    format!("is longer than {} bytes", self.most),
                    "no evaluation writes such a line: make sure that the file is what it claims to be",
                ));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], most: u64) -> Result<Vec<serde_json::Value>, ImportError> {
        let limits = Limits { line_bytes: most, ..Limits::default() };
        let log = Log::from_bytes("x.jsonl", bytes);
        let mut lines = Lines::open(&log, &limits)?;
        let mut out = Vec::new();
        while let Some(value) = lines.next()? {
            out.push(value);
        }
        Ok(out)
    }

    #[test]
    fn lines_are_bounded_and_numbered() {
        assert_eq!(lines(b"\xef\xbb\xbf{}\n\n[1]\r\n2", 10).unwrap().len(), 3);
        let error = lines(b"{}\n\"0123456789\"\n", 10).unwrap_err().to_string();
        assert!(error.starts_with("x.jsonl, line 2: is longer than 10 bytes"), "{error}");
        let error = lines(b"{}\n\"\xff\"\n", 10).unwrap_err().to_string();
        assert!(error.contains("line 2: is not UTF-8 (at byte 2"), "{error}");
        let error = lines(b"{\"a\":\n", 10).unwrap_err().to_string();
        assert!(error.contains("cut off"), "{error}");
    }

    #[test]
    fn compressed_lines_are_read_and_bombs_are_not() {
        let zst = zstd::encode_all(b"{}\n{}\n".as_slice(), 1).unwrap();
        assert_eq!(lines(&zst, 10).unwrap().len(), 2);
        let bomb = zstd::encode_all(std::io::repeat(b'\n').take(64 << 20), 1).unwrap();
        let error = lines(&bomb, 10).unwrap_err().to_string();
        assert!(error.contains("zip bomb"), "{error}");
        let error = lines(&zst[..zst.len() - 3], 10).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
