//! Figures on character cells: Braille dots for laws, one glyph and colour per arm.

mod canvas;

use canvas::{Canvas, Style};
use sweep_core::crossover::Bound;

use crate::figure::{Figure, Mark, Series, Weight};
use crate::scale::Scale;
use crate::scene::labels::spread;
use crate::text::{columns as width_of, shorten, wrap};
use crate::theme::Glyph;
use crate::ticks::{Room, Tick, ticks};

/// Least canvas that shows anything, cells.
const LEAST_CANVAS: (usize, usize) = (16, 5);
/// Figures wider than this are harder to read, not easier.
const WIDEST: usize = 140;

/// Draws `figure` on at most `columns` x `rows` character cells. Without `colour` the result is
/// plain text. Too small a terminal gets the words alone.
#[must_use]
pub fn render(figure: &Figure, columns: usize, rows: usize, colour: bool) -> String {
    let columns = columns.clamp(1, WIDEST);
    let limit = columns as f64;
    let words = |text: &str, style: Style| -> Vec<Line> {
        wrap(text, limit, &width_of).into_iter().map(|text| Line::of(style, text)).collect()
    };
    let mut lines = words(&figure.title, Style::Bold);
    if let Some(message) = &figure.message {
        lines.extend(words(message, Style::Plain));
        return print(&lines, colour);
    }
    let legend = legend(figure, columns);
    let notes: Vec<Line> = figure.notes.iter().flat_map(|note| words(note, Style::Dim)).collect();
    // Around the canvas: what is over what, axis, tick labels, bracket, legend.
    let taken = lines.len() + 4 + legend.len();
    let for_notes = rows.saturating_sub(taken + LEAST_CANVAS.1 * 2).min(notes.len());
    let height = rows.saturating_sub(taken + for_notes);
    if let Some(plot) = Plot::new(figure, columns, height) {
        lines.extend(plot.lines());
    }
    lines.extend(legend);
    lines.extend(notes.into_iter().take(for_notes));
    print(&lines, colour)
}

/// One line of styled pieces.
#[derive(Default)]
struct Line(Vec<(Style, String)>);

impl Line {
    fn of(style: Style, text: String) -> Self {
        Self(vec![(style, text)])
    }
}

fn print(lines: &[Line], colour: bool) -> String {
    let mut out = String::new();
    for Line(pieces) in lines {
        let is_blank = |(_, text): &(Style, String)| text.trim().is_empty();
        let count = pieces.iter().rposition(|piece| !is_blank(piece)).map_or(0, |last| last + 1);
        for (i, (style, text)) in pieces[..count].iter().enumerate() {
            let text = if i + 1 == count { text.trim_end() } else { text };
            // Names come from a file: they must not steer the terminal.
            let text = text.replace(is_steering, "\u{fffd}");
            match style.code().filter(|_| colour && !text.trim().is_empty()) {
                Some(code) => out.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m")),
                None => out.push_str(&text),
            }
        }
        out.push('\n');
    }
    out
}

