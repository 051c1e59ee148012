//! Sentences that a reader must see beside a fit.

use sweep_core::crossover::Axis;
use sweep_core::fit::{Convergence, LawFit, LawName};

use crate::digits::fixed;
use crate::law::{EXPONENT_MAX, EXPONENT_MIN};
use crate::select::CLASSES_MIN;

/// Fewer classes than this are few for any law.
const CLASSES_FEW: u32 = 5;
/// A floor whose interval is wider than this share of the smallest loss is not identified.
const FLOOR_SHARE: f64 = 0.5;
/// A floor below this share of the smallest loss counts as zero.
const FLOOR_ZERO: f64 = 1e-6;
/// An exponent this close to its bounds stands at them.
const AT_BOUND: f64 = 1e-9;
/// An exponent needs a decade of hours.
const SPAN_SHORT: f64 = 10.0;
/// Extrapolation beyond this many times the largest class is worth a word.
const REACH_FAR: f64 = 10.0;
/// A residual this many times the median of the others stands out.
const OUTLIER_RATIO: f64 = 8.0;
/// Residuals below this are too small to stand out.
const OUTLIER_MIN: f64 = 5e-3;

/// What the caveats are drawn from, beyond the fit itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub axis: Axis,
    /// Smallest loss measured, bits per byte.
    pub loss_min: f64,
    /// The second largest class, hours.
    pub hours_before_last: f64,
    /// Log residuals with a name for each: hours and seed.
    pub residuals: &'a [(f64, u64, f64)],
    pub horizon_hours: f64,
    /// The law was to be chosen by the data, and they were too few.
    pub untested: bool,
}

/// The caveats of `fit`, most important first.
#[must_use]
pub fn caveats(fit: &LawFit, context: &Context<'_>) -> Vec<String> {
    let axis = context.axis;
    [
        unconverged(fit),
        context.untested.then(|| {
            format!(
                "The law was not tested on a held-out {}: that takes at least {}, and the plain \
                 power law speaks until then.",
                axis.class(),
                axis.classes(CLASSES_MIN + 1),
            )
        }),
        exponent(fit, axis),
        floor(fit, context.loss_min),
        few_classes(fit, axis),
        noise(fit, context),
        outlier(context.residuals, axis),
        reach(fit, context),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn unconverged(fit: &LawFit) -> Option<String> {
    match &fit.convergence {
        Convergence::Converged => None,
        Convergence::NotConverged { reason } => {
            Some(format!("The fit did not converge ({reason}): its coefficients are provisional."))
        }
    }
}

fn exponent(fit: &LawFit, axis: Axis) -> Option<String> {
    let alpha = fit.coefficient("alpha")?;
    if alpha <= EXPONENT_MIN + AT_BOUND {
        let letter = axis.letter();
        Some(format!("The loss does not fall with {letter}: alpha stands at its bound 0."))
    } else if alpha >= EXPONENT_MAX - AT_BOUND {
        Some(format!("alpha stands at its bound {EXPONENT_MAX}: the curve falls too steeply."))
    } else {
        None
    }
}

fn floor(fit: &LawFit, loss_min: f64) -> Option<String> {
    if fit.law != LawName::PowerFloor {
        return None;
    }
    let floor = fit.coefficients.iter().find(|c| c.name == "E")?;
    let (lower, upper) = (floor.interval.lower, floor.interval.upper);
    let zero = FLOOR_ZERO * loss_min;
    if floor.value <= zero {
        Some("The floor E stands at its bound 0: the data show no floor yet.".to_owned())
    } else if lower <= zero || upper - lower > FLOOR_SHARE * loss_min {
        Some(format!(
            "The floor E is not identified: its {:.0} % interval runs from {} to {}.",
            100.0 * fit.level,
            fixed(lower, 2),
            fixed(upper, 2),
        ))
    } else {
        None
    }
}

fn few_classes(fit: &LawFit, axis: Axis) -> Option<String> {
    let (lower, upper) = (fit.hours_measured.lower, fit.hours_measured.upper);
    let span = upper / lower;
    (fit.classes_n < CLASSES_FEW || span < SPAN_SHORT).then(|| {
        format!(
            "Only {} from {} to {}, a factor of {span:.3}: exponents want five over a decade.",
            axis.classes(fit.classes_n as usize),
            axis.quantity(lower),
            axis.quantity(upper),
        )
    })
}

fn noise(fit: &LawFit, context: &Context<'_>) -> Option<String> {
    let last = fit.hours_measured.upper;
    let fall = (fit.predict(context.hours_before_last) / fit.predict(last)).ln();
    (fit.residual_rms > 0.5 * fall).then(|| {
        format!(
            "Runs scatter by {:.2} % about the law, which falls by {:.2} % from one to the other \
             of the two largest: more seeds or a larger {} would help.",
            100.0 * fit.residual_rms,
            100.0 * fall,
            context.axis.class(),
        )
    })
}

/// One run far off, in units of what the others do.
fn outlier(residuals: &[(f64, u64, f64)], axis: Axis) -> Option<String> {
    let &(hours, seed, worst) = residuals.iter().max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()))?;
    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.2.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let median = sizes[sizes.len() / 2];
    (worst.abs() > OUTLIER_MIN.max(OUTLIER_RATIO * median)).then(|| {
        format!(
            "One run stands out: {} with seed {seed} lies {}{} % off the law. It does not bend \
             the law, but it widens every interval.",
            axis.quantity(hours),
            if worst < 0.0 { "" } else { "+" },
            fixed(100.0 * worst, 1),
        )
    })
}

