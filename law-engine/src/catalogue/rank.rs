//! Which laws forecast the largest scales from the smaller ones.
//!
//! Laws that are fitted to the same rows are compared by what they were asked for: the error on rows
//! of the largest scale, which the fit did not see. Few rows are held out, and a law that misses the
//! others may forecast these by luck: one that the rows give no support at all stands behind those
//! that they do. Support is by Akaike's criterion, of the log residuals taken as normal,
//!
//! ```text
//! AIC = n ln(S / n) + 2 k + 2 k (k + 1) / (n - k - 1)      S = sum of (ln L - ln fitted)^2
//! BIC = n ln(S / n) + k ln n
//! ```
//!
//! with k one more than the free coefficients, for the noise (Akaike 1974, doi
//! 10.1109/TAC.1974.1100705; corrected for few rows, Hurvich and Tsai 1989, doi
//! 10.1093/biomet/76.2.297; Schwarz 1978, doi 10.1214/aos/1176344136). Either judges the rows at
//! hand and knows nothing of extrapolation, and so they do not rank what has support.
//!
//! On 77 learning curves the rule does better than any one law for all (docs/validation.md).

use super::data::{Data, Refusal};
use super::estimate::{Estimate, Options};
use super::hold_out::{HoldOut, hold_out};
use super::{LAWS, Law};

/// A law beside others on the same rows.
pub struct Ranked {
    pub law: &'static dyn Law,
    pub estimate: Estimate,
    /// None where too few smaller rows are left to fit.
    pub held_out: Option<HoldOut>,
    /// Root mean square of the log residuals.
    pub rms: f64,
    pub aic: f64,
    pub bic: f64,
}

/// Above the least AIC by more than this there is essentially no support (Burnham and Anderson, Model
/// selection and multimodel inference, section 2.6).
const SUPPORT: f64 = 10.0;

/// Errors of forecasts that differ by less are equal.
const ROUNDING: f64 = 1e-7;

/// The laws of the catalogue for a loss over variables that are all among `symbols`.
#[must_use]
pub fn of_loss(symbols: &[&str]) -> Vec<&'static dyn Law> {
    let is_of = |law: &&dyn Law| {
        let card = law.card();
        card.response.symbol == "L" && card.variables.iter().all(|v| symbols.contains(&v.symbol))
    };
    LAWS.iter().copied().filter(is_of).collect()
}

/// Every law that can be fitted, the best forecast of the held out `share` of largest `scale` first,
/// those without support by the rows behind all others; and those that cannot, each with the reason.
#[must_use]
pub fn rank(
    laws: &[&'static dyn Law],
    data: &Data,
    options: &Options,
    scale: &[f64],
    share: f64,
) -> (Vec<Ranked>, Vec<(&'static str, Refusal)>) {
    let mut ranked = Vec::new();
    let mut refused = Vec::new();
    for law in laws {
        match ranked_one(*law, data, options, scale, share) {
            Ok(one) => ranked.push(one),
            Err(refusal) => refused.push((law.card().name, refusal)),
        }
    }
    // Two laws of one form differ by rounding, which must not decide: then they stay in order.
    let error = |one: &Ranked| {
        let held_out = one.held_out.as_ref();
        held_out.map_or(f64::INFINITY, |held| (held.mean_error / ROUNDING).round())
    };
    let least = ranked.iter().map(|one| one.aic).fold(f64::INFINITY, f64::min);
    let has_none = |one: &Ranked| one.aic > least + SUPPORT;
    ranked
        .sort_by(|a, b| has_none(a).cmp(&has_none(b)).then_with(|| error(a).total_cmp(&error(b))));
    (ranked, refused)
}

/// A forecast within this factor of the best one's error is as good as the best: few held out rows
/// tell no more.
const AS_GOOD: f64 = 2.0;

/// The laws that forecast nearly as well as the best of `ranked`, it included, and are determined by
/// the rows. What they say beyond the rows is how much the choice of a law matters there.
#[must_use]
pub fn as_good(ranked: &[Ranked]) -> Vec<&Ranked> {
    let error = |one: &Ranked| one.held_out.as_ref().map(|held| held.mean_error);
    let Some(least) = ranked.iter().filter_map(error).min_by(f64::total_cmp) else {
        return Vec::new();
    };
    let is_as_good = |one: &&Ranked| {
        one.estimate.is_identified() && error(one).is_some_and(|error| error <= AS_GOOD * least)
    };
    ranked.iter().filter(is_as_good).collect()
}

fn ranked_one(
    law: &'static dyn Law,
    data: &Data,
    options: &Options,
    scale: &[f64],
    share: f64,
) -> Result<Ranked, Refusal> {
    let card = law.card();
    let estimate = law.estimate(data, options)?;
    let held_out = hold_out(law, data, options, scale, share).ok().flatten();
    let variables = data.select(card.name, card.variables)?;
    let square = |(x, observed): (&Vec<f64>, &f64)| {
        (observed / law.predict(&estimate.coefficients, x)).ln().powi(2)
    };
    let n = data.rows_n() as f64;
    let mean = variables.iter().zip(data.response()).map(square).sum::<f64>() / n;
    let k = estimate.free_n as f64 + 1.0;
    let fit = n * mean.ln();
    let spare = n - k - 1.0;
    let correction = if spare > 0.0 { 2.0 * k * (k + 1.0) / spare } else { f64::INFINITY };
    let (aic, bic) = (fit + 2.0 * k + correction, fit + k * n.ln());
    Ok(Ranked { law, estimate, held_out, rms: mean.sqrt(), aic, bic })
}
