//! Ticks: where an axis is labelled, and how.
//!
//! Each axis has a ladder of label sets, from fine to coarse; the finest whose labels keep their
//! distance is taken whole, which reads calmer than filling every gap.

use sweep_core::units::{human_count, human_hours};

use crate::figure::Unit;
use crate::scale::{Scale, ScaleKind};

const SECOND: f64 = 1.0 / 3600.0;
const MINUTE: f64 = 1.0 / 60.0;

/// One labelled place of an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub value: f64,
    pub label: String,
}

/// How much room labels take along the axis, in the units of the scale's range.
pub struct Room<'a> {
    /// Extent of one label: its width on the x axis, its height on the y axis.
    pub extent: &'a dyn Fn(&str) -> f64,
    /// Least distance between two labels.
    pub gap: f64,
}

/// Ticks of `scale` in increasing order, all inside its domain.
#[must_use]
pub fn ticks(scale: &Scale, unit: Unit, room: &Room<'_>) -> Vec<Tick> {
    let ladder: Vec<Vec<f64>> = match (scale.kind(), unit) {
        (ScaleKind::Log, Unit::Hours) => log_ladder(&hour_decades(), scale),
        (ScaleKind::Log, Unit::Number | Unit::Count) => {
            let [from, to] = scale.domain();
            if to / from < 10.0 { Vec::new() } else { log_ladder(&decades(), scale) }
        }
        (ScaleKind::Linear, _) => Vec::new(),
    };
    let fits = |values: &Vec<f64>| keep_distance(scale, &labelled(unit, values), room);
    // A domain with fewer than two places of the ladder is ticked in even steps.
    ladder
        .into_iter()
        .find(|values| values.len() >= 2 && fits(values))
        .map_or_else(|| even_steps(scale, unit, room), |values| labelled(unit, &values))
}

/// Powers of ten.
fn decades() -> Vec<f64> {
    (-300..=300).map(|k| 10f64.powi(k)).collect()
}

/// The decades of accelerator time as people count it, in hours: 1 s, 10 s, 1 min, 10 min, 1 h.
fn hour_decades() -> Vec<f64> {
    let below = (-300..=0).map(|k| 10f64.powi(k) * SECOND);
    let human = [10.0 * SECOND, MINUTE, 10.0 * MINUTE];
    below.chain(human).chain((0..=300).map(|k| 10f64.powi(k))).collect()
}

/// Label sets on a log axis, from fine to coarse: 1-2-5, decades, every second decade, ...
fn log_ladder(majors: &[f64], scale: &Scale) -> Vec<Vec<f64>> {
    let shown = |values: Vec<f64>| -> Vec<f64> {
        values.into_iter().filter(|value| scale.contains(*value)).collect()
    };
    let mut fine = Vec::with_capacity(majors.len() * 3);
    for (i, major) in majors.iter().enumerate() {
        let next = majors.get(i + 1).copied().unwrap_or(f64::INFINITY);
        // From 10 s to 1 min there is no room for 50 s.
        let inner = [1.0, 2.0, 5.0].map(|factor| factor * major);
        fine.extend(inner.into_iter().filter(|value| *value * 1.5 < next));
    }
    let majors = shown(majors.to_vec());
    let mut ladder = vec![shown(fine)];
    ladder.extend(
        [1, 2, 3, 5, 10, 20, 50, 100]
            .map(|stride| majors.iter().copied().step_by(stride).collect()),
    );
    ladder
}

/// Multiples of the smallest round step whose labels fit. On a log axis of less than a decade they
/// read better than powers: 1.8, 2.0, 2.2.
fn even_steps(scale: &Scale, unit: Unit, room: &Room<'_>) -> Vec<Tick> {
    let [from, to] = scale.domain();
    let unit_size = if unit == Unit::Hours { human_unit(to) } else { 1.0 };
    let (from, to) = (from / unit_size, to / unit_size);
    let mut decade = ((to - from).log10().floor() as i32) - 2;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            let step = factor * 10f64.powi(decade);
            let first = (from / step).ceil();
            let count = ((to / step).floor() - first).max(-1.0) as usize + 1;
            if count > 100 {
                continue;
            }
            let decimals = (-decade).max(0) as usize;
            let candidates = (0..count)
                .map(|i| (first + i as f64) * step)
                .map(|value| Tick {
                    value: value * unit_size,
                    label: match unit {
                        Unit::Hours => hours_label(value * unit_size),
                        Unit::Number => step_label(value, decimals),
                        Unit::Count => count_label(value),
                    },
                })
                .filter(|tick| scale.contains(tick.value))
                .collect::<Vec<_>>();
            let are_distinct = candidates.windows(2).all(|pair| pair[0].label != pair[1].label);
            if are_distinct && keep_distance(scale, &candidates, room) {
                return candidates;
            }
        }
        decade += 1;
    }
}

/// Size in hours of the unit in which `human_hours` prints times up to `hours`.
fn human_unit(hours: f64) -> f64 {
    if hours < MINUTE {
        SECOND
    } else if hours < 1.0 {
        MINUTE
    } else {
        1.0
    }
}

fn labelled(unit: Unit, values: &[f64]) -> Vec<Tick> {
    let label = match unit {
        Unit::Hours => hours_label,
        Unit::Number => number_label,
        Unit::Count => count_label,
    };
    values.iter().map(|&value| Tick { value, label: label(value) }).collect()
}

