//! The recurrence of an LSTM: token by token over all sequences at once, since the gates of a token
//! need what the token before it sent out.

use crate::dispatch::kernel;
use crate::matmul::{View, ViewMut};
use crate::reduced::Reduced;
use crate::scan::{activate, advance, emit, retreat};

/// What is walked: `batch` sequences of `sequence` tokens with `inner` channels.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    pub(crate) batch: usize,
    pub(crate) sequence: usize,
    pub(crate) inner: usize,
}

/// What the walk leaves for the way back; rows are tokens, of `inner` channels each.
pub(crate) struct Trace<'a> {
    /// The hidden state before each token, as the recurrent product saw it.
    pub(crate) previous: &'a mut [f32],
    pub(crate) cells: &'a mut [f32],
    pub(crate) cells_tanh: &'a mut [f32],
    /// The hidden state after each token.
    pub(crate) mixed: &'a mut [f32],
}

/// Runs the recurrence over `gates` (tokens × 4·inner: f, i, z, o), which turn from the input's part
/// of the pre-activations into activations in place.
///
/// Per sequence the pre-activations of a token are those of the input and `h_{t-1}·w`; then
/// `c_t = f c_{t-1} + i z`, `h_t = o tanh c_t`. `state` (batch × 2·inner) holds cell and hidden state
/// before the first token, and is left at those after the last. `w` is already as `reduced` holds it,
/// `h` is rounded here, all sequences of a token together; `seen` is a temporary of batch × inner.
pub(crate) fn forward(
    walk: Walk,
    reduced: &Reduced,
    gates: &mut [f32],
    w: &[f32],
    state: &mut [f32],
    trace: Trace<'_>,
    seen: &mut [f32],
) {
    let Walk { batch, sequence, inner } = walk;
    let Trace { previous, cells, cells_tanh, mixed } = trace;
    assert_eq!((state.len(), seen.len()), (batch * 2 * inner, batch * inner));
    for token in 0..sequence {
        for (row, (seen, state)) in
            seen.chunks_exact_mut(inner).zip(state.chunks_exact(2 * inner)).enumerate()
        {
            let hidden = match token.checked_sub(1) {
                Some(before) => &mixed[(row * sequence + before) * inner..][..inner],
                None => &state[inner..],
            };
            seen.copy_from_slice(hidden);
        }
        reduced.round_inputs(seen, inner, &[]);
        for (row, seen) in seen.chunks_exact(inner).enumerate() {
            previous[(row * sequence + token) * inner..][..inner].copy_from_slice(seen);
        }
        ViewMut::strided(&mut gates[token * 4 * inner..], batch, 4 * inner, sequence * 4 * inner)
            .add(View::dense(seen, batch, inner), View::dense(w, inner, 4 * inner));
        step(token, sequence, inner, gates, state, cells, cells_tanh, mixed);
    }
    for (row, state) in state.chunks_exact_mut(2 * inner).enumerate() {
        let last = (row * sequence + sequence - 1) * inner;
        state[inner..].copy_from_slice(&mixed[last..last + inner]);
    }
}

/// Writes the gradient of the gates' pre-activations from that of `dmixed`, to which it adds what later
/// tokens send back to the hidden state.
///
/// `first` (batch × inner) is the cell before the first token; no gradient flows into it, nor into the
/// hidden state there. `dcell` is a temporary of batch × inner.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn backward(
    walk: Walk,
    gates: &[f32],
    w: &[f32],
    first: &[f32],
    cells: &[f32],
    cells_tanh: &[f32],
    dmixed: &mut [f32],
    dgates: &mut [f32],
    dcell: &mut [f32],
) {
    let Walk { batch, sequence, inner } = walk;
    assert_eq!((first.len(), dcell.len()), (batch * inner, batch * inner));
    dcell.fill(0.0);
    for token in (0..sequence).rev() {
        step_back(token, sequence, inner, gates, first, cells, cells_tanh, dmixed, dgates, dcell);
        if let Some(before) = token.checked_sub(1) {
            let dgates = &dgates[token * 4 * inner..];
            ViewMut::strided(&mut dmixed[before * inner..], batch, inner, sequence * inner).add(
                View::strided(dgates, batch, 4 * inner, sequence * 4 * inner),
                View::dense(w, inner, 4 * inner).t(),
            );
        }
    }
}

kernel! {
    /// One token of every sequence.
    fn step(
        token: usize,
        sequence: usize,
        inner: usize,
        gates: &mut [f32],
        state: &mut [f32],
        cells: &mut [f32],
        cells_tanh: &mut [f32],
        mixed: &mut [f32],
    ) {
        for (row, state) in state.chunks_exact_mut(2 * inner).enumerate() {
            let at = (row * sequence + token) * inner;
            let range = at..at + inner;
            let gates = &mut gates[4 * at..4 * (at + inner)];
            let cell = &mut state[..inner];
            activate(gates, inner);
            advance(gates, cell, &mut cells[range.clone()]);
            emit(&gates[3 * inner..], cell, &mut cells_tanh[range.clone()], &mut mixed[range]);
        }
    }

    /// One token of every sequence on the way back.
    fn step_back(
        token: usize,
        sequence: usize,
        inner: usize,
        gates: &[f32],
        first: &[f32],
        cells: &[f32],
        cells_tanh: &[f32],
        dmixed: &[f32],
        dgates: &mut [f32],
        dcell: &mut [f32],
    ) {
        for (row, dcell) in dcell.chunks_exact_mut(inner).enumerate() {
            let at = (row * sequence + token) * inner;
            let previous = if token == 0 {
                &first[row * inner..(row + 1) * inner]
            } else {
                &cells[at - inner..at]
            };
            let (range, wide) = (at..at + inner, 4 * at..4 * (at + inner));
            retreat(
                &gates[wide.clone()],
                previous,
                &cells_tanh[range.clone()],
                &dmixed[range],
                &mut dgates[wide],
                dcell,
            );
        }
    }
}
