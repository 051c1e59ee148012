//! The second half of both blocks: `y = x + h W_out + b_out`, where with `u = LN(x) W_fc + b_fc`
//! `h = act(u)`, or `h = act(u_gate) u_up` where it is gated (Shazeer, arXiv:2002.05202).

use crate::dispatch::kernel;
use crate::groups::{self, GroupParams, GroupsSaved, HiddenGroups};
use crate::linear::{affine, affine_onto};
use crate::math::{sigmoid, sum_map2, tanh};
use crate::moe::{self, ExpertParams, Experts, MoeSaved, Widths};
use crate::norm::{Norm, Stats};
use crate::reduced::{LayerGradients, LogScales, Operands, Reduced};
use crate::scratch::{Scratch, fit};
use crate::shape::{Named, Shape, matrix, vector};

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

/// What a block's MLP is. The default is Languini Kitchen's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mlp {
    /// Of the hidden units.
    pub activation: Activation,
    /// Whether a second projection is multiplied with the activated one.
    pub gated: bool,
    /// How the operands of the first layer are held.
    pub first: Reduced,
    /// The same of the second, whose inputs have the heaviest tails.
    pub second: Reduced,
    /// Where there are several of it, each `mlp_width` wide.
    pub experts: Option<Experts>,
    /// Where it reads and writes some groups of hidden dimensions alone; not of experts.
    pub groups: Option<HiddenGroups>,
    /// Of the residual stream: before the MLP, and before the mixer of the same block.
    pub norm: Norm,
    /// Hidden units that would add a vector shorter than this to the stream are left out on the way
    /// forward: what a trained model loses by that is known without training. Not of experts.
    pub cut: f32,
}

impl Mlp {
    /// Outputs of the first layer.
    fn first_width(&self, shape: &Shape) -> usize {
        shape.mlp_width * if self.gated { 2 } else { 1 }
    }

    pub(crate) fn params(&self, shape: &Shape) -> [Named; 14] {
        let first = self.first_width(shape);
        // The layers of all experts one below the other.
        let (routed, copies) =
            self.experts.map_or((0, 1), |experts| (experts.count, experts.count));
        let inside = self.inside(shape);
        let routed = self.groups.map_or(routed, HiddenGroups::routed);
        let fused = self.groups.map_or(0, |groups| groups.count);
        let latent = self.experts.and_then(|experts| experts.latent).unwrap_or_default();
        let dims = [[inside, first], [shape.mlp_width, inside]];
        let [fc_w_scale, fc_x_scale] =
            self.first.scales(["fc_w_scale", "fc_x_scale"], dims[0], copies);
        let [out_w_scale, out_x_scale] =
            self.second.scales(["out_w_scale", "out_x_scale"], dims[1], copies);
        [
            vector("ln2_gain", shape.width),
            vector("ln2_bias", self.norm.bias_len(shape.width)),
            matrix("router_w", shape.width, routed),
            matrix("down_w", shape.width, latent),
            matrix("up_w", latent, shape.width),
            // From group to group.
            matrix("fusion_w", fused, fused),
            // Gate, then what it is multiplied with.
            matrix("fc_w", copies * inside, first),
            vector("fc_b", copies * first),
            matrix("out_w", copies * shape.mlp_width, inside),
            vector("out_b", copies * inside),
            fc_w_scale,
            fc_x_scale,
            out_w_scale,
            out_x_scale,
        ]
    }

    fn widths(&self, shape: &Shape) -> Widths {
        Widths {
            stream: shape.width,
            inside: self.inside(shape),
            first: self.first_width(shape),
            hidden: shape.mlp_width,
        }
    }

    /// Widths of the stream, of the first layer's outputs and of the hidden units.
    fn dims(&self, shape: &Shape) -> [usize; 3] {
        [shape.width, self.first_width(shape), shape.mlp_width]
    }

    /// Width of what the first layer reads and the second says: of latent experts a narrower one.
    fn inside(&self, shape: &Shape) -> usize {
        self.experts.and_then(|experts| experts.latent).unwrap_or(shape.width)
    }

