//! Several streams of a GPT that read the same tokens (Chen et al., ParScale, arXiv 2505.10475), in plain
//! tensor operations: what `sweep_kernels::Streams` and `sweep_kernels::Prefix` compute.
//!
//! The batch of all streams is that of the first, then that of the second, and so on.

use candle_core::{D, Result as TensorResult, Tensor};
use sweep_core::variant::Streams;
use sweep_kernels::{Prefix, Shape};

use super::compose::Parameters;
use crate::error::Error;

/// The batch once for each stream.
pub(super) fn repeated(x: Tensor, streams_n: usize) -> TensorResult<Tensor> {
    if streams_n == 1 { Ok(x) } else { Tensor::cat(&vec![&x; streams_n], 0) }
}

/// Keys (`prefix_k`) or values (`prefix_v`) before the first token,
/// `[batch, heads, prefix, head width]`.
pub(super) fn before(
    parameters: &Parameters<'_>,
    name: &str,
    prefix: Prefix,
    shape: Shape,
) -> Result<Tensor, Error> {
    let Shape { batch, heads_n, head_width, .. } = shape;
    let Prefix { streams_n, len } = prefix;
    let own = parameters.get(name).reshape((streams_n, 1, len, heads_n, head_width))?;
    let own = own.transpose(2, 3)?;
    let every = own.expand((streams_n, batch / streams_n, heads_n, len, head_width))?;
    Ok(every.contiguous()?.reshape((batch, heads_n, len, head_width))?)
}

/// The weighed sum of the streams of every token, `[tokens, width]`, from those after the norm.
pub(super) fn merged(
    parameters: &Parameters<'_>,
    streams: &Streams,
    normal: &Tensor,
) -> Result<Tensor, Error> {
    let (count, width) = (streams.count as usize, normal.dim(D::Minus1)?);
    let tokens_n = normal.elem_count() / width / count;
    let each = normal.reshape((count, tokens_n, width))?;
    let all = each.transpose(0, 1)?.contiguous()?.reshape((tokens_n, count * width))?;
    let layer = |x: &Tensor, name: &str| {
        let [w, b] = ["w", "b"].map(|ending| parameters.get(&format!("streams_{name}_{ending}")));
        x.matmul(w)?.broadcast_add(b)
    };
    let logits = layer(&layer(&all, "fc")?.silu()?, "out")?;
    let shares = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?.exp()?;
    let shares = shares.broadcast_div(&shares.sum_keepdim(1)?)?;
    let even = streams.smoothing / count as f64;
    let shares = ((shares * (1.0 - streams.smoothing))? + even)?;
    let mut merged = each.zeros_like()?.narrow(0, 0, 1)?.squeeze(0)?;
    for stream in 0..count {
        let own = each.narrow(0, stream, 1)?.squeeze(0)?;
        merged = (merged + own.broadcast_mul(&shares.narrow(1, stream, 1)?)?)?;
    }
    Ok(merged)
}
