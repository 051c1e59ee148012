//! An MLP that reads and writes only some groups of the hidden dimensions of a token: those that all tokens
//! share, and the few more that suit it best (after Chen et al., Mixture of Hidden-Dimensions, arXiv:2412.05644).
//!
//! ```text
//! p = softmax(n W_r) over the R groups that are not shared          n = norm(x)
//! r_g = sqrt(G / active) n_g, of a chosen group also times R p_g    zero where a group is not active
//! o = W_out act(W_fc r), of the active groups alone
//! y = x + o + F o
//! ```
//!
//! F mixes whole groups, one number for each pair, so that what a token finds reaches the groups that it
//! left out. Tokens are gathered group by group before each product, so that it costs the active share.

use crate::dispatch::kernel;
use crate::linear::{add_input_gradient, project, sum_rows, weight_gradient};
use crate::math::{dot, sum_map2};
use crate::matmul::ViewMut;
use crate::mlp::{Mlp, MlpParams, MlpSaved};
use crate::moe::{Experts, Widths};
use crate::pieces::pieces;
use crate::scratch::{Scratch, fit};
use crate::softmax::{softmax, softmax_backward};
use crate::units::activate;

/// How the hidden dimensions of the stream are divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HiddenGroups {
    /// G, which divides the width.
    pub count: usize,
    /// The first groups, which every token has.
    pub shared: usize,
    /// Groups of a token, the shared ones included: more than these, fewer than all.
    pub active: usize,
    /// Weight of the loss that keeps all groups in use, that of [`Experts`].
    pub balance: f32,
}

impl HiddenGroups {
    /// R: groups that are chosen among.
    pub fn routed(self) -> usize {
        self.count - self.shared
    }

    /// Groups of a token beside the shared ones.
    pub fn chosen(self) -> usize {
        self.active - self.shared
    }

    /// What keeps the length of what is read.
    pub fn scaling(self) -> f32 {
        (self.count as f32 / self.active as f32).sqrt()
    }

    /// The groups of largest affinity of each token, counted from the first that is not shared.
    pub fn choose(self, probs: &[f32], choices: &mut Vec<u32>) {
        let Self { balance, .. } = self;
        let (count, chosen) = (self.routed(), self.chosen());
        Experts { count, chosen, balance, latent: None }.choose(probs, choices);
    }
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Default)]
pub(crate) struct GroupsSaved {
    /// Affinities, tokens × R.
    probs: Vec<f32>,
    choices: Vec<u32>,
    /// The tokens that have chosen each group.
    rows: Vec<Vec<u32>>,
    /// What each group is multiplied with, tokens × G; zero where it is not active.
    factors: Vec<f32>,
    /// What the first layer reads and the second says, tokens × width.
    read: Vec<f32>,
    said: Vec<f32>,
    tiles: [Vec<f32>; 2],
}

impl GroupsSaved {
    pub(crate) fn read(&self) -> &[f32] {
        &self.read
    }

    fn route(&mut self, groups: HiddenGroups, normed: &[f32], router: &[f32], tokens_n: usize) {
        let routed = groups.routed();
        let probs = fit(&mut self.probs, tokens_n * routed);
        project(normed, router, routed, probs);
        softmax(probs, routed);
        groups.choose(probs, &mut self.choices);
        self.rows.resize_with(routed, Vec::new);
        self.rows.iter_mut().for_each(Vec::clear);
        let factors = fit(&mut self.factors, tokens_n * groups.count);
        factors.fill(0.0);
        for row in factors.chunks_exact_mut(groups.count) {
            row[..groups.shared].fill(groups.scaling());
        }
        for (place, choice) in self.choices.iter().enumerate() {
            let (token, choice) = (place / groups.chosen(), *choice as usize);
            self.rows[choice].push(token as u32);
            factors[token * groups.count + groups.shared + choice] =
                groups.scaling() * routed as f32 * probs[token * routed + choice];
        }
    }
}

