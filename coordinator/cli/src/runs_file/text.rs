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
        let object = object(text).map_err(|error| {
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

/// What Python's writer makes of numbers that JSON does not have.
const NO_NUMBERS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// A line's object. Numbers that are none become texts, which is for whoever needs the cell to judge.
fn object(text: &str) -> serde_json::Result<Map<String, Value>> {
    let read = serde_json::from_str(text);
    if read.is_ok() || NO_NUMBERS.iter().all(|none| !text.contains(none)) {
        return read;
    }
    serde_json::from_str(&quoted(text))
}

/// The same text, with numbers that are none between quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut rest, mut is_string) = (text, false);
    while let Some(letter) = rest.chars().next() {
        let none = NO_NUMBERS.iter().find(|none| !is_string && rest.starts_with(**none));
        // What a backslash escapes does not end a string.
        let length = match none {
            Some(none) => none.len(),
            None if is_string && letter == '\\' => rest.chars().take(2).map(char::len_utf8).sum(),
            None => letter.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if none.is_some() {
            quoted.extend(["\"", token, "\""]);
        } else {
            quoted.push_str(token);
            is_string ^= letter == '"';
        }
        rest = after;
    }
    quoted
}
