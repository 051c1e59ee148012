//! A batch in words and figures.

use std::fmt;

use super::belief::Belief;
use super::choose::{Account, best};
use super::setting::Setting;
use super::{Limits, Proposal};

/// What is expected of a target: ln loss or ln N.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectation {
    /// By the fit.
    pub value: f64,
    /// Around it, by the coefficients alone.
    pub sd: f64,
}

/// Runs of one configuration within a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposedRun {
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
    pub runner_up: Option<RunnerUp>,
    pub reason: Reason,
}

/// The best other candidate at that moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RunnerUp {
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
        )
    }
}

/// Replays a batch, equal runs together, and says what each is expected to do.
pub(super) fn report(
    setting: &Setting<'_>,
    start: Belief<'_>,
    limits: &Limits,
    batch: &[usize],
) -> Proposal {
    let account = Account::new(setting, limits);
    let expect =
        |belief: &Belief<'_>| Expectation { value: setting.value(), sd: belief.target_sd() };
    let mut belief = start;
    let mut known = expect(&belief);
    let mut proposal = Proposal { runs: Vec::new(), hours: 0.0, before: known, after: known };
    let mut places: Vec<(usize, u32)> = Vec::new();
    for candidate in batch {
        match places.iter_mut().find(|(place, _)| place == candidate) {
            Some((_, seeds_n)) => *seeds_n += 1,
            None => places.push((*candidate, 1)),
        }
    }
    for (place, seeds_n) in places {
        let candidate = setting.candidates[place];
        let others = (0..setting.candidates.len()).filter(|other| {
            *other != place && setting.candidates[*other].hours <= limits.run_hours_max
        });
        let runner_up = best(&belief, setting.known_n, &account, others).map(|(other, gain)| {
            let other = setting.candidates[other];
            RunnerUp { arm: other.arm, x: other.x.clone(), gain_per_hour: gain / other.hours }
        });
        let sds = belief.coefficient_sds(candidate.arm);
        (0..seeds_n).for_each(|_| belief.learn(setting.known_n + place));
        let after = expect(&belief);
        let shrinks = belief.coefficient_sds(candidate.arm).into_iter().zip(sds);
        let (coefficient, coefficient_shrink) = shrinks
            .map(|(after, before)| if before > 0.0 { 1.0 - after / before } else { 0.0 })
            .enumerate()
            .fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
        let hours = f64::from(seeds_n) * candidate.hours;
        let parameters = setting.arms[candidate.arm].law.card().parameters;
        proposal.runs.push(ProposedRun {
            arm: candidate.arm,
            x: candidate.x.clone(),
            seeds_n,
            hours,
            before: known,
            after,
            runner_up,
            reason: Reason {
                coefficient: parameters[coefficient].symbol,
                coefficient_shrink,
                target_shrink: 1.0 - after.sd / known.sd,
                hours,
            },
        });
        proposal.hours += hours;
        known = after;
    }
    proposal.after = known;
    proposal
}
