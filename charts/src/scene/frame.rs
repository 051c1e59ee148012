//! The frame of a figure: title, axes, grid and notes, and the room that they leave for the data.

use super::{Anchor, Area, At, Ink, Label, Role, Shape};
use crate::figure::{Axis, Figure};
use crate::scale::Scale;
use crate::text::{Font, columns, first_lines, shorten, wrap};
use crate::ticks::{Room, Tick, ticks};

const MARGIN: f64 = 24.0;
const TITLE: Font = Font::bold(18.0);
const SUBTITLE: Font = Font::regular(14.0);
const TICK: Font = Font::regular(12.0);
const AXIS_TITLE: Font = Font::regular(12.5);
const NOTE: Font = Font::regular(12.0);
const NOTE_LINE: f64 = 17.0;
/// The name of an arm at the end of its curve.
pub(super) const NAME: Font = Font::bold(13.0);
/// From the end of a curve to its name: a gap and the arm's glyph.
pub(super) const NAME_INDENT: f64 = 26.0;

const TITLE_LINES: usize = 3;
const SUBTITLE_LINES: usize = 2;
/// The data keep at least this height if notes can be left out for it.
const LEAST_DATA_HEIGHT: f64 = 150.0;

/// Where the data are, and the scales that lead there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    pub area: Area,
    pub x: Scale,
    pub y: Scale,
    /// How far the names of the arms may reach beyond the area.
    pub names_end: f64,
}

/// Draws everything around the data.
pub(super) fn lay_out(figure: &Figure, width: f64, height: f64, shapes: &mut Vec<Shape>) -> Frame {
    let inner = width - 2.0 * MARGIN;
    let top = titles(figure, inner, shapes) + 30.0;
    let bottom = notes(figure, inner, height, top, shapes) - 52.0;
    let y_scale = scale(&figure.y, [bottom, top]);
    let y_ticks = ticks(&y_scale, figure.y.unit, &Room { extent: &|_| 12.0, gap: 20.0 });
    let tick_width = y_ticks.iter().map(|tick| TICK.width(&tick.label)).fold(0.0, f64::max);
    let is_empty = figure.message.is_some();
    let left = MARGIN + if is_empty { 0.0 } else { tick_width + 10.0 };
    let names = figure.series.iter().map(|series| NAME.width(&series.name)).fold(0.0, f64::max);
    let names = names.min(inner * 0.2) + NAME_INDENT;
    let right = width - MARGIN - if figure.series.is_empty() { 0.0 } else { names };
    let area = Area { left, top, right, bottom };
    let x = scale(&figure.x, [left, right]);
    let frame = Frame { area, x, y: y_scale, names_end: width - MARGIN };
    if figure.message.is_none() {
        axes(figure, &frame, &y_ticks, shapes);
    }
    frame
}

fn scale(axis: &Axis, range: [f64; 2]) -> Scale {
    Scale::new(axis.kind, axis.domain, range)
}

/// The message in large, the rest of the sentence below it. Answers where it ends.
fn titles(figure: &Figure, inner: f64, shapes: &mut Vec<Shape>) -> f64 {
    let (message, rest) = figure.title.split_once("; ").unwrap_or((&figure.title, ""));
    let mut bottom = MARGIN - 6.0;
    let blocks = [
        (message, TITLE, TITLE_LINES, 24.0, Ink::Full),
        (rest, SUBTITLE, SUBTITLE_LINES, 20.0, Ink::Muted),
    ];
    for (text, font, count, line_height, ink) in blocks {
        let measure = |text: &str| font.width(text);
        let lines = first_lines(wrap(text, inner, &measure), count, inner, &measure);
        for text in lines {
            bottom += line_height;
            let at = At { x: MARGIN, y: bottom - 4.0 };
            shapes.push(Shape::Label(Label { at, anchor: Anchor::Start, font, ink, text }));
        }
    }
    bottom
}

/// Notes at the very bottom, as many as leave room for the data. Answers where they begin.
fn notes(figure: &Figure, inner: f64, height: f64, top: f64, shapes: &mut Vec<Shape>) -> f64 {
    let measure = |text: &str| NOTE.width(text);
    let room = height - MARGIN - top - 52.0 - LEAST_DATA_HEIGHT;
    let count = (room / NOTE_LINE).max(1.0) as usize;
    let lines = figure.notes.iter().flat_map(|note| wrap(note, inner, &measure)).collect();
    let lines = first_lines(lines, count, inner, &measure);
    let first = height - MARGIN + 6.0 - NOTE_LINE * lines.len() as f64;
    for (i, text) in lines.into_iter().enumerate() {
        let at = At { x: MARGIN, y: first + NOTE_LINE * (i as f64 + 0.75) };
        let (anchor, ink) = (Anchor::Start, Ink::Muted);
        shapes.push(Shape::Label(Label { at, anchor, font: NOTE, ink, text }));
    }
    first
}

fn axes(figure: &Figure, frame: &Frame, y_ticks: &[Tick], shapes: &mut Vec<Shape>) {
    let Area { left, top, right, bottom } = frame.area;
    let line = |from: (f64, f64), to: (f64, f64), role| {
        let places = vec![At { x: from.0, y: from.1 }, At { x: to.0, y: to.1 }];
        Shape::Line { places, role }
    };
    let label = |x, y, anchor, font, text: &str| {
        let text = text.to_owned();
        Shape::Label(Label { at: At { x, y }, anchor, font, ink: Ink::Muted, text })
    };
    if let Some(measured) = figure.measured {
        let [from, to] =
            [measured.lower, measured.upper].map(|end| frame.x.map(end).clamp(left, right));
        // Half a glyph beyond the first and last class, so that no point sits on the edge.
        let (from, to) = ((from - 9.0).max(left), (to + 9.0).min(right));
        let area = Area { left: from, right: to, top, bottom };
        shapes.push(Shape::Rect { area, role: Role::Measured });
        if to < right {
            shapes.push(line((to, top), (to, bottom), Role::MeasuredEdge));
        }
    }
    let extent = |text: &str| TICK.width(text);
    let x_ticks = ticks(&frame.x, figure.x.unit, &Room { extent: &extent, gap: 18.0 });
    for tick in &x_ticks {
        let x = frame.x.map(tick.value);
        shapes.push(line((x, top), (x, bottom), Role::Grid));
        shapes.push(line((x, bottom), (x, bottom + 5.0), Role::Axis));
        shapes.push(label(x, bottom + 19.0, Anchor::Middle, TICK, &tick.label));
    }
    for tick in y_ticks {
        let y = frame.y.map(tick.value);
        shapes.push(line((left, y), (right, y), Role::Grid));
        shapes.push(label(left - 8.0, y + 4.0, Anchor::End, TICK, &tick.label));
    }
    shapes.push(line((left, bottom), (right, bottom), Role::Axis));
    let measure = |text: &str| AXIS_TITLE.width(text);
    let title = shorten(&figure.x.title, right - left, &measure);
    shapes.push(label((left + right) / 2.0, bottom + 40.0, Anchor::Middle, AXIS_TITLE, &title));
    let title = shorten(&figure.y.title, right - MARGIN, &measure);
    if columns(&title) > 0.0 {
        shapes.push(label(MARGIN, top - 12.0, Anchor::Start, AXIS_TITLE, &title));
    }
}
