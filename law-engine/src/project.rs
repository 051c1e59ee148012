//! Where to look for a law's optimum: variable projection over everything that the law is linear in.
//!
//! At fixed exponents most laws are linear in their amplitudes and floors, and the best of those
//! follow from one small least squares problem. A coarse grid over the exponents alone then sees
//! the whole landscape (Golub and Pereyra, doi 10.1137/0710036). The projection minimises relative
//! squares, not the objective itself: what it finds are places to start Newton's method from.

use nalgebra::{DMatrix, DVector};

use crate::catalogue::{Fittable, Formula, Row};
use crate::curve::Point;
use crate::law::Theta;
use crate::objective::{Huber, Objective, Residual};

/// The smallest part of the response that an amplitude may explain at a start, so that its logarithm
/// exists.
const SHARE_MIN: f64 = 1e-6;

/// The best places of the grid by the objective, best first, no two of them neighbours.
pub(crate) fn projections<'a, E: Formula<P>, const P: usize>(
    law: &Fittable<'a, E, P>,
    objective: &Objective<'_, Fittable<'a, E, P>, Row<'a>>,
    huber: Huber,
    count_max: usize,
) -> Vec<Theta<P>> {
    let grid = Grid::new(law, objective.points);
    let mut places: Vec<(f64, Vec<usize>, Theta<P>)> = grid
        .places()
        .map(|place| {
            let theta = grid.project(law, objective, &place);
            (objective.value(&theta, huber), place, theta)
        })
        .collect();
    // A place where the law has no value comes last.
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut chosen: Vec<(f64, Vec<usize>, Theta<P>)> = Vec::new();
    for place in places {
        let is_neighbour = |other: &(f64, Vec<usize>, Theta<P>)| {
            other.1.iter().zip(&place.1).all(|(a, b)| a.abs_diff(*b) <= 1)
        };
        if chosen.len() < count_max && !chosen.iter().any(is_neighbour) {
            chosen.push(place);
        }
    }
    chosen.into_iter().map(|(_, _, theta)| theta).collect()
}

/// What is searched, what is solved for, and what is fixed.
struct Grid<const P: usize> {
    /// Coefficients that are searched, each with its values.
    searched: Vec<(usize, Vec<f64>)>,
    /// Coefficients that are solved for.
    linear: Vec<usize>,
    /// Fixed coefficients by their values; the others are zero.
    fixed: [f64; P],
    leader: [usize; P],
    /// The exponents of scales, by their place.
    exponent: [Option<usize>; P],
}

impl<const P: usize> Grid<P> {
    fn new<E: Formula<P>>(law: &Fittable<'_, E, P>, points: &[Point<Row<'_>>]) -> Self {
        let (constraints, parameters) = (law.constraints, law.equation.card().parameters);
        let exponent = |i: usize| {
            let symbol = parameters[i].exponent?;
            let place = parameters.iter().position(|p| p.symbol == symbol);
            Some(constraints.leader[place.expect("a scale's exponent is on its card")])
        };
        let mut grid = Self {
            searched: Vec::new(),
            linear: Vec::new(),
            fixed: [0.0; P],
            leader: constraints.leader,
            exponent: std::array::from_fn(exponent),
        };
        for (i, parameter) in parameters.iter().enumerate() {
            let (lower, upper) = constraints.bounds[i];
            if constraints.leader[i] != i {
                continue;
            } else if lower == upper {
                grid.fixed[i] = lower;
            } else if parameter.is_linear() {
                grid.linear.push(i);
            } else {
                let natural = |start: &f64| {
                    parameter.along.map_or(*start, |along| place_along(points, along, *start))
                };
                let starts = parameter.starts.iter().map(natural);
                let mut values: Vec<f64> = starts.map(|start| start.clamp(lower, upper)).collect();
                values.dedup();
                grid.searched.push((i, values));
            }
        }
        grid
    }

    /// Every combination of the searched values, as indices.
    fn places(&self) -> impl Iterator<Item = Vec<usize>> {
        let lengths: Vec<usize> = self.searched.iter().map(|(_, values)| values.len()).collect();
        (0..lengths.iter().product()).map(move |mut number: usize| {
            let digit = |length: &usize| {
                let digit = number % length;
                number /= length;
                digit
            };
            lengths.iter().map(digit).collect()
        })
    }

    /// The coefficients of a place with the linear ones solved for, in fitting coordinates.
    fn project<'a, E: Formula<P>>(
        &self,
        law: &Fittable<'a, E, P>,
        objective: &Objective<'_, Fittable<'a, E, P>, Row<'a>>,
        place: &[usize],
    ) -> Theta<P> {
        let mut base = self.fixed;
        for ((i, values), index) in self.searched.iter().zip(place) {
            base[*i] = values[*index];
        }
        let value = |coefficients: &[f64; P], x: Row<'a>| {
            law.equation.value(std::array::from_fn(|i| coefficients[self.leader[i]]), x)
        };
        let (rows_n, columns_n) = (objective.points.len(), self.linear.len());
        let mut basis = DMatrix::zeros(rows_n, columns_n);
        let mut target = DVector::zeros(rows_n);
        for (row, point) in objective.points.iter().enumerate() {
            let observed = point.ln_loss.exp();
            let weight = match objective.residual {
                Residual::Log | Residual::Relative => point.weight.sqrt() / observed,
                Residual::Raw | Residual::Log1p => point.weight.sqrt(),
            };
            let constant = value(&base, point.x);
            target[row] = weight * (observed - constant);
            for (column, i) in self.linear.iter().enumerate() {
                let mut unit = base;
                unit[*i] = 1.0;
                basis[(row, column)] = weight * (value(&unit, point.x) - constant);
            }
        }
        // What is solved for is the power of a scale: zero and one are their own powers, so that the
        // basis above is the same.
        let power = |i: usize| self.exponent[i].map_or(1.0, |exponent| base[exponent]);
        let powers: Vec<f64> = self.linear.iter().map(|i| power(*i)).collect();
        let parameters = law.equation.card().parameters;
        let lower: Vec<f64> = self
            .linear
            .iter()
            .enumerate()
            .map(|(column, i)| {
                let lower = law.constraints.bounds[*i].0.powf(powers[column]);
                let size = basis.column(column).norm();
                if parameters[*i].kind.to_fit(0.0).is_finite() || size == 0.0 {
                    lower
                } else {
                    lower.max(SHARE_MIN * target.norm() / size)
                }
            })
            .collect();
        let solution = bounded_least_squares(&basis, &target, &lower);
        for ((i, value), power) in self.linear.iter().zip(&solution).zip(&powers) {
            let (lower, upper) = law.constraints.bounds[*i];
            base[*i] = value.powf(power.recip()).clamp(lower, upper);
        }
        Theta::from_fn(|i, _| parameters[i].kind.to_fit(base[self.leader[i]]))
    }
}

