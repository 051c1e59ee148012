//! budget.yaml, version 1: what a researcher asks for.
//!
//! [`parse_with`] is the one reader; `coordinator::budget::read` adds what only the law engine can
//! judge, and is what everybody calls. Every mistake is reported with its place in the text
//! ([`SpecError`]).

mod data;
mod locate;
mod parse;
mod propose;
mod retries;
pub mod size;
mod size_entry;
mod validate;

pub use data::{DataSpec, MixEntry, Tokenizer};
pub use parse::{SpecError, SpecErrors, parse, parse_with};
pub use propose::{ProposeQuestion, ProposeSpec};
pub use retries::{Backoff, RetrySpec};
pub use size::{NamedSize, Size};
pub use validate::Mistake;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::class::ComputeClass;
use crate::external::ExternalTrainer;
use crate::project::DEFAULT_PROJECT;
use crate::units::{AcceleratorTime, Share, TokensPerSecond};
use crate::variant::{
    Activation, Experts, Family, HiddenGroups, LossWeight, MomentFormat, NofM, Norm, Position,
    PostTraining, Quantization, RateSchedule, Rise, Streams, is_default,
};

/// The only `apiVersion` of this release.
pub const API_VERSION: &str = "sweepctl/v1";

/// A sweep: arms to compare, compute classes, and a budget of accelerator time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SweepSpec {
    /// Always `sweepctl/v1`.
    pub api_version: String,
    /// Names the sweep; submitting the same name again continues it. Lower-case letters, digits
    /// and hyphens, at most 63.
    pub name: String,
    /// The project whose hours and quota it uses, and that shares the workers with others:
    /// `sweepctl project` sets what it may have.
    #[serde(default = "default_project", skip_serializing_if = "is_default_project")]
    pub project: String,
    /// Of the sweeps of a project the one of the highest priority goes first, -100 to 100; 0 by default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub priority: i32,
    /// Accelerator time that all runs together may use, e.g. `20 min` or `500 h`. Never overspent.
    pub budget: AcceleratorTime,
    /// What a unit of accelerator time is.
    #[serde(default)]
    pub accelerator: Accelerator,
    /// Compute classes: accelerator time per run, e.g. `[6h, 12h, 24h]`. Every arm runs in every
    /// class.
    pub classes: Vec<ComputeClass>,
    /// Every arm, size and class is run once per seed. Arms share the seeds.
    #[serde(default = "default_seeds")]
    pub seeds: Vec<u64>,
    /// The text to train on.
    #[serde(default)]
    pub data: DataSpec,
    /// The methods to compare.
    pub arms: Vec<ArmSpec>,
    /// The law to fit to each arm's curve.
    #[serde(default)]
    pub law: LawChoice,
    #[serde(default)]
    pub forecast: ForecastSpec,
    /// Which runs are proposed after each refit, and what of them needs nobody's yes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub propose: ProposeSpec,
    #[serde(default)]
    pub schedule: ScheduleSpec,
    /// How often an attempt that ended badly is repeated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub retries: RetrySpec,
}

fn default_project() -> String {
    DEFAULT_PROJECT.to_owned()
}

fn is_default_project(project: &str) -> bool {
    project == DEFAULT_PROJECT
}

/// What is wrong with the name of a project, if anything is.
#[must_use]
pub fn project_mistake(name: &str) -> Option<String> {
    validate::name_mistake(name)
}

fn default_seeds() -> Vec<u64> {
    vec![1]
}

/// The accelerator whose time is counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accelerator {
    #[serde(default)]
    pub kind: AcceleratorKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AcceleratorKind {
    /// One CPU core, its time read from the process's CPU clock.
    #[default]
    Cpu,
    /// One NVIDIA GPU. Needs a build with the `cuda` feature.
    Cuda,
}

/// One method to compare: a model family in several sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArmSpec {
    /// Names the curve in tables and figures.
    pub name: String,
    /// `gpt`, `qlstm` or `lstm`; left out where a `trainer` trains the arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Trains the arm by a command of your own in place of the built-in trainer, e.g.
    /// `{ command: [python3, train.py, --width, "{width}", --steps, "{steps}"] }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trainer: Option<ExternalTrainer>,
    /// How a GPT knows positions; recurrent models take none.
    #[serde(default)]
    pub position: Option<Position>,
    /// What bends the hidden units of the MLP: `gelu`, `relu` or `silu`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub activation: Activation,
    /// Whether they are multiplied with a second projection, as in SwiGLU (with `silu`); the MLP then
    /// has half as many parameters again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gated: bool,
    /// Trains with weights and activations of few bits, e.g.
    /// `{ weights: int4, activations: int4, group: 32 }`. Simulated: the time of a step is not that of
    /// hardware that has the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
    /// Trains with sparse weights: of every M neighbours the N largest stay, e.g. `2:4`. Simulated as
    /// well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<NofM>,
    /// A mixture of experts in place of the MLP, e.g. `{ count: 8, topK: 2 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experts: Option<Experts>,
    /// Every MLP reads and writes some groups of a token's hidden dimensions alone, e.g.
    /// `{ count: 8, active: 4 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden_groups: Option<HiddenGroups>,
    /// Reads every token several times, behind trained prefixes of its own each time, and weighs what is
    /// found, e.g. `{ count: 4 }`; of a `gpt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<Streams>,
    /// How the residual stream is normalised: `layer`, or `rms` for the root mean square alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub norm: Norm,
    /// Whether queries and keys of a GPT are normalised head by head.
    #[serde(default, skip_serializing_if = "is_default")]
    pub qk_norm: bool,
    /// Weight of a loss that keeps logits small, e.g. `1e-4`; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z_loss: Option<LossWeight>,
    /// Whether the projection to the vocabulary is the embedding's table.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tied: bool,
    /// Looks, at the end of a run, for the share of the MLP's hidden units that the perplexity needs so as
    /// to rise by no more than this, e.g. `1 %`; of `relu` and `silu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_ratio: Option<Rise>,
    /// Tells, at the end of a run, what the model loses when its linear layers are held in few bits, e.g.
    /// `{ weights: [int8, int4, int3], methods: [round, awq] }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_training: Option<PostTraining>,
    /// All sizes run in every class; the arm's curve is the best size per class and seed.
    pub sizes: Vec<SizeEntry>,
    /// Replaces the defaults of the optimiser.
    #[serde(default)]
    pub optimiser: OptimiserOverrides,
}

