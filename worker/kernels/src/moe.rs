//! An MLP of several experts, of which each token sees the few that suit it best.
//!
//! ```text
//! p = softmax(n W_r)          n = LN(x)
//! y = x + sum over the k experts of largest p of p_e FFN_e(n)
//! ```
//!
//! Affinities are not normalised again over the chosen experts, so that the router learns from one
//! expert too and one expert in all is the dense MLP (Dai et al., DeepSeekMoE, arXiv:2401.06066,
//! equations 3 to 5). Tokens are sorted by expert, so that each expert is one matrix product over the
//! tokens that it has; none is dropped.
//!
//! Latent experts (Liu et al., arXiv:2503.23100) read and speak in a narrower space that they share:
//! `y = x + (sum over the k experts of p_e FFN_e(n A)) B`, and the router reads n as ever.
//!
//! The gradient holds that of a loss that keeps the experts busy, `balance E sum_e f_e P_e` with f_e
//! the share of choices and P_e the mean affinity of an expert (Fedus et al., arXiv:2101.03961,
//! equations 4 to 6); it is not part of the loss that is told.

use std::mem::take;
use std::ops::Range;

use crate::dispatch::kernel;
use crate::linear::{
    add_input_gradient, add_product, affine, input_gradient, project, weight_gradient,
};
use crate::math::dot;
use crate::mlp::{Mlp, MlpParams, MlpSaved};
use crate::reduced::Operands;
use crate::scratch::{Scratch, fit};
use crate::softmax::{softmax, softmax_backward};

/// How many experts there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experts {
    /// E.
    pub count: usize,
    /// k: those that a token sees, the first of equally suitable ones.
    pub chosen: usize,
    /// Weight of the balancing loss.
    pub balance: f32,
    /// Width of the space that experts share, where it is not that of the stream.
    pub latent: Option<usize>,
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Default)]
pub(crate) struct MoeSaved {
    /// Affinities, tokens × experts.
    probs: Vec<f32>,
    /// The chosen experts of each token, the most suitable first.
    choices: Vec<u32>,
    /// By expert the choices that fell on it, as places in `choices`.
    order: Vec<u32>,
    /// Where each expert's choices begin in `order`, and the end.
    starts: Vec<usize>,
    /// Rows in `order`: inputs, and outputs before they are weighed.
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    /// Rows are tokens: what latent experts read, and what they say together.
    latents: Vec<f32>,
    said: Vec<f32>,
    /// Of each expert's two layers.
    first: Vec<Operands>,
    second: Vec<Operands>,
}

/// Widths of an expert.
#[derive(Clone, Copy)]
pub(crate) struct Widths {
    pub(crate) stream: usize,
    /// What an expert reads and says: the stream's, or that of the latent space.
    pub(crate) inside: usize,
    /// Outputs of the first layer, twice the hidden units where it is gated.
    pub(crate) first: usize,
    pub(crate) hidden: usize,
}

impl MoeSaved {
    /// The experts of every token, by what it says.
    fn route(&mut self, experts: Experts, router: &[f32], normed: &[f32], tokens_n: usize) {
        let probs = fit(&mut self.probs, tokens_n * experts.count);
        project(normed, router, experts.count, probs);
        softmax(probs, experts.count);
        experts.choose(probs, &mut self.choices);
        self.sort(experts.count);
    }

    /// Copies what the choices read, rows of tokens of this width, to their rows in `order`.
    fn gather(&mut self, read: &[f32], width: usize, rows_n: usize, chosen: usize) {
        let inputs = fit(&mut self.inputs, rows_n * width);
        for (row, place) in inputs.chunks_exact_mut(width).zip(&self.order[..rows_n]) {
            let token = *place as usize / chosen;
            row.copy_from_slice(&read[token * width..(token + 1) * width]);
        }
    }

    /// The rows in `order` of one expert.
    fn rows(&self, expert: usize) -> Range<usize> {
        self.starts[expert]..self.starts[expert + 1]
    }

    /// Inputs of the choices, expert by expert.
    pub(crate) fn inputs(&self) -> &[f32] {
        &self.inputs
    }

    /// Sorts the choices by expert, tokens in their order within each.
    fn sort(&mut self, experts_n: usize) {
        self.starts.clear();
        self.starts.resize(experts_n + 1, 0);
        for expert in &self.choices {
            self.starts[*expert as usize + 1] += 1;
        }
        for expert in 0..experts_n {
            self.starts[expert + 1] += self.starts[expert];
        }
        let mut next = self.starts.clone();
        let order = fit(&mut self.order, self.choices.len());
        for (place, expert) in self.choices.iter().enumerate() {
            let slot = &mut next[*expert as usize];
            order[*slot] = place as u32;
            *slot += 1;
        }
    }
}

fn slice(range: &Range<usize>, width: usize) -> Range<usize> {
    range.start * width..range.end * width
}

