//! The power law with a floor, profiled over its exponents.
//!
//! `L = E + A e^(-alpha x)` is linear in E and A, so that residuals relative to the fitted law,
//! `1 + ln(y / L0) - L / L0`, are too: at a given exponent five sums over the runs hold all that the
//! data say. Requiring the value `L*` at x* leaves one unknown, A between 0 and what makes E zero,
//! in closed form; exponents are searched continuously, since on a grid (4 % apart) a quiet
//! study's set can miss the truth every time.

use nalgebra::SVector;

use super::linear::Linear;
use super::{Arm, Run, Sample};
use crate::curve::Point;
use crate::fit::fit;
use crate::law::{EXPONENT_MAX, PowerFloor, ScalingLaw as _, Theta};
use crate::minimise::lowest;
use crate::objective::Huber;

/// Exponents at which the landscape is looked over, log-spaced.
const GRID_N: usize = 24;
const GRID_MIN: f64 = 1e-3;
/// Precision of ln alpha, and of the place of the common value in its bracket.
const TOLERANCE: f64 = 1e-5;
/// Places at which the common value is looked for before it is refined.
const VALUES_N: u32 = 8;
/// Times that the residuals are linearised anew.
const ROUNDS: usize = 2;

/// The law at its optimum with the means that its profile is made of.
#[derive(Clone, Debug)]
pub struct FloorArm {
    theta: Theta<3>,
    linear: Linear<3>,
    profile: Profile,
}

#[derive(Clone, Debug)]
struct Profile {
    /// By run, each row's x and 1 / L0, and the mean target `1 + ln(y / L0)`.
    runs: Vec<(Vec<(f64, f64)>, f64)>,
    grid: Vec<Sums>,
    /// Residual squares at the free optimum.
    free: f64,
}

/// Sums over runs at one exponent: w is the mean of 1 / L0, q of `e^(-alpha x) / L0`, t the target.
#[derive(Clone, Copy, Debug)]
struct Sums {
    alpha: f64,
    ww: f64,
    wq: f64,
    qq: f64,
    wt: f64,
    qt: f64,
    tt: f64,
}

impl Sums {
    /// The residual squares with the value `loss` where `e^(-alpha x)` is `decay`, and E and A
    /// non-negative.
    fn squares_at(&self, loss: f64, decay: f64) -> f64 {
        let Self { ww, wq, qq, wt, qt, tt, .. } = *self;
        let across = qq - decay * (2.0 * wq - decay * ww);
        let pull = (qt - decay * wt) - loss * (wq - decay * ww);
        let amplitude = if across > 0.0 { pull / across } else { 0.0 };
        // Not `clamp`: a loss of zero far out leaves no bound to clamp to.
        let amplitude = amplitude.max(0.0).min(loss / decay);
        let flat = tt - loss * (2.0 * wt - loss * ww);
        (flat - amplitude * (2.0 * pull - amplitude * across)).max(0.0)
    }

    /// The best E and A, both non-negative, and their residual squares.
    fn free(&self) -> ([f64; 2], f64) {
        let Self { ww, wq, qq, wt, qt, tt, .. } = *self;
        let determinant = ww * qq - wq * wq;
        let mut best = [(wt * qq - qt * wq) / determinant, (qt * ww - wt * wq) / determinant];
        if best[0].is_nan() || best[0] < 0.0 {
            best = [0.0, qt / qq];
        } else if best[1].is_nan() || best[1] < 0.0 {
            best = [wt / ww, 0.0];
        }
        let [e, a] = best;
        let squares = tt - 2.0 * (e * wt + a * qt) + e * e * ww + 2.0 * e * a * wq + a * a * qq;
        (best, squares.max(0.0))
    }
}

impl Profile {
    fn new(sample: &Sample, theta: &Theta<3>) -> Self {
        let ln_law = |x: f64| PowerFloor.ln_predict(theta, x);
        let run = |run: &Run| {
            let rows = run.rows.iter().map(|(x, _)| (*x, (-ln_law(*x)).exp())).collect();
            (rows, 1.0 + run.mean(|x, ln_loss| ln_loss - ln_law(x)))
        };
        let runs: Vec<(Vec<(f64, f64)>, f64)> = sample.runs.iter().map(run).collect();
        let mut profile = Self { runs, grid: Vec::new(), free: 0.0 };
        let ratio = (EXPONENT_MAX / GRID_MIN).powf(((GRID_N - 1) as f64).recip());
        profile.grid = (0..GRID_N as i32).map(|i| profile.sums(GRID_MIN * ratio.powi(i))).collect();
        profile
    }

