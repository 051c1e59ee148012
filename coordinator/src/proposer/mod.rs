//! Which runs to make next with what the plan leaves of a budget. Pure.
//!
//! The law engine judges compute classes along each arm's curve; `sizes` says which sizes of an arm
//! stand for a class, and the plan's own throughputs what a class is in steps.

mod question;
mod sizes;
mod space;

use std::collections::BTreeSet;

use law_engine::catalogue::{self, Data, Law, Options, Scheme};
use law_engine::propose::{
    self, Arm, Candidate, Limits, Quantity as EngineQuantity, Run, Space, Spread, State,
};
use law_engine::query::Fitted;
use sweep_core::class::ComputeClass;
use sweep_core::clock::Timestamp;
use sweep_core::fit::LawName;
use sweep_core::forecast::Forecast;
use sweep_core::ids::ProposalId;
use sweep_core::ledger::Balance;
use sweep_core::observation::{Observation, lower_envelope};
use sweep_core::plan::Plan;
use sweep_core::proposal::{Expectation, Proposal, ProposedRuns, Quantity};
use sweep_core::run::RunState;
use sweep_core::spec::SweepSpec;
use sweep_core::sweep::RunRecord;
use sweep_core::units::AcceleratorTime;

use crate::planner::{self, Further};
use sizes::Sizes;

/// Everything a proposal depends on. Equal inputs make equal proposals, ids included.
#[derive(Clone, Copy, Debug)]
pub struct ProposalInput<'a> {
    pub spec: &'a SweepSpec,
    pub forecast: &'a Forecast,
    pub observations: &'a [Observation],
    /// The newest, with the state of its runs.
    pub plan: &'a Plan,
    pub runs: &'a [RunRecord],
    pub balance: Balance,
    pub at: Timestamp,
}

/// Draws of the coefficients that a proposal is averaged over.
const DRAWS_N: u32 = 7;
/// Draws are a function of the data.
const SEED: u64 = 0;
/// Seeds of one arm and class, where budget.yaml has no more.
const SEEDS_MAX: usize = 4;
/// Of what the plan leaves, what one proposal may cost: the next one knows more.
const PART: f64 = 1.0 / 3.0;
/// Runs at the end of a batch that narrow the answer by less are not proposed.
const SHRINK_MIN: f64 = 0.01;

/// Proposes. What cannot be proposed is said in the remarks; it never fails.
#[must_use]
pub fn propose(input: &ProposalInput<'_>) -> Proposal {
    let left = left(input);
    let mut proposal = Proposal {
        id: id(input),
        sweep: input.plan.sweep,
        number: 0,
        forecast: input.forecast.id,
        plan: input.plan.id,
        granted: input.balance.granted,
        made_at: input.at,
        affordable: left,
        question: None,
        quantity: None,
        before: None,
        after: None,
        runs: Vec::new(),
        design: String::new(),
        remarks: Vec::new(),
    };
    if let Err(reason) = fill(input, &mut proposal) {
        proposal.remarks.push(reason);
    }
    proposal
}

/// What the runs that wait leave of the budget. Runs in progress may give back some of what they hold:
/// that is not counted.
#[must_use]
pub fn left(input: &ProposalInput<'_>) -> AcceleratorTime {
    left_by(input.balance, input.runs)
}

/// The same of a balance and the runs of the newest plan.
#[must_use]
pub fn left_by(balance: Balance, runs: &[RunRecord]) -> AcceleratorTime {
    let waits = |run: &&RunRecord| matches!(run.state, RunState::Planned | RunState::Queued);
    let waiting = runs.iter().filter(waits).map(|run| run.spec.cost()).sum();
    balance.free().saturating_sub(waiting)
}

fn id(input: &ProposalInput<'_>) -> ProposalId {
    let (plan, granted) = (input.plan.id, input.balance.granted.ms());
    ProposalId::derived(input.forecast.id.0, &format!("proposal after {plan} of {granted} ms"))
}

/// An arm that a proposal can be about.
struct Known {
    name: String,
    fitted: Fitted<'static>,
    sizes: Sizes,
    /// Hours of the points of its curve, a row per class and seed.
    hours: Vec<f64>,
}

