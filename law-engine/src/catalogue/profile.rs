//! How far a coefficient may be moved before the data object: its profile, and the delta method as a
//! check beside it.
//!
//! ```text
//! W(v) = 2 (min over the other coefficients of Q at theta_i = v  -  Q at the optimum) / (lambda d_i)
//!
//! interval:  every v with W(v) <= t^2        t: Student's quantile with f degrees of freedom
//! delta:     theta_i +- t sd_i               sd_i^2 = e d_i A_ii
//! ```
//!
//! Q is the objective. A robust one is no log likelihood: lambda, the expected square of its slope
//! over its expected curvature, makes one of it (Kent 1982, doi 10.1093/biomet/69.1.19), and e is
//! the same over the curvature once more. Both are those of normal noise as large as the residuals of
//! a least squares fit are (`linear::noise`). `d_i` is
//! the design effect, by which rows of one run tell less of a coefficient than as many runs would;
//! one where every row is a run. A is of `Linear`.
//!
//! Unlike an interval from refits this one follows a valley that bends, and it is open on a side on
//! which the coefficient may go to the end of its range.
//!
//! Measured coverage: `examples/fit_coverage.rs`, docs/fit-coverage.md.

use sweep_core::fit::{Convergence, Interval};

use super::Ground;
use super::data::{Data, Refusal};
use super::equation::{Constraints, Evaluate, Fittable};
use super::estimate::{Estimate, Options, Table, constraints, free};
use super::linear::{Linear, noise};
use super::refit::Refitter;
use crate::fit::polish;
use crate::law::{ScalingLaw as _, Theta};
use crate::objective::Objective;
use crate::student;

/// Which values of one coefficient the data allow, in the units of the card.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Those that the objective does not reject, whatever the other coefficients are.
    pub interval: Interval,
    /// Whether the lower and the upper end are those of the coefficient's range, and not the data's.
    pub is_open: [bool; 2],
    /// By the curvature at the optimum, on the scale that the coefficient is fitted on.
    pub delta: Interval,
}

/// Steps outwards before a side counts as open, each twice as long as the one before.
const STEPS: u32 = 40;
/// Steps that close in on an end, and how near it is near enough, relative to its distance.
const CLOSING: u32 = 40;
const TOLERANCE: f64 = 1e-3;
/// First step where the curvature says nothing, in fitting coordinates.
const FIRST_STEP: f64 = 0.1;
/// Noise below this is rounding.
const NOISE_MIN: f64 = 1e-12;

/// By coefficient of the card, its profile at `level`; none for one that is given or tied to another,
/// and none at all of a fit that found no optimum to move away from.
pub(crate) fn profiles<const P: usize>(
    equation: &dyn Evaluate<P>,
    data: &Data,
    options: &Options,
    estimate: &Estimate,
    level: f64,
) -> Result<Vec<Option<Profile>>, Refusal> {
    if estimate.convergence != Convergence::Converged {
        return Ok(vec![None; P]);
    }
    let card = equation.card();
    let constraints = constraints(card, options)?;
    let table = Table::new(card, data)?;
    let refitter = Refitter::new(equation, &constraints, &table, data, options, estimate)?;
    let linear = Linear::of_squares(&refitter, options)?;
    let free = free(&constraints);
    let corrected = linear.corrected(-0.5);
    let noise = noise(&corrected, options.huber).max(NOISE_MIN);
    let square = student::square(1.0 - level, linear.freedom());
    let mut profiles = vec![None; P];
    for (place, i) in free.iter().copied().enumerate() {
        let effect = linear.design_effect(place, &corrected);
        let scale = options.huber.information_scale(noise) * effect;
        let variance = scale / options.huber.expected_curvature(noise);
        let sd = (variance * linear.inverse[(place, place)]).sqrt();
        let walk =
            Walk { refitter: &refitter, options, best: estimate.objective, i, scale, square };
        profiles[i] = Some(walk.profile(sd));
    }
    Ok(profiles)
}

