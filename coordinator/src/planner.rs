//! From a budget.yaml and measured throughputs to an immutable plan. Pure.

use sweep_core::class::ComputeClass;
use sweep_core::corpus::CorpusRef;
use sweep_core::ids::{PlanId, RunId, SweepId};
use sweep_core::plan::{Plan, RunSpec};
use sweep_core::spec::SweepSpec;
use sweep_core::sweep::Calibration;
use sweep_core::units::AcceleratorTime;

/// Everything a plan depends on. Equal inputs make equal plans, ids included.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    pub sweep: SweepId,
    pub spec: &'a SweepSpec,
    /// One per arm and size, as [`crate::calibrate::needed`] lists them, all known.
    pub calibrations: &'a [Calibration],
    pub corpus: &'a CorpusRef,
    pub parent: Option<PlanId>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error(
        "the class {class} of {arm} {size} has {tokens_d} tokens, and the mix holds {tokens_max} when every \
         corpus was read as often as `epochsMax` allows"
    )]
    TextUsedUp { class: ComputeClass, arm: String, size: String, tokens_d: u64, tokens_max: u64 },
    #[error("the throughput of {arm} {size} is not known")]
    NotCalibrated { arm: String, size: String },
    #[error(
        "the class {class} is too short for {arm} {size}: not one step of {tokens_per_step} \
         tokens fits at {tokens_per_second} tokens/s"
    )]
    NoStepFits {
        class: ComputeClass,
        arm: String,
        size: String,
        tokens_per_step: u64,
        tokens_per_second: u64,
    },
}

/// Plans all arms, sizes, classes and seeds of a sweep.
///
/// Runs are in the order in which they will be started: smallest class first, so that laws can be
/// fitted early, and arms alternate within a class, so that the comparison grows evenly.
///
/// # Errors
/// [`PlanError`] when a throughput is missing, a class is too short for a single step, or the text is
/// not enough for it.
pub fn plan(input: &PlanInput<'_>) -> Result<Plan, PlanError> {
    let PlanInput { sweep, spec, calibrations, corpus, parent } = *input;
    let mut classes = spec.classes.clone();
    classes.sort_unstable();
    let mut runs = Vec::new();
    for class in classes {
        for seed in &spec.seeds {
            for arm in &spec.arms {
                for size in arm.resolved_sizes(&spec.data) {
                    let throughput = calibrations
                        .iter()
                        .find(|c| c.arm == arm.name && c.size == size.name)
                        .and_then(|c| c.throughput.as_ref());
                    let Some(throughput) = throughput else {
                        let arm = arm.name.clone();
                        return Err(PlanError::NotCalibrated { arm, size: size.name });
                    };
                    let run = RunSpec {
                        id: run_id(sweep, &arm.name, &size.name, class, *seed),
                        arm: arm.name.clone(),
                        size: size.name,
                        class,
                        seed: *seed,
                        model: size.model,
                        optimiser: size.optimiser,
                        trainer: arm.trainer.clone(),
                        batch: spec.data.batch.0,
                        micro_batch: spec.data.micro_batch.map(|micro| micro.0),
                        evaluate_last: spec.data.evaluate_last.map(|last| last.0 as u32),
                        steps: 0,
                        corpus: corpus.clone(),
                        tokens_per_second: throughput.tokens_per_second,
                    };
                    runs.push(RunSpec { steps: steps(&run)?, ..run });
                }
            }
        }
    }
    let id = plan_id(sweep, parent);
    Ok(Plan { id, sweep, parent, granted: spec.budget, runs })
}

/// A run beside those of a plan: of an arm and size that the plan knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Further {
    pub arm: String,
    pub size: String,
    pub class: ComputeClass,
    pub seed: u64,
}

/// The plan that follows `parent`: its runs, and `further` ones after them. Throughputs are those of the
/// parent, so that all runs of a size are measured with one yardstick. Runs that the parent has already
/// are not added again.
///
/// # Errors
/// [`PlanError`] as of [`plan`].
pub fn extend(
    parent: &Plan,
    granted: AcceleratorTime,
    further: &[Further],
) -> Result<Plan, PlanError> {
    let mut runs = parent.runs.clone();
    for run in further {
        let run = further_run(parent, run)?;
        if runs.iter().all(|known| known.id != run.id) {
            runs.push(run);
        }
    }
    let sweep = parent.sweep;
    let id = plan_id(sweep, Some(parent.id));
    Ok(Plan { id, sweep, parent: Some(parent.id), granted, runs })
}

/// The whole specification of a further run.
///
/// # Errors
/// As [`extend`].
pub fn further_run(parent: &Plan, further: &Further) -> Result<RunSpec, PlanError> {
    let Further { arm, size, class, seed } = further;
    let like = parent.runs.iter().find(|run| run.arm == *arm && run.size == *size);
    let Some(like) = like else {
        return Err(PlanError::NotCalibrated { arm: arm.clone(), size: size.clone() });
    };
    let id = run_id(parent.sweep, arm, size, *class, *seed);
    let run = RunSpec { id, class: *class, seed: *seed, ..like.clone() };
    Ok(RunSpec { steps: steps(&run)?, ..run })
}

/// Planning the same run again gives it the same id.
fn run_id(sweep: SweepId, arm: &str, size: &str, class: ComputeClass, seed: u64) -> RunId {
    RunId::derived(sweep.0, &format!("{arm}/{size}/{}ms/{seed}", class.time().ms()))
}

fn plan_id(sweep: SweepId, parent: Option<PlanId>) -> PlanId {
    let name = parent.map_or_else(|| "plan".to_owned(), |parent| format!("plan after {parent}"));
    PlanId::derived(sweep.0, &name)
}

/// Optimiser steps that fill the class of a run, by its throughput.
fn steps(run: &RunSpec) -> Result<u64, PlanError> {
    let (sequence, class) = (run.model.sequence, run.class);
    let (arm, size) = (run.arm.clone(), run.size.clone());
    let steps = class.steps(run.tokens_per_second, run.batch, sequence);
    let tokens_per_step = u64::from(run.batch) * u64::from(sequence);
    if steps == 0 {
        let tokens_per_second = run.tokens_per_second as u64;
        return Err(PlanError::NoStepFits { class, arm, size, tokens_per_step, tokens_per_second });
    }
    let tokens_d = steps * tokens_per_step;
    match run.corpus.tokens_max().filter(|most| *most < tokens_d) {
        Some(tokens_max) => Err(PlanError::TextUsedUp { class, arm, size, tokens_d, tokens_max }),
        None => Ok(steps),
    }
}

#[cfg(test)]
pub(crate) mod tests;
