//! Where one arm overtakes another, per draw, and what the draws together allow to be said.
//!
//! The leader is the arm whose fitted law is lower at C_max, the largest class measured for both;
//! the challenger is the other. Both are fixed by the point fits. Each draw then answers for
//! itself:
//!
//! - *passed*: in this draw the challenger is ahead at C_max already;
//! - *ahead*: it overtakes at some hour in (C_max, horizon], the first if there are several;
//! - *never*: it does not before the horizon.
//!
//! No draw is dropped: shares of the draws that cross alone would be far too certain. The interval
//! is not the draws' but the hull of the set that [`crate::compare`] tests place by place; without
//! such a set a draw stands at its crossing, *never* at infinity, *passed* at C_max, where the
//! question begins. The marker is the crossing of the two fitted laws, as the figure draws them; the
//! interval is widened where needed to hold it.

use sweep_core::crossover::{Bound, Outcome, Probability, Standing};
use sweep_core::fit::Interval;

use crate::bracket;
use crate::compare::Places;
use crate::curve::Units;
use crate::forecast::central;
use crate::law::{HoursLaw, Theta};

/// Steps in log hours among which a change of sign is looked for. Laws with floors can cross
/// twice; a lead that is shorter than one step (a fifteenth of a decade over eight decades) may
/// be missed.
const STEPS: u32 = 128;
/// Halvings of such a step: down to a relative error of 1e-13 in hours.
const HALVINGS: u32 = 44;
/// Places at which it is said who is ahead.
const STANDINGS: u32 = 24;

/// Two arms' laws and draws. Draws of one index belong together.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a, L, const P: usize> {
    pub law: L,
    pub thetas: [&'a Theta<P>; 2],
    pub draws: [&'a [Theta<P>]; 2],
    pub units: Units,
}

/// What a pair's laws and draws say.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Which of the pair leads: 0 or 1. A tie leaves the first in the lead.
    pub leader: usize,
    pub outcome: Outcome,
    pub probability: Probability,
    /// Median of the draws that overtake ahead, hours.
    pub median_hours: Option<f64>,
    /// From the smallest class to the horizon.
    pub standings: Vec<Standing>,
    /// Share of the draws whose ranking at the horizon is not that at C_max.
    pub reversal_risk: f64,
}

/// Finds the crossover of `pair` ahead of `measured`, the range measured for both arms, up to
/// `horizon` hours. The interval is the hull of `set`, or else that of the draws, of which there
/// must be at least one.
#[must_use]
pub fn crossover<L: HoursLaw<P>, const P: usize>(
    pair: &Pair<'_, L, P>,
    measured: Interval,
    horizon: f64,
    level: f64,
    set: Option<&Places>,
) -> Answer {
    let units = pair.units;
    let (start, end) = (units.x(measured.lower), units.x(measured.upper));
    let until = units.x(horizon).max(end);
    let lead = |a: &Theta<P>, b: &Theta<P>, x: f64| pair.law.predict(b, x) - pair.law.predict(a, x);
    let leader = usize::from(lead(pair.thetas[0], pair.thetas[1], end) < 0.0);
    let challenger = 1 - leader;

    // By how much the leader is ahead at x, in the point fits and in the draws.
    let point = |x: f64| lead(pair.thetas[leader], pair.thetas[challenger], x);
    let draws = || pair.draws[leader].iter().zip(pair.draws[challenger]);

    let overtakes: Vec<Overtakes> =
        draws().map(|(a, b)| Overtakes::find(|x| lead(a, b, x), end, until)).collect();
    let drawn = |mut places: Vec<f64>| central(&mut places, level);
    let ahead = || match set {
        Some(set) => hull(set, end, until),
        None => drawn(overtakes.iter().map(|o| o.place(end)).collect()),
    };
    let outcome = if let Overtakes::Ahead(x) = Overtakes::find(point, end, until) {
        let (lower, upper) = bounds(units, ahead(), x);
        Outcome::At { hours: units.hours(x), lower, upper }
    } else if let Some(x) = first_below_zero(point, end, start) {
        let place = |(a, b)| overtaken(|x| lead(a, b, x), start, end, until);
        let interval = match set {
            Some(set) => part(set, x, until),
            None => drawn(draws().map(place).collect()),
        };
        let (lower, upper) = bounds(units, interval, x);
        Outcome::Passed { hours: units.hours(x), lower, upper }
    } else {
        let lower = ahead().lower;
        Outcome::None { lower: lower.is_finite().then(|| units.hours(lower)) }
    };

    let share = |is: &dyn Fn(&Theta<P>, &Theta<P>) -> bool| {
        draws().filter(|(a, b)| is(a, b)).count() as f64 / overtakes.len() as f64
    };
    let standing = |i: u32| {
        let x = start + (until - start) * f64::from(i) / f64::from(STANDINGS);
        let challenger_ahead = share(&|a, b| lead(a, b, x) < 0.0);
        Standing { hours: units.hours(x), challenger_ahead }
    };
    let several = share(&|a, b| crossings_n(|x| lead(a, b, x), end, until) > 1);
    Answer {
        leader,
        outcome,
        probability: Probability { several, ..probability(&overtakes) },
        median_hours: median(&overtakes).map(|x| units.hours(x)),
        standings: (0..=STANDINGS).map(standing).collect(),
        reversal_risk: share(&|a, b| (lead(a, b, end) < 0.0) != (lead(a, b, until) < 0.0)),
    }
}