fn of_expert(all: &[f32], expert: usize, experts_n: usize) -> &[f32] {
    let len = all.len() / experts_n;
    &all[expert * len..(expert + 1) * len]
}

/// Adds what the experts say of `normed` to `y`.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn forward(
    mlp: &Mlp,
    experts: Experts,
    widths: Widths,
    params: &MlpParams<&[f32]>,
    normed: &[f32],
    y: &mut [f32],
    hidden: (&mut Vec<f32>, &mut Vec<f32>),
    saved: &mut MoeSaved,
) {
    let Experts { count, chosen, latent, .. } = experts;
    let Widths { stream, inside, first, hidden: hidden_n } = widths;
    let tokens_n = normed.len() / stream;
    saved.route(experts, params.router, normed, tokens_n);
    let (mut latents, mut said) = (take(&mut saved.latents), take(&mut saved.said));
    let (read, target): (&[f32], &mut [f32]) = if latent.is_some() {
        let latents = fit(&mut latents, tokens_n * inside);
        project(normed, params.latent[0], inside, latents);
        let said = fit(&mut said, tokens_n * inside);
        said.fill(0.0);
        (latents, said)
    } else {
        (normed, &mut *y)
    };
    let rows_n = tokens_n * chosen;
    saved.gather(read, inside, rows_n, chosen);
    let (before, units) = hidden;
    let (before, units) = (fit(before, rows_n * first), fit(units, rows_n * hidden_n));
    fit(&mut saved.outputs, rows_n * inside);
    saved.first.resize_with(count, Operands::default);
    saved.second.resize_with(count, Operands::default);
    for expert in 0..count {
        let rows = saved.rows(expert);
        if rows.is_empty() {
            continue;
        }
        let own = |all| of_expert(all, expert, count);
        let units = &mut units[slice(&rows, hidden_n)];
        mlp.first_layer(
            [inside, hidden_n],
            &saved.inputs[slice(&rows, inside)],
            [own(params.fc_w), own(params.fc_b)],
            params.fc_scales.map(own),
            &mut before[slice(&rows, first)],
            units,
            &mut saved.first[expert],
        );
        let (units, out_w) = mlp.second.operands(
            units,
            own(params.out_w),
            hidden_n,
            params.out_scales.map(own),
            &mut saved.second[expert],
        );
        affine(units, out_w, own(params.out_b), &mut saved.outputs[slice(&rows, inside)]);
    }
    let order = saved.order[..rows_n].iter();
    for (place, output) in order.zip(saved.outputs.chunks_exact(inside)) {
        let token = *place as usize / chosen;
        let affinity = saved.probs[token * count + saved.choices[*place as usize] as usize];
        add_scaled(output, affinity, &mut target[token * inside..(token + 1) * inside]);
    }
    if latent.is_some() {
        add_product(&said[..tokens_n * inside], params.latent[1], stream, y);
    }
    (saved.latents, saved.said) = (latents, said);
}

/// Writes the gradients of the parameters and of `normed` from that of `y`.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn backward(
    mlp: &Mlp,
    experts: Experts,
    widths: Widths,
    params: &MlpParams<&[f32]>,
    dparams: &mut MlpParams<&mut [f32]>,
    normed: &[f32],
    dy: &[f32],
    dnormed: &mut [f32],
    saved: &mut MlpSaved,
    scratch: &mut Scratch,
) {
    let Experts { count, chosen, latent, .. } = experts;
    let Widths { stream, inside, first, hidden: hidden_n } = widths;
    let tokens_n = normed.len() / stream;
    let MlpSaved { slope, hidden, moe, .. } = saved;
    let rows_n = tokens_n * chosen;
    let (mut dsaid, mut dlatents) = (take(&mut scratch.dsaid), take(&mut scratch.dlatents));
    let dtarget: &[f32] = if latent.is_some() {
        let dsaid = fit(&mut dsaid, tokens_n * inside);
        input_gradient(dy, params.latent[1], stream, dsaid);
        weight_gradient(&moe.said[..tokens_n * inside], dy, stream, dparams.latent[1]);
        dsaid
    } else {
        dy
    };

    let doutputs = fit(&mut scratch.doutputs, rows_n * inside);
    let dprobs = fit(&mut scratch.dprobs, tokens_n * count);
    choices_backward(experts, moe, dtarget, inside, doutputs, dprobs);
    softmax_backward(&moe.probs[..tokens_n * count], dprobs, count);
    weight_gradient(normed, dprobs, count, dparams.router);
    input_gradient(dprobs, params.router, count, dnormed);

    let dunits = fit(&mut scratch.dwide, rows_n * hidden_n);
    let dinputs = fit(&mut scratch.dinputs, rows_n * inside);
    let units = [&hidden[..rows_n * hidden_n], &slope[..rows_n * first]];
    let dgated = &mut scratch.dgated;
    experts_backward(mlp, widths, params, dparams, units, doutputs, dunits, dinputs, moe, dgated);
    let dread: &mut [f32] = if latent.is_some() {
        let dlatents = fit(&mut dlatents, tokens_n * inside);
        dlatents.fill(0.0);
        dlatents
    } else {
        &mut *dnormed
    };
    for (place, dinput) in moe.order[..rows_n].iter().zip(dinputs.chunks_exact(inside)) {
        let token = *place as usize / chosen;
        add_scaled(dinput, 1.0, &mut dread[token * inside..(token + 1) * inside]);
    }
    if latent.is_some() {
        let dlatents = &dlatents[..tokens_n * inside];
        weight_gradient(normed, dlatents, inside, dparams.latent[0]);
        add_input_gradient(dlatents, params.latent[0], inside, dnormed);
    }
    (scratch.dsaid, scratch.dlatents) = (dsaid, dlatents);
}

