//! The footer: read only where what it claims is possible.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, TimeUnit};
use ordinate_core::caught;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;

use super::plain;
use crate::error::{DataError, Problem};
use crate::source::MAX_RATIO;

/// The most that one column of one row group may take unpacked. Writers make row groups of about 128 MiB.
const MAX_CHUNK_BYTES: i64 = 4 << 30;

/// A column chunk that grows [`MAX_RATIO`] times is a bomb, if it is larger than this.
const BOMB_BYTES: u64 = 64 << 20;

/// The most that the footer may take: some hundred bytes for each column of each row group.
const MAX_FOOTER_BYTES: u64 = 256 << 20;

/// Reads the footer, and refuses one that claims more than the file can hold before anything is set aside for it.
pub(super) fn metadata(path: &Path, file: &File) -> Result<ArrowReaderMetadata, DataError> {
    let bytes = file.metadata().map_err(|error| DataError::io(path, error))?.len();
    let claim = |claim: String| DataError::new(path, Problem::ParquetClaim { claim, bytes });
    let damaged = |detail: &str| DataError::new(path, Problem::Parquet(plain(detail)));

    let footer = footer_bytes(file, bytes).map_err(|error| DataError::io(path, error))?;
    let Some(footer) = footer else { return Err(damaged("its end is missing")) };
    if footer.saturating_add(12) > bytes || footer > MAX_FOOTER_BYTES {
        return Err(claim(format!("a footer of {footer} bytes")));
    }
    let options = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(file, options()).map_err(|error| damaged(&error.to_string()))?;
    plausible(found.metadata(), bytes).map_err(claim)?;

    // Texts as views into the pages' dictionaries: no copy a cell. Of Arrow's own schema, which a damaged file may lie
    // with, only this is believed: that a whole number is a duration.
    let durations = durations(found.metadata());
    let fields = found.schema().fields().iter().map(|field| {
        let hinted = durations.iter().find(|(name, _)| name == field.name());
        match (field.data_type(), hinted) {
            (DataType::Utf8 | DataType::LargeUtf8, _) => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
            }
            (DataType::Int64, Some((_, unit))) => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::Duration(*unit)))
            }
            _ => Arc::clone(field),
        }
    });
    let options = options().with_schema(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)
        .map_err(|error| damaged(&error.to_string()))
}

/// The columns that Arrow's schema in the file's metadata calls durations.
fn durations(metadata: &ParquetMetaData) -> Vec<(String, TimeUnit)> {
    let file = metadata.file_metadata();
    let read = || parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata());
    let Ok(Ok(schema)) = caught(read) else { return Vec::new() };
    let duration = |field: &Arc<Field>| match field.data_type() {
        DataType::Duration(unit) => Some((field.name().clone(), *unit)),
        _ => None,
    };
    schema.fields().iter().filter_map(duration).collect()
}

/// The length of the footer, which stands before the last four bytes; `None` if those are not `PAR1`.
fn footer_bytes(mut file: &File, bytes: u64) -> std::io::Result<Option<u64>> {
    use std::io::{Read, Seek, SeekFrom};
    if bytes < 12 {
        return Ok(None);
    }
    let (mut length, mut magic) = ([0; 4], [0; 4]);
    file.seek(SeekFrom::End(-8))?;
    file.read_exact(&mut length)?;
    file.read_exact(&mut magic)?;
    file.rewind()?;
    Ok((&magic == b"PAR1").then(|| u64::from(u32::from_le_bytes(length))))
}

/// Compares what the footer claims with the size of the file.
fn plausible(metadata: &ParquetMetaData, bytes: u64) -> Result<(), String> {
    let mut rows = 0_i64;
    for group in metadata.row_groups() {
        rows = rows.saturating_add(group.num_rows());
        for column in group.columns() {
            let (packed, unpacked) = (column.compressed_size(), column.uncompressed_size());
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(packed).and_then(|end| u64::try_from(end).ok());
            if start < 0 || packed < 0 || end.is_none_or(|end| end > bytes) {
                return Err(format!("a column of {packed} bytes at byte {start}"));
            }
            if !(0..=MAX_CHUNK_BYTES).contains(&unpacked) {
                return Err(format!("a column of {unpacked} bytes unpacked"));
            }
            if unpacked.unsigned_abs() > BOMB_BYTES
                && unpacked.unsigned_abs() > packed.unsigned_abs().saturating_mul(MAX_RATIO)
            {
                return Err(format!("{unpacked} bytes unpacked in a column of {packed} bytes"));
            }
            // A page holds at most 2^31 values, and takes some 20 bytes at least.
            let most = (packed / 16 + 1).saturating_mul(i64::from(i32::MAX));
            if !(0..=most).contains(&column.num_values()) {
                return Err(format!("a column of {} values", column.num_values()));
            }
        }
    }
    let claimed = metadata.file_metadata().num_rows();
    if claimed != rows {
        return Err(format!("{claimed} rows (its row groups hold {rows})"));
    }
    Ok(())
}
