//! The GPT baseline's residual block.

use crate::attention::{self, PrefixRows};
use crate::linear::{affine, affine_onto};
use crate::mlp::{Mlp, MlpSaved};
use crate::norm::Stats;
use crate::queries::{Queries, QueriesSaved};
use crate::reduced::{LayerGradients, Operands, Reduced};
use crate::scratch::{Scratch, fit};
use crate::shape::{Layout, Named, Shape, joined, matrix, split, split_mut, vector};
use crate::streams::Prefix;

/// A pre-norm transformer block: `x + Attn(LN1 x)`, then `x + MLP(LN2 x)`.
///
/// As [`Self::plain`] makes it: causal attention with scores scaled by `1/√head_width`, biases everywhere, tanh-GELU
/// (Languini Kitchen's GPT, arXiv:2309.11197).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GptBlock {
    /// Sizes.
    pub shape: Shape,
    /// Whether scores fall linearly with distance (ALiBi) instead of knowing no position.
    pub alibi: bool,
    /// What is done to queries and keys before they meet.
    pub queries: Queries,
    /// Keys and values before the first token, of each stream that the batch holds.
    pub prefix: Option<Prefix>,
    /// How the operands of the two linear layers about the attention are held.
    pub mixer: Reduced,
    /// The second half.
    pub mlp: Mlp,
}

/// What one [`GptBlock`] keeps between forward and backward.
#[derive(Debug, Default)]
pub struct GptSaved {
    normed: Vec<f32>,
    stats: Vec<Stats>,
    qkv: Vec<f32>,
    queries: QueriesSaved,
    mixed: Vec<f32>,
    lse: Vec<f32>,
    /// The residual stream between the two halves.
    middle: Vec<f32>,
    mlp: MlpSaved,
    wide: Operands,
    projected: Operands,
}

impl GptBlock {
    /// The baseline.
    pub fn plain(shape: Shape, alibi: bool) -> Self {
        let queries = Queries::default();
        let mixer = Reduced::default();
        Self { shape, alibi, queries, prefix: None, mixer, mlp: Mlp::default() }
    }

