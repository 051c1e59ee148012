//! What must not change a fit, and what must change it in a known way.

use law_engine::catalogue::{Estimate, Law, Options};
use law_engine::objective::Residual;

use super::check::{Check, Trouble};
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

/// Samples of nine tenths of the rows.
const SAMPLES_N: u64 = 10;

/// How much more search a fit is compared with.
const MORE_STARTS: usize = 10;

/// Relative difference of two objectives that are one.
const SAME_OBJECTIVE: f64 = 1e-8;

/// Relative difference of two coefficients that are one, at the flat bottom of an objective.
const SAME_COEFFICIENT: f64 = 1e-4;

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

    /// The checks of `fit` that every fit of published rows has to pass.
    pub(crate) fn checks(&self, of: &str, fit: &Estimate) -> Result<Vec<Check>, Trouble> {
        let mut checks = self.checks_of_few(of, fit)?;
        checks.push(self.sampled(of, fit)?);
        Ok(checks)
    }

    /// Those that need no row to spare.
    pub(crate) fn checks_of_few(&self, of: &str, fit: &Estimate) -> Result<Vec<Check>, Trouble> {
        Ok(vec![
            self.recomputed(of, fit),
            self.shuffled(of, fit)?,
            self.rescaled_objective(of, fit)?,
            self.rescaled_coefficients(of, fit)?,
        ])
    }

    fn recomputed(&self, of: &str, fit: &Estimate) -> Check {
        let value = self.objective(&self.table, &fit.coefficients);
        let what = format!("{of}: objective, against its sum computed apart");
        Check::relative(what, value, fit.objective, SAME_OBJECTIVE)
    }

    fn shuffled(&self, of: &str, fit: &Estimate) -> Result<Check, Trouble> {
        let shuffled = self.law.estimate(&self.table.shuffled(1).data()?, &self.options)?;
        let change = largest_change(&fit.coefficients, &shuffled.coefficients);
        let what = format!("{of}: largest change of a coefficient when the rows are shuffled");
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

    fn rescaled_objective(&self, of: &str, fit: &Estimate) -> Result<Check, Trouble> {
        let power = if self.options.residual == Residual::Raw { 2 } else { 0 };
        let expected = fit.objective / self.units.response.powi(power);
        let what = format!("{of}: objective in other units");
        Ok(Check::relative(what, expected, self.rescaled()?.objective, SAME_OBJECTIVE))
    }

    fn rescaled_coefficients(&self, of: &str, fit: &Estimate) -> Result<Check, Trouble> {
        let expected = (self.units.coefficients)(&fit.coefficients);
        let change = largest_change(&expected, &self.rescaled()?.coefficients);
        let what = format!("{of}: largest difference from the coefficients converted by hand");
        Ok(Check::within(what, 0.0, change, SAME_COEFFICIENT))
    }
}

/// The largest relative difference of two sets of coefficients.
fn largest_change(a: &[f64], b: &[f64]) -> f64 {
    let change = |(a, b): (&f64, &f64)| {
        if a == b { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) }
    };
    a.iter().zip(b).map(change).fold(0.0, f64::max)
}
