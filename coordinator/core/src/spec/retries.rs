//! `retries:` of budget.yaml.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::WallTime;

/// How often an attempt is repeated, by the way in which it ended. A repetition goes on from the last
/// checkpoint.
///
/// A worker that was asked to stop uses up no retry. A run that cannot be trained as it is configured,
/// and one whose loss is not finite, are not repeated: the one would fail again, the other has found a
/// result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RetrySpec {
    /// Repetitions after the worker was lost; 4 by default. A run that loses more probably ends them
    /// itself.
    pub worker_lost: u32,
    /// Repetitions after the memory was used up; 1 by default: others may have used it.
    pub out_of_memory: u32,
    /// Repetitions after the trainer refused or its command ended without a result; 1 by default.
    pub trainer_error: u32,
    /// Waits before repetitions after `outOfMemory` and `trainerError`; other workers take a lost run
    /// at once.
    pub backoff: Backoff,
}

impl Default for RetrySpec {
    fn default() -> Self {
        Self { worker_lost: 4, out_of_memory: 1, trainer_error: 1, backoff: Backoff::default() }
    }
}

/// Waits that double from one repetition to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Backoff {
    /// The wait before the first repetition; 5 s by default.
    pub first: WallTime,
    /// No wait is longer; 10 min by default.
    pub max: WallTime,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: WallTime::from_ms(5_000), max: WallTime::from_ms(600_000) }
    }
}
