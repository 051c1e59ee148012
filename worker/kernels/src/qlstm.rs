//! The quasi-LSTM baseline's residual block.

use crate::linear::{affine, affine_onto};
use crate::mlp::{Mlp, MlpSaved};
use crate::norm::Stats;
use crate::reduced::{LayerGradients, Operands, Reduced};
use crate::scan;
use crate::scratch::{Scratch, fit};
use crate::shape::{Layout, Named, Shape, joined, matrix, split, split_mut, vector};

/// A pre-norm quasi-LSTM block: `x + qLSTM(LN1 x)`, then `x + MLP(LN2 x)`.
///
/// All gates depend on the input alone (Languini Kitchen's qLSTM, arXiv:2309.11197): per channel
/// `f = σ(W_f x + b_f + 1)`, `i = σ(W_i x + b_i)`, `z = tanh(W_z x + b_z)`, `o = σ(W_o x + b_o)`,
/// `c_t = f c_{t-1} + i z`, `h = o tanh c_t`, then a projection. Heads do not mix, so only their
/// total width counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QlstmBlock {
    /// Sizes.
    pub shape: Shape,
    /// How the operands of the two linear layers about the recurrence are held.
    pub mixer: Reduced,
    /// The second half.
    pub mlp: Mlp,
}

/// What one [`QlstmBlock`] keeps between forward and backward.
#[derive(Debug, Default)]
pub struct QlstmSaved {
    normed: Vec<f32>,
    stats: Vec<Stats>,
    /// The cell before the first token.
    first: Vec<f32>,
    gates: Vec<f32>,
    cells: Vec<f32>,
    cells_tanh: Vec<f32>,
    mixed: Vec<f32>,
    /// The residual stream between the two halves.
    middle: Vec<f32>,
    mlp: MlpSaved,
    wide: Operands,
    projected: Operands,
}

impl QlstmBlock {
    /// The baseline.
    pub fn plain(shape: Shape) -> Self {
        Self { shape, mixer: Reduced::default(), mlp: Mlp::default() }
    }

