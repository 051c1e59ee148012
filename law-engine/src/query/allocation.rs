//! The best size and number of tokens for a budget, by any law over N and D.
//!
//! ```text
//! minimise L(N, D)  at  D = k C N^-q
//!
//! of C FLOP:          q = 1, k = 1 / FLOP per parameter and token (6)
//! of H device hours:  q = b, k = 3600 a, tokens per second v(N) = a N^-b
//!
//! chinchilla:  N* = (alpha A (k C)^beta / (q beta B))^(1 / (alpha + q beta))
//! ```
//!
//! Source: Hoffmann et al., arXiv 2203.15556, section 3.3, for FLOPs. Under hours the sizes that a
//! device trains faster than their FLOPs say get more of the budget.

use super::throughput::Throughput;
use super::{Answer, Fitted};
use crate::catalogue::Law;
use crate::minimise::lowest;

/// What is to be divided between parameters and tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// Training compute, at so many FLOP per parameter and token: 6 forwards and backwards.
    Flops { flops_c: f64, per_param_token: f64 },
    /// Accelerator hours, by how fast each size trains.
    Hours { hours: f64, throughput: Throughput },
}

impl Budget {
    /// Tokens that the budget trains a model of one parameter on, and by which power of the size
    /// they become fewer.
    pub(crate) fn tokens(&self) -> (f64, f64) {
        match *self {
            Self::Flops { flops_c, per_param_token } => (flops_c / per_param_token, 1.0),
            Self::Hours { hours, throughput } => {
                (hours * throughput.per_hour(), throughput.exponent)
            }
        }
    }

    /// The same kind of budget, `factor` times as large.
    fn times(self, factor: f64) -> Self {
        match self {
            Self::Flops { flops_c, per_param_token } => {
                Self::Flops { flops_c: flops_c * factor, per_param_token }
            }
            Self::Hours { hours, throughput } => Self::Hours { hours: hours * factor, throughput },
        }
    }
}

/// A run that spends a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimum {
    pub params_n: f64,
    pub tokens_d: f64,
    pub loss: f64,
}

/// The best division of a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    pub params_n: Answer,
    pub tokens_d: Answer,
    /// D / N.
    pub ratio: Answer,
    pub loss: Answer,
    /// a = d ln N* / d ln budget, at this budget.
    pub size_exponent: Answer,
    /// b = d ln D* / d ln budget, at this budget.
    pub data_exponent: Answer,
    /// Decades of N* and D* outside the runs that were fitted.
    pub beyond: [f64; 2],
    /// Share of the draws without a best division, which the intervals leave out.
    pub without: f64,
}

/// Why there is no best division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoOptimum {
    /// The law is no function of this variable.
    NoVariable(&'static str),
    /// The loss falls on, however much of the budget goes into the size (or into tokens).
    AtEdge { size: bool },
}

/// Sizes are looked for in this many decades on both sides of the fitted ones.
const REACH_DECADES: f64 = 12.0;
const STEPS: u32 = 240;
/// Precision of ln N before it is polished: about the square root of a number's own.
const TOLERANCE: f64 = 1e-8;
/// Half the step of ln budget over which exponents are differences.
const STEP: f64 = 0.1;

/// The best division of `budget`, at `level`. Variables beside N and D stay as in `x`, in the order
/// of the card.
///
/// # Errors
/// [`NoOptimum`] where the best fit has none.
pub fn allocate(
    fitted: &Fitted<'_>,
    budget: Budget,
    x: &[f64],
    level: f64,
) -> Result<Allocation, NoOptimum> {
    let size = fitted.variable("N").ok_or(NoOptimum::NoVariable("N"))?;
    let data = fitted.variable("D").ok_or(NoOptimum::NoVariable("D"))?;
    let solve = |coefficients: &[f64]| -> Result<[f64; 6], NoOptimum> {
        let (span, places) = (fitted.spans[size], [size, data]);
        let at =
            |factor: f64| optimum(fitted.law, coefficients, budget.times(factor), x, places, span);
        let (here, below, above) = (at(1.0)?, at((-STEP).exp())?, at(STEP.exp())?);
        let slope = |of: fn(&Optimum) -> f64| (of(&above) / of(&below)).ln() / (2.0 * STEP);
        let Optimum { params_n, tokens_d, loss } = here;
        let exponents = [slope(|o| o.params_n), slope(|o| o.tokens_d)];
        Ok([params_n, tokens_d, tokens_d / params_n, loss, exponents[0], exponents[1]])
    };
    let best = solve(&fitted.estimate.coefficients)?;
    let solved: Vec<[f64; 6]> = fitted.draws.iter().filter_map(|draw| solve(draw).ok()).collect();
    let answer = |i: usize| Answer::of(best[i], solved.iter().map(|s| s[i]).collect(), level);
    let draws_n = fitted.draws.len().max(1) as f64;
    Ok(Allocation {
        params_n: answer(0),
        tokens_d: answer(1),
        ratio: answer(2),
        loss: answer(3),
        size_exponent: answer(4),
        data_exponent: answer(5),
        beyond: [fitted.beyond(size, best[0]), fitted.beyond(data, best[1])],
        without: (fitted.draws.len() - solved.len()) as f64 / draws_n,
    })
}

