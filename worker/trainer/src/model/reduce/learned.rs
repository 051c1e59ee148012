//! Trained scales (Esser et al., LSQ, arXiv 1902.08153) in tensor operations, whose derivatives are
//! candle's: with `v = x / s` and Q the largest value, `s round(clip(v, -Q, Q))`, where rounding has the
//! gradient of the identity.

use candle_core::Tensor;
use sweep_kernels::{Format, Grid, Group};

use super::{nearest, straight_through};
use crate::error::Error;

/// Inputs `[rows, features]`; features in groups, or all of them, share a scale.
pub(super) fn inputs(grid: Grid, x: &Tensor, logs: &Tensor) -> Result<Tensor, Error> {
    let (_, width) = x.dims2()?;
    let len = match grid.group {
        Group::Size(len) => len.min(width),
        Group::Tensor | Group::Channel => width,
    };
    let groups = (0..width).step_by(len).enumerate().map(|(group, start)| {
        let values = x.narrow(1, start, len.min(width - start))?;
        let sharing = values.dim(1)?;
        on_scale(grid.format, &values, &logs.narrow(0, group, 1)?.reshape((1, 1))?, sharing)
    });
    Ok(Tensor::cat(&groups.collect::<Result<Vec<_>, Error>>()?, 1)?)
}

/// Weights `[outputs, inputs]`; all share a scale, or those of an output, or of an output and a group.
pub(super) fn weights(grid: Grid, w: &Tensor, logs: &Tensor) -> Result<Tensor, Error> {
    let (outputs, width) = w.dims2()?;
    let len = match grid.group {
        Group::Tensor => return on_scale(grid.format, w, &logs.reshape((1, 1))?, outputs * width),
        Group::Channel => width,
        Group::Size(len) => len.min(width),
    };
    let groups = (0..width).step_by(len).enumerate().map(|(group, start)| {
        let values = w.narrow(1, start, len.min(width - start))?;
        let sharing = values.dim(1)?;
        let logs = logs.narrow(0, group * outputs, outputs)?.reshape((outputs, 1))?;
        on_scale(grid.format, &values, &logs, sharing)
    });
    Ok(Tensor::cat(&groups.collect::<Result<Vec<_>, Error>>()?, 1)?)
}

/// Values on the scales of these logarithms, each of which is that of `sharing` values.
fn on_scale(
    format: Format,
    values: &Tensor,
    logs: &Tensor,
    sharing: usize,
) -> Result<Tensor, Error> {
    let max = format.max();
    let scale = logs.exp()?;
    // The same scale with a smaller gradient.
    let weight = 1.0 / (sharing as f64 * f64::from(max)).sqrt();
    let part = (&scale * weight)?;
    let scale = ((&part - part.detach())? + scale.detach())?;
    let steps = values.contiguous()?.broadcast_mul(&scale.recip()?)?;
    let steps = steps.clamp(-max, max)?;
    let rounded = straight_through(&steps, &nearest(format, &steps.detach())?)?;
    Ok(rounded.broadcast_mul(&scale)?)
}
