//! What is to be known, as a function of the laws' coefficients.

use std::f64::consts::LN_10;

use super::optimum::{Runs, size_and_tokens};
use super::{Arm, Refused};
use crate::bracket;
use crate::catalogue::Kind;

/// Steps in which a crossing is looked for, and halvings of such a step: 1e-7 of it.
const STEPS: u32 = 24;
const HALVINGS: u32 = 24;
/// Half the step in ln budget over which the slope of a difference is taken.
const SLOPE_STEP: f64 = 0.05;

/// The question that runs shall answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// The loss of an arm at a run, its variables in the order of the law's card.
    Loss { arm: usize, x: Vec<f64> },
    /// The loss of an arm's best run of a budget.
    BestLoss { arm: usize, scale: Scale },
    /// The parameters of an arm's best run of a budget.
    BestSize { arm: usize, scale: Scale },
    /// The budget from which the best runs of two arms change places, looked for from `from` up to
    /// `decades` above. Where the fits do not cross, their difference where they are nearest.
    Crossover { arms: [usize; 2], from: Scale, decades: f64 },
    /// The difference of the two arms that are best at a budget.
    Winner { arms: Vec<usize>, scale: Scale },
}

/// What a run may spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Training compute, at 6 FLOP per parameter and token.
    Flops(f64),
    /// Accelerator hours, by the throughput of each arm.
    Hours(f64),
}

impl Scale {
    pub(super) fn value(self) -> f64 {
        match self {
            Self::Flops(value) | Self::Hours(value) => value,
        }
    }

    fn times(self, factor: f64) -> Self {
        match self {
            Self::Flops(value) => Self::Flops(value * factor),
            Self::Hours(value) => Self::Hours(value * factor),
        }
    }
}

/// What a target is, by the fit: it is expected as a logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Loss,
    /// Parameters.
    Size,
    /// The budget of a crossing.
    Budget,
    /// The first arm's loss over the second's.
    LossRatio,
}

/// A target by the coefficients of one draw: its value, and by arm its gradient in fitting
/// coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aim {
    /// The logarithm of the quantity.
    pub(super) value: f64,
    pub(super) gradients: Vec<(usize, Vec<f64>)>,
}

