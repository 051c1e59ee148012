//! From a study to fits and crossovers in one call.

use sweep_core::crossover::Crossover;
use sweep_core::fit::{ArmFits, LawFit, LawName};
use sweep_core::ids::ForecastId;
use sweep_core::spec::LawChoice;

use crate::caveat::{Context, caveats};
use crate::compare::{FloorArm, LineArm};
use crate::curve::{Curve, Study};
use crate::family::{Family, family};
use crate::law::{Power, PowerFloor};
use crate::select::{Chosen, choose};

/// How to analyse a study.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The forecast being made; the ids of its fits are derived from it.
    pub forecast: ForecastId,
    pub law: LawChoice,
    /// Level of every interval, in (0, 1).
    pub level: f64,
    /// No crossing is looked for beyond this, hours.
    pub horizon_hours: f64,
    /// Bootstrap draws; at least one is made.
    pub draws_n: u32,
    /// Seed of the draws: equal requests have equal answers.
    pub seed: u64,
}

/// Everything one refit says.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// In the order of the study. An arm with too few data has no fits yet.
    pub arms: Vec<ArmFits>,
    /// One per pair of arms, in the order of the study.
    pub crossovers: Vec<Crossover>,
}

/// Fits both laws to every arm's curve, chooses the one that speaks, and forecasts every
/// crossover.
///
/// A pure function: no clock, no files, no state, no dice but those of `request.seed`. It never
/// fails; what the data do not support is said in the result ([`Outcome::Undetermined`],
/// [`LawFit::caveats`], [`LawFit::convergence`]).
///
/// [`Outcome::Undetermined`]: sweep_core::crossover::Outcome::Undetermined
#[must_use]
pub fn analyse(study: &Study, request: &Request) -> Analysis {
    let power = family::<_, LineArm, 2>(Power, study, request);
    let floor = family::<_, FloorArm, 3>(PowerFloor, study, request);
    let all: Vec<LawFit> = power.fits.iter().chain(&floor.fits).flatten().cloned().collect();
    let chosen = choose(request.law, &all);

    let arms = study
        .curves
        .iter()
        .zip(power.fits.iter().zip(&floor.fits))
        .map(|(curve, (power, floor))| ArmFits {
            arm: curve.arm.clone(),
            fits: [power, floor]
                .into_iter()
                .flatten()
                .map(|fit| with_caveats(fit, study, curve, chosen, request.horizon_hours))
                .collect(),
            chosen: chosen.law,
            choice: request.law,
        })
        .collect();
    let (speaking, other) = match chosen.law {
        LawName::Power => (power, floor),
        LawName::PowerFloor => (floor, power),
    };
    Analysis { arms, crossovers: with_other_law(speaking, &other) }
}

/// Adds to every crossover what the other family says.
fn with_other_law(speaking: Family, other: &Family) -> Vec<Crossover> {
    let add = |(mut crossover, other): (Crossover, &Crossover)| {
        crossover.other_law = Some(format!("with {}: {}", other.law, other.headline()));
        crossover
    };
    speaking.crossovers.into_iter().zip(&other.crossovers).map(add).collect()
}

fn with_caveats(
    fit: &LawFit,
    study: &Study,
    curve: &Curve,
    chosen: Chosen,
    horizon_hours: f64,
) -> LawFit {
    let losses = || curve.points.iter().map(|p| study.units.loss * p.ln_loss.exp());
    let residuals: Vec<(f64, u64, f64)> = curve
        .points
        .iter()
        .zip(losses())
        .map(|(point, loss)| {
            let hours = study.class_hours[point.cell.class];
            (hours, point.cell.seed, (loss / fit.predict(hours)).ln())
        })
        .collect();
    let before_last = curve.classes().iter().rev().nth(1).copied();
    let context = Context {
        axis: study.axis,
        loss_min: losses().fold(f64::INFINITY, f64::min),
        hours_before_last: before_last
            .map_or(fit.hours_measured.lower, |class| study.class_hours[class]),
        residuals: &residuals,
        horizon_hours,
        untested: chosen.untested,
    };
    LawFit { caveats: caveats(fit, &context), ..fit.clone() }
}
