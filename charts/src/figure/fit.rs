//! The figures of one fitted law: the response along a variable, and the residuals.

use sweep_core::fit::Interval;
use sweep_core::units::three_digits;
use sweep_core::words::counted;

use super::extent::span;
use super::{Axis, Figure, Point, Series, Unit, Vertex, Weight};
use crate::scale::ScaleKind;

/// A law that was fitted to a table of runs, as far as it is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedLaw {
    /// Name of the law: letters, digits and hyphens.
    pub law: String,
    /// The equation with its coefficients' letters.
    pub equation: String,
    /// The variable along which the law is drawn: its letter and meaning.
    pub variable: Quantity,
    pub response: Quantity,
    /// Runs that have the other variables about in common, and the law there.
    pub slices: Vec<Slice>,
    /// What to beware of.
    pub notes: Vec<String>,
}

/// What an axis shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    pub title: String,
    pub unit: Unit,
}

/// Some runs, and the law where their other variables are.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// What the runs have in common: `N = 70M`.
    pub name: String,
    pub runs: Vec<Run>,
    /// The law in order of the variable; may go on beyond the runs.
    pub curve: Vec<Vertex>,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub x: f64,
    pub observed: f64,
    /// What the law says of this very run, not of its slice.
    pub predicted: f64,
    /// The run in words.
    pub label: String,
}

/// Room around the data, as a share of their decades.
const ROOM: f64 = 0.06;
/// Decades shown of data that have none.
const DECADES_MIN: f64 = 0.02;

/// Runs and law, both axes logarithmic.
#[must_use]
pub fn fit(fitted: &FittedLaw) -> Figure {
    let runs = || fitted.slices.iter().flat_map(|slice| &slice.runs);
    let measured = span(runs().map(|run| run.x));
    let vertices = || fitted.slices.iter().flat_map(|slice| &slice.curve);
    let x = span(runs().map(|run| run.x).chain(vertices().map(|vertex| vertex.x)));
    let y = span(runs().map(|run| run.observed).chain(vertices().map(|vertex| vertex.y)));
    let rows_n = runs().count();
    let series = fitted.slices.iter().map(|slice| Series {
        name: slice.name.clone(),
        curve: slice.curve.clone(),
        fitted: span(slice.runs.iter().map(|run| run.x)),
        points: slice.runs.iter().map(|run| point(run, run.observed)).collect(),
    });
    Figure {
        title: format!("{}: {}; fitted to {}", fitted.law, fitted.equation, counted(rows_n, "row")),
        description: format!(
            "{} over {} of {} with the law {} fitted to them, both axes logarithmic.",
            fitted.response.title,
            fitted.variable.title,
            counted(rows_n, "row"),
            fitted.law
        ),
        x: axis(&fitted.variable, x),
        y: axis(&fitted.response, y),
        measured,
        series: series.collect(),
        notes: fitted.notes.clone(),
        message: (rows_n == 0).then(|| "There are no runs to draw.".to_owned()),
        ..Figure::empty(&format!("fit-{}", fitted.law))
    }
}

/// Observed over predicted, in per cent, along the predicted response.
#[must_use]
pub fn residuals(fitted: &FittedLaw) -> Figure {
    let runs = || fitted.slices.iter().flat_map(|slice| &slice.runs);
    let percent = |run: &Run| 100.0 * (run.observed / run.predicted - 1.0);
    let largest = runs().map(|run| percent(run).abs()).fold(0.0, f64::max);
    let limit = if largest > 0.0 && largest.is_finite() { 1.15 * largest } else { 1.0 };
    let predicted = span(runs().map(|run| run.predicted));
    let mut series: Vec<Series> = fitted
        .slices
        .iter()
        .map(|slice| Series {
            points: slice
                .runs
                .iter()
                .map(|run| Point { x: run.predicted, ..point(run, percent(run)) })
                .collect(),
            ..Series::from_points(&slice.name, &[])
        })
        .collect();
    let x = axis(
        &Quantity { title: format!("{} by the law", fitted.response.title), unit: Unit::Number },
        predicted,
    );
    let zero = |x: f64| Vertex { x, y: 0.0, band: None };
    series.push(Series {
        curve: x.domain.map(zero).to_vec(),
        fitted: Some(Interval { lower: x.domain[0], upper: x.domain[1] }),
        ..Series::from_points("the law", &[])
    });
    Figure {
        title: format!(
            "{}: residuals; the largest is {} %",
            fitted.law,
            three_digits(if largest.is_finite() { largest } else { 0.0 })
        ),
        description: format!(
            "How far each of {} lies above or below the law {}, in per cent of what the law says.",
            counted(runs().count(), "row"),
            fitted.law
        ),
        x,
        y: Axis {
            title: "observed above the law, %".to_owned(),
            kind: ScaleKind::Linear,
            unit: Unit::Number,
            domain: [-limit, limit],
        },
        series,
        message: (runs().count() == 0).then(|| "There are no runs to draw.".to_owned()),
        ..Figure::empty(&format!("residuals-{}", fitted.law))
    }
}

fn point(run: &Run, y: f64) -> Point {
    Point { x: run.x, y, weight: Weight::Strong, label: run.label.clone() }
}

/// A logarithmic axis with room around `span`.
fn axis(quantity: &Quantity, span: Option<Interval>) -> Axis {
    let Interval { lower, upper } = span.unwrap_or(Interval { lower: 1.0, upper: 10.0 });
    let room = 10_f64.powf(ROOM * (upper / lower).log10().max(DECADES_MIN));
    Axis {
        title: quantity.title.clone(),
        kind: ScaleKind::Log,
        unit: quantity.unit,
        domain: [lower / room, upper * room],
    }
}
