//! How much of each axis a crossover figure shows.

use sweep_core::crossover::{Bound, Crossover, Outcome};
use sweep_core::fit::Interval;

use super::comparison::Comparison;
use super::{Mark, Series};

/// The measured range keeps at least about this share of the width, unless that would push the
/// crossing itself out of the frame.
const MEASURED_SHARE: f64 = 0.35;
/// The crossing stands at least this factor inside the right edge.
const ROOM_AFTER_MARK: f64 = 3.0;
/// Axis shown when nothing has been measured: a second to an hour.
const EMPTY: Interval = Interval { lower: 1.0 / 3600.0, upper: 1.0 };

fn is_sound(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// The smallest and largest class measured: the crossover's own, or those of the observations.
pub(super) fn measured(
    comparison: &Comparison<'_>,
    headline: Option<&Crossover>,
) -> Option<Interval> {
    let stated = headline
        .filter(|c| !matches!(c.outcome, Outcome::Undetermined { .. }))
        .map(|c| c.hours_measured)
        .filter(|range| is_sound(range.lower) && is_sound(range.upper));
    stated.or_else(|| observed(comparison))
}

fn observed(comparison: &Comparison<'_>) -> Option<Interval> {
    span(comparison.points.iter().flat_map(|(_, points)| points.iter().map(|p| p.x)))
}

/// The smallest and the largest of the values that a logarithmic axis can show.
pub(super) fn span(values: impl Iterator<Item = f64>) -> Option<Interval> {
    values.filter(|value| is_sound(*value)).fold(None, |span: Option<Interval>, value| {
        let Interval { lower, upper } = span.unwrap_or(Interval { lower: value, upper: value });
        Some(Interval { lower: lower.min(value), upper: upper.max(value) })
    })
}

/// First and last hour shown: all data, then as much of the forecast as is of interest.
pub(super) fn hours(
    comparison: &Comparison<'_>,
    measured: Option<Interval>,
    mark: Option<&Mark>,
    headline: Option<&Crossover>,
) -> Interval {
    let Some(measured) = measured else { return EMPTY };
    let data = observed(comparison).unwrap_or(measured);
    let mut first = data.lower.min(measured.lower);
    let last = data.upper.max(measured.upper);
    // One class alone still gets a decade of room.
    let measured_decades = (last / first).log10().max(0.5);
    let cap = first * 10f64.powf(measured_decades / MEASURED_SHARE);
    let horizon = headline.map_or(f64::INFINITY, |c| c.horizon_hours);
    let upper = match (headline.map(|c| &c.outcome), mark) {
        (Some(Outcome::Undetermined { .. }), _) => last,
        (_, Some(Mark { at, lower, upper, .. })) => {
            let place = at.unwrap_or(*lower);
            // Nothing is known beyond the horizon, but a mark close to it is not squeezed.
            let end = horizon.max(place * 1.2);
            let needed = (place * ROOM_AFTER_MARK).min(end);
            let wished = match upper {
                Bound::Hours(hours) => hours * 1.5,
                Bound::Never => needed * 4.0,
            };
            wished.min(cap).max(needed).min(end)
        }
        (Some(_), None) => cap.min(horizon),
        (None, _) => (last * 10.0).min(cap),
    };
    if let Some(at) = mark.and_then(|mark| mark.at) {
        // A crossing before the data is shown where it is near, and pointed at where it is not.
        first = first.min(at.max(first / 10.0));
    }
    let upper = if is_sound(upper) { upper.max(last) } else { last };
    let span = (upper / first).log10().max(0.3);
    let room = 10f64.powf(span * 0.035);
    let beyond = if upper > last { 1.0 } else { room };
    Interval { lower: first / room, upper: (first * 10f64.powf(span)).max(upper) * beyond }
}

/// First and last value shown: all points, laws and the mark, but not the bands, which the frame
/// cuts. More room below than above, for the words that stand there.
pub(super) fn values(series: &[Series], mark: Option<&Mark>) -> [f64; 2] {
    let points = series.iter().flat_map(|s| s.points.iter().map(|p| p.y));
    let laws = series.iter().flat_map(|s| s.curve.iter().map(|v| v.y));
    let all = points.chain(laws).chain(mark.map(|mark| mark.value));
    let Some(Interval { lower, upper }) = span(all) else { return [1.0, 10.0] };
    let decades = (upper / lower).log10().max(0.02);
    [lower / 10f64.powf(decades * 0.14), upper * 10f64.powf(decades * 0.08)]
}
