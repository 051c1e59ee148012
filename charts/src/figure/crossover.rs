//! The product's figure: loss of every arm over accelerator time, or another axis, and where two of
//! them cross.

use sweep_core::crossover::{Bound, Crossover, Outcome};
use sweep_core::fit::{ArmFits, CurvePoint, Interval, LawFit};

use super::comparison::Comparison;
use super::{Axis, Figure, Mark, Point, Series, Unit, Vertex, Weight, extent, notes};
use crate::scale::ScaleKind;

/// The crossover figure of one comparison. The first crossover of the list speaks: title, mark,
/// interval and measured range all come from that one value; every arm is drawn.
#[must_use]
pub fn crossover<'a>(comparison: impl Into<Comparison<'a>>) -> Figure {
    let comparison = &comparison.into();
    let headline = comparison.crossovers.first();
    let arms = arm_names(comparison);
    let fits: Vec<Option<&LawFit>> =
        arms.iter().map(|arm| drawn_fit(comparison.arms, arm, headline)).collect();
    let mark = headline.and_then(|crossover| mark(crossover, &arms, &fits));
    let measured = extent::measured(comparison, headline);
    let window = extent::hours(comparison, measured, mark.as_ref(), headline);
    let at = mark.as_ref().and_then(|mark| mark.at);
    let series: Vec<Series> = arms
        .iter()
        .zip(&fits)
        .map(|(arm, fit)| Series {
            name: (*arm).to_owned(),
            curve: fit.map_or_else(Vec::new, |fit| curve(fit, window, at)),
            fitted: fit.map(|fit| fit.hours_measured),
            points: points(comparison, arm),
        })
        .collect();
    let is_empty = series.iter().all(|s| s.points.is_empty() && s.curve.is_empty());
    Figure {
        id: comparison.id.clone(),
        title: notes::title(comparison, headline),
        description: notes::description(comparison, headline),
        x: Axis {
            title: format!("{} ({})", comparison.axis.title(), comparison.unit),
            kind: ScaleKind::Log,
            unit: comparison.ticks(),
            domain: [window.lower, window.upper],
        },
        y: Axis {
            title: comparison.loss.to_owned(),
            kind: ScaleKind::Log,
            unit: Unit::Number,
            domain: extent::values(&series, mark.as_ref()),
        },
        measured: measured.filter(|_| !is_empty),
        notes: notes::notes(comparison, headline, &fits, window),
        message: is_empty.then(|| "The first finished run appears here.".to_owned()),
        series,
        mark,
    }
}

/// Arms in the order of the fits, then those that only have points.
fn arm_names<'a>(comparison: &'a Comparison<'_>) -> Vec<&'a str> {
    let fitted = comparison.arms.iter().map(|arm| arm.arm.as_str());
    let measured = comparison.points.iter().map(|(arm, _)| *arm);
    let mut names: Vec<&str> = Vec::new();
    for name in fitted.chain(measured) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The fit drawn for an arm: of the crossover's own law family where the arm takes part in the
/// headline, so that the mark lies on both curves; otherwise the chosen one. Without a determined
/// answer there is none: the laws are not fit to be shown.
fn drawn_fit<'a>(
    arms: &'a [ArmFits],
    arm: &str,
    headline: Option<&Crossover>,
) -> Option<&'a LawFit> {
    let fits = arms.iter().find(|fits| fits.arm == arm)?;
    match headline {
        Some(Crossover { outcome: Outcome::Undetermined { .. }, .. }) => None,
        Some(crossover) if crossover.leader == arm || crossover.challenger == arm => {
            let of_law = fits.fits.iter().find(|fit| fit.law == crossover.law);
            of_law.or_else(|| fits.chosen_fit())
        }
        _ => fits.chosen_fit(),
    }
}

/// The two laws of the headline at `hours`: leader and challenger.
pub(super) fn laws_at(
    crossover: &Crossover,
    arms: &[&str],
    fits: &[Option<&LawFit>],
    hours: f64,
) -> Option<(f64, f64)> {
    let value = |arm: &str| {
        let index = arms.iter().position(|name| *name == arm)?;
        Some(fits[index]?.predict(hours)).filter(|value| value.is_finite() && *value > 0.0)
    };
    Some((value(&crossover.leader)?, value(&crossover.challenger)?))
}

