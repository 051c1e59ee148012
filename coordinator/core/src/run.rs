//! The life of a run: its states, and the only transitions between them.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::retry::AttemptEnd;

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// In the plan; not yet released to workers.
    Planned,
    /// Waiting for a worker and for the ledger.
    Queued,
    /// Promised to one worker, its hours reserved.
    Leased,
    /// The worker reported that it trains.
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunEvent {
    /// The scheduler releases the run.
    Queue,
    /// A worker claims it.
    Lease,
    /// The worker has started to train.
    Start,
    /// The lease was lost or the worker was asked to stop; the run goes back with its checkpoint.
    Requeue,
    Succeed,
    Fail,
    Cancel,
    /// Somebody asks for a new attempt of a run that has ended without a result.
    Retry,
}

/// An event that does not fit the state it met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {state} run cannot take the event `{event:?}`")]
pub struct IllegalTransition {
    pub state: RunState,
    pub event: RunEvent,
}

impl RunState {
    pub const ALL: [Self; 7] = [
        Self::Planned,
        Self::Queued,
        Self::Leased,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The state after `event`.
    ///
    /// # Errors
    /// [`IllegalTransition`] for every pair that the life of a run does not contain.
    pub const fn after(self, event: RunEvent) -> Result<Self, IllegalTransition> {
        use RunEvent as E;
        use RunState as S;
        match (self, event) {
            (S::Planned, E::Queue) | (S::Leased | S::Running, E::Requeue) => Ok(S::Queued),
            (S::Queued, E::Lease) => Ok(S::Leased),
            (S::Leased, E::Start) => Ok(S::Running),
            (S::Running, E::Succeed) => Ok(S::Succeeded),
            (S::Leased | S::Running, E::Fail) => Ok(S::Failed),
            (S::Planned | S::Queued | S::Leased | S::Running, E::Cancel) => Ok(S::Cancelled),
            (S::Failed | S::Cancelled, E::Retry) => Ok(S::Planned),
            (state, event) => Err(IllegalTransition { state, event }),
        }
    }

    /// Nothing happens to the run any more, unless somebody asks for a new attempt.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// A worker holds the run and its hours are reserved.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Leased | Self::Running)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RunState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not a state of a run"))
    }
}

/// A step on the way to a divergence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepBefore {
    /// Nats per token.
    pub loss: f64,
    /// Euclidean norm before clipping.
    pub gradient_norm: f64,
}

/// Why a run failed. Divergence is a result of the run, not a fault of the system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureReason {
    /// The loss or the gradient became NaN or infinite in the step after `step`.
    Diverged {
        step: u64,
        /// Loss and gradient norm of the last steps before it, oldest first, where they are known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        before: Vec<StepBefore>,
    },
    /// It used up its reservation and the budget had no more to give.
    OutOfBudget { step: u64 },
    /// Its worker was lost more often than is retried.
    LostTooOften { attempts_n: u32 },
    /// The trainer or the machine under it refused.
    Trainer { message: String },
    /// It needs more memory than there was.
    OutOfMemory { message: String },
    /// It cannot be trained as it is configured, however often it is tried.
    BadConfiguration { message: String },
}

impl FailureReason {
    /// How the attempt ended that it comes from.
    #[must_use]
    pub const fn end(&self) -> AttemptEnd {
        match self {
            Self::Diverged { .. } => AttemptEnd::Diverged,
            Self::OutOfBudget { .. } => AttemptEnd::OutOfBudget,
            Self::LostTooOften { .. } => AttemptEnd::WorkerLost,
            Self::Trainer { .. } => AttemptEnd::TrainerError,
            Self::OutOfMemory { .. } => AttemptEnd::OutOfMemory,
            Self::BadConfiguration { .. } => AttemptEnd::BadConfiguration,
        }
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Diverged { step, before } => {
                write!(f, "the loss was not finite after step {step}")?;
                let list = |value: fn(&StepBefore) -> f64| {
                    before.iter().map(|b| format!("{:.4}", value(b))).collect::<Vec<_>>().join(", ")
                };
                if before.is_empty() {
                    return Ok(());
                }
                write!(
                    f,
                    ", in batch {}; losses before it {}, gradient norms {}",
                    step + 1,
                    list(|b| b.loss),
                    list(|b| b.gradient_norm)
                )
            }
            Self::OutOfBudget { step } => {
                write!(
                    f,
                    "its reservation was used up after step {step} and the budget had no more"
                )
            }
            Self::LostTooOften { attempts_n } => {
                write!(f, "its worker was lost {attempts_n} times")
            }
            Self::Trainer { message }
            | Self::OutOfMemory { message }
            | Self::BadConfiguration { message } => f.write_str(message),
        }
    }
}