fn reach(fit: &LawFit, context: &Context<'_>) -> Option<String> {
    let ratio = context.horizon_hours / fit.hours_measured.upper;
    (ratio > REACH_FAR).then(|| {
        format!(
            "Beyond {} the law extrapolates, up to {}x; the band assumes that its form holds \
             there.",
            context.axis.quantity(fit.hours_measured.upper),
            fixed(ratio, 0),
        )
    })
}

/// Two arms whose crossover was looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rivalry<'a> {
    pub(crate) law: LawName,
    pub(crate) names: [&'a str; 2],
    /// A crossing infinitely far away is not rejected.
    pub(crate) parallel: bool,
    pub(crate) includes_never: bool,
    pub(crate) fits: [Option<&'a LawFit>; 2],
    pub(crate) level: f64,
    pub(crate) largest_hours: f64,
    pub(crate) axis: Axis,
}

/// Runs this many times the largest class bound a floor.
const FLOOR_REACH: f64 = 10.0;
/// Runs this many times the largest class tell exponents apart.
const SLOPE_REACH: f64 = 4.0;

/// Why "never" cannot be excluded, and the run that would help.
pub(crate) fn rivalry(rivalry: &Rivalry<'_>) -> Vec<String> {
    let Rivalry { law, names: [a, b], fits, level, largest_hours, axis, .. } = *rivalry;
    if !rivalry.includes_never {
        return Vec::new();
    }
    match law {
        LawName::Power if rivalry.parallel => vec![format!(
            "{a} and {b} are parallel as far as these runs tell: their exponents do not differ at \
             {:.0} %. Runs of {} in both arms, or more seeds in the largest {}, would tell them \
             apart.",
            100.0 * level,
            axis.quantity(SLOPE_REACH * largest_hours),
            axis.class(),
        )],
        LawName::Power => Vec::new(),
        LawName::PowerFloor => {
            let open = fits.into_iter().flatten().filter_map(|fit| {
                let floor = fit.coefficients.iter().find(|c| c.name == "E")?;
                let loss = fit.predict(fit.hours_measured.upper);
                let (lower, upper) = (floor.interval.lower, floor.interval.upper);
                let is_open = lower <= FLOOR_ZERO * loss || upper - lower > FLOOR_SHARE * loss;
                is_open.then(|| {
                    format!("{} (E from {} to {})", fit.arm, fixed(lower, 2), fixed(upper, 2))
                })
            });
            let open: Vec<String> = open.collect();
            if open.is_empty() {
                return Vec::new();
            }
            vec![format!(
                "The floors are not identified: {}. A crossing can neither be dated nor excluded; \
                 runs of {} in both arms would bound it.",
                open.join(", "),
                axis.quantity(FLOOR_REACH * largest_hours),
            )]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stands_out_only_against_the_others() {
        let run = |residual| (6.0, 1, residual);
        let steady = [run(0.001), run(-0.002), run(0.003), run(0.001), run(-0.001)];
        assert_eq!(outlier(&steady, Axis::Hours), None);
        let mut jumpy = steady;
        jumpy[2] = (24.0, 7, 0.1);
        let text = outlier(&jumpy, Axis::Hours).unwrap();
        assert!(text.contains("24 h with seed 7 lies +10.0 % off"), "{text}");
    }
}
