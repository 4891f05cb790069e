//! Parquet, streamed by batches of rows; only the wanted columns are read.

mod cells;
mod classes;
mod footer;

use std::fs::File;
use std::path::Path;

use arrow_schema::SchemaRef;
use ordinate_core::caught;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

use crate::error::{At, DataError, Problem};
use crate::source::MAX_RECORD_BYTES;
use crate::table::{Cell, Column, Layout, Places, Row, Summary, Visit};
use cells::Values;
pub(super) use classes::ClassNames;
use footer::metadata;

/// Rows decoded at a time.
const BATCH: usize = 8192;

/// What a batch may come to, estimated by the mean row.
const BATCH_BYTES: i64 = 128 << 20;

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
    let size = batch_size(metadata.metadata(), &roots);
    let classes = ClassNames::of(metadata.metadata());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_projection(mask)
        .with_batch_size(size)
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
            Err(_) => {
                return Err(damaged("a page says other than its column".to_owned()).at(At::Row(rows + 1)));
            }
            Ok(None) => break,
            Ok(Some(batch)) => batch,
        };
        let batch = batch.map_err(|error| damaged(plain(&error.to_string())).at(At::Row(rows + 1)))?;
        let schema = batch.schema_ref();
        let values = |place: usize| Values::of(batch.column(place), classes.get(schema.field(place).name()));
        let columns: Vec<(Column, Values<'_>)> =
            places.iter().map(|(column, place)| (*column, values(*place))).collect();
        let of_fields: Vec<Values<'_>> = of_fields.iter().map(|place| values(*place)).collect();
        for row in 0..batch.num_rows() {
            rows += 1;
            let mut cells = [Cell::Absent; Column::COUNT];
            for (column, values) in &columns {
                cells[*column as usize] = values.cell(row);
            }
            let at = At::Row(rows);
            let fields: Vec<Cell<'_>> = of_fields.iter().map(|values| values.cell(row)).collect();
            let too_long =
                |cell: &&Cell<'_>| matches!(cell, Cell::Text(text) if text.len() > MAX_RECORD_BYTES);
            if cells.iter().chain(&fields).any(|cell| too_long(&cell)) {
                return Err(DataError::new(path, Problem::TooLong).at(at));
            }
            visit(&Row { at, cells, fields: &fields, decimal_comma: false })
                .map_err(|fault| fault.locate(path, layout, at))?;
        }
    }
    Ok(Summary { seen, rows })
}

/// Rows decoded at a time: fewer where rows are large.
fn batch_size(metadata: &ParquetMetaData, roots: &[usize]) -> usize {
    let descr = metadata.file_metadata().schema_descr();
    let widest = metadata.row_groups().iter().map(|group| {
        let wanted = (0..group.num_columns())
            .filter(|&leaf| leaf < descr.num_columns() && roots.contains(&descr.get_column_root_idx(leaf)));
        let bytes: i64 = wanted.map(|leaf| group.column(leaf).uncompressed_size().max(0)).sum();
        bytes / group.num_rows().max(1)
    });
    let widest = widest.max().unwrap_or(0).max(1);
    usize::try_from(BATCH_BYTES / widest).unwrap_or(BATCH).clamp(1, BATCH)
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

/// The names of the classes of a column, where the file's metadata has them.
pub(super) fn class_names(path: &Path, file: &File, column: &str) -> Result<Vec<String>, DataError> {
    let metadata = metadata(path, file)?;
    Ok(ClassNames::of(metadata.metadata()).get(column).map(<[String]>::to_vec).unwrap_or_default())
}

fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// The message of parquet or arrow without its prefixes.
fn plain(message: &str) -> String {
    let mut text = message.trim();
    for prefix in ["Parquet argument error: ", "Parquet error: ", "Arrow: ", "External: "] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    text.replace('\n', " ")
}
