//! Test data, comparison, and gradients by finite differences.

use sweep_kernels::Layout;

/// Largest error of a kernel, as a share of the largest element of the exact result.
///
/// Single precision rounds at 6e-8; the sums here have up to a few hundred terms, and exp and tanh
/// add 2e-7 each. A wrong term in a formula shows at 1e-2 and above.
const TOLERANCE: f64 = 1e-5;

/// Pseudo-random values in -`size`..`size`, the same on every machine.
pub(crate) fn noise(len: usize, size: f32, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            size * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
        })
        .collect()
}

/// Pseudo-random parameters; gains lie around 1.
pub(crate) fn params(layout: &Layout, seed: u32) -> Vec<f32> {
    let mut flat = noise(layout.len(), 0.5, seed);
    for param in layout.params().iter().filter(|param| param.name.ends_with("gain")) {
        flat[param.range()].iter_mut().for_each(|gain| *gain += 1.0);
    }
    flat
}

pub(crate) fn double(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Asserts that `got` is `want` but for rounding.
#[track_caller]
pub(crate) fn close(what: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    let scale = want.iter().fold(0.0f64, |scale, x| scale.max(x.abs()));
    assert!(scale > 1e-3, "{what}: nothing to compare, everything is near zero");
    for (i, (&got, &want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want).abs();
        assert!(error <= TOLERANCE * scale, "{what}[{i}]: {got} instead of {want}");
    }
}

/// Asserts that `got` is the gradient of `loss` at `at`.
///
/// The loss is computed in double precision: with h = 1e-5 both the truncation error (h²) and the
/// rounding error (1e-16/h) of a central difference are near 1e-10, far below what is asserted.
#[track_caller]
pub(crate) fn gradient(what: &str, got: &[f32], at: &[f32], loss: impl Fn(&[f64]) -> f64) {
    const H: f64 = 1e-5;
    let mut at = double(at);
    let want: Vec<f64> = (0..at.len())
        .map(|i| {
            let centre = at[i];
            at[i] = centre + H;
            let above = loss(&at);
            at[i] = centre - H;
            let below = loss(&at);
            at[i] = centre;
            (above - below) / (2.0 * H)
        })
        .collect();
    close(what, got, &want);
}
