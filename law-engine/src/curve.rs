//! The data of a fit: each arm's lower envelope in normalised units, along accelerator hours or any
//! other axis.

use std::collections::BTreeSet;

use sweep_core::class::ComputeClass;
use sweep_core::crossover::Axis;
use sweep_core::observation::{Observation, lower_envelope};

/// The units a study is normalised by, common to its arms so that curves compare directly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// Geometric mean of the study's compute classes, hours or the unit of another axis.
    pub hours: f64,
    /// Geometric mean of the study's losses.
    pub loss: f64,
}

impl Units {
    /// `x = ln(hours / reference hours)`.
    #[must_use]
    pub fn x(self, hours: f64) -> f64 {
        (hours / self.hours).ln()
    }

    /// The hours at `x`.
    #[must_use]
    pub fn hours(self, x: f64) -> f64 {
        self.hours * x.exp()
    }

    /// A in bits per byte at one hour, of an amplitude fitted in normalised units.
    #[must_use]
    pub fn amplitude(self, ln_amplitude: f64, exponent: f64) -> f64 {
        self.loss * (ln_amplitude + exponent * self.hours.ln()).exp()
    }
}

/// A place in the study's design. Arms that have a run in the same cell are paired there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// Rank of the compute class among all classes of the study, smallest first.
    pub class: usize,
    pub seed: u64,
}

/// One observation as it is fitted. Over hours `x` is ln(hours / reference hours), and losses are
/// in units of a reference loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point<X = f64> {
    pub cell: Cell,
    /// What the law is a function of.
    pub x: X,
    pub ln_loss: f64,
    /// How often the observation counts.
    pub weight: f64,
}

/// The lower envelope of one arm, in order of class, then seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    pub arm: String,
    pub points: Vec<Point>,
}

impl Curve {
    /// Ranks of the classes measured, in order.
    #[must_use]
    pub fn classes(&self) -> BTreeSet<usize> {
        self.points.iter().map(|p| p.cell.class).collect()
    }
}

/// All arms' curves in common units.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// What the arms are compared along. What is called hours is in its unit.
    pub axis: Axis,
    pub curves: Vec<Curve>,
    /// Hours of each class, by rank.
    pub class_hours: Vec<f64>,
    pub units: Units,
}

impl Study {
    /// Takes each arm's lower envelope. Observations without a positive loss and time are left
    /// out: no law in hours can pass through them.
    #[must_use]
    pub fn new(observations: &[Observation], arms: &[String]) -> Self {
        let envelopes: Vec<Vec<&Observation>> = arms
            .iter()
            .map(|arm| {
                let mut envelope = lower_envelope(observations, arm);
                envelope.retain(|o| o.bits_per_byte.ln().is_finite() && o.hours.ln().is_finite());
                envelope
            })
            .collect();
        let classes: BTreeSet<ComputeClass> = envelopes.iter().flatten().map(|o| o.class).collect();
        let classes: Vec<ComputeClass> = classes.into_iter().collect();
        let place = |o: &&Observation| Place {
            cell: Cell { class: classes.partition_point(|c| *c < o.class), seed: o.seed },
            hours: o.hours,
            loss: o.bits_per_byte,
        };
        let curves = arms.iter().cloned().zip(&envelopes);
        let curves = curves.map(|(arm, envelope)| (arm, envelope.iter().map(place).collect()));
        let class_hours = classes.iter().map(|class| class.hours()).collect();
        Self::of_places(Axis::Hours, curves.collect(), class_hours)
    }

    /// By arm, its places in the order of their cells.
    pub(crate) fn of_places(
        axis: Axis,
        arms: Vec<(String, Vec<Place>)>,
        class_hours: Vec<f64>,
    ) -> Self {
        let losses = arms.iter().flat_map(|(_, places)| places.iter().map(|place| place.loss));
        let units = Units {
            hours: geometric_mean(class_hours.iter().copied()),
            loss: geometric_mean(losses),
        };
        let point = |place: &Place| Point {
            cell: place.cell,
            x: units.x(place.hours),
            ln_loss: (place.loss / units.loss).ln(),
            weight: 1.0,
        };
        let curve = |(arm, places): (String, Vec<Place>)| Curve {
            arm,
            points: places.iter().map(point).collect(),
        };
        Self { axis, curves: arms.into_iter().map(curve).collect(), class_hours, units }
    }
}

/// A run as it stands in a study, in the units that it was measured in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) cell: Cell,
    pub(crate) hours: f64,
    pub(crate) loss: f64,
}

/// One for no values at all.
fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value.ln(), n + 1));
    if n == 0 { 1.0 } else { (sum / f64::from(n)).exp() }
}
