//! Files as streams: found, opened, decompressed, and kept within limits of memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use crate::error::{DataError, Problem};

/// The longest line, or CSV record, that is read: 64 MiB. Without a limit an unclosed quote, or a few
/// kilobytes of gzip, could take all memory.
pub(crate) const MAX_RECORD_BYTES: usize = 64 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const PARQUET: &[u8; 4] = b"PAR1";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 256 << 10;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv { delimiter: u8 },
    Jsonl,
}

/// A file that was opened: text, decompressed as it is read, or Parquet.
pub(crate) enum Opened {
    Text { reader: TextReader, format: Format },
    Parquet(File),
}

/// Decompressed text whose errors know what they are.
pub(crate) type TextReader = BufReader<Box<dyn Read>>;

/// Whether `text` is an address (`s3://bucket/key`); its scheme.
pub(crate) fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let name = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    (scheme.len() > 1 && scheme.chars().all(name)).then_some(scheme)
}

/// The files that `text` names: one file, or all that match a pattern, in order of their names.
///
/// # Errors
/// [`Problem::Address`], [`Problem::BadPattern`], [`Problem::NoMatch`], [`Problem::NotFound`],
/// [`Problem::Folder`]: without the path, which the caller adds.
pub(crate) fn resolve(dir: &Path, text: &str) -> Result<Vec<PathBuf>, Problem> {
    if let Some(scheme) = scheme(text) {
        return Err(Problem::Address { scheme: scheme.to_owned() });
    }
    let path = dir.join(text);
    if path.is_dir() {
        return Err(Problem::Folder);
    }
    if path.exists() {
        return Ok(vec![path]);
    }
    if !text.contains(['*', '?', '[']) {
        return Err(Problem::NotFound);
    }
    // The folder of the task file is no pattern, whatever its name.
    let base = glob::Pattern::escape(&dir.to_string_lossy());
    let pattern = if Path::new(text).is_absolute() { text.to_owned() } else { format!("{base}/{text}") };
    let found = glob::glob(&pattern).map_err(|error| Problem::BadPattern(error.msg.to_owned()))?;
    let files: Vec<_> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    if files.is_empty() { Err(Problem::NoMatch) } else { Ok(files) }
}

/// Opens a table. Compression is told by the first bytes, the format by the suffix or else by the content.
///
/// # Errors
/// When the file cannot be read, is empty, or is nothing that holds a table.
pub(crate) fn open(path: &Path) -> Result<Opened, DataError> {
    let fail = |problem| DataError::new(path, problem);
    let mut file = File::open(path).map_err(|error| DataError::io(path, error))?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(fail(Problem::Folder));
    }
    let head = peek(&mut file).map_err(|error| DataError::io(path, error))?;
    let (stem, packed_suffix) = unpacked_name(path);
    if head.is_empty() {
        return Err(fail(Problem::Empty));
    }
    if head.starts_with(PARQUET) {
        return Ok(Opened::Parquet(file));
    }
    let reader: Box<dyn Read> = if head.starts_with(&GZIP) {
        let inner = flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
        Box::new(Unpacked { inner, format: "gzip" })
    } else if head.starts_with(&ZSTD) {
        let inner = zstd::stream::read::Decoder::new(file).map_err(|error| DataError::io(path, error))?;
        Box::new(Unpacked { inner, format: "zstd" })
    } else {
        if let Some((suffix, format)) = packed_suffix
            && !looks_like_text(&head)
        {
            return Err(fail(Problem::NotCompressed { suffix: suffix.to_owned(), format }));
        }
        Box::new(file)
    };
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let format = format(path, &stem, &mut reader)?;
    if reader.buffer().starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    Ok(Opened::Text { reader, format })
}

/// The file name without a suffix of compression, in lower case; and that suffix.
pub(crate) fn unpacked_name(path: &Path) -> (String, Option<(&'static str, &'static str)>) {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    for (suffix, format) in [(".gz", "gzip"), (".gzip", "gzip"), (".zst", "zstd"), (".zstd", "zstd")] {
        if let Some(stem) = name.strip_suffix(suffix) {
            return (stem.to_owned(), Some((suffix, format)));
        }
    }
    (name, None)
}

fn format(path: &Path, stem: &str, reader: &mut TextReader) -> Result<Format, DataError> {
    let fail = |problem| DataError::new(path, problem);
    let head = reader.fill_buf().map_err(|error| fail(unpack_problem(error)))?;
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let first = text.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    let Some(first) = first else { return Err(fail(Problem::Empty)) };
    let not_a_table = |found, next| Err(fail(Problem::NotATable { found, next }));
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err(fail(Problem::NotUtf8));
    }
    if head.starts_with(PARQUET) {
        return not_a_table("Parquet within gzip or zstd", "Unpack it: Parquet compresses its own columns.");
    }
    match stem.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("parquet" | "pq") => Err(fail(Problem::Parquet("it does not begin as one".to_owned()))),
        Some("csv") => Ok(Format::Csv { delimiter: b',' }),
        Some("tsv") => Ok(Format::Csv { delimiter: b'\t' }),
        Some("jsonl" | "ndjson") => Ok(Format::Jsonl),
        _ => match first {
            b'{' => Ok(Format::Jsonl),
            b'[' => not_a_table("a JSON array", "Write one object a line (for example: jq -c '.[]')."),
            _ if !looks_like_text(text) => not_a_table(
                "no text",
                "Name a CSV, JSONL or Parquet file, plain or packed with gzip or zstd.",
            ),
            _ => {
                let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let tabs = line.contains(&b'\t') && !line.contains(&b',');
                Ok(Format::Csv { delimiter: if tabs { b'\t' } else { b',' } })
            }
        },
    }
}

fn looks_like_text(head: &[u8]) -> bool {
    !head.contains(&0)
        && match std::str::from_utf8(head) {
            Ok(_) => true,
            // Cut within a character.
            Err(error) => error.error_len().is_none(),
        }
}

fn peek(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; 512];
    let mut filled = 0;
    while filled < head.len() {
        match file.read(&mut head[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    head.truncate(filled);
    file.rewind()?;
    Ok(head)
}

/// Marks errors of a decoder, so that a damaged archive is told from a damaged disk.
struct Unpacked<R> {
    inner: R,
    format: &'static str,
}

#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
struct UnpackError {
    format: &'static str,
    detail: String,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let detail = match error.kind() {
                io::ErrorKind::UnexpectedEof => "the end is missing".to_owned(),
                _ => error.to_string(),
            };
            io::Error::other(UnpackError { format: self.format, detail })
        })
    }
}

/// What an error of a [`TextReader`] means.
pub(crate) fn unpack_problem(error: io::Error) -> Problem {
    match error.downcast::<UnpackError>() {
        Ok(UnpackError { format, detail }) => Problem::Compression { format, detail },
        Err(error) => Problem::from(error),
    }
}