/// What each choice gets of its token's gradient, and what its affinity gets: of what it said, and of the
/// loss that balances experts.
fn choices_backward(
    experts: Experts,
    moe: &MoeSaved,
    dtarget: &[f32],
    width: usize,
    doutputs: &mut [f32],
    dprobs: &mut [f32],
) {
    let Experts { count, chosen, balance, .. } = experts;
    let (tokens_n, rows_n) = (dprobs.len() / count, doutputs.len() / width);
    let busy = |expert: usize| (moe.starts[expert + 1] - moe.starts[expert]) as f32 / rows_n as f32;
    for row in dprobs.chunks_exact_mut(count) {
        for (expert, dprob) in row.iter_mut().enumerate() {
            *dprob = balance * count as f32 * busy(expert) / tokens_n as f32;
        }
    }
    let rows = moe.outputs.chunks_exact(width).zip(doutputs.chunks_exact_mut(width));
    for (place, (output, doutput)) in moe.order[..rows_n].iter().zip(rows) {
        let token = *place as usize / chosen;
        let at = token * count + moe.choices[*place as usize] as usize;
        let said = &dtarget[token * width..(token + 1) * width];
        dprobs[at] += row_dot(output, said);
        doutput.fill(0.0);
        add_scaled(said, moe.probs[at], doutput);
    }
}

/// Both layers of every expert: writes the gradients of their parameters and of what they read.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
fn experts_backward(
    mlp: &Mlp,
    Widths { inside, first, hidden: hidden_n, .. }: Widths,
    params: &MlpParams<&[f32]>,
    dparams: &mut MlpParams<&mut [f32]>,
    [hidden, slope]: [&[f32]; 2],
    doutputs: &[f32],
    dunits: &mut [f32],
    dinputs: &mut [f32],
    moe: &mut MoeSaved,
    dgated: &mut Vec<f32>,
) {
    let count = moe.starts.len() - 1;
    for expert in 0..count {
        let rows = moe.rows(expert);
        let [fc, out] = dparams.layers().map(|gradients| gradients.of(expert, count));
        if rows.is_empty() {
            fc.clear();
            out.clear();
            continue;
        }
        let own = |all| of_expert(all, expert, count);
        let dunits = &mut dunits[slice(&rows, hidden_n)];
        mlp.second.layer_backward(
            &hidden[slice(&rows, hidden_n)],
            own(params.out_w),
            hidden_n,
            params.out_scales.map(own),
            &doutputs[slice(&rows, inside)],
            dunits,
            out,
            &mut moe.second[expert],
        );
        mlp.first_layer_backward(
            [inside, hidden_n],
            &moe.inputs[slice(&rows, inside)],
            own(params.fc_w),
            params.fc_scales.map(own),
            dunits,
            &slope[slice(&rows, first)],
            fc,
            &mut dinputs[slice(&rows, inside)],
            &mut moe.first[expert],
            dgated,
        );
    }
}

impl Experts {
    /// The experts of largest affinity of each token, from affinities of tokens × experts.
    ///
    /// # Panics
    /// Where more experts are chosen than there are.
    pub fn choose(&self, probs: &[f32], choices: &mut Vec<u32>) {
        choices.clear();
        for row in probs.chunks_exact(self.count) {
            let begin = choices.len();
            for _ in 0..self.chosen {
                let free =
                    (0..self.count as u32).filter(|expert| !choices[begin..].contains(expert));
                // The first that nothing is larger than.
                let best = free.reduce(|best, expert| {
                    if row[expert as usize] > row[best as usize] { expert } else { best }
                });
                choices.push(best.expect("no more experts are chosen than there are"));
            }
        }
    }
}

kernel! {
    fn add_scaled(x: &[f32], scale: f32, y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += scale * x;
        }
    }

    fn row_dot(a: &[f32], b: &[f32]) -> f32 {
        dot(a, b)
    }
}