/// Adds what the MLP says of `normed` to `y`.
pub(crate) fn forward(
    mlp: &Mlp,
    groups: HiddenGroups,
    Widths { stream: width, first: first_n, hidden: hidden_n, .. }: Widths,
    params: &MlpParams<&[f32]>,
    normed: &[f32],
    y: &mut [f32],
    saved: &mut MlpSaved,
) {
    let tokens_n = normed.len() / width;
    let MlpSaved { groups: own, first, second, hidden, slope, .. } = saved;
    own.route(groups, normed, params.router, tokens_n);
    let GroupsSaved { factors, read, said, rows, tiles, .. } = own;
    let factors = &factors[..tokens_n * groups.count];
    let read = fit(read, normed.len());
    scale(normed, factors, width / groups.count, read);
    let (x, w) = mlp.first.operands(read, params.fc_w, width, params.fc_scales, first);
    let before = fit(slope, tokens_n * first_n);
    for row in before.chunks_exact_mut(first_n) {
        row.copy_from_slice(params.fc_b);
    }
    for piece in pieces(groups, width, rows) {
        piece.add_product(x, piece.rows_of(w, first_n), before, first_n, tiles);
    }
    let hidden = fit(hidden, tokens_n * hidden_n);
    activate(mlp.activation, mlp.gated, hidden_n, before, hidden);
    let (x, w) = mlp.second.operands(hidden, params.out_w, hidden_n, params.out_scales, second);
    let said = fit(said, normed.len());
    said.fill(0.0);
    for piece in pieces(groups, width, rows) {
        piece.set_product(x, hidden_n, piece.columns_of(w, hidden_n), said, tiles);
    }
    speak(said, factors, params.out_b, params.fusion, groups.count, y);
}

/// Writes the gradients of the parameters and of `normed` from that of `y`.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn backward(
    mlp: &Mlp,
    groups: HiddenGroups,
    Widths { stream: width, first: first_n, hidden: hidden_n, .. }: Widths,
    params: &MlpParams<&[f32]>,
    dparams: &mut MlpParams<&mut [f32]>,
    normed: &[f32],
    dy: &[f32],
    dnormed: &mut [f32],
    saved: &mut MlpSaved,
    scratch: &mut Scratch,
) {
    let tokens_n = normed.len() / width;
    let MlpSaved { groups: own, first, second, hidden, slope, .. } = saved;
    let GroupsSaved { probs, factors, read, said, rows, tiles, .. } = own;
    let factors = &factors[..tokens_n * groups.count];
    let (read, said) = (&read[..normed.len()], &said[..normed.len()]);
    let dsaid = fit(&mut scratch.dsaid, normed.len());
    speak_backward(said, factors, params.fusion, groups.count, dy, dsaid, dparams.fusion);
    sum_rows(dsaid, dparams.out_b);

    let hidden = &hidden[..tokens_n * hidden_n];
    let (x, w) = mlp.second.again(hidden, params.out_w, second);
    let dhidden = fit(&mut scratch.dwide, hidden.len());
    dhidden.fill(0.0);
    dparams.out_w.fill(0.0);
    for piece in pieces(groups, width, rows) {
        piece.add_product(dsaid, piece.columns_of(w, hidden_n).t(), dhidden, hidden_n, tiles);
        let [wide, narrow] = &mut *tiles;
        let (x, dsaid) = (piece.wide(x, hidden_n, wide), piece.narrow(dsaid, narrow));
        let dw = &mut dparams.out_w[piece.start..];
        ViewMut::strided(dw, hidden_n, piece.width, width).set(x.t(), dsaid);
    }
    let [dw_scales, dx_scales] = dparams.out_scales.each_mut();
    let [w_scales, x_scales] = params.out_scales;
    mlp.second.inputs_backward(hidden, hidden_n, x_scales, dhidden, dx_scales);
    mlp.second.weights_backward(params.out_w, hidden_n, w_scales, dparams.out_w, dw_scales, second);

    let slope = &slope[..tokens_n * first_n];
    let dbefore = mlp.units_backward(hidden_n, dhidden, slope, &mut scratch.dgated);
    sum_rows(dbefore, dparams.fc_b);
    let (x, w) = mlp.first.again(read, params.fc_w, first);
    let dread = fit(&mut scratch.dinputs, normed.len());
    dread.fill(0.0);
    dparams.fc_w.fill(0.0);
    for piece in pieces(groups, width, rows) {
        piece.set_product(dbefore, first_n, piece.rows_of(w, first_n).t(), dread, tiles);
        let [wide, narrow] = &mut *tiles;
        let (x, dbefore) = (piece.narrow(x, narrow), piece.wide(dbefore, first_n, wide));
        let own = piece.start * first_n..(piece.start + piece.width) * first_n;
        ViewMut::dense(&mut dparams.fc_w[own], piece.width, first_n).set(x.t(), dbefore);
    }
    let [dw_scales, dx_scales] = dparams.fc_scales.each_mut();
    let [w_scales, x_scales] = params.fc_scales;
    mlp.first.inputs_backward(read, width, x_scales, dread, dx_scales);
    mlp.first.weights_backward(params.fc_w, width, w_scales, dparams.fc_w, dw_scales, first);

    scale(dread, factors, width / groups.count, dnormed);
    let probs = &probs[..tokens_n * groups.routed()];
    let dprobs = fit(&mut scratch.dprobs, probs.len());
    affinities_backward(groups, normed, dread, rows, dprobs);
    softmax_backward(probs, dprobs, groups.routed());
    weight_gradient(normed, dprobs, groups.routed(), dparams.router);
    add_input_gradient(dprobs, params.router, groups.routed(), dnormed);
}

