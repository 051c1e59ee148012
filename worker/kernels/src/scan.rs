//! The quasi-LSTM recurrence, walked token by token and vectorised over channels.

use crate::dispatch::kernel;
use crate::math::{sigmoid, tanh};

/// Added to the forget gate's pre-activation, so that memory lasts from the start.
const FORGET_BIAS: f32 = 1.0;

kernel! {
    /// Runs the recurrence over `gates` (tokens × 4·inner: f, i, z, o), which turn from
    /// pre-activations into activations in place.
    ///
    /// Per channel `c_t = f c_{t-1} + i z`, `h_t = o tanh c_t`. `state` (batch × inner) holds the
    /// cell before the first token and is left at the cell after the last.
    pub(crate) fn forward(
        gates: &mut [f32],
        state: &mut [f32],
        inner: usize,
        cells: &mut [f32],
        cells_tanh: &mut [f32],
        mixed: &mut [f32],
    ) {
        let batch = state.len() / inner;
        let span = cells.len() / batch;
        assert_eq!(gates.len(), 4 * cells.len());
        assert_eq!((cells_tanh.len(), mixed.len()), (cells.len(), cells.len()));
        for (sequence, state) in state.chunks_exact_mut(inner).enumerate() {
            for token in (sequence * span..(sequence + 1) * span).step_by(inner) {
                let gates = &mut gates[4 * token..4 * (token + inner)];
                let range = token..token + inner;
                activate(gates, inner);
                advance(gates, state, &mut cells[range.clone()]);
                emit(
                    &gates[3 * inner..],
                    state,
                    &mut cells_tanh[range.clone()],
                    &mut mixed[range],
                );
            }
        }
    }

    /// Writes the gradient of the gates' pre-activations from that of `mixed`.
    ///
    /// `first` is the cell before the first token; no gradient flows into it. `dcell` is a
    /// temporary of `inner` elements.
    pub(crate) fn backward(
        gates: &[f32],
        first: &[f32],
        inner: usize,
        cells: &[f32],
        cells_tanh: &[f32],
        dmixed: &[f32],
        dgates: &mut [f32],
        dcell: &mut [f32],
    ) {
        let batch = first.len() / inner;
        let span = cells.len() / batch;
        assert_eq!((gates.len(), dgates.len()), (4 * cells.len(), 4 * cells.len()));
        assert_eq!((cells_tanh.len(), dmixed.len()), (cells.len(), cells.len()));
        for (sequence, first) in first.chunks_exact(inner).enumerate() {
            dcell.fill(0.0);
            let start = sequence * span;
            for token in (start..start + span).step_by(inner).rev() {
                let previous = if token == start { first } else { &cells[token - inner..token] };
                let range = token..token + inner;
                let wide = 4 * token..4 * (token + inner);
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
}

#[inline(always)]
pub(crate) fn activate(gates: &mut [f32], inner: usize) {
    let (forget, rest) = gates.split_at_mut(inner);
    let (input, rest) = rest.split_at_mut(inner);
    let (update, output) = rest.split_at_mut(inner);
    for f in forget {
        *f = sigmoid(*f + FORGET_BIAS);
    }
    for i in input {
        *i = sigmoid(*i);
    }
    for z in update {
        *z = tanh(*z);
    }
    for o in output {
        *o = sigmoid(*o);
    }
}

#[inline(always)]
pub(crate) fn advance(gates: &[f32], state: &mut [f32], cells: &mut [f32]) {
    let inner = state.len();
    let (forget, input, update) =
        (&gates[..inner], &gates[inner..2 * inner], &gates[2 * inner..3 * inner]);
    let cells = &mut cells[..inner];
    for k in 0..inner {
        let c = forget[k] * state[k] + input[k] * update[k];
        state[k] = c;
        cells[k] = c;
    }
}

#[inline(always)]
pub(crate) fn emit(output: &[f32], state: &[f32], cells_tanh: &mut [f32], mixed: &mut [f32]) {
    let inner = state.len();
    let (output, cells_tanh, mixed) =
        (&output[..inner], &mut cells_tanh[..inner], &mut mixed[..inner]);
    for k in 0..inner {
        let t = tanh(state[k]);
        cells_tanh[k] = t;
        mixed[k] = output[k] * t;
    }
}

/// One token of the backward walk: `dcell` enters as the gradient that later tokens send back.
#[inline(always)]
pub(crate) fn retreat(
    gates: &[f32],
    previous: &[f32],
    cells_tanh: &[f32],
    dmixed: &[f32],
    dgates: &mut [f32],
    dcell: &mut [f32],
) {
    let inner = dcell.len();
    let (f, rest) = gates.split_at(inner);
    let (i, rest) = rest.split_at(inner);
    let (z, o) = rest.split_at(inner);
    let (df, rest) = dgates.split_at_mut(inner);
    let (di, rest) = rest.split_at_mut(inner);
    let (dz, d_o) = rest.split_at_mut(inner);
    let (o, d_o) = (&o[..inner], &mut d_o[..inner]);
    let (previous, cells_tanh, dmixed) =
        (&previous[..inner], &cells_tanh[..inner], &dmixed[..inner]);
    for k in 0..inner {
        let t = cells_tanh[k];
        d_o[k] = dmixed[k] * t * o[k] * (1.0 - o[k]);
        let dc = dcell[k] + dmixed[k] * o[k] * (1.0 - t * t);
        df[k] = dc * previous[k] * f[k] * (1.0 - f[k]);
        di[k] = dc * z[k] * i[k] * (1.0 - i[k]);
        dz[k] = dc * i[k] * (1.0 - z[k] * z[k]);
        dcell[k] = dc * f[k];
    }
}