fn mark(crossover: &Crossover, arms: &[&str], fits: &[Option<&LawFit>]) -> Option<Mark> {
    let level = format!("{:.0} %", crossover.level * 100.0);
    let (at, lower, upper, name) = match &crossover.outcome {
        Outcome::At { hours, lower, upper } => (Some(*hours), *lower, *upper, "crossover at"),
        Outcome::Passed { hours, lower, upper } => (Some(*hours), *lower, *upper, "crossed at"),
        Outcome::None { lower: Some(lower) } => (None, *lower, Bound::Never, ""),
        Outcome::None { lower: None } | Outcome::Undetermined { .. } => return None,
    };
    let place = at.unwrap_or(lower);
    if !(place.is_finite() && place > 0.0 && lower > 0.0) {
        return None;
    }
    let (leader, challenger) = laws_at(crossover, arms, fits, place)?;
    let end = match upper {
        Bound::Hours(hours) => crossover.axis.quantity(hours),
        Bound::Never => "never".to_owned(),
    };
    let interval = format!("{level}: {} to {end}", crossover.axis.quantity(lower));
    let (label, detail) = match at {
        Some(hours) => (format!("{name} {}", crossover.axis.quantity(hours)), interval),
        None => ("no crossover".to_owned(), interval),
    };
    // Both values are the same where the laws cross; where only the interval's beginning is known
    // it is drawn between the laws.
    Some(Mark { at, value: (leader * challenger).sqrt(), lower, upper, label, detail })
}

/// Vertices that extend a curve whose fit was sampled less far than the figure shows.
const EXTENSION_N: usize = 24;

/// The fit's own curve within `window`, with vertices at the places where the figure's message
/// stands or falls: the end of the data, the crossing and the frame.
fn curve(fit: &LawFit, window: Interval, at: Option<f64>) -> Vec<Vertex> {
    let is_sound = |value: f64| value.is_finite() && value > 0.0;
    let sampled: Vec<CurvePoint> =
        fit.curve.iter().copied().filter(|p| is_sound(p.hours) && is_sound(p.value)).collect();
    let first = sampled.first().map_or(fit.hours_measured.lower, |p| p.hours);
    let last = sampled.last().map_or(first, |p| p.hours);
    let from = first.max(window.lower);
    if !is_sound(from) || from >= window.upper {
        return Vec::new();
    }
    let begin = last.max(from);
    let step = (window.upper / begin).powf(1.0 / EXTENSION_N as f64);
    let extension = (1..=EXTENSION_N as i32).map(|i| begin * step.powi(i)).filter(|h| *h > last);
    let ends = [from, window.upper, fit.hours_measured.lower, fit.hours_measured.upper];
    let mut hours: Vec<f64> = sampled.iter().map(|p| p.hours).collect();
    hours.extend(ends.into_iter().chain(at).chain(extension));
    hours.retain(|h| (from..=window.upper).contains(h));
    hours.sort_by(f64::total_cmp);
    hours.dedup_by(|a, b| *a / *b < 1.0 + 1e-9);
    hours
        .into_iter()
        .map(|x| Vertex { x, y: fit.predict(x), band: band(&sampled, x) })
        .filter(|vertex| is_sound(vertex.y))
        .collect()
}

/// The fit's band at `hours`, between its samples on log-log axes.
fn band(sampled: &[CurvePoint], hours: f64) -> Option<Interval> {
    let after = sampled.iter().position(|p| p.hours >= hours)?;
    let (a, b) = (sampled[after.saturating_sub(1)], sampled[after]);
    let share =
        if a.hours < b.hours { (hours / a.hours).ln() / (b.hours / a.hours).ln() } else { 1.0 };
    // Bands may reach down to zero or up without limit; the frame cuts them.
    let between = |a: f64, b: f64| {
        let [a, b] = [a, b].map(|end| end.clamp(1e-300, 1e300).ln());
        (a + share * (b - a)).exp()
    };
    let interval = Interval {
        lower: between(a.band.lower, b.band.lower),
        upper: between(a.band.upper, b.band.upper),
    };
    (interval.lower.is_finite() && interval.upper.is_finite()).then_some(interval)
}

/// The points of an arm from left to right, the strong ones last, over the faint ones.
fn points(comparison: &Comparison<'_>, arm: &str) -> Vec<Point> {
    let own = comparison.points.iter().filter(|(name, _)| *name == arm);
    let mut points: Vec<Point> = own.flat_map(|(_, points)| points.iter().cloned()).collect();
    points.sort_by(|a, b| {
        let order = |p: &Point| p.weight == Weight::Strong;
        order(a).cmp(&order(b)).then(a.x.total_cmp(&b.x)).then(a.y.total_cmp(&b.y))
    });
    points
}