/// One coefficient moved away from the optimum.
struct Walk<'r, 'a, const P: usize> {
    refitter: &'r Refitter<'a, P>,
    options: &'r Options,
    /// The least objective that there is.
    best: f64,
    i: usize,
    /// `lambda d_i`.
    scale: f64,
    /// `t^2`.
    square: f64,
}

impl<const P: usize> Walk<'_, '_, P> {
    fn profile(&self, sd: f64) -> Profile {
        let kind = self.refitter.law.equation.card().parameters[self.i].kind;
        let parameter = self.refitter.law.parameters()[self.i];
        let (lower, upper) = (parameter.lower, parameter.upper);
        let reach = self.square.sqrt() * sd;
        let centre = self.refitter.centre();
        let step = if reach.is_finite() && reach > 0.0 { reach } else { FIRST_STEP };
        let ends = [lower, upper].map(|end| self.end(step, end));
        let natural = |theta: f64| kind.to_natural(theta);
        let about = |by: f64| natural((centre[self.i] + by).clamp(lower, upper));
        Profile {
            interval: Interval { lower: natural(ends[0].0), upper: natural(ends[1].0) },
            is_open: ends.map(|(_, is_open)| is_open),
            delta: Interval { lower: about(-reach), upper: about(reach) },
        }
    }

    /// Where the data begin to object on the way to `bound`, and whether they never do.
    fn end(&self, step: f64, bound: f64) -> (f64, bool) {
        let centre = self.refitter.centre();
        let threshold = self.square.sqrt();
        let from = centre[self.i];
        let mut near = centre;
        // The root of W grows about evenly with the distance.
        let root = |value: f64, near: &mut Theta<P>| {
            let (theta, objective) = self.least(near, value);
            *near = theta;
            (2.0 * (objective - self.best).max(0.0) / self.scale).sqrt()
        };
        let (mut inside, mut outside) = ((from, 0.0), (bound, f64::NAN));
        let mut length = step;
        for _ in 0..STEPS {
            let value =
                if bound < from { (from - length).max(bound) } else { (from + length).min(bound) };
            let at = (value, root(value, &mut near));
            if at.1 > threshold {
                outside = at;
                break;
            }
            inside = at;
            if value == bound {
                break;
            }
            length *= 2.0;
        }
        if outside.1.is_nan() {
            return (bound, true);
        }
        // Between two places it is taken as straight, which near enough it is.
        let between = |inside: (f64, f64), outside: (f64, f64)| {
            (threshold - inside.1) / (outside.1 - inside.1)
        };
        for _ in 0..CLOSING {
            let share = between(inside, outside).clamp(0.05, 0.95);
            let value = inside.0 + share * (outside.0 - inside.0);
            let at = (value, root(value, &mut near));
            if (at.1 / threshold - 1.0).abs() < TOLERANCE {
                return (value, false);
            }
            let side = if at.1 > threshold { &mut outside } else { &mut inside };
            *side = at;
            if (outside.0 - inside.0).abs() < TOLERANCE * (inside.0 - from).abs() {
                break;
            }
        }
        (inside.0 + between(inside, outside) * (outside.0 - inside.0), false)
    }

    /// The least objective with the coefficient at `value`, from a solution nearby and from the
    /// optimum.
    fn least(&self, near: &Theta<P>, value: f64) -> (Theta<P>, f64) {
        let Refitter { law, points, .. } = self.refitter;
        let kind = law.equation.card().parameters[self.i].kind;
        let mut bounds = law.constraints.bounds;
        bounds[self.i] = (kind.to_natural(value), kind.to_natural(value));
        let constraints = Constraints { bounds, ..*law.constraints };
        let law = Fittable { equation: law.equation, constraints: &constraints };
        let ground = Ground::new(Objective { law, points, residual: self.options.residual });
        let starts = [*near, self.refitter.centre()].map(|mut start| {
            start[self.i] = law.parameters()[self.i].lower;
            start
        });
        let fits = starts.map(|start| polish(&ground, self.options.huber, start));
        let [a, b] = fits.map(|fit| (fit.theta, fit.objective));
        if b.1 < a.1 { b } else { a }
    }
}
