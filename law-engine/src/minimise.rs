//! The minimum of a function of one variable.

/// The golden section's smaller part.
const GOLDEN: f64 = 0.381_966_011_250_105;
/// Evaluations at most.
const STEPS: u32 = 60;

/// The lowest value that Brent's method finds between two places, with its place: parabolas where
/// they help, golden sections where they do not (Brent 1973, chapter 5). `tolerance` is absolute.
pub(crate) fn lowest(
    mut f: impl FnMut(f64) -> f64,
    [mut lower, mut upper]: [f64; 2],
    tolerance: f64,
) -> (f64, f64) {
    let mut x = lower + GOLDEN * (upper - lower);
    let mut fx = f(x);
    let ([mut w, mut v], [mut fw, mut fv]) = ([x, x], [fx, fx]);
    let (mut step, mut before) = (0.0_f64, 0.0_f64);
    for _ in 0..STEPS {
        let middle = 0.5 * (lower + upper);
        if (x - middle).abs() <= 2.0 * tolerance - 0.5 * (upper - lower) {
            break;
        }
        let r = (x - w) * (fx - fv);
        let q = (x - v) * (fx - fw);
        let (mut p, mut q) = ((x - v) * q - (x - w) * r, 2.0 * (q - r));
        if q > 0.0 {
            p = -p;
        }
        q = q.abs();
        let fits = before.abs() > tolerance
            && p.abs() < (0.5 * q * before).abs()
            && p > q * (lower - x)
            && p < q * (upper - x);
        if fits {
            (before, step) = (step, p / q);
            let next = x + step;
            if next - lower < 2.0 * tolerance || upper - next < 2.0 * tolerance {
                step = if x < middle { tolerance } else { -tolerance };
            }
        } else {
            before = if x < middle { upper - x } else { lower - x };
            step = GOLDEN * before;
        }
        let next = x + if step.abs() >= tolerance { step } else { tolerance.copysign(step) };
        let fnext = f(next);
        if fnext <= fx {
            if next < x {
                upper = x;
            } else {
                lower = x;
            }
            ([v, w, x], [fv, fw, fx]) = ([w, x, next], [fw, fx, fnext]);
        } else {
            if next < x {
                lower = next;
            } else {
                upper = next;
            }
            if fnext <= fw || w == x {
                ([v, w], [fv, fw]) = ([w, next], [fw, fnext]);
            } else if fnext <= fv || v == x || v == w {
                (v, fv) = (next, fnext);
            }
        }
    }
    (fx, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parabolas_and_edges_are_found() {
        let (value, place) = lowest(|x| (x - 0.3).powi(2) + 2.0, [-1.0, 4.0], 1e-7);
        assert!((place - 0.3).abs() < 1e-6 && (value - 2.0).abs() < 1e-12);
        let (_, place) = lowest(|x| (x - 0.3).abs().powf(1.5), [-1.0, 4.0], 1e-7);
        assert!((place - 0.3).abs() < 1e-6, "{place}");
        let (_, place) = lowest(f64::exp, [0.0, 1.0], 1e-7);
        assert!(place < 1e-6);
    }
}
