//! Files as streams: found, opened, decompressed, and kept within limits of memory.

mod format;
mod unpack;
mod utf16;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use crate::error::{DataError, PathProblem, Problem};
use crate::limit::Limit;
pub(crate) use format::{Dialect, Format};
use unpack::Unpacked;
pub(crate) use unpack::{HARMLESS, MAX_RATIO, unpack_problem};
use utf16::Utf16;

/// The longest line, CSV record or cell that is read: 64 MiB. Without a limit an unclosed quote, or a few
/// kilobytes of gzip, could take all memory.
pub(crate) const MAX_RECORD_BYTES: usize = 64 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const ZIP: &[u8; 4] = b"PK\x03\x04";
const PARQUET: &[u8; 4] = b"PAR1";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 256 << 10;

/// A file that was opened: text, decompressed as it is read; Parquet; or a sheet of a spreadsheet.
pub(crate) enum Opened {
    Text { reader: TextReader, format: Format },
    Parquet(File),
    Sheet(File),
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
/// [`PathProblem::Address`], [`PathProblem::BadPattern`], [`PathProblem::NoMatch`], [`PathProblem::NotFound`],
/// [`PathProblem::Folder`]: without the path, which the caller adds.
pub(crate) fn resolve(dir: &Path, text: &str) -> Result<Vec<PathBuf>, Problem> {
    if let Some(scheme) = scheme(text) {
        return Err(PathProblem::Address { scheme: scheme.to_owned() }.into());
    }
    let path = dir.join(text);
    if path.is_dir() {
        return Err(PathProblem::Folder.into());
    }
    if path.exists() {
        return Ok(vec![path]);
    }
    if !text.contains(['*', '?', '[']) {
        return Err(PathProblem::NotFound.into());
    }
    // The folder of the task file is no pattern, whatever its name.
    let base = glob::Pattern::escape(&dir.to_string_lossy());
    let pattern = if Path::new(text).is_absolute() { text.to_owned() } else { format!("{base}/{text}") };
    let found = glob::glob(&pattern).map_err(|error| PathProblem::BadPattern(error.msg.to_owned()))?;
    let files: Vec<_> = found.filter_map(Result::ok).filter(|path| path.is_file()).collect();
    if files.is_empty() { Err(PathProblem::NoMatch.into()) } else { Ok(files) }
}

/// Opens a regular file: a pipe or a device may never end, and cannot be read twice.
///
/// # Errors
/// When it is none, or cannot be opened.
pub(crate) fn open_regular(path: &Path) -> Result<File, DataError> {
    let meta = std::fs::metadata(path).map_err(|error| DataError::io(path, error))?;
    if meta.is_dir() {
        return Err(DataError::new(path, PathProblem::Folder.into()));
    }
    if !meta.is_file() {
        return Err(DataError::new(path, Problem::Limit(Limit::NotRegular)));
    }
    File::open(path).map_err(|error| DataError::io(path, error))
}

/// Opens a table. Compression and encoding are told by the first bytes, the format by the content and the suffix.
///
/// # Errors
/// When the file cannot be read, is empty, or is nothing that holds a table.
pub(crate) fn open(path: &Path) -> Result<Opened, DataError> {
    let fail = |problem| DataError::new(path, problem);
    let mut file = open_regular(path)?;
    let bytes = file.metadata().map_err(|error| DataError::io(path, error))?.len();
    let head = peek(&mut file).map_err(|error| DataError::io(path, error))?;
    let (stem, packed_suffix) = unpacked_name(path);
    if head.is_empty() {
        return Err(fail(Problem::Empty));
    }
    if head.starts_with(PARQUET) {
        return Ok(Opened::Parquet(file));
    }
    if head.starts_with(ZIP) && is_sheet(&stem) {
        return Ok(Opened::Sheet(file));
    }
    let reader: Box<dyn Read> = if head.starts_with(&GZIP) {
        let inner = flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
        Box::new(Unpacked::new(inner, "gzip", bytes))
    } else if head.starts_with(&ZSTD) {
        let inner = zstd::stream::read::Decoder::new(file).map_err(|error| DataError::io(path, error))?;
        Box::new(Unpacked::new(inner, "zstd", bytes))
    } else {
        if let Some((suffix, format)) = packed_suffix
            && !looks_like_text(&head)
        {
            return Err(fail(Problem::NotCompressed { suffix: suffix.to_owned(), format }));
        }
        Box::new(file)
    };
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let head = reader.fill_buf().map_err(|error| fail(unpack_problem(error)))?;
    if let Some(order) = utf16::order(head) {
        reader = BufReader::with_capacity(BUFFER, Box::new(Utf16::new(reader, order)));
        reader.fill_buf().map_err(|error| fail(unpack_problem(error)))?;
    }
    if reader.buffer().starts_with(BYTE_ORDER_MARK) {
        reader.consume(BYTE_ORDER_MARK.len());
    }
    let format = format(path, &stem, reader.buffer())?;
    Ok(Opened::Text { reader, format })
}

/// The suffixes of spreadsheets that are read.
pub(crate) fn is_sheet(stem: &str) -> bool {
    stem.ends_with(".xlsx") || stem.ends_with(".xlsm")
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

fn format(path: &Path, stem: &str, text: &[u8]) -> Result<Format, DataError> {
    let fail = |problem| DataError::new(path, problem);
    let first = text.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    let Some(first) = first else { return Err(fail(Problem::Empty)) };
    let not_a_table = |found, next| Err(fail(Problem::NotATable { found, next }));
    if text.starts_with(PARQUET) {
        return not_a_table("Parquet within gzip or zstd", "Unpack it: Parquet compresses its own columns.");
    }
    let csv = |is_tsv| Ok(Format::Csv(Dialect::of(text, is_tsv)));
    match stem.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("parquet" | "pq") => Err(fail(Problem::Parquet("it does not begin as one".to_owned()))),
        Some("xlsx" | "xlsm") => {
            not_a_table("no spreadsheet, whatever its name says", "Save it again as .xlsx or .csv.")
        }
        Some("xls" | "ods" | "xlsb") => {
            not_a_table("a spreadsheet of a kind that is not read", "Save it as .xlsx or .csv.")
        }
        Some("csv") => csv(false),
        Some("tsv") => csv(true),
        Some("jsonl" | "ndjson") => Ok(Format::Json { array: first == b'[' }),
        _ => match first {
            b'{' => Ok(Format::Json { array: false }),
            b'[' => Ok(Format::Json { array: true }),
            _ if !looks_like_text(text) => not_a_table(
                "no text",
                "Name a CSV, JSON, Parquet or xlsx file; CSV and JSON plain or packed with gzip or zstd.",
            ),
            _ => csv(false),
        },
    }
}

fn looks_like_text(head: &[u8]) -> bool {
    if utf16::order(head).is_some() {
        return true;
    }
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