/// The hull of the set ahead of `end`; where nothing but "never" is left, it begins at infinity.
fn hull(set: &Places, end: f64, until: f64) -> Interval {
    let mut ahead = set.intervals.iter().filter(|[_, to]| *to >= end);
    let lower = ahead.next().map_or(f64::INFINITY, |[from, _]| from.max(end));
    let last = set.intervals.last().map_or(until, |[_, to]| *to);
    let upper = if set.includes_never { f64::INFINITY } else { last.max(end) };
    Interval { lower, upper }
}

/// The part of the set that holds `x`; a part that reaches the horizon has no end.
fn part(set: &Places, x: f64, until: f64) -> Interval {
    let holds = |[from, to]: &&[f64; 2]| *from <= x && x <= *to;
    let [lower, upper] = set.intervals.iter().find(holds).copied().unwrap_or([x, x]);
    Interval { lower, upper: if upper >= until { f64::INFINITY } else { upper } }
}

fn median(overtakes: &[Overtakes]) -> Option<f64> {
    let place = |o: &Overtakes| match o {
        Overtakes::Ahead(x) => Some(*x),
        Overtakes::Passed | Overtakes::Never => None,
    };
    let mut places: Vec<f64> = overtakes.iter().filter_map(place).collect();
    let middle = places.len() / 2;
    (!places.is_empty()).then(|| *places.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// How often `f` changes its sign between two places.
fn crossings_n(f: impl Fn(f64) -> f64, from: f64, to: f64) -> usize {
    let place = |i: u32| from + (to - from) * (f64::from(i) / f64::from(STEPS));
    let mut is_below = f(from) < 0.0;
    let changes = |i: u32| {
        let was_below = std::mem::replace(&mut is_below, f(place(i)) < 0.0);
        was_below != is_below
    };
    (1..=STEPS).map(changes).filter(|changes| *changes).count()
}

/// What the challenger does after C_max.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Overtakes {
    Passed,
    Ahead(f64),
    Never,
}

impl Overtakes {
    fn find(lead: impl Fn(f64) -> f64, end: f64, until: f64) -> Self {
        if lead(end) < 0.0 {
            Self::Passed
        } else {
            first_below_zero(lead, end, until).map_or(Self::Never, Self::Ahead)
        }
    }

    /// Where the draw stands in the interval.
    fn place(self, end: f64) -> f64 {
        match self {
            Self::Passed => end,
            Self::Ahead(x) => x,
            Self::Never => f64::INFINITY,
        }
    }
}

/// Where the leader overtook the challenger in one draw: within the measured range, at its start
/// if the leader leads all along, after it if the challenger still leads at the end, at infinity if
/// it does so up to the horizon.
fn overtaken(lead: impl Fn(f64) -> f64, start: f64, end: f64, until: f64) -> f64 {
    if lead(end) < 0.0 {
        first_below_zero(|x| -lead(x), end, until).unwrap_or(f64::INFINITY)
    } else {
        first_below_zero(lead, end, start).unwrap_or(start)
    }
}

/// The first place on the way `from` one x `to` another, in either direction, where `f` falls below
/// zero.
fn first_below_zero(f: impl Fn(f64) -> f64, from: f64, to: f64) -> Option<f64> {
    bracket::first(from, to, STEPS, HALVINGS, |x| f(x) < 0.0)
}

/// The interval in hours, holding the marker.
fn bounds(units: Units, interval: Interval, marker: f64) -> (f64, Bound) {
    let lower = units.hours(interval.lower.min(marker));
    let upper = interval.upper.max(marker);
    let upper = if upper.is_finite() { Bound::Hours(units.hours(upper)) } else { Bound::Never };
    (lower, upper)
}

fn probability(overtakes: &[Overtakes]) -> Probability {
    let count = |is: fn(&Overtakes) -> bool| overtakes.iter().filter(|o| is(o)).count() as f64;
    let n = overtakes.len() as f64;
    Probability {
        several: 0.0,
        passed: count(|o| matches!(o, Overtakes::Passed)) / n,
        ahead: count(|o| matches!(o, Overtakes::Ahead(_))) / n,
        never: count(|o| matches!(o, Overtakes::Never)) / n,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Power, PowerFloor, ScalingLaw as _};

    const UNITS: Units = Units { hours: 1.0, loss: 1.0 };
    const MEASURED: Interval = Interval { lower: 6.0, upper: 96.0 };

    fn answer<L: HoursLaw<P>, const P: usize>(
        law: L,
        first: [f64; P],
        second: [f64; P],
        horizon: f64,
    ) -> Answer {
        let (first, second) = (Theta::from(first), Theta::from(second));
        let pair =
            Pair { law, thetas: [&first, &second], draws: [&[first], &[second]], units: UNITS };
        crossover(&pair, MEASURED, horizon, 0.9, None)
    }

    #[test]
    fn bracketing_agrees_with_the_closed_form_of_two_power_laws() {
        for (a1, b1, a2, b2) in [(2.0, 0.075, 2.4, 0.095), (1.1, 0.05, 3.0, 0.2)] {
            let closed = f64::powf(a2 / a1, 1.0 / (b2 - b1));
            let found = answer(Power, [f64::ln(a1), b1], [f64::ln(a2), b2], 1e9);
            let Outcome::At { hours, lower, upper } = found.outcome else { panic!("{found:?}") };
            assert!((hours / closed - 1.0).abs() < 1e-10, "{hours} {closed}");
            assert_eq!((lower, upper, found.leader), (hours, Bound::Hours(hours), 0));
            assert_eq!(found.probability.ahead, 1.0);
        }
    }

    #[test]
    fn a_crossing_in_the_measured_range_is_passed() {
        let crossing = 24.0_f64;
        let ln_ratio = 0.02 * crossing.ln();
        let found = answer(Power, [0.0, 0.075], [ln_ratio, 0.095], 1e6);
        let Outcome::Passed { hours, .. } = found.outcome else { panic!("{found:?}") };
        assert!((hours - crossing).abs() < 1e-9);
        assert_eq!(found.leader, 1);
        assert_eq!(found.probability.never, 1.0);
    }

    #[test]
    fn parallel_laws_never_cross_and_the_horizon_counts() {
        let parallel = answer(Power, [0.0, 0.08], [0.1, 0.08], 1e9);
        assert_eq!(parallel.outcome, Outcome::None { lower: None });
        assert_eq!(parallel.probability.never, 1.0);
        let equal = answer(Power, [0.0, 0.08], [0.0, 0.08], 1e9);
        assert_eq!((equal.outcome, equal.leader), (Outcome::None { lower: None }, 0));
        let late = answer(Power, [0.0, 0.075], [0.02 * f64::ln(5e4), 0.095], 4e4);
        assert_eq!(late.outcome, Outcome::None { lower: None });
    }

    #[test]
    fn of_two_crossings_of_laws_with_floors_the_first_ahead_counts() {
        // A steep law with a high floor is below a shallow law without one only for a while.
        let (steep, shallow) = ([1.0, f64::ln(9.0), 0.5], [0.0, f64::ln(3.3), 0.1]);
        let gap = |h: f64| {
            PowerFloor.predict(&Theta::from(steep), h.ln())
                - PowerFloor.predict(&Theta::from(shallow), h.ln())
        };
        assert!(gap(96.0) < 0.0 && gap(1e8) > 0.0, "{} {}", gap(96.0), gap(1e8));
        let found = answer(PowerFloor, shallow, steep, 1e9);
        let Outcome::At { hours, .. } = found.outcome else { panic!("{found:?}") };
        assert_eq!(found.leader, 1);
        assert!(gap(hours * 0.999) < 0.0 && gap(hours * 1.001) > 0.0);
    }
}
