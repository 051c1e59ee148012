//! What a run's loss owes to something else than the law: four kinds of deviation, and their
//! covariance.
//!
//! ```text
//! ln y = ln L(x) + size(N) + configuration(x) + drift(x) + seed
//! cov(x, x') = size^2 [N = N'] + configuration^2 [x = x']
//!              + drift^2 r r' exp(-|x - x'|^2 / (2 l^2)),   l = 0.8 decades
//! ```
//!
//! r is the distance from the target in decades, over all variables: the law is meant to be true at
//! the target, and the farther away a run is, the less it has to say there. A design that trusts the
//! law everywhere asks for thousands of the cheapest runs.

use crate::catalogue::Law;
use crate::query::Fitted;

/// Decades over which the drift forgets itself.
const DRIFT_LENGTH: f64 = 0.8;
/// Values are one where they round to one multiple of this, in decades.
const SAME_DECADES: f64 = 1e-6;

/// Standard deviations of the deviations, in ln loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Common to all runs of one N: shape, learning rate, rounding of a size.
    pub size: f64,
    /// Common to all seeds of one configuration.
    pub configuration: f64,
    /// Smooth misfit of the law, by decade from the target.
    pub drift_per_decade: f64,
    /// Of one seed.
    pub seed: f64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { size: 0.003, configuration: 0.002, drift_per_decade: 0.0005, seed: 0.004 }
    }
}

/// Where a run is, in decades of the law's variables.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) arm: usize,
    pub(super) decades: Vec<f64>,
    /// Decades rounded: equal for equal configurations.
    pub(super) key: Vec<i64>,
    /// Of the variable N, if the law has one.
    size_key: Option<i64>,
    /// From the target, in decades.
    distance: f64,
}

impl Place {
    /// `target` is the run of the arm that is asked about, if one is.
    pub(super) fn new(arm: usize, law: &dyn Law, x: &[f64], target: Option<&[f64]>) -> Self {
        let decades: Vec<f64> = x.iter().map(|x| decades(*x)).collect();
        let key: Vec<i64> = decades.iter().map(|d| (d / SAME_DECADES).round() as i64).collect();
        let size = law.card().variables.iter().position(|variable| variable.symbol == "N");
        let size_key = size.map(|i| key[i]);
        let along = decades.iter().zip(target.unwrap_or_default());
        let square: f64 = along.map(|(a, b)| (a - self::decades(*b)).powi(2)).sum();
        Self { arm, decades, key, size_key, distance: square.sqrt() }
    }

    /// Whether two places are one configuration.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.arm == other.arm && self.key == other.key
    }

    fn is_as_large_as(&self, other: &Self) -> bool {
        self.size_key.is_some() && self.size_key == other.size_key
    }
}

/// Decimal logarithm; a variable that is zero counts as one.
fn decades(x: f64) -> f64 {
    if x > 0.0 { x.log10() } else { 0.0 }
}

impl Spread {
    /// The default, with the noise that fits tell of where any does: the mean of theirs.
    pub fn with_noise_of<'f, 'a: 'f>(fits: impl IntoIterator<Item = &'f Fitted<'a>>) -> Self {
        let noises = fits.into_iter().map(Fitted::noise);
        let noises: Vec<f64> = noises.filter(|noise| noise.is_finite() && *noise > 0.0).collect();
        let default = Self::default();
        if noises.is_empty() {
            return default;
        }
        Self { seed: noises.iter().sum::<f64>() / noises.len() as f64, ..default }
    }

    /// Covariance of two runs' deviations, their seeds apart.
    pub(super) fn covariance(&self, a: &Place, b: &Place) -> f64 {
        if a.arm != b.arm {
            return 0.0;
        }
        let square: f64 = a.decades.iter().zip(&b.decades).map(|(a, b)| (a - b).powi(2)).sum();
        let nearness = (-0.5 * square / (DRIFT_LENGTH * DRIFT_LENGTH)).exp();
        let mut sum = self.drift_per_decade.powi(2) * a.distance * b.distance * nearness;
        if a.is_as_large_as(b) {
            sum += self.size * self.size;
        }
        if a.is(b) {
            sum += self.configuration * self.configuration;
        }
        sum
    }
}
