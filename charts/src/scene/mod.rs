//! Scenes: shapes with a place, in pixels, before they become SVG.

mod clip;
mod frame;
pub(crate) mod labels;
mod plot;

use crate::figure::Figure;
use crate::text::Font;
use crate::theme::Glyph;

pub use frame::Frame;

/// Least size of a scene, pixels: below it nothing is legible.
pub const LEAST_SIZE: (f64, f64) = (360.0, 280.0);

/// Everything of a figure, placed. Later shapes cover earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    /// Where the data are.
    pub frame: Frame,
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// Lays out `figure` on `width` x `height` pixels (at least [`LEAST_SIZE`]).
    #[must_use]
    pub fn new(figure: &Figure, width: f64, height: f64) -> Self {
        let width = sound(width, LEAST_SIZE.0);
        let height = sound(height, LEAST_SIZE.1);
        let mut shapes = vec![Shape::Rect {
            area: Area { left: 0.0, top: 0.0, right: width, bottom: height },
            role: Role::Background,
        }];
        let frame = frame::lay_out(figure, width, height, &mut shapes);
        plot::draw(figure, &frame, &mut shapes);
        Self { width, height, frame, shapes }
    }
}

fn sound(size: f64, least: f64) -> f64 {
    if size.is_finite() { size.clamp(least, 10_000.0) } else { least }
}

/// A place in pixels; y grows downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    pub x: f64,
    pub y: f64,
}

/// An upright rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Area {
    #[must_use]
    pub const fn width(&self) -> f64 {
        self.right - self.left
    }

    #[must_use]
    pub const fn height(&self) -> f64 {
        self.bottom - self.top
    }

    #[must_use]
    pub fn contains(&self, at: At) -> bool {
        (self.left..=self.right).contains(&at.x) && (self.top..=self.bottom).contains(&at.y)
    }

    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// The area with a margin around it.
    #[must_use]
    pub fn grown(&self, margin: f64) -> Self {
        Self {
            left: self.left - margin,
            top: self.top - margin,
            right: self.right + margin,
            bottom: self.bottom + margin,
        }
    }
}

/// What a shape is for; the theme decides how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Background,
    Measured,
    MeasuredEdge,
    Grid,
    Axis,
    /// The arm's uncertainty.
    Band(usize),
    /// The arm's law where it rests on data.
    Law(usize),
    /// The arm's law beyond its data: dashed.
    Extrapolated(usize),
    /// From the end of a law to its name.
    Leader(usize),
    Faint(usize),
    Strong(usize),
    Mark,
    MarkRing,
    MarkDrop,
    Arrow,
}

/// Which end of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Colour of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Full,
    Muted,
    /// Stands over lines: with a halo of the background.
    Halo,
    /// In the arm's colour.
    Series(usize),
}

/// A piece of text on one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The anchor's place on the baseline.
    pub at: At,
    pub anchor: Anchor,
    pub font: Font,
    pub ink: Ink,
    pub text: String,
}

impl Label {
    /// What the text covers, by the metrics of [`crate::text`].
    #[must_use]
    pub fn area(&self) -> Area {
        let width = self.font.width(&self.text);
        let left = match self.anchor {
            Anchor::Start => self.at.x,
            Anchor::Middle => self.at.x - width / 2.0,
            Anchor::End => self.at.x - width,
        };
        Area {
            left,
            top: self.at.y - 0.76 * self.font.size,
            right: left + width,
            bottom: self.at.y + 0.22 * self.font.size,
        }
    }
}

/// One shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Rect {
        area: Area,
        role: Role,
    },
    /// A line through all places.
    Line {
        places: Vec<At>,
        role: Role,
    },
    /// The area inside a line through all places and back.
    Region {
        places: Vec<At>,
        role: Role,
    },
    Glyph {
        at: At,
        glyph: Glyph,
        radius: f64,
        role: Role,
        title: String,
    },
    Label(Label),
}
