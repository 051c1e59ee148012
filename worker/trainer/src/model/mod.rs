//! The two baselines of Languini Kitchen (arXiv 2309.11197) and a plain LSTM as candle computations.
//!
//! A model is an embedding, a stack of residual blocks and a head. Each of these keeps all its
//! parameters in one flat variable: the fused operations take them so, and the optimiser, the
//! gradient's norm and checkpoints become one call per block.
//!
//! Every operation exists twice. The **composition** (`compose`) is written in plain tensor
//! operations, runs on every device and says what is computed. The **fused** path (`fused`)
//! calls the kernels of `sweep-kernels`, on a CPU only. They agree to rounding.

mod after;
mod block;
mod build;
mod compose;
mod fused;
mod gpt;
mod groups;
mod init;
mod kernels;
mod lstm;
mod observe;
mod qlstm;
mod quantized;
mod reduce;
mod stability;
mod state;
mod streams;

use std::sync::{Arc, Mutex};

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use sweep_core::variant::{ModelSpec, OptimiserSpec};
use sweep_kernels::{Layout, Scratch};

use self::after::After;
pub(crate) use self::after::{Held, Inputs, Layer, Rounding};
use self::block::Block;
use self::build::{block_of, block_shape, blocks, check, embedding, head, shape, streams_n};
use self::compose::Parameters;
pub(crate) use self::fused::with_slice;
pub(crate) use self::quantized::Weights;
use self::reduce::Parts;
pub(crate) use self::reduce::{grid_of, round_weights};
pub(crate) use self::stability::Stability;
pub use self::state::State;
use crate::data::TokenBatch;
use crate::error::Error;

/// How operations are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Kernels with hand-written backward passes; a CPU only.
    Fused,
    /// Plain tensor operations; any device.
    Composition,
}

impl Path {
    /// The faster one the device has.
    #[must_use]
    pub const fn for_device(device: &Device) -> Self {
        match device {
            Device::Cpu => Self::Fused,
            _ => Self::Composition,
        }
    }
}

/// The weights of one part of a model. A clone has the same weights, not equal ones.
#[derive(Clone)]
pub struct Part {
    /// `embedding`, `block.0` and so on, `head`.
    pub name: String,
    /// Names and places of the parameters in the flat variable.
    pub layout: Layout,
    pub weights: Var,
    /// What is done beside its layers, where a finished model is looked at.
    pub(crate) after: Option<Arc<After>>,
}

/// A language model.
pub struct Model {
    spec: ModelSpec,
    path: Path,
    device: Device,
    /// The embedding, the blocks, the head.
    parts: Vec<Part>,
    blocks: Vec<Arc<dyn Block>>,
    /// How the linear layers of the blocks are held.
    held: Parts,
    head: Arc<Mutex<sweep_kernels::HeadSaved>>,
    scratch: Arc<Mutex<Scratch>>,
}

impl Model {
    /// A model with fresh weights, equal for equal seeds on every platform.
    ///
    /// # Errors
    /// [`Error::Shape`] for a model of no size.
    pub fn new(
        spec: &ModelSpec,
        init_std: f64,
        seed: u64,
        device: &Device,
        path: Path,
    ) -> Result<Self, Error> {
        let optimiser = OptimiserSpec { init_std, ..OptimiserSpec::for_width(spec.width) };
        Self::initialised(spec, &optimiser, seed, device, path)
    }

