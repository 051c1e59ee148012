//! What people ask of a fitted law: the loss of a run that nobody has trained, the run that reaches a
//! loss, the best run of a budget.
//!
//! Every answer is the best fit's, with the interval of the law's draws; what lies outside the runs
//! that were fitted says how far.
//!
//! ```
//! use law_engine::catalogue::{self, Data, Options};
//! use law_engine::query::{Fitted, predict};
//!
//! let law = catalogue::find("chinchilla").expect("it is in the catalogue");
//! let truth = [1.69, 406.4, 410.7, 0.34, 0.28];
//! let rows: Vec<Vec<f64>> = [1e8, 3e8, 1e9, 3e9]
//!     .iter()
//!     .flat_map(|n| [1e9, 1e10, 1e11].map(|d| vec![*n, d]))
//!     .collect();
//! let losses = rows.iter().map(|row| law.predict(&truth, row)).collect();
//! let data = Data::new(&["N", "D"], rows, losses, None)?;
//! let fitted = Fitted::new(law, &data, &Options::default(), 20, 1)?;
//! let answer = predict(&fitted, &[70e9, 1.4e12], 0.9);
//! assert!((answer.best - 1.9366).abs() < 1e-4);
//! assert!((answer.beyond[1] - 14_f64.log10()).abs() < 1e-9);
//! # Ok::<(), law_engine::catalogue::Refusal>(())
//! ```

pub mod allocation;
pub mod approaches;
pub mod inversion;
pub mod prediction;
pub mod throughput;

pub use allocation::{Allocation, Budget, allocate};
pub use inversion::{Inversion, Reach, invert, outgrow};
pub use prediction::{Prediction, Spread, predict};
pub use throughput::Throughput;

use sweep_core::fit::Interval;

use crate::catalogue::{Data, Estimate, Law, Options, Refusal, Symbol};
use crate::forecast::{around, central};

/// A law at its optimum, with the draws behind its intervals and the residuals behind its noise.
pub struct Fitted<'a> {
    pub law: &'a dyn Law,
    pub estimate: Estimate,
    /// By draw, the coefficients. Empty where no intervals are wanted.
    pub draws: Vec<Vec<f64>>,
    /// By run, ln of observed over fitted of its rows.
    pub residuals: Vec<Vec<f64>>,
    /// By variable of the card, the smallest and the largest value that was fitted.
    pub spans: Vec<(f64, f64)>,
}

impl<'a> Fitted<'a> {
    /// Fits `law` to `data`, with `draws_n` refits for intervals.
    ///
    /// # Errors
    /// As [`Law::estimate`] and [`Law::draws`].
    pub fn new(
        law: &'a dyn Law,
        data: &Data,
        options: &Options,
        draws_n: u32,
        seed: u64,
    ) -> Result<Self, Refusal> {
        let card = law.card();
        let estimate = law.estimate(data, options)?;
        let draws = if draws_n == 0 {
            Vec::new()
        } else {
            law.draws(data, options, &estimate, draws_n, seed)?
        };
        let rows = data.select(card.name, card.variables)?;
        let (runs_n, run_of) = data.members();
        let mut residuals = vec![Vec::new(); runs_n];
        for ((x, observed), run) in rows.iter().zip(data.response()).zip(run_of) {
            residuals[run].push((observed / law.predict(&estimate.coefficients, x)).ln());
        }
        let span = |variable: &Symbol| data.span(variable.symbol);
        let spans = card.variables.iter().filter_map(span).collect();
        Ok(Self { law, estimate, draws, residuals, spans })
    }

    /// The place of a variable of the card.
    #[must_use]
    pub fn variable(&self, symbol: &str) -> Option<usize> {
        self.law.card().variables.iter().position(|variable| variable.symbol == symbol)
    }

    /// Decades of `x` outside the values of a variable that were fitted; negative below them.
    #[must_use]
    pub fn beyond(&self, variable: usize, x: f64) -> f64 {
        let (least, most) = self.spans[variable];
        if x > most {
            (x / most).log10()
        } else if x < least {
            (x / least).log10()
        } else {
            0.0
        }
    }

    /// Relative standard deviation of one run about the law: that of the residuals, each run counted
    /// once, over the degrees of freedom of runs. Not a number where these are none.
    #[must_use]
    pub fn noise(&self) -> f64 {
        let square = |run: &Vec<f64>| run.iter().map(|r| r * r).sum::<f64>() / run.len() as f64;
        let n = self.residuals.len() as f64;
        let mean = self.residuals.iter().map(square).sum::<f64>() / n;
        self.inflation() * mean.sqrt()
    }

    /// By how much the residuals of a fit are smaller than the noise: sqrt(n / (n - p)) for n runs
    /// and p free coefficients.
    fn inflation(&self) -> f64 {
        let n = self.residuals.len() as f64;
        (n / (n - self.estimate.free_n as f64)).sqrt()
    }
}

/// The answer of the best fit, and what the draws make of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    pub best: f64,
    /// None without draws.
    pub interval: Option<Interval>,
}

impl Answer {
    /// `ask` of the best fit and of every draw, with the central interval at `level`.
    pub fn new(fitted: &Fitted<'_>, level: f64, ask: impl Fn(&[f64]) -> f64) -> Self {
        let values = fitted.draws.iter().map(|draw| ask(draw)).collect();
        Self::of(ask(&fitted.estimate.coefficients), values, level)
    }

    fn of(best: f64, mut values: Vec<f64>, level: f64) -> Self {
        let interval = (!values.is_empty()).then(|| around(best, &mut values, level));
        Self { best, interval }
    }
}

/// The value that half of `values` do not exceed. `values` must not be empty; they are reordered.
fn median(values: &mut [f64]) -> f64 {
    central(values, 0.0).lower
}
