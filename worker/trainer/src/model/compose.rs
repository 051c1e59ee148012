//! What all families share, in plain tensor operations.
//!
//! `candle_nn`'s norms and its softmax over the last dimension pass no gradient to what lies
//! before them (huggingface/candle issues 2168, 3011, 3752), silently; so all of it is made of
//! primitives here, and a test asserts that every parameter gets a gradient.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{D, Tensor, Var};
use sweep_kernels::{Activation, Mlp, Reduced, Shape};

use super::after::After;
use super::{Part, groups, reduce};
use crate::error::Error;

const NORM_EPSILON: f64 = 1e-5;

/// The parameters of one part as tensors of their own.
///
/// To train, they are copied out of the flat variable into one variable each: candle's gradient
/// of a slice is as long as what it was cut from, which for a dozen parameters per block would
/// cost more than the block itself.
pub(super) struct Parameters<'a> {
    part: &'a Part,
    tensors: Vec<Tensor>,
}

impl<'a> Parameters<'a> {
    /// Parameters that gradients are wanted for.
    pub(super) fn trained(part: &'a Part) -> Result<Self, Error> {
        Self::cut(part, |view| Ok(Var::from_tensor(&view)?.into_inner()))
    }

    /// Parameters for evaluation: views.
    pub(super) fn frozen(part: &'a Part) -> Result<Self, Error> {
        Self::cut(part, Ok)
    }

    fn cut(part: &'a Part, own: impl Fn(Tensor) -> Result<Tensor, Error>) -> Result<Self, Error> {
        let flat = part.weights.as_detached_tensor();
        let views = part.layout.params().iter().map(|parameter| {
            let view = flat.narrow(0, parameter.offset, parameter.dims.len())?;
            own(view.reshape(parameter.dims.to_vec())?)
        });
        Ok(Self { part, tensors: views.collect::<Result<_, Error>>()? })
    }

    /// The parameter of this name.
    pub(super) fn get(&self, name: &str) -> &Tensor {
        let mut names = self.part.layout.params().iter().map(|parameter| parameter.name);
        let index = names.position(|found| found == name);
        &self.tensors[index.expect("compositions name the parameters of their own layout")]
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.part.layout.get(name).is_some()
    }

    /// The gradient of the whole part, flat.
    pub(super) fn gradient(&self, gradients: &GradStore, part: &Part) -> Result<Tensor, Error> {
        let named = self.tensors.iter().zip(part.layout.params());
        let pieces = named.map(|(tensor, parameter)| {
            let name = || format!("{}.{}", part.name, parameter.name);
            let gradient = gradients.get(tensor);
            Ok(gradient.ok_or_else(|| Error::NoGradient { name: name() })?.flatten_all()?)
        });
        Ok(Tensor::cat(&pieces.collect::<Result<Vec<_>, Error>>()?, 0)?)
    }
}

/// Token vectors times `sqrt(width)`, plus learned positions where the model has them:
/// `[batch, sequence, width]`.
pub(super) fn embed(
    parameters: &Parameters<'_>,
    inputs: &Tensor,
    shape: Shape,
) -> Result<Tensor, Error> {
    let tokens = parameters.get("token").index_select(inputs, 0)?;
    let tokens = (tokens * (shape.width as f64).sqrt())?;
    let tokens = tokens.reshape((shape.batch, shape.sequence, shape.width))?;
    if !parameters.has("position") {
        return Ok(tokens);
    }
    let positions = parameters.get("position").narrow(0, 0, shape.sequence)?;
    Ok(tokens.broadcast_add(&positions)?)
}

/// The norm of this name over the last dimension: without a bias it is that of the root mean square.
pub(super) fn norm(parameters: &Parameters<'_>, name: &str, x: &Tensor) -> Result<Tensor, Error> {
    let (gain, bias) = (parameters.get(&format!("{name}_gain")), format!("{name}_bias"));
    if parameters.has(&bias) {
        layer_norm(x, gain, parameters.get(&bias))
    } else {
        rms_norm(x, gain)
    }
}

/// `x / sqrt(mean(x^2) + epsilon)` times a gain.
pub(super) fn rms_norm(x: &Tensor, gain: &Tensor) -> Result<Tensor, Error> {
    let square = x.sqr()?.mean_keepdim(D::Minus1)?;
    Ok(x.broadcast_div(&(square + NORM_EPSILON)?.sqrt()?)?.broadcast_mul(gain)?)
}

