//! A grid of character cells, each either a character or two by four Braille dots.

use crate::theme::COLOURS_N;

/// How a piece of terminal text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Series(usize),
}

/// Bright blue, yellow, green, magenta, cyan and white: told apart on dark and light terminals.
const SERIES_CODES: [&str; COLOURS_N] = ["94", "33", "32", "35", "36", "37"];

impl Style {
    /// The parameter of the terminal's "select graphic rendition" sequence (ECMA-48, 8.3.117).
    pub(super) const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Series(i) => Some(SERIES_CODES[i % COLOURS_N]),
        }
    }
}

#[derive(Clone, Copy)]
struct Cell {
    /// Bits of the Braille block (Unicode 15, section 21.1).
    dots: u8,
    character: Option<char>,
    style: Style,
}

const EMPTY: Cell = Cell { dots: 0, character: None, style: Style::Plain };

pub(super) struct Canvas {
    width: usize,
    height: usize,
    cells: Vec<Cell>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, cells: vec![EMPTY; width * height] }
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    pub(super) const fn height(&self) -> usize {
        self.height
    }

    pub(super) fn put(&mut self, column: usize, row: usize, character: char, style: Style) {
        if let Some(cell) = self.cell(column, row) {
            *cell = Cell { dots: 0, character: Some(character), style };
        }
    }

    /// Leaves other characters and laws alone.
    pub(super) fn put_if_free(&mut self, column: usize, row: usize, character: char, style: Style) {
        if self.cell(column, row).is_some_and(|cell| cell.dots == 0 && cell.character.is_none()) {
            self.put(column, row, character, style);
        }
    }

    /// A line of dots between two places in cells; dashed ones differ in rhythm by series.
    pub(super) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        series: usize,
        is_dashed: bool,
    ) {
        let steps = ((to.0 - from.0).abs() * 4.0).max((to.1 - from.1).abs() * 8.0).ceil();
        // Lines far outside are not worth walking along.
        let steps = steps.clamp(1.0, 20_000.0) as u32;
        for step in 0..=steps {
            let share = f64::from(step) / f64::from(steps);
            let x = (from.0 + share * (to.0 - from.0)) * 2.0;
            let y = (from.1 + share * (to.1 - from.1)) * 4.0;
            // By place, not by step, so that the rhythm runs on through all stretches of a law.
            let (on, off) = if series.is_multiple_of(2) { (3, 3) } else { (1, 2) };
            let is_gap = is_dashed && (x.floor().max(0.0) as usize) % (on + off) >= on;
            if !is_gap {
                self.dot(x, y, series);
            }
        }
    }

    fn dot(&mut self, x: f64, y: f64, series: usize) {
        if x < 0.0 || y < 0.0 {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
        if let Some(cell) = self.cell(x / 2, y / 4) {
            cell.dots |= BITS[x % 2][y % 4];
            cell.style = Style::Series(series);
        }
    }

    fn cell(&mut self, column: usize, row: usize) -> Option<&mut Cell> {
        if column >= self.width {
            return None;
        }
        self.cells.get_mut(row * self.width + column)
    }

    /// One row as pieces of one style each.
    pub(super) fn row(&self, row: usize) -> Vec<(Style, String)> {
        let cells = &self.cells[row * self.width..(row + 1) * self.width];
        let pieces = cells.chunk_by(|a, b| a.style == b.style);
        pieces.map(|piece| (piece[0].style, piece.iter().map(Cell::printed).collect())).collect()
    }
}

impl Cell {
    fn printed(&self) -> char {
        const BRAILLE: u32 = 0x2800;
        match (self.character, self.dots) {
            (Some(character), _) => character,
            (None, 0) => ' ',
            (None, dots) => char::from_u32(BRAILLE + u32::from(dots)).unwrap_or(' '),
        }
    }
}
