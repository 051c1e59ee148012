//! The compute-optimal run of any law of parameters and tokens.

use crate::catalogue::Law;
use crate::catalogue::frontier::FLOPS_PER_TOKEN;

/// Half of the range of ln N that is searched, around the square root of C/6.
const REACH: f64 = 14.0;
/// Steps of the golden section: 28 units of ln N down to 1e-8.
const STEPS_N: usize = 46;
/// Step of the finite differences in ln N, where round-off and curvature are both below 1e-7.
const STEP: f64 = 1e-3;

/// Places of N and D among the law's variables, if those are all.
pub(super) fn size_and_tokens(law: &dyn Law) -> Option<(usize, usize)> {
    let variables = law.card().variables;
    let place = |symbol| variables.iter().position(|variable| variable.symbol == symbol);
    if variables.len() == 2 { place("N").zip(place("D")) } else { None }
}

/// The law along runs of one compute: ln L over ln N.
pub(super) struct IsoFlop<'a> {
    law: &'a dyn Law,
    coefficients: &'a [f64],
    /// ln(C / 6) = ln N + ln D.
    ln_product: f64,
    n: usize,
}

impl<'a> IsoFlop<'a> {
    pub(super) fn new(law: &'a dyn Law, coefficients: &'a [f64], flops_c: f64) -> Option<Self> {
        let (n, _) = size_and_tokens(law)?;
        Some(Self { law, coefficients, ln_product: (flops_c / FLOPS_PER_TOKEN).ln(), n })
    }

    /// The run with e^`ln_n` parameters.
    pub(super) fn x(&self, ln_n: f64) -> Vec<f64> {
        let mut x = vec![(self.ln_product - ln_n).exp(); 2];
        x[self.n] = ln_n.exp();
        x
    }

    fn ln_loss(&self, ln_n: f64) -> f64 {
        self.law.predict(self.coefficients, &self.x(ln_n)).ln()
    }

    /// First and second derivative of ln L by ln N.
    fn slope_and_bend(&self, ln_n: f64) -> (f64, f64) {
        let [below, here, above] = [-STEP, 0.0, STEP].map(|step| self.ln_loss(ln_n + step));
        ((above - below) / (2.0 * STEP), (above - 2.0 * here + below) / (STEP * STEP))
    }

    /// ln N of the lowest loss, by a golden section and two steps of Newton's method. None where
    /// the loss has no lowest place within the range.
    pub(super) fn optimum(&self) -> Option<f64> {
        const RATIO: f64 = 0.618_033_988_749_894_8;
        let (mut lower, mut upper) = (0.5 * self.ln_product - REACH, 0.5 * self.ln_product + REACH);
        let ends = (lower, upper);
        for _ in 0..STEPS_N {
            let (a, b) = (upper - RATIO * (upper - lower), lower + RATIO * (upper - lower));
            if self.ln_loss(a) <= self.ln_loss(b) { upper = b } else { lower = a }
        }
        let mut ln_n = 0.5 * (lower + upper);
        for _ in 0..2 {
            let (slope, bend) = self.slope_and_bend(ln_n);
            if bend.is_nan() || bend <= 0.0 {
                return None;
            }
            ln_n -= (slope / bend).clamp(-0.1, 0.1);
        }
        (ends.0 + 1.0 < ln_n && ln_n < ends.1 - 1.0).then_some(ln_n)
    }

    /// The gradient of the optimal ln N by the coefficients: -h_n,theta / h_nn, as the optimum stays
    /// where the slope of h = ln L is zero. `sensitivity` is the gradient of ln L at a run.
    pub(super) fn optimum_gradient(
        &self,
        ln_n: f64,
        sensitivity: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Vec<f64> {
        let (_, bend) = self.slope_and_bend(ln_n);
        let above = sensitivity(&self.x(ln_n + STEP));
        let below = sensitivity(&self.x(ln_n - STEP));
        above.iter().zip(&below).map(|(a, b)| -(a - b) / (2.0 * STEP * bend)).collect()
    }
}
