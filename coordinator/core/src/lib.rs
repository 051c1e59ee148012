//! The nouns of sweepctl: what every other crate talks about.
//!
//! Plain data and pure functions over it. This crate deliberately knows nothing of threads, files,
//! sockets, databases or the wall clock: whatever needs one of those lives in a crate that imports
//! this one.
//!
//! Read first: [`spec::SweepSpec`] (what a researcher asks for), [`plan::RunSpec`] (one training
//! job), [`crossover::Crossover`] (what they get back).
//!
//! ```
//! use sweep_core::class::ComputeClass;
//!
//! // Languini Kitchen's smallest GPT class: 6 h on an RTX 3090 at 55,416 tokens/s.
//! let steps = ComputeClass::H6.steps(55_416.0, 128, 512);
//! assert_eq!(steps, 18_265);
//! ```

pub mod access;
pub mod class;
pub mod clock;
pub mod code;
pub mod control;
pub mod corpus;
pub mod crossover;
pub mod diagnosis;
pub mod external;
pub mod fit;
pub mod forecast;
pub mod ids;
pub mod import;
pub mod ledger;
pub mod memory;
pub mod metric;
pub mod nearest;
pub mod observation;
pub mod output;
pub mod plan;
pub mod project;
pub mod proposal;
pub mod retry;
pub mod run;
pub mod scoreboard;
pub mod spec;
pub mod sweep;
pub mod throughput;
pub mod token;
pub mod units;
pub mod variant;
pub mod words;
