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
//! by column of a Cholesky factor, and no matrix over all candidates is ever made. What the choice
//! asks of a run, r_j' C r_j and r_j' C g for the target's gradient g, is kept up to date beside r_j,
//! so that the gain of a run is one division a draw. Given the linearisation this is exact, and it needs no
//! outcomes: runs that are pending count like those that are measured.
//!
//! Coefficients are taken in coordinates in which the prior is the unit matrix. The prior is worth
//! one run of [`PRIOR_SD`] spread over all places (Zellner's g-prior): it is the same in any units.
//!
//! Points are in the order of their arms, and a run says nothing of other arms: whatever is learnt
//! goes over the points of one arm.

use std::ops::Range;

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

/// A configuration that was or could be run.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) place: Place,
    pub(super) x: Vec<f64>,
}

/// What the runs learnt so far leave open.
#[derive(Clone, Debug)]
pub(super) struct Belief<'a> {
    spread: Spread,
    points: &'a [Point],
    learnt: Vec<Learnt>,
    /// s_i without the run's own noise.
    deviation: Vec<f64>,
    draws: Vec<Draw>,
}

/// A run that was learnt.
#[derive(Clone, Debug)]
struct Learnt {
    point: usize,
    /// The points of its arm.
    range: Range<usize>,
    /// Their part of the column of the Cholesky factor.
    column: Vec<f64>,
    /// The factor's entry on the diagonal.
    root: f64,
}

/// The linear model around one draw of the coefficients.
#[derive(Clone, Debug)]
struct Draw {
    /// r_i of every point, coefficient by coefficient.
    innovations: Vec<Vec<f64>>,
    /// r_i' C r_i of every point.
    quadratic: Vec<f64>,
    /// r_i' C g of every point.
    cross: Vec<f64>,
    /// r of the runs that were learnt, each over its root.
    whitened: Vec<DVector<f64>>,
    arms: Vec<Coefficients>,
    /// Variance of the target.
    variance: f64,
}

/// One arm's coefficients. Arms with fewer than others have some that nothing depends on.
#[derive(Clone, Debug)]
struct Coefficients {
    /// C.
    covariance: DMatrix<f64>,
    /// From coordinates of unit prior to fitting coordinates.
    scale: DMatrix<f64>,
    /// C g.
    towards: DVector<f64>,
}

