//! A fit that is kept up while runs come, go and are corrected.
//!
//! Everything that a fit makes of its rows before it descends is kept: their order, their logarithms,
//! their columns. New rows are merged into that, and the optima of the last fit are descended from
//! directly. Rows only ever add to the objective, so that an optimum that was higher than today's
//! lowest is still, and need not be looked at again until rows are taken out.
//!
//! What is kept is at every moment what a new fit to the same rows would have made, so that a refit
//! with its search ends where that one does, or lower.

use super::Ground;
use super::data::{Data, Refusal, farthest};
use super::equation::{Constraints, Evaluate, Fittable, Points, Row};
use super::estimate::{Options, Table, are_one, constraints, free, search};
use crate::curve::{Cell, Point};
use crate::fit::{Fit, polish, polish_near};
use crate::kernel::columns::{Columns, Piece};
use crate::kernel::surface::Surface;
use crate::law::{ScalingLaw as _, Theta};
use crate::objective::Objective;
use sweep_core::fit::Convergence;

/// A law's fit to rows that change.
pub trait Kept: Send {
    /// Adds the rows of a table with the variables of the law.
    ///
    /// # Errors
    /// As [`Law::estimate`](super::Law::estimate). Nothing was added then.
    fn insert(&mut self, rows: &Data) -> Result<(), Refusal>;

    /// Takes the rows of a group out, and says how many they were. To correct a run, take it out and
    /// add it anew.
    fn remove(&mut self, group: u64) -> usize;

    /// The lowest optimum that is reached from those of the last fit, and with `is_searched` also
    /// from wherever a new fit would begin. The first fit searches in any case.
    ///
    /// # Errors
    /// As [`Law::estimate`](super::Law::estimate).
    fn refit(&mut self, is_searched: bool) -> Result<Optimum, Refusal>;

    /// The objective at `coefficients` with its gradient, in the coordinates of the fit: that of an
    /// amplitude is its logarithm.
    ///
    /// # Panics
    /// With another number of coefficients than the card has.
    fn slope(&self, coefficients: &[f64]) -> (f64, Vec<f64>);
}

/// Where a refit ended. Coefficients are in the order and the units of the card.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    pub coefficients: Vec<f64>,
    pub objective: f64,
    pub convergence: Convergence,
}

/// Optima that are kept, the best first.
const BASINS_MAX: usize = 4;

/// An optimum of the last fit.
struct Basin<const P: usize> {
    theta: Theta<P>,
    /// The objective is at least this here.
    objective: f64,
}

/// The rows of a fit, in the order in which a fit has them.
#[derive(Default)]
struct Rows {
    raw: Vec<f64>,
    ln: Vec<f64>,
    response: Vec<f64>,
    ln_response: Vec<f64>,
    weights: Vec<f64>,
    groups: Vec<u64>,
}

/// A law with its rows and optima.
pub(super) struct Keeper<'e, const P: usize> {
    equation: &'e dyn Evaluate<P>,
    options: Options,
    constraints: Constraints<P>,
    rows: Rows,
    /// None without rows, and where the law is not additive.
    columns: Option<Columns<P>>,
    basins: Vec<Basin<P>>,
}

impl Rows {
    /// Of no rows, with room for some.
    fn with_room(rows_n: usize, variables_n: usize) -> Self {
        Self {
            raw: Vec::with_capacity(rows_n * variables_n),
            ln: Vec::with_capacity(rows_n * variables_n),
            response: Vec::with_capacity(rows_n),
            ln_response: Vec::with_capacity(rows_n),
            weights: Vec::with_capacity(rows_n),
            groups: Vec::with_capacity(rows_n),
        }
    }

    fn rows_n(&self) -> usize {
        self.response.len()
    }

