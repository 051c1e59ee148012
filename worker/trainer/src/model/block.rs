//! Residual blocks: what all families share, and what each does in its own way.

use std::sync::{Mutex, MutexGuard};

use candle_core::Tensor;
use sweep_kernels::{Layout, Scratch, Shape};

use super::compose::{self, Layer, Parameters};
use super::kernels::Kernel;
use super::reduce::Parts;
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
        shape: Shape,
        parameters: &Parameters<'_>,
        x: &Tensor,
    ) -> Result<Option<f64>, Error>;

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

/// How a family mixes tokens, between the two linear layers of the first half of a block.
pub(super) trait Mixer: Send + Sync {
    /// The whole block of the family in one kernel.
    type Kernel: Kernel;

    /// Name of the first of the two layers.
    const FIRST: &'static str;

    /// The kernel of a block whose layers are held so.
    fn kernel(&self, shape: Shape, parts: Parts) -> Self::Kernel;

    /// In tensor operations, from what the first layer said, `[batch, sequence, outputs]`, to what the
    /// second reads, `[batch, sequence, inner]`; `cell` is the state before the batch, then after it.
    fn mix(
        &self,
        kernel: &Self::Kernel,
        parameters: &Parameters<'_>,
        first: &Tensor,
        cell: &mut Option<Tensor>,
    ) -> Result<Tensor, Error>;

    /// See [`Block::max_attention_logit`], from what the first layer said.
    fn max_attention_logit(
        &self,
        _: Shape,
        _: &Parameters<'_>,
        _: &Tensor,
    ) -> Result<Option<f64>, Error> {
        Ok(None)
    }
}

/// `x + mixer(LN x)`, then `x + MLP(LN x)`.
pub(super) struct Residual<M: Mixer> {
    mixer: M,
    parts: Parts,
    saved: Mutex<<M::Kernel as Kernel>::Saved>,
}

impl<M: Mixer> Residual<M> {
    pub(super) fn new(mixer: M, parts: Parts) -> Self {
        Self { mixer, parts, saved: Mutex::default() }
    }

    fn kernel(&self, shape: Shape) -> M::Kernel {
        self.mixer.kernel(shape, self.parts)
    }

    fn saved(&self) -> MutexGuard<'_, <M::Kernel as Kernel>::Saved> {
        self.saved.lock().expect("no thread panics while it holds this")
    }

    /// What the first layer of the mixer says of `x`.
    fn first(&self, parameters: &Parameters<'_>, x: &Tensor) -> Result<Tensor, Error> {
        let normal = compose::norm(parameters, "ln1", x)?;
        compose::linear(&self.parts.mixer, &normal, &Layer::of(parameters, M::FIRST))
    }
}

impl<M: Mixer> Block for Residual<M> {
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
        let first = self.first(parameters, x)?;
        let mixed = self.mixer.mix(&self.kernel(shape), parameters, &first, cell)?;
        let out = compose::linear(&self.parts.mixer, &mixed, &Layer::of(parameters, "proj"))?;
        let x = (x + out)?;
        compose::mlp(&self.parts.mlp, parameters, &x, more)
    }

    fn max_attention_logit(
        &self,
        shape: Shape,
        parameters: &Parameters<'_>,
        x: &Tensor,
    ) -> Result<Option<f64>, Error> {
        self.mixer.max_attention_logit(shape, parameters, &self.first(parameters, x)?)
    }

    fn active_share(&self, shape: Shape) -> f64 {
        self.kernel(shape).active_share(&self.saved())
    }

    fn inputs(&self, shape: Shape) -> Vec<(&'static str, Vec<f32>)> {
        self.kernel(shape).inputs(&self.saved()).map(|(name, x)| (name, x.to_vec())).into()
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
        self.kernel(shape).forward(weights, x, cell, y, &mut self.saved(), scratch);
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
        self.kernel(shape).backward(weights, x, dy, gradients, &mut self.saved(), scratch);
    }
}
