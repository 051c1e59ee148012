//! Tables that are text: CSV with a header line, or one JSON object per line.

use std::path::Path;

use serde_json::{Map, Value};

use super::Cells;
use super::table::{Table, flatten};
use crate::failure::Failure;

pub(super) fn csv(path: &Path, text: &str) -> Result<Cells, Failure> {
    let broken = |error: csv::Error| {
        Failure::refused(format!("{} is not a table", path.display()))
            .with_cause(error.to_string())
            .with_hint("a CSV file has a header line and as many cells in every other line")
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    // The reader's own count is off after blank lines and where lines end with CRLF.
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let after = record.position().map_or(counted, |position| position.byte() as usize);
        let ends = text[after..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let begin = after + ends;
        line += text[counted..begin].bytes().filter(|byte| *byte == b'\n').count() as u64;
        counted = begin;
        rows.push((line, record.iter().map(str::to_owned).collect()));
    }
    Ok((columns, rows))
}

/// Objects within objects become columns such as `config.width`.
pub(super) fn json(path: &Path, text: &str) -> Result<Cells, Failure> {
    let mut table = Table::default();
    for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
        let line = index as u64 + 1;
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            Failure::refused(format!("{}:{line} is not a JSON object", path.display()))
                .with_cause(error.to_string())
                .with_hint("expected one object per line, one line per run")
        })?;
        let mut cells = Vec::new();
        flatten("", &object, &mut cells);
        table.push(line, cells);
    }
    Ok(table.cells())
}