    /// What went into both layers in the last forward pass, by their names; of experts, of all choices.
    pub(crate) fn inputs<'a>(
        &self,
        shape: &Shape,
        saved: &'a MlpSaved,
    ) -> [(&'static str, &'a [f32]); 2] {
        let tokens_n = shape.tokens_n();
        let (rows_n, first) = match self.experts {
            Some(experts) => (tokens_n * experts.chosen, saved.moe.inputs()),
            None if self.groups.is_some() => (tokens_n, saved.groups.read()),
            None => (tokens_n, &saved.normed[..]),
        };
        [
            ("fc", &first[..rows_n * self.inside(shape)]),
            ("out", &saved.hidden[..rows_n * shape.mlp_width]),
        ]
    }

    pub(crate) fn forward(
        &self,
        shape: &Shape,
        params: [&[f32]; 14],
        x: &[f32],
        y: &mut [f32],
        saved: &mut MlpSaved,
    ) {
        let [ln_gain, ln_bias, router, down_w, up_w, fusion, rest @ ..] = params;
        let [fc_w, fc_b, out_w, out_b, scales @ ..] = rest;
        let [fc_scales, out_scales] = paired(scales);
        let (tokens_n, width) = (shape.tokens_n(), shape.width);
        let normed = fit(&mut saved.normed, tokens_n * width);
        self.norm.forward(x, ln_gain, ln_bias, normed, fit(&mut saved.stats, tokens_n));
        if let Some(experts) = self.experts {
            let params = ExpertParams {
                router,
                latent: [down_w, up_w],
                fc_w,
                fc_b,
                out_w,
                out_b,
                fc_scales,
                out_scales,
            };
            y.copy_from_slice(x);
            let hidden = (&mut saved.slope, &mut saved.hidden);
            moe::forward(
                self,
                experts,
                self.widths(shape),
                &params,
                normed,
                y,
                hidden,
                &mut saved.moe,
            );
            return;
        }
        if let Some(groups) = self.groups {
            let params =
                GroupParams { router, fusion, fc_w, fc_b, out_w, out_b, fc_scales, out_scales };
            let normed = std::mem::take(&mut saved.normed);
            y.copy_from_slice(x);
            let seen = &normed[..tokens_n * width];
            groups::forward(self, groups, self.dims(shape), &params, seen, y, saved);
            saved.normed = normed;
            return;
        }
        let before = fit(&mut saved.slope, tokens_n * self.first_width(shape));
        let hidden = fit(&mut saved.hidden, tokens_n * shape.mlp_width);
        let dims = [width, shape.mlp_width];
        let layer = [fc_w, fc_b];
        self.first_layer(dims, normed, layer, fc_scales, before, hidden, &mut saved.first);
        if self.cut > 0.0 {
            let norms = fit(&mut saved.norms, shape.mlp_width);
            row_norms(out_w, width, norms);
            cut(hidden, norms, self.cut);
        }
        let (hidden, out_w) =
            self.second.operands(hidden, out_w, shape.mlp_width, out_scales, &mut saved.second);
        affine_onto(x, hidden, out_w, out_b, y);
    }

    /// Writes `dx` and the parameter gradients.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    pub(crate) fn backward(
        &self,
        shape: &Shape,
        params: [&[f32]; 14],
        x: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        dparams: [&mut [f32]; 14],
        saved: &mut MlpSaved,
        scratch: &mut Scratch,
    ) {
        let [ln_gain, _, router, down_w, up_w, fusion, rest @ ..] = params;
        let [fc_w, fc_b, out_w, out_b, scales @ ..] = rest;
        let [
            dln_gain,
            dln_bias,
            drouter,
            ddown_w,
            dup_w,
            dfusion,
            dfc_w,
            dfc_b,
            dout_w,
            dout_b,
            dscales @ ..,
        ] = dparams;
        let [fc_scales, out_scales] = paired(scales);
        let [dfc_scales, dout_scales] = paired(dscales);
        let (tokens_n, width) = (shape.tokens_n(), shape.width);
        let normed = std::mem::take(&mut saved.normed);
        let mut dnormed = std::mem::take(&mut scratch.dnormed);
        let seen = &normed[..tokens_n * width];
        let dseen = fit(&mut dnormed, tokens_n * width);
        if let Some(experts) = self.experts {
            let params = ExpertParams {
                router,
                latent: [down_w, up_w],
                fc_w,
                fc_b,
                out_w,
                out_b,
                fc_scales,
                out_scales,
            };
            let mut dparams = ExpertParams {
                router: drouter,
                latent: [ddown_w, dup_w],
                fc_w: dfc_w,
                fc_b: dfc_b,
                out_w: dout_w,
                out_b: dout_b,
                fc_scales: dfc_scales,
                out_scales: dout_scales,
            };
            let widths = self.widths(shape);
            moe::backward(
                self,
                experts,
                widths,
                &params,
                &mut dparams,
                seen,
                dy,
                dseen,
                saved,
                scratch,
            );
        } else if let Some(groups) = self.groups {
            let params =
                GroupParams { router, fusion, fc_w, fc_b, out_w, out_b, fc_scales, out_scales };
            let mut dparams = GroupParams {
                router: drouter,
                fusion: dfusion,
                fc_w: dfc_w,
                fc_b: dfc_b,
                out_w: dout_w,
                out_b: dout_b,
                fc_scales: dfc_scales,
                out_scales: dout_scales,
            };
            let (dims, dparams) = (self.dims(shape), &mut dparams);
            groups::backward(self, groups, dims, &params, dparams, seen, dy, dseen, saved, scratch);
        } else {
            let hidden = fit(&mut saved.hidden, tokens_n * shape.mlp_width);
            let dhidden = fit(&mut scratch.dwide, hidden.len());
            let gradients = LayerGradients { w: dout_w, b: dout_b, scales: dout_scales };
            self.second.layer_backward(
                hidden,
                out_w,
                shape.mlp_width,
                out_scales,
                dy,
                dhidden,
                gradients,
                &mut saved.second,
            );
            self.first_layer_backward(
                [width, shape.mlp_width],
                seen,
                fc_w,
                fc_scales,
                dhidden,
                fit(&mut saved.slope, tokens_n * self.first_width(shape)),
                LayerGradients { w: dfc_w, b: dfc_b, scales: dfc_scales },
                dseen,
                &mut saved.first,
                &mut scratch.dgated,
            );
        }
        dx.copy_from_slice(dy);
        let stats = fit(&mut saved.stats, tokens_n);
        self.norm.backward(x, ln_gain, stats, dseen, dx, dln_gain, dln_bias);
        (saved.normed, scratch.dnormed) = (normed, dnormed);
    }

    /// The hidden units of `x`, rows of `inputs`, and in `before` what they are multiplied with on the
    /// way back.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    pub(crate) fn first_layer(
        &self,
        [inputs, hidden_n]: [usize; 2],
        x: &[f32],
        [w, b]: [&[f32]; 2],
        scales: LogScales<'_>,
        before: &mut [f32],
        hidden: &mut [f32],
        operands: &mut Operands,
    ) {
        let (x, w) = self.first.operands(x, w, inputs, scales, operands);
        affine(x, w, b, before);
        activate(self.activation, self.gated, hidden_n, before, hidden);
    }

    /// Writes the gradients of weight, bias and `x` from that of the hidden units, which it changes.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    pub(crate) fn first_layer_backward(
        &self,
        [inputs, hidden_n]: [usize; 2],
        x: &[f32],
        w: &[f32],
        scales: LogScales<'_>,
        dhidden: &mut [f32],
        slope: &[f32],
        gradients: LayerGradients<'_>,
        dx: &mut [f32],
        operands: &mut Operands,
        dgated: &mut Vec<f32>,
    ) {
        let dbefore = self.units_backward(hidden_n, dhidden, slope, dgated);
        self.first.layer_backward(x, w, inputs, scales, dbefore, dx, gradients, operands);
    }

    /// The gradient of what the first layer gave, from that of the hidden units, which it may change.
    pub(crate) fn units_backward<'a>(
        &self,
        hidden_n: usize,
        dhidden: &'a mut [f32],
        slope: &[f32],
        dgated: &'a mut Vec<f32>,
    ) -> &'a mut [f32] {
        if self.gated {
            let dbefore = fit(dgated, slope.len());
            spread(dhidden, slope, hidden_n, dbefore);
            dbefore
        } else {
            multiply(dhidden, slope);
            dhidden
        }
    }
}

