//! Figures: from results as data to SVG or terminal text.
//!
//! `ForecastView` or [`figure::fit::FittedLaw`] → [`Figure`] (what is said) → [`Scene`] (where it stands) → SVG; the terminal
//! renderer lays a [`Figure`] out on character cells instead. Everything is a pure function with
//! deterministic output, so that a figure can be a snapshot test, a file in a README and a fragment
//! of the dashboard at once.
//!
//! This crate deliberately knows nothing of the web, the database or how a law is fitted: headline,
//! marker, interval and notes are read from one [`sweep_core::crossover::Crossover`].
//!
//! Read first: [`Figure`] (axes, series, mark, notes), [`Scale`] (value to position and back),
//! [`Scene`] (placed shapes).
//!
//! ```
//! use charts::figure::{Axis, Figure, Series, Unit};
//! use charts::scale::ScaleKind;
//! use charts::svg::{self, SvgOptions};
//!
//! let axis = |title: &str, unit, from, to| Axis {
//!     title: title.into(),
//!     kind: ScaleKind::Log,
//!     unit,
//!     domain: [from, to],
//! };
//! let figure = Figure {
//!     title: "gpt, measured once".into(),
//!     x: axis("accelerator time", Unit::Hours, 1.0, 100.0),
//!     y: axis("bits per byte", Unit::Number, 1.0, 2.0),
//!     series: vec![Series::from_points("gpt", &[(6.0, 1.4)])],
//!     ..Figure::empty("example")
//! };
//! assert!(svg::render(&figure, &SvgOptions::default()).starts_with("<svg "));
//! ```

mod data;
pub mod figure;
pub mod scale;
pub mod scene;
pub mod svg;
pub mod terminal;
pub mod text;
pub mod theme;
pub mod ticks;

pub use figure::Figure;
pub use scale::Scale;
pub use scene::Scene;
