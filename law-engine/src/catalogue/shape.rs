//! Where to put more compute in a network of layers, channels and resolution: compound scaling
//! (Dollár et al., arXiv 2103.06877; repository facebookresearch/pycls). It has nothing to fit.
//!
//! ```text
//! d w^2 r^2 = s,   d = s^(e_d),  w = s^(e_w / 2),  r = s^(e_r / 2),   e = weight / sum of weights
//! ```
//!
//! Compute grows by s. Run time follows the activations more than the compute on accelerators, and
//! those grow by d w r^2: least where the width grows most.

/// How compute is shared out between depth, width and resolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    pub depth: f64,
    pub width: f64,
    pub resolution: f64,
}

impl Weights {
    /// The paper's fast compound scaling: nearly all into the width.
    pub const FAST: Self = Self { depth: 1.0, width: 8.0, resolution: 1.0 };
    /// A third each.
    pub const UNIFORM: Self = Self { depth: 1.0, width: 1.0, resolution: 1.0 };
}

/// Factors on the dimensions of a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    pub depth: f64,
    pub width: f64,
    pub resolution: f64,
}

impl Factors {
    /// Growth of the compute: d w^2 r^2.
    #[must_use]
    pub fn flops(self) -> f64 {
        self.depth * self.width.powi(2) * self.resolution.powi(2)
    }

    /// Growth of the parameters: d w^2.
    #[must_use]
    pub fn params(self) -> f64 {
        self.depth * self.width.powi(2)
    }

    /// Growth of the activations, and of the run time where memory bounds it: d w r^2.
    #[must_use]
    pub fn activations(self) -> f64 {
        self.depth * self.width * self.resolution.powi(2)
    }
}

/// The factors that grow compute by `scale`.
#[must_use]
pub fn compound(scale: f64, weights: Weights) -> Factors {
    let sum = weights.depth + weights.width + weights.resolution;
    Factors {
        depth: scale.powf(weights.depth / sum),
        width: scale.powf(0.5 * weights.width / sum),
        resolution: scale.powf(0.5 * weights.resolution / sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_times_the_compute() {
        let factors = compound(4.0, Weights::FAST);
        let found = [factors.depth, factors.width, factors.resolution];
        for (found, expected) in found.iter().zip([1.1487, 1.7411, 1.0718]) {
            assert!((found - expected).abs() < 5e-5, "{factors:?}");
        }
        assert!((factors.flops() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn width_is_cheapest_in_activations() {
        let width = Weights { depth: 0.0, width: 1.0, resolution: 0.0 };
        assert!((compound(4.0, width).activations() - 2.0).abs() < 1e-12);
        let depth = Weights { depth: 1.0, width: 0.0, resolution: 0.0 };
        assert!((compound(4.0, depth).activations() - 4.0).abs() < 1e-12);
        let fast = compound(4.0, Weights::FAST).activations();
        assert!(fast < compound(4.0, Weights::UNIFORM).activations());
    }
}
