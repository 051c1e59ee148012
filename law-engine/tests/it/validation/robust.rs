//! What must not change a fit, and what must change it in a known way.

use law_engine::catalogue::{Estimate, Law, Options, Refusal};
use law_engine::objective::Residual;

use super::check::{Check, Miss, Trouble};
use super::rows::Table;

/// A fit of published rows.
pub(crate) struct Problem {
    pub(crate) law: &'static dyn Law,
    pub(crate) table: Table,
    pub(crate) options: Options,
    pub(crate) units: Units,
}

/// Other units for the same rows, and what they make of the coefficients.
pub(crate) struct Units {
    /// The new unit of each variable in the old one.
    pub(crate) variables: &'static [f64],
    /// The new unit of the response in the old one.
    pub(crate) response: f64,
    pub(crate) coefficients: fn(&[f64]) -> Vec<f64>,
}

/// How a fit stands up to other rows and units.
#[derive(Debug)]
pub(crate) struct Robust {
    pub(crate) fit: String,
    /// In the order of [`TRIALS`]; the last is missing where no row can be spared.
    pub(crate) checks: Vec<Check>,
}

/// What is done to each fit, in the words of a table's head.
pub(crate) const TRIALS: [&str; 6] =
    ["recomputed", "shuffled", "five batches", "objective, units", "coefficients, units", "90 %"];

/// Samples of nine tenths of the rows.
const SAMPLES_N: u64 = 10;

/// How much more search a fit is compared with.
const MORE_STARTS: usize = 10;

/// Batches that the rows come in.
const BATCHES_N: usize = 5;

/// Relative difference of two objectives that are one.
const SAME_OBJECTIVE: f64 = 1e-8;

/// Relative difference of two coefficients that are one, at the flat bottom of an objective.
const SAME_COEFFICIENT: f64 = 1e-4;

impl Robust {
    /// A trial of [`TRIALS`] whose bound is missed: why, and what holds instead.
    pub(crate) fn missed(mut self, trial: &str, why: &'static str, today: f64) -> Self {
        let place = TRIALS.iter().position(|name| *name == trial);
        if let Some(check) = place.and_then(|place| self.checks.get_mut(place)) {
            check.miss = Some(Miss { why, today });
        }
        self
    }
}

impl Problem {
    pub(crate) fn fit(&self) -> Result<Estimate, Trouble> {
        Ok(self.law.estimate(&self.table.data()?, &self.options)?)
    }

    /// The summed loss of coefficients, computed apart from the engine.
    pub(crate) fn objective(&self, table: &Table, coefficients: &[f64]) -> f64 {
        let loss = |(x, y): (&Vec<f64>, &f64)| {
            let law = self.law.predict(coefficients, x);
            let residual = match self.options.residual {
                Residual::Log => (y / law).ln(),
                Residual::Raw => y - law,
                Residual::Relative => 1.0 - law / y,
                Residual::Log1p => y.ln_1p() - law.ln_1p(),
            };
            self.options.huber.value(residual)
        };
        table.values.iter().zip(&table.response).map(loss).sum()
    }

    /// What every fit of published rows has to stand.
    pub(crate) fn robust(&self, of: &str, fit: &Estimate) -> Result<Robust, Trouble> {
        let mut robust = self.robust_of_few(of, fit)?;
        robust.checks.push(self.sampled(of, fit)?);
        Ok(robust)
    }

    /// The same of a fit that has no row to spare.
    pub(crate) fn robust_of_few(&self, of: &str, fit: &Estimate) -> Result<Robust, Trouble> {
        let rescaled = self.rescaled()?;
        let checks = vec![
            self.recomputed(of, fit),
            self.shuffled(of, fit)?,
            self.in_batches(of, fit)?,
            self.rescaled_objective(of, fit, &rescaled),
            self.rescaled_coefficients(of, fit, &rescaled),
        ];
        Ok(Robust { fit: of.to_owned(), checks })
    }

