//! Past forecasts beside what larger runs then showed.
//!
//! A forecast is scored at classes that it had not seen. Of forecasts that had seen the same largest
//! class the last one counts, so that a sweep of many runs does not score one forecast many times.

use std::collections::BTreeMap;

use sweep_core::class::ComputeClass;
use sweep_core::crossover::{Bound, Crossover, Outcome};
use sweep_core::fit::{CurvePoint, Interval, LawFit};
use sweep_core::forecast::Forecast;
use sweep_core::observation::{Observation, lower_envelope};
use sweep_core::scoreboard::{Basis, CrossingScore, LeadScore, LossScore, Scoreboard, reach};

use crate::student;

/// Scores `forecasts` (oldest first) by `observations`. Only classes of an arm for which `is_complete` says
/// so count: a class of which some sizes are still running has no best one yet.
#[must_use]
pub fn scoreboard(
    sweep_name: &str,
    forecasts: &[Forecast],
    observations: &[Observation],
    is_complete: impl Fn(&str, ComputeClass) -> bool,
) -> Scoreboard {
    let mut measured = Measured::default();
    let arms = forecasts.iter().flat_map(|forecast| &forecast.arms).map(|arm| &*arm.arm);
    for arm in arms {
        if !measured.0.contains_key(arm) {
            let means = means(observations, arm, &is_complete);
            measured.0.insert(arm.to_owned(), means);
        }
    }
    let mut losses = losses(forecasts, &measured);
    losses.sort_by(|a, b| {
        let key = |s: &LossScore| (s.arm.clone(), s.class);
        key(a).cmp(&key(b)).then(a.basis.hours_known.total_cmp(&b.basis.hours_known))
    });
    Scoreboard {
        sweep_name: sweep_name.to_owned(),
        forecasts_n: forecasts.len() as u32,
        reach: reach(&losses),
        leads: leads(forecasts, &measured),
        crossings: crossings(forecasts),
        losses,
    }
}

/// By arm and class, the mean of the curve and the number of its points.
#[derive(Default)]
struct Measured(BTreeMap<String, BTreeMap<ComputeClass, (f64, u32)>>);

impl Measured {
    fn classes(&self, arm: &str) -> impl Iterator<Item = (ComputeClass, (f64, u32))> + use<'_> {
        self.0.get(arm).into_iter().flatten().map(|(class, mean)| (*class, *mean))
    }
}

fn means(
    observations: &[Observation],
    arm: &str,
    is_complete: impl Fn(&str, ComputeClass) -> bool,
) -> BTreeMap<ComputeClass, (f64, u32)> {
    let mut by_class: BTreeMap<ComputeClass, Vec<f64>> = BTreeMap::new();
    for point in lower_envelope(observations, arm) {
        let ln_loss = point.bits_per_byte.ln();
        if ln_loss.is_finite() && is_complete(arm, point.class) {
            by_class.entry(point.class).or_default().push(ln_loss);
        }
    }
    let mean = |all: Vec<f64>| {
        let n = all.len();
        ((all.iter().sum::<f64>() / n as f64).exp(), n as u32)
    };
    by_class.into_iter().map(|(class, all)| (class, mean(all))).collect()
}

fn losses(forecasts: &[Forecast], measured: &Measured) -> Vec<LossScore> {
    // By arm, the largest class known (in bits: it is positive) and the class that was forecast.
    let mut last: BTreeMap<(&str, u64, ComputeClass), LossScore> = BTreeMap::new();
    for forecast in forecasts {
        for fit in forecast.arms.iter().filter_map(|arm| arm.chosen_fit()) {
            let hours_known = fit.hours_measured.upper;
            for (class, mean) in measured.classes(&fit.arm) {
                if class.hours() <= hours_known {
                    continue;
                }
                if let Some(score) = loss(forecast, fit, class, mean) {
                    last.insert((&fit.arm, hours_known.to_bits(), class), score);
                }
            }
        }
    }
    last.into_values().collect()
}

/// None where the forecast did not look that far, or its law has no scatter to go by.
fn loss(
    forecast: &Forecast,
    fit: &LawFit,
    class: ComputeClass,
    (observed, seeds_n): (f64, u32),
) -> Option<LossScore> {
    let at = along(&fit.curve, class.hours())?;
    let freedom = f64::from(fit.observations_n) - fit.coefficients.len() as f64;
    if freedom < 1.0 {
        return None;
    }
    // The residuals of a fit are smaller than the noise by the coefficients that it found.
    let noise = fit.residual_rms * (f64::from(fit.observations_n) / freedom).sqrt();
    let quantile = student::square(1.0 - fit.level, freedom).sqrt();
    let scatter = quantile * noise / f64::from(seeds_n).sqrt();
    let end = |bound: f64| {
        let ln = (bound / at.value).ln();
        at.value * (ln.signum() * ln.hypot(scatter)).exp()
    };
    // A band that ends at its own line still has the scatter about it.
    let below = end(at.band.lower.min(at.value * (1.0 - f64::EPSILON)));
    let above = end(at.band.upper.max(at.value * (1.0 + f64::EPSILON)));
    Some(LossScore {
        basis: basis(forecast, fit.hours_measured.upper),
        arm: fit.arm.clone(),
        law: fit.law,
        class,
        predicted: at.value,
        interval: Interval { lower: below, upper: above },
        level: fit.level,
        observed,
        seeds_n,
    })
}

