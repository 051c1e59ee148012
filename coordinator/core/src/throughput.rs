//! Measured training throughput: what turns a compute class into a number of tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::external::ExternalTrainer;
use crate::variant::ModelSpec;

/// What a throughput depends on. A stored measurement is reused only while all of this is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ThroughputKey {
    pub model: ModelSpec,
    /// Sequences per optimiser step.
    pub batch: u32,
    /// Sequences that are trained on at a time; none where the whole batch is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch: Option<u32>,
    /// Kind of accelerator, its model name and the threads a worker uses, e.g.
    /// `cpu: AMD EPYC x1`.
    pub device: String,
    /// Version of the trainer that was measured.
    pub trainer: String,
    /// Where a command of one's own trains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalSubject>,
}

/// What else the throughput of a training command depends on. It is measured anew for every sweep:
/// the command is the same text after its script was edited.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ExternalSubject {
    pub trainer: ExternalTrainer,
    /// Name of the sweep.
    pub sweep: String,
    /// Name of the arm.
    pub arm: String,
    /// Name of the size.
    pub size: String,
    /// The corpus as budget.yaml names it.
    pub corpus: String,
}

/// One measurement, made apart from training on random tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Throughput {
    /// Tokens per accelerator second of the undisturbed device.
    pub tokens_per_second: f64,
    /// By how much the halves of the measurement differ, relative to the whole.
    pub spread: f64,
    /// Windows measured after the warm-up.
    pub windows_n: u32,
    /// Tokens per accelerator second of the reference models that were measured in turns with this
    /// one. What is stored of a device is scaled to the same speed of them, so that measurements of
    /// different hours compare. None for a declared throughput.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<f64>,
    pub source: ThroughputSource,
    pub measured_at: Timestamp,
}

impl Throughput {
    /// The same measurement as if the reference models had run at `first` tokens per accelerator
    /// second: a shared machine is faster in one hour than in another, and most of that is common to
    /// all models.
    #[must_use]
    pub fn at_reference(self, first: Option<f64>) -> Self {
        let (Some(first), Some(now)) = (first, self.reference) else { return self };
        let tokens_per_second = self.tokens_per_second * first / now;
        Self { tokens_per_second, reference: Some(first), ..self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThroughputSource {
    /// Measured by a worker.
    Measured,
    /// Written in budget.yaml, e.g. a published reference figure.
    Declared,
}