    fn row(&self, row: usize) -> Row<'_> {
        let variables_n = self.raw.len() / self.rows_n();
        let place = row * variables_n..(row + 1) * variables_n;
        Row::new(&self.raw[place.clone()], &self.ln[place])
    }

    fn points(&self) -> Points<'_> {
        let point = |row: usize| Point {
            cell: Cell { class: row, seed: self.groups[row] },
            x: self.row(row),
            ln_loss: self.ln_response[row],
            weight: self.weights[row],
        };
        (0..self.rows_n()).map(point).collect()
    }

    fn push(&mut self, point: &Point<Row<'_>>, response: f64, group: u64) {
        self.raw.extend_from_slice(point.x.all_raw());
        self.ln.extend_from_slice(point.x.all_ln());
        self.response.push(response);
        self.ln_response.push(point.ln_loss);
        self.weights.push(point.weight);
        self.groups.push(group);
    }

    /// Pieces of two tables.
    fn pick(tables: [&Self; 2], pieces: &[Piece], variables_n: usize) -> Self {
        let rows_n = pieces.iter().map(|(_, rows)| rows.len()).sum();
        let mut picked = Self::with_room(rows_n, variables_n);
        for (table, rows) in pieces {
            let (from, numbers) =
                (tables[*table], rows.start * variables_n..rows.end * variables_n);
            picked.raw.extend_from_slice(&from.raw[numbers.clone()]);
            picked.ln.extend_from_slice(&from.ln[numbers]);
            picked.response.extend_from_slice(&from.response[rows.clone()]);
            picked.ln_response.extend_from_slice(&from.ln_response[rows.clone()]);
            picked.weights.extend_from_slice(&from.weights[rows.clone()]);
            picked.groups.extend_from_slice(&from.groups[rows.clone()]);
        }
        picked
    }

    /// Where a row of another table belongs among these.
    fn place_of(&self, other: &Self, row: usize) -> usize {
        let (mut lower, mut upper) = (0, self.rows_n());
        while lower < upper {
            let middle = usize::midpoint(lower, upper);
            let order = self
                .row(middle)
                .compare(other.row(row))
                .then_with(|| self.response[middle].total_cmp(&other.response[row]))
                .then_with(|| self.weights[middle].total_cmp(&other.weights[row]));
            if order.is_lt() { lower = middle + 1 } else { upper = middle }
        }
        lower
    }
}

impl<'e, const P: usize> Keeper<'e, P> {
    pub(super) fn new(
        equation: &'e dyn Evaluate<P>,
        data: &Data,
        options: &Options,
    ) -> Result<Self, Refusal> {
        let constraints = constraints(equation.card(), options)?;
        let (rows, basins) = (Rows::default(), Vec::new());
        let options = options.clone();
        let mut keeper = Self { equation, options, constraints, rows, columns: None, basins };
        keeper.insert(data)?;
        Ok(keeper)
    }

    fn law(&self) -> Fittable<'_, P> {
        Fittable { equation: self.equation, constraints: &self.constraints }
    }

    fn surface(&self, columns: Columns<P>) -> Surface<P> {
        let law = self.law();
        let (parameters, pulls) = (law.parameters(), law.prior());
        Surface { columns, residual: self.options.residual, parameters, pulls }
    }

    /// The optima, the best first; those that need no descent are not among them.
    fn descend(&self, ground: &Ground<'_, '_, P>, is_searched: bool) -> Vec<Fit<P>> {
        let mut fits: Vec<Fit<P>> = Vec::new();
        let mut lowest = f64::INFINITY;
        for basin in self.basins.iter().filter(|basin| basin.theta.iter().all(|x| x.is_finite())) {
            if basin.objective < lowest {
                let fit = polish_near(ground, self.options.huber, basin.theta);
                // Far from the optimum the way there leads along smoother objectives.
                let fit = match fit.convergence {
                    Convergence::Converged => fit,
                    Convergence::NotConverged { .. } => {
                        polish(ground, self.options.huber, basin.theta)
                    }
                };
                lowest = lowest.min(fit.objective);
                fits.push(fit);
            }
        }
        if is_searched || fits.is_empty() {
            fits.extend(search(ground, &self.options, self.options.threads_n));
        }
        fits.sort_by(|a, b| a.objective.total_cmp(&b.objective));
        fits
    }

    fn remember(&mut self, fits: &[Fit<P>]) {
        let lowest = fits.first().map_or(f64::INFINITY, |fit| fit.objective);
        let passed = self.basins.drain(..).filter(|basin| basin.objective >= lowest);
        let found = fits.iter().map(|fit| Basin { theta: fit.theta, objective: fit.objective });
        let mut all: Vec<Basin<P>> = found.chain(passed.collect::<Vec<_>>()).collect();
        all.sort_by(|a, b| a.objective.total_cmp(&b.objective));
        let mut kept: Vec<Basin<P>> = Vec::new();
        for basin in all {
            let natural = self.law().natural(&basin.theta);
            let is_known = |other: &Basin<P>| are_one(&self.law().natural(&other.theta), &natural);
            if kept.len() < BASINS_MAX && !kept.iter().any(is_known) {
                kept.push(basin);
            }
        }
        self.basins = kept;
    }
}

