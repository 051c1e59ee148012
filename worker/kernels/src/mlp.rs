//! The second half of both blocks: `y = x + h W_out + b_out`, where with `u = LN(x) W_fc + b_fc`
//! `h = act(u)`, or `h = act(u_gate) u_up` where it is gated (Shazeer, arXiv:2002.05202).

use crate::groups::{self, GroupsSaved, HiddenGroups};
use crate::linear::{affine, affine_onto};
use crate::moe::{self, Experts, MoeSaved, Widths};
use crate::norm::{Norm, Stats};
use crate::reduced::{LayerGradients, LogScales, Operands, Reduced};
use crate::scratch::{Scratch, fit};
use crate::shape::{Named, Shape, matrix, vector};
use crate::units::{Activation, activate, cut, multiply, row_norms, spread};

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

    /// Share of the hidden units of the last forward pass that are not zero; of experts, of the chosen
    /// ones.
    pub(crate) fn active_share(&self, shape: &Shape, saved: &MlpSaved) -> f64 {
        let chosen = self.experts.map_or(1, |experts| experts.chosen);
        let hidden = &saved.hidden[..shape.tokens_n() * chosen * shape.mlp_width];
        hidden.iter().filter(|unit| **unit != 0.0).count() as f64 / hidden.len() as f64
    }

    pub(crate) fn forward(
        &self,
        shape: &Shape,
        params: [&[f32]; 14],
        x: &[f32],
        y: &mut [f32],
        saved: &mut MlpSaved,
    ) {
        let params = MlpParams::of(params);
        let (tokens_n, width) = (shape.tokens_n(), shape.width);
        let stats = fit(&mut saved.stats, tokens_n);
        let normed = fit(&mut saved.normed, tokens_n * width);
        self.norm.forward(x, params.ln_gain, params.ln_bias, normed, stats);
        if let Some(experts) = self.experts {
            y.copy_from_slice(x);
            let hidden = (&mut saved.slope, &mut saved.hidden);
            let (widths, saved) = (self.widths(shape), &mut saved.moe);
            return moe::forward(self, experts, widths, &params, normed, y, hidden, saved);
        }
        if let Some(groups) = self.groups {
            y.copy_from_slice(x);
            let normed = std::mem::take(&mut saved.normed);
            let seen = &normed[..tokens_n * width];
            groups::forward(self, groups, self.widths(shape), &params, seen, y, saved);
            saved.normed = normed;
            return;
        }
        let MlpParams { fc_w, fc_b, out_w, out_b, fc_scales, out_scales, .. } = params;
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
        let (params, mut dparams) = (MlpParams::of(params), MlpParams::of(dparams));
        let tokens_n = shape.tokens_n();
        let widths = self.widths(shape);
        let normed = std::mem::take(&mut saved.normed);
        let mut dnormed = std::mem::take(&mut scratch.dnormed);
        let seen = &normed[..tokens_n * shape.width];
        let dseen = fit(&mut dnormed, seen.len());
        let (own, down) = (&params, &mut dparams);
        if let Some(experts) = self.experts {
            moe::backward(self, experts, widths, own, down, seen, dy, dseen, saved, scratch);
        } else if let Some(groups) = self.groups {
            groups::backward(self, groups, widths, own, down, seen, dy, dseen, saved, scratch);
        } else {
            self.dense_backward(widths, own, down, seen, dy, dseen, saved, scratch);
        }
        dx.copy_from_slice(dy);
        let stats = fit(&mut saved.stats, tokens_n);
        let MlpParams { ln_gain: dln_gain, ln_bias: dln_bias, .. } = dparams;
        self.norm.backward(x, params.ln_gain, stats, dseen, dx, dln_gain, dln_bias);
        (saved.normed, scratch.dnormed) = (normed, dnormed);
    }

    /// Of one MLP that every token sees whole.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    fn dense_backward(
        &self,
        widths: Widths,
        params: &MlpParams<&[f32]>,
        dparams: &mut MlpParams<&mut [f32]>,
        normed: &[f32],
        dy: &[f32],
        dnormed: &mut [f32],
        saved: &mut MlpSaved,
        scratch: &mut Scratch,
    ) {
        let Widths { stream, first, hidden: hidden_n, .. } = widths;
        let tokens_n = normed.len() / stream;
        let [fc, out] = dparams.layers();
        let hidden = fit(&mut saved.hidden, tokens_n * hidden_n);
        let dhidden = fit(&mut scratch.dwide, hidden.len());
        let (w, scales, operands) = (params.out_w, params.out_scales, &mut saved.second);
        self.second.layer_backward(hidden, w, hidden_n, scales, dy, dhidden, out, operands);
        self.first_layer_backward(
            [stream, hidden_n],
            normed,
            params.fc_w,
            params.fc_scales,
            dhidden,
            fit(&mut saved.slope, tokens_n * first),
            fc,
            dnormed,
            &mut saved.first,
            &mut scratch.dgated,
        );
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

/// The parameters of an MLP, or their gradients; those of no elements that it does not have.
pub(crate) struct MlpParams<T> {
    ln_gain: T,
    ln_bias: T,
    pub(crate) router: T,
    /// Into the latent space of experts and out of it.
    pub(crate) latent: [T; 2],
    /// From group of dimensions to group.
    pub(crate) fusion: T,
    /// The two layers with their biases and the trained scales of their weights and inputs; of experts
    /// those of all.
    pub(crate) fc_w: T,
    pub(crate) fc_b: T,
    pub(crate) out_w: T,
    pub(crate) out_b: T,
    pub(crate) fc_scales: [T; 2],
    pub(crate) out_scales: [T; 2],
}

impl<T> MlpParams<T> {
    /// In the order of [`Mlp::params`].
    fn of(params: [T; 14]) -> Self {
        let [ln_gain, ln_bias, router, down_w, up_w, fusion, fc_w, fc_b, out_w, out_b, a, b, c, d] =
            params;
        let (latent, fc_scales, out_scales) = ([down_w, up_w], [a, b], [c, d]);
        Self {
            ln_gain,
            ln_bias,
            router,
            latent,
            fusion,
            fc_w,
            fc_b,
            out_w,
            out_b,
            fc_scales,
            out_scales,
        }
    }
}

impl MlpParams<&mut [f32]> {
    /// Those of both layers.
    pub(crate) fn layers(&mut self) -> [LayerGradients<'_>; 2] {
        let Self { fc_w, fc_b, out_w, out_b, fc_scales, out_scales, .. } = self;
        let [fc_scales, out_scales] =
            [fc_scales, out_scales].map(|scales| scales.each_mut().map(|scale| &mut **scale));
        [
            LayerGradients { w: fc_w, b: fc_b, scales: fc_scales },
            LayerGradients { w: out_w, b: out_b, scales: out_scales },
        ]
    }
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
