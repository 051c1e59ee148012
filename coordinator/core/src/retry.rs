//! How attempts end, and whether another one follows. Pure: the same ending always gets the same
//! answer.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::FailureReason;
use crate::spec::{Backoff, RetrySpec};

/// How an attempt of a run ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    Succeeded,
    /// The worker was asked to stop, or the coordinator went away: not the run's doing.
    Preempted,
    /// Its worker was not heard of any more.
    WorkerLost,
    OutOfMemory,
    /// It cannot be trained as it is configured.
    BadConfiguration,
    /// A result, and no fault.
    Diverged,
    OutOfBudget,
    TrainerError,
    Cancelled,
}

impl AttemptEnd {
    pub const ALL: [Self; 9] = [
        Self::Succeeded,
        Self::Preempted,
        Self::WorkerLost,
        Self::OutOfMemory,
        Self::BadConfiguration,
        Self::Diverged,
        Self::OutOfBudget,
        Self::TrainerError,
        Self::Cancelled,
    ];

    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Preempted => "preempted",
            Self::WorkerLost => "worker_lost",
            Self::OutOfMemory => "out_of_memory",
            Self::BadConfiguration => "bad_configuration",
            Self::Diverged => "diverged",
            Self::OutOfBudget => "out_of_budget",
            Self::TrainerError => "trainer_error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// As people read it.
impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_str().replace('_', " "))
    }
}

impl FromStr for AttemptEnd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|end| end.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no end of an attempt"))
    }
}

/// An attempt that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndedAttempt {
    pub epoch: u32,
    pub end: AttemptEnd,
    /// What was told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureReason>,
}

/// Whether another attempt follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not before this many milliseconds have passed.
    Again { after_ms: u64 },
    /// The run has failed.
    Enough,
}

/// Decides. `ended_so_n` counts the attempts that ended so, this one included, since somebody last
/// asked for a new one; the seed spreads runs that ended together.
#[must_use]
pub fn decide(retries: &RetrySpec, end: AttemptEnd, ended_so_n: u32, seed: u64) -> Verdict {
    let RetrySpec { worker_lost, out_of_memory, trainer_error, backoff } = retries;
    let (limit, waits) = match end {
        AttemptEnd::Preempted => return Verdict::Again { after_ms: 0 },
        AttemptEnd::WorkerLost => (*worker_lost, false),
        AttemptEnd::OutOfMemory => (*out_of_memory, true),
        AttemptEnd::TrainerError => (*trainer_error, true),
        AttemptEnd::Succeeded
        | AttemptEnd::BadConfiguration
        | AttemptEnd::Diverged
        | AttemptEnd::OutOfBudget
        | AttemptEnd::Cancelled => return Verdict::Enough,
    };
    if ended_so_n > limit {
        return Verdict::Enough;
    }
    let after_ms = if waits { wait_ms(backoff, ended_so_n, seed) } else { 0 };
    Verdict::Again { after_ms }
}

/// The wait before the n-th repetition: twice the one before it, at most the maximum, and up to a
/// quarter less by the seed.
#[must_use]
pub fn wait_ms(backoff: &Backoff, repetition: u32, seed: u64) -> u64 {
    let doublings = repetition.saturating_sub(1).min(63);
    let whole = backoff.first.ms().saturating_mul(1 << doublings).min(backoff.max.ms());
    let spread = whole / 4;
    whole - mixed(seed ^ u64::from(repetition)) % (spread + 1)
}

/// The finaliser of Steele, Lea and Flood's splitmix64 ("Fast splittable pseudorandom number
/// generators", 2014): neighbouring seeds get unlike numbers.
const fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::WallTime;

    #[test]
    fn every_end_has_its_limit() {
        let retries = RetrySpec {
            worker_lost: 2,
            out_of_memory: 1,
            trainer_error: 0,
            ..RetrySpec::default()
        };
        for (end, repetitions) in [
            (AttemptEnd::Succeeded, Some(0)),
            (AttemptEnd::Preempted, None),
            (AttemptEnd::WorkerLost, Some(2)),
            (AttemptEnd::OutOfMemory, Some(1)),
            (AttemptEnd::BadConfiguration, Some(0)),
            (AttemptEnd::Diverged, Some(0)),
            (AttemptEnd::OutOfBudget, Some(0)),
            (AttemptEnd::TrainerError, Some(0)),
            (AttemptEnd::Cancelled, Some(0)),
        ] {
            let again = |n: &u32| decide(&retries, end, *n, 7) != Verdict::Enough;
            let allowed_n = (1..1000).take_while(again).count();
            assert_eq!(allowed_n, repetitions.unwrap_or(999), "{end}");
            assert_eq!(end.as_str().parse(), Ok(end));
        }
    }

    #[test]
    fn waits_double_up_to_their_maximum_and_lost_runs_wait_for_nobody() {
        let backoff = Backoff { first: WallTime::from_ms(1000), max: WallTime::from_ms(5000) };
        for (repetition, whole) in [(1, 1000), (2, 2000), (3, 4000), (4, 5000), (80, 5000)] {
            for seed in 0..50 {
                let wait = wait_ms(&backoff, repetition, seed);
                assert!((whole * 3 / 4..=whole).contains(&wait), "{repetition}: {wait}");
            }
        }
        let now = Verdict::Again { after_ms: 0 };
        assert_eq!(decide(&RetrySpec::default(), AttemptEnd::WorkerLost, 4, 1), now);
    }

    proptest! {
        /// Never more repetitions than allowed, never a longer wait, the same answer each time.
        #[test]
        fn limits_hold(
            limit in 0u32..6,
            n in 1u32..12,
            seed: u64,
            first in 0u64..100_000,
            more in 0u64..10_000_000,
        ) {
            let backoff =
                Backoff { first: WallTime::from_ms(first), max: WallTime::from_ms(first + more) };
            let retries =
                RetrySpec { worker_lost: limit, out_of_memory: limit, trainer_error: limit, backoff };
            for end in AttemptEnd::ALL {
                let verdict = decide(&retries, end, n, seed);
                prop_assert_eq!(verdict, decide(&retries, end, n, seed));
                if let Verdict::Again { after_ms } = verdict {
                    prop_assert!(end == AttemptEnd::Preempted || n <= limit);
                    prop_assert!(after_ms <= first + more);
                }
            }
        }
    }
}
