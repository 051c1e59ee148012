//! How fast a model trains: tokens per accelerator second, by its size.
//!
//! ```text
//! v(N) = a N^-b
//! ```
//!
//! b is one where every token costs FLOPs in proportion to N and the device is always equally busy;
//! it is less where small models leave the device idle.

use crate::straight::Straight;

/// A throughput law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throughput {
    /// a, tokens per accelerator second of one parameter.
    pub amplitude: f64,
    /// b, by which it falls with the size.
    pub exponent: f64,
    /// Standard deviation of ln v about the law; zero where the law was given.
    pub residual_sd: f64,
}

const SECONDS_PER_HOUR: f64 = 3600.0;

impl Throughput {
    /// Least squares of ln v on ln N, from runs of `params_n` on `tokens_d` in accelerator `hours`.
    /// None with fewer than two sizes.
    #[must_use]
    pub fn fit(params_n: &[f64], tokens_d: &[f64], hours: &[f64]) -> Option<Self> {
        let sizes = params_n.iter().map(|n| n.ln());
        let speeds = tokens_d.iter().zip(hours).map(|(d, h)| (d / (h * SECONDS_PER_HOUR)).ln());
        let points: Vec<(f64, f64)> = sizes.zip(speeds).collect();
        let n = points.len() as f64;
        let line = Straight::fit(&points);
        let amplitude = line.at(0.0).exp();
        let is_line = line.square > 1e-12 * n && line.slope.is_finite();
        if !(is_line && amplitude > 0.0 && amplitude.is_finite()) {
            return None;
        }
        let squares: f64 = points.iter().map(|(x, y)| (y - line.at(*x)).powi(2)).sum();
        let residual_sd = if n > 2.0 { (squares / (n - 2.0)).sqrt() } else { 0.0 };
        Some(Self { amplitude, exponent: -line.slope, residual_sd })
    }

    /// Tokens per accelerator second of a model of `params_n`.
    #[must_use]
    pub fn at(&self, params_n: f64) -> f64 {
        self.amplitude * params_n.powf(-self.exponent)
    }

    /// Accelerator hours of a run.
    #[must_use]
    pub fn hours(&self, params_n: f64, tokens_d: f64) -> f64 {
        tokens_d / self.at(params_n) / SECONDS_PER_HOUR
    }

    /// Tokens that one accelerator hour trains a model of one parameter on.
    pub(super) fn per_hour(&self) -> f64 {
        self.amplitude * SECONDS_PER_HOUR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_got_back() {
        let truth = Throughput { amplitude: 3e12, exponent: 0.8, residual_sd: 0.0 };
        let params_n = [1e8, 4e8, 2e9];
        let tokens_d = [1e9, 1e10, 1e11];
        let hours: Vec<f64> =
            params_n.iter().zip(tokens_d).map(|(n, d)| d / truth.at(*n) / 3600.0).collect();
        let found = Throughput::fit(&params_n, &tokens_d, &hours).expect("three sizes");
        assert!((found.exponent - 0.8).abs() < 1e-12, "{found:?}");
        assert!((found.amplitude / 3e12 - 1.0).abs() < 1e-9, "{found:?}");
        assert!(found.residual_sd < 1e-9, "{found:?}");
        assert_eq!(Throughput::fit(&[1e8, 1e8], &[1e9, 2e9], &[1.0, 2.0]), None);
    }
}
