//! What a crossover figure shows: every arm's measured points, and one analysis of them.

use sweep_core::crossover::{Axis, Crossover};
use sweep_core::fit::ArmFits;
use sweep_core::forecast::ForecastView;
use sweep_core::observation::{Fitness, Observation, lower_envelope};
use sweep_core::units::{human_hours, three_digits};

use super::{Point, Unit, Weight};

/// Arms along an axis.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// Of the figure, unique on a page.
    pub id: String,
    /// What is compared: `sweep demo`, a file of runs.
    pub name: String,
    pub axis: Axis,
    /// The axis's unit in words: `cpu core hours`.
    pub unit: &'a str,
    /// What the arms are judged by: `bits per byte`.
    pub loss: &'a str,
    /// By arm, its points; positive and finite, those that laws were fitted to strong.
    pub points: Vec<(&'a str, Vec<Point>)>,
    pub arms: &'a [ArmFits],
    /// The first one speaks.
    pub crossovers: &'a [Crossover],
}

impl Comparison<'_> {
    pub(super) fn points_n(&self) -> usize {
        self.points.iter().map(|(_, points)| points.len()).sum()
    }

    /// How ticks of the axis are labelled.
    pub(super) const fn ticks(&self) -> Unit {
        match self.axis {
            Axis::Hours => Unit::Hours,
            Axis::Flops => Unit::Number,
            Axis::Tokens | Axis::Params => Unit::Count,
        }
    }
}

impl<'a> From<&'a ForecastView> for Comparison<'a> {
    fn from(view: &'a ForecastView) -> Self {
        let mut points: Vec<(&str, Vec<Point>)> = Vec::new();
        for observation in &view.observations {
            let arm = observation.arm.as_str();
            if !points.iter().any(|(known, _)| *known == arm) {
                points.push((arm, measured(&view.observations, arm)));
            }
        }
        Self {
            id: format!("crossover-{}", view.forecast.id),
            name: view.sweep_name.clone(),
            axis: Axis::Hours,
            unit: &view.hours_unit,
            loss: "bits per byte",
            points,
            arms: &view.forecast.arms,
            crossovers: &view.forecast.crossovers,
        }
    }
}

/// All observations of an arm; those on the lower envelope are strong.
fn measured(observations: &[Observation], arm: &str) -> Vec<Point> {
    let envelope: Vec<_> = lower_envelope(observations, arm).iter().map(|o| o.run).collect();
    observations
        .iter()
        .filter(|o| o.arm == arm)
        .filter(|o| o.hours > 0.0 && o.hours.is_finite())
        .filter(|o| o.bits_per_byte > 0.0 && o.bits_per_byte.is_finite())
        .map(|o| {
            let is_strong = envelope.contains(&o.run);
            let weight = if is_strong { Weight::Strong } else { Weight::Faint };
            Point { x: o.hours, y: o.bits_per_byte, weight, label: label(o) }
        })
        .collect()
}

fn label(o: &Observation) -> String {
    let plateau = match o.fitness {
        Fitness::Fit => "",
        Fitness::Plateau { .. } => ", on the bigram plateau",
    };
    format!(
        "{} {}, seed {}: {} bits per byte after {}{plateau}",
        o.arm,
        o.size,
        o.seed,
        three_digits(o.bits_per_byte),
        human_hours(o.hours),
    )
}
