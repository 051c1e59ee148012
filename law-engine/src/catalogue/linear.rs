//! A law near a fit, as the linear model that it is there: sensitivities and leverage.
//!
//! ```text
//! X_ij = sqrt(w_i) d T(L_i) / d theta_j     A = (X'X + K)^-1     H = X A X'
//! ```
//!
//! over the coefficients that are free, in fitting coordinates. K holds the precision of priors in
//! units of the noise, so that a coefficient that only a prior knows has leverage on no row.

use nalgebra::{DMatrix, DVector};

use super::data::Refusal;
use super::equation::{Fittable, Points};
use super::estimate::{Options, constraints, free};
use super::refit::Refitter;
use crate::fit::polish;
use crate::law::{ScalingLaw as _, Theta};
use crate::objective::{Huber, Objective, Residual};

/// Directions whose sensitivity is below this, relative to the largest, are rounding.
const RANK_TOLERANCE: f64 = 1e-14;
/// Standard deviations of a normal distribution to the median of absolute deviations.
pub(super) const MAD: f64 = 1.4826;
/// What is left of a residual's variance where the fit follows a row nearly wherever it goes.
const SLACK_MIN: f64 = 1e-3;

/// A law's sensitivities at a fit, with rows and groups in the order of the points.
pub(super) struct Linear {
    /// X: one row per point, one column per free coefficient.
    pub(super) design: DMatrix<f64>,
    /// Residuals times the root of their weights.
    pub(super) residuals: DVector<f64>,
    /// A.
    pub(super) inverse: DMatrix<f64>,
    /// The points of each group.
    pub(super) groups: Vec<Vec<usize>>,
}

impl Linear {
    /// The law near its least squares fit, whatever it was fitted by: a Huber fit runs through some
    /// of its points, and its own residuals would say that they have no noise.
    pub(super) fn of_squares<const P: usize>(
        refitter: &Refitter<'_, P>,
        options: &Options,
    ) -> Result<Self, Refusal> {
        // A prior weighs otherwise against squares.
        let squares = Options { huber: Huber::LEAST_SQUARES, ..options.clone() };
        let equation = refitter.law.equation;
        let constraints = constraints(equation.card(), &squares)?;
        let law = Fittable { equation, constraints: &constraints };
        let (points, residual) = (&refitter.points, options.residual);
        let objective = Objective { law, points, residual };
        let polish = |start: &Theta<P>| polish(&objective, Huber::LEAST_SQUARES, *start);
        let fits = refitter.warm().iter().map(polish);
        let best = fits.min_by(|a, b| a.objective.total_cmp(&b.objective));
        let theta = best.map_or_else(|| refitter.centre(), |fit| fit.theta);
        let free = free(&constraints);
        Ok(Self::new(&law, points, residual, &theta, &free, &refitter.group_of))
    }

    /// `groups` are the groups of the points, as numbers from zero.
    pub(super) fn new<const P: usize>(
        law: &Fittable<'_, P>,
        points: &Points<'_>,
        residual: Residual,
        theta: &Theta<P>,
        free: &[usize],
        groups: &[usize],
    ) -> Self {
        let mut design = DMatrix::zeros(points.len(), free.len());
        let mut residuals = DVector::zeros(points.len());
        for (row, point) in points.iter().enumerate() {
            let jet = law.jet(theta, point.x);
            let (r, slope, _) = residual.expand(point.ln_loss, jet.ln_loss);
            let root = point.weight.sqrt();
            residuals[row] = root * r;
            for (column, i) in free.iter().enumerate() {
                design[(row, column)] = root * slope * jet.gradient[*i];
            }
        }
        let pulls = law.constraints.pulls;
        let prior = DVector::from_iterator(free.len(), free.iter().map(|i| pulls[*i].stiffness));
        let inverse = invert(&design, &prior);
        let mut members = vec![Vec::new(); groups.iter().max().map_or(0, |last| last + 1)];
        groups.iter().enumerate().for_each(|(row, group)| members[*group].push(row));
        Self { design, residuals, inverse, groups: members }
    }

    /// The diagonal of H: how much of each residual's row the fit follows, 0 to 1.
    pub(super) fn leverages(&self) -> Vec<f64> {
        let solved = &self.design * &self.inverse;
        let leverage = |row: usize| solved.row(row).dot(&self.design.row(row)).clamp(0.0, 1.0);
        (0..self.design.nrows()).map(leverage).collect()
    }

