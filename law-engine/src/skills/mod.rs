//! What benchmarks measure in common, and how it grows with size and data.
//!
//! Many benchmarks over models of several families are too few rows for a law each, and the laws of
//! the [`catalogue`](crate::catalogue) have no coefficients by family. Here benchmarks share what
//! drives them:
//!
//! - [`sloth`]: one skill that grows with parameters and tokens by slopes that all families share,
//!   from a level of each family's own;
//! - [`observational`]: principal components of the scores, each a straight line in ln compute by
//!   family, and a target that is a sigmoid of them.
//!
//! Both end in a [`Link`].

mod descent;
pub mod observational;
pub mod sloth;

/// From a number on the whole line to a score: a sigmoid between a floor and a ceiling, both shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// What guessing scores.
    pub floor: f64,
    /// What nothing exceeds: one but for labels that are wrong.
    pub ceiling: f64,
}

impl Link {
    /// From nothing to everything.
    pub const PLAIN: Self = Self { floor: 0.0, ceiling: 1.0 };

    /// `floor + (ceiling - floor) / (1 + exp(-z))`.
    #[must_use]
    pub fn score(self, z: f64) -> f64 {
        self.floor + (self.ceiling - self.floor) * sigmoid(z)
    }

    /// The slope of [`score`](Self::score).
    #[must_use]
    pub fn slope(self, z: f64) -> f64 {
        let share = sigmoid(z);
        (self.ceiling - self.floor) * share * (1.0 - share)
    }

    /// The reverse of [`score`](Self::score); None at the floor and the ceiling and beyond.
    #[must_use]
    pub fn inverse(self, score: f64) -> Option<f64> {
        let share = (score - self.floor) / (self.ceiling - self.floor);
        (share > 0.0 && share < 1.0).then(|| share.ln() - (-share).ln_1p())
    }
}

fn sigmoid(z: f64) -> f64 {
    // Neither exponential overflows.
    if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_reversed_between_their_ends() {
        let link = Link { floor: 0.25, ceiling: 0.95 };
        for z in [-8.0, -1.0, 0.0, 2.0, 8.0] {
            let back = link.inverse(link.score(z)).expect("inside");
            assert!((back - z).abs() < 1e-9, "{z} {back}");
            let slope = (link.score(z + 1e-5) - link.score(z - 1e-5)) / 2e-5;
            assert!((slope - link.slope(z)).abs() < 1e-9);
        }
        assert_eq!([0.25, 0.95, 0.1, 1.0].map(|score| link.inverse(score)), [None; 4]);
        assert_eq!(Link::PLAIN.score(-1e4), 0.0);
        assert_eq!(Link::PLAIN.score(1e4), 1.0);
    }
}
