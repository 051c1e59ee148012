//! A question put in order: checked, sorted, equal runs together.
//!
//! Sorting makes the answer independent of the order of its input, to the last bit.

use std::cmp::Ordering;

use super::belief::{Belief, Point};
use super::spread::Place;
use super::target::{Aim, positive};
use super::{Arm, Candidate, Limits, Refused, Run, Space, Spread, State, Target};

/// Coefficients of every arm, and the target by them.
pub(super) struct Drawn<'a> {
    pub(super) coefficients: Vec<&'a [f64]>,
    pub(super) aim: Aim,
}

pub(super) struct Setting<'a> {
    pub(super) arms: &'a [Arm<'a>],
    spread: Spread,
    /// Measured and pending configurations, then the candidates.
    pub(super) points: Vec<Point>,
    /// How many of the points are measured or pending.
    pub(super) known_n: usize,
    /// The candidates in their order here.
    pub(super) candidates: Vec<&'a Candidate>,
    /// Seeds that each candidate's configuration has.
    pub(super) seeds: Vec<u32>,
    /// Coefficients by arm of each draw, with the aims there; the first is the fit.
    draws: Vec<Drawn<'a>>,
}

impl<'a> Setting<'a> {
    pub(super) fn new(
        state: &'a State<'a>,
        space: &'a Space,
        target: &'a Target,
        limits: &Limits,
    ) -> Result<Self, Refused> {
        check(state, space, limits)?;
        target.check(&state.arms)?;
        let places: Vec<Vec<f64>> = state
            .arms
            .iter()
            .enumerate()
            .map(
                |(a, arm)| {
                    if target.arms().contains(&a) { target.place(arm) } else { Some(Vec::new()) }
                },
            )
            .collect::<Option<_>>()
            .ok_or(Refused::NoOptimum)?;
        let place = |arm: usize, x: &[f64]| Place::new(arm, state.arms[arm].law, x, &places[arm]);

        let mut runs: Vec<&Run> = state.measured.iter().chain(&state.pending).collect();
        runs.sort_by(|a, b| a.arm.cmp(&b.arm).then_with(|| compare(&a.x, &b.x)));
        let noise = state.spread.seed * state.spread.seed;
        let mut points: Vec<Point> = Vec::new();
        let mut counts: Vec<u32> = Vec::new();
        for run in runs {
            let place = place(run.arm, &run.x);
            if points.last().is_some_and(|last| last.place.is(&place)) {
                *counts.last_mut().expect("as long as the points") += 1;
            } else {
                points.push(Point { place, x: run.x.clone(), noise });
                counts.push(1);
            }
        }
        for (point, count) in points.iter_mut().zip(&counts) {
            point.noise /= f64::from(*count);
        }
        let known_n = points.len();

        let mut candidates: Vec<&Candidate> = space.candidates.iter().collect();
        candidates.sort_by(|a, b| {
            a.arm.cmp(&b.arm).then_with(|| compare(&a.x, &b.x)).then(a.hours.total_cmp(&b.hours))
        });
        let mut seeds = Vec::with_capacity(candidates.len());
        for candidate in &candidates {
            let place = place(candidate.arm, &candidate.x);
            let known = points[..known_n].iter().position(|p| p.place.is(&place));
            seeds.push(known.map_or(0, |known| counts[known]));
            points.push(Point { place, x: candidate.x.clone(), noise });
        }

        let (arms, spread) = (&state.arms[..], state.spread);
        let draws = draws(arms, target)?;
        Ok(Self { arms, spread, points, known_n, candidates, seeds, draws })
    }

    /// What is known without the batch.
    pub(super) fn belief(&self) -> Result<Belief<'_>, Refused> {
        let mut belief = Belief::new(self.arms, &self.points, self.spread, &self.draws)?;
        (0..self.known_n).for_each(|point| belief.learn(point));
        Ok(belief)
    }

    /// The target by the fit.
    pub(super) fn value(&self) -> f64 {
        self.draws[0].aim.value
    }
}