/// What a run found, measured by its worker at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// Cross-entropy on the validation split, nats per token.
    pub loss: f64,
    /// The same per byte of text, in bits: comparable across tokenizers.
    pub bits_per_byte: f64,
    /// `exp(nats per byte of text)`, Languini Kitchen's normalised perplexity.
    pub normalised_perplexity: f64,
    /// Bits per byte of the best bigram model of the same text: runs near it have learned no
    /// longer context. None where the text is not known.
    pub bigram_bits_per_byte: Option<f64>,
    /// Parameters as a training command of one's own counts them; none of our own models, which are
    /// counted from their specification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_n: Option<u64>,
    /// SHA-256 over the final weights, in hexadecimal: equal exactly when the weights are.
    pub weights_hash: String,
    /// Tokens per accelerator second of the last attempt.
    pub tokens_per_second: f64,
    /// Of every corpus that was trained on, how much was read and how well it is predicted; none of a
    /// training command of one's own, which tells nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corpora: Vec<CorpusResult>,
}

impl RunResult {
    /// Different training tokens that were read (U); none where they are not known.
    #[must_use]
    pub fn unique_tokens(&self) -> Option<u64> {
        let unique = self.corpora.iter().map(|corpus| corpus.unique_tokens).sum();
        (!self.corpora.is_empty()).then_some(unique)
    }
}

/// What a run had of one of its corpora.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CorpusResult {
    /// As budget.yaml names it.
    pub name: String,
    /// Training tokens read, repeated ones counted as often as they were read.
    pub tokens: u64,
    /// Different ones among them.
    pub unique_tokens: u64,
    /// How often the training text was read, on average.
    pub epochs: f64,
    /// Of its held-out documents.
    pub bits_per_byte: f64,
}

/// Where a run can be taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checkpoint {
    /// Optimiser steps done.
    pub step: u64,
    /// File below the data directory, relative.
    pub path: String,
    /// SHA-256 of the file, in hexadecimal.
    pub hash: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of state and event, as the table in ARCHITECTURE.md draws it.
    #[test]
    fn every_pair_is_decided() {
        use RunEvent as E;
        use RunState as S;
        let legal = [
            (S::Planned, E::Queue, S::Queued),
            (S::Planned, E::Cancel, S::Cancelled),
            (S::Queued, E::Lease, S::Leased),
            (S::Queued, E::Cancel, S::Cancelled),
            (S::Leased, E::Start, S::Running),
            (S::Leased, E::Requeue, S::Queued),
            (S::Leased, E::Fail, S::Failed),
            (S::Leased, E::Cancel, S::Cancelled),
            (S::Running, E::Requeue, S::Queued),
            (S::Running, E::Succeed, S::Succeeded),
            (S::Running, E::Fail, S::Failed),
            (S::Running, E::Cancel, S::Cancelled),
            (S::Failed, E::Retry, S::Planned),
            (S::Cancelled, E::Retry, S::Planned),
        ];
        let events =
            [E::Queue, E::Lease, E::Start, E::Requeue, E::Succeed, E::Fail, E::Cancel, E::Retry];
        for state in S::ALL {
            for event in events {
                let expected = legal.iter().find(|(s, e, _)| *s == state && *e == event);
                let expected = expected.map(|(_, _, after)| *after);
                assert_eq!(state.after(event).ok(), expected, "{state} {event:?}");
                let by_itself = event != E::Retry && expected.is_some();
                assert!(!state.is_final() || !by_itself, "{state} is final");
            }
        }
    }

    #[test]
    fn a_divergence_tells_how_it_came() {
        let before = [(2.5, 0.75), (31.0, 1e4)]
            .map(|(loss, gradient_norm)| StepBefore { loss, gradient_norm });
        let reason = FailureReason::Diverged { step: 12, before: before.to_vec() };
        let expected = "the loss was not finite after step 12, in batch 13; losses before it 2.5000, \
                        31.0000, gradient norms 0.7500, 10000.0000";
        assert_eq!(reason.to_string(), expected);
        // As it was stored before there was more to tell.
        let old = r#"{"kind":"diverged","step":12}"#;
        let read: FailureReason = serde_json::from_str(old).unwrap();
        assert_eq!(read.to_string(), "the loss was not finite after step 12");
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }

    #[test]
    fn states_read_back() {
        for state in RunState::ALL {
            assert_eq!(state.as_str().parse::<RunState>(), Ok(state));
        }
    }
}
