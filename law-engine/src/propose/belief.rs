//! What is known of the target before the outcome of runs is: a Gaussian model that is linear in the
//! coefficients around each of several draws of them.
//!
//! A run i with deviation e_i tells of the coefficients theta through its innovation, what remains of
//! it when the runs before it are known:
//!
//! ```text
//! e_i | S  has variance s_i,  and  y_i | S  has sensitivity r_i to theta
//! learning i:   C <- C - C r_i r_i' C / (s_i + r_i' C r_i)
//!               c_j = cov(e_j, e_i | S),   r_j <- r_j - (c_j / s_i) r_i,   s_j <- s_j - c_j^2 / s_i
//! ```
//!
//! Deviations do not depend on theta: their covariances are conditioned once for all draws, column
//! by column of a Cholesky factor, and no matrix over all candidates is ever made. Given the
//! linearisation this is exact, and it needs no outcomes: runs that are pending count like those
//! that are measured.
//!
//! Coefficients are taken in coordinates in which the prior is the unit matrix. The prior is worth
//! one run of [`PRIOR_SD`] spread over all places (Zellner's g-prior): it is the same in any units.

use nalgebra::{DMatrix, DVector};

use super::setting::Drawn;
use super::spread::{Place, Spread};
use super::target::sensitivity;
use super::{Arm, Refused};

/// Standard deviation of the one run, in ln loss, that the prior is worth.
const PRIOR_SD: f64 = 0.5;
/// Added to the diagonal of the prior's scaled information, for laws that the places cannot tell
/// apart.
const RIDGE: f64 = 1e-9;

/// A run that was or could be made: where, and the variance of its own noise.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) place: Place,
    pub(super) x: Vec<f64>,
    pub(super) noise: f64,
}

/// What the runs learnt so far leave open.
#[derive(Clone, Debug)]
pub(super) struct Belief<'a> {
    spread: Spread,
    points: &'a [Point],
    /// Columns of the Cholesky factor of the deviations' covariance, one per run learnt.
    factor: Vec<Vec<f64>>,
    /// s_i without the run's own noise.
    deviation: Vec<f64>,
    draws: Vec<Draw>,
}

/// The linear model around one draw of the coefficients.
#[derive(Clone, Debug)]
struct Draw {
    /// r_i of every point, each as wide as its arm has coefficients.
    innovations: Vec<DVector<f64>>,
    /// C of every arm.
    covariances: Vec<DMatrix<f64>>,
    /// From coordinates of unit prior to fitting coordinates, by arm.
    scales: Vec<DMatrix<f64>>,
    aim: Projection,
}

/// The target in the coordinates of unit prior.
#[derive(Clone, Debug)]
struct Projection {
    /// g of every arm.
    gradient: Vec<DVector<f64>>,
    /// C g of every arm.
    spread: Vec<DVector<f64>>,
}

impl Projection {
    fn variance(&self) -> f64 {
        let parts = self.gradient.iter().zip(&self.spread);
        parts.map(|(gradient, spread)| gradient.dot(spread)).sum::<f64>().max(f64::MIN_POSITIVE)
    }
}

