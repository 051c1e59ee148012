//! Random numbers that depend on their key alone, not on who drew before.
//!
//! The noise of one bootstrap draw in one cell is the same whichever arms, laws or other draws are
//! computed beside it: forecasts made in any order, or on several machines, are equal, and two
//! forecasts that differ by one run differ by that run and not by fresh dice.

use std::f64::consts::TAU;

/// A SplitMix64 sequence (Steele, Lea and Flood, OOPSLA 2014, doi 10.1145/2660193.2660195) that
/// starts at a hash of its key.
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of `key` under `seed`.
    #[must_use]
    pub fn keyed(seed: u64, key: [u64; 3]) -> Self {
        let state = key.iter().fold(mix(seed ^ GAMMA), |hash, part| mix(hash ^ part) ^ GAMMA);
        Self { state }
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// Uniform in (0, 1].
    fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        ((self.bits() >> 11) + 1) as f64 * UNIT
    }

    /// Uniform among `0..n`, for an `n` that is far below 2^53.
    pub fn below(&mut self, n: usize) -> usize {
        // The uniform is never zero but may be one.
        ((1.0 - self.uniform()) * n as f64) as usize
    }

    /// Chi-squared with `freedom` degrees of freedom; beyond a hundred by Wilson and Hilferty's normal
    /// approximation of its cube root.
    pub fn chi_squared(&mut self, freedom: usize) -> f64 {
        if freedom <= 100 {
            return (0..freedom).map(|_| self.normal().powi(2)).sum();
        }
        let (freedom, ninth) = (freedom as f64, 2.0 / (9.0 * freedom as f64));
        freedom * (1.0 - ninth + ninth.sqrt() * self.normal()).powi(3)
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }
}

/// The golden ratio's fraction, the odd increment of SplitMix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_the_moments_of_a_normal() {
        let n = 100_000_u64;
        let draws: Vec<f64> = (0..n).map(|i| Stream::keyed(7, [i, 1, 2]).normal()).collect();
        let moment =
            |power: i32| draws.iter().map(|z| z.powi(power)).sum::<f64>() / draws.len() as f64;
        assert!(moment(1).abs() < 0.01, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.015, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.1, "{}", moment(4));
    }

    #[test]
    fn every_part_of_the_key_matters() {
        let first = |seed, key| Stream::keyed(seed, key).bits();
        let base = first(1, [1, 2, 3]);
        for other in [first(2, [1, 2, 3]), first(1, [2, 1, 3]), first(1, [1, 2, 4])] {
            assert_ne!(base, other);
        }
        assert_eq!(base, first(1, [1, 2, 3]));
    }
}
