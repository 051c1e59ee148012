//! Fits scaling laws: to the runs of a sweep, with a forecast of where its arms change places, and
//! to anybody's runs, with any law of the field.
//!
//! Pure numerics: the same [`Request`] always gives the same [`Analysis`]. This crate deliberately
//! knows nothing of databases, networks, files, clocks or figures, and it is the only one that
//! imports argmin.
//!
//! Read first: [`analyse()`] (arms that are compared, of a sweep or [`tabulated`]), [`catalogue`] and
//! [`expression`] (the laws of the field, one file each, and one's own, on tables of runs),
//! [`query`] (what people ask of a fitted law), [`compare`] (why the set of crossings may be
//! believed), [`law::ScalingLaw`] (what the solver sees of any law).
//!
//! The way of one analysis: [`curve`] takes each arm's lower envelope, [`fit`](mod@fit) finds the
//! optimum of the [`objective`] with the solver of [`newton`], [`bootstrap`] draws refits,
//! [`forecast`] and [`mod@crossover`] read intervals and crossings off the draws, [`select`] picks
//! the law that speaks, [`caveat`] says what to beware of.
//!
//! A law of the catalogue is a card of words and figures and one function over [`real::Real`]
//! numbers, which carry their derivatives; [`lint`] looks at a table before it is fitted, and
//! [`metrics`] holds what is measured beside losses. [`skills`] fits many benchmarks at once, and
//! [`mod@propose`] says which runs to make next. [`mod@scoreboard`] holds past forecasts against what came.
//!
//! ```
//! use law_engine::{Request, Study, analyse};
//! use sweep_core::class::ComputeClass;
//! use sweep_core::ids::{ForecastId, RunId};
//! use sweep_core::observation::{Fitness, Observation};
//! use sweep_core::spec::LawChoice;
//!
//! // Two power laws that cross at 50,000 h, measured without noise at Languini's classes.
//! let arms = ["gpt".to_owned(), "qlstm".to_owned()];
//! let observe = |arm: &str, class: ComputeClass| Observation {
//!     run: RunId::default(),
//!     arm: arm.to_owned(),
//!     size: "small".to_owned(),
//!     seed: 1,
//!     class,
//!     params_n: 1,
//!     tokens_d: 1,
//!     unique_tokens: None,
//!     flops_c: 6.0,
//!     hours: class.hours(),
//!     bits_per_byte: (class.hours() / 5e4).powf(if arm == "gpt" { -0.075 } else { -0.095 }),
//!     fitness: Fitness::Fit,
//! };
//! let observations: Vec<Observation> = arms
//!     .iter()
//!     .flat_map(|arm| ComputeClass::LANGUINI.map(|class| observe(arm, class)))
//!     .collect();
//!
//! let request = Request {
//!     forecast: ForecastId::default(),
//!     law: LawChoice::Power,
//!     level: 0.9,
//!     horizon_hours: 1e6,
//!     draws_n: 100,
//!     seed: 1,
//! };
//! let analysis = analyse(&Study::new(&observations, &arms), &request);
//! let headline = analysis.crossovers[0].headline();
//! assert!(headline.starts_with("qlstm overtakes gpt at 50 kh"), "{headline}");
//! ```

pub mod analyse;
pub mod bootstrap;
mod bracket;
pub mod catalogue;
pub mod caveat;
pub mod compare;
pub mod crossover;
pub mod curve;
mod digits;
pub mod expression;
mod family;
pub mod fit;
pub mod forecast;
mod kernel;
pub mod law;
pub mod lint;
pub mod metrics;
mod minimise;
pub mod newton;
pub mod objective;
mod project;
pub mod propose;
pub mod query;
pub mod random;
pub mod real;
pub mod scoreboard;
pub mod select;
mod share;
pub mod skills;
mod straight;
mod student;
mod symmetric;
pub mod tabulated;

pub use analyse::{Analysis, Request, analyse};
pub use curve::Study;
pub use scoreboard::scoreboard;