fn fill(input: &ProposalInput<'_>, proposal: &mut Proposal) -> Result<(), String> {
    let known = known(input)?;
    let question = question::choose(input, &known)?;
    proposal.question = Some(question.words.clone());
    for arm in known.iter().filter(|arm| arm.sizes.is_largest_best) {
        let size = arm.sizes.largest().unwrap_or_default();
        proposal.remarks.push(format!(
            "{size}, the largest size of {}, is the best at its largest class: a larger size may do better",
            arm.name
        ));
    }
    let priced = priced(input, &known, proposal);
    let state = state(input, &known);
    let hours = proposal.affordable.hours();
    let seeds_max = input.spec.seeds.len().max(SEEDS_MAX) as u32;
    let limits = Limits { run_hours_max: hours, seeds_max, ..Limits::of_budget(hours) };
    let candidate = |priced: &Priced| Candidate {
        arm: priced.arm,
        x: vec![priced.class.hours()],
        hours: priced.cost().hours(),
    };
    let space = Space { candidates: priced.iter().map(candidate).collect() };
    if space.candidates.is_empty() {
        let left = left(input);
        return Err(format!("nothing can be proposed for the {left} that the plan leaves"));
    }
    let batch = propose::propose(&state, &space, &question.target, &limits)
        .map_err(|refusal| format!("nothing can be proposed: {refusal}"))?;
    let expect =
        |e: propose::Expectation| Expectation { value: e.value.exp(), interval: e.interval() };
    proposal.quantity = Some(match batch.before.quantity {
        EngineQuantity::Budget => Quantity::CrossingHours,
        EngineQuantity::LossRatio => Quantity::LossRatio,
        EngineQuantity::Loss | EngineQuantity::Size => Quantity::Loss,
    });
    proposal.before = Some(expect(batch.before));
    proposal.design = batch.design.to_string();
    // What narrows the answer by next to nothing is left for a proposal that knows more.
    let is_worth = |run: &propose::ProposedRun| run.reason.target_shrink >= SHRINK_MIN;
    let worth_n = batch.runs.iter().rposition(is_worth).map_or(0, |last| last + 1);
    proposal.after =
        Some(expect(batch.runs[..worth_n].last().map_or(batch.before, |run| run.after)));
    for run in &batch.runs[..worth_n] {
        let priced = &priced[run.candidate];
        let arm = &known[priced.arm].name;
        proposal.runs.push(ProposedRuns {
            arm: arm.clone(),
            class: priced.class,
            sizes: priced.sizes.clone(),
            seeds: next_seeds(input, arm, priced.class, run.seeds_n as usize),
            after: expect(run.after),
            reason: format!(
                "narrows the answer by {:.0} %, and {} of {arm} by {:.0} %",
                100.0 * run.reason.target_shrink,
                run.reason.coefficient,
                100.0 * run.reason.coefficient_shrink
            ),
        });
    }
    if proposal.runs.is_empty() {
        proposal.remarks.push("no run that can be paid for narrows the answer".to_owned());
    }
    Ok(())
}

/// The arms with a law, each fitted as the forecast's law to its curve.
fn known(input: &ProposalInput<'_>) -> Result<Vec<Known>, String> {
    let mut known = Vec::new();
    for arm in &input.forecast.arms {
        let Some(fit) = arm.chosen_fit() else { continue };
        let law = law_over_hours(fit.law);
        let curve = lower_envelope(input.observations, &arm.arm);
        let hours: Vec<f64> = curve.iter().map(|o| o.hours).collect();
        let losses = curve.iter().map(|o| o.bits_per_byte).collect();
        let rows = hours.iter().map(|h| vec![*h]).collect();
        let names = sizes_of(input.plan, &arm.arm);
        let Some(sizes) = Sizes::new(input.observations, &arm.arm, &names) else { continue };
        let options = Options { scheme: Scheme::Runs, ..Options::default() };
        let fitted = Data::new(&["h"], rows, losses, None)
            .and_then(|data| Fitted::new(law, &data, &options, DRAWS_N, SEED))
            .map_err(|refusal| format!("{} has no law yet: {refusal}", arm.arm))?;
        known.push(Known { name: arm.arm.clone(), fitted, sizes, hours });
    }
    if known.is_empty() {
        return Err("no arm has a law yet: that takes runs of three compute classes".to_owned());
    }
    Ok(known)
}

fn law_over_hours(law: LawName) -> &'static dyn Law {
    let name = match law {
        LawName::Power => "power-hours",
        LawName::PowerFloor => "power-floor-hours",
    };
    catalogue::find(name).expect("the catalogue has both laws of hours")
}

