//! The one look of tables: no borders, a rule below the header, numbers flush right.

use comfy_table::{Cell, CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};

/// A column's heading, and where its content stands.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
}

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none());
/// Blanks between columns, besides the one that separates them anyway.
const GAP: u16 = 1;

/// Draws a table; the last line ends with a line break.
pub(crate) fn draw(columns: &[Column], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    // The text is the same whatever terminal reads it.
    table.load_style(STYLE).force_no_tty();
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(name) | Column::Number(name) => Cell::new(name),
    }));
    table.add_rows(rows);
    for (column, drawn) in columns.iter().zip(table.column_iter_mut()) {
        drawn.set_padding((0, GAP));
        if matches!(column, Column::Number(_)) {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_flush_right() {
        let columns = [Column::Text("arm"), Column::Number("steps"), Column::Text("state")];
        let rows = vec![
            vec!["gpt".into(), "1200".into(), "done".into()],
            vec!["qlstm".into(), "8".into(), String::new()],
        ];
        insta::assert_snapshot!(draw(&columns, rows));
    }
}
