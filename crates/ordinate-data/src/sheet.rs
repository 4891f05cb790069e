//! Tables out, as CSV and as Parquet: the same table gives the same bytes.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::error::{DataError, Problem};

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
enum Cells {
    Text(Vec<Option<String>>),
    Number(Vec<Option<f64>>),
    Count(Vec<Option<u64>>),
    Flag(Vec<Option<bool>>),
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Number(cells) => cells.len(),
            Self::Count(cells) => cells.len(),
            Self::Flag(cells) => cells.len(),
        }
    }
}

/// A table to be written, made up of columns of one length. A cell that is `None`, or a number that is not finite, is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet(Vec<(&'static str, Cells)>);

impl Sheet {
    /// A table without columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0)
    }

    /// With a column of texts.
    #[must_use]
    pub fn text<T: Into<String>>(
        self,
        name: &'static str,
        cells: impl IntoIterator<Item = Option<T>>,
    ) -> Self {
        self.with(name, Cells::Text(cells.into_iter().map(|cell| cell.map(Into::into)).collect()))
    }

    /// With a column of numbers.
    #[must_use]
    pub fn number(self, name: &'static str, cells: impl IntoIterator<Item = Option<f64>>) -> Self {
        let finite = cells.into_iter().map(|cell| cell.filter(|number| number.is_finite()));
        self.with(name, Cells::Number(finite.collect()))
    }

    /// With a column of counts.
    #[must_use]
    pub fn count(self, name: &'static str, cells: impl IntoIterator<Item = Option<u64>>) -> Self {
        self.with(name, Cells::Count(cells.into_iter().collect()))
    }

    /// With a column of yes and no.
    #[must_use]
    pub fn flag(self, name: &'static str, cells: impl IntoIterator<Item = Option<bool>>) -> Self {
        self.with(name, Cells::Flag(cells.into_iter().collect()))
    }

    fn with(mut self, name: &'static str, cells: Cells) -> Self {
        self.0.push((name, cells));
        self
    }

    /// Writes CSV as RFC 4180 has it, UTF-8, lines ended by LF. A text that a spreadsheet would take for a formula has `'` before it,
    /// as spreadsheets themselves write such texts.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_csv(&self, path: &Path) -> Result<(), DataError> {
        let write = || {
            let mut to = BufWriter::new(File::create(path)?);
            let names: Vec<String> = self.0.iter().map(|(name, _)| quoted(name)).collect();
            writeln!(to, "{}", names.join(","))?;
            let mut line = String::new();
            for row in 0..self.rows() {
                line.clear();
                for (at, (_, cells)) in self.0.iter().enumerate() {
                    if at > 0 {
                        line.push(',');
                    }
                    put(&mut line, cells, row);
                }
                writeln!(to, "{line}")?;
            }
            to.flush()
        };
        write().map_err(|error| DataError::io(path, error))
    }

    /// Writes Parquet, packed by Zstandard. Texts are as they are: a cell there has a type, and none is a formula.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_parquet(&self, path: &Path) -> Result<(), DataError> {
        let failed = |error: ParquetError| DataError::new(path, Problem::Parquet(error.to_string()));
        let fields = self.0.iter().map(|(name, cells)| {
            let kind = match cells {
                Cells::Text(_) => DataType::Utf8,
                Cells::Number(_) => DataType::Float64,
                Cells::Count(_) => DataType::Int64,
                Cells::Flag(_) => DataType::Boolean,
            };
            Field::new(*name, kind, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let columns = self.0.iter().map(|(_, cells)| match cells {
            Cells::Text(cells) => {
                Arc::new(cells.iter().map(Option::as_deref).collect::<StringArray>()) as ArrayRef
            }
            Cells::Number(cells) => Arc::new(cells.iter().copied().collect::<Float64Array>()),
            // A count beyond 63 bits does not come up.
            Cells::Count(cells) => Arc::new(
                cells
                    .iter()
                    .map(|cell| cell.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
                    .collect::<Int64Array>(),
            ),
            Cells::Flag(cells) => Arc::new(cells.iter().copied().collect::<BooleanArray>()),
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect())
            .map_err(|error| failed(error.into()))?;
        let file = File::create(path).map_err(|error| DataError::io(path, error))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(failed)?))
            .set_created_by(concat!("ordinate ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(failed)?;
        writer.write(&batch).map_err(failed)?;
        writer.close().map_err(failed)?;
        Ok(())
    }
}

fn put(line: &mut String, cells: &Cells, row: usize) {
    // Writing to a string does not fail.
    let _ = match cells {
        Cells::Text(cells) => match cells.get(row).and_then(Option::as_deref) {
            Some(text) => line.write_str(&quoted(&harmless(text))),
            None => Ok(()),
        },
        Cells::Number(cells) => match cells.get(row).copied().flatten() {
            Some(number) => write!(line, "{number}"),
            None => Ok(()),
        },
        Cells::Count(cells) => match cells.get(row).copied().flatten() {
            Some(count) => write!(line, "{count}"),
            None => Ok(()),
        },
        Cells::Flag(cells) => match cells.get(row).copied().flatten() {
            Some(flag) => line.write_str(if flag { "true" } else { "false" }),
            None => Ok(()),
        },
    };
}

/// What a spreadsheet does not take for a formula
/// (<https://owasp.org/www-community/attacks/CSV_Injection>; the wide forms are what East Asian keyboards write).
fn harmless(text: &str) -> String {
    let begins = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
        )
    };
    if text.starts_with(begins) { format!("'{text}") } else { text.to_owned() }
}

/// A cell of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_a_formula() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let texts = ["=1+1", "+1", "-1", "@x", "\tx", "a,\"b\"\nc", "a=1", "＝1", "5", ""];
        let sheet = Sheet::new()
            .text("name", texts.map(Some))
            .number("x", [Some(-0.5), Some(f64::NAN), None, Some(1e-7)].into_iter().chain([None; 6]))
            .flag("yes", [Some(true), Some(false)].into_iter().chain([None; 8]))
            .count("n", [Some(3)].into_iter().chain([None; 9]));
        sheet.write_csv(&path).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "name,x,yes,n\n'=1+1,-0.5,true,3\n'+1,,false,\n'-1,,,\n'@x,0.0000001,,\n'\tx,,,\n\"a,\"\"b\"\"\nc\",,,\na=1,,,\n'＝1,,,\n5,,,\n,,,\n"
        );
        assert_eq!(sheet.rows(), 10);
    }

    #[test]
    fn parquet_is_the_same_to_the_byte_and_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let sheet = Sheet::new()
            .text("id", (0..3).map(|at| Some(format!("=i{at}"))))
            .text("candidate", [Some("a"), Some("b"), None])
            .number("score", [Some(0.5), None, Some(1.0)])
            .count("items", [Some(1), Some(2), None])
            .flag("right", [Some(true), None, Some(false)]);
        let write = |name: &str| {
            let path = folder.path().join(name);
            sheet.write_parquet(&path).unwrap();
            std::fs::read(path).unwrap()
        };
        let bytes = write("one.parquet");
        assert_eq!(bytes, write("two.parquet"));
        let reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes::Bytes::from(bytes), 8);
        let batches: Vec<RecordBatch> = reader.unwrap().map(Result::unwrap).collect();
        assert_eq!((batches.len(), batches[0].num_rows(), batches[0].num_columns()), (1, 3, 5));
        let ids = batches[0].column(0).as_any().downcast_ref::<StringArray>().unwrap();
        assert_eq!(ids.value(0), "=i0");
    }
}
