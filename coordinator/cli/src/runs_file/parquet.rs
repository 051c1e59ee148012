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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use parquet::data_type::DoubleType;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::runs_file::RunsFile;

    /// A file of sizes and losses; a loss may be missing.
    fn written(losses: &[Option<f64>]) -> Vec<u8> {
        let schema = "message runs { required double N; optional double loss; }";
        let schema = Arc::new(parse_message_type(schema).expect("a schema"));
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default())
            .expect("memory is writable");
        let mut group = writer.next_row_group().expect("memory is writable");
        let sizes: Vec<f64> = (1..=losses.len()).map(|row| 1e6 * row as f64).collect();
        let there: Vec<f64> = losses.iter().copied().flatten().collect();
        let levels: Vec<i16> = losses.iter().map(|loss| i16::from(loss.is_some())).collect();
        for (values, levels) in [(&sizes, None), (&there, Some(levels.as_slice()))] {
            let mut column = group.next_column().expect("a column").expect("there are two");
            let typed = column.typed::<DoubleType>();
            typed.write_batch(values, levels, None).expect("memory is writable");
            column.close().expect("memory is writable");
        }
        group.close().expect("memory is writable");
        writer.close().expect("memory is writable");
        bytes
    }

    #[test]
    fn a_bad_cell_is_named_by_its_row() {
        let bad = [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e-300, 1e300].map(Some);
        for (loss, is) in bad
            .into_iter()
            .chain([None])
            .zip(["`NaN`", "`inf`", "`-1`", "`0`", "`0.000", "`1000", "missing"])
        {
            let bytes = written(&[Some(2.5), Some(2.4), loss, Some(2.2)]);
            let file = RunsFile::parse(Path::new("runs"), bytes).unwrap();
            let failure = file.losses(&BTreeMap::new()).unwrap_err().render(false);
            let expected = format!("runs:3: loss is {is}");
            assert!(failure.contains(&expected), "{loss:?}: {failure}");
        }
        let file = RunsFile::parse(Path::new("runs"), written(&[Some(2.5)])).unwrap();
        assert_eq!(file.losses(&BTreeMap::new()).unwrap(), [2.5]);
    }

    #[test]
    fn a_file_without_rows_is_refused() {
        let failure = RunsFile::parse(Path::new("runs"), written(&[])).unwrap_err().render(false);
        assert!(failure.contains("runs holds no runs"), "{failure}");
    }
}
