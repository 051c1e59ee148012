//! The block of an LSTM: `x + LSTM(LN x)`, then `x + MLP(LN x)`.
//!
//! Per channel, with the recurrent matrices R full over all heads (Hochreiter and Schmidhuber, Neural
//! Computation 9, 1997; the forget gate is that of Gers et al., Neural Computation 12, 2000):
//! `f = sigmoid(x Wf + h_(t-1) Rf + bf + 1)`, `i = sigmoid(x Wi + h_(t-1) Ri + bi)`,
//! `z = tanh(x Wz + h_(t-1) Rz + bz)`, `o = sigmoid(x Wo + h_(t-1) Ro + bo)`;
//! `c_t = f c_(t-1) + i z`; `h_t = o tanh(c_t)`.

use candle_core::{D, Tensor};
use sweep_kernels::{LstmBlock, Reduced, Shape};

use super::block::Mixer;
use super::compose::{self, Parameters};
use super::reduce::{self, Parts};
use crate::error::Error;

pub(super) struct Lstm;

impl Mixer for Lstm {
    type Kernel = LstmBlock;

    const FIRST: &'static str = "gates";

    fn kernel(&self, shape: Shape, Parts { mixer, mlp }: Parts) -> LstmBlock {
        LstmBlock { shape, mixer, mlp }
    }

    fn mix(
        &self,
        kernel: &LstmBlock,
        parameters: &Parameters<'_>,
        gates: &Tensor,
        cell: &mut Option<Tensor>,
    ) -> Result<Tensor, Error> {
        let recurrent = parameters.get("recurrent_w");
        let scale = "recurrent_w_scale";
        let scale = parameters.has(scale).then(|| parameters.get(scale));
        let recurrent = reduce::weights(&kernel.mixer, recurrent, scale)?;
        recurrence(&kernel.hidden(), gates, &recurrent, kernel.shape, cell)
    }
}

/// `gates` is the input's part of the pre-activations, `[batch, sequence, 4 x inner]`, the result
/// `[batch, sequence, inner]`; `recurrent` is already as it is held, `reduced` tells of hidden states.
/// What is carried is cell and hidden state, `[batch, 2 x inner]`.
fn recurrence(
    reduced: &Reduced,
    gates: &Tensor,
    recurrent: &Tensor,
    shape: Shape,
    carried: &mut Option<Tensor>,
) -> Result<Tensor, Error> {
    let Shape { batch, sequence, .. } = shape;
    let inner = shape.inner();
    let (mut cell, mut hidden) = match carried.take() {
        Some(state) => (state.narrow(1, 0, inner)?, state.narrow(1, inner, inner)?.contiguous()?),
        None => {
            let zeros = Tensor::zeros((batch, inner), gates.dtype(), gates.device())?;
            (zeros.clone(), zeros)
        }
    };
    let mut mixed = Vec::with_capacity(sequence);
    for token in 0..sequence {
        let own = gates.narrow(1, token, 1)?.squeeze(1)?;
        let own = (own + reduce::inputs(reduced, &hidden, None)?.matmul(recurrent)?)?;
        let gate = |index: usize| own.narrow(D::Minus1, index * inner, inner);
        let kept = (compose::sigmoid(&(gate(0)? + 1.0)?)? * &cell)?;
        cell = (kept + (compose::sigmoid(&gate(1)?)? * gate(2)?.tanh()?)?)?;
        hidden = (compose::sigmoid(&gate(3)?)? * cell.tanh()?)?;
        mixed.push(hidden.clone());
    }
    *carried = Some(Tensor::cat(&[cell, hidden], 1)?.detach());
    Ok(Tensor::stack(&mixed, 1)?)
}
