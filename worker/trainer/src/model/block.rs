use candle_core::Tensor;
use sweep_kernels::{Layout, Scratch, Shape};

use super::compose::Parameters;
use crate::error::Error;

/// A residual block: how a family mixes tokens, followed by the MLP.
///
/// It owns what its fused forward pass saves for the backward pass.
pub(super) trait Block: Send + Sync {
    /// Names and places of the parameters.
    fn layout(&self, shape: Shape) -> Layout;

    /// Length of the state carried between batches; zero for a block without memory.
    fn cell_len(&self, shape: Shape) -> usize;

    /// The block in tensor operations; `x` is `[batch, sequence, width]`. What is to be small beside the
    /// cross-entropy is added to `more`.
    fn compose(
        &self,
        shape: Shape,
        parameters: &Parameters<'_>,
        x: &Tensor,
        cell: &mut Option<Tensor>,
        more: &mut Option<Tensor>,
    ) -> Result<Tensor, Error>;

    /// The largest attention logit of the block on this input, before positions and mask are added; none
    /// where there is no attention.
    fn max_attention_logit(
        &self,
        _: Shape,
        _: &Parameters<'_>,
        _: &Tensor,
    ) -> Result<Option<f64>, Error> {
        Ok(None)
    }

    /// Share of the MLP's hidden units of the last [`Self::forward`] that are not zero.
    fn active_share(&self, shape: Shape) -> f64;

    /// What went into each linear layer in the last [`Self::forward`], before it was rounded, by the
    /// layer's name: its matrix has that of the name and `_w`.
    fn inputs(&self, shape: Shape) -> Vec<(&'static str, Vec<f32>)>;

    /// The block in one kernel; `cell` is the state before the batch, then after it.
    fn forward(
        &self,
        shape: Shape,
        weights: &[f32],
        x: &[f32],
        cell: &mut [f32],
        y: &mut [f32],
        scratch: &mut Scratch,
    );

    /// Gradients by input and weights, overwritten. Follows exactly one [`Self::forward`] of the
    /// same `x`.
    fn backward(
        &self,
        shape: Shape,
        weights: &[f32],
        x: &[f32],
        dy: &[f32],
        gradients: Gradients<'_>,
        scratch: &mut Scratch,
    );
}

/// Where a backward pass writes.
pub(super) struct Gradients<'a> {
    pub(super) x: &'a mut [f32],
    pub(super) weights: &'a mut [f32],
}