    /// A model with fresh weights as its optimiser wants them: of a deviation, and by the width or not.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn initialised(
        spec: &ModelSpec,
        optimiser: &OptimiserSpec,
        seed: u64,
        device: &Device,
        path: Path,
    ) -> Result<Self, Error> {
        check(spec)?;
        let held = Parts::of(&spec.variant);
        let blocks = blocks(spec)?;
        let mut named =
            vec![("embedding".to_owned(), embedding(spec, 1, spec.sequence as usize).layout())];
        for (index, block) in blocks.iter().enumerate() {
            named.push((format!("block.{index}"), block.layout(shape(spec, 1, 1))));
        }
        let own = head(spec, 1);
        let layout = if spec.variant.tied { own.own_layout() } else { own.layout() };
        named.push(("head".to_owned(), layout));
        let mut init = init::Init::new(seed, optimiser, spec);
        let parts = named.into_iter().map(|(name, layout)| {
            let mut weights = init.weights(&layout);
            quantized::set_scales(&layout, &held, &mut weights);
            let weights = Var::from_vec(weights, layout.len(), device)?;
            Ok(Part { name, layout, weights, after: None })
        });
        Ok(Self {
            spec: spec.clone(),
            path,
            device: device.clone(),
            parts: parts.collect::<Result<_, Error>>()?,
            blocks,
            held,
            head: Arc::default(),
            scratch: Arc::default(),
        })
    }

    /// The same model, sharing its weights, whose MLPs leave out hidden units that would add less than
    /// this to the residual stream, a limit for each block.
    pub(crate) fn cut(&self, limits: &[f32]) -> Result<Self, Error> {
        let blocks = limits.iter().map(|limit| {
            let mlp = sweep_kernels::Mlp { cut: *limit, ..self.held.mlp };
            block_of(&self.spec, Parts { mlp, ..self.held })
        });
        Ok(self.with_blocks(blocks.collect::<Result<_, _>>()?))
    }

    /// The same weights, with memory of its own for what lies between a forward pass and its backward
    /// pass: another thread may train on another piece of a batch with it.
    pub(crate) fn sharing_weights(&self) -> Result<Self, Error> {
        Ok(self.with_blocks(blocks(&self.spec)?))
    }

    /// The same weights in other blocks.
    fn with_blocks(&self, blocks: Vec<Arc<dyn Block>>) -> Self {
        Self {
            spec: self.spec.clone(),
            path: self.path,
            device: self.device.clone(),
            parts: self.parts.clone(),
            blocks,
            held: self.held,
            head: Arc::default(),
            scratch: Arc::default(),
        }
    }

    #[must_use]
    pub const fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// All weights, in a fixed order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What the model remembers before its first token.
    #[must_use]
    pub fn initial_state(&self) -> State {
        State { cells: vec![None; self.blocks.len()] }
    }

    /// Mean cross-entropy of the batch in nats per token, and its gradient by the weights of each
    /// part, flat, in the order of [`Self::parts`]. Moves `state` past the batch; no gradient
    /// flows into the batch before. With learned positions a batch has as many columns as the
    /// specification's sequence.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn loss_and_gradients(
        &self,
        tokens: &TokenBatch,
        state: &mut State,
    ) -> Result<(f64, Vec<Tensor>), Error> {
        match self.path {
            Path::Fused => {
                let hidden = self.fused_hidden(tokens, state)?;
                let loss = fused::head_loss(
                    &hidden,
                    &self.head_weights()?,
                    fused::HeadLoss {
                        kernel: head(&self.spec, tokens.tokens_n()),
                        targets: tokens.targets.clone(),
                        saved: Arc::clone(&self.head),
                        scratch: Arc::clone(&self.scratch),
                    },
                )?;
                let value = f64::from(loss.to_scalar::<f32>()?);
                let mut gradients = loss.backward()?;
                let flat = self.parts.iter().map(|part| take(&mut gradients, part));
                Ok((value, flat.collect::<Result<_, Error>>()?))
            }
            Path::Composition => {
                let parameters = self.parameters(Parameters::trained)?;
                let mut more = None;
                let nll = self.composed_nll(&parameters, tokens, state, &mut more)?;
                let mut loss = nll.mean_all()?;
                let value = f64::from(loss.to_scalar::<f32>()?);
                if let Some(more) = more {
                    loss = (loss + more)?;
                }
                let gradients = loss.backward()?;
                let pairs = parameters.iter().zip(&self.parts);
                let flat = pairs.map(|(parameters, part)| parameters.gradient(&gradients, part));
                Ok((value, flat.collect::<Result<_, Error>>()?))
            }
        }
    }

    /// Cross-entropy of every token of the batch in nats, row-major. Moves `state` past the batch.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub fn nll(&self, tokens: &TokenBatch, state: &mut State) -> Result<Vec<f32>, Error> {
        match self.path {
            Path::Fused => {
                let hidden = self.fused_hidden(tokens, state)?;
                let kernel = head(&self.spec, tokens.tokens_n());
                let weights = self.head_weights()?;
                Ok(fused::nll(&hidden, &weights, &tokens.targets, kernel, &self.head)?)
            }
            Path::Composition => {
                let parameters = self.parameters(Parameters::frozen)?;
                Ok(self.composed_nll(&parameters, tokens, state, &mut None)?.to_vec1()?)
            }
        }
    }

    /// The residual stream after the last block, `[batch, sequence, width]`, the batch of stream after
    /// stream.
    fn fused_hidden(&self, tokens: &TokenBatch, state: &mut State) -> Result<Tensor, Error> {
        let shape = block_shape(&self.spec, tokens.batch, tokens.sequence);
        let kernel = embedding(&self.spec, tokens.batch, tokens.sequence);
        let x = fused::embed(&self.parts[0].weights, kernel, tokens.inputs.clone())?;
        let mut x = streams::repeated(x, streams_n(&self.spec))?;
        for ((block, part), cell) in self.blocks.iter().zip(&self.parts[1..]).zip(&mut state.cells)
        {
            x = fused::block(block, shape, &part.weights, &x, cell, &self.scratch)?;
        }
        Ok(x)
    }

    /// Cross-entropy of every token, `[batch x sequence]`; what else is to be small is added to
    /// `more`.
    fn composed_nll(
        &self,
        parameters: &[Parameters<'_>],
        tokens: &TokenBatch,
        state: &mut State,
        more: &mut Option<Tensor>,
    ) -> Result<Tensor, Error> {
        let shape = block_shape(&self.spec, tokens.batch, tokens.sequence);
        let targets = Tensor::from_slice(&tokens.targets, tokens.tokens_n(), &self.device)?;
        let mut x = self.composed_embedding(&parameters[0], tokens)?;
        for ((block, parameters), cell) in
            self.blocks.iter().zip(&parameters[1..]).zip(&mut state.cells)
        {
            x = block.compose(shape, parameters, &x, cell, more)?;
        }
        let logits = self.composed_logits(parameters, &x)?;
        compose::head_nll(&logits, self.spec.variant.z_loss_weight(), &targets, more)
    }

    /// What the first block reads.
    fn composed_embedding(
        &self,
        parameters: &Parameters<'_>,
        tokens: &TokenBatch,
    ) -> Result<Tensor, Error> {
        let inputs = Tensor::from_slice(&tokens.inputs, tokens.tokens_n(), &self.device)?;
        let shape = shape(&self.spec, tokens.batch, tokens.sequence);
        let x = compose::embed(parameters, &inputs, shape)?;
        Ok(streams::repeated(x, streams_n(&self.spec))?)
    }

    /// Of what the last block said, `[batch x sequence, vocabulary]`.
    fn composed_logits(&self, parameters: &[Parameters<'_>], x: &Tensor) -> Result<Tensor, Error> {
        let (embedding, head) = (&parameters[0], &parameters[self.blocks.len() + 1]);
        let mut normal = compose::norm(head, "lnf", x)?;
        if let Some(streams) = self.spec.variant.parallel() {
            normal = streams::merged(head, streams, &normal)?;
        }
        compose::logits(head, embedding, &normal)
    }

    /// The head's flat weights; a tied one's end with the embedding's, which so have a gradient of both
    /// their uses.
    fn head_weights(&self) -> Result<Tensor, Error> {
        let own = self.parts[self.blocks.len() + 1].weights.as_tensor();
        if !self.spec.variant.tied {
            return Ok(own.clone());
        }
        let dims = (self.spec.vocabulary_n as usize, self.spec.width as usize);
        let tokens = self.parts[0].weights.narrow(0, 0, dims.0 * dims.1)?.reshape(dims)?;
        Ok(Tensor::cat(&[own, &tokens.t()?.flatten_all()?], 0)?)
    }

    fn parameters<'a>(
        &'a self,
        view: impl Fn(&'a Part) -> Result<Parameters<'a>, Error>,
    ) -> Result<Vec<Parameters<'a>>, Error> {
        self.parts.iter().map(view).collect()
    }
}

/// Takes the gradient of a part out of the store.
fn take(gradients: &mut GradStore, part: &Part) -> Result<Tensor, Error> {
    let gradient = gradients.remove(&part.weights);
    gradient.ok_or_else(|| Error::NoGradient { name: part.name.clone() })
}

#[cfg(test)]
mod coordinates;
#[cfg(test)]
mod tests;