/// The scales of the first layer and of the second.
fn paired<T>([a, b, c, d]: [T; 4]) -> [[T; 2]; 2] {
    [[a, b], [c, d]]
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Default)]
pub(crate) struct MlpSaved {
    normed: Vec<f32>,
    stats: Vec<Stats>,
    /// Rows are tokens; of experts, the choices in the order of `moe`.
    pub(crate) hidden: Vec<f32>,
    /// What the first layer's outputs are multiplied with on the way back: made together with
    /// `hidden`, since both need the same exponentials.
    pub(crate) slope: Vec<f32>,
    pub(crate) first: Operands,
    pub(crate) second: Operands,
    pub(crate) groups: GroupsSaved,
    /// Lengths of the rows of the second layer's matrix, where units are left out by them.
    norms: Vec<f32>,
    pub(crate) moe: MoeSaved,
}

impl MlpSaved {
    /// Share of the hidden units of the last forward pass, of `len` in all, that are not zero.
    pub(crate) fn active_share(&self, len: usize) -> f64 {
        let hidden = &self.hidden[..len];
        hidden.iter().filter(|unit| **unit != 0.0).count() as f64 / len as f64
    }
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
    fn spread(dhidden: &[f32], slope: &[f32], width: usize, dbefore: &mut [f32]) {
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

    fn row_norms(w: &[f32], width: usize, norms: &mut [f32]) {
        for (row, norm) in w.chunks_exact(width).zip(norms) {
            *norm = sum_map2(row, row, |a, b| a * b).sqrt();
        }
    }

    /// Sets hidden units to zero that times the norm of their row stay below a limit.
    fn cut(hidden: &mut [f32], norms: &[f32], limit: f32) {
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
