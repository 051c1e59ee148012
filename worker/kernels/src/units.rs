//! Hidden units: what bends them, on the way there and back.

use crate::dispatch::kernel;
use crate::math::{sigmoid, sum_map2, tanh};

/// What bends the hidden units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// The tanh form of Hendrycks and Gimpel, arXiv:1606.08415, section 2.
    #[default]
    Gelu,
    /// `max(u, 0)`: exact zeros.
    Relu,
    /// `u sigmoid(u)`.
    Silu,
}

/// The activation and its derivative.
#[inline(always)]
fn bend(activation: Activation, x: f32) -> (f32, f32) {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    const CUBIC: f32 = 0.044_715;
    match activation {
        Activation::Gelu => {
            let t = tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x));
            let inner_slope = SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
            (0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner_slope)
        }
        Activation::Relu => (if x > 0.0 { x } else { 0.0 }, if x > 0.0 { 1.0 } else { 0.0 }),
        Activation::Silu => {
            let s = sigmoid(x);
            (x * s, s * (1.0 + x * (1.0 - s)))
        }
    }
}

#[inline(always)]
fn activate_as(
    activation: Activation,
    gated: bool,
    width: usize,
    before: &mut [f32],
    hidden: &mut [f32],
) {
    if gated {
        for (before, hidden) in
            before.chunks_exact_mut(2 * width).zip(hidden.chunks_exact_mut(width))
        {
            let (gate, up) = before.split_at_mut(width);
            for ((gate, up), hidden) in gate.iter_mut().zip(up).zip(hidden) {
                let (bent, slope) = bend(activation, *gate);
                *hidden = bent * *up;
                (*gate, *up) = (slope * *up, bent);
            }
        }
    } else {
        assert_eq!(before.len(), hidden.len());
        for (before, hidden) in before.iter_mut().zip(hidden) {
            (*hidden, *before) = bend(activation, *before);
        }
    }
}

kernel! {
    /// Writes the hidden units of what the first layer gave, and replaces that by the slopes.
    pub(crate) fn activate(
        activation: Activation,
        gated: bool,
        width: usize,
        before: &mut [f32],
        hidden: &mut [f32],
    ) {
        // An activation that is known here leaves no choice to the loops.
        match activation {
            Activation::Gelu => activate_as(Activation::Gelu, gated, width, before, hidden),
            Activation::Relu => activate_as(Activation::Relu, gated, width, before, hidden),
            Activation::Silu => activate_as(Activation::Silu, gated, width, before, hidden),
        }
    }

    /// The gradient of gate and up from that of their product.
    pub(crate) fn spread(dhidden: &[f32], slope: &[f32], width: usize, dbefore: &mut [f32]) {
        let rows = slope.chunks_exact(2 * width).zip(dbefore.chunks_exact_mut(2 * width));
        for ((slope, dbefore), dhidden) in rows.zip(dhidden.chunks_exact(width)) {
            let (slope_gate, slope_up) = slope.split_at(width);
            let (dgate, dup) = dbefore.split_at_mut(width);
            for i in 0..width {
                dgate[i] = dhidden[i] * slope_gate[i];
                dup[i] = dhidden[i] * slope_up[i];
            }
        }
    }

    pub(crate) fn row_norms(w: &[f32], width: usize, norms: &mut [f32]) {
        for (row, norm) in w.chunks_exact(width).zip(norms) {
            *norm = sum_map2(row, row, |a, b| a * b).sqrt();
        }
    }

    /// Sets hidden units to zero that times the norm of their row stay below a limit.
    pub(crate) fn cut(hidden: &mut [f32], norms: &[f32], limit: f32) {
        for row in hidden.chunks_exact_mut(norms.len()) {
            for (unit, norm) in row.iter_mut().zip(norms) {
                *unit = if unit.abs() * norm < limit { 0.0 } else { *unit };
            }
        }
    }

    pub(crate) fn multiply(x: &mut [f32], by: &[f32]) {
        assert_eq!(x.len(), by.len());
        for (x, by) in x.iter_mut().zip(by) {
            *x *= by;
        }
    }
}
