//! From draws to what is shown: intervals, and a law's curve with its band.

use sweep_core::fit::{CurvePoint, Interval};

use crate::curve::Units;
use crate::law::{HoursLaw, Theta};

/// Steps of the curve over the measured range, and from there to the horizon.
const STEPS_MEASURED: u32 = 16;
const STEPS_AHEAD: u32 = 48;

/// The central interval of `values` at `level`, by order statistics rounded outwards: values may
/// be infinite, and nothing is interpolated. `values` must not be empty; they are reordered.
#[must_use]
pub fn central(values: &mut [f64], level: f64) -> Interval {
    // A level of 0.9 is not quite that in binary: the margin keeps its ranks the expected ones.
    let tail = (0.5 * (1.0 - level)).clamp(0.0, 0.5) * (values.len() - 1) as f64 + 1e-9;
    let (below, above) = (tail.floor() as usize, values.len() - 1 - tail.floor() as usize);
    let lower = *values.select_nth_unstable_by(below, f64::total_cmp).1;
    let upper = *values.select_nth_unstable_by(above, f64::total_cmp).1;
    Interval { lower, upper }
}

/// [`central`], widened where needed to hold the point estimate. Draws are centred on the point
/// fit, so that this matters only at a bound (a floor at zero) or with very few draws.
#[must_use]
pub fn around(point: f64, values: &mut [f64], level: f64) -> Interval {
    let Interval { lower, upper } = central(values, level);
    Interval { lower: lower.min(point), upper: upper.max(point) }
}

/// Hours at which a curve is drawn: log-spaced through `measured`, on to `horizon`. The largest
/// class measured is one of them, so that a figure can begin its dashes exactly there.
#[must_use]
pub fn grid(measured: Interval, horizon: f64) -> Vec<f64> {
    let mut hours = vec![measured.lower];
    let mut run = |from: f64, to: f64, steps: u32| {
        if to > from {
            let step = (to / from).ln() / f64::from(steps);
            hours.extend((1..steps).map(|i| from * (f64::from(i) * step).exp()));
            hours.push(to);
        }
    };
    run(measured.lower, measured.upper, STEPS_MEASURED);
    run(measured.upper, horizon, STEPS_AHEAD);
    hours
}

/// The law and the band of its draws at each of `hours`, bits per byte.
#[must_use]
pub fn curve<L: HoursLaw<P>, const P: usize>(
    law: L,
    theta: &Theta<P>,
    draws: &[Theta<P>],
    level: f64,
    hours: &[f64],
    units: Units,
) -> Vec<CurvePoint> {
    let mut values = vec![0.0; draws.len()];
    let point = |&hours: &f64| {
        let x = units.x(hours);
        let value = units.loss * law.predict(theta, x);
        for (value, draw) in values.iter_mut().zip(draws) {
            *value = units.loss * law.predict(draw, x);
        }
        CurvePoint { hours, value, band: around(value, &mut values, level) }
    };
    hours.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_order_statistics_rounded_outwards() {
        let mut values: Vec<f64> = (0..101).rev().map(f64::from).collect();
        assert_eq!(central(&mut values, 0.9), Interval { lower: 5.0, upper: 95.0 });
        assert_eq!(central(&mut values, 0.91), Interval { lower: 4.0, upper: 96.0 });
        values[0] = f64::INFINITY;
        assert_eq!(central(&mut values, 1.0).upper, f64::INFINITY);
    }

    #[test]
    fn the_grid_has_the_largest_class_and_the_horizon() {
        let hours = grid(Interval { lower: 6.0, upper: 96.0 }, 1e6);
        assert_eq!((hours[0], hours[16], hours[64]), (6.0, 96.0, 1e6));
        assert!(hours.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(grid(Interval { lower: 6.0, upper: 96.0 }, 50.0).last(), Some(&96.0));
    }
}
