//! Performance of a mixture of data at a size that nobody has trained at, from two that were: the
//! second stage of projektor (Kang et al., arXiv 2307.02460; read in the abstract only, form and
//! number from memory: `unverified`). It has nothing to fit.
//!
//! ```text
//! V(N) = V0 + (V1 - V0) ln(N / N0) / ln(N1 / N0)
//! ```
//!
//! V is the performance, in any unit; N, N0 and N1 count training examples. V0 and V1 come from the
//! first stage, a function of the mixture at each of the two sizes, which is not part of this crate:
//! whatever predicts performance from a mixture may give them. Valid as long as performance is
//! straight in ln N: it knows no ceiling.

/// The performance at `size` on the line in ln N through two sizes, each with its performance. None
/// where the sizes are equal or not positive.
#[must_use]
pub fn project((size_0, at_0): (f64, f64), (size_1, at_1): (f64, f64), size: f64) -> Option<f64> {
    let share = (size / size_0).ln() / (size_1 / size_0).ln();
    share.is_finite().then_some(at_0 + (at_1 - at_0) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_through_both_sizes() {
        let (small, large) = ((1e3, 0.5), (1e4, 0.6));
        for (size, expected) in [(1e3, 0.5), (1e4, 0.6), (1e5, 0.7), (1e2, 0.4)] {
            let found = project(small, large, size).expect("two sizes");
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        assert_eq!(project(small, small, 1e5), None);
        assert_eq!(project((0.0, 0.5), large, 1e5), None);
    }
}
