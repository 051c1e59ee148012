//! One law family fitted to all arms of a study: their fits, draws and crossovers.

use std::collections::BTreeSet;

use sweep_core::crossover::{Axis, CrossingSet, Crossover, Outcome};
use sweep_core::fit::{Coefficient, Interval, LawFit, LawName};
use sweep_core::ids::FitId;

use crate::analyse::Request;
use crate::bootstrap::{self, Fitted};
use crate::caveat::{Rivalry, rivalry};
use crate::compare::{Arm as ComparedArm, Places, Rivals, Sample, places};
use crate::crossover::{Answer, Pair, crossover};
use crate::curve::{Curve, Study};
use crate::fit::fit;
use crate::forecast;
use crate::law::{HoursLaw, Theta};
use crate::objective::{Huber, Objective};
use crate::select::{CLASSES_MIN, held_out};

/// What one law says about a study.
pub(crate) struct Family {
    /// By arm; None where the arm has too few data for the law.
    pub(crate) fits: Vec<Option<LawFit>>,
    /// One per pair of arms, in the order of the arms.
    pub(crate) crossovers: Vec<Crossover>,
}

/// Fits `law` to every arm with enough data and crosses every pair.
pub(crate) fn family<L: HoursLaw<P>, A: ComparedArm<P>, const P: usize>(
    law: L,
    study: &Study,
    request: &Request,
) -> Family {
    let shortages: Vec<Option<String>> =
        study.curves.iter().map(|curve| shortage::<L, P>(curve, study.axis)).collect();
    let fitted: Vec<Fitted<'_, P>> = study
        .curves
        .iter()
        .zip(&shortages)
        .filter(|(_, shortage)| shortage.is_none())
        .map(|(curve, _)| Fitted { curve, fit: fit(law, &curve.points, Huber::STANDARD) })
        .collect();
    let draws_n = request.draws_n.max(1);
    let draws = bootstrap::draws(law, &fitted, Huber::STANDARD, draws_n, request.seed);

    let mut members = fitted.iter().zip(&draws);
    let arms: Vec<Arm<'_, P>> = study
        .curves
        .iter()
        .zip(shortages)
        .map(|(curve, shortage)| Arm {
            curve,
            fitted: match shortage {
                Some(shortage) => Err(shortage),
                None => Ok(members.next().expect("every arm without a shortage was fitted")),
            },
        })
        .collect();
    let fits: Vec<Option<LawFit>> =
        arms.iter().map(|arm| law_fit(law, study, arm, request)).collect();
    let pairs = (0..arms.len()).flat_map(|a| (a + 1..arms.len()).map(move |b| (a, b)));
    let crossovers = pairs
        .map(|(a, b)| {
            let fits = [fits[a].as_ref(), fits[b].as_ref()];
            cross::<L, A, P>(law, study, [&arms[a], &arms[b]], fits, request)
        })
        .collect();
    Family { fits, crossovers }
}

/// An arm with its fit and draws, or what it lacks for them.
struct Arm<'a, const P: usize> {
    curve: &'a Curve,
    fitted: Result<(&'a Fitted<'a, P>, &'a Vec<Theta<P>>), String>,
}

/// What `curve` lacks for a fit with an interval: classes, or a degree of freedom.
fn shortage<L: HoursLaw<P>, const P: usize>(curve: &Curve, axis: Axis) -> Option<String> {
    let (arm, classes, points) = (&curve.arm, curve.classes().len(), curve.points.len());
    if classes < CLASSES_MIN {
        Some(format!("arm {arm} has {}, {CLASSES_MIN} are needed", axis.classes(classes)))
    } else if points <= P {
        let needed = P + 1;
        Some(format!("arm {arm} has {points} observations, the law {} needs {needed}", L::NAME))
    } else {
        None
    }
}

fn law_fit<L: HoursLaw<P>, const P: usize>(
    law: L,
    study: &Study,
    arm: &Arm<'_, P>,
    request: &Request,
) -> Option<LawFit> {
    let (fitted, draws) = *arm.fitted.as_ref().ok()?;
    let (curve, fit) = (arm.curve, &fitted.fit);
    let classes = curve.classes();
    let measured = range(study, &classes)?;
    let squares: f64 = Objective::of_logs(law, &curve.points)
        .residuals(&fit.theta)
        .map(|residual| residual * residual)
        .sum();
    let hours = forecast::grid(measured, request.horizon_hours);
    Some(LawFit {
        id: FitId::derived(request.forecast.0, &format!("{}/{}", curve.arm, L::NAME)),
        arm: curve.arm.clone(),
        law: L::NAME,
        coefficients: coefficients(law, study, &fit.theta, draws, request.level),
        level: request.level,
        observations_n: curve.points.len() as u32,
        classes_n: classes.len() as u32,
        hours_measured: measured,
        objective: fit.objective,
        residual_rms: (squares / curve.points.len() as f64).sqrt(),
        convergence: fit.convergence.clone(),
        held_out: held_out(law, study, curve),
        curve: forecast::curve(law, &fit.theta, draws, request.level, &hours, study.units),
        caveats: Vec::new(),
    })
}