impl<const P: usize> Kept for Keeper<'_, P> {
    fn insert(&mut self, data: &Data) -> Result<(), Refusal> {
        let table = Table::new(self.equation.card(), data)?;
        let (points, order) = table.points(data);
        let columns = Columns::new(&self.law(), &points);
        let variables_n = self.equation.card().variables.len();
        let mut new = Rows::with_room(points.len(), variables_n);
        for (point, row) in points.iter().zip(&order) {
            new.push(point, data.response()[*row], data.groups()[*row]);
        }
        let mut pieces: Vec<Piece> = Vec::with_capacity(2 * points.len() + 1);
        let mut passed = 0;
        for row in 0..points.len() {
            let place = self.rows.place_of(&new, row);
            pieces.extend([(0, passed..place), (1, row..row + 1)]);
            passed = place;
        }
        pieces.push((0, passed..self.rows.rows_n()));
        let merged = match (&self.columns, &columns) {
            (Some(old), Some(new)) => Columns::pick([old, new], &pieces),
            _ => None,
        };
        let rows = Rows::pick([&self.rows, &new], &pieces, variables_n);
        self.rows = rows;
        // Where the pieces do not fit together, the whole may.
        self.columns = merged.or_else(|| Columns::new(&self.law(), &self.rows.points()));
        Ok(())
    }

    fn remove(&mut self, group: u64) -> usize {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut passed = 0;
        for (row, of) in self.rows.groups.iter().enumerate() {
            if *of == group {
                pieces.push((0, passed..row));
                passed = row + 1;
            }
        }
        let removed_n = pieces.len();
        if removed_n == 0 {
            return 0;
        }
        pieces.push((0, passed..self.rows.rows_n()));
        let variables_n = self.equation.card().variables.len();
        let rows = Rows::pick([&self.rows; 2], &pieces, variables_n);
        self.columns = self.columns.take().and_then(|all| Columns::pick([&all; 2], &pieces));
        self.rows = rows;
        // Any optimum may be the lowest now.
        self.basins.iter_mut().for_each(|basin| basin.objective = f64::NEG_INFINITY);
        removed_n
    }

    fn refit(&mut self, is_searched: bool) -> Result<Optimum, Refusal> {
        let surface = self.columns.take().map(|columns| self.surface(columns));
        let points = self.rows.points();
        let places = points.chunk_by(|a, b| a.x == b.x).count();
        let free_n = free(&self.constraints).len();
        let objective =
            Objective { law: self.law(), points: &points, residual: self.options.residual };
        let ground = Ground { objective, surface };
        let fits = if places > free_n { self.descend(&ground, is_searched) } else { Vec::new() };
        let columns = ground.surface.map(|surface| surface.columns);
        drop(points);
        self.columns = columns;
        let law = self.equation.card().name;
        if places <= free_n {
            return Err(Refusal::TooFew { law, places, needed: free_n + 1 });
        }
        let best = fits.first().ok_or(Refusal::NoStart)?.clone();
        if !best.objective.is_finite() || best.theta.iter().any(|theta| !theta.is_finite()) {
            // In the order that the rows are kept in.
            let row = farthest(&self.rows.ln_response);
            return Err(Refusal::TooFar { law, row: row + 1, value: self.rows.response[row] });
        }
        self.remember(&fits);
        let coefficients = self.law().natural(&best.theta).to_vec();
        Ok(Optimum { coefficients, objective: best.objective, convergence: best.convergence })
    }

    fn slope(&self, coefficients: &[f64]) -> (f64, Vec<f64>) {
        assert_eq!(coefficients.len(), P, "as many coefficients as the card has");
        let (law, huber) = (self.law(), self.options.huber);
        let parameters = self.equation.card().parameters;
        let theta = Theta::<P>::from_fn(|i, _| parameters[i].kind.to_fit(coefficients[i]));
        let (value, gradient) = match &self.columns {
            Some(columns) => columns.slope(&theta, self.options.residual, huber, &law.prior()),
            None => {
                let points = self.rows.points();
                let residual = self.options.residual;
                let expansion =
                    Objective { law, points: &points, residual }.expand(&theta, huber, huber);
                (expansion.value, expansion.gradient)
            }
        };
        (value, gradient.as_slice().to_vec())
    }
}
