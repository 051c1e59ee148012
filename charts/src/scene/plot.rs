//! The data inside the frame: bands, laws, points, the mark, and the names at the curves' ends.

use sweep_core::crossover::Bound;

use super::clip::{cut_region, thin};
use super::frame::{NAME, NAME_INDENT};
use super::labels::{least_covered, spread};
use super::{Anchor, Area, At, Frame, Ink, Label, Role, Shape};
use crate::figure::{Figure, Mark, Series, Vertex, Weight};
use crate::text::{Font, shorten};
use crate::theme::Glyph;

const STRONG_RADIUS: f64 = 4.4;
const FAINT_RADIUS: f64 = 2.8;
const NAME_GAP: f64 = 19.0;
const MARK_LABEL: Font = Font::bold(13.0);
const MARK_DETAIL: Font = Font::regular(12.0);
const RANGE: Font = Font::regular(11.5);
const MESSAGE: Font = Font::regular(15.0);

pub(super) fn draw(figure: &Figure, frame: &Frame, shapes: &mut Vec<Shape>) {
    if let Some(message) = &figure.message {
        return empty(message, frame, shapes);
    }
    for (i, series) in figure.series.iter().enumerate() {
        shapes.extend(
            bands(&series.curve, frame).map(|places| Shape::Region { places, role: Role::Band(i) }),
        );
    }
    for (i, series) in figure.series.iter().enumerate() {
        law(series, i, frame, shapes);
    }
    for weight in [Weight::Faint, Weight::Strong] {
        for (i, series) in figure.series.iter().enumerate() {
            points(series, i, weight, frame, shapes);
        }
    }
    names(figure, frame, shapes);
    if let Some(mark) = &figure.mark {
        draw_mark(mark, frame, obstacles(figure, frame), shapes);
    }
    range_words(figure, frame, shapes);
}

fn place(frame: &Frame, x: f64, y: f64) -> At {
    At { x: frame.x.map(x), y: frame.y.map(y) }
}

/// A calm frame with one sentence.
fn empty(message: &str, frame: &Frame, shapes: &mut Vec<Shape>) {
    let Area { left, top, right, bottom } = frame.area;
    shapes.push(Shape::Rect { area: frame.area, role: Role::Measured });
    let text = shorten(message, right - left - 20.0, &|text| MESSAGE.width(text));
    let at = At { x: (left + right) / 2.0, y: (top + bottom) / 2.0 + 5.0 };
    let (anchor, ink) = (Anchor::Middle, Ink::Muted);
    shapes.push(Shape::Label(Label { at, anchor, font: MESSAGE, ink, text }));
}

/// The band's stretches, each cut to the frame.
fn bands(curve: &[Vertex], frame: &Frame) -> impl Iterator<Item = Vec<At>> {
    curve.chunk_by(|a, b| a.band.is_some() == b.band.is_some()).filter_map(|stretch| {
        let edge = |pick: fn(&sweep_core::fit::Interval) -> f64| -> Vec<At> {
            let ends = stretch.iter().filter_map(|v| Some((v.x, pick(v.band.as_ref()?))));
            thin(&ends.map(|(x, y)| place(frame, x, y)).collect::<Vec<_>>())
        };
        let mut outline = edge(|band| band.upper);
        outline.extend(edge(|band| band.lower).into_iter().rev());
        let cut = cut_region(&outline, &frame.area);
        (cut.len() > 2).then_some(cut)
    })
}

/// `measured` and `extrapolated` at the foot of the frame, where no other words stand.
fn range_words(figure: &Figure, frame: &Frame, shapes: &mut Vec<Shape>) {
    let Some(measured) = figure.measured else { return };
    let Area { left, right, bottom, .. } = frame.area;
    let edge = (frame.x.map(measured.upper) + 9.0).clamp(left, right);
    let words = [
        ("measured", edge - 8.0, Anchor::End, edge - left),
        ("extrapolated →", edge + 8.0, Anchor::Start, right - edge),
    ];
    for (text, x, anchor, room) in words {
        let (at, text) = (At { x, y: bottom - 9.0 }, text.to_owned());
        let label = Label { at, anchor, font: RANGE, ink: Ink::Muted, text };
        let area = label.area();
        let is_taken = shapes.iter().any(
            |shape| matches!(shape, Shape::Label(other) if other.area().grown(4.0).overlaps(&area)),
        );
        if area.width() + 12.0 < room && !is_taken {
            shapes.push(Shape::Label(label));
        }
    }
}