impl<'a> Belief<'a> {
    /// Before anything is learnt. `draws` are coefficients by arm, each with the target there.
    pub(super) fn new(
        arms: &[Arm<'_>],
        points: &'a [Point],
        spread: Spread,
        draws: &[Drawn<'_>],
    ) -> Result<Self, Refused> {
        let draw = |drawn: &Drawn<'_>| Draw::new(arms, points, drawn);
        Ok(Self {
            spread,
            points,
            factor: Vec::new(),
            deviation: points.iter().map(|p| spread.covariance(&p.place, &p.place)).collect(),
            draws: draws.iter().map(draw).collect::<Result<_, _>>()?,
        })
    }

    /// Learns a run at a point. The same point may be learnt again: another seed.
    pub(super) fn learn(&mut self, point: usize) {
        let Point { place, noise, .. } = &self.points[point];
        let covariance = |p: &Point| self.spread.covariance(&p.place, place);
        let mut column: Vec<f64> = self.points.iter().map(covariance).collect();
        for earlier in &self.factor {
            let share = earlier[point];
            column.iter_mut().zip(earlier).for_each(|(c, e)| *c -= share * e);
        }
        let variance = column[point] + noise;
        for draw in &mut self.draws {
            draw.learn(point, place.arm, &column, variance);
        }
        let root = variance.sqrt();
        for (deviation, c) in self.deviation.iter_mut().zip(&mut column) {
            *c /= root;
            *deviation -= *c * *c;
        }
        self.factor.push(column);
    }

    /// The share of the target's variance that a run at a point would remove: the mean over draws
    /// of cov(t, y_i)^2 / var(y_i) / var(t).
    pub(super) fn gain(&self, point: usize) -> f64 {
        let Point { place, noise, .. } = &self.points[point];
        let variance = self.deviation[point] + noise;
        let gains = self.draws.iter().map(|draw| draw.gain(point, place.arm, variance));
        gains.sum::<f64>() / self.draws.len() as f64
    }

    /// Standard deviation of the target around the fit, which is the first draw.
    pub(super) fn target_sd(&self) -> f64 {
        self.draws[0].aim.variance().sqrt()
    }

    /// Standard deviations of an arm's coefficients around the fit, in fitting coordinates.
    pub(super) fn coefficient_sds(&self, arm: usize) -> Vec<f64> {
        let root = &self.draws[0].scales[arm];
        let covariance = root * &self.draws[0].covariances[arm] * root.transpose();
        covariance.diagonal().iter().map(|variance| variance.max(0.0).sqrt()).collect()
    }
}

impl Draw {
    fn new(
        arms: &[Arm<'_>],
        points: &[Point],
        Drawn { coefficients, aim }: &Drawn<'_>,
    ) -> Result<Self, Refused> {
        let by_point = |p: &Point| {
            let arm = p.place.arm;
            DVector::from_vec(sensitivity(&arms[arm], coefficients[arm], &p.x))
        };
        let mut innovations: Vec<DVector<f64>> = points.iter().map(by_point).collect();
        let mut scales = Vec::with_capacity(arms.len());
        let mut covariances = Vec::with_capacity(arms.len());
        for (a, arm) in arms.iter().enumerate() {
            let width = arm.coefficients.len();
            let own = points.iter().zip(&innovations).filter(|(p, _)| p.place.arm == a);
            let scale = prior_root(width, own.map(|(_, r)| r))
                .ok_or_else(|| Refused::NoPrior { arm: arm.name.to_owned() })?;
            scales.push(scale);
            covariances.push(DMatrix::identity(width, width));
        }
        for (point, r) in points.iter().zip(&mut innovations) {
            *r = scales[point.place.arm].tr_mul(r);
        }
        let mut gradient: Vec<DVector<f64>> =
            arms.iter().map(|arm| DVector::zeros(arm.coefficients.len())).collect();
        for (arm, slope) in &aim.gradients {
            gradient[*arm] = scales[*arm].tr_mul(&DVector::from_column_slice(slope));
        }
        let aim = Projection { spread: gradient.clone(), gradient };
        Ok(Self { innovations, covariances, scales, aim })
    }

    fn learn(&mut self, point: usize, arm: usize, column: &[f64], variance: f64) {
        let innovation = self.innovations[point].clone();
        let towards = &self.covariances[arm] * &innovation;
        let total = variance + innovation.dot(&towards);
        self.covariances[arm].ger(-1.0 / total, &towards, &towards, 1.0);
        let share = towards.dot(&self.aim.gradient[arm]) / total;
        self.aim.spread[arm].axpy(-share, &towards, 1.0);
        for (r, c) in self.innovations.iter_mut().zip(column) {
            // Other arms' deviations are independent, and their sensitivities of another length.
            if *c != 0.0 {
                r.axpy(-c / variance, &innovation, 1.0);
            }
        }
    }

    fn gain(&self, point: usize, arm: usize, variance: f64) -> f64 {
        let r = self.innovations[point].as_slice();
        let covariance = self.covariances[arm].as_slice();
        let quadratic: f64 = covariance
            .chunks_exact(r.len())
            .zip(r)
            .map(|(column, rj)| rj * column.iter().zip(r).map(|(c, ri)| c * ri).sum::<f64>())
            .sum();
        let total = variance + quadratic;
        let covariance: f64 = self.aim.spread[arm].iter().zip(r).map(|(v, r)| v * r).sum();
        covariance * covariance / (total * self.aim.variance())
    }
}

/// T with T T' = P, the prior's covariance: the inverse of its information, the mean of r r' over
/// places divided by the prior's variance.
fn prior_root<'r>(
    width: usize,
    sensitivities: impl Iterator<Item = &'r DVector<f64>>,
) -> Option<DMatrix<f64>> {
    let mut information = DMatrix::<f64>::zeros(width, width);
    let mut count = 0.0;
    for r in sensitivities {
        information.ger(1.0, r, r, 1.0);
        count += 1.0;
    }
    information /= f64::max(count, 1.0) * PRIOR_SD * PRIOR_SD;
    let unit: Vec<f64> = information
        .diagonal()
        .iter()
        .map(|entry| if *entry > 0.0 { entry.sqrt() } else { 1.0 })
        .collect();
    let mut scaled =
        DMatrix::from_fn(width, width, |i, j| information[(i, j)] / (unit[i] * unit[j]));
    for i in 0..width {
        scaled[(i, i)] += if information[(i, i)] > 0.0 { RIDGE } else { 1.0 };
    }
    let mut root = scaled.cholesky()?.l().transpose().try_inverse()?;
    for (mut row, unit) in root.row_iter_mut().zip(&unit) {
        row /= *unit;
    }
    Some(root)
}
