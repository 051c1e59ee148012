//! The block of an LSTM: `x + LSTM(LN x)`, then `x + MLP(LN x)`.
//!
//! Per channel, with the recurrent matrices R full over all heads (Hochreiter and Schmidhuber, Neural
//! Computation 9, 1997; the forget gate is that of Gers et al., Neural Computation 12, 2000):
//! `f = sigmoid(x Wf + h_(t-1) Rf + bf + 1)`, `i = sigmoid(x Wi + h_(t-1) Ri + bi)`,
//! `z = tanh(x Wz + h_(t-1) Rz + bz)`, `o = sigmoid(x Wo + h_(t-1) Ro + bo)`;
//! `c_t = f c_(t-1) + i z`; `h_t = o tanh(c_t)`.

use std::sync::Mutex;

use candle_core::{D, Tensor};
use sweep_kernels::{Layout, LstmBlock, LstmSaved, Reduced, Scratch, Shape};

use super::block::{Block, Gradients};
use super::compose::{self, Layer, Parameters};
use super::reduce::{self, Parts};
use crate::error::Error;

pub(super) struct Lstm {
    parts: Parts,
    saved: Mutex<LstmSaved>,
}

impl Lstm {
    pub(super) fn new(parts: Parts) -> Self {
        Self { parts, saved: Mutex::default() }
    }

    const fn kernel(&self, shape: Shape) -> LstmBlock {
        let Parts { mixer, mlp } = self.parts;
        LstmBlock { shape, mixer, mlp }
    }
}

impl Block for Lstm {
    fn layout(&self, shape: Shape) -> Layout {
        self.kernel(shape).layout()
    }

    fn cell_len(&self, shape: Shape) -> usize {
        self.kernel(shape).state_len()
    }

    fn compose(
        &self,
        shape: Shape,
        parameters: &Parameters<'_>,
        x: &Tensor,
        cell: &mut Option<Tensor>,
        more: &mut Option<Tensor>,
    ) -> Result<Tensor, Error> {
        let normal = compose::norm(parameters, "ln1", x)?;
        let gates = compose::linear(&self.parts.mixer, &normal, &Layer::of(parameters, "gates"))?;
        let recurrent = parameters.get("recurrent_w");
        let scale = "recurrent_w_scale";
        let scale = parameters.has(scale).then(|| parameters.get(scale));
        let recurrent = reduce::weights(&self.parts.mixer, recurrent, scale)?;
        let mixed = recurrence(&self.kernel(shape).hidden(), &gates, &recurrent, shape, cell)?;
        let out = compose::linear(&self.parts.mixer, &mixed, &Layer::of(parameters, "proj"))?;
        let x = (x + out)?;
        compose::mlp(&self.parts.mlp, parameters, &x, more)
    }

    fn active_share(&self, shape: Shape) -> f64 {
        let saved = self.saved.lock().expect("no thread panics while it holds this");
        self.kernel(shape).active_share(&saved)
    }

    fn inputs(&self, shape: Shape) -> Vec<(&'static str, Vec<f32>)> {
        let saved = self.saved.lock().expect("no thread panics while it holds this");
        self.kernel(shape).inputs(&saved).map(|(name, x)| (name, x.to_vec())).into()
    }

    fn forward(
        &self,
        shape: Shape,
        weights: &[f32],
        x: &[f32],
        cell: &mut [f32],
        y: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let mut saved = self.saved.lock().expect("no thread panics while it holds this");
        self.kernel(shape).forward(weights, x, cell, y, &mut saved, scratch);
    }

    fn backward(
        &self,
        shape: Shape,
        weights: &[f32],
        x: &[f32],
        dy: &[f32],
        gradients: Gradients<'_>,
        scratch: &mut Scratch,
    ) {
        let mut saved = self.saved.lock().expect("no thread panics while it holds this");
        let Gradients { x: dx, weights: dweights } = gradients;
        self.kernel(shape).backward(weights, x, dy, dx, dweights, &mut saved, scratch);
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