    /// What went into each linear layer in the last forward pass, before it was rounded, by the layer's
    /// name: its matrix has that of the name and `_w`.
    pub fn inputs<'a>(&self, saved: &'a GptSaved) -> [(&'static str, &'a [f32]); 4] {
        let (tokens_n, shape) = (self.shape.tokens_n(), &self.shape);
        let [first, second] = self.mlp.inputs(shape, &saved.mlp);
        let wide = &saved.normed[..tokens_n * shape.width];
        [("qkv", wide), ("proj", &saved.mixed[..tokens_n * shape.inner()]), first, second]
    }

    /// Share of the MLP's hidden units of the last forward pass that are not zero; of experts, of
    /// the chosen ones.
    pub fn active_share(&self, saved: &GptSaved) -> f64 {
        self.mlp.active_share(&self.shape, &saved.mlp)
    }

    fn params(&self) -> [Named; 28] {
        let (width, inner) = (self.shape.width, self.shape.inner());
        let names = ["qkv_w_scale", "qkv_x_scale"];
        let [qkv_w_scale, qkv_x_scale] = self.mixer.scales(names, [width, 3 * inner], 1);
        let names = ["proj_w_scale", "proj_x_scale"];
        let [proj_w_scale, proj_x_scale] = self.mixer.scales(names, [inner, width], 1);
        let gains = if self.queries.normed { self.shape.head_width } else { 0 };
        let seen_n = self.prefix.map_or(0, |prefix| prefix.streams_n * prefix.len);
        let own = [
            vector("ln1_gain", width),
            vector("ln1_bias", self.mlp.norm.bias_len(width)),
            // Query, key, value one after the other; head by head inside each.
            matrix("qkv_w", width, 3 * inner),
            vector("qkv_b", 3 * inner),
            vector("q_gain", gains),
            vector("k_gain", gains),
            matrix("prefix_k", seen_n, inner),
            matrix("prefix_v", seen_n, inner),
            matrix("proj_w", inner, width),
            vector("proj_b", width),
            qkv_w_scale,
            qkv_x_scale,
            proj_w_scale,
            proj_x_scale,
        ];
        joined(own, self.mlp.params(&self.shape))
    }

    /// The parameters within the block's flat slice.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.params())
    }

    /// Computes `y` from `x`, both (batch, sequence, width).
    ///
    /// # Panics
    /// If a slice has not the length that `shape` asks for.
    pub fn forward(
        &self,
        params: &[f32],
        x: &[f32],
        y: &mut [f32],
        saved: &mut GptSaved,
        scratch: &mut Scratch,
    ) {
        let (tokens_n, inner) = (self.shape.tokens_n(), self.shape.inner());
        let [ln_gain, ln_bias, qkv_w, qkv_b, q_gain, k_gain, rest @ ..] =
            split(params, &self.params());
        let [prefix_k, prefix_v, proj_w, proj_b, rest @ ..] = rest;
        let prefix = self.prefix.map(|of| PrefixRows { of, keys: prefix_k, values: prefix_v });
        let [qkv_w_scale, qkv_x_scale, proj_w_scale, proj_x_scale, mlp_params @ ..] = rest;
        let normed = fit(&mut saved.normed, tokens_n * self.shape.width);
        self.mlp.norm.forward(x, ln_gain, ln_bias, normed, fit(&mut saved.stats, tokens_n));
        let qkv = fit(&mut saved.qkv, tokens_n * 3 * inner);
        let scales = [qkv_w_scale, qkv_x_scale];
        let (normed, qkv_w) =
            self.mixer.operands(normed, qkv_w, self.shape.width, scales, &mut saved.wide);
        affine(normed, qkv_w, qkv_b, qkv);
        self.queries.forward(&self.shape, [q_gain, k_gain], qkv, &mut saved.queries);
        let mixed = fit(&mut saved.mixed, tokens_n * inner);
        let lse = fit(&mut saved.lse, tokens_n * self.shape.heads_n);
        attention::forward(&self.shape, self.alibi, prefix, qkv, mixed, lse, &mut scratch.tiles);
        let scales = [proj_w_scale, proj_x_scale];
        let (mixed, proj_w) =
            self.mixer.operands(mixed, proj_w, inner, scales, &mut saved.projected);
        let middle = fit(&mut saved.middle, x.len());
        affine_onto(x, mixed, proj_w, proj_b, middle);
        self.mlp.forward(&self.shape, mlp_params, middle, y, &mut saved.mlp);
    }

    /// Computes the gradients of `x` and of the parameters from that of `y`, overwriting them.
    ///
    /// `params` and `x` are those of the forward pass that filled `saved`.
    ///
    /// # Panics
    /// If a slice has not the length that `shape` asks for.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    pub fn backward(
        &self,
        params: &[f32],
        x: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        dparams: &mut [f32],
        saved: &mut GptSaved,
        scratch: &mut Scratch,
    ) {
        let (shape, tokens_n) = (&self.shape, self.shape.tokens_n());
        let (width, inner) = (shape.width, shape.inner());
        let [ln_gain, _, qkv_w, _, q_gain, k_gain, prefix_k, prefix_v, proj_w, _, rest @ ..] =
            split(params, &self.params());
        let prefix = self.prefix.map(|of| PrefixRows { of, keys: prefix_k, values: prefix_v });
        let [qkv_w_scale, qkv_x_scale, proj_w_scale, proj_x_scale, mlp_params @ ..] = rest;
        let [
            dln_gain,
            dln_bias,
            dqkv_w,
            dqkv_b,
            dq_gain,
            dk_gain,
            dprefix_k,
            dprefix_v,
            dproj_w,
            dproj_b,
            dqkv_w_scale,
            dqkv_x_scale,
            dproj_w_scale,
            dproj_x_scale,
            mlp_dparams @ ..,
        ] = split_mut(dparams, &self.params());
        let middle = fit(&mut saved.middle, tokens_n * width);
        self.mlp.backward(shape, mlp_params, middle, dy, dx, mlp_dparams, &mut saved.mlp, scratch);

        let mixed = fit(&mut saved.mixed, tokens_n * inner);
        let dmixed = fit(&mut scratch.dmixed, tokens_n * inner);
        let scales = [dproj_w_scale, dproj_x_scale];
        let gradients = LayerGradients { w: dproj_w, b: dproj_b, scales };
        let (scales, operands) = ([proj_w_scale, proj_x_scale], &mut saved.projected);
        self.mixer.layer_backward(mixed, proj_w, inner, scales, dx, dmixed, gradients, operands);
        let qkv = fit(&mut saved.qkv, tokens_n * 3 * inner);
        let dqkv = fit(&mut scratch.dwide, qkv.len());
        let lse = fit(&mut saved.lse, tokens_n * shape.heads_n);
        let tiles = &mut scratch.tiles;
        let dprefix = [dprefix_k, dprefix_v];
        attention::backward(
            shape, self.alibi, prefix, qkv, mixed, lse, dmixed, dqkv, dprefix, tiles,
        );
        let gains = [q_gain, k_gain];
        self.queries.backward(shape, gains, dqkv, [dq_gain, dk_gain], &saved.queries);
        let normed = fit(&mut saved.normed, tokens_n * width);
        let dnormed = fit(&mut scratch.dnormed, normed.len());
        let scales = [dqkv_w_scale, dqkv_x_scale];
        let gradients = LayerGradients { w: dqkv_w, b: dqkv_b, scales };
        let (scales, operands) = ([qkv_w_scale, qkv_x_scale], &mut saved.wide);
        self.mixer.layer_backward(normed, qkv_w, width, scales, dqkv, dnormed, gradients, operands);
        let stats = fit(&mut saved.stats, tokens_n);
        self.mlp.norm.backward(x, ln_gain, stats, dnormed, dx, dln_gain, dln_bias);
    }
}
