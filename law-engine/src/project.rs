//! Where to look for a law's optimum: variable projection over everything that the law is linear in.
//!
//! At fixed exponents most laws are linear in their amplitudes and floors, and the best of those
//! follow from one small least squares problem. A coarse grid over the exponents alone then sees
//! the whole landscape (Golub and Pereyra, doi 10.1137/0710036). The projection minimises relative
//! squares, not the objective itself: what it finds are places to start Newton's method from.

use crate::catalogue::{Fittable, Ground, Row};
use crate::curve::Point;
use crate::kernel::shapes::Shapes;
use crate::law::Theta;
use crate::objective::{Huber, Landscape as _, Objective};

/// The smallest part of the response that an amplitude may explain at a start, so that its logarithm
/// exists.
const SHARE_MIN: f64 = 1e-6;

/// How much of the grid is followed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Places that no neighbour is better than.
    Minima,
    /// The best places, no two of them neighbours, minima or not.
    Best,
}

/// Places of the grid to start from, by the objective, best first.
pub(crate) fn projections<'a, const P: usize>(
    ground: &Ground<'_, 'a, P>,
    huber: Huber,
    follow: Follow,
    count_max: usize,
) -> Vec<Theta<P>> {
    let objective = &ground.objective;
    let grid = Grid::new(&objective.law, objective.points);
    let shapes = ground.surface.as_ref().and_then(|surface| Shapes::new(&grid, surface));
    let normal = |place: &[usize]| match &shapes {
        Some(shapes) => shapes.normal(place),
        None => grid.normal(objective, place),
    };
    let lattice = Lattice { lengths: grid.searched.iter().map(|(_, v)| v.len()).collect() };
    let mut place = vec![0; lattice.lengths.len()];
    let mut places: Vec<(f64, usize)> = Vec::with_capacity(lattice.places_n());
    let mut thetas: Vec<Theta<P>> = Vec::with_capacity(lattice.places_n());
    for number in 0..lattice.places_n() {
        lattice.place(number, &mut place);
        let theta = grid.project(&objective.law, &normal(&place), &place);
        places.push((ground.value(&theta, huber), number));
        thetas.push(theta);
    }
    // A place where the law has no value comes last.
    places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<Theta<P>> = Vec::new();
    let mut is_passed = vec![false; places.len()];
    for (_, number) in places {
        lattice.place(number, &mut place);
        let is_apart = !lattice.is_near(&place, &is_passed);
        if is_apart {
            chosen.push(thetas[number]);
        }
        if chosen.len() == count_max {
            break;
        }
        // A neighbour of a better place is no minimum, whether that place was chosen or not.
        is_passed[number] = is_apart || follow == Follow::Minima;
    }
    chosen
}

/// The places of a grid, numbered with the first coordinate running fastest.
struct Lattice {
    lengths: Vec<usize>,
}

impl Lattice {
    fn places_n(&self) -> usize {
        self.lengths.iter().product()
    }

    /// The coordinates of a place.
    fn place(&self, mut number: usize, place: &mut [usize]) {
        for (coordinate, length) in place.iter_mut().zip(&self.lengths) {
            *coordinate = number % length;
            number /= length;
        }
    }

    /// Whether a place or one next to it, corners included, is marked.
    fn is_near(&self, place: &[usize], marks: &[bool]) -> bool {
        self.is_near_along(place, marks, place.len(), 0)
    }

    /// The same for what the first coordinates still have to say, those after them being `above`.
    fn is_near_along(
        &self,
        place: &[usize],
        marks: &[bool],
        coordinates_n: usize,
        above: usize,
    ) -> bool {
        let Some(last) = coordinates_n.checked_sub(1) else { return marks[above] };
        let length = self.lengths[last];
        let near = place[last].saturating_sub(1)..(place[last] + 2).min(length);
        near.into_iter().any(|at| self.is_near_along(place, marks, last, above * length + at))
    }
}

/// What is searched, what is solved for, and what is fixed.
pub(crate) struct Grid<const P: usize> {
    /// Coefficients that are searched, each with its values.
    pub(crate) searched: Vec<(usize, Vec<f64>)>,
    /// The same values in fitting coordinates.
    pub(crate) searched_fit: Vec<Vec<f64>>,
    /// Coefficients that are solved for.
    pub(crate) linear: Vec<usize>,
    /// Fixed coefficients by their values; the others are zero.
    fixed: [f64; P],
    /// The same in fitting coordinates.
    pub(crate) fixed_fit: [f64; P],
    leader: [usize; P],
    /// The exponents of scales, by their place.
    exponent: [Option<usize>; P],
}