impl<'a> Belief<'a> {
    /// Before anything is learnt. `draws` are coefficients by arm, each with the target there.
    pub(super) fn new(
        arms: &[Arm<'_>],
        points: &'a [Point],
        spread: Spread,
        draws: &[Drawn<'_>],
    ) -> Result<Self, Refused> {
        Ok(Self {
            spread,
            points,
            learnt: Vec::new(),
            deviation: points.iter().map(|p| spread.covariance(&p.place, &p.place)).collect(),
            draws: draws
                .iter()
                .map(|drawn| Draw::new(arms, points, drawn))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Learns the mean of runs at a point, whose own noise has this variance. The same point may be
    /// learnt again: another seed.
    pub(super) fn learn(&mut self, point: usize, noise: f64) {
        let place = &self.points[point].place;
        let start = self.points.partition_point(|p| p.place.arm < place.arm);
        let end = self.points.partition_point(|p| p.place.arm <= place.arm);
        let range = start..end;
        let own = self.points[range.clone()].iter();
        let mut column: Vec<f64> = own.map(|p| self.spread.covariance(&p.place, place)).collect();
        for earlier in self.learnt.iter().filter(|earlier| earlier.range == range) {
            let share = earlier.column[point - start];
            column.iter_mut().zip(&earlier.column).for_each(|(c, e)| *c -= share * e);
        }
        let variance = column[point - start] + noise;
        let shares: Vec<f64> = column.iter().map(|c| c / variance).collect();
        for draw in &mut self.draws {
            draw.learn(point, place.arm, range.clone(), &shares, variance);
        }
        let root = variance.sqrt();
        for (deviation, c) in self.deviation[range.clone()].iter_mut().zip(&mut column) {
            *c /= root;
            *deviation -= *c * *c;
        }
        self.learnt.push(Learnt { point, range, column, root });
    }

    /// By point, the share of the target's variance that a run there would remove: the mean over
    /// draws of cov(t, y_i)^2 / var(y_i) / var(t).
    pub(super) fn gains(&self, noise: f64) -> Vec<f64> {
        let mut gains = vec![0.0; self.points.len()];
        for draw in &self.draws {
            let weight = (self.draws.len() as f64 * draw.variance).recip();
            let values = draw.cross.iter().zip(&draw.quadratic).zip(&self.deviation);
            for (gain, ((cross, quadratic), deviation)) in gains.iter_mut().zip(values) {
                *gain += weight * cross * cross / (deviation + noise + quadratic);
            }
        }
        gains
    }

    /// The target's variance over that of an earlier belief: the mean over draws.
    pub(super) fn remains_of(&self, earlier: &Self) -> f64 {
        let ratios =
            self.draws.iter().zip(&earlier.draws).map(|(now, was)| now.variance / was.variance);
        ratios.sum::<f64>() / self.draws.len() as f64
    }

    /// By run learnt, in its order, the share by which the target's variance would grow without it:
    /// the mean over draws.
    pub(super) fn worths(&self) -> Vec<f64> {
        let inverse = self.inverse_factor();
        let n = self.learnt.len();
        let mut worths = vec![0.0; n];
        for draw in &self.draws {
            for (i, worth) in worths.iter_mut().enumerate() {
                let arm = &draw.arms[self.points[self.learnt[i].point].place.arm];
                // Of W = V^-1: W_ii, and J' w_i.
                let mut weight = 0.0;
                let mut sum = DVector::<f64>::zeros(arm.towards.len());
                for (k, whitened) in draw.whitened.iter().enumerate().skip(i) {
                    let entry = inverse[(k, i)];
                    if entry != 0.0 {
                        weight += entry * entry;
                        sum.axpy(entry, whitened, 1.0);
                    }
                }
                let left = weight - sum.dot(&(&arm.covariance * &sum));
                let towards = arm.towards.dot(&sum);
                *worth += towards * towards / (left.max(f64::MIN_POSITIVE) * draw.variance);
            }
        }
        worths.iter_mut().for_each(|worth| *worth /= self.draws.len() as f64);
        worths
    }

    /// The inverse of the Cholesky factor of the learnt runs' deviations and noise.
    fn inverse_factor(&self) -> DMatrix<f64> {
        let n = self.learnt.len();
        let entry = |i: usize, k: usize| {
            let (run, earlier) = (&self.learnt[i], &self.learnt[k]);
            if run.range == earlier.range {
                earlier.column[run.point - run.range.start]
            } else {
                0.0
            }
        };
        let mut inverse = DMatrix::zeros(n, n);
        for i in 0..n {
            inverse[(i, i)] = self.learnt[i].root.recip();
            let own: Vec<f64> = (0..i).map(|k| entry(i, k)).collect();
            for j in 0..i {
                let sum: f64 = (j..i).map(|k| own[k] * inverse[(k, j)]).sum();
                inverse[(i, j)] = -sum / self.learnt[i].root;
            }
        }
        inverse
    }

    /// Standard deviation of the target around the fit, which is the first draw.
    pub(super) fn target_sd(&self) -> f64 {
        self.draws[0].variance.sqrt()
    }

    /// Standard deviations of an arm's coefficients around the fit, in fitting coordinates.
    pub(super) fn coefficient_sds(&self, arm: usize) -> Vec<f64> {
        let Coefficients { covariance, scale, .. } = &self.draws[0].arms[arm];
        let width = scale.nrows();
        let covariance = scale * covariance.view((0, 0), (width, width)) * scale.transpose();
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
        let sensitivities: Vec<DVector<f64>> = points.iter().map(by_point).collect();
        let width = arms.iter().map(|arm| arm.coefficients.len()).max().unwrap_or(0);
        let mut parts = Vec::with_capacity(arms.len());
        let mut variance = 0.0;
        for (a, arm) in arms.iter().enumerate() {
            let own = points.iter().zip(&sensitivities).filter(|(p, _)| p.place.arm == a);
            let scale = prior_root(arm.coefficients.len(), own.map(|(_, r)| r))
                .ok_or_else(|| Refused::NoPrior { arm: arm.name.to_owned() })?;
            let mut towards = DVector::zeros(width);
            for (_, slope) in aim.gradients.iter().filter(|(of, _)| *of == a) {
                let gradient = scale.tr_mul(&DVector::from_column_slice(slope));
                towards.rows_mut(0, gradient.len()).copy_from(&gradient);
            }
            variance += towards.norm_squared();
            parts.push(Coefficients {
                covariance: DMatrix::identity(width, width),
                scale,
                towards,
            });
        }
        let mut innovations = vec![vec![0.0; points.len()]; width];
        let mut quadratic = vec![0.0; points.len()];
        let mut cross = vec![0.0; points.len()];
        for (i, (point, sensitivity)) in points.iter().zip(&sensitivities).enumerate() {
            let arm = &parts[point.place.arm];
            for (k, r) in arm.scale.tr_mul(sensitivity).iter().enumerate() {
                innovations[k][i] = *r;
                quadratic[i] += r * r;
                cross[i] += r * arm.towards[k];
            }
        }
        let variance = variance.max(f64::MIN_POSITIVE);
        Ok(Self { innovations, quadratic, cross, whitened: Vec::new(), arms: parts, variance })
    }

    fn learn(
        &mut self,
        point: usize,
        arm: usize,
        range: Range<usize>,
        shares: &[f64],
        variance: f64,
    ) {
        let r = DVector::from_iterator(
            self.innovations.len(),
            self.innovations.iter().map(|of| of[point]),
        );
        let Coefficients { covariance, towards, .. } = &mut self.arms[arm];
        let u = &*covariance * &r;
        let (own, cross) = (r.dot(&u), self.cross[point]);
        let inverse = (variance + own).recip();
        covariance.ger(-inverse, &u, &u, 1.0);
        towards.axpy(-cross * inverse, &u, 1.0);
        self.variance = (self.variance - cross * cross * inverse).max(f64::MIN_POSITIVE);

        // r_j' u, then what changes with it.
        let mut along = vec![0.0; range.len()];
        for ((innovations, u), r) in self.innovations.iter_mut().zip(&u).zip(&r) {
            let own = innovations[range.clone()].iter_mut().zip(shares).zip(&mut along);
            for ((innovation, share), along) in own {
                *along += *innovation * u;
                *innovation -= share * r;
            }
        }
        let quadratic = self.quadratic[range.clone()].iter_mut();
        let values = quadratic.zip(&mut self.cross[range]).zip(along.iter().zip(shares));
        for ((quadratic, crosses), (along, share)) in values {
            let left = along - share * own;
            let changed = share * (share * own - 2.0 * along) - left * left * inverse;
            *quadratic = (*quadratic + changed).max(0.0);
            *crosses -= cross * (share + inverse * left);
        }
        self.whitened.push(r / variance.sqrt());
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
