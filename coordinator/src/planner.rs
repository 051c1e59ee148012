//! From a budget.yaml and measured throughputs to an immutable plan. Pure.

use sweep_core::class::ComputeClass;
use sweep_core::corpus::CorpusRef;
use sweep_core::ids::{PlanId, RunId, SweepId};
use sweep_core::plan::{Plan, RunSpec};
use sweep_core::spec::SweepSpec;
use sweep_core::sweep::Calibration;

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
                    let tokens_per_second = throughput.tokens_per_second;
                    let batch = spec.data.batch.0;
                    let sequence = size.model.sequence;
                    let steps = class.steps(tokens_per_second, batch, sequence);
                    if steps == 0 {
                        return Err(PlanError::NoStepFits {
                            class,
                            arm: arm.name.clone(),
                            size: size.name,
                            tokens_per_step: u64::from(batch) * u64::from(sequence),
                            tokens_per_second: tokens_per_second as u64,
                        });
                    }
                    let tokens_d = steps * u64::from(batch) * u64::from(sequence);
                    if let Some(tokens_max) = corpus.tokens_max().filter(|most| *most < tokens_d) {
                        let (arm, size) = (arm.name.clone(), size.name);
                        return Err(PlanError::TextUsedUp {
                            class,
                            arm,
                            size,
                            tokens_d,
                            tokens_max,
                        });
                    }
                    let name = format!("{}/{}/{}ms/{seed}", arm.name, size.name, class.time().ms());
                    runs.push(RunSpec {
                        id: RunId::derived(sweep.0, &name),
                        arm: arm.name.clone(),
                        size: size.name,
                        class,
                        seed: *seed,
                        model: size.model,
                        optimiser: size.optimiser,
                        trainer: arm.trainer.clone(),
                        batch,
                        micro_batch: spec.data.micro_batch.map(|micro| micro.0),
                        evaluate_last: spec.data.evaluate_last.map(|last| last.0 as u32),
                        steps,
                        corpus: corpus.clone(),
                        tokens_per_second,
                    });
                }
            }
        }
    }
    let name = parent.map_or_else(|| "plan".to_owned(), |parent| format!("plan after {parent}"));
    Ok(Plan { id: PlanId::derived(sweep.0, &name), sweep, parent, granted: spec.budget, runs })
}

#[cfg(test)]
pub(crate) mod tests;
