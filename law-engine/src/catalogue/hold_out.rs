//! How well a law forecasts the largest scales from the smaller ones.

use super::Law;
use super::data::{Data, Refusal};
use super::estimate::Options;

/// A forecast of rows that the fit did not see.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldOut {
    /// Rows that were held out.
    pub rows_n: usize,
    /// The smallest scale held out.
    pub from: f64,
    /// Mean of the absolute relative errors.
    pub mean_error: f64,
    /// The largest of them.
    pub worst_error: f64,
    /// Mean of the signed relative errors: positive where the law forecasts too much.
    pub bias: f64,
}

/// Fits `law` to the rows of smaller `scale` and forecasts the `share` of rows with the largest.
/// Rows of equal scale stay together. None where nothing, or everything, would be held out.
///
/// # Errors
/// As [`Law::estimate`], of the smaller rows.
pub fn hold_out(
    law: &dyn Law,
    data: &Data,
    options: &Options,
    scale: &[f64],
    share: f64,
) -> Result<Option<HoldOut>, Refusal> {
    let mut sorted = scale.to_vec();
    sorted.sort_by(f64::total_cmp);
    let first = ((1.0 - share) * sorted.len() as f64).ceil() as usize;
    let Some(from) = sorted.get(first).copied() else { return Ok(None) };
    if from <= sorted[0] {
        return Ok(None);
    }
    let fit = law.estimate(&data.filter(|row| scale[row] < from), options)?;
    let held = data.filter(|row| scale[row] >= from);
    let card = law.card();
    let variables = held.select(card.name, card.variables)?;
    let errors: Vec<f64> = variables
        .iter()
        .zip(held.response())
        .map(|(x, observed)| law.predict(&fit.coefficients, x) / observed - 1.0)
        .collect();
    let n = errors.len() as f64;
    Ok(Some(HoldOut {
        rows_n: errors.len(),
        from,
        mean_error: errors.iter().map(|error| error.abs()).sum::<f64>() / n,
        worst_error: errors.iter().fold(0.0, |worst, error| f64::max(worst, error.abs())),
        bias: errors.iter().sum::<f64>() / n,
    }))
}
