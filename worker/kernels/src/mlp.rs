//! The second half of both blocks: `y = x + W_out·gelu(W_fc·LN(x) + b_fc) + b_out`.

use crate::dispatch::kernel;
use crate::linear::{affine, affine_backward_params, affine_onto, input_gradient};
use crate::math::tanh;
use crate::norm::{Stats, layer_norm, layer_norm_backward};
use crate::scratch::{Scratch, fit};
use crate::shape::{Named, Shape, matrix, vector};

pub(crate) fn params(shape: &Shape) -> [Named; 6] {
    [
        vector("ln2_gain", shape.width),
        vector("ln2_bias", shape.width),
        matrix("fc_w", shape.width, shape.mlp_width),
        vector("fc_b", shape.mlp_width),
        matrix("out_w", shape.mlp_width, shape.width),
        vector("out_b", shape.width),
    ]
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Default)]
pub(crate) struct MlpSaved {
    normed: Vec<f32>,
    stats: Vec<Stats>,
    /// gelu(u), u the hidden pre-activation.
    hidden: Vec<f32>,
    /// gelu'(u): made together with gelu(u), since both need the same tanh.
    slope: Vec<f32>,
}

pub(crate) fn forward(
    shape: &Shape,
    params: [&[f32]; 6],
    x: &[f32],
    y: &mut [f32],
    saved: &mut MlpSaved,
) {
    let [ln_gain, ln_bias, fc_w, fc_b, out_w, out_b] = params;
    let tokens_n = shape.tokens_n();
    let normed = fit(&mut saved.normed, tokens_n * shape.width);
    layer_norm(x, ln_gain, ln_bias, normed, fit(&mut saved.stats, tokens_n));
    let hidden = fit(&mut saved.hidden, tokens_n * shape.mlp_width);
    affine(normed, fc_w, fc_b, hidden);
    gelu(hidden, fit(&mut saved.slope, tokens_n * shape.mlp_width));
    affine_onto(x, hidden, out_w, out_b, y);
}

/// Writes `dx` and the six parameter gradients.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn backward(
    shape: &Shape,
    params: [&[f32]; 6],
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    dparams: [&mut [f32]; 6],
    saved: &mut MlpSaved,
    scratch: &mut Scratch,
) {
    let [ln_gain, _, fc_w, _, out_w, _] = params;
    let [dln_gain, dln_bias, dfc_w, dfc_b, dout_w, dout_b] = dparams;
    let tokens_n = shape.tokens_n();
    let hidden = fit(&mut saved.hidden, tokens_n * shape.mlp_width);
    affine_backward_params(hidden, dy, dout_w, dout_b);
    let dhidden = fit(&mut scratch.dwide, hidden.len());
    input_gradient(dy, out_w, shape.width, dhidden);
    multiply(dhidden, fit(&mut saved.slope, hidden.len()));
    let normed = fit(&mut saved.normed, tokens_n * shape.width);
    affine_backward_params(normed, dhidden, dfc_w, dfc_b);
    let dnormed = fit(&mut scratch.dnormed, normed.len());
    input_gradient(dhidden, fc_w, shape.mlp_width, dnormed);
    dx.copy_from_slice(dy);
    let stats = fit(&mut saved.stats, tokens_n);
    layer_norm_backward(x, ln_gain, stats, dnormed, dx, dln_gain, dln_bias);
}

kernel! {
    /// Replaces u by gelu(u) in the tanh form of Hendrycks and Gimpel, arXiv:1606.08415, section 2:
    /// `u/2 (1 + tanh(√(2/π) (u + 0.044715 u³)))`; writes the derivative to `slope`.
    fn gelu(u: &mut [f32], slope: &mut [f32]) {
        const SQRT_2_OVER_PI: f32 = 0.797_884_6;
        const CUBIC: f32 = 0.044_715;
        assert_eq!(u.len(), slope.len());
        for (u, slope) in u.iter_mut().zip(slope) {
            let x = *u;
            let t = tanh(SQRT_2_OVER_PI * (x + CUBIC * x * x * x));
            let inner_slope = SQRT_2_OVER_PI * (1.0 + 3.0 * CUBIC * x * x);
            *u = 0.5 * x * (1.0 + t);
            *slope = 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner_slope;
        }
    }

    fn multiply(x: &mut [f32], by: &[f32]) {
        assert_eq!(x.len(), by.len());
        for (x, by) in x.iter_mut().zip(by) {
            *x *= by;
        }
    }
}
