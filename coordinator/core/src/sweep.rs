//! The state of a whole sweep and of one run as people see it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::control::{ControlEvent, Stop};
use crate::ids::SweepId;
use crate::import::Import;
use crate::ledger::Balance;
use crate::plan::RunSpec;
use crate::proposal::Proposal;
use crate::retry::EndedAttempt;
use crate::run::{Checkpoint, FailureReason, RunResult, RunState};
use crate::throughput::{Throughput, ThroughputKey};
use crate::units::AcceleratorTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SweepPhase {
    /// Measuring throughput; there is no plan yet.
    Calibrating,
    /// Runs are waiting, running or about to.
    Running,
    /// No run will be started any more.
    Done,
}

impl SweepPhase {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calibrating => "calibrating",
            Self::Running => "running",
            Self::Done => "done",
        }
    }
}

/// A sweep as it was submitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepRecord {
    pub id: SweepId,
    pub name: String,
    /// budget.yaml, verbatim.
    pub yaml: String,
    pub phase: SweepPhase,
    pub submitted_at: Timestamp,
    pub balance: Balance,
    /// Whose hours and quota it uses.
    pub project: String,
    /// Within the project the highest goes first.
    pub priority: i32,
    /// When it was paused; none where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// When all of it was cancelled; none where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
}

impl SweepRecord {
    /// Whether its queued runs are for workers to take.
    #[must_use]
    pub fn starts_runs(&self) -> bool {
        let is_held = self.paused_at.is_some() || self.cancelled_at.is_some();
        self.phase == SweepPhase::Running && !is_held
    }
}

/// One run with everything recorded about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    pub spec: RunSpec,
    pub state: RunState,
    /// Attempts so far; also the epoch of the current or last lease.
    pub attempts_n: u32,
    /// Accelerator time used by all attempts, as charged.
    pub spent: AcceleratorTime,
    pub checkpoint: Option<Checkpoint>,
    pub result: Option<RunResult>,
    pub failure: Option<FailureReason>,
    /// The attempts that have ended, the first in front.
    #[serde(default)]
    pub attempts: Vec<EndedAttempt>,
    /// Not before this is it given to a worker again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// What its worker is told at its next heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Why the run is not being worked on, in plain words.
    pub waiting: Option<String>,
    /// Latest report of the worker that trains it.
    pub progress: Option<Progress>,
}

impl RunRecord {
    /// Until when its back-off lasts, where it does.
    #[must_use]
    pub fn waits_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before.filter(|until| self.state == RunState::Queued && *until > now)
    }
}

/// What a worker last said of the run it trains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    pub step: u64,
    /// Latest training loss, nats per token.
    pub loss: f64,
    pub tokens_per_second: f64,
}

/// One throughput that a sweep needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    pub arm: String,
    pub size: String,
    pub key: ThroughputKey,
    /// None while it is not measured yet.
    pub throughput: Option<Throughput>,
}

/// Everything about a sweep that a watcher needs to draw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepStatus {
    pub record: SweepRecord,
    pub calibrations: Vec<Calibration>,
    /// In plan order; empty until there is a plan.
    pub runs: Vec<RunRecord>,
    /// The current crossover forecasts in one sentence each, once there are any.
    pub headlines: Vec<String>,
    /// The newest proposal, where it waits for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// Runs of other tools that the forecast sees beside those of the plan, oldest import first.
    #[serde(default)]
    pub imports: Vec<Import>,
    /// What people asked of it, oldest first.
    #[serde(default)]
    pub events: Vec<ControlEvent>,
    /// Worker processes that asked for work lately.
    pub workers_n: u32,
    /// Faults that keep the sweep from going on, in plain words.
    pub problems: Vec<String>,
}

/// What submitting a budget.yaml would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preview {
    pub calibrations: Vec<Calibration>,
    /// None while throughputs are missing.
    pub plan: Option<crate::plan::Plan>,
}
