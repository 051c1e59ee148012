//! The residual block of an LSTM.

use crate::linear::{affine, affine_onto, weight_gradient};
use crate::mlp::{Mlp, MlpSaved};
use crate::norm::Stats;
use crate::recurrence::{self, Trace, Walk};
use crate::reduced::{Grid, LayerGradients, Operands, Reduced, Scale};
use crate::scratch::{Scratch, fit};
use crate::shape::{Layout, Named, Shape, joined, matrix, split, split_mut, vector};

/// A pre-norm LSTM block: `x + LSTM(LN1 x)`, then `x + MLP(LN2 x)`.
///
/// The gates of a token see it and what the token before sent out (Hochreiter and Schmidhuber, Neural
/// Computation 9, 1997, with the forget gate of Gers et al., Neural Computation 12, 2000):
/// `f = σ(W_f x + R_f h_{t-1} + b_f + 1)`, `i = σ(W_i x + R_i h_{t-1} + b_i)`,
/// `z = tanh(W_z x + R_z h_{t-1} + b_z)`, `o = σ(W_o x + R_o h_{t-1} + b_o)`,
/// `c_t = f c_{t-1} + i z`, `h_t = o tanh c_t`, then a projection of `h`. The recurrent matrices are full,
/// over the channels of all heads together, so only their total width counts. Without them this is
/// [`QlstmBlock`](crate::QlstmBlock).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LstmBlock {
    /// Sizes.
    pub shape: Shape,
    /// How the operands of the two linear layers about the recurrence and of the recurrent product are
    /// held. Hidden states are rounded token by token.
    pub mixer: Reduced,
    /// The second half.
    pub mlp: Mlp,
}

/// What one [`LstmBlock`] keeps between forward and backward.
#[derive(Debug, Default)]
pub struct LstmSaved {
    normed: Vec<f32>,
    stats: Vec<Stats>,
    /// The cell before the first token.
    first: Vec<f32>,
    gates: Vec<f32>,
    previous: Vec<f32>,
    cells: Vec<f32>,
    cells_tanh: Vec<f32>,
    mixed: Vec<f32>,
    /// The residual stream between the two halves.
    middle: Vec<f32>,
    mlp: MlpSaved,
    wide: Operands,
    recurrent: Operands,
    projected: Operands,
}

impl LstmBlock {
    /// The baseline.
    pub fn plain(shape: Shape) -> Self {
        Self { shape, mixer: Reduced::default(), mlp: Mlp::default() }
    }