fn sizes_of(plan: &Plan, arm: &str) -> Vec<String> {
    let names: BTreeSet<&str> =
        plan.runs.iter().filter(|run| run.arm == arm).map(|run| &*run.size).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn state<'a>(input: &ProposalInput<'_>, known: &'a [Known]) -> State<'a> {
    let mut state = State {
        arms: known
            .iter()
            .map(|arm| Arm::of_fit(&arm.name, &arm.fitted, DRAWS_N as usize))
            .collect(),
        measured: Vec::new(),
        pending: Vec::new(),
        spread: Spread::with_noise_of(known.iter().map(|arm| &arm.fitted)),
    };
    for (number, arm) in known.iter().enumerate() {
        let run = |h: &f64| Run { arm: number, x: vec![*h] };
        state.measured.extend(arm.hours.iter().map(run));
        // A point of the curve is one of a class and seed, whatever sizes it is the best of.
        let pending: BTreeSet<(ComputeClass, u64)> = input
            .runs
            .iter()
            .filter(|run| run.spec.arm == arm.name && !run.state.is_final())
            .map(|run| (run.spec.class, run.spec.seed))
            .filter(|(class, seed)| !is_measured(input, &arm.name, *class, *seed))
            .collect();
        state.pending.extend(pending.iter().map(|(class, _)| run(&class.hours())));
    }
    state
}

fn is_measured(input: &ProposalInput<'_>, arm: &str, class: ComputeClass, seed: u64) -> bool {
    let is = |o: &Observation| o.is_fit() && o.arm == arm && o.class == class && o.seed == seed;
    input.observations.iter().any(is)
}

/// A class of an arm with the sizes that stand for it.
struct Priced {
    arm: usize,
    class: ComputeClass,
    sizes: Vec<String>,
}

impl Priced {
    const fn cost(&self) -> AcceleratorTime {
        self.class.time().saturating_mul(self.sizes.len() as u64)
    }
}

/// Every class of every arm that can be paid for and trained. Settles what the proposal may cost.
fn priced(input: &ProposalInput<'_>, known: &[Known], proposal: &mut Proposal) -> Vec<Priced> {
    let left = left(input);
    let planned: BTreeSet<ComputeClass> = input.plan.runs.iter().map(|run| run.class).collect();
    let largest = planned.last().map_or(AcceleratorTime::ZERO, |class| {
        let costs = known.iter().map(|arm| {
            let sizes_n = arm.sizes.at(*class).len();
            class.time().saturating_mul(sizes_n as u64)
        });
        costs.max().unwrap_or_default()
    });
    let default = left.scaled(PART).max(largest);
    proposal.affordable = input.spec.propose.budget.unwrap_or(default).min(left);
    let mut priced = Vec::new();
    for class in space::classes(&planned, proposal.affordable) {
        for (number, arm) in known.iter().enumerate() {
            let one = Priced { arm: number, class, sizes: arm.sizes.at(class) };
            if one.cost() <= proposal.affordable && can_train(input, &arm.name, &one) {
                priced.push(one);
            }
        }
    }
    priced
}

/// The class is long enough for a step of each size, and the text is long enough for the class.
fn can_train(input: &ProposalInput<'_>, arm: &str, priced: &Priced) -> bool {
    let Priced { class, sizes, .. } = priced;
    let further =
        |size: &String| Further { arm: arm.to_owned(), size: size.clone(), class: *class, seed: 0 };
    sizes.iter().all(|size| planner::further_run(input.plan, &further(size)).is_ok())
}

/// Seeds that no run of the arm and class has: those of budget.yaml first, so that arms share them.
fn next_seeds(input: &ProposalInput<'_>, arm: &str, class: ComputeClass, n: usize) -> Vec<u64> {
    let used: BTreeSet<u64> = input
        .plan
        .runs
        .iter()
        .filter(|run| run.arm == arm && run.class == class)
        .map(|run| run.seed)
        .collect();
    let first_new = input.spec.seeds.iter().max().map_or(1, |most| most.saturating_add(1));
    let own = input.spec.seeds.iter().copied();
    own.chain(first_new..).filter(|seed| !used.contains(seed)).take(n).collect()
}

/// The runs that are chosen of a proposal, as the planner takes them; `chosen` counts from 1.
#[must_use]
pub fn further(proposal: &Proposal, chosen: &[u32]) -> Vec<Further> {
    let is_chosen = |place: usize| chosen.contains(&(place as u32 + 1));
    let mut further = Vec::new();
    for (_, runs) in proposal.runs.iter().enumerate().filter(|(place, _)| is_chosen(*place)) {
        for seed in &runs.seeds {
            for size in &runs.sizes {
                let (arm, size) = (runs.arm.clone(), size.clone());
                further.push(Further { arm, size, class: runs.class, seed: *seed });
            }
        }
    }
    further
}

#[cfg(test)]
pub(crate) mod tests;