/// A size of an arm: one of Languini Kitchen's names, or a shape written out.
///
/// In YAML either the bare name (`small`) or a map (`{ width: 64, layers: 2 }`); a map with `name`
/// gives a named size a declared throughput.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SizeEntry {
    /// One of Languini Kitchen's sizes; then no other shape is given.
    #[serde(rename = "name", skip_serializing_if = "Option::is_none")]
    pub named: Option<NamedSize>,
    /// Width of the residual stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<u32>,
    /// Heads; they divide the width. By default one per 16 of width, as far as that divides it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heads: Option<u32>,
    /// Throughput on the reference accelerator, e.g. `55416 tokens/s`. Given, it is used instead
    /// of a measurement, so that the plan does not depend on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<TokensPerSecond>,
}

/// Optimiser settings that differ from the defaults. Rates and shares are plain numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OptimiserOverrides {
    /// Peak learning rate of Adam. By default `0.64 / width`, at most 1.2e-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// How the learning rate goes after the warm-up: `cosine` by default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedule: RateSchedule,
    /// Share of the steps spent warming up linearly, e.g. `10 %`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Share>,
    /// Share of the steps that the last phase of `wsd` and `two-step` takes; `20 %` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay: Option<Share>,
    /// Learning rate at the end as a share of the peak; `0 %` by default, `10 %` for `two-step`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_rate: Option<Share>,
    /// Decoupled weight decay; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Largest Euclidean norm of the gradient; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Standard deviation of the initial weights; `0.64 / sqrt(width)` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_std: Option<f64>,
    /// Whether learning rates and initial weights follow the width as the maximal update
    /// parametrisation has it, so that what is best for one width is for all. `learningRate` and `initStd`
    /// then are those of width 64.
    #[serde(default, rename = "muP", skip_serializing_if = "is_default")]
    pub mu_p: bool,
    /// How Adam keeps its moments: `f32` by default, or `fp8` on a CPU, at under a third of the
    /// memory and some time a step, which the throughput does not count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub moments: MomentFormat,
}

/// Which law speaks for an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LawChoice {
    /// The law that forecasts the largest class best when it is held out, the same for all arms.
    #[default]
    Auto,
    /// `A h^-alpha`.
    Power,
    /// `E + A h^-alpha`.
    PowerFloor,
}

/// How far to look, and how sure to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ForecastSpec {
    /// No crossover is looked for beyond this accelerator time per run; by default 10,000 times
    /// the largest class.
    pub horizon: Option<AcceleratorTime>,
    /// Level of every interval, e.g. `90 %`.
    pub level: Share,
    /// Laws that are fitted to all runs of each arm beside its curve: names of the catalogue
    /// (`chinchilla`), or your own over parameters N, tokens D, unique tokens U, FLOPs C and hours h, e.g.
    /// `L(N, D) = E + A*N^-alpha + B*D^-beta`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub laws: Vec<String>,
}

impl Default for ForecastSpec {
    fn default() -> Self {
        Self { horizon: None, level: Share(0.9), laws: Vec::new() }
    }
}

/// How runs are worked off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScheduleSpec {
    /// Worker processes on this machine; by default one per core, or fewer where each has threads.
    pub workers: Option<u32>,
    /// Threads of each worker, 1 by default: they share every batch in pieces of `data.microBatch`. A run
    /// then takes less time by the clock; what it is charged and what it finds stay the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Accelerator time between checkpoints of a run: what a crash may cost it at most. 5 s by
    /// default on a CPU, 10 min on a GPU.
    pub checkpoint_every: Option<AcceleratorTime>,
}

/// The JSON schema of budget.yaml, for editors.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(SweepSpec).to_value();
    schema["title"] = "sweepctl budget.yaml, version 1".into();
    schema
}

impl SweepSpec {
    /// The horizon of forecasts, hours.
    #[must_use]
    pub fn horizon_hours(&self) -> f64 {
        let largest = self.classes.iter().max().map_or(0.0, |class| class.hours());
        self.forecast.horizon.map_or(largest * 1e4, AcceleratorTime::hours)
    }

    /// Accelerator time between checkpoints of a run.
    #[must_use]
    pub fn checkpoint_every(&self) -> AcceleratorTime {
        self.schedule.checkpoint_every.unwrap_or(match self.accelerator.kind {
            AcceleratorKind::Cpu => AcceleratorTime::from_ms(5000),
            AcceleratorKind::Cuda => AcceleratorTime::from_ms(600_000),
        })
    }

    /// What one unit of the hours axis is, in words.
    #[must_use]
    pub fn hours_unit(&self) -> &'static str {
        match self.accelerator.kind {
            AcceleratorKind::Cpu => "CPU core hours",
            AcceleratorKind::Cuda => "GPU hours",
        }
    }
}
