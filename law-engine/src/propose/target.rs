//! What is to be known, as a function of the laws' coefficients.

use super::frontier::{IsoFlop, size_and_tokens};
use super::{Arm, Refused};
use crate::catalogue::Kind;

/// The question that runs shall answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// The loss of an arm at a run, its variables in the order of the law's card.
    Loss { arm: usize, x: Vec<f64> },
    /// The loss of an arm's compute-optimal run.
    BestLoss { arm: usize, flops_c: f64 },
    /// The parameters of an arm's compute-optimal run.
    BestSize { arm: usize, flops_c: f64 },
}

/// A target by the coefficients of one draw: its value, and by arm its gradient in fitting
/// coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aim {
    /// ln loss, ln N, or a difference of these.
    pub(super) value: f64,
    pub(super) gradients: Vec<(usize, Vec<f64>)>,
}

/// The gradient of ln L at `x` in fitting coordinates: zero for coefficients that are given, and
/// everywhere where the law has no logarithm.
pub(super) fn sensitivity(arm: &Arm<'_>, coefficients: &[f64], x: &[f64]) -> Vec<f64> {
    let loss = arm.law.predict(coefficients, x);
    let parameters = arm.law.card().parameters;
    let mut gradient = arm.law.gradient(coefficients, x);
    for (i, slope) in gradient.iter_mut().enumerate() {
        if arm.fixed.contains(&i) {
            *slope = 0.0;
        } else if parameters[i].kind == Kind::Amplitude {
            *slope *= coefficients[i];
        }
        *slope /= loss;
    }
    if gradient.iter().any(|slope| !slope.is_finite()) {
        gradient.fill(0.0);
    }
    gradient
}

impl Target {
    /// The arms that it is about.
    pub(super) fn arms(&self) -> Vec<usize> {
        match self {
            Self::Loss { arm, .. } | Self::BestLoss { arm, .. } | Self::BestSize { arm, .. } => {
                vec![*arm]
            }
        }
    }

    /// What is wrong with it, whatever the laws say.
    pub(super) fn check(&self, arms: &[Arm<'_>]) -> Result<(), Refused> {
        if let Some(arm) = self.arms().into_iter().find(|arm| *arm >= arms.len()) {
            return Err(Refused::NoArm { arm, arms_n: arms.len() });
        }
        match self {
            Self::Loss { arm, x } => {
                let variables = arms[*arm].law.card().variables;
                if x.len() != variables.len() {
                    return Err(Refused::Variables { found: x.len(), expected: variables.len() });
                }
                variables.iter().zip(x).try_for_each(|(variable, x)| positive(variable.symbol, *x))
            }
            Self::BestLoss { arm, flops_c } | Self::BestSize { arm, flops_c } => {
                let law = arms[*arm].law;
                size_and_tokens(law).ok_or_else(|| Refused::NoFrontier { law: law.card().name })?;
                positive("the compute of the target", *flops_c)
            }
        }
    }

    /// The run of `arm` that the target is about, by the arm's own coefficients.
    pub(super) fn place(&self, arm: &Arm<'_>) -> Option<Vec<f64>> {
        match self {
            Self::Loss { x, .. } => Some(x.clone()),
            Self::BestLoss { flops_c, .. } | Self::BestSize { flops_c, .. } => {
                let runs = IsoFlop::new(arm.law, &arm.coefficients, *flops_c)?;
                Some(runs.x(runs.optimum()?))
            }
        }
    }

    /// The target by one draw of the coefficients of all arms. None where this draw has no optimum.
    pub(super) fn aim(&self, arms: &[Arm<'_>], draw: &[&[f64]]) -> Option<Aim> {
        match self {
            Self::Loss { arm, x } => Some(loss_at(arms, draw, *arm, x)),
            Self::BestLoss { arm, flops_c } => {
                let runs = IsoFlop::new(arms[*arm].law, draw[*arm], *flops_c)?;
                // The optimum moves, and the loss does not change along it.
                Some(loss_at(arms, draw, *arm, &runs.x(runs.optimum()?)))
            }
            Self::BestSize { arm, flops_c } => {
                let runs = IsoFlop::new(arms[*arm].law, draw[*arm], *flops_c)?;
                let value = runs.optimum()?;
                let by_loss = |x: &[f64]| sensitivity(&arms[*arm], draw[*arm], x);
                let gradients = vec![(*arm, runs.optimum_gradient(value, by_loss))];
                Some(Aim { value, gradients })
            }
        }
    }
}

fn loss_at(arms: &[Arm<'_>], draw: &[&[f64]], arm: usize, x: &[f64]) -> Aim {
    let value = arms[arm].law.predict(draw[arm], x).ln();
    Aim { value, gradients: vec![(arm, sensitivity(&arms[arm], draw[arm], x))] }
}

/// Refuses what has no logarithm.
pub(super) fn positive(what: &str, value: f64) -> Result<(), Refused> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Refused::NotPositive { what: what.to_owned(), value })
}
