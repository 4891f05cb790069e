//! Parquet, streamed by batches of rows; only the wanted columns are read.

use std::fs::File;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Once};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float32Type, Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;

use crate::error::{At, DataError, Problem};
use crate::table::{Cell, Column, Layout, Places, Row, Summary, Visit};

/// Rows decoded at a time.
const BATCH: usize = 8192;

/// The most that one column of one row group may take unpacked. Writers make row groups of about 128 MiB.
const MAX_CHUNK_BYTES: i64 = 4 << 30;

/// The most that the footer may take: some hundred bytes for each column of each row group.
const MAX_FOOTER_BYTES: u64 = 256 << 20;

pub(super) fn read(
    path: &Path,
    file: File,
    layout: &Layout,
    visit: &mut Visit<'_>,
) -> Result<Summary, DataError> {
    let metadata = metadata(path, &file)?;
    let fields = names(metadata.schema());
    let Places { columns: places, fields: of_fields, seen } =
        layout.places(&fields).map_err(|(field, problem)| DataError::new(path, problem).field(field))?;
    if metadata.metadata().file_metadata().num_rows() == 0 {
        return Err(DataError::new(path, Problem::NoRows));
    }
    let damaged = |detail: String| DataError::new(path, Problem::Parquet(detail));

    let mut roots: Vec<usize> =
        places.iter().map(|(_, place)| *place).chain(of_fields.iter().copied()).collect();
    roots.sort_unstable();
    roots.dedup();
    let mask =
        ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), roots.iter().copied());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_projection(mask)
        .with_batch_size(BATCH)
        .build()
        .map_err(|error| damaged(plain(&error.to_string())))?;
    // A projected batch has the wanted columns in the order of the file.
    let places: Vec<(Column, usize)> = places
        .iter()
        .filter_map(|(column, place)| Some((*column, roots.binary_search(place).ok()?)))
        .collect();
    let of_fields: Vec<usize> =
        of_fields.iter().filter_map(|place| roots.binary_search(place).ok()).collect();

    let mut rows = 0;
    let mut reader = reader;
    loop {
        let batch = match caught(|| reader.next()) {
            None => return Err(damaged("a page says other than its column".to_owned()).at(At::Row(rows + 1))),
            Some(None) => break,
            Some(Some(batch)) => batch,
        };
        let batch = batch.map_err(|error| damaged(plain(&error.to_string())).at(At::Row(rows + 1)))?;
        let columns: Vec<(Column, Values<'_>)> =
            places.iter().map(|(column, place)| (*column, Values::of(batch.column(*place)))).collect();
        let of_fields: Vec<Values<'_>> =
            of_fields.iter().map(|place| Values::of(batch.column(*place))).collect();
        for row in 0..batch.num_rows() {
            rows += 1;
            let mut cells = [Cell::Absent; Column::COUNT];
            for (column, values) in &columns {
                cells[*column as usize] = values.cell(row);
            }
            let at = At::Row(rows);
            let fields: Vec<Cell<'_>> = of_fields.iter().map(|values| values.cell(row)).collect();
            visit(&Row { at, cells, fields: &fields }).map_err(|fault| fault.locate(path, layout, at))?;
        }
    }
    Ok(Summary { seen, rows })
}

/// What reading gives; `None`, and nothing on standard error, where the library panics, which it does on some damaged
/// pages (arrow-buffer 60.1: "offset + len out of bounds").
fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    thread_local!(static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    QUIET.set(true);
    // The reader is not asked again after it panicked.
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    QUIET.set(false);
    result.ok()
}

pub(super) fn columns(path: &Path, file: &File) -> Result<Vec<String>, DataError> {
    Ok(names(metadata(path, file)?.schema()))
}

/// The key-value metadata with this key.
///
/// # Errors
/// When the file is no Parquet file.
pub(super) fn key_value(path: &Path, file: &File, key: &str) -> Result<Option<String>, DataError> {
    let metadata = metadata(path, file)?;
    let pairs = metadata.metadata().file_metadata().key_value_metadata();
    Ok(pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == key)?.value.clone()))
}

fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// Reads the footer, and refuses one that claims more than the file can hold before anything is set aside for it.
fn metadata(path: &Path, file: &File) -> Result<ArrowReaderMetadata, DataError> {
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

    // Texts as views into the pages' dictionaries: no copy a cell.
    let as_views: Vec<_> = found
        .schema()
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => {
                Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View))
            }
            _ => Arc::clone(field),
        })
        .collect();
    let options = options().with_schema(Arc::new(Schema::new(as_views)));
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)
        .map_err(|error| damaged(&error.to_string()))
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

/// The message of parquet or arrow without its prefixes.
fn plain(message: &str) -> String {
    let mut text = message.trim();
    for prefix in ["Parquet argument error: ", "Parquet error: ", "Arrow: ", "External: "] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    text.replace('\n', " ")
}

/// One column of a batch.
enum Values<'a> {
    Views(&'a arrow_array::StringViewArray),
    Doubles(&'a arrow_array::Float64Array),
    Integers(&'a arrow_array::Int64Array),
    Other(&'a ArrayRef, String),
}

impl<'a> Values<'a> {
    fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
            DataType::Utf8View => Self::Views(array.as_string_view()),
            DataType::Float64 => Self::Doubles(array.as_primitive()),
            DataType::Int64 => Self::Integers(array.as_primitive()),
            other => Self::Other(array, format!("the Parquet type {other}")),
        }
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Views(array) if array.is_valid(row) => Cell::Text(array.value(row)),
            Self::Doubles(array) if array.is_valid(row) => Cell::Number(array.value(row)),
            Self::Integers(array) if array.is_valid(row) => Cell::Integer(array.value(row)),
            Self::Other(array, name) if array.is_valid(row) => {
                rare(array, row).unwrap_or(Cell::Unusable(name))
            }
            _ => Cell::Absent,
        }
    }
}

/// A cell of a type that is seldom met; `None` for types that no column takes.
fn rare(array: &ArrayRef, row: usize) -> Option<Cell<'_>> {
    Some(match array.data_type() {
        DataType::Null => Cell::Absent,
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Float32 => Cell::Number(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Int8 => Cell::Integer(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Cell::Integer(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Cell::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::UInt8 => Cell::Integer(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Cell::Integer(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Cell::Integer(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => match i64::try_from(array.as_primitive::<UInt64Type>().value(row)) {
            Ok(number) => Cell::Integer(number),
            Err(_) => return None,
        },
        DataType::Decimal128(_, scale) => {
            let number = array.as_primitive::<Decimal128Type>().value(row) as f64;
            Cell::Number(number / 10_f64.powi(i32::from(*scale)))
        }
        _ => return None,
    })
}