fn coefficients<L: HoursLaw<P>, const P: usize>(
    law: L,
    study: &Study,
    theta: &Theta<P>,
    draws: &[Theta<P>],
    level: f64,
) -> Vec<Coefficient> {
    let drawn: Vec<_> = draws.iter().map(|draw| law.coefficients(draw, study.units)).collect();
    let coefficient = |(i, (name, value)): (usize, (&str, f64))| {
        let mut values: Vec<f64> = drawn.iter().map(|coefficients| coefficients[i].1).collect();
        Coefficient {
            name: name.to_owned(),
            value,
            interval: forecast::around(value, &mut values, level),
        }
    };
    law.coefficients(theta, study.units).into_iter().enumerate().map(coefficient).collect()
}

/// The crossover of two arms, or what is missing for one.
fn cross<L: HoursLaw<P>, A: ComparedArm<P>, const P: usize>(
    law: L,
    study: &Study,
    arms: [&Arm<'_, P>; 2],
    fits: [Option<&LawFit>; 2],
    request: &Request,
) -> Crossover {
    let names = arms.map(|arm| arm.curve.arm.clone());
    let shared: BTreeSet<usize> = &arms[0].curve.classes() & &arms[1].curve.classes();
    let measured = range(study, &shared);
    let mut reasons: Vec<String> =
        arms.iter().filter_map(|arm| arm.fitted.as_ref().err().cloned()).collect();
    if reasons.is_empty() && measured.is_none() {
        reasons.push(format!(
            "arms {} and {} share no {}",
            names[0],
            names[1],
            study.axis.classes(1).trim_start_matches("1 ")
        ));
    }
    let (Some(measured), [Ok((a, a_draws)), Ok((b, b_draws))]) =
        (measured, arms.map(|arm| &arm.fitted))
    else {
        let none = Interval { lower: 0.0, upper: 0.0 };
        return Crossover {
            level: request.level,
            hours_measured: measured.unwrap_or(none),
            horizon_hours: request.horizon_hours,
            ..Crossover::undetermined(names, L::NAME, study.axis, reasons.join("; "))
        };
    };
    let pair = Pair {
        law,
        thetas: [&a.fit.theta, &b.fit.theta],
        draws: [a_draws, b_draws],
        units: study.units,
    };
    let samples = arms.map(|arm| Sample::new(&arm.curve.points));
    let rivals = Rivals::<A, P>::fit([&samples[0], &samples[1]]);
    let [start, end] = [measured.lower, measured.upper].map(|hours| study.units.x(hours));
    let until = study.units.x(request.horizon_hours).max(end);
    let set = rivals.as_ref().map(|rivals| places(rivals, [start, end, until], request.level));
    let answer = crossover(&pair, measured, request.horizon_hours, request.level, set.as_ref());
    let Answer { leader, outcome, probability, median_hours, standings, reversal_risk } = answer;
    let remarks = rivalry(&Rivalry {
        law: L::NAME,
        names: [&names[0], &names[1]],
        parallel: L::NAME == LawName::Power && is_parallel(rivals.as_ref(), request.level),
        includes_never: set.as_ref().is_some_and(|set| set.includes_never),
        fits,
        level: request.level,
        largest_hours: measured.upper,
        axis: study.axis,
    });
    let extrapolation = match outcome {
        Outcome::At { hours, .. } => Some(hours / measured.upper),
        _ => None,
    };
    let [first, second] = names;
    let names = if leader == 0 { [first, second] } else { [second, first] };
    Crossover {
        outcome,
        level: request.level,
        hours_measured: measured,
        horizon_hours: request.horizon_hours,
        probability,
        draws_n: a_draws.len() as u32,
        set: set.map_or_else(CrossingSet::default, |set| crossing_set(study, set)),
        median_hours,
        extrapolation,
        standings,
        reversal_risk,
        remarks,
        ..Crossover::undetermined(names, L::NAME, study.axis, String::new())
    }
}

/// x at which two lines are as far apart as their slopes make them.
const FAR: f64 = 1e5;

/// Whether two lines may never meet: far out a crossing is a question of the exponents alone.
fn is_parallel<A: ComparedArm<P>, const P: usize>(
    rivals: Option<&Rivals<A, P>>,
    level: f64,
) -> bool {
    rivals.is_some_and(|rivals| rivals.p_value(FAR) >= 1.0 - level)
}

fn crossing_set(study: &Study, set: Places) -> CrossingSet {
    let hours = |[from, to]: [f64; 2]| Interval {
        lower: study.units.hours(from),
        upper: study.units.hours(to),
    };
    CrossingSet {
        intervals: set.intervals.into_iter().map(hours).collect(),
        includes_earlier: set.includes_earlier,
        includes_never: set.includes_never,
    }
}

/// Hours of the smallest and the largest of `classes`.
fn range(study: &Study, classes: &BTreeSet<usize>) -> Option<Interval> {
    let hours = |class: &usize| study.class_hours[*class];
    Some(Interval { lower: hours(classes.first()?), upper: hours(classes.last()?) })
}