/// The value a `fraction` of the way along what was seen of a variable, on a logarithmic scale.
fn place_along(points: &[Point<Row<'_>>], variable: usize, fraction: f64) -> f64 {
    let lns = || points.iter().map(|point| point.x.ln(variable));
    let (lowest, highest) = (lns().fold(f64::MAX, f64::min), lns().fold(f64::MIN, f64::max));
    (lowest + fraction * (highest - lowest)).exp()
}

/// Least squares with lower bounds: whatever falls below its bound is set to it, the lowest first,
/// and the rest solved again.
fn bounded_least_squares(basis: &DMatrix<f64>, target: &DVector<f64>, lower: &[f64]) -> Vec<f64> {
    let n = lower.len();
    let (matrix, vector) = (basis.transpose() * basis, basis.transpose() * target);
    let mut solution = lower.to_vec();
    let mut free: Vec<usize> = (0..n).collect();
    while !free.is_empty() {
        let inner = DMatrix::from_fn(free.len(), free.len(), |i, j| {
            let value = matrix[(free[i], free[j])];
            // Two terms of one shape share what they explain.
            if i == j { value * (1.0 + 1e-12) } else { value }
        });
        let bound = |i: &usize| !free.contains(i);
        let right = DVector::from_fn(free.len(), |i, _| {
            let taken: f64 = (0..n).filter(bound).map(|j| matrix[(free[i], j)] * solution[j]).sum();
            vector[free[i]] - taken
        });
        let Some(values) = inner.cholesky().map(|chol| chol.solve(&right)) else { break };
        let below = |i: usize| (values[i] - lower[free[i]]) * matrix[(free[i], free[i])].sqrt();
        let lowest = (0..free.len()).min_by(|a, b| below(*a).total_cmp(&below(*b)));
        match lowest.filter(|i| below(*i) < 0.0) {
            Some(i) => {
                free.remove(i);
            }
            None => {
                free.iter().zip(values.iter()).for_each(|(i, value)| solution[*i] = *value);
                break;
            }
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_stays_above_its_bounds() {
        let basis = DMatrix::from_row_slice(3, 2, &[1.0, 0.0, 1.0, 1.0, 1.0, 2.0]);
        let falling = DVector::from_row_slice(&[3.0, 2.0, 1.0]);
        let free = bounded_least_squares(&basis, &falling, &[-9.0, -9.0]);
        assert!((free[0] - 3.0).abs() < 1e-9 && (free[1] + 1.0).abs() < 1e-9, "{free:?}");
        let bounded = bounded_least_squares(&basis, &falling, &[0.0, 0.0]);
        assert!((bounded[0] - 2.0).abs() < 1e-9 && bounded[1] == 0.0, "{bounded:?}");
    }
}
