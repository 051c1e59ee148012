//! What is known of a model's layers from the last batch that it read.

use candle_core::Tensor;
use sweep_core::variant::Activation;

use super::build::block_shape;
use super::quantized::{self, Weights};
use super::{Model, Part, Path};
use crate::data::TokenBatch;
use crate::error::Error;

impl Model {
    /// Share of the MLPs' hidden units that were not zero in the last batch of this size: activation
    /// sparsity is one minus it. None where the activation is never zero, or not known on this path.
    #[must_use]
    pub fn active_share(&self, batch: usize, sequence: usize) -> Option<f64> {
        if self.spec.variant.activation != Activation::Relu {
            return None;
        }
        self.nonzero_share(batch, sequence)
    }

    /// The same whatever the activation is.
    pub(crate) fn nonzero_share(&self, batch: usize, sequence: usize) -> Option<f64> {
        if self.path != Path::Fused {
            return None;
        }
        let shape = block_shape(&self.spec, batch, sequence);
        let shares: f64 = self.blocks.iter().map(|block| block.active_share(shape)).sum();
        Some(shares / self.blocks.len() as f64)
    }

    /// The weights that are held in few bits: of each part, in the order of [`Self::parts`].
    pub(crate) fn quantized(&self) -> Vec<Vec<Weights>> {
        self.parts.iter().map(|part| quantized::weights(&part.layout, &self.held)).collect()
    }

    /// What went into each linear layer of the blocks in the last batch of this size, before it was
    /// rounded, by names such as `block.0.fc`. None that are known on this path, if it is the composition.
    pub(crate) fn inputs(&self, batch: usize, sequence: usize) -> Vec<(String, Vec<f32>)> {
        if self.path != Path::Fused {
            return Vec::new();
        }
        let shape = block_shape(&self.spec, batch, sequence);
        let parts = self.blocks.iter().zip(&self.parts[1..]);
        let all = parts.flat_map(|(block, part)| {
            let inputs = block.inputs(shape).into_iter();
            inputs.map(|(name, x)| (format!("{}.{name}", part.name), x))
        });
        all.collect()
    }

    /// Sets the trained scales of the layers' inputs to what LSQ begins with on this batch, in full
    /// precision, where the path tells of inputs and there are such scales.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub(crate) fn settle_scales(&self, tokens: &TokenBatch) -> Result<(), Error> {
        let is_scale = |name: &str| name.ends_with("_x_scale");
        let has_scales = |part: &Part| part.layout.params().iter().any(|p| is_scale(p.name));
        if self.path != Path::Fused || !self.parts.iter().any(has_scales) {
            return Ok(());
        }
        for part in &self.parts {
            let mut flat: Vec<f32> = part.weights.to_vec1()?;
            for parameter in part.layout.params().iter().filter(|p| is_scale(p.name)) {
                flat[parameter.range()].fill(f32::NEG_INFINITY);
            }
            part.weights.set(&Tensor::from_vec(flat, part.layout.len(), &self.device)?)?;
        }
        self.nll(tokens, &mut self.initial_state())?;
        let shape = block_shape(&self.spec, tokens.batch, tokens.sequence);
        for (block, part) in self.blocks.iter().zip(&self.parts[1..]) {
            let mut flat: Vec<f32> = part.weights.to_vec1()?;
            let inputs = block.inputs(shape);
            quantized::set_input_scales(&part.layout, &self.held, &inputs, &mut flat);
            part.weights.set(&Tensor::from_vec(flat, part.layout.len(), &self.device)?)?;
        }
        Ok(())
    }
}