/// Solid where the law rests on data, dashed where it does not.
fn law(series: &Series, index: usize, frame: &Frame, shapes: &mut Vec<Shape>) {
    let is_fitted = |x: f64| series.fitted.is_some_and(|f| (f.lower..=f.upper).contains(&x));
    // The stretch between two vertices belongs to the data if its middle does.
    let stretches: Vec<bool> =
        series.curve.windows(2).map(|pair| is_fitted((pair[0].x * pair[1].x).sqrt())).collect();
    let mut from = 0;
    for stretch in stretches.chunk_by(|a, b| a == b) {
        let to = from + stretch.len();
        let places = series.curve[from..=to].iter().map(|v| place(frame, v.x, v.y));
        let role = if stretch[0] { Role::Law(index) } else { Role::Extrapolated(index) };
        shapes.push(Shape::Line { places: thin(&places.collect::<Vec<_>>()), role });
        from = to;
    }
}

fn points(series: &Series, index: usize, weight: Weight, frame: &Frame, shapes: &mut Vec<Shape>) {
    let (radius, role) = match weight {
        Weight::Strong => (STRONG_RADIUS, Role::Strong(index)),
        Weight::Faint => (FAINT_RADIUS, Role::Faint(index)),
    };
    for point in series.points.iter().filter(|point| point.weight == weight) {
        let (glyph, title) = (Glyph::of(index), point.label.clone());
        let at = place(frame, point.x, point.y);
        shapes.push(Shape::Glyph { at, glyph, radius, role, title });
    }
}

/// Where the curve of a series ends, or its points where it has none.
fn end(series: &Series, frame: &Frame) -> Option<At> {
    if let Some(last) = series.curve.last() {
        return Some(place(frame, last.x, last.y));
    }
    // The best of the points furthest right.
    let by_reach = |a: &&crate::figure::Point, b: &&crate::figure::Point| {
        a.x.total_cmp(&b.x).then(b.y.total_cmp(&a.y))
    };
    series.points.iter().max_by(by_reach).map(|point| place(frame, point.x, point.y))
}

/// Names with their glyphs in the right margin: the legend, where the eye ends up anyway.
fn names(figure: &Figure, frame: &Frame, shapes: &mut Vec<Shape>) {
    let Area { top, right, bottom, .. } = frame.area;
    let capacity = ((bottom - top) / NAME_GAP).floor() as usize + 1;
    let ends: Vec<(usize, At)> = figure
        .series
        .iter()
        .enumerate()
        .filter_map(|(i, series)| Some((i, end(series, frame)?)))
        .take(capacity)
        .collect();
    let wanted: Vec<f64> = ends.iter().map(|(_, at)| at.y).collect();
    let placed = spread(&wanted, NAME_GAP, top, bottom);
    // Half a pixel against rounding: the widest name fits exactly.
    let limit = frame.names_end - right - NAME_INDENT + 0.5;
    for ((index, end), y) in ends.into_iter().zip(placed) {
        let glyph_at = At { x: right + 15.0, y };
        let start = At { x: end.x + 4.0, ..end };
        if (y - end.y).abs() > 3.0 || right - end.x > 12.0 {
            let stop = At { x: glyph_at.x - 8.0, y };
            let bend = if start.x < right { At { x: right, y } } else { stop };
            let places = vec![At { x: start.x.min(right), ..start }, bend, stop];
            shapes.push(Shape::Line { places, role: Role::Leader(index) });
        }
        let (glyph, role) = (Glyph::of(index), Role::Strong(index));
        let title = String::new();
        shapes.push(Shape::Glyph { at: glyph_at, glyph, radius: STRONG_RADIUS, role, title });
        let text = shorten(&figure.series[index].name, limit, &|text| NAME.width(text));
        let at = At { x: right + NAME_INDENT, y: y + 4.5 };
        let (anchor, ink) = (Anchor::Start, Ink::Series(index));
        shapes.push(Shape::Label(Label { at, anchor, font: NAME, ink, text }));
    }
}

