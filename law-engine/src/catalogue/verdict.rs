//! What to beware of in a fit: said with every estimate, and never a reason to hide it.

use std::collections::BTreeSet;
use std::fmt;

use sweep_core::fit::{Convergence, Interval};

use super::card::{Card, Kind};
use super::data::Data;
use super::estimate::Estimate;

/// Something that a reader must know beside the coefficients.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// The solver stopped before the optimum.
    NotConverged { reason: String },
    /// Some combination of coefficients changes no prediction on these data.
    Unidentified { condition: f64 },
    /// The interval of a coefficient spans this factor.
    Vague { coefficient: &'static str, factor: f64 },
    /// Another optimum is as good as the data can tell, with other coefficients.
    Rival { coefficients: Vec<f64>, worse_by: f64 },
    /// A coefficient ended at the end of its range.
    AtBound { coefficient: &'static str, value: f64 },
    /// A variable hardly varies.
    ShortSpan { variable: &'static str, decades: f64, largest: f64 },
    /// A variable has few different values.
    FewScales { variable: &'static str, scales_n: usize },
}

/// Sensitivities this near to dependent are dependent: what is left is rounding.
const CONDITION_MAX: f64 = 1e7;
/// An exponent or a floor whose interval spans more than this factor says little.
const VAGUE_FACTOR: f64 = 3.0;
/// Relative differences of the objective below this, per observation, are noise: the likelihood of
/// normal errors cannot tell two fits apart whose squares differ by less than about two in n.
const RIVAL_SHARE: f64 = 2.0;
/// Published laws span more; below this a slope is a guess.
const DECADES_MIN: f64 = 1.0;
/// Fewer scales than this cannot show curvature and check it.
const SCALES_MIN: usize = 4;

/// What there is to say about `estimate`. `intervals` are those of the coefficients, where there are
/// any.
#[must_use]
pub fn verdicts(
    card: &Card,
    data: &Data,
    estimate: &Estimate,
    intervals: Option<&[Interval]>,
) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    if let Convergence::NotConverged { reason } = &estimate.convergence {
        verdicts.push(Verdict::NotConverged { reason: reason.clone() });
    }
    if estimate.condition > CONDITION_MAX {
        verdicts.push(Verdict::Unidentified { condition: estimate.condition });
    }
    for (parameter, interval) in card.parameters.iter().zip(intervals.unwrap_or_default()) {
        let factor = interval.upper / interval.lower;
        if matches!(parameter.kind, Kind::Exponent | Kind::Floor) && factor > VAGUE_FACTOR {
            verdicts.push(Verdict::Vague { coefficient: parameter.symbol, factor });
        }
    }
    let noise = RIVAL_SHARE / data.rows_n() as f64;
    for (coefficients, objective) in estimate.basins.iter().skip(1) {
        let worse_by = objective / estimate.objective - 1.0;
        if worse_by < noise {
            verdicts.push(Verdict::Rival { coefficients: coefficients.clone(), worse_by });
        }
    }
    for i in &estimate.at_bound {
        let (coefficient, value) = (card.parameters[*i].symbol, estimate.coefficients[*i]);
        verdicts.push(Verdict::AtBound { coefficient, value });
    }
    for variable in card.variables {
        let Some(values) = data.column(variable.symbol) else { continue };
        let Some((smallest, largest)) = data.span(variable.symbol) else { continue };
        let decades = (largest / smallest).log10();
        let scales: BTreeSet<u64> = values.iter().map(|value| value.to_bits()).collect();
        if decades < DECADES_MIN {
            let variable = variable.symbol;
            verdicts.push(Verdict::ShortSpan { variable, decades, largest });
        }
        if scales.len() < SCALES_MIN {
            verdicts.push(Verdict::FewScales { variable: variable.symbol, scales_n: scales.len() });
        }
    }
    verdicts
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConverged { reason } => write!(f, "not converged: {reason}"),
            Self::Unidentified { condition } => write!(
                f,
                "not identified: some combination of the coefficients changes no prediction on \
                 these data (condition number {condition:.0e}); fix or tie one of them, or vary \
                 each variable on its own"
            ),
            Self::Vague { coefficient, factor } if factor.is_finite() => write!(
                f,
                "{coefficient} is hardly determined: its interval spans a factor of {factor:.0}; \
                 runs at a larger scale would narrow it"
            ),
            Self::Vague { coefficient, .. } => write!(
                f,
                "{coefficient} may be zero: the data do not show it; runs at a larger scale would"
            ),
            Self::Rival { coefficients, worse_by } => write!(
                f,
                "another optimum is only {:.2} % worse, with coefficients {}",
                worse_by * 100.0,
                coefficients.iter().map(|c| format!("{c:.4}")).collect::<Vec<_>>().join(", ")
            ),
            Self::AtBound { coefficient, value } => {
                write!(f, "{coefficient} = {value} is the end of its range, not an optimum within")
            }
            Self::ShortSpan { variable, decades, largest } => write!(
                f,
                "{variable} spans {decades:.1} decades, and a slope wants one at least: a run at \
                 {variable} = {:.2e} would help most",
                largest * 10.0
            ),
            Self::FewScales { variable, scales_n } => write!(
                f,
                "{variable} has {scales_n} different values; {SCALES_MIN} are needed to see whether \
                 the form holds"
            ),
        }
    }
}