fn layer_norm(x: &Tensor, gain: &Tensor, bias: &Tensor) -> Result<Tensor, Error> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(variance + NORM_EPSILON)?.sqrt()?)?;
    Ok(normal.broadcast_mul(gain)?.broadcast_add(bias)?)
}

/// The parameters of a linear layer, or of that of one expert: matrix, bias, and the logarithms of
/// trained scales of weights and inputs.
pub(super) struct Layer {
    weights: Tensor,
    bias: Tensor,
    scales: [Option<Tensor>; 2],
    /// What is done to its inputs instead, under its name, where a finished model is looked at.
    after: Option<(Arc<After>, String)>,
}

impl Layer {
    /// The layer of this name.
    pub(super) fn of(parameters: &Parameters<'_>, name: &str) -> Self {
        let get = |ending: &str| parameters.get(&format!("{name}_{ending}")).clone();
        let scales = ["w_scale", "x_scale"]
            .map(|ending| parameters.has(&format!("{name}_{ending}")).then(|| get(ending)));
        let after = parameters.part.after.clone().map(|after| (after, name.to_owned()));
        Self { weights: get("w"), bias: get("b"), scales, after }
    }

    /// That of one of `count` experts, which lie one after the other.
    fn of_expert(&self, expert: usize, count: usize) -> Result<Self, Error> {
        let part = |all: &Tensor| {
            let len = all.dim(0)? / count;
            all.narrow(0, expert * len, len)?.contiguous()
        };
        let [of_weights, of_inputs] = &self.scales;
        Ok(Self {
            weights: part(&self.weights)?,
            bias: part(&self.bias)?,
            scales: [
                of_weights.as_ref().map(part).transpose()?,
                of_inputs.as_ref().map(part).transpose()?,
            ],
            after: None,
        })
    }
}

/// `x W + b` over the last dimension, x and W as `reduced` holds them.
pub(super) fn linear(reduced: &Reduced, x: &Tensor, layer: &Layer) -> Result<Tensor, Error> {
    let Layer { weights, bias, scales: [of_weights, of_inputs], after } = layer;
    let (inputs, outputs) = weights.dims2()?;
    let mut dims = x.dims().to_vec();
    let rows = x.elem_count() / inputs;
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    let x = x.reshape((rows, inputs))?;
    let held = after.as_ref().map(|(after, name)| after.inputs(name, &x)).transpose()?.flatten();
    let x = match held {
        Some(x) => x,
        None => reduce::inputs(reduced, &x, of_inputs.as_ref())?,
    };
    let weights = reduce::weights(reduced, weights, of_weights.as_ref())?;
    let product = x.matmul(&weights)?.broadcast_add(bias)?;
    Ok(product.reshape(dims)?)
}

