//! The data of one arm, run by run.

use std::collections::BTreeMap;

use crate::curve::{Cell, Point};

/// One run with its rows: its end alone, or its checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Where the run stands in the design; arms with a run in one cell are paired there.
    pub cell: Cell,
    /// x and ln L; at least one.
    pub rows: Vec<(f64, f64)>,
}

impl Run {
    /// Mean over the rows of `value`.
    pub(super) fn mean(&self, value: impl Fn(f64, f64) -> f64) -> f64 {
        let sum: f64 = self.rows.iter().map(|(x, ln_loss)| value(*x, *ln_loss)).sum();
        sum / self.rows.len() as f64
    }
}

/// The runs of one arm, in the order of their cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    pub runs: Vec<Run>,
}

impl Sample {
    /// Points of one cell are rows of one run.
    #[must_use]
    pub fn new(points: &[Point]) -> Self {
        let mut runs: BTreeMap<Cell, Vec<(f64, f64)>> = BTreeMap::new();
        for point in points {
            runs.entry(point.cell).or_default().push((point.x, point.ln_loss));
        }
        Self { runs: runs.into_iter().map(|(cell, rows)| Run { cell, rows }).collect() }
    }
}