/// A target made definite by the fit: which arms, and where.
#[derive(Clone)]
pub(super) enum Question<'a> {
    Loss { arm: usize, x: Vec<f64> },
    BestLoss { arm: usize, runs: Runs<'a> },
    BestSize { arm: usize, runs: Runs<'a> },
    Crossing { arms: [usize; 2], runs: [Runs<'a>; 2], ln_scale: f64, slope: f64 },
    Difference { arms: [usize; 2], runs: [Runs<'a>; 2] },
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
    fn arms(&self) -> &[usize] {
        match self {
            Self::Loss { arm, .. } | Self::BestLoss { arm, .. } | Self::BestSize { arm, .. } => {
                std::slice::from_ref(arm)
            }
            Self::Crossover { arms, .. } => arms,
            Self::Winner { arms, .. } => arms,
        }
    }

    /// What is wrong with it, whatever the laws say.
    pub(super) fn check(&self, arms: &[Arm<'_>]) -> Result<(), Refused> {
        let arms_n = arms.len();
        if let Some(arm) = self.arms().iter().find(|arm| **arm >= arms_n) {
            return Err(Refused::NoArm { arm: *arm, arms_n });
        }
        let own = self.arms();
        let repeats = own.iter().enumerate().any(|(i, arm)| own[..i].contains(arm));
        match self {
            Self::Crossover { .. } | Self::Winner { .. } if own.len() < 2 || repeats => {
                return Err(Refused::NoRivals);
            }
            _ => {}
        }
        match self {
            Self::Loss { arm, x } => {
                let variables = arms[*arm].law.card().variables;
                if x.len() != variables.len() {
                    return Err(Refused::Variables { found: x.len(), expected: variables.len() });
                }
                variables.iter().zip(x).try_for_each(|(variable, x)| positive(variable.symbol, *x))
            }
            Self::BestSize { arm, scale } => {
                let law = arms[*arm].law;
                size_and_tokens(law).ok_or_else(|| Refused::NoFrontier { law: law.card().name })?;
                positive("the budget of the target", scale.value())
            }
            Self::BestLoss { scale, .. } | Self::Winner { scale, .. } => {
                positive("the budget of the target", scale.value())
            }
            Self::Crossover { from, decades, .. } => {
                positive("the budget of the target", from.value())?;
                positive("the decades in which a crossing is looked for", *decades)
            }
        }
    }

    /// The target by the fit, which says where crossings are and who is best.
    pub(super) fn question<'a>(&self, arms: &[Arm<'a>]) -> Result<Question<'a>, Refused> {
        let runs = |arm: usize, scale: Scale| Runs::new(&arms[arm], scale);
        match self {
            Self::Loss { arm, x } => Ok(Question::Loss { arm: *arm, x: x.clone() }),
            Self::BestLoss { arm, scale } => {
                Ok(Question::BestLoss { arm: *arm, runs: runs(*arm, *scale)? })
            }
            Self::BestSize { arm, scale } => {
                Ok(Question::BestSize { arm: *arm, runs: runs(*arm, *scale)? })
            }
            Self::Winner { arms: own, scale } => {
                let mut places = Vec::with_capacity(own.len());
                for arm in own {
                    let loss = runs(*arm, *scale)?.ln_loss(&arms[*arm].coefficients);
                    places.push((loss.ok_or(Refused::NoOptimum)?, *arm));
                }
                places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let pair = [places[0].1, places[1].1];
                let runs = [runs(pair[0], *scale)?, runs(pair[1], *scale)?];
                Ok(Question::Difference { arms: pair, runs })
            }
            Self::Crossover { arms: pair, from, decades } => crossing(arms, *pair, *from, *decades),
        }
    }
}

/// Where the fits of two arms cross, or else come nearest.
fn crossing<'a>(
    arms: &[Arm<'a>],
    pair: [usize; 2],
    from: Scale,
    decades: f64,
) -> Result<Question<'a>, Refused> {
    // Says what is wrong before the search, in which a place without a value only counts as far.
    pair.iter().try_for_each(|arm| Runs::new(&arms[*arm], from).map(drop))?;
    let lead = |ln_factor: f64| {
        let loss = |arm: usize| {
            let runs = Runs::new(&arms[arm], from.times(ln_factor.exp())).ok()?;
            runs.ln_loss(&arms[arm].coefficients)
        };
        loss(pair[0]).zip(loss(pair[1])).map_or(f64::NAN, |(a, b)| a - b)
    };
    let at_start = lead(0.0);
    if at_start.is_nan() {
        return Err(Refused::NoOptimum);
    }
    let end = decades * LN_10;
    let changed = |ln_factor: f64| lead(ln_factor) * at_start < 0.0;
    let found = bracket::first(0.0, end, STEPS, HALVINGS, changed);
    let ln_factor = found.unwrap_or_else(|| {
        let places = (0..=STEPS).map(|step| end * f64::from(step) / f64::from(STEPS));
        let nearer = |a: f64, b: f64| if lead(b).abs() < lead(a).abs() { b } else { a };
        places.reduce(nearer).unwrap_or(0.0)
    });
    let scale = from.times(ln_factor.exp());
    let runs = [Runs::new(&arms[pair[0]], scale)?, Runs::new(&arms[pair[1]], scale)?];
    let [below, above] = [-SLOPE_STEP, SLOPE_STEP].map(|step| lead(ln_factor + step));
    let slope = (above - below) / (2.0 * SLOPE_STEP);
    if found.is_some() && slope != 0.0 && slope.is_finite() {
        return Ok(Question::Crossing { arms: pair, runs, ln_scale: scale.value().ln(), slope });
    }
    Ok(Question::Difference { arms: pair, runs })
}

impl Question<'_> {
    pub(super) fn quantity(&self) -> Quantity {
        match self {
            Self::Loss { .. } | Self::BestLoss { .. } => Quantity::Loss,
            Self::BestSize { .. } => Quantity::Size,
            Self::Crossing { .. } => Quantity::Budget,
            Self::Difference { .. } => Quantity::LossRatio,
        }
    }

    /// The arms that it is about, each with its run there by the arm's fit.
    pub(super) fn places(&self, arms: &[Arm<'_>]) -> Option<Vec<(usize, Vec<f64>)>> {
        let best = |arm: usize, runs: &Runs<'_>| Some((arm, runs.best(&arms[arm].coefficients)?));
        match self {
            Self::Loss { arm, x } => Some(vec![(*arm, x.clone())]),
            Self::BestLoss { arm, runs } | Self::BestSize { arm, runs } => {
                Some(vec![best(*arm, runs)?])
            }
            Self::Crossing { arms: [a, b], runs, .. } | Self::Difference { arms: [a, b], runs } => {
                Some(vec![best(*a, &runs[0])?, best(*b, &runs[1])?])
            }
        }
    }

    /// The target by one draw of the coefficients of all arms. None where this draw has no optimum.
    pub(super) fn aim(&self, arms: &[Arm<'_>], draw: &[&[f64]]) -> Option<Aim> {
        // An optimum moves with the coefficients, and the loss does not change along it.
        let loss_at = |arm: usize, x: &[f64]| {
            let value = arms[arm].law.predict(draw[arm], x).ln();
            (value, sensitivity(&arms[arm], draw[arm], x))
        };
        let best = |arm: usize, runs: &Runs<'_>| Some(loss_at(arm, &runs.best(draw[arm])?));
        let difference = |[a, b]: [usize; 2], runs: &[Runs<'_>; 2], scale: f64| {
            let ((loss_a, of_a), (loss_b, of_b)) = (best(a, &runs[0])?, best(b, &runs[1])?);
            let times = |gradient: Vec<f64>, factor: f64| {
                gradient.into_iter().map(|slope| slope * factor).collect::<Vec<f64>>()
            };
            let gradients = vec![(a, times(of_a, scale)), (b, times(of_b, -scale))];
            Some(Aim { value: loss_a - loss_b, gradients })
        };
        match self {
            Self::Loss { arm, x } => {
                let (value, gradient) = loss_at(*arm, x);
                Some(Aim { value, gradients: vec![(*arm, gradient)] })
            }
            Self::BestLoss { arm, runs } => {
                let (value, gradient) = best(*arm, runs)?;
                Some(Aim { value, gradients: vec![(*arm, gradient)] })
            }
            Self::BestSize { arm, runs } => {
                let value = runs.best_size(draw[*arm])?;
                let by_loss = |x: &[f64]| sensitivity(&arms[*arm], draw[*arm], x);
                let gradient = runs.best_size_gradient(draw[*arm], value, by_loss);
                Some(Aim { value, gradients: vec![(*arm, gradient)] })
            }
            Self::Crossing { arms: pair, runs, ln_scale, slope } => {
                // The crossing moves by the difference over its slope. What counts in the choice is
                // relative: the fit's place and slope serve all draws.
                let moved = difference(*pair, runs, -slope.recip())?;
                Some(Aim { value: *ln_scale, ..moved })
            }
            Self::Difference { arms: pair, runs } => difference(*pair, runs, 1.0),
        }
    }
}

/// Refuses what has no logarithm.
pub(super) fn positive(what: &str, value: f64) -> Result<(), Refused> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Refused::NotPositive { what: what.to_owned(), value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;
    use crate::query::Throughput;

    fn arms() -> Vec<Arm<'static>> {
        let law = find("chinchilla").expect("it is in the catalogue");
        let arm = |coefficients: [f64; 5], amplitude: f64| Arm {
            throughput: Some(Throughput { amplitude, exponent: 0.9, residual_sd: 0.0 }),
            ..Arm::new("arm", law, &coefficients)
        };
        vec![
            arm([1.82, 480.0, 2080.0, 0.348, 0.366], 8e12),
            arm([1.70, 800.0, 3000.0, 0.350, 0.360], 5e12),
            arm([1.90, 480.0, 2080.0, 0.348, 0.366], 8e12),
        ]
    }

    fn aim(target: &Target, arms: &[Arm<'_>]) -> Aim {
        let question = target.question(arms).expect("a question");
        let draw: Vec<&[f64]> = arms.iter().map(|arm| &arm.coefficients[..]).collect();
        question.aim(arms, &draw).expect("it has a value")
    }

    #[test]
    fn gradients_are_how_targets_move_with_the_coefficients() {
        let scales = [Scale::Flops(1e21), Scale::Hours(3e3)];
        let targets = scales.into_iter().flat_map(|scale| {
            [
                Target::BestLoss { arm: 1, scale },
                Target::BestSize { arm: 1, scale },
                Target::Winner { arms: vec![0, 1, 2], scale },
                Target::Crossover { arms: [0, 1], from: scale, decades: 6.0 },
            ]
        });
        for target in targets {
            let arms = arms();
            let here = aim(&target, &arms);
            for (arm, gradient) in &here.gradients {
                for (i, slope) in gradient.iter().enumerate() {
                    let step = 1e-4 * arms[*arm].coefficients[i];
                    let at = |sign: f64| {
                        let mut moved = arms.clone();
                        moved[*arm].coefficients[i] += sign * step;
                        aim(&target, &moved).value
                    };
                    let kind = arms[*arm].law.card().parameters[i].kind;
                    let amplitude = kind == Kind::Amplitude;
                    let scale = if amplitude { arms[*arm].coefficients[i] } else { 1.0 };
                    let found = scale * (at(1.0) - at(-1.0)) / (2.0 * step);
                    let error = (found - slope).abs();
                    assert!(
                        error < 0.01 * slope.abs().max(0.01),
                        "{target:?} {i}: {found}, {slope}"
                    );
                }
            }
        }
    }

    #[test]
    fn two_arms_have_one_loss_where_they_cross() {
        let (arms, from) = (arms(), Scale::Hours(100.0));
        let target = Target::Crossover { arms: [0, 1], from, decades: 7.0 };
        let question = target.question(&arms).expect("a question");
        assert_eq!(question.quantity(), Quantity::Budget);
        let scale = Scale::Hours(aim(&target, &arms).value.exp());
        let [a, b] = [0, 1].map(|arm: usize| {
            let runs = Runs::new(&arms[arm], scale).expect("a law of N and D");
            runs.ln_loss(&arms[arm].coefficients).expect("it has an optimum")
        });
        assert!((a - b).abs() < 1e-8, "{a} and {b}");
    }

    #[test]
    fn where_nothing_crosses_the_difference_is_asked_for() {
        // The third arm is the first with a higher floor.
        let target = Target::Crossover { arms: [0, 2], from: Scale::Flops(1e18), decades: 6.0 };
        let question = target.question(&arms()).expect("a question");
        assert_eq!(question.quantity(), Quantity::LossRatio);
    }
}
