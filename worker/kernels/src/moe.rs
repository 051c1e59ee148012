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
//! The gradient holds that of a loss that keeps the experts busy, `balance E sum_e f_e P_e` with f_e
//! the share of choices and P_e the mean affinity of an expert (Fedus et al., arXiv:2101.03961,
//! equations 4 to 6); it is not part of the loss that is told.

use std::ops::Range;

use crate::dispatch::kernel;
use crate::linear::{affine, affine_backward_params, input_gradient, project, weight_gradient};
use crate::math::{dot, exp, max, sum};
use crate::mlp::{Mlp, MlpSaved};
use crate::reduced::Operands;
use crate::scratch::{Scratch, fit};

/// How many experts there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experts {
    /// E.
    pub count: usize,
    /// k: those that a token sees, the first of equally suitable ones.
    pub chosen: usize,
    /// Weight of the balancing loss.
    pub balance: f32,
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
    /// Of each expert's two layers.
    first: Vec<Operands>,
    second: Vec<Operands>,
}

/// Widths of an expert.
#[derive(Clone, Copy)]
pub(crate) struct Widths {
    pub(crate) stream: usize,
    /// Outputs of the first layer, twice the hidden units where it is gated.
    pub(crate) first: usize,
    pub(crate) hidden: usize,
}

/// The parameters of all experts, or their gradients: router, and the two layers with their biases.
pub(crate) struct ExpertParams<T> {
    pub(crate) router: T,
    pub(crate) fc_w: T,
    pub(crate) fc_b: T,
    pub(crate) out_w: T,
    pub(crate) out_b: T,
}

impl MoeSaved {
    /// The rows in `order` of one expert.
    fn rows(&self, expert: usize) -> Range<usize> {
        self.starts[expert]..self.starts[expert + 1]
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

fn of_expert_mut(all: &mut [f32], expert: usize, experts_n: usize) -> &mut [f32] {
    let len = all.len() / experts_n;
    &mut all[expert * len..(expert + 1) * len]
}

/// Adds what the experts say of `normed` to `y`.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn forward(
    mlp: &Mlp,
    experts: Experts,
    widths: Widths,
    params: &ExpertParams<&[f32]>,
    normed: &[f32],
    y: &mut [f32],
    hidden: (&mut Vec<f32>, &mut Vec<f32>),
    saved: &mut MoeSaved,
) {
    let Experts { count, chosen, .. } = experts;
    let Widths { stream, first, hidden: hidden_n } = widths;
    let tokens_n = normed.len() / stream;
    let probs = fit(&mut saved.probs, tokens_n * count);
    project(normed, params.router, count, probs);
    softmax(probs, count);
    experts.choose(probs, &mut saved.choices);
    saved.sort(count);

    let rows_n = tokens_n * chosen;
    let token_of = |place: &u32| *place as usize / chosen;
    let inputs = fit(&mut saved.inputs, rows_n * stream);
    for (row, place) in inputs.chunks_exact_mut(stream).zip(&saved.order[..rows_n]) {
        let token = token_of(place);
        row.copy_from_slice(&normed[token * stream..(token + 1) * stream]);
    }
    let (before, units) = hidden;
    let (before, units) = (fit(before, rows_n * first), fit(units, rows_n * hidden_n));
    fit(&mut saved.outputs, rows_n * stream);
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
            [stream, hidden_n],
            &saved.inputs[slice(&rows, stream)],
            [own(params.fc_w), own(params.fc_b)],
            &mut before[slice(&rows, first)],
            units,
            &mut saved.first[expert],
        );
        let (units, out_w) =
            mlp.second.operands(units, own(params.out_w), hidden_n, &mut saved.second[expert]);
        affine(units, out_w, own(params.out_b), &mut saved.outputs[slice(&rows, stream)]);
    }
    let order = saved.order[..rows_n].iter();
    for (place, output) in order.zip(saved.outputs.chunks_exact(stream)) {
        let token = token_of(place);
        let affinity = saved.probs[token * count + saved.choices[*place as usize] as usize];
        add_scaled(output, affinity, &mut y[token * stream..(token + 1) * stream]);
    }
}

