//! Projects share the workers: each has a weight, and may have a budget of hours and a quota of runs at
//! a time. And the queue of all sweeps, as people see it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{RunId, SweepId};
use crate::units::{AcceleratorTime, WallTime};

/// The project of sweeps that name none.
pub const DEFAULT_PROJECT: &str = "default";
/// Hours used longer ago than this do not count in the fair share: a week.
pub const SHARE_WINDOW_HOURS: i64 = 7 * 24;

/// What a project may have. One that nobody has set has the defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    pub name: String,
    /// Its share beside those of others: one of weight 2 gets twice the hours of one of weight 1.
    pub weight: f64,
    /// What all its sweeps together may use; none for no limit of its own.
    pub granted: Option<AcceleratorTime>,
    /// Runs that may be in progress at a time; none for no limit.
    pub running_max: Option<u32>,
}

impl Project {
    /// A project of this name that nobody has set.
    #[must_use]
    pub fn unset(name: &str) -> Self {
        Self { name: name.to_owned(), weight: 1.0, granted: None, running_max: None }
    }
}

/// A project with what it uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectUse {
    pub project: Project,
    pub sweeps_n: u32,
    /// Runs in progress.
    pub running_n: u32,
    pub spent: AcceleratorTime,
    pub reserved: AcceleratorTime,
    /// Spent within the window of the fair share.
    pub used_lately: AcceleratorTime,
}

impl ProjectUse {
    /// What is left of its hours; none where it has no limit of its own.
    #[must_use]
    pub fn free(&self) -> Option<AcceleratorTime> {
        let granted = self.project.granted?;
        Some(granted.saturating_sub(self.spent).saturating_sub(self.reserved))
    }
}

/// Why a run waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wait {
    /// It is given to the next worker that is free, after those ahead of it.
    NoFreeWorker,
    /// Its project has as many runs in progress as it may.
    Quota {
        project: String,
        running_n: u32,
        running_max: u32,
    },
    /// What is free of the project's hours does not pay for it.
    ProjectHours {
        project: String,
        free: AcceleratorTime,
    },
    /// What is free of the sweep's budget does not pay for it: it waits for what runs in progress may
    /// give back.
    Budget {
        free: AcceleratorTime,
    },
    /// An attempt ended badly a moment ago.
    BackOff {
        left: WallTime,
    },
    Paused,
    /// The sweep has no plan yet.
    Calibrating,
}

impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoFreeWorker => f.write_str("no free worker"),
            Self::Quota { project, running_n, running_max } => {
                write!(f, "quota of project {project}: {running_n} of {running_max} running")
            }
            Self::ProjectHours { project, free } => {
                write!(f, "hours of project {project}: {free} free")
            }
            Self::Budget { free } => write!(f, "budget: {free} free"),
            Self::BackOff { left } => write!(f, "back-off, {left} more"),
            Self::Paused => f.write_str("paused"),
            Self::Calibrating => f.write_str("calibrating"),
        }
    }
}

/// A run that waits, or a sweep that is not planned yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// Counted from 1 over all sweeps; none where it cannot be told.
    pub position: Option<u32>,
    pub project: String,
    pub priority: i32,
    pub sweep: SweepId,
    pub sweep_name: String,
    /// None for a sweep that has no runs yet.
    pub run: Option<RunId>,
    /// Of the run; empty where there is none.
    pub label: String,
    pub wait: Wait,
    /// In how much time a worker will probably be free for it; none where that is not known.
    pub starts_in: Option<WallTime>,
}

/// All that waits, in the order in which it will be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueView {
    pub at: Timestamp,
    pub workers_n: u32,
    pub running_n: u32,
    pub waiting: Vec<Waiting>,
}

/// Something to set of a project, by whom and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectChange {
    pub number: u32,
    pub at: Timestamp,
    pub actor: String,
    pub reason: String,
    /// As it was from then on.
    pub project: Project,
}
