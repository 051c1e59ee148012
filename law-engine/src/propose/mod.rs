//! Which runs to make next: the batch that is expected to narrow the interval of a target most for
//! its accelerator hours.
//!
//! [`propose()`] is a pure function of what is known ([`State`]), what could be run ([`Space`]) and
//! what may be spent ([`Limits`]). It needs no outcome of the runs it asks for, so that a batch, or
//! runs that are still pending, are judged like measured ones.
//!
//! The model is the law, linear around several draws of its coefficients, and what it leaves out
//! ([`Spread`]): a design that trusts a law exactly asks for swarms of the smallest runs, wins where
//! the law is true, and loses to a plain grid where it is not. Read `belief` first, then `choose`.
//!
//! Measured against grids, runs of equal compute and chance: `docs/propose.md`.
//!
//! ```
//! use law_engine::catalogue::find;
//! use law_engine::propose::{Arm, Limits, Run, Scale, Space, Spread, State, Target, propose};
//! use law_engine::query::Throughput;
//!
//! let law = find("chinchilla").expect("it is in the catalogue");
//! // Nothing is fitted yet: somebody's coefficients say where to begin.
//! let arm = Arm::new("gpt", law, law.card().published[2].coefficients);
//! let grid = |sizes: [f64; 3]| sizes.into_iter().flat_map(|n| [5.0, 20.0, 80.0].map(|r| [n, r * n]));
//! let measured = grid([3e7, 6e7, 1.2e8]).map(|x| Run { arm: 0, x: x.to_vec() }).collect();
//! let state = State { arms: vec![arm], measured, pending: Vec::new(), spread: Spread::default() };
//!
//! let throughput = Throughput { amplitude: 6e13, exponent: 1.0, residual_sd: 0.0 };
//! let price = |x: &[f64]| 0.2 + throughput.hours(x[0], x[1]);
//! let space = Space::new(0, grid([2e8, 4e8, 8e8]).map(|x| x.to_vec()), price);
//! let target = Target::BestSize { arm: 0, scale: Scale::Flops(1e24) };
//! let proposal = propose(&state, &space, &target, &Limits::of_budget(100.0))?;
//! assert!(proposal.hours <= 100.0);
//! assert!(proposal.after.sd < proposal.before.sd);
//! # Ok::<(), law_engine::propose::Refused>(())
//! ```

mod account;
mod belief;
mod choose;
mod designs;
mod optimum;
mod refused;
mod report;
mod setting;
mod spread;
mod target;

pub use designs::Design;
pub use refused::Refused;
pub use report::{Expectation, ProposedRun, Reason, RunnerUp};
pub use spread::Spread;
pub use target::{Quantity, Scale, Target};

use crate::catalogue::Law;
use crate::query::{Fitted, Throughput};
use setting::Setting;

/// One of the things that are compared, with what is known of its law.
#[derive(Clone)]
pub struct Arm<'a> {
    pub name: &'a str,
    pub law: &'a dyn Law,
    /// The fit, or published coefficients where nothing is measured yet.
    pub coefficients: Vec<f64>,
    /// Further coefficients that are as plausible, such as a bootstrap's: 5 to 11 are enough. All
    /// arms have the same number of them.
    pub draws: Vec<Vec<f64>>,
    /// Coefficients that are given, by their place.
    pub fixed: Vec<usize>,
    /// How fast it trains: needed for targets at a budget of hours, by laws of N and D.
    pub throughput: Option<Throughput>,
}

impl<'a> Arm<'a> {
    /// An arm of which only coefficients are known.
    #[must_use]
    pub fn new(name: &'a str, law: &'a dyn Law, coefficients: &[f64]) -> Self {
        Self {
            name,
            law,
            coefficients: coefficients.to_vec(),
            draws: Vec::new(),
            fixed: Vec::new(),
            throughput: None,
        }
    }

    /// A fitted arm, with as many of the fit's draws as there are up to `draws_n`. Which coefficients
    /// were given, and the throughput, are left to be said.
    #[must_use]
    pub fn of_fit(name: &'a str, fitted: &Fitted<'a>, draws_n: usize) -> Self {
        let draws = fitted.draws.iter().take(draws_n).cloned().collect();
        Self { draws, ..Self::new(name, fitted.law, &fitted.estimate.coefficients) }
    }
}

/// A run that is measured or on its way, its variables in the order of the law's card. Seeds are
/// runs at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub arm: usize,
    pub x: Vec<f64>,
}

/// What is known.
#[derive(Clone)]
pub struct State<'a> {
    pub arms: Vec<Arm<'a>>,
    pub measured: Vec<Run>,
    /// Runs that will be measured whatever is proposed.
    pub pending: Vec<Run>,
    pub spread: Spread,
}

/// What could be run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    pub candidates: Vec<Candidate>,
}

impl Space {
    /// Runs of one arm at `places`, each for the accelerator hours that `price` says.
    pub fn new(
        arm: usize,
        places: impl IntoIterator<Item = Vec<f64>>,
        price: impl Fn(&[f64]) -> f64,
    ) -> Self {
        let candidate = |x: Vec<f64>| Candidate { arm, hours: price(&x), x };
        Self { candidates: places.into_iter().map(candidate).collect() }
    }
}

/// A run that could be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub arm: usize,
    pub x: Vec<f64>,
    /// Accelerator hours of one seed.
    pub hours: f64,
}

/// What may be spent, and on what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// For the whole batch.
    pub budget_hours: f64,
    /// For one run.
    pub run_hours_max: f64,
    /// Price of a run beside its hours. Without one, many small runs are always the better bargain.
    pub slot_hours: f64,
    /// Seeds of one configuration, those measured and pending included.
    pub seeds_max: u32,
    /// Share of the budget for runs of at least half of the dearest affordable candidate's hours.
    pub largest_share: f64,
    /// Share of the budget for further seeds of configurations that have one.
    pub repeat_share: f64,
}

impl Limits {
    /// For a budget of its own: 50 slots, at most 30 % on one run, 20 % for the largest scale and 5 %
    /// for further seeds, 4 of each configuration.
    #[must_use]
    pub fn of_budget(hours: f64) -> Self {
        Self {
            budget_hours: hours,
            run_hours_max: 0.3 * hours,
            slot_hours: hours / 50.0,
            seeds_max: 4,
            largest_share: 0.2,
            repeat_share: 0.05,
        }
    }
}

/// A batch of runs, and what it is expected to do to the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// In the order in which they are worth most for their price.
    pub runs: Vec<ProposedRun>,
    pub hours: f64,
    /// Where the batch comes from.
    pub design: Design,
    /// The target without the batch: measured and pending runs only.
    pub before: Expectation,
    pub after: Expectation,
}

/// The batch for a target within the limits. An empty batch says that nothing is affordable.
///
/// # Errors
/// Input that cannot be used: see [`Refused`].
pub fn propose(
    state: &State<'_>,
    space: &Space,
    target: &Target,
    limits: &Limits,
) -> Result<Proposal, Refused> {
    let setting = Setting::new(state, space, target, limits)?;
    let start = setting.belief()?;
    let batch = choose::choose(&setting, &start, limits);
    Ok(report::report(&setting, start, limits, &batch))
}

#[cfg(test)]
mod tests;
