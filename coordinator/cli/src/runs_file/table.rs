//! Rows that do not all have the same columns, made into a table.

use serde_json::{Map, Value};

use super::Cells;

/// A table that grows row by row; what a row does not have is an empty cell.
#[derive(Default)]
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<(u64, Vec<(usize, String)>)>,
}

impl Table {
    pub(super) fn push(&mut self, line: u64, cells: Vec<(String, String)>) {
        let mut placed = Vec::with_capacity(cells.len());
        for (column, cell) in cells {
            let known = self.columns.iter().position(|known| *known == column);
            let place = known.unwrap_or_else(|| {
                self.columns.push(column);
                self.columns.len() - 1
            });
            placed.push((place, cell));
        }
        self.rows.push((line, placed));
    }

    pub(super) fn cells(self) -> Cells {
        let width = self.columns.len();
        let whole = |placed: Vec<(usize, String)>| {
            let mut row = vec![String::new(); width];
            for (place, cell) in placed {
                row[place] = cell;
            }
            row
        };
        let rows = self.rows.into_iter().map(|(line, placed)| (line, whole(placed))).collect();
        (self.columns, rows)
    }
}

/// The values of an object, of objects within it as `outer.inner`.
pub(super) fn flatten(
    prefix: &str,
    object: &Map<String, Value>,
    cells: &mut Vec<(String, String)>,
) {
    for (key, value) in object {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) => flatten(&name, inner, cells),
            value => cells.push((name, cell(value))),
        }
    }
}

/// A value as a CSV file has it.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}
