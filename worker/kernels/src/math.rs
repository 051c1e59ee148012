//! Elementary functions and reductions that LLVM can vectorise.
//!
//! Everything is `#[inline(always)]`, to take on the instruction set of the `kernel!` calling it.

/// Lanes of a reduction: two AVX2 registers. Fixed, so that sums do not depend on the processor.
const LANES: usize = 16;

/// e^x to about 2 units in the last place; saturates beyond ±87 and passes NaN through.
///
/// Cody-Waite reduction x = n·ln 2 + r, |r| <= ln 2 / 2, then the degree-7 Taylor
/// polynomial of e^r, whose first left-out term is below 6e-9.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5·2^23 rounds to an integer and leaves that integer in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with so few bits that n·LN2_HIGH is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;

    // Written as comparisons rather than `clamp`, to become one instruction each and keep NaN.
    let x = if x > 87.0 { 87.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    // Times 2^n: add n to the exponent.
    f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// tanh x with an absolute error near 1e-7.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Folds `map(a_i, b_i)` into 16 running sums, then those into one, always in the same order.
#[inline(always)]
pub(crate) fn sum_map2(a: &[f32], b: &[f32], map: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += map(a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[lane] += map(a, b);
    }
    fold(lanes, |a, b| a + b)
}

/// Sum of the elements.
#[inline(always)]
pub(crate) fn sum(x: &[f32]) -> f32 {
    sum_map2(x, x, |x, _| x)
}

/// Inner product.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_map2(a, b, |a, b| a * b)
}

/// The greatest element; a NaN may or may not win, but then shows in what is computed from it.
#[inline(always)]
pub(crate) fn max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = greater(chunk[lane], lanes[lane]);
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        lanes[lane] = greater(x, lanes[lane]);
    }
    fold(lanes, greater)
}

#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn fold(mut lanes: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = combine(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_and_its_kin_follow_the_standard_library() {
        for step in -8_000..=8_000 {
            let x = step as f32 * 0.01;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) / exact - 1.0).abs();
            assert!(error < 3e-7, "exp({x}) is off by {error:e}");
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7, "tanh({x})");
            let logistic = 1.0 / (1.0 + f64::from(-x).exp());
            assert!((f64::from(sigmoid(x)) - logistic).abs() < 2e-7, "sigmoid({x})");
        }
    }

    #[test]
    fn the_ends_of_the_number_line_stay_finite_and_nan_stays_nan() {
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::INFINITY).is_finite());
        assert!(exp(f32::NEG_INFINITY) > 0.0);
        assert_eq!((tanh(1e30), tanh(-1e30)), (1.0, -1.0));
        assert!(exp(f32::NAN).is_nan());
        assert!(tanh(f32::NAN).is_nan());
        assert!(sigmoid(f32::NAN).is_nan());
    }

    #[test]
    fn reductions_count_every_element_whatever_the_length() {
        for len in 0..70 {
            let x: Vec<f32> = (0..len).map(|i| (i * 7 % 13) as f32 - 6.0).collect();
            assert_eq!(sum(&x), x.iter().sum::<f32>(), "length {len}");
            assert_eq!(dot(&x, &x), x.iter().map(|x| x * x).sum::<f32>(), "length {len}");
            let greatest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(max(&x), greatest, "length {len}");
        }
    }
}
