//! All places where the arms may cross.

use super::{Arm, Rivals};
use crate::bracket::halve;

/// Steps along ln x in which an end of the set is looked for.
const STEPS: u32 = 48;
/// Halvings of such a step.
const HALVINGS: u32 = 12;
/// Halvings of a step in which the fitted laws cross.
const CROSSING_HALVINGS: u32 = 60;

/// The set over ln x.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    /// In order, without overlap.
    pub intervals: Vec<[f64; 2]>,
    /// A crossing at or before the beginning is not rejected.
    pub includes_earlier: bool,
    /// That the arm ahead at the end of the data is still ahead at the horizon is not rejected.
    pub includes_never: bool,
}

impl Places {
    /// Whether a crossing at `x` is in the set.
    #[must_use]
    pub fn holds(&self, x: f64) -> bool {
        self.intervals.iter().any(|[from, to]| (*from..=*to).contains(&x))
    }
}

/// The set between `start` and `until`, where `end` is the last place measured for both arms.
#[must_use]
pub fn places<A: Arm<P>, const P: usize>(
    rivals: &Rivals<A, P>,
    [start, end, until]: [f64; 3],
    level: f64,
) -> Places {
    let kept = |x: f64| rivals.p_value(x) >= 1.0 - level;
    let place = |i: u32| start + (until - start) * f64::from(i) / f64::from(STEPS);
    let mut grid: Vec<f64> = (0..=STEPS).map(place).collect();
    grid.extend(crossings(rivals, &grid));
    grid.sort_by(f64::total_cmp);
    let marks: Vec<bool> = grid.iter().map(|x| kept(*x)).collect();
    let edge = |inside: f64, outside: f64| halve(inside, outside, HALVINGS, kept).0;
    let mut intervals = Vec::new();
    let mut from = marks[0].then_some(start);
    for (x, mark) in grid.windows(2).zip(marks.windows(2)) {
        match (mark[0], mark[1]) {
            (false, true) => from = Some(edge(x[1], x[0])),
            (true, false) => intervals.extend(from.take().map(|from| [from, edge(x[0], x[1])])),
            _ => {}
        }
    }
    intervals.extend(from.map(|from| [from, until]));
    let is_ahead_still = rivals.lead(end) * rivals.lead(until) >= 0.0;
    Places {
        intervals,
        includes_earlier: marks[0],
        includes_never: is_ahead_still || marks[marks.len() - 1],
    }
}

/// Where the fitted laws themselves cross: in the set by definition, and sometimes all of it.
fn crossings<A: Arm<P>, const P: usize>(rivals: &Rivals<A, P>, grid: &[f64]) -> Vec<f64> {
    let crossing = |[a, b]: [f64; 2]| {
        let sign = rivals.lead(a);
        let (before, after) = halve(a, b, CROSSING_HALVINGS, |x| rivals.lead(x) * sign > 0.0);
        0.5 * (before + after)
    };
    grid.windows(2)
        .map(|pair| [pair[0], pair[1]])
        .filter(|[a, b]| rivals.lead(*a) * rivals.lead(*b) < 0.0)
        .map(crossing)
        .collect()
}