    fn recomputed(&self, of: &str, fit: &Estimate) -> Check {
        let value = self.objective(&self.table, &fit.coefficients);
        let what = format!("{of}: objective over its sum computed apart");
        Check::relative(what, 1.0, fit.objective / value, SAME_OBJECTIVE)
    }

    fn shuffled(&self, of: &str, fit: &Estimate) -> Result<Check, Trouble> {
        let shuffled = self.law.estimate(&self.table.shuffled(1).data()?, &self.options)?;
        let change = largest_change(&fit.coefficients, &shuffled.coefficients);
        let what = format!("{of}: largest change of a coefficient when the rows are shuffled");
        Ok(Check::within(what, 0.0, change, 0.0))
    }

    /// The table grows batch by batch and is fitted after each, as the runs of a sweep come in. The
    /// engine keeps nothing from one fit to the next, so the last must be the fit of all rows.
    fn in_batches(&self, of: &str, fit: &Estimate) -> Result<Check, Trouble> {
        let mut arrived = self.table.empty();
        let mut last = None;
        for batch in self.table.batches(BATCHES_N) {
            arrived.extend(batch);
            last = match self.law.estimate(&arrived.data()?, &self.options) {
                Ok(fit) => Some(fit),
                // The first batches of a small table do not determine the coefficients yet.
                Err(Refusal::TooFew { .. }) => None,
                Err(refusal) => return Err(refusal.into()),
            };
        }
        let change = last
            .map_or(f64::INFINITY, |last| largest_change(&fit.coefficients, &last.coefficients));
        let what = format!("{of}: largest change of a coefficient when rows come in five batches");
        Ok(Check::within(what, 0.0, change, 0.0))
    }

    /// On nine tenths of the rows the fit is no worse than one that searches ten times as much,
    /// nor than the fit to all rows.
    fn sampled(&self, of: &str, fit: &Estimate) -> Result<Check, Trouble> {
        let more =
            Options { starts_n: MORE_STARTS * self.options.starts_n, ..self.options.clone() };
        let mut worst = f64::NEG_INFINITY;
        for seed in 0..SAMPLES_N {
            let table = self.table.sampled(seed);
            let data = table.data()?;
            let found = self.law.estimate(&data, &self.options)?.objective;
            let best = self.law.estimate(&data, &more)?.objective;
            let best = best.min(self.objective(&table, &fit.coefficients));
            worst = worst.max(found / best);
        }
        let what = format!(
            "{of}: {SAMPLES_N} samples of 90 %, worst objective over that of {MORE_STARTS} times \
             the search"
        );
        Ok(Check::at_most(what, 1.0, worst, SAME_OBJECTIVE))
    }

    fn rescaled(&self) -> Result<Estimate, Trouble> {
        let table = self.table.rescaled(self.units.variables, self.units.response);
        Ok(self.law.estimate(&table.data()?, &self.options)?)
    }

    fn rescaled_objective(&self, of: &str, fit: &Estimate, rescaled: &Estimate) -> Check {
        let power = if self.options.residual == Residual::Raw { 2 } else { 0 };
        let expected = fit.objective / self.units.response.powi(power);
        let what = format!("{of}: objective in other units over the same converted by hand");
        Check::relative(what, 1.0, rescaled.objective / expected, SAME_OBJECTIVE)
    }

    fn rescaled_coefficients(&self, of: &str, fit: &Estimate, rescaled: &Estimate) -> Check {
        let expected = (self.units.coefficients)(&fit.coefficients);
        let change = largest_change(&expected, &rescaled.coefficients);
        let what = format!("{of}: largest difference from the coefficients converted by hand");
        Check::within(what, 0.0, change, SAME_COEFFICIENT)
    }
}

/// The largest relative difference of two sets of coefficients.
fn largest_change(a: &[f64], b: &[f64]) -> f64 {
    let change = |(a, b): (&f64, &f64)| {
        if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) }
    };
    a.iter().zip(b).map(change).fold(0.0, f64::max)
}
