//! Degrees of freedom of a difference whose two sides have variances of their own.
//!
//! ```text
//! Satterthwaite (doi 10.2307/3002019):   v^2 / (a^2 / f_a + b^2 / f_b)
//! Welch (doi 10.1093/biomet/34.1-2.28):  v^2 / (a^2 / (f_a + 2) + b^2 / (f_b + 2)) - 2
//! ```
//!
//! with `v = a + b`. The squares of estimated variances are too large by `(f + 2) / f` on average:
//! the first takes no account of it, and errs towards sets that are too large where both sides have
//! few runs; the second does, and errs the other way where one side has nearly all the variance.
//! Coverage of a 90 % interval where `a` has 2 to 98 % of `v`, seven shares of 200,000 draws each:
//!
//! | `f_a`, `f_b` | Satterthwaite | Welch | half way | as used |
//! |---|---|---|---|---|
//! | 1, 1 | 89.2 to 94.3 | 85.5 to 90.3 | 86.9 to 92.0 | the same |
//! | 2, 2 | 89.2 to 91.9 | 88.1 to 90.0 | 88.7 to 90.8 | the same |
//! | 3, 3 | 89.6 to 91.1 | 88.8 to 90.1 | 89.2 to 90.6 | the same |
//! | 6, 6 | 89.7 to 90.4 | 89.5 to 90.0 | 89.6 to 90.2 | the same |
//! | 2, 6 | 88.4 to 90.8 | 86.8 to 90.0 | 87.5 to 90.4 | 88.1 to 90.7 |
//! | 1, 5 | 85.2 to 91.0 | 81.9 to 89.9 | 83.2 to 90.3 | 84.7 to 90.8 |
//!
//! Half way is less far off than either where both sides have as many runs. Where they have not,
//! Satterthwaite's is better, and the more so the less equal they are: as used, the step from it
//! towards Welch's shrinks with the ratio of the two.

/// Share of Welch's where both sides have the same.
const HALF_WAY: f64 = 0.5;

/// Of the sum of two independent variances, each estimated with degrees of freedom of its own.
pub(super) fn of_sum([a, b]: [f64; 2], [freedom_a, freedom_b]: [f64; 2]) -> f64 {
    let square = (a + b) * (a + b);
    let parts = |more: f64| a * a / (freedom_a + more) + b * b / (freedom_b + more);
    let (fewest, most) = (freedom_a.min(freedom_b), freedom_a.max(freedom_b));
    let satterthwaite = square / parts(0.0);
    let welch = (square / parts(2.0) - 2.0).max(fewest);
    let share = HALF_WAY * fewest / most;
    satterthwaite + share * (welch - satterthwaite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use crate::student::two_sided;

    #[test]
    fn one_side_alone_has_its_own() {
        for freedom in [1.0, 2.0, 10.0] {
            assert!((of_sum([1.0, 0.0], [freedom, freedom]) - freedom).abs() < 1e-12);
        }
        // Equal variances: 2 f of Satterthwaite's, 2 f + 2 of Welch's.
        assert!((of_sum([1.0, 1.0], [3.0, 3.0]) - 7.0).abs() < 1e-12);
        // With unequal freedom hardly anything is Welch's.
        let found = of_sum([1.0, 1.0], [1.0, 100.0]);
        assert!((found / (4.0 / 1.01) - 1.0).abs() < 0.02, "{found}");
    }

    /// Two runs more than a straight line has coefficients, in both arms.
    #[test]
    fn an_interval_covers_at_its_level_whichever_side_is_noisier() {
        const WORLDS_N: u64 = 20_000;
        for share in [0.02, 0.1, 0.3, 0.5] {
            let holds = |world: u64| {
                let mut stream = Stream::keyed(world, [f64::to_bits(share), 2, 0]);
                let mut variance = |of: f64| {
                    let squares: f64 = (0..2).map(|_| stream.normal().powi(2)).sum();
                    of * squares / 2.0
                };
                let (a, b) = (variance(share), variance(1.0 - share));
                let square = stream.normal().powi(2) / (a + b);
                two_sided(square, of_sum([a, b], [2.0, 2.0])) >= 0.1
            };
            let held = (0..WORLDS_N).filter(|world| holds(*world)).count() as f64;
            let coverage = held / WORLDS_N as f64;
            // Half a point is 2.4 standard errors; the table has 88.7 to 90.8.
            assert!((0.882..0.913).contains(&coverage), "{share}: {coverage}");
        }
    }
}
