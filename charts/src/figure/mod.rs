//! Figures: what is said, before anything has a place.

mod comparison;
mod crossover;
mod extent;
pub mod fit;
mod notes;

use sweep_core::crossover::Bound;
use sweep_core::fit::Interval;

use crate::scale::ScaleKind;

pub use comparison::Comparison;
pub use crossover::crossover;

/// Axes, series, one mark and notes: everything that a renderer needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Names the figure within a page: letters, digits and hyphens.
    pub id: String,
    /// The message in one sentence. What follows its first semicolon is set smaller.
    pub title: String,
    /// The figure in words, for readers who do not see it.
    pub description: String,
    pub x: Axis,
    pub y: Axis,
    /// The part of the x axis that has been measured.
    pub measured: Option<Interval>,
    pub series: Vec<Series>,
    pub mark: Option<Mark>,
    /// Stands in the frame of a figure that has nothing to show yet.
    pub message: Option<String>,
    /// Sentences below the figure.
    pub notes: Vec<String>,
}

impl Figure {
    /// A figure without content.
    #[must_use]
    pub fn empty(id: &str) -> Self {
        let axis =
            |unit| Axis { title: String::new(), kind: ScaleKind::Log, unit, domain: [1.0, 10.0] };
        Self {
            id: id.to_owned(),
            title: String::new(),
            description: String::new(),
            x: axis(Unit::Hours),
            y: axis(Unit::Number),
            measured: None,
            series: Vec::new(),
            mark: None,
            message: None,
            notes: Vec::new(),
        }
    }
}

/// One axis: its values and how they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub title: String,
    pub kind: ScaleKind,
    pub unit: Unit,
    /// First and last value shown.
    pub domain: [f64; 2],
}

/// How values of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Accelerator hours, printed in the unit that a person would choose.
    Hours,
    /// Parameters, tokens, FLOPs: with the suffixes of counts, such as `70M`.
    Count,
    Number,
}

/// One arm: its points, its law and the law's band.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    /// In order of x; empty without a law.
    pub curve: Vec<Vertex>,
    /// Where the law rests on data: solid inside, dashed outside.
    pub fitted: Option<Interval>,
    pub points: Vec<Point>,
}

impl Series {
    /// A series of strong points without a law.
    #[must_use]
    pub fn from_points(name: &str, points: &[(f64, f64)]) -> Self {
        let point = |&(x, y)| Point { x, y, weight: Weight::Strong, label: String::new() };
        Self {
            name: name.to_owned(),
            curve: Vec::new(),
            fitted: None,
            points: points.iter().map(point).collect(),
        }
    }
}

/// One place of a law. The band is missing where the fit did not state it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vertex {
    pub x: f64,
    pub y: f64,
    pub band: Option<Interval>,
}

/// One observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub weight: Weight,
    /// The point in words.
    pub label: String,
}

/// Whether a law was fitted to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// On the lower envelope.
    Strong,
    Faint,
}

/// A place on the x axis with its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// None where only the beginning of the interval is known.
    pub at: Option<f64>,
    /// The laws' common value there.
    pub value: f64,
    pub lower: f64,
    pub upper: Bound,
    /// What the mark says, e.g. `crossover at 50.4 kh`.
    pub label: String,
    /// Its interval in words.
    pub detail: String,
}