    /// What went into each linear layer in the last forward pass, before it was rounded, by the layer's
    /// name: its matrix has that of the name and `_w`. The recurrent product has the inputs of `proj`,
    /// one token later.
    pub fn inputs<'a>(&self, saved: &'a LstmSaved) -> [(&'static str, &'a [f32]); 4] {
        let (tokens_n, shape) = (self.shape.tokens_n(), &self.shape);
        let [first, second] = self.mlp.inputs(shape, &saved.mlp);
        let wide = &saved.normed[..tokens_n * shape.width];
        [("gates", wide), ("proj", &saved.mixed[..tokens_n * shape.inner()]), first, second]
    }

    /// Share of the MLP's hidden units of the last forward pass that are not zero; of experts, of
    /// the chosen ones.
    pub fn active_share(&self, saved: &LstmSaved) -> f64 {
        self.mlp.active_share(&self.shape, &saved.mlp)
    }

    /// Elements of the state carried over, of all sequences: cell and hidden state of each.
    pub fn state_len(&self) -> usize {
        self.shape.batch * 2 * self.shape.inner()
    }

    fn walk(&self) -> Walk {
        let Shape { batch, sequence, .. } = self.shape;
        Walk { batch, sequence, inner: self.shape.inner() }
    }

    /// How hidden states are held before they meet the recurrent matrices. They are known token by token,
    /// so where scales are trained theirs is that of their largest.
    pub fn hidden(&self) -> Reduced {
        let inputs = self.mixer.inputs.map(|grid| match grid.scale {
            Scale::Learned => Grid { scale: Scale::Absmax, ..grid },
            Scale::Absmax | Scale::Statistics | Scale::Searched => grid,
        });
        Reduced { inputs, ..self.mixer }
    }

    fn params(&self) -> [Named; 26] {
        let (width, inner) = (self.shape.width, self.shape.inner());
        let names = ["gates_w_scale", "gates_x_scale"];
        let [gates_w_scale, gates_x_scale] = self.mixer.scales(names, [width, 4 * inner], 1);
        let names = ["proj_w_scale", "proj_x_scale"];
        let [proj_w_scale, proj_x_scale] = self.mixer.scales(names, [inner, width], 1);
        // Hidden states have no trained scale: see `hidden`.
        let names = ["recurrent_w_scale", "recurrent_x_scale"];
        let [recurrent_w_scale, _] = self.mixer.scales(names, [inner, 4 * inner], 1);
        let own = [
            vector("ln1_gain", width),
            vector("ln1_bias", self.mlp.norm.bias_len(width)),
            // Forget, input, update, output one after the other, here and of the recurrent matrices.
            matrix("gates_w", width, 4 * inner),
            vector("gates_b", 4 * inner),
            matrix("recurrent_w", inner, 4 * inner),
            matrix("proj_w", inner, width),
            vector("proj_b", width),
            gates_w_scale,
            gates_x_scale,
            recurrent_w_scale,
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
    /// `state` (batch, 2·inner) is cell and hidden state carried over from the tokens before, zeros at
    /// the start of a text, and is left at those after the last token.
    ///
    /// # Panics
    /// If a slice has not the length that `shape` asks for.
    pub fn forward(
        &self,
        params: &[f32],
        x: &[f32],
        state: &mut [f32],
        y: &mut [f32],
        saved: &mut LstmSaved,
        scratch: &mut Scratch,
    ) {
        let (tokens_n, inner, batch) =
            (self.shape.tokens_n(), self.shape.inner(), self.shape.batch);
        assert_eq!(state.len(), self.state_len(), "cell and hidden state of every sequence");
        let [ln_gain, ln_bias, gates_w, gates_b, recurrent_w, proj_w, proj_b, rest @ ..] =
            split(params, &self.params());
        let [
            gates_w_scale,
            gates_x_scale,
            recurrent_w_scale,
            proj_w_scale,
            proj_x_scale,
            mlp_params @ ..,
        ] = rest;
        let normed = fit(&mut saved.normed, tokens_n * self.shape.width);
        self.mlp.norm.forward(x, ln_gain, ln_bias, normed, fit(&mut saved.stats, tokens_n));
        let gates = fit(&mut saved.gates, tokens_n * 4 * inner);
        let scales = [gates_w_scale, gates_x_scale];
        let (normed, gates_w) =
            self.mixer.operands(normed, gates_w, self.shape.width, scales, &mut saved.wide);
        affine(normed, gates_w, gates_b, gates);
        let first = fit(&mut saved.first, batch * inner);
        for (first, state) in first.chunks_exact_mut(inner).zip(state.chunks_exact(2 * inner)) {
            first.copy_from_slice(&state[..inner]);
        }
        let trace = Trace {
            previous: fit(&mut saved.previous, tokens_n * inner),
            cells: fit(&mut saved.cells, tokens_n * inner),
            cells_tanh: fit(&mut saved.cells_tanh, tokens_n * inner),
            mixed: fit(&mut saved.mixed, tokens_n * inner),
        };
        let operands = &mut saved.recurrent;
        let recurrent_w = self.mixer.weights(recurrent_w, inner, recurrent_w_scale, operands);
        let seen = fit(&mut scratch.dcell, batch * inner);
        recurrence::forward(self.walk(), &self.hidden(), gates, recurrent_w, state, trace, seen);
        let mixed = fit(&mut saved.mixed, tokens_n * inner);
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
        saved: &mut LstmSaved,
        scratch: &mut Scratch,
    ) {
        let (shape, tokens_n) = (&self.shape, self.shape.tokens_n());
        let (width, inner) = (shape.width, shape.inner());
        let [ln_gain, _, gates_w, _, recurrent_w, proj_w, _, rest @ ..] =
            split(params, &self.params());
        let [
            gates_w_scale,
            gates_x_scale,
            recurrent_w_scale,
            proj_w_scale,
            proj_x_scale,
            mlp_params @ ..,
        ] = rest;
        let [
            dln_gain,
            dln_bias,
            dgates_w,
            dgates_b,
            drecurrent_w,
            dproj_w,
            dproj_b,
            dgates_w_scale,
            dgates_x_scale,
            drecurrent_w_scale,
            dproj_w_scale,
            dproj_x_scale,
            mlp_dparams @ ..,
        ] = split_mut(dparams, &self.params());
        let middle = fit(&mut saved.middle, tokens_n * width);
        self.mlp.backward(shape, mlp_params, middle, dy, dx, mlp_dparams, &mut saved.mlp, scratch);

        let mixed = fit(&mut saved.mixed, tokens_n * inner);
        let dmixed = fit(&mut scratch.dmixed, mixed.len());
        let scales = [dproj_w_scale, dproj_x_scale];
        let gradients = LayerGradients { w: dproj_w, b: dproj_b, scales };
        let (scales, operands) = ([proj_w_scale, proj_x_scale], &mut saved.projected);
        self.mixer.layer_backward(mixed, proj_w, inner, scales, dx, dmixed, gradients, operands);
        let dgates = fit(&mut scratch.dwide, tokens_n * 4 * inner);
        let dcell = fit(&mut scratch.dcell, shape.batch * inner);
        let own = [recurrent_w, recurrent_w_scale];
        let gradients = [drecurrent_w, drecurrent_w_scale];
        self.recurrence_backward(own, dmixed, dgates, gradients, dcell, saved);
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

    /// From the gradient of the hidden states that of the gates, and those of the recurrent matrices and
    /// their trained scales.
    fn recurrence_backward(
        &self,
        [w, scales]: [&[f32]; 2],
        dmixed: &mut [f32],
        dgates: &mut [f32],
        [dw, dscales]: [&mut [f32]; 2],
        dcell: &mut [f32],
        saved: &mut LstmSaved,
    ) {
        let (inner, states_n) = (self.shape.inner(), dmixed.len());
        let gates = fit(&mut saved.gates, dgates.len());
        let first = fit(&mut saved.first, self.shape.batch * inner);
        let cells = fit(&mut saved.cells, states_n);
        let cells_tanh = fit(&mut saved.cells_tanh, states_n);
        let seen_w = self.mixer.weights_again(w, &saved.recurrent);
        let walk = self.walk();
        recurrence::backward(walk, gates, seen_w, first, cells, cells_tanh, dmixed, dgates, dcell);
        let previous = fit(&mut saved.previous, states_n);
        weight_gradient(previous, dgates, 4 * inner, dw);
        self.mixer.weights_backward(w, inner, scales, dw, dscales, &mut saved.recurrent);
    }
}