/// The gradient of the affinities: of what was read by them, and of the loss that balances them.
fn affinities_backward(
    groups: HiddenGroups,
    normed: &[f32],
    dread: &[f32],
    rows: &[Vec<u32>],
    dprobs: &mut [f32],
) {
    let routed = groups.routed();
    let tokens_n = dprobs.len() / routed;
    let width = normed.len() / tokens_n;
    let one = width / groups.count;
    let choices_n = (tokens_n * groups.chosen()) as f32;
    for (group, rows) in rows.iter().enumerate() {
        let busy = rows.len() as f32 / choices_n;
        let even = groups.balance * routed as f32 * busy / tokens_n as f32;
        dprobs.iter_mut().skip(group).step_by(routed).for_each(|dprob| *dprob = even);
        for row in rows {
            let token = *row as usize;
            let at = token * width + (groups.shared + group) * one;
            let range = at..at + one;
            dprobs[token * routed + group] +=
                groups.scaling() * routed as f32 * row_dot(&normed[range.clone()], &dread[range]);
        }
    }
}

kernel! {
    /// Groups of `one` neighbours times their factors.
    fn scale(x: &[f32], factors: &[f32], one: usize, y: &mut [f32]) {
        let groups = x.chunks_exact(one).zip(y.chunks_exact_mut(one));
        for ((x, y), factor) in groups.zip(factors) {
            for (y, x) in y.iter_mut().zip(x) {
                *y = factor * x;
            }
        }
    }

    /// Adds the bias to the active groups of `said`, and them and what F makes of them to `y`.
    fn speak(
        said: &mut [f32],
        factors: &[f32],
        bias: &[f32],
        fusion: &[f32],
        count: usize,
        y: &mut [f32],
    ) {
        let width = bias.len();
        let one = width / count;
        let rows = said.chunks_exact_mut(width).zip(y.chunks_exact_mut(width));
        for ((said, y), factors) in rows.zip(factors.chunks_exact(count)) {
            for (from, own) in said.chunks_exact_mut(one).enumerate() {
                if factors[from] == 0.0 {
                    continue;
                }
                for (own, bias) in own.iter_mut().zip(&bias[from * one..]) {
                    *own += bias;
                }
                for (to, y) in y.chunks_exact_mut(one).enumerate() {
                    let share = fusion[from * count + to] + if from == to { 1.0 } else { 0.0 };
                    for (y, own) in y.iter_mut().zip(own.iter()) {
                        *y += share * own;
                    }
                }
            }
        }
    }

    /// Writes the gradients of `said`, zero where a group is not active, and of F.
    fn speak_backward(
        said: &[f32],
        factors: &[f32],
        fusion: &[f32],
        count: usize,
        dy: &[f32],
        dsaid: &mut [f32],
        dfusion: &mut [f32],
    ) {
        let width = said.len() / (factors.len() / count);
        let one = width / count;
        dfusion.fill(0.0);
        dsaid.fill(0.0);
        let rows = said.chunks_exact(width).zip(dsaid.chunks_exact_mut(width));
        let rows = rows.zip(dy.chunks_exact(width)).zip(factors.chunks_exact(count));
        for (((said, dsaid), dy), factors) in rows {
            for (from, dsaid) in dsaid.chunks_exact_mut(one).enumerate() {
                if factors[from] == 0.0 {
                    continue;
                }
                let said = &said[from * one..(from + 1) * one];
                for (to, dy) in dy.chunks_exact(one).enumerate() {
                    let share = fusion[from * count + to] + if from == to { 1.0 } else { 0.0 };
                    for (dsaid, dy) in dsaid.iter_mut().zip(dy) {
                        *dsaid += share * dy;
                    }
                    dfusion[from * count + to] += sum_map2(said, dy, |a, b| a * b);
                }
            }
        }
    }

    fn row_dot(a: &[f32], b: &[f32]) -> f32 {
        dot(a, b)
    }
}