fn keep_distance(scale: &Scale, ticks: &[Tick], room: &Room<'_>) -> bool {
    ticks.windows(2).all(|pair| {
        let half_extents = pair.iter().map(|tick| (room.extent)(&tick.label) / 2.0).sum::<f64>();
        let distance = (scale.map(pair[1].value) - scale.map(pair[0].value)).abs();
        distance >= half_extents + room.gap
    })
}

/// Hours as `human_hours` prints them, but with a full unit where a decade begins: `1 min`, not
/// `60 s`.
#[must_use]
pub fn hours_label(hours: f64) -> String {
    let is = |whole: f64| (hours / whole - 1.0).abs() < 1e-9;
    if is(MINUTE) {
        "1 min".to_owned()
    } else if is(1.0) {
        "1 h".to_owned()
    } else if (1e-9..1e9).contains(&hours) {
        human_hours(hours)
    } else {
        format!("{hours:.0e} h")
    }
}

/// A count as people say it, `70M`, as long as there is a suffix for it.
fn count_label(value: f64) -> String {
    if (1.0..1e15).contains(&value) { human_count(value) } else { number_label(value) }
}

/// A tick of a 1-2-5 ladder: plain where that is short, in powers of ten elsewhere.
fn number_label(value: f64) -> String {
    if (0.000_9..1e5).contains(&value) {
        let decimals = (-value.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.0e}")
    }
}

/// A multiple of a round step: as many decimals as the step has.
fn step_label(value: f64, decimals: usize) -> String {
    if value != 0.0 && !(1e-6..1e7).contains(&value.abs()) {
        format!("{value:.3e}")
    } else {
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(unit: Unit, domain: [f64; 2], length: f64) -> String {
        let scale = Scale::new(ScaleKind::Log, domain, [0.0, length]);
        let extent = |label: &str| label.len() as f64 * 7.0;
        let ticks = ticks(&scale, unit, &Room { extent: &extent, gap: 14.0 });
        ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn hours_are_ticked_in_units_of_people() {
        let class = |seconds: f64| seconds * SECOND;
        for (domain, length, expected) in [
            ([class(1.7), class(50.0)], 700.0, "2 s, 5 s, 10 s, 20 s"),
            (
                [class(1.5), class(5500.0)],
                700.0,
                "2 s, 5 s, 10 s, 20 s, 1 min, 2 min, 5 min, 10 min, 20 min, 1 h",
            ),
            ([class(1.5), class(5500.0)], 300.0, "10 s, 1 min, 10 min, 1 h"),
            ([5.0, 2e6], 700.0, "10 h, 100 h, 1000 h, 10 kh, 100 kh, 1 Mh"),
            ([5.0, 2e6], 250.0, "10 h, 1000 h, 100 kh"),
            ([6.1, 6.9], 700.0, "6.1 h, 6.2 h, 6.3 h, 6.4 h, 6.5 h, 6.6 h, 6.7 h, 6.8 h, 6.9 h"),
        ] {
            assert_eq!(labels(Unit::Hours, domain, length), expected, "{domain:?} on {length}");
        }
    }

    #[test]
    fn less_than_a_decade_is_ticked_in_even_steps() {
        assert_eq!(labels(Unit::Number, [1.75, 2.9], 260.0), "1.8, 2.0, 2.2, 2.4, 2.6, 2.8");
        assert_eq!(labels(Unit::Number, [0.5, 30.0], 260.0), "0.5, 1, 2, 5, 10, 20");
        assert_eq!(labels(Unit::Number, [1e-9, 1e9], 260.0), "1e-9, 1e-4, 10, 1e6");
    }

    #[test]
    fn counts_are_ticked_with_their_suffixes() {
        assert_eq!(labels(Unit::Count, [3e7, 4e9], 400.0), "50M, 100M, 200M, 500M, 1B, 2B");
    }

    proptest! {
        #[test]
        fn ticks_increase_inside_the_domain_and_keep_their_distance(
            exponent in -250.0..250.0f64, decades in 0.001..40.0f64, length in 40.0..2000.0f64,
            unit in prop::sample::select(vec![Unit::Hours, Unit::Number, Unit::Count]),
            log in any::<bool>(),
        ) {
            let kind = if log { ScaleKind::Log } else { ScaleKind::Linear };
            let from = 10f64.powf(exponent);
            let scale = Scale::new(kind, [from, from * 10f64.powf(decades)], [length, 0.0]);
            let extent = |label: &str| label.len() as f64 * 7.0;
            let ticks = ticks(&scale, unit, &Room { extent: &extent, gap: 10.0 });
            for tick in &ticks {
                let position = scale.map(tick.value);
                prop_assert!(scale.contains(tick.value), "{:?}", tick);
                prop_assert!((-1e-6..=length + 1e-6).contains(&position), "{:?}", tick);
            }
            for pair in ticks.windows(2) {
                prop_assert!(pair[0].value < pair[1].value, "{:?}", pair);
                prop_assert!(pair[0].label != pair[1].label, "{:?}", pair);
                let distance = scale.map(pair[0].value) - scale.map(pair[1].value);
                let extents = extent(&pair[0].label) + extent(&pair[1].label);
                prop_assert!(distance >= extents / 2.0 + 10.0 - 1e-9, "{:?}", pair);
            }
        }
    }
}
