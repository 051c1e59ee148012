//! The exponential and the natural logarithm of a block, without branches.
//!
//! Both follow the usual plan: take the power of two apart, and approximate what is left by a
//! polynomial. The relative error is below 5e-16 (tested against the standard library).

use super::{Block, fma};

/// Beyond this the exponential is held: nothing that a fit accepts comes near.
const EXP_MAX: f64 = 708.0;
const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts, the first with so few digits that multiples of it are exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding this to a number of moderate size rounds it to an integer, which is then in its low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const MANTISSA: u64 = (1 << 52) - 1;
const ONE: u64 = 1023 << 52;

/// 1 / k! for k from 13 down to 2.
const EXP: [f64; 12] = [
    1.605_904_383_682_161_3e-10,
    2.087_675_698_786_81e-9,
    2.505_210_838_544_172e-8,
    2.755_731_922_398_589e-7,
    2.755_731_922_398_589_3e-6,
    2.480_158_730_158_73e-5,
    1.984_126_984_126_984e-4,
    1.388_888_888_888_889e-3,
    8.333_333_333_333_333e-3,
    4.166_666_666_666_666_4e-2,
    1.666_666_666_666_666_6e-1,
    0.5,
];

/// Replaces each number by its exponential; numbers beyond 708 either way count as 708.
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(block: &mut Block) {
    for x in block {
        let held = x.clamp(-EXP_MAX, EXP_MAX);
        let rounded = fma::<FMA>(held, LOG2_E, ROUND);
        let n = rounded - ROUND;
        let r = fma::<FMA>(n, -LN_2_LOW, fma::<FMA>(n, -LN_2_HIGH, held));
        // Estrin's scheme: half as many steps wait for each other as in Horner's.
        let (r2, pair) = (r * r, |k: usize| fma::<FMA>(EXP[k], r, EXP[k + 1]));
        let r4 = r2 * r2;
        let high = fma::<FMA>(pair(0), r2, pair(2));
        let middle = fma::<FMA>(pair(4), r2, pair(6));
        let low = fma::<FMA>(pair(8), r2, pair(10));
        let sum = fma::<FMA>(fma::<FMA>(high, r4, middle), r4, low);
        let fraction = fma::<FMA>(sum, r2, r) + 1.0;
        let power = f64::from_bits((rounded.to_bits() << 52).wrapping_add(ONE));
        *x = fraction * power;
    }
}

/// Coefficients of (ln(1 + s) - ln(1 - s) - 2 s) / s^3 in s^2, from the highest. Remez's, as in the C
/// library of Sun Microsystems (fdlibm, `e_log.c`).
const LN: [f64; 7] = [
    1.479_819_860_511_658_6e-1,
    1.531_383_769_920_937_3e-1,
    1.818_357_216_161_805e-1,
    2.222_219_843_214_978_4e-1,
    2.857_142_874_366_239e-1,
    3.999_999_999_940_942e-1,
    6.666_666_666_666_735e-1,
];

/// Natural logarithms of positive normal numbers; NaN for all others but infinity, which counts as
/// a large number.
#[inline(always)]
pub(crate) fn ln<const FMA: bool>(block: &Block) -> Block {
    let mut logarithms = *block;
    for x in &mut logarithms {
        let bits = x.to_bits();
        // Up to the square root of two the fraction is above one, from there on below.
        let fraction = f64::from_bits((bits & MANTISSA) | ONE);
        let is_high = fraction > std::f64::consts::SQRT_2;
        let exponent = f64::from_bits(ROUND.to_bits() + (bits >> 52)) - ROUND - 1023.0;
        let n = if is_high { exponent + 1.0 } else { exponent };
        let f = if is_high { 0.5 * fraction - 1.0 } else { fraction - 1.0 };
        let s = f / (2.0 + f);
        let square = s * s;
        let mut sum = LN[0];
        for coefficient in &LN[1..] {
            sum = fma::<FMA>(sum, square, *coefficient);
        }
        let half = 0.5 * f * f;
        let tail = fma::<FMA>(s, fma::<FMA>(sum, square, half), n * LN_2_LOW);
        let value = fma::<FMA>(n, LN_2_HIGH, f - (half - tail));
        *x = if *x >= f64::MIN_POSITIVE { value } else { f64::NAN };
    }
    logarithms
}

#[cfg(test)]
mod tests {
    use pulp::{Scalar, Simd};

    use super::super::{BLOCK, Work, dispatch};
    use super::*;

    struct Both(Block);

    impl Work for Both {
        type Output = (Block, Block);

        #[inline(always)]
        fn run<S: Simd, const FMA: bool>(self, _: S) -> (Block, Block) {
            let mut exponentials = self.0;
            exp::<FMA>(&mut exponentials);
            (exponentials, ln::<FMA>(&exponentials))
        }
    }

    /// Blocks that cover -700 to 700, dense around zero.
    fn blocks() -> impl Iterator<Item = Block> {
        (0..4000).map(|block| {
            std::array::from_fn(|i| {
                let t = f64::from(block * BLOCK as i32 + i as i32) / (4000.0 * 64.0);
                let u = 2.0 * t - 1.0;
                700.0 * u * u * u
            })
        })
    }

    fn worst_errors(compute: impl Fn(Block) -> (Block, Block)) -> (f64, f64) {
        let (mut exp_error, mut ln_error) = (0.0_f64, 0.0_f64);
        for block in blocks() {
            let (exponentials, logarithms) = compute(block);
            for ((x, e), l) in block.iter().zip(exponentials).zip(logarithms) {
                exp_error = exp_error.max((e / x.exp() - 1.0).abs());
                let truth = e.ln();
                ln_error = ln_error.max((l - truth).abs() / truth.abs().max(f64::MIN_POSITIVE));
            }
        }
        (exp_error, ln_error)
    }

    #[test]
    fn they_equal_the_standard_library_to_rounding() {
        for (exp_error, ln_error) in [
            worst_errors(|block| dispatch(Both(block))),
            worst_errors(|block| Both(block).run::<Scalar, false>(Scalar::new())),
        ] {
            assert!(exp_error < 5e-16 && ln_error < 5e-16, "{exp_error:e} {ln_error:e}");
        }
    }

    #[test]
    fn what_has_no_logarithm_is_not_a_number() {
        let block: Block = std::array::from_fn(|i| if i % 2 == 0 { -(i as f64) } else { 1.0 });
        let logarithms = ln::<false>(&block);
        assert!(logarithms.iter().step_by(2).all(|l| l.is_nan()));
        assert!(logarithms.iter().skip(1).step_by(2).all(|l| *l == 0.0));
    }
}