/// What words should not cover: laws every few pixels, and points.
fn obstacles(figure: &Figure, frame: &Frame) -> Vec<At> {
    let mut obstacles = Vec::new();
    for series in &figure.series {
        obstacles.extend(series.points.iter().map(|point| place(frame, point.x, point.y)));
        for pair in series.curve.windows(2) {
            let (a, b) = (place(frame, pair[0].x, pair[0].y), place(frame, pair[1].x, pair[1].y));
            let count = ((b.x - a.x).hypot(b.y - a.y) / 5.0).ceil().clamp(1.0, 2000.0) as usize;
            obstacles.extend((0..count).map(|i| {
                let share = i as f64 / count as f64;
                At { x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y) }
            }));
        }
    }
    obstacles
}

/// The mark: a ring at the crossing, its interval as a bar, a drop line to the axis, and words.
fn draw_mark(mark: &Mark, frame: &Frame, mut obstacles: Vec<At>, shapes: &mut Vec<Shape>) {
    let Area { left, right, top, bottom } = frame.area;
    let y = frame.y.map(mark.value).clamp(top, bottom);
    let from = frame.x.map(mark.lower);
    let to = match mark.upper {
        Bound::Hours(hours) => frame.x.map(hours),
        Bound::Never => f64::INFINITY,
    };
    let (start, stop) = (from.clamp(left, right), to.clamp(left, right));
    let at = mark.at.map(|at| frame.x.map(at)).filter(|x| (left..=right).contains(x));
    if let Some(x) = at {
        let places = vec![At { x, y }, At { x, y: bottom }];
        shapes.push(Shape::Line { places, role: Role::MarkDrop });
    }
    let places = vec![At { x: start, y }, At { x: stop, y }];
    shapes.push(Shape::Line { places, role: Role::Mark });
    for (x, is_inside, direction) in [(start, from >= left, -1.0), (stop, to <= right, 1.0)] {
        if is_inside {
            let places = vec![At { x, y: y - 5.0 }, At { x, y: y + 5.0 }];
            shapes.push(Shape::Line { places, role: Role::Mark });
        } else {
            let wing = |dy: f64| At { x: x - direction * 9.0, y: y + dy };
            let places = vec![At { x, y }, wing(-4.5), wing(4.5)];
            shapes.push(Shape::Region { places, role: Role::Arrow });
        }
    }
    if let Some(x) = at {
        let (glyph, role, title) = (Glyph::Circle, Role::MarkRing, mark.label.clone());
        shapes.push(Shape::Glyph { at: At { x, y }, glyph, radius: 5.5, role, title });
    }
    let steps = ((stop - start) / 5.0).ceil().max(1.0) as i32;
    let bar = |i: i32| At { x: start + (stop - start) * f64::from(i) / f64::from(steps), y };
    obstacles.extend((0..=steps).map(bar));
    if let Some(x) = at {
        let drops = ((bottom - y) / 8.0) as i32;
        obstacles.extend((0..drops).map(|i| At { x, y: y + 8.0 * f64::from(i) }));
    }
    let centre = at.unwrap_or((start + stop) / 2.0);
    mark_words(mark, At { x: centre, y }, frame, &obstacles, shapes);
}

/// Two lines of words at the place around the mark that covers the least.
fn mark_words(mark: &Mark, at: At, frame: &Frame, obstacles: &[At], shapes: &mut Vec<Shape>) {
    let width = MARK_LABEL.width(&mark.label).max(MARK_DETAIL.width(&mark.detail));
    let height = 32.0;
    let mut candidates = Vec::new();
    for distance in [16.0, 34.0, 60.0, 90.0, 130.0] {
        for above in [true, false] {
            for shift in [0.0, 0.3, -0.3, 0.6, -0.6, 0.95, -0.95] {
                let left = at.x - width / 2.0 + shift * width;
                let left = left.min(frame.area.right - width - 2.0).max(frame.area.left + 2.0);
                let top = if above { at.y - distance - height } else { at.y + distance };
                candidates.push(Area { left, top, right: left + width, bottom: top + height });
            }
        }
    }
    let Some(best) = least_covered(&candidates, obstacles, &frame.area) else { return };
    let Area { left, top, .. } = candidates[best];
    let top = top.clamp(frame.area.top, frame.area.bottom - height);
    for (text, font, y) in
        [(&mark.label, MARK_LABEL, top + 12.0), (&mark.detail, MARK_DETAIL, top + 28.0)]
    {
        let (text, ink) = (text.clone(), Ink::Halo);
        let anchor = Anchor::Middle;
        let at = At { x: left + width / 2.0, y };
        shapes.push(Shape::Label(Label { at, anchor, font, ink, text }));
    }
}