fn basis(forecast: &Forecast, hours_known: f64) -> Basis {
    Basis { forecast: forecast.id, made_at: forecast.made_at, hours_known }
}

/// A curve between its points: all of it is straight in the logarithms, nearly.
fn along(curve: &[CurvePoint], hours: f64) -> Option<CurvePoint> {
    let above = curve.partition_point(|point| point.hours < hours);
    let next = curve.get(above)?;
    if next.hours <= hours {
        return Some(*next);
    }
    let before = above.checked_sub(1).map(|i| &curve[i])?;
    let way = (hours / before.hours).ln() / (next.hours / before.hours).ln();
    let between = |a: f64, b: f64| (a.ln() + way * (b / a).ln()).exp();
    let band = Interval {
        lower: between(before.band.lower, next.band.lower),
        upper: between(before.band.upper, next.band.upper),
    };
    Some(CurvePoint { hours, value: between(before.value, next.value), band })
}

fn leads(forecasts: &[Forecast], measured: &Measured) -> Vec<LeadScore> {
    let mut last: BTreeMap<([&str; 2], ComputeClass, u64), LeadScore> = BTreeMap::new();
    for forecast in forecasts {
        for crossover in forecast.crossovers.iter().filter(|c| !c.standings.is_empty()) {
            let hours_known = crossover.hours_measured.upper;
            for (class, (leading, _)) in measured.classes(&crossover.leader) {
                let mut of_challenger = measured.classes(&crossover.challenger);
                let same = of_challenger.find(|(other, _)| *other == class);
                let Some((_, (challenging, _))) = same else { continue };
                if class.hours() <= hours_known {
                    continue;
                }
                let Some(probability) = standing(crossover, class.hours()) else { continue };
                let score = LeadScore {
                    basis: basis(forecast, hours_known),
                    leader: crossover.leader.clone(),
                    challenger: crossover.challenger.clone(),
                    class,
                    probability,
                    challenger_ahead: challenging < leading,
                };
                last.insert((pair(crossover), class, hours_known.to_bits()), score);
            }
        }
    }
    last.into_values().collect()
}

/// The two arms, whoever leads.
fn pair(crossover: &Crossover) -> [&str; 2] {
    let mut pair = [&*crossover.leader, &*crossover.challenger];
    pair.sort_unstable();
    pair
}

/// The probability that the challenger is ahead, between the places where it was asked.
fn standing(crossover: &Crossover, hours: f64) -> Option<f64> {
    let all = &crossover.standings;
    let above = all.partition_point(|standing| standing.hours < hours);
    let next = all.get(above)?;
    let Some(before) = above.checked_sub(1).map(|i| &all[i]) else {
        return Some(next.challenger_ahead);
    };
    let way = (hours / before.hours).ln() / (next.hours / before.hours).ln();
    Some(before.challenger_ahead + way * (next.challenger_ahead - before.challenger_ahead))
}

fn crossings(forecasts: &[Forecast]) -> Vec<CrossingScore> {
    let mut scores = Vec::new();
    for found in forecasts.last().into_iter().flat_map(|newest| &newest.crossovers) {
        let Outcome::Passed { hours: observed, .. } = found.outcome else { continue };
        let measured = found.hours_measured;
        if observed < measured.lower || observed > measured.upper {
            continue;
        }
        let mut last: BTreeMap<u64, CrossingScore> = BTreeMap::new();
        for forecast in forecasts {
            let of_pair = forecast.crossovers.iter().find(|other| pair(other) == pair(found));
            let Some(score) = of_pair.and_then(|past| crossing(forecast, past, observed)) else {
                continue;
            };
            last.insert(score.basis.hours_known.to_bits(), score);
        }
        scores.extend(last.into_values());
    }
    scores
}

/// None for a forecast that did not look ahead to a crossing.
fn crossing(forecast: &Forecast, past: &Crossover, observed: f64) -> Option<CrossingScore> {
    let hours_known = past.hours_measured.upper;
    let (predicted, lower, upper) = match &past.outcome {
        Outcome::At { hours, lower, upper } => {
            let upper = match upper {
                Bound::Hours(hours) => Some(*hours),
                Bound::Never => None,
            };
            (Some(*hours), Some(*lower), upper)
        }
        Outcome::None { lower } => (None, *lower, None),
        Outcome::Passed { .. } | Outcome::Undetermined { .. } => return None,
    };
    (hours_known < observed).then(|| CrossingScore {
        basis: basis(forecast, hours_known),
        leader: past.leader.clone(),
        challenger: past.challenger.clone(),
        predicted,
        lower,
        upper,
        observed,
    })
}

#[cfg(test)]
mod tests;
