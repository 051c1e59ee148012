//! A Parquet file of runs as cells.

use std::path::Path;

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use super::Cells;
use crate::failure::Failure;

/// What such a file begins with.
const MAGIC: &[u8] = b"PAR1";

pub(super) fn is_parquet(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The columns and the rows, which are counted: such a file has no lines.
pub(super) fn read(path: &Path, bytes: Vec<u8>) -> Result<Cells, Failure> {
    let broken = |error: ParquetError| {
        Failure::refused(format!("{} is a Parquet file that cannot be read", path.display()))
            .with_cause(error.to_string())
            .with_hint("write it again uncompressed or with snappy, zstd or gzip, one column for each quantity")
    };
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(broken)?;
    let schema = reader.metadata().file_metadata().schema();
    let columns: Vec<String> =
        schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let mut rows = Vec::new();
    for (row, number) in reader.get_row_iter(None).map_err(broken)?.zip(1..) {
        let row = row.map_err(broken)?;
        rows.push((number, row.get_column_iter().map(|(_, field)| cell(field)).collect()));
    }
    Ok((columns, rows))
}

/// A value as a CSV file has it.
fn cell(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        // Their own display keeps six digits.
        Field::Double(number) => number.to_string(),
        Field::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}
