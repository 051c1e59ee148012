//! The power law as a straight line of ln L over x, in closed form.

use nalgebra::{SVector, Vector2};

use super::linear::Linear;
use super::{Arm, Sample};

/// `ln L = level + slope (x - centre)`, by least squares over the means of runs.
#[derive(Clone, Debug)]
pub struct LineArm {
    centre: f64,
    level: f64,
    slope: f64,
    linear: Linear<2>,
}

impl LineArm {
    /// The exponent with its standard error.
    #[must_use]
    pub fn exponent(&self) -> (f64, f64) {
        let variance = self.linear.variance() * self.linear.spread(&Vector2::new(0.0, 1.0));
        (-self.slope, variance.sqrt())
    }
}

impl Arm<2> for LineArm {
    fn fit(sample: &Sample) -> Option<Self> {
        let means: Vec<(f64, f64)> =
            sample.runs.iter().map(|run| (run.mean(|x, _| x), run.mean(|_, y| y))).collect();
        let n = means.len() as f64;
        let centre = means.iter().map(|(x, _)| x).sum::<f64>() / n;
        let level = means.iter().map(|(_, y)| y).sum::<f64>() / n;
        let square: f64 = means.iter().map(|(x, _)| (x - centre).powi(2)).sum();
        let product: f64 = means.iter().map(|(x, y)| (x - centre) * (y - level)).sum();
        if means.len() <= 2 || square <= 0.0 {
            return None;
        }
        let slope = product / square;
        let residuals: Vec<f64> =
            means.iter().map(|(x, y)| y - level - slope * (x - centre)).collect();
        let linear = Linear::new(sample, |x| Vector2::new(1.0, x - centre), &residuals);
        Some(Self { centre, level, slope, linear })
    }

    fn ln_loss(&self, x: f64) -> f64 {
        self.level + self.slope * (x - self.centre)
    }

    fn gradient(&self, x: f64) -> SVector<f64, 2> {
        Vector2::new(1.0, x - self.centre)
    }

    fn linear(&self) -> &Linear<2> {
        &self.linear
    }

    /// Fieller's statistic: the squared difference over its variance.
    fn excess([a, b]: [&Self; 2], weights: [f64; 2], x: f64) -> f64 {
        let spread = |arm: &Self| arm.linear.spread(&arm.gradient(x));
        let variance = spread(a) / weights[0] + spread(b) / weights[1];
        (b.ln_loss(x) - a.ln_loss(x)).powi(2) / variance
    }
}
