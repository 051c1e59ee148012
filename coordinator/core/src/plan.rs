//! An immutable plan: which runs a sweep consists of, and what they cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::ComputeClass;
use crate::corpus::CorpusRef;
use crate::external::ExternalTrainer;
use crate::ids::{PlanId, RunId, SweepId};
use crate::units::AcceleratorTime;
use crate::variant::{ModelSpec, OptimiserSpec};

/// One training job, complete: a worker needs nothing else to train it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSpec {
    pub id: RunId,
    /// Name of the arm in budget.yaml.
    pub arm: String,
    /// Name of the size within the arm.
    pub size: String,
    pub class: ComputeClass,
    pub seed: u64,
    pub model: ModelSpec,
    pub optimiser: OptimiserSpec,
    /// The command that trains it; none for the built-in trainer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trainer: Option<ExternalTrainer>,
    /// Sequences per optimiser step.
    pub batch: u32,
    /// Sequences that are trained on at a time; none where the whole batch is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<u32>,
    /// Tokens of every window that an evaluation counts; none for half the sequence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_last: Option<u32>,
    /// Optimiser steps that fill the class.
    pub steps: u64,
    pub corpus: CorpusRef,
    /// Throughput that turned the class into steps: tokens per accelerator second.
    pub tokens_per_second: f64,
}

impl RunSpec {
    /// Training tokens (D).
    #[must_use]
    pub fn tokens_d(&self) -> u64 {
        self.steps * u64::from(self.batch) * u64::from(self.model.sequence)
    }

    #[must_use]
    pub fn params_n(&self) -> u64 {
        self.model.params_n()
    }

    /// Training compute (C) by the 6ND rule: FLOPs.
    #[must_use]
    pub fn flops_c(&self) -> f64 {
        self.model.flops_c(self.tokens_d())
    }

    /// What the run costs by the protocol: its class.
    #[must_use]
    pub const fn cost(&self) -> AcceleratorTime {
        self.class.time()
    }

    /// A name for people: `gpt d64x2 20 s seed 1`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {} {} seed {}", self.arm, self.size, self.class, self.seed)
    }
}

/// All runs of a sweep, in the order in which they will be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    pub id: PlanId,
    pub sweep: SweepId,
    /// The plan this one replaces.
    pub parent: Option<PlanId>,
    pub granted: AcceleratorTime,
    pub runs: Vec<RunSpec>,
}

impl Plan {
    #[must_use]
    pub fn cost(&self) -> AcceleratorTime {
        self.runs.iter().map(RunSpec::cost).sum()
    }

    /// Runs that the grant does not pay for when runs are started in order.
    #[must_use]
    pub fn unaffordable(&self) -> Vec<&RunSpec> {
        let mut left = self.granted;
        let mut beyond = Vec::new();
        for run in &self.runs {
            if run.cost() <= left {
                left = left.saturating_sub(run.cost());
            } else {
                beyond.push(run);
            }
        }
        beyond
    }
}