    /// Degrees of freedom that the coefficients take: the trace of H.
    pub(super) fn taken(&self) -> f64 {
        self.leverages().iter().sum()
    }

    /// Degrees of freedom that are left when groups are what is independent; at least one.
    pub(super) fn freedom(&self) -> f64 {
        (self.groups.len() as f64 - self.taken()).max(1.0)
    }

    /// By how much the variance of the coefficient in a column is larger than if all rows were runs
    /// of their own: at least one. Of `corrected`, the residuals with their leverage put back, the
    /// sandwich by groups over the one by rows.
    pub(super) fn design_effect(&self, column: usize, corrected: &DVector<f64>) -> f64 {
        if self.groups.len() == self.residuals.len() {
            return 1.0;
        }
        let weights = &self.design * self.inverse.column(column);
        let part = |row: &usize| weights[*row] * corrected[*row];
        let of_group = |rows: &Vec<usize>| rows.iter().map(part).sum::<f64>().powi(2);
        let by_group: f64 = self.groups.iter().map(of_group).sum();
        let by_row: f64 = self.groups.iter().flatten().map(|row| part(row).powi(2)).sum();
        if by_row > 0.0 { (by_group / by_row).max(1.0) } else { 1.0 }
    }

    /// The residuals with what the fit took out of them put back, by the power of `I - H` within
    /// each group: -1/2 makes their variance that of the errors (for a group of one row,
    /// `r / sqrt(1 - h)`), -1 leaves the group out (the jackknife). Bell and McCaffrey, Survey
    /// Methodology 28 (2002), equations 8 and 9.
    pub(super) fn corrected(&self, power: f64) -> DVector<f64> {
        let root = square_root(&self.inverse);
        let mut corrected = self.residuals.clone();
        for rows in &self.groups {
            let block = self.design.select_rows(rows) * &root;
            let svd = block.svd(true, false);
            let Some(directions) = svd.u else { continue };
            for (direction, value) in directions.column_iter().zip(svd.singular_values.iter()) {
                let slack = (1.0 - value * value).max(SLACK_MIN);
                let along: f64 = rows
                    .iter()
                    .zip(direction.iter())
                    .map(|(row, u)| u * self.residuals[*row])
                    .sum();
                let add = along * (slack.powf(power) - 1.0);
                rows.iter().zip(direction.iter()).for_each(|(row, u)| corrected[*row] += u * add);
            }
        }
        corrected
    }
}

/// A row's noise at unit weight, by residuals with their leverage put back (`Linear::corrected` by
/// -1/2): the standard deviation that an objective of squares goes by, and for a robust one, which
/// hardly sees how far off far-off rows are, that of the normal distribution with the same median
/// distance.
pub(super) fn noise(corrected: &DVector<f64>, huber: Huber) -> f64 {
    let root = (corrected.norm_squared() / corrected.len().max(1) as f64).sqrt();
    let mut sizes: Vec<f64> = corrected.iter().map(|residual| residual.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let middle = MAD * sizes.get(sizes.len() / 2).copied().unwrap_or_default();
    if huber.delta < root { middle.max(huber.delta) } else { root }
}

/// `(X'X + K)^-1`. A direction without any sensitivity has no variance
/// here: the data say nothing of it.
fn invert(design: &DMatrix<f64>, prior: &DVector<f64>) -> DMatrix<f64> {
    let square = design.transpose() * design + DMatrix::from_diagonal(prior);
    let scale = square.diagonal().map(|entry| if entry > 0.0 { entry.sqrt().recip() } else { 0.0 });
    let scaling = DMatrix::from_diagonal(&scale);
    let scaled = &scaling * square * &scaling;
    if scaled.iter().any(|entry| !entry.is_finite()) {
        return DMatrix::zeros(scale.len(), scale.len());
    }
    let eigen = scaled.symmetric_eigen();
    let largest = eigen.eigenvalues.max();
    let inverted = eigen
        .eigenvalues
        .map(|value| if value > RANK_TOLERANCE * largest { value.recip() } else { 0.0 });
    let vectors = &scaling * &eigen.eigenvectors;
    &vectors * DMatrix::from_diagonal(&inverted) * vectors.transpose()
}

/// B with `B B' = matrix`, for a positive semi-definite matrix.
fn square_root(matrix: &DMatrix<f64>) -> DMatrix<f64> {
    let eigen = matrix.clone().symmetric_eigen();
    eigen.eigenvectors * DMatrix::from_diagonal(&eigen.eigenvalues.map(|v| v.max(0.0).sqrt()))
}
