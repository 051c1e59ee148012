//! The power law as a straight line of ln L over x, in closed form.

use nalgebra::{SVector, Vector2};

use super::linear::Linear;
use super::{Arm, Sample};
use crate::straight::Straight;

/// `ln L = level + slope (x - centre)`, by least squares over the means of runs.
#[derive(Clone, Debug)]
pub struct LineArm {
    line: Straight,
    linear: Linear<2>,
}

impl LineArm {
    /// The exponent with its standard error.
    #[must_use]
    pub fn exponent(&self) -> (f64, f64) {
        let variance = self.linear.variance() * self.linear.spread(&Vector2::new(0.0, 1.0));
        (-self.line.slope, variance.sqrt())
    }
}

impl Arm<2> for LineArm {
    fn fit(sample: &Sample) -> Option<Self> {
        let means: Vec<(f64, f64)> =
            sample.runs.iter().map(|run| (run.mean(|x, _| x), run.mean(|_, y| y))).collect();
        if means.len() <= 2 {
            return None;
        }
        let line = Straight::fit(&means);
        if line.square <= 0.0 {
            return None;
        }
        let residuals: Vec<f64> = means.iter().map(|(x, y)| y - line.at(*x)).collect();
        let linear = Linear::new(sample, |x| Vector2::new(1.0, x - line.centre), &residuals);
        Some(Self { line, linear })
    }

    fn ln_loss(&self, x: f64) -> f64 {
        self.line.at(x)
    }

    fn gradient(&self, x: f64) -> SVector<f64, 2> {
        Vector2::new(1.0, x - self.line.centre)
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