/// The second half of a block: `x + MLP(LN x)`.
pub(super) fn mlp(
    mlp: &Mlp,
    parameters: &Parameters<'_>,
    x: &Tensor,
    more: &mut Option<Tensor>,
) -> Result<Tensor, Error> {
    let normal = norm(parameters, "ln2", x)?;
    let layers = ["fc", "out"].map(|name| Layer::of(parameters, name));
    if let Some(groups) = mlp.groups {
        return groups::mlp(mlp, groups, parameters, &layers, [x, &normal], more);
    }
    let Some(experts) = mlp.experts else {
        return Ok((x + two_layers(mlp, &normal, &layers)?)?);
    };
    let width = x.dim(D::Minus1)?;
    let tokens_n = x.elem_count() / width;
    let normal = normal.reshape((tokens_n, width))?;
    let logits = normal.matmul(parameters.get("router_w"))?;
    let affinities = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?.exp()?;
    let affinities = affinities.broadcast_div(&affinities.sum_keepdim(1)?)?;
    let mut choices = Vec::new();
    experts.choose(&affinities.flatten_all()?.to_vec1()?, &mut choices);

    let (read, mut said) = if experts.latent.is_some() {
        let read = normal.matmul(parameters.get("down_w"))?;
        let nothing = read.zeros_like()?;
        (read, nothing)
    } else {
        (normal, x.reshape((tokens_n, width))?)
    };
    let mut imbalance = Vec::with_capacity(experts.count);
    for expert in 0..experts.count {
        let is_own = |(_, choice): &(usize, &u32)| **choice as usize == expert;
        let own = choices.iter().enumerate().filter(is_own);
        let tokens: Vec<u32> = own.map(|(place, _)| (place / experts.chosen) as u32).collect();
        let affinity = affinities.narrow(1, expert, 1)?;
        let busy = tokens.len() as f64 / choices.len() as f64;
        imbalance.push((affinity.mean_all()? * busy)?);
        if tokens.is_empty() {
            continue;
        }
        let tokens = Tensor::new(tokens, x.device())?;
        let [first, second] = &layers;
        let own =
            [first.of_expert(expert, experts.count)?, second.of_expert(expert, experts.count)?];
        let own = two_layers(mlp, &read.index_select(&tokens, 0)?, &own)?;
        let weight = affinity.contiguous()?.index_select(&tokens, 0)?;
        said = said.index_add(&tokens, &own.broadcast_mul(&weight)?, 0)?;
    }
    let weight = f64::from(experts.balance) * experts.count as f64;
    let imbalance = (Tensor::stack(&imbalance, 0)?.sum_all()? * weight)?;
    add_more(more, imbalance)?;
    if experts.latent.is_some() {
        said = (x.reshape((tokens_n, width))? + said.matmul(parameters.get("up_w"))?)?;
    }
    Ok(said.reshape(x.dims())?)
}

pub(super) fn add_more(more: &mut Option<Tensor>, another: Tensor) -> Result<(), Error> {
    *more = Some(match more.take() {
        Some(more) => (more + another)?,
        None => another,
    });
    Ok(())
}

/// Both layers of an MLP, without norm and residual stream.
pub(super) fn two_layers(mlp: &Mlp, x: &Tensor, [fc, out]: &[Layer; 2]) -> Result<Tensor, Error> {
    let first = linear(&mlp.first, x, fc)?;
    let bend = |x: &Tensor| match mlp.activation {
        Activation::Gelu => x.gelu(),
        Activation::Relu => x.relu(),
        Activation::Silu => x.silu(),
    };
    let hidden = if mlp.gated {
        let width = first.dim(D::Minus1)? / 2;
        let half = |index: usize| first.narrow(D::Minus1, index * width, width)?.contiguous();
        (bend(&half(0)?)? * half(1)?)?
    } else {
        bend(&first)?
    };
    linear(&mlp.second, &hidden, out)
}

/// `1 / (1 + exp(-x))`.
pub(super) fn sigmoid(x: &Tensor) -> Result<Tensor, Error> {
    Ok((x.neg()?.exp()? + 1.0)?.recip()?)
}

/// Cross-entropy of every token in nats, `[batch x sequence]`. The mean square of the logits' log-sum-exp
/// times `z_loss` is added to `more`.
pub(super) fn head_nll(
    logits: &Tensor,
    z_loss: f64,
    targets: &Tensor,
    more: &mut Option<Tensor>,
) -> Result<Tensor, Error> {
    let rows = targets.elem_count();
    let greatest = logits.max_keepdim(1)?.detach();
    let shifted = logits.broadcast_sub(&greatest)?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    if z_loss > 0.0 {
        let squares = (&log_sum + &greatest)?.sqr()?;
        add_more(more, (squares.mean_all()? * z_loss)?)?;
    }
    let target = shifted.gather(&targets.reshape((rows, 1))?, 1)?;
    Ok((log_sum - target)?.squeeze(1)?)
}

/// Of what was normalised, `[batch x sequence, vocabulary]`. A head without a matrix of its own has the
/// embedding's.
pub(super) fn logits(
    parameters: &Parameters<'_>,
    embedding: &Parameters<'_>,
    normal: &Tensor,
) -> Result<Tensor, Error> {
    let width = normal.dim(D::Minus1)?;
    let matrix = if parameters.has("head_w") {
        parameters.get("head_w").clone()
    } else {
        embedding.get("token").t()?.contiguous()?
    };
    Ok(normal.reshape((normal.elem_count() / width, width))?.matmul(&matrix)?)
}