/// Control characters, and those that turn the direction of writing.
fn is_steering(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Glyph and name of every arm, and what the other signs mean.
fn legend(figure: &Figure, columns: usize) -> Vec<Line> {
    let mut items: Vec<(Style, char, String)> = figure
        .series
        .iter()
        .enumerate()
        .map(|(i, series)| (Style::Series(i), Glyph::of(i).character(), series.name.clone()))
        .collect();
    let has = |weight| figure.series.iter().flat_map(|s| &s.points).any(|p| p.weight == weight);
    if has(Weight::Faint) {
        items.push((Style::Dim, '·', "other runs".to_owned()));
    }
    if let Some(mark) = &figure.mark {
        let sign = if mark.at.is_some() { '╳' } else { '─' };
        items.push((Style::Bold, sign, format!("{} ({})", mark.label, mark.detail)));
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut used = columns;
    for (style, glyph, words) in items {
        let words = shorten(&words, columns.saturating_sub(2) as f64, &width_of);
        let width = 2 + width_of(&words) as usize;
        if used + 3 + width > columns {
            lines.push(Line::default());
            used = 0;
        } else if let Some(Line(pieces)) = lines.last_mut() {
            pieces.push((Style::Plain, "   ".to_owned()));
            used += 3;
        }
        if let Some(Line(pieces)) = lines.last_mut() {
            pieces.push((style, format!("{glyph} {words}")));
            used += width;
        }
    }
    lines.retain(|Line(pieces)| pieces.iter().all(|(_, text)| width_of(text) <= columns as f64));
    lines
}

/// The figure laid out on a canvas of `width` x `height` cells.
struct Plot<'a> {
    figure: &'a Figure,
    canvas: Canvas,
    /// Cells left of the canvas, for the y axis and its labels.
    gutter: usize,
    x: Scale,
    x_ticks: Vec<Tick>,
    y_labels: Vec<String>,
    names: Vec<Option<(usize, String)>>,
    axis: Vec<char>,
}

impl<'a> Plot<'a> {
    fn new(figure: &'a Figure, columns: usize, height: usize) -> Option<Self> {
        if height < LEAST_CANVAS.1 {
            return None;
        }
        // Positions are cells; a cell's middle is at a half.
        let y = Scale::new(figure.y.kind, figure.y.domain, [height as f64, 0.0]);
        let y_ticks = ticks(&y, figure.y.unit, &Room { extent: &|_| 1.0, gap: 1.0 });
        let gutter = y_ticks.iter().map(|t| width_of(&t.label) as usize).max().unwrap_or(0) + 2;
        let longest = figure.series.iter().map(|s| width_of(&s.name) as usize).max().unwrap_or(0);
        let names_width = longest.min(columns / 5);
        let width = columns.checked_sub(gutter + names_width + 3)?;
        if width < LEAST_CANVAS.0 {
            return None;
        }
        let x = Scale::new(figure.x.kind, figure.x.domain, [0.0, width as f64]);
        let x_ticks = ticks(&x, figure.x.unit, &Room { extent: &width_of, gap: 2.0 });
        let mut y_labels = vec![String::new(); height];
        for tick in y_ticks {
            y_labels[cell(y.map(tick.value), height)] = tick.label;
        }
        let mut axis = vec!['─'; width];
        for tick in &x_ticks {
            axis[cell(x.map(tick.value), width)] = '┬';
        }
        let mut canvas = Canvas::new(width, height);
        draw_series(figure, &x, &y, &mut canvas);
        if let Some(mark) = &figure.mark {
            draw_mark(mark, &x, &y, &mut canvas, &mut axis);
        }
        let names = names(figure, &y, height, names_width);
        Some(Self { figure, canvas, gutter, x, x_ticks, y_labels, names, axis })
    }

    fn lines(&self) -> Vec<Line> {
        let width = self.canvas.width();
        let Figure { x, y, .. } = self.figure;
        let title = format!("{} over {}", y.title, x.title);
        let title = shorten(&title, (self.gutter + width) as f64, &width_of);
        let mut lines = vec![Line::of(Style::Dim, title)];
        for (row, label) in self.y_labels.iter().enumerate() {
            let tick = if label.is_empty() { '│' } else { '┤' };
            let room = self.gutter - 1;
            let mut pieces = vec![(Style::Dim, format!("{label:>room$}{tick}"))];
            pieces.extend(self.canvas.row(row));
            if let Some((series, name)) = &self.names[row] {
                let glyph = Glyph::of(*series).character();
                pieces.push((Style::Series(*series), format!(" {glyph} {name}")));
            }
            lines.push(Line(pieces));
        }
        let axis: String = self.axis.iter().collect();
        let corner = format!("{:>1$}", "└", self.gutter);
        lines.push(Line::of(Style::Dim, format!("{corner}{axis}")));
        lines.push(Line::of(Style::Dim, self.tick_labels()));
        lines.push(Line::of(Style::Dim, self.foot()));
        lines
    }

    fn tick_labels(&self) -> String {
        let mut line = String::new();
        for tick in &self.x_ticks {
            let centre = self.gutter + cell(self.x.map(tick.value), self.canvas.width());
            let start = centre.saturating_sub(tick.label.chars().count() / 2);
            let used = line.chars().count();
            if used == 0 || start > used {
                line.push_str(&" ".repeat(start - used));
                line.push_str(&tick.label);
            }
        }
        shorten(&line, (self.gutter + self.canvas.width() + 3) as f64, &width_of)
    }

    /// A bracket under the measured range.
    fn foot(&self) -> String {
        let Some(measured) = self.figure.measured else { return String::new() };
        let width = self.canvas.width();
        let [from, to] = [measured.lower, measured.upper].map(|end| cell(self.x.map(end), width));
        let inner = (to - from).saturating_sub(1);
        let word = if inner >= 8 { "measured" } else { "" };
        format!("{:1$}╰{word:─^inner$}╯", "", self.gutter + from)
    }
}

/// The cell in which a position lies.
fn cell(position: f64, count: usize) -> usize {
    // Saturating: positions left of the canvas are in its first cell.
    (position.floor().max(0.0) as usize).min(count.saturating_sub(1))
}

fn draw_series(figure: &Figure, x: &Scale, y: &Scale, canvas: &mut Canvas) {
    for (i, series) in figure.series.iter().enumerate() {
        for pair in series.curve.windows(2) {
            let middle = (pair[0].x * pair[1].x).sqrt();
            let is_fitted = series.fitted.is_some_and(|f| (f.lower..=f.upper).contains(&middle));
            let [from, to] = [pair[0], pair[1]].map(|v| (x.map(v.x), y.map(v.y)));
            canvas.line(from, to, i, !is_fitted);
        }
    }
    for weight in [Weight::Faint, Weight::Strong] {
        for (i, series) in figure.series.iter().enumerate() {
            for point in series.points.iter().filter(|point| point.weight == weight) {
                let column = cell(x.map(point.x), canvas.width());
                let row = cell(y.map(point.y), canvas.height());
                match weight {
                    Weight::Faint => canvas.put_if_free(column, row, '·', Style::Series(i)),
                    Weight::Strong => {
                        canvas.put(column, row, Glyph::of(i).character(), Style::Series(i));
                    }
                }
            }
        }
    }
}

/// The mark with its interval on one row, and the column of the crossover down to the axis.
fn draw_mark(mark: &Mark, x: &Scale, y: &Scale, canvas: &mut Canvas, axis: &mut [char]) {
    let width = canvas.width();
    let row = cell(y.map(mark.value), canvas.height());
    let (from, to) = (
        x.map(mark.lower),
        match mark.upper {
            Bound::Hours(hours) => x.map(hours),
            Bound::Never => f64::INFINITY,
        },
    );
    let (start, stop) = (cell(from, width), cell(to.min(width as f64 + 1.0), width));
    for column in start..=stop {
        canvas.put(column, row, '─', Style::Bold);
    }
    canvas.put(start, row, if from < 0.0 { '◀' } else { '├' }, Style::Bold);
    canvas.put(stop, row, if to > width as f64 { '▶' } else { '┤' }, Style::Bold);
    let at = mark.at.map(|at| x.map(at)).filter(|at| (0.0..=width as f64).contains(at));
    if let Some(at) = at {
        let column = cell(at, width);
        for below in row + 1..canvas.height() {
            canvas.put_if_free(column, below, '┊', Style::Bold);
        }
        canvas.put(column, row, '╳', Style::Bold);
        axis[column] = '┼';
    }
}

/// The arm named on each row right of the canvas.
fn names(figure: &Figure, y: &Scale, height: usize, limit: usize) -> Vec<Option<(usize, String)>> {
    let end = |series: &Series| {
        let law = series.curve.last().map(|v| v.y);
        let last =
            series.points.iter().max_by(|a, b| a.x.total_cmp(&b.x).then(b.y.total_cmp(&a.y)));
        law.or_else(|| last.map(|point| point.y)).map(|value| y.map(value).floor())
    };
    let ends: Vec<(usize, f64)> = figure
        .series
        .iter()
        .enumerate()
        .filter_map(|(i, series)| Some((i, end(series)?)))
        .take(height)
        .collect();
    let wanted: Vec<f64> = ends.iter().map(|(_, at)| *at).collect();
    let placed = spread(&wanted, 1.0, 0.0, height as f64 - 1.0);
    let mut names = vec![None; height];
    for ((index, _), row) in ends.into_iter().zip(placed) {
        let name = shorten(&figure.series[index].name, limit as f64, &width_of);
        names[cell(row + 0.5, height)] = Some((index, name));
    }
    names
}