/// Every draw of the arms' coefficients that the target has a value at.
fn draws<'a>(arms: &'a [Arm<'a>], target: &Target) -> Result<Vec<Drawn<'a>>, Refused> {
    let fit: Vec<&[f64]> = arms.iter().map(|arm| &arm.coefficients[..]).collect();
    let further = (0..arms[0].draws.len())
        .map(|draw| arms.iter().map(|arm| &arm.draws[draw][..]).collect::<Vec<&[f64]>>());
    let draws: Vec<Drawn<'a>> = std::iter::once(fit)
        .chain(further)
        .enumerate()
        .filter_map(|(number, draw)| match target.aim(arms, &draw) {
            Some(aim) => Some(Some(Drawn { coefficients: draw, aim })),
            None if number == 0 => Some(None),
            None => None,
        })
        .collect::<Option<_>>()
        .ok_or(Refused::NoOptimum)?;
    let is_finite = |aim: &Aim| {
        aim.value.is_finite() && aim.gradients.iter().all(|(_, g)| g.iter().all(|g| g.is_finite()))
    };
    if draws.iter().all(|drawn| is_finite(&drawn.aim)) {
        return Ok(draws);
    }
    Err(Refused::NoOptimum)
}

fn compare(a: &[f64], b: &[f64]) -> Ordering {
    let orders = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    orders.fold(Ordering::Equal, Ordering::then)
}

/// Refuses numbers that cannot be used, and references to what there is not.
fn check(state: &State<'_>, space: &Space, limits: &Limits) -> Result<(), Refused> {
    if space.candidates.is_empty() {
        return Err(Refused::NoCandidates);
    }
    let arms_n = state.arms.len();
    let run = |what: &str, arm: usize, x: &[f64]| {
        let law = state.arms.get(arm).ok_or(Refused::NoArm { arm, arms_n })?.law;
        let variables = law.card().variables;
        if x.len() != variables.len() {
            return Err(Refused::Variables { found: x.len(), expected: variables.len() });
        }
        for (variable, x) in variables.iter().zip(x) {
            if !(variable.can_be_zero && *x == 0.0) {
                positive(&format!("{} of {what}", variable.symbol), *x)?;
            }
        }
        Ok(())
    };
    for (i, Run { arm, x }) in state.measured.iter().chain(&state.pending).enumerate() {
        run(&format!("run {}", i + 1), *arm, x)?;
    }
    for (i, Candidate { arm, x, hours }) in space.candidates.iter().enumerate() {
        run(&format!("candidate {}", i + 1), *arm, x)?;
        positive(&format!("the hours of candidate {}", i + 1), *hours)?;
    }
    let draws_n = state.arms.first().map_or(0, |arm| arm.draws.len());
    for arm in &state.arms {
        let width = arm.law.card().parameters.len();
        let fits = |c: &Vec<f64>| c.len() == width && c.iter().all(|c| c.is_finite());
        let all = std::iter::once(&arm.coefficients).chain(&arm.draws).all(fits);
        if !all || arm.draws.len() != draws_n || arm.fixed.iter().any(|i| *i >= width) {
            return Err(Refused::Coefficients { arm: arm.name.to_owned() });
        }
    }
    positive("the budget", limits.budget_hours)?;
    positive("the hours of one run", limits.run_hours_max)?;
    positive("the price of a run", limits.slot_hours)?;
    let shares = [limits.largest_share, limits.repeat_share];
    if shares.iter().any(|share| share.is_nan() || *share < 0.0) || shares.iter().sum::<f64>() > 1.0
    {
        return Err(Refused::Shares);
    }
    let Spread { size, configuration, drift_per_decade, seed } = state.spread;
    positive("the noise of a seed", seed)?;
    if [size, configuration, drift_per_decade].iter().all(|sd| sd.is_finite() && *sd >= 0.0) {
        return Ok(());
    }
    Err(Refused::NotPositive { what: "a standard deviation".to_owned(), value: f64::NAN })
}
