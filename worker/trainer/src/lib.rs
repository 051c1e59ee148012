//! Trains one run of a sweep: a model of one of three families, on tokens of text, deterministically
//! by its seed, and so that an interrupted run ends with the same weights as an uninterrupted one.
//!
//! This crate deliberately knows nothing of leases, networks or databases: it trains what it is
//! given and tells a [`Monitor`] what happens. It is the only crate that imports candle.
//!
//! Read first: [`train()`] (the loop, on one page), [`model::Model`] (the families),
//! [`data::TrainingData`] (which tokens a step sees).
//!
//! # Environment
//! `CANDLE_NUM_THREADS=1` must be set before the process has made its first tensor, best before
//! it starts: candle otherwise wakes a pool that spins while other work waits for the core, and
//! accelerator time on a CPU is the time of the training thread alone. `RAYON_NUM_THREADS=1`
//! keeps candle's own matrix products, which only the composition path uses, on that thread too.
//! The library sets neither.
//!
//! ```
//! use sweep_core::variant::{Family, ModelSpec, Variant};
//! use sweep_trainer::data::TokenBatch;
//! use sweep_trainer::model::{Model, Path};
//!
//! let spec = ModelSpec {
//!     family: Family::Qlstm,
//!     width: 16,
//!     layers_n: 1,
//!     heads_n: 1,
//!     head_width: 16,
//!     mlp_width: 64,
//!     position: None,
//!     vocabulary_n: 256,
//!     sequence: 4,
//!     variant: Variant::BASELINE,
//! };
//! let model = Model::new(&spec, 0.02, 0, &candle_core::Device::Cpu, Path::Composition)?;
//! let tokens = TokenBatch {
//!     batch: 1,
//!     sequence: 4,
//!     inputs: vec![104, 101, 108, 108],
//!     targets: vec![101, 108, 108, 111],
//! };
//! let (loss, _) = model.loss_and_gradients(&tokens, &mut model.initial_state())?;
//! // Before its first step a model knows nothing: ln 256 nats per byte.
//! assert!((loss - 256_f64.ln()).abs() < 0.1);
//! # Ok::<(), sweep_trainer::Error>(())
//! ```

mod accelerator;
mod accumulate;
mod bigram;
mod checkpoint;
mod clock;
pub mod data;
mod error;
pub mod eval;
mod lanes;
mod memory;
mod metric;
pub mod model;
mod optim;
mod oscillation;
mod post_training;
pub mod probe;
mod random;
#[cfg(test)]
mod reference;
pub mod schedule;
mod sparsing;
pub mod train;
mod widths;

pub use accelerator::Accelerator;
pub use error::Error;
pub use probe::{Probe, Subject, probe};
pub use train::{Directive, Monitor, Outcome, Start, TrainJob, train};

/// Maps a file into memory: how a library of corpora opens texts and tokens without reading them whole.
///
/// # Errors
/// Those of the system.
pub fn map(file: &std::fs::File) -> std::io::Result<sweep_corpus::Mapped> {
    Ok(std::sync::Arc::new(sweep_kernels::MappedFile::open(file)?))
}

/// Version of what is trained and of how fast: a throughput measured by another version is
/// measured anew.
pub const TRAINER_VERSION: &str = env!("CARGO_PKG_VERSION");
