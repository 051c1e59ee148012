//! A batch in words and figures.

use std::fmt;

use sweep_core::fit::Interval;

use super::account::Account;
use super::belief::Belief;
use super::choose::{Batch, best};
use super::designs::Design;
use super::setting::Setting;
use super::target::Quantity;
use super::{Limits, Proposal};

/// Half the width of a normal distribution's central 90 %, in standard deviations.
const NORMAL_90: f64 = 1.644_853_626_951_472_2;

/// What is expected of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    pub quantity: Quantity,
    /// Its logarithm by the fit.
    pub value: f64,
    /// Around that, by the coefficients alone.
    pub sd: f64,
}

impl Expectation {
    /// The central 90 % of the quantity itself: loss, parameters, FLOP or hours, ratio of losses.
    #[must_use]
    pub fn interval(&self) -> Interval {
        let half = NORMAL_90 * self.sd;
        Interval { lower: (self.value - half).exp(), upper: (self.value + half).exp() }
    }
}

/// Runs of one configuration within a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedRun {
    /// Its place among the candidates that were given.
    pub candidate: usize,
    pub arm: usize,
    pub x: Vec<f64>,
    /// Runs to make, each with a seed of its own.
    pub seeds_n: u32,
    /// Of all of them.
    pub hours: f64,
    /// The target when the runs above in the batch are known.
    pub before: Expectation,
    /// And when these are too.
    pub after: Expectation,
    /// Share of the target's variance that the first of them removes for an hour.
    pub gain_per_hour: f64,
    pub runner_up: Option<RunnerUp>,
    pub reason: Reason,
}

/// The best candidate that the batch does without, at that moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RunnerUp {
    /// Its place among the candidates that were given.
    pub candidate: usize,
    pub arm: usize,
    pub x: Vec<f64>,
    /// Share of the target's variance that it would remove for an hour.
    pub gain_per_hour: f64,
}

/// Why a run is proposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The coefficient that it says most about, and the share of its interval that goes.
    pub coefficient: &'static str,
    pub coefficient_shrink: f64,
    /// Share of the target's interval that goes.
    pub target_shrink: f64,
    pub hours: f64,
    /// What the whole batch is.
    pub design: Design,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.3} h narrow the target by {:.1} %: they say most about {}, whose interval shrinks \
             by {:.1} %",
            self.hours,
            100.0 * self.target_shrink,
            self.coefficient,
            100.0 * self.coefficient_shrink
        )?;
        if self.design == Design::Chosen {
            return Ok(());
        }
        write!(
            f,
            ", in {}, which is expected to narrow it more than {}",
            self.design,
            Design::Chosen
        )
    }
}

/// Replays a batch, equal runs together and the one that is worth most for its price first, and says
/// what each is expected to do.
pub(super) fn report(
    setting: &Setting<'_>,
    start: Belief<'_>,
    limits: &Limits,
    batch: &Batch,
) -> Proposal {
    let account = Account::new(setting, limits);
    let noise = setting.noise();
    let expect = |belief: &Belief<'_>| Expectation {
        quantity: setting.quantity,
        value: setting.value(),
        sd: belief.target_sd(),
    };
    let mut places: Vec<(usize, u32)> = Vec::new();
    for candidate in &batch.runs {
        match places.iter_mut().find(|(place, _)| place == candidate) {
            Some((_, seeds_n)) => *seeds_n += 1,
            None => places.push((*candidate, 1)),
        }
    }
    let taken: Vec<usize> = places.iter().map(|(place, _)| setting.point_of[*place]).collect();
    let others: Vec<usize> = (0..setting.candidates.len())
        .filter(|other| !taken.contains(&setting.point_of[*other]) && account.allows(*other, false))
        .collect();

    let mut belief = start;
    let mut known = expect(&belief);
    let (before, mut runs) = (known, Vec::with_capacity(places.len()));
    while !places.is_empty() {
        let left = places.iter().map(|(place, _)| *place);
        let Some((place, gain)) = best(setting, &belief, &account, left) else { break };
        let at = places.iter().position(|(other, _)| *other == place).unwrap_or(0);
        let (_, seeds_n) = places.remove(at);
        let candidate = setting.candidates[place];
        let runner_up = best(setting, &belief, &account, others.iter().copied());
        let runner_up = runner_up.map(|(other, gain)| {
            let (number, other) = (setting.given[other], setting.candidates[other]);
            let gain_per_hour = gain / other.hours;
            RunnerUp { candidate: number, arm: other.arm, x: other.x.clone(), gain_per_hour }
        });
        let sds = belief.coefficient_sds(candidate.arm);
        (0..seeds_n).for_each(|_| belief.learn(setting.point_of[place], noise));
        let after = expect(&belief);
        let shrinks = belief.coefficient_sds(candidate.arm).into_iter().zip(sds);
        let (coefficient, coefficient_shrink) = shrinks
            .map(|(after, before)| if before > 0.0 { 1.0 - after / before } else { 0.0 })
            .enumerate()
            .fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
        let hours = f64::from(seeds_n) * candidate.hours;
        let parameters = setting.arms[candidate.arm].law.card().parameters;
        runs.push(ProposedRun {
            candidate: setting.given[place],
            arm: candidate.arm,
            x: candidate.x.clone(),
            seeds_n,
            hours,
            before: known,
            after,
            gain_per_hour: gain / candidate.hours,
            runner_up,
            reason: Reason {
                coefficient: parameters[coefficient].symbol,
                coefficient_shrink,
                target_shrink: 1.0 - after.sd / known.sd,
                hours,
                design: batch.design,
            },
        });
        known = after;
    }
    let hours = runs.iter().map(|run| run.hours).sum();
    Proposal { runs, hours, design: batch.design, before, after: known }
}