/// The normal equations of the coefficients that are solved for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normal<const P: usize> {
    pub(crate) columns_n: usize,
    pub(crate) matrix: [[f64; P]; P],
    pub(crate) vector: [f64; P],
    /// The square of the target's norm.
    target: f64,
}

impl<const P: usize> Normal<P> {
    pub(crate) const fn zero(columns_n: usize, target: f64) -> Self {
        Self { columns_n, matrix: [[0.0; P]; P], vector: [0.0; P], target }
    }
}

impl<const P: usize> Grid<P> {
    fn new(law: &Fittable<'_, P>, points: &[Point<Row<'_>>]) -> Self {
        let (constraints, parameters) = (law.constraints, law.equation.card().parameters);
        let exponent = |i: usize| {
            let symbol = parameters[i].exponent?;
            let place = parameters.iter().position(|p| p.symbol == symbol);
            Some(constraints.leader[place.expect("a scale's exponent is on its card")])
        };
        let mut grid = Self {
            searched: Vec::new(),
            searched_fit: Vec::new(),
            linear: Vec::new(),
            fixed: [0.0; P],
            fixed_fit: [0.0; P],
            leader: constraints.leader,
            exponent: std::array::from_fn(exponent),
        };
        for (i, parameter) in parameters.iter().enumerate() {
            let (lower, upper) = constraints.bounds[i];
            if constraints.leader[i] != i {
                continue;
            } else if lower == upper {
                grid.fixed[i] = lower;
                grid.fixed_fit[i] = parameter.kind.to_fit(lower);
            } else if parameter.is_linear() {
                grid.linear.push(i);
            } else {
                let natural = |start: &f64| {
                    parameter.along.map_or(*start, |along| place_along(points, along, *start))
                };
                let starts = parameter.starts.iter().map(natural);
                let mut values: Vec<f64> = starts.map(|start| start.clamp(lower, upper)).collect();
                values.dedup();
                let fitted = values.iter().map(|value| parameter.kind.to_fit(*value));
                grid.searched_fit.push(fitted.collect());
                grid.searched.push((i, values));
            }
        }
        grid
    }

    pub(crate) fn is_searched(&self, coefficient: usize) -> bool {
        self.searched.iter().any(|(i, _)| *i == coefficient)
    }

    /// The coefficients of a place, those to solve for at zero.
    fn base(&self, place: &[usize]) -> [f64; P] {
        let mut base = self.fixed;
        for ((i, values), index) in self.searched.iter().zip(place) {
            base[*i] = values[*index];
        }
        base
    }

    /// The normal equations at a place, of any law: each linear coefficient's column is what it adds
    /// to the response when it is one.
    fn normal<'a>(
        &self,
        objective: &Objective<'_, Fittable<'a, P>, Row<'a>>,
        place: &[usize],
    ) -> Normal<P> {
        let base = self.base(place);
        let value = |coefficients: &[f64; P], x: Row<'a>| {
            let all = std::array::from_fn(|i| coefficients[self.leader[i]]);
            objective.law.equation.number(all, x)
        };
        let mut normal = Normal::zero(self.linear.len(), 0.0);
        for point in objective.points {
            let observed = point.ln_loss.exp();
            let weight = objective.residual.row_scale(point.weight, point.ln_loss);
            let constant = value(&base, point.x);
            let target = weight * (observed - constant);
            let mut row = [0.0; P];
            for (column, i) in self.linear.iter().enumerate() {
                let mut unit = base;
                unit[*i] = 1.0;
                row[column] = weight * (value(&unit, point.x) - constant);
            }
            normal.target += target * target;
            for i in 0..self.linear.len() {
                normal.vector[i] += row[i] * target;
                for j in 0..self.linear.len() {
                    normal.matrix[i][j] += row[i] * row[j];
                }
            }
        }
        normal
    }

    /// The coefficients of a place with the linear ones solved for, in fitting coordinates.
    fn project(&self, law: &Fittable<'_, P>, normal: &Normal<P>, place: &[usize]) -> Theta<P> {
        let mut base = self.base(place);
        let parameters = law.equation.card().parameters;
        // What is solved for is the power of a scale: zero and one are their own powers, so that the
        // columns are the same.
        let power = |i: usize| self.exponent[i].map_or(1.0, |exponent| base[exponent]);
        let mut powers = [1.0; P];
        let mut lower = [0.0; P];
        for (column, i) in self.linear.iter().enumerate() {
            powers[column] = power(*i);
            let bound = law.constraints.bounds[*i].0;
            lower[column] = self.exponent[*i].map_or(bound, |_| bound.powf(powers[column]));
            let size = normal.matrix[column][column].sqrt();
            if !parameters[*i].kind.to_fit(0.0).is_finite() && size > 0.0 {
                lower[column] = lower[column].max(SHARE_MIN * normal.target.sqrt() / size);
            }
        }
        let solution = bounded_least_squares(normal, &lower);
        for (column, i) in self.linear.iter().enumerate() {
            let (lower, upper) = law.constraints.bounds[*i];
            let value = solution[column];
            let root = |power: f64| value.powf(power.recip());
            base[*i] =
                self.exponent[*i].map_or(value, |_| root(powers[column])).clamp(lower, upper);
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
pub(crate) fn bounded_least_squares<const P: usize>(
    normal: &Normal<P>,
    lower: &[f64; P],
) -> [f64; P] {
    let Normal { columns_n: n, matrix, vector, .. } = normal;
    let mut solution = *lower;
    let mut places: [usize; P] = std::array::from_fn(|i| i);
    let mut free_n = *n;
    loop {
        let (free, bound) = places[..*n].split_at(free_n);
        let mut values = [0.0; P];
        for i in free {
            let known = bound.iter().map(|j| matrix[*i][*j] * solution[*j]).sum::<f64>();
            values[*i] = vector[*i] - known;
        }
        if !solve(matrix, free, &mut values) {
            return solution;
        }
        let below = |i: usize| (values[i] - lower[i]) * matrix[i][i].sqrt();
        let lowest = (0..free_n).min_by(|a, b| below(free[*a]).total_cmp(&below(free[*b])));
        match lowest {
            Some(lowest) if below(free[lowest]) < 0.0 => {
                free_n -= 1;
                places.swap(lowest, free_n);
            }
            _ => {
                free.iter().for_each(|i| solution[*i] = values[*i]);
                return solution;
            }
        }
    }
}

/// Two terms of one shape share what they explain.
const RIDGE: f64 = 1e-12;

/// Solves the equations of the `free` unknowns by Cholesky's method, `values` being their right-hand
/// sides before and the solution after; false where the matrix is not positive definite.
fn solve<const P: usize>(matrix: &[[f64; P]; P], free: &[usize], values: &mut [f64; P]) -> bool {
    let mut lower = [[0.0; P]; P];
    for (row, i) in free.iter().enumerate() {
        for (column, j) in free[..=row].iter().enumerate() {
            let known = (0..column).map(|k| lower[row][k] * lower[column][k]).sum::<f64>();
            if row > column {
                lower[row][column] = (matrix[*i][*j] - known) / lower[column][column];
            } else {
                let square = matrix[*i][*i] * (1.0 + RIDGE) - known;
                if square.is_nan() || square <= 0.0 {
                    return false;
                }
                lower[row][row] = square.sqrt();
            }
        }
        let known = (0..row).map(|k| lower[row][k] * values[free[k]]).sum::<f64>();
        values[*i] = (values[*i] - known) / lower[row][row];
    }
    for (row, i) in free.iter().enumerate().rev() {
        let known = (row + 1..free.len()).map(|k| lower[k][row] * values[free[k]]).sum::<f64>();
        values[*i] = (values[*i] - known) / lower[row][row];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn least_squares_stays_above_its_bounds() {
        // A straight line through (0, 3), (1, 2), (2, 1).
        let mut normal = Normal::<2>::zero(2, 14.0);
        normal.matrix = [[3.0, 3.0], [3.0, 5.0]];
        normal.vector = [6.0, 4.0];
        let free = bounded_least_squares(&normal, &[-9.0, -9.0]);
        assert!((free[0] - 3.0).abs() < 1e-9 && (free[1] + 1.0).abs() < 1e-9, "{free:?}");
        let bounded = bounded_least_squares(&normal, &[0.0, 0.0]);
        assert!((bounded[0] - 2.0).abs() < 1e-9 && bounded[1] == 0.0, "{bounded:?}");
    }
}