/// Writes the gradients of the parameters and of `normed` from that of `y`.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn backward(
    mlp: &Mlp,
    experts: Experts,
    widths: Widths,
    params: &ExpertParams<&[f32]>,
    dparams: &mut ExpertParams<&mut [f32]>,
    normed: &[f32],
    dy: &[f32],
    dnormed: &mut [f32],
    saved: &mut MlpSaved,
    scratch: &mut Scratch,
) {
    let Experts { count, chosen, balance } = experts;
    let Widths { stream, first, hidden: hidden_n } = widths;
    let tokens_n = normed.len() / stream;
    let MlpSaved { slope, hidden, moe, .. } = saved;
    let rows_n = tokens_n * chosen;

    // What each choice gets of its token's gradient, and what its affinity gets.
    let doutputs = fit(&mut scratch.doutputs, rows_n * stream);
    let dprobs = fit(&mut scratch.dprobs, tokens_n * count);
    let busy = |expert: usize| (moe.starts[expert + 1] - moe.starts[expert]) as f32 / rows_n as f32;
    for row in dprobs.chunks_exact_mut(count) {
        for (expert, dprob) in row.iter_mut().enumerate() {
            *dprob = balance * count as f32 * busy(expert) / tokens_n as f32;
        }
    }
    let order = &moe.order[..rows_n];
    let rows = moe.outputs.chunks_exact(stream).zip(doutputs.chunks_exact_mut(stream));
    for (place, (output, doutput)) in order.iter().zip(rows) {
        let token = *place as usize / chosen;
        let at = token * count + moe.choices[*place as usize] as usize;
        let dy = &dy[token * stream..(token + 1) * stream];
        dprobs[at] += row_dot(output, dy);
        doutput.fill(0.0);
        add_scaled(dy, moe.probs[at], doutput);
    }
    softmax_backward(&moe.probs[..tokens_n * count], dprobs, count);
    weight_gradient(normed, dprobs, count, dparams.router);
    input_gradient(dprobs, params.router, count, dnormed);

    let dunits = fit(&mut scratch.dwide, rows_n * hidden_n);
    let dinputs = fit(&mut scratch.dinputs, rows_n * stream);
    for expert in 0..count {
        let rows = moe.rows(expert);
        let own = |all| of_expert(all, expert, count);
        let dout_w = of_expert_mut(dparams.out_w, expert, count);
        let dout_b = of_expert_mut(dparams.out_b, expert, count);
        let dfc_w = of_expert_mut(dparams.fc_w, expert, count);
        let dfc_b = of_expert_mut(dparams.fc_b, expert, count);
        if rows.is_empty() {
            [dout_w, dout_b, dfc_w, dfc_b].into_iter().for_each(|gradient| gradient.fill(0.0));
            continue;
        }
        let doutputs = &doutputs[slice(&rows, stream)];
        let units = &hidden[slice(&rows, hidden_n)];
        let (units, out_w) = mlp.second.again(units, own(params.out_w), &moe.second[expert]);
        affine_backward_params(units, doutputs, dout_w, dout_b);
        let dunits = &mut dunits[slice(&rows, hidden_n)];
        input_gradient(doutputs, out_w, stream, dunits);
        mlp.first_layer_backward(
            [stream, hidden_n],
            &moe.inputs[slice(&rows, stream)],
            own(params.fc_w),
            dunits,
            &slope[slice(&rows, first)],
            [dfc_w, dfc_b],
            &mut dinputs[slice(&rows, stream)],
            &moe.first[expert],
            &mut scratch.dgated,
        );
    }
    for (place, dinput) in order.iter().zip(dinputs.chunks_exact(stream)) {
        let token = *place as usize / chosen;
        add_scaled(dinput, 1.0, &mut dnormed[token * stream..(token + 1) * stream]);
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
    fn softmax(values: &mut [f32], count: usize) {
        for row in values.chunks_exact_mut(count) {
            let greatest = max(row);
            for value in row.iter_mut() {
                *value = exp(*value - greatest);
            }
            let norm = 1.0 / sum(row);
            for value in row {
                *value *= norm;
            }
        }
    }

    /// Replaces the gradient of the probabilities by that of the logits.
    fn softmax_backward(probs: &[f32], dprobs: &mut [f32], count: usize) {
        for (probs, dprobs) in probs.chunks_exact(count).zip(dprobs.chunks_exact_mut(count)) {
            let mean = dot(probs, dprobs);
            for (dprob, prob) in dprobs.iter_mut().zip(probs) {
                *dprob = prob * (*dprob - mean);
            }
        }
    }

    fn add_scaled(x: &[f32], scale: f32, y: &mut [f32]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y += scale * x;
        }
    }

    fn row_dot(a: &[f32], b: &[f32]) -> f32 {
        dot(a, b)
    }
}
