//! The data of a fit: each arm's lower envelope in normalised units.

use std::collections::BTreeSet;

use sweep_core::class::ComputeClass;
use sweep_core::observation::{Observation, lower_envelope};

/// The units a study is normalised by, common to its arms so that curves compare directly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// Geometric mean of the study's compute classes, hours.
    pub hours: f64,
    /// Geometric mean of the study's losses, bits per byte.
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
        let class_hours: Vec<f64> = classes.iter().map(|class| class.hours()).collect();
        let units = Units {
            hours: geometric_mean(class_hours.iter().copied()),
            loss: geometric_mean(envelopes.iter().flatten().map(|o| o.bits_per_byte)),
        };
        let point = |o: &&Observation| Point {
            cell: Cell { class: classes.partition_point(|c| *c < o.class), seed: o.seed },
            x: units.x(o.hours),
            ln_loss: (o.bits_per_byte / units.loss).ln(),
            weight: 1.0,
        };
        let curves = arms
            .iter()
            .zip(&envelopes)
            .map(|(arm, envelope)| Curve {
                arm: arm.clone(),
                points: envelope.iter().map(point).collect(),
            })
            .collect();
        Self { curves, class_hours, units }
    }
}

/// One for no values at all.
fn geometric_mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value.ln(), n + 1));
    if n == 0 { 1.0 } else { (sum / f64::from(n)).exp() }
}