    fn sums(&self, alpha: f64) -> Sums {
        let mut sums = Sums { alpha, ww: 0.0, wq: 0.0, qq: 0.0, wt: 0.0, qt: 0.0, tt: 0.0 };
        for (rows, t) in &self.runs {
            let (mut w, mut q) = (0.0, 0.0);
            for (x, weight) in rows {
                w += weight;
                q += weight * (-alpha * x).exp();
            }
            let n = rows.len() as f64;
            let (w, q) = (w / n, q / n);
            sums.ww += w * w;
            sums.wq += w * q;
            sums.qq += q * q;
            sums.wt += w * t;
            sums.qt += q * t;
            sums.tt += t * t;
        }
        sums
    }

    /// The least of `squares` over all exponents, with its sums.
    fn least(&self, squares: impl Fn(&Sums) -> f64) -> (f64, Sums) {
        let values: Vec<f64> = self.grid.iter().map(&squares).collect();
        let best = (0..values.len())
            .min_by(|a, b| values[*a].total_cmp(&values[*b]))
            .expect("the grid has places");
        let place = |i: usize| self.grid[i.min(GRID_N - 1)].alpha.ln();
        let bracket = [place(best.saturating_sub(1)), place(best + 1)];
        let (value, ln_alpha) =
            lowest(|ln_alpha| squares(&self.sums(ln_alpha.exp())), bracket, TOLERANCE);
        if value < values[best] {
            (value, self.sums(ln_alpha.exp()))
        } else {
            (values[best], self.grid[best])
        }
    }

    /// The least residual squares with the value `loss` at `x`.
    fn squares_at(&self, loss: f64, x: f64) -> f64 {
        self.least(|sums| sums.squares_at(loss, (-sums.alpha * x).exp())).0
    }
}

impl Arm<3> for FloorArm {
    fn fit(sample: &Sample) -> Option<Self> {
        if sample.runs.len() <= 3 {
            return None;
        }
        let rows = sample.runs.iter().flat_map(|run| run.rows.iter().map(move |row| (run, row)));
        let points: Vec<Point> = rows
            .map(|(run, (x, ln_loss))| Point {
                cell: run.cell,
                x: *x,
                ln_loss: *ln_loss,
                weight: 1.0,
            })
            .collect();
        let mut theta = fit(PowerFloor, &points, Huber::LEAST_SQUARES).theta;
        let mut profile = Profile::new(sample, &theta);
        for _ in 0..ROUNDS {
            let (_, sums) = profile.least(|sums| sums.free().1);
            let ([floor, amplitude], squares) = sums.free();
            theta = Theta::<3>::new(floor, amplitude.max(f64::MIN_POSITIVE).ln(), sums.alpha);
            profile.free = squares;
            let anew = Profile::new(sample, &theta);
            profile = Profile { free: squares, ..anew };
        }
        let (free, _) = profile.least(|sums| sums.free().1);
        profile.free = free;
        let ln_law = |x: f64| PowerFloor.ln_predict(&theta, x);
        let residuals: Vec<f64> =
            sample.runs.iter().map(|run| run.mean(|x, ln_loss| ln_loss - ln_law(x))).collect();
        let linear = Linear::new(sample, |x| PowerFloor.jet(&theta, x).gradient, &residuals);
        Some(Self { theta, linear, profile })
    }

    fn ln_loss(&self, x: f64) -> f64 {
        PowerFloor.ln_predict(&self.theta, x)
    }

    fn gradient(&self, x: f64) -> SVector<f64, 3> {
        PowerFloor.jet(&self.theta, x).gradient
    }

    fn linear(&self) -> &Linear<3> {
        &self.linear
    }

    /// The common value lies between those of the free laws: beyond either, both arms only lose.
    fn excess([a, b]: [&Self; 2], weights: [f64; 2], x: f64) -> f64 {
        let loss = |arm: &Self| arm.ln_loss(x);
        let (from, to) = (loss(a).min(loss(b)), loss(a).max(loss(b)));
        let total = |ln_loss: f64| {
            weights[0] * (a.profile.squares_at(ln_loss.exp(), x) - a.profile.free)
                + weights[1] * (b.profile.squares_at(ln_loss.exp(), x) - b.profile.free)
        };
        let place = |i: u32| from + (to - from) * f64::from(i) / f64::from(VALUES_N);
        let values: Vec<f64> = (0..=VALUES_N).map(|i| total(place(i))).collect();
        let best = (0..=VALUES_N)
            .min_by(|i, j| values[*i as usize].total_cmp(&values[*j as usize]))
            .expect("there are places");
        let bracket = [place(best.saturating_sub(1)), place((best + 1).min(VALUES_N))];
        let tolerance = TOLERANCE * (to - from).max(1e-12);
        lowest(total, bracket, tolerance).0.min(values[best as usize])
    }
}
