//! What a finished model loses when its linear layers are held in few bits.
//!
//! The validation text is read once for every format of the weights and method, by a model of its own; what
//! a method needs to know of activations it sees on a few training tokens. No method trains anything.

use candle_core::{D, Tensor};
use sweep_core::variant::{NumberFormat, PostMethod, PostTraining};
use sweep_kernels::{Grid, Scale};

use crate::data::TokenBatch;
use crate::error::Error;
use crate::eval::Validation;
use crate::model::{Held, Inputs, Layer, Model, Rounding, grid_of, round_weights};

/// Tokens that activations are looked at on, or a sequence.
pub(crate) const TOKENS_N: usize = 512;
/// Exponents that AWQ tries: 0, 1/20 and so on.
const EXPONENTS_N: u32 = 20;

/// The loss of a model in few bits, nats per token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// Such as `int4/awq`.
    pub(crate) name: String,
    pub(crate) nats_per_token: f64,
}

/// Every format and method that is asked for, in the order of the formats.
///
/// # Errors
/// Those of the tensor library.
pub(crate) fn evaluate(
    text: &Validation,
    model: &Model,
    calibration: &TokenBatch,
    wanted: &PostTraining,
) -> Result<Vec<Found>, Error> {
    let seen = model.seen(calibration)?;
    let mut found = Vec::new();
    for format in &wanted.weights {
        for method in &wanted.methods {
            let how = How::of(*method, *format, wanted);
            let held = model.held(&seen, &|layer| how.hold(layer))?;
            let (evaluation, _) = text.evaluate(&held)?;
            let name = format!("{}/{method}", format.as_str());
            found.push(Found { name, nats_per_token: evaluation.nats_per_token });
        }
    }
    Ok(found)
}

/// A method with the grids it rounds to.
struct How {
    method: PostMethod,
    weights: Grid,
    inputs: Option<Grid>,
}

impl How {
    fn of(method: PostMethod, format: NumberFormat, wanted: &PostTraining) -> Self {
        let scale = match method {
            PostMethod::LlmFp4 => Scale::Searched,
            PostMethod::Round | PostMethod::Awq | PostMethod::OutlierTune => Scale::Absmax,
        };
        let grid = |format| grid_of(format, wanted.group, scale);
        Self { method, weights: grid(format), inputs: wanted.activations.map(grid) }
    }

    fn hold(&self, layer: &Layer) -> Result<Held, Error> {
        let rounding = self.inputs.map_or(Rounding::None, Rounding::Grid);
        let Some(seen) = &layer.seen else {
            // Nothing is known of what goes in, so only the weights are rounded.
            return self.rounded(layer, Inputs::default());
        };
        match self.method {
            PostMethod::Round => self.rounded(layer, Inputs { rounding, ..Inputs::default() }),
            PostMethod::Awq => self.awq(layer, seen, rounding),
            PostMethod::LlmFp4 => {
                let scale = powers_of_two(seen, self.inputs.unwrap_or(self.weights))?;
                self.rounded(layer, Inputs { scale: Some(scale), shift: None, rounding })
            }
            PostMethod::OutlierTune => {
                let (shift, scale) = symmetric(seen)?;
                let rounding =
                    self.inputs.map_or(Rounding::None, |grid| Rounding::Unit(grid.format));
                self.rounded(layer, Inputs { shift: Some(shift), scale: Some(scale), rounding })
            }
        }
    }

    /// The layer behind these inputs, its weights rounded.
    fn rounded(&self, layer: &Layer, inputs: Inputs) -> Result<Held, Error> {
        let mut held = folded(layer, inputs)?;
        held.weights = round_weights(self.weights, &held.weights)?;
        Ok(held)
    }

    /// The exponent of least error, the first of equal ones: with none the channels stay as they are.
    fn awq(&self, layer: &Layer, seen: &Tensor, rounding: Rounding) -> Result<Held, Error> {
        let magnitude = seen.abs()?.mean(0)?;
        let wanted = seen.matmul(&layer.weights)?;
        let mut best: Option<(f64, Held)> = None;
        for index in 0..EXPONENTS_N {
            let exponent = f64::from(index) / f64::from(EXPONENTS_N);
            let scale = Some(channel_scales(&magnitude, exponent)?);
            let held = self.rounded(layer, Inputs { scale, shift: None, rounding })?;
            let error = error(&held, seen, &wanted)?;
            if best.as_ref().is_none_or(|(least, _)| error < *least) {
                best = Some((error, held));
            }
        }
        let (_, held) = best.expect("an exponent was tried");
        Ok(held)
    }
}

/// The same function behind inputs that are shifted and scaled: `W' = scale W`, `b' = b + shift W`.
fn folded(layer: &Layer, inputs: Inputs) -> Result<Held, Error> {
    let inputs_n = layer.weights.dim(0)?;
    let mut weights = layer.weights.clone();
    let mut bias = layer.bias.clone();
    if let (Some(shift), Some(before)) = (&inputs.shift, &bias) {
        let moved = shift.reshape((1, inputs_n))?.matmul(&weights)?.squeeze(0)?;
        bias = Some((before + moved)?);
    }
    if let Some(scale) = &inputs.scale {
        weights = weights.broadcast_mul(&scale.reshape((inputs_n, 1))?)?;
    }
    Ok(Held { weights, bias, inputs })
}

/// Mean square of what the layer says beside what it should, biases left out.
fn error(held: &Held, seen: &Tensor, wanted: &Tensor) -> Result<f64, Error> {
    let said = held.inputs.of(seen)?.matmul(&held.weights)?;
    Ok(f64::from((said - wanted)?.sqr()?.mean_all()?.to_scalar::<f32>()?))
}

/// AWQ's scales of channels of these mean magnitudes: a power of them, centred about one.
fn channel_scales(magnitude: &Tensor, exponent: f64) -> Result<Tensor, Error> {
    let scales = magnitude.powf(exponent)?.maximum(1e-4_f32)?;
    let extremes = |x: &Tensor| -> Result<f64, Error> {
        let (least, largest) = (x.min(0)?, x.max(0)?);
        Ok(f64::from(least.to_scalar::<f32>()?) * f64::from(largest.to_scalar::<f32>()?))
    };
    let centre = extremes(&scales)?.sqrt();
    Ok((scales / centre)?)
}

/// LLM-FP4's scales of channels: the power of two that brings the largest of each nearest to that of all,
/// as far as the exponents of the format reach.
fn powers_of_two(seen: &Tensor, grid: Grid) -> Result<Tensor, Error> {
    let largest = seen.abs()?.max(0)?.maximum(f32::MIN_POSITIVE)?;
    let of_all = f64::from(largest.max(D::Minus1)?.to_scalar::<f32>()?);
    let steps_max = f64::from(grid.format.exponents_n() - 1);
    let scales = largest.to_vec1::<f32>()?.into_iter().map(|own| {
        let steps = (of_all / f64::from(own)).log2().round().clamp(0.0, steps_max);
        (-steps).exp2() as f32
    });
    Ok(Tensor::from_iter(scales, seen.device())?)
}

/// The middle of every channel's range, and half its width; one of a channel that does not change.
fn symmetric(seen: &Tensor) -> Result<(Tensor, Tensor), Error> {
    let (least, largest) = (seen.min(0)?, seen.max(0)?);
    let shift = ((&least + &largest)? * 0.5)?;
    let scale = ((largest - least)? * 0.5)?;
    let changes = scale.gt(0.0_f32)?;
    let scale = changes.where_cond(&scale, &scale.ones_like()?)?;
    Ok((shift, scale))
}

#[cfg(test)]
mod tests;