/// The best run of `budget` by the best fit alone.
///
/// # Errors
/// As [`allocate`].
pub fn best(fitted: &Fitted<'_>, budget: Budget, x: &[f64]) -> Result<Optimum, NoOptimum> {
    let place = |symbol| fitted.variable(symbol).ok_or(NoOptimum::NoVariable(symbol));
    let places = [place("N")?, place("D")?];
    let span = fitted.spans[places[0]];
    optimum(fitted.law, &fitted.estimate.coefficients, budget, x, places, span)
}

/// The best run of `budget` by one set of coefficients; `places` are those of N and D in `x`, and
/// sizes are looked for about a span of them.
pub(crate) fn optimum(
    law: &dyn Law,
    coefficients: &[f64],
    budget: Budget,
    x: &[f64],
    places: [usize; 2],
    (least, most): (f64, f64),
) -> Result<Optimum, NoOptimum> {
    let (tokens, fewer) = budget.tokens();
    let mut place = x.to_vec();
    let mut loss = |ln_n: f64| {
        place[places[0]] = ln_n.exp();
        place[places[1]] = (tokens.ln() - fewer * ln_n).exp();
        law.predict(coefficients, &place)
    };
    let reach = REACH_DECADES * std::f64::consts::LN_10;
    let (lower, upper) = (least.ln() - reach, most.ln() + reach);
    let stair = |step: u32| lower + (upper - lower) * f64::from(step) / f64::from(STEPS);
    let at = (0..=STEPS).min_by(|a, b| loss(stair(*a)).total_cmp(&loss(stair(*b)))).unwrap_or(0);
    if at == 0 || at == STEPS {
        return Err(NoOptimum::AtEdge { size: at == STEPS });
    }
    let ln_n = bottom(&mut loss, [stair(at - 1), stair(at + 1)]);
    let (params_n, tokens_d) = (ln_n.exp(), (tokens.ln() - fewer * ln_n).exp());
    Ok(Optimum { params_n, tokens_d, loss: loss(ln_n) })
}

/// The minimum of a function with one valley between the ends, polished by the parabola through three
/// places about it: rounding hides the bottom of a valley from comparisons.
fn bottom(function: &mut impl FnMut(f64) -> f64, ends: [f64; 2]) -> f64 {
    let (_, middle) = lowest(&mut *function, ends, TOLERANCE);
    let step = 1e-3;
    let (left, centre, right) =
        (function(middle - step), function(middle), function(middle + step));
    let curvature = left - 2.0 * centre + right;
    let shift = 0.5 * step * (left - right) / curvature;
    if curvature > 0.0 && shift.abs() < step { middle + shift } else { middle }
}

/// What the FLOP-optimal run of as many hours is, beside the best one of those hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    /// The FLOP-optimal run that takes the hours.
    pub flop_optimal: Optimum,
    /// N* by hours over N* by FLOPs.
    pub size_ratio: f64,
    /// By how much the loss of the FLOP-optimal run is higher, relative.
    pub loss_excess: f64,
}

/// Compares the best run of `hours` with the FLOP-optimal one that takes as many hours, both by the
/// best fit. None where either does not exist.
#[must_use]
pub fn contrast(
    fitted: &Fitted<'_>,
    hours: f64,
    throughput: Throughput,
    per_param_token: f64,
    x: &[f64],
) -> Option<Contrast> {
    let best_of = |budget| best(fitted, budget, x).ok();
    let best = best_of(Budget::Hours { hours, throughput })?;
    let of = |ln_c: f64| best_of(Budget::Flops { flops_c: ln_c.exp(), per_param_token });
    let takes = |run: &Optimum| throughput.hours(run.params_n, run.tokens_d);
    let centre = (per_param_token * best.params_n * best.tokens_d).ln();
    let (mut lower, mut upper) = (centre - 12.0, centre + 12.0);
    if takes(&of(lower)?) > hours || takes(&of(upper)?) < hours {
        return None;
    }
    for _ in 0..60 {
        let middle = 0.5 * (lower + upper);
        if takes(&of(middle)?) < hours { lower = middle } else { upper = middle }
    }
    let flop_optimal = of(0.5 * (lower + upper))?;
    Some(Contrast {
        flop_optimal,
        size_ratio: best.params_n / flop_optimal.params_n,
        loss_excess: flop_optimal.loss / best.loss - 1.0,
    })
}
