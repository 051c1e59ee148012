//! Scenes as SVG: deterministic bytes, valid XML, no external resources, and the data inside.

use std::fmt::Write as _;

use crate::data;
use crate::figure::Figure;
use crate::scene::{Anchor, Area, At, Ink, Label, Role, Scene, Shape};
use crate::theme::{self, DASHES, Glyph, colour_index};

/// Size of the drawing in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SvgOptions {
    pub width: f64,
    pub height: f64,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { width: 960.0, height: 600.0 }
    }
}

/// Draws `figure`. The result may stand alone as a file or inside a page.
#[must_use]
pub fn render(figure: &Figure, options: &SvgOptions) -> String {
    let scene = Scene::new(figure, options.width, options.height);
    let mut svg = Svg { out: String::with_capacity(16 * 1024) };
    let id: String = figure.id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let [width, height] = [scene.width, scene.height].map(number);
    svg.push(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"sweep-figure\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n"
    ));
    svg.push(&format!("<title id=\"{id}-title\">{}</title>\n", escape(&figure.title)));
    svg.push(&format!("<desc id=\"{id}-desc\">{}</desc>\n", escape(&figure.description)));
    svg.push(&format!("<metadata>{}</metadata>\n", escape(&data::json(figure, &scene.frame))));
    svg.push(&format!("<style>\n{}</style>\n", theme::css()));
    for shape in &scene.shapes {
        svg.shape(shape);
    }
    svg.push("</svg>\n");
    svg.out
}

struct Svg {
    out: String,
}

impl Svg {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Rect { area, role } => {
                let Area { left, top, .. } = area;
                let numbers = [*left, *top, area.width(), area.height()].map(number);
                let [x, y, width, height] = numbers;
                let attributes = attributes(*role);
                self.push(&format!(
                    "<rect {attributes} x=\"{x}\" y=\"{y}\" width=\"{width}\" \
                     height=\"{height}\"/>\n"
                ));
            }
            Shape::Line { places, role } => {
                self.push(&format!("<path {} d=\"{}\"/>\n", attributes(*role), path(places)));
            }
            Shape::Region { places, role } => {
                self.push(&format!("<path {} d=\"{}Z\"/>\n", attributes(*role), path(places)));
            }
            Shape::Glyph { at, glyph, radius, role, title } => {
                self.glyph(*at, *glyph, *radius, *role, title);
            }
            Shape::Label(label) => self.label(label),
        }
    }

    fn glyph(&mut self, at: At, glyph: Glyph, radius: f64, role: Role, title: &str) {
        let attributes = attributes(role);
        let (open, name) = if glyph == Glyph::Circle {
            let [x, y, r] = [at.x, at.y, radius].map(number);
            (format!("<circle {attributes} cx=\"{x}\" cy=\"{y}\" r=\"{r}\""), "circle")
        } else {
            let d = path(&outline(glyph, at, radius));
            (format!("<path {attributes} d=\"{d}Z\""), "path")
        };
        self.push(&open);
        if title.is_empty() {
            self.push("/>\n");
        } else {
            self.push(&format!("><title>{}</title></{name}>\n", escape(title)));
        }
    }

    fn label(&mut self, label: &Label) {
        let Label { at, anchor, font, ink, text } = label;
        let class = match ink {
            Ink::Full => String::new(),
            Ink::Muted => " class=\"muted\"".to_owned(),
            Ink::Halo => " class=\"halo\"".to_owned(),
            Ink::Series(i) => format!(" class=\"name c{}\"", colour_index(*i)),
        };
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if font.is_bold { " font-weight=\"600\"" } else { "" };
        let [x, y, size] = [at.x, at.y, font.size].map(number);
        let text = escape(text);
        self.push(&format!(
            "<text{class} x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{weight}{anchor}>{text}</text>\n"
        ));
    }
}

fn attributes(role: Role) -> String {
    let coloured = |class: &str, i: usize| format!("class=\"{class} c{}\"", colour_index(i));
    match role {
        Role::Background => "class=\"background\"".to_owned(),
        Role::Measured => "class=\"measured\"".to_owned(),
        Role::MeasuredEdge => "class=\"edge\"".to_owned(),
        Role::Grid => "class=\"grid\"".to_owned(),
        Role::Axis => "class=\"axis\"".to_owned(),
        Role::Band(i) => coloured("band", i),
        Role::Law(i) => coloured("law", i),
        Role::Extrapolated(i) => {
            let dash = DASHES[i % DASHES.len()];
            format!("{} stroke-dasharray=\"{dash}\"", coloured("law", i))
        }
        Role::Leader(i) => coloured("leader", i),
        Role::Faint(i) => coloured("faint", i),
        Role::Strong(i) => coloured("strong", i),
        Role::Mark => "class=\"mark\"".to_owned(),
        Role::MarkRing => "class=\"ring\"".to_owned(),
        Role::MarkDrop => "class=\"drop\"".to_owned(),
        Role::Arrow => "class=\"arrow\"".to_owned(),
    }
}

/// The corners of a glyph whose area is about that of a circle of `radius`.
fn outline(glyph: Glyph, at: At, radius: f64) -> Vec<At> {
    let corners: &[(f64, f64)] = match glyph {
        Glyph::Circle => &[],
        Glyph::Triangle => &[(0.0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
        Glyph::TriangleDown => &[(0.0, 1.25), (1.15, -0.85), (-1.15, -0.85)],
        Glyph::Square => &[(-0.92, -0.92), (0.92, -0.92), (0.92, 0.92), (-0.92, 0.92)],
        Glyph::Diamond => &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
        Glyph::Pentagon => {
            &[(0.0, -1.2), (1.14, -0.37), (0.71, 0.97), (-0.71, 0.97), (-1.14, -0.37)]
        }
        Glyph::Cross => &[
            (-0.42, -1.2),
            (0.42, -1.2),
            (0.42, -0.42),
            (1.2, -0.42),
            (1.2, 0.42),
            (0.42, 0.42),
            (0.42, 1.2),
            (-0.42, 1.2),
            (-0.42, 0.42),
            (-1.2, 0.42),
            (-1.2, -0.42),
            (-0.42, -0.42),
        ],
    };
    corners.iter().map(|(x, y)| At { x: at.x + x * radius, y: at.y + y * radius }).collect()
}

fn path(places: &[At]) -> String {
    let mut d = String::new();
    for (i, place) in places.iter().enumerate() {
        let command = if i == 0 { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(d, "{command}{} {}", number(place.x), number(place.y));
    }
    d
}

/// Hundredths of a pixel, without needless zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text as XML 1.0 allows it between tags.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\u{0}'..='\u{8}'
            | '\u{b}'
            | '\u{c}'
            | '\u{e}'..='\u{1f}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                escaped.push('\u{fffd}');
            }
            _ => escaped.push(c),
        }
    }
    escaped
}
