//! The F test with one degree of freedom above.

/// Terms of the continued fraction; ten are enough away from its middle.
const TERMS: u32 = 200;
/// Halvings of a bracket: all the digits of a number.
const HALVINGS: u32 = 60;

/// Probability of a squared Student variable with `freedom` degrees of freedom above `square`:
/// `I_(f / (f + square))(f / 2, 1 / 2)`.
pub(crate) fn two_sided(square: f64, freedom: f64) -> f64 {
    if square.is_nan() || square <= 0.0 {
        1.0
    } else if square.is_infinite() {
        0.0
    } else {
        incomplete_beta(freedom / (freedom + square), 0.5 * freedom, 0.5)
    }
}

/// The square that [`two_sided`] gives `probability` to: Student's quantile at `1 - probability / 2`,
/// squared.
pub(crate) fn square(probability: f64, freedom: f64) -> f64 {
    let is_above = |square: f64| two_sided(square, freedom) > probability;
    let (mut lower, mut upper) = (0.0, 1.0);
    while is_above(upper) {
        (lower, upper) = (upper, 4.0 * upper);
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * (lower + upper);
        if is_above(middle) { lower = middle } else { upper = middle }
    }
    upper
}

/// The regularised incomplete beta function by its continued fraction (Abramowitz and Stegun
/// 26.5.8), evaluated by Lentz's method.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let ln_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta).exp() / a;
    let (mut c, mut d) = (1.0, (1.0 - (a + b) * x / (a + 1.0)).recip());
    let mut fraction = d;
    for m in 1..=TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = (1.0 + term * d).recip();
            c = 1.0 + term / c;
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Student's table: the 90 % and 99 % two-sided points.
    #[test]
    fn students_table_comes_out() {
        for (freedom, t, p) in [
            (1.0, 6.314, 0.1),
            (2.0, 2.920, 0.1),
            (5.0, 2.015, 0.1),
            (10.0, 3.169, 0.01),
            (30.0, 1.697, 0.1),
            (120.0, 2.617, 0.01),
        ] {
            let found = two_sided(f64::powi(t, 2), freedom);
            assert!((found / p - 1.0).abs() < 2e-3, "{freedom}: {found}");
        }
        // One degree of freedom is Cauchy's.
        let cauchy = 1.0 - 2.0 / std::f64::consts::PI * 3.0_f64.atan();
        assert!((two_sided(9.0, 1.0) - cauchy).abs() < 1e-13);
        assert_eq!((two_sided(0.0, 3.0), two_sided(f64::INFINITY, 3.0)), (1.0, 0.0));
    }
}
