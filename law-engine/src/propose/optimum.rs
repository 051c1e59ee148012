//! The best run of a budget, by any law of parameters and tokens or of the budget itself.

use super::{Arm, Refused, Scale};
use crate::catalogue::Law;
use crate::catalogue::frontier::FLOPS_PER_TOKEN;
use crate::query::allocation::{Budget, optimum};

/// Step of the finite differences in ln N, where round-off and curvature are both below 1e-7.
const STEP: f64 = 1e-3;
/// Sizes are looked for twelve decades on both sides of this one.
const MIDDLE_N: f64 = 1e9;

/// Places of N and D among the law's variables, if those are all.
pub(super) fn size_and_tokens(law: &dyn Law) -> Option<[usize; 2]> {
    let variables = law.card().variables;
    let place = |symbol| variables.iter().position(|variable| variable.symbol == symbol);
    if variables.len() == 2 { Some([place("N")?, place("D")?]) } else { None }
}

/// What of a run is the arm's to choose when a budget is spent.
#[derive(Clone, Copy)]
enum Choice {
    /// Nothing: the law is one of the budget.
    None { value: f64 },
    /// Its N, and with it D = k N^-q.
    Size { places: [usize; 2], budget: Budget },
}

/// An arm's law along the runs that spend a budget.
#[derive(Clone, Copy)]
pub(super) struct Runs<'a> {
    law: &'a dyn Law,
    choice: Choice,
}

impl<'a> Runs<'a> {
    /// # Errors
    /// Where the arm's law, or its throughput, does not say what a budget buys.
    pub(super) fn new(arm: &Arm<'a>, scale: Scale) -> Result<Self, Refused> {
        let law = arm.law;
        let no_frontier = || Refused::NoFrontier { law: law.card().name };
        let choice = if let Some(places) = size_and_tokens(law) {
            let budget = match scale {
                Scale::Flops(flops_c) => {
                    Budget::Flops { flops_c, per_param_token: FLOPS_PER_TOKEN }
                }
                Scale::Hours(hours) => {
                    let none = || Refused::NoThroughput { arm: arm.name.to_owned() };
                    Budget::Hours { hours, throughput: arm.throughput.ok_or_else(none)? }
                }
            };
            Choice::Size { places, budget }
        } else {
            let [variable] = law.card().variables else { return Err(no_frontier()) };
            match (scale, variable.symbol) {
                (Scale::Flops(value), "C") | (Scale::Hours(value), "h") => Choice::None { value },
                _ => return Err(no_frontier()),
            }
        };
        Ok(Self { law, choice })
    }

    /// The run with e^`ln_n` parameters.
    fn x(&self, ln_n: f64) -> Vec<f64> {
        match self.choice {
            Choice::None { value } => vec![value],
            Choice::Size { places: [n, d], budget } => {
                let (tokens, fewer) = budget.tokens();
                let mut x = vec![0.0; 2];
                x[n] = ln_n.exp();
                x[d] = (tokens.ln() - fewer * ln_n).exp();
                x
            }
        }
    }

    /// ln N of the lowest loss. None where the loss has no lowest place.
    pub(super) fn best_size(&self, coefficients: &[f64]) -> Option<f64> {
        let Choice::Size { places, budget } = self.choice else { return None };
        let span = (MIDDLE_N, MIDDLE_N);
        let best = optimum(self.law, coefficients, budget, &[0.0; 2], places, span).ok()?;
        (self.bend(coefficients, best.params_n.ln()) > 0.0).then(|| best.params_n.ln())
    }

    /// The run of the lowest loss.
    pub(super) fn best(&self, coefficients: &[f64]) -> Option<Vec<f64>> {
        match self.choice {
            Choice::None { .. } => Some(self.x(0.0)),
            Choice::Size { .. } => Some(self.x(self.best_size(coefficients)?)),
        }
    }

    /// ln L of the best run.
    pub(super) fn ln_loss(&self, coefficients: &[f64]) -> Option<f64> {
        let ln_loss = self.law.predict(coefficients, &self.best(coefficients)?).ln();
        ln_loss.is_finite().then_some(ln_loss)
    }

    /// Second derivative of ln L by ln N.
    fn bend(&self, coefficients: &[f64], ln_n: f64) -> f64 {
        let ln_loss = |ln_n: f64| self.law.predict(coefficients, &self.x(ln_n)).ln();
        let [below, here, above] = [-STEP, 0.0, STEP].map(|step| ln_loss(ln_n + step));
        (above - 2.0 * here + below) / (STEP * STEP)
    }

    /// The gradient of the best ln N by the coefficients: -h_n,theta / h_nn, as the optimum stays
    /// where the slope of h = ln L is zero. `sensitivity` is the gradient of ln L at a run.
    pub(super) fn best_size_gradient(
        &self,
        coefficients: &[f64],
        ln_n: f64,
        sensitivity: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Vec<f64> {
        let bend = self.bend(coefficients, ln_n);
        let above = sensitivity(&self.x(ln_n + STEP));
        let below = sensitivity(&self.x(ln_n - STEP));
        above.iter().zip(&below).map(|(a, b)| -(a - b) / (2.0 * STEP * bend)).collect()
    }
}
