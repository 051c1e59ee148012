//! The block of a quasi-LSTM: `x + qLSTM(LN x)`, then `x + MLP(LN x)`.
//!
//! Per channel, all gates from the input alone (Languini Kitchen, arXiv 2309.11197, section 4.2):
//! `f = sigmoid(x Wf + bf + 1)`, `i = sigmoid(x Wi + bi)`, `z = tanh(x Wz + bz)`,
//! `o = sigmoid(x Wo + bo)`; `c_t = f c_(t-1) + i z`; `h = o tanh(c)`.

use candle_core::{D, Device, Tensor};
use sweep_kernels::{QlstmBlock, Shape};

use super::block::Mixer;
use super::compose::{self, Parameters};
use super::reduce::Parts;
use crate::error::Error;

/// Tokens whose cell states are computed at once by the composition.
const CHUNK: usize = 16;

pub(super) struct Qlstm;

impl Mixer for Qlstm {
    type Kernel = QlstmBlock;

    const FIRST: &'static str = "gates";

    fn kernel(&self, shape: Shape, Parts { mixer, mlp }: Parts) -> QlstmBlock {
        QlstmBlock { shape, mixer, mlp }
    }

    fn mix(
        &self,
        kernel: &QlstmBlock,
        _: &Parameters<'_>,
        gates: &Tensor,
        cell: &mut Option<Tensor>,
    ) -> Result<Tensor, Error> {
        recurrence(gates, kernel.shape, cell)
    }
}

/// `gates` is `[batch, sequence, 4 x inner]`, the result `[batch, sequence, inner]`.
///
/// Chunk by chunk, `c_t = sum_(s <= t) (f_(s+1) .. f_t) u_s`, where the state before the chunk
/// enters as one more update; the products of forget gates are taken as sums of logarithms.
fn recurrence(gates: &Tensor, shape: Shape, cell: &mut Option<Tensor>) -> Result<Tensor, Error> {
    let Shape { batch, sequence, .. } = shape;
    let inner = shape.inner();
    let gate = |index: usize| gates.narrow(D::Minus1, index * inner, inner);
    let log_forget = log_sigmoid(&(gate(0)? + 1.0)?)?;
    let updates = (compose::sigmoid(&gate(1)?)? * gate(2)?.tanh()?)?;
    let output = compose::sigmoid(&gate(3)?)?;
    let mut carried = match cell.take() {
        Some(cell) => cell.reshape((batch, 1, inner))?,
        None => Tensor::zeros((batch, 1, inner), gates.dtype(), gates.device())?,
    };
    let mut cells = Vec::with_capacity(sequence.div_ceil(CHUNK));
    for start in (0..sequence).step_by(CHUNK) {
        let len = CHUNK.min(sequence - start);
        let sums = log_forget.narrow(1, start, len)?.contiguous()?.cumsum(1)?;
        // `[batch, t, s, inner]`: how much of the update at s is left at t.
        let decay = sums.unsqueeze(2)?.broadcast_sub(&sums.unsqueeze(1)?)?;
        let decay = decay.broadcast_add(&past(len, gates.device())?)?.exp()?;
        let updates = updates.narrow(1, start, len)?.unsqueeze(1)?;
        let recent = decay.broadcast_mul(&updates)?.sum(2)?;
        let chunk = (recent + sums.exp()?.broadcast_mul(&carried)?)?;
        carried = chunk.narrow(1, len - 1, 1)?;
        cells.push(chunk);
    }
    *cell = Some(carried.squeeze(1)?.contiguous()?.detach());
    Ok((output * Tensor::cat(&cells, 1)?.tanh()?)?)
}

/// Zero where s <= t, minus infinity elsewhere: `[t, s, 1]`.
fn past(len: usize, device: &Device) -> Result<Tensor, Error> {
    let allowed = |index: usize| index % len <= index / len;
    let values = (0..len * len).map(|i| if allowed(i) { 0.0 } else { f32::NEG_INFINITY });
    Ok(Tensor::from_iter(values, device)?.reshape((len, len, 1))?)
}

/// `min(x, 0) - ln(1 + exp(-|x|))`, finite for every x.
fn log_sigmoid(x: &Tensor) -> Result<Tensor, Error> {
    let negative = x.neg()?.relu()?;
    let magnitude = (x.relu()? + &negative)?;
    Ok(((magnitude.neg()?.exp()? + 1.0)?.log()?.neg()? - negative)?)
}