    /// What went into each linear layer in the last forward pass, before it was rounded, by the layer's
    /// name: its matrix has that of the name and `_w`.
    pub fn inputs<'a>(&self, saved: &'a QlstmSaved) -> [(&'static str, &'a [f32]); 4] {
        let (tokens_n, shape) = (self.shape.tokens_n(), &self.shape);
        let [first, second] = self.mlp.inputs(shape, &saved.mlp);
        let wide = &saved.normed[..tokens_n * shape.width];
        [("gates", wide), ("proj", &saved.mixed[..tokens_n * shape.inner()]), first, second]
    }

    /// Share of the MLP's hidden units of the last forward pass that are not zero; of experts, of
    /// the chosen ones.
    pub fn active_share(&self, saved: &QlstmSaved) -> f64 {
        self.mlp.active_share(&self.shape, &saved.mlp)
    }

    fn params(&self) -> [Named; 24] {
        let (width, inner) = (self.shape.width, self.shape.inner());
        let names = ["gates_w_scale", "gates_x_scale"];
        let [gates_w_scale, gates_x_scale] = self.mixer.scales(names, [width, 4 * inner], 1);
        let names = ["proj_w_scale", "proj_x_scale"];
        let [proj_w_scale, proj_x_scale] = self.mixer.scales(names, [inner, width], 1);
        let own = [
            vector("ln1_gain", width),
            vector("ln1_bias", self.mlp.norm.bias_len(width)),
            // Forget, input, update, output one after the other.
            matrix("gates_w", width, 4 * inner),
            vector("gates_b", 4 * inner),
            matrix("proj_w", inner, width),
            vector("proj_b", width),
            gates_w_scale,
            gates_x_scale,
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
    /// `state` (batch, inner) is the cell carried over from the tokens before, zeros at the start
    /// of a text, and is left at the cell after the last token.
    ///
    /// # Panics
    /// If a slice has not the length that `shape` asks for.
    pub fn forward(
        &self,
        params: &[f32],
        x: &[f32],
        state: &mut [f32],
        y: &mut [f32],
        saved: &mut QlstmSaved,
        scratch: &mut Scratch,
    ) {
        // Not needed so far; kept in the signature so that both blocks are called alike.
        let _ = scratch;
        let (tokens_n, inner) = (self.shape.tokens_n(), self.shape.inner());
        assert_eq!(state.len(), self.shape.batch * inner, "one cell per sequence and channel");
        let [ln_gain, ln_bias, gates_w, gates_b, proj_w, proj_b, rest @ ..] =
            split(params, &self.params());
        let [gates_w_scale, gates_x_scale, proj_w_scale, proj_x_scale, mlp_params @ ..] = rest;
        let normed = fit(&mut saved.normed, tokens_n * self.shape.width);
        self.mlp.norm.forward(x, ln_gain, ln_bias, normed, fit(&mut saved.stats, tokens_n));
        let gates = fit(&mut saved.gates, tokens_n * 4 * inner);
        let scales = [gates_w_scale, gates_x_scale];
        let (normed, gates_w) =
            self.mixer.operands(normed, gates_w, self.shape.width, scales, &mut saved.wide);
        affine(normed, gates_w, gates_b, gates);
        fit(&mut saved.first, state.len()).copy_from_slice(state);
        let cells = fit(&mut saved.cells, tokens_n * inner);
        let cells_tanh = fit(&mut saved.cells_tanh, tokens_n * inner);
        let mixed = fit(&mut saved.mixed, tokens_n * inner);
        scan::forward(gates, state, inner, cells, cells_tanh, mixed);
        let scales = [proj_w_scale, proj_x_scale];
        let (mixed, proj_w) =
            self.mixer.operands(mixed, proj_w, inner, scales, &mut saved.projected);
        let middle = fit(&mut saved.middle, x.len());
        affine_onto(x, mixed, proj_w, proj_b, middle);
        self.mlp.forward(&self.shape, mlp_params, middle, y, &mut saved.mlp);
    }

    /// Computes the gradients of `x` and of the parameters from that of `y`, overwriting them.
    ///
    /// `params` and `x` are those of the forward pass that filled `saved`. No gradient flows into
    /// the carried state.
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
        saved: &mut QlstmSaved,
        scratch: &mut Scratch,
    ) {
        let (shape, tokens_n) = (&self.shape, self.shape.tokens_n());
        let (width, inner) = (shape.width, shape.inner());
        let [ln_gain, _, gates_w, _, proj_w, _, rest @ ..] = split(params, &self.params());
        let [gates_w_scale, gates_x_scale, proj_w_scale, proj_x_scale, mlp_params @ ..] = rest;
        let [dln_gain, dln_bias, dgates_w, dgates_b, dproj_w, dproj_b, drest @ ..] =
            split_mut(dparams, &self.params());
        let [dgates_w_scale, dgates_x_scale, dproj_w_scale, dproj_x_scale, mlp_dparams @ ..] =
            drest;
        let middle = fit(&mut saved.middle, tokens_n * width);
        self.mlp.backward(shape, mlp_params, middle, dy, dx, mlp_dparams, &mut saved.mlp, scratch);

        let mixed = fit(&mut saved.mixed, tokens_n * inner);
        let dmixed = fit(&mut scratch.dmixed, mixed.len());
        let scales = [dproj_w_scale, dproj_x_scale];
        let gradients = LayerGradients { w: dproj_w, b: dproj_b, scales };
        let (scales, operands) = ([proj_w_scale, proj_x_scale], &mut saved.projected);
        self.mixer.layer_backward(mixed, proj_w, inner, scales, dx, dmixed, gradients, operands);
        let gates = fit(&mut saved.gates, tokens_n * 4 * inner);
        let dgates = fit(&mut scratch.dwide, gates.len());
        let first = fit(&mut saved.first, shape.batch * inner);
        let cells = fit(&mut saved.cells, mixed.len());
        let cells_tanh = fit(&mut saved.cells_tanh, mixed.len());
        let dcell = fit(&mut scratch.dcell, inner);
        scan::backward(gates, first, inner, cells, cells_tanh, dmixed, dgates, dcell);
        let normed = fit(&mut saved.normed, tokens_n * width);
        let dnormed = fit(&mut scratch.dnormed, normed.len());
        let scales = [dgates_w_scale, dgates_x_scale];
        let gradients = LayerGradients { w: dgates_w, b: dgates_b, scales };
        let (scales, operands) = ([gates_w_scale, gates_x_scale], &mut saved.wide);
        self.mixer
            .layer_backward(normed, gates_w, width, scales, dgates, dnormed, gradients, operands);
        let stats = fit(&mut saved.stats, tokens_n);
        self.mlp.norm.backward(x, ln_gain, stats, dnormed, dx, dln_gain, dln_bias);
    }
}
