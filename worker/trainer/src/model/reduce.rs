//! Operands of few bits and sparse weights: from the specification to the kernels, and the same in
//! tensor operations.

mod learned;

use candle_core::{D, Tensor};
use sweep_core::variant::{self, NofM, NumberFormat, Quantization, ScaleGroup, ScaleRule, Variant};
use sweep_kernels::{
    Activation, Experts, Float, Format, Grid, Group, HiddenGroups, Keep, Mlp, Norm, Reduced, Scale,
};

use crate::error::Error;

/// How a block's linear layers are held: those of the mixer, and the MLP.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub(super) mixer: Reduced,
    pub(super) mlp: Mlp,
}

impl Parts {
    pub(super) fn of(variant: &Variant) -> Self {
        let keep =
            variant.sparsity.map(|NofM { keep, of }| Keep { keep: keep as usize, of: of as usize });
        let (mut every, mut second) = (None, None);
        let mut weights = None;
        if let Some(quantization) = &variant.quantization {
            let Quantization { weights: w, activations, group, fc2_activations, scale, .. } =
                quantization;
            let grid = |format: NumberFormat, scale: Scale| grid_of(format, *group, scale);
            let rule = scale_of(*scale);
            // Statistics are those of weights.
            let of_inputs = if rule == Scale::Statistics { Scale::Absmax } else { rule };
            weights = w.map(|format| grid(format, rule));
            every = activations.map(|format| grid(format, of_inputs));
            second = fc2_activations.map(|format| grid(format, of_inputs)).or(every);
        }
        let reduced = |inputs| Reduced { weights, inputs, keep };
        let activation = match variant.activation {
            variant::Activation::Gelu => Activation::Gelu,
            variant::Activation::Relu => Activation::Relu,
            variant::Activation::Silu => Activation::Silu,
        };
        let gated = variant.gated;
        let experts = variant.experts.as_ref().map(|experts| Experts {
            count: experts.count as usize,
            chosen: experts.top_k as usize,
            balance: experts.balance as f32,
            latent: experts.latent.map(|latent| latent as usize),
        });
        let (first, second) = (reduced(every), reduced(second));
        let norm = norm_of(variant.norm);
        let groups = variant.routed_groups().map(|groups| HiddenGroups {
            count: groups.count as usize,
            shared: groups.shared as usize,
            active: groups.active as usize,
            balance: groups.balance as f32,
        });
        let mlp = Mlp { activation, gated, first, second, experts, groups, norm, cut: 0.0 };
        Self { mixer: reduced(every), mlp }
    }
}

pub(super) const fn norm_of(norm: variant::Norm) -> Norm {
    match norm {
        variant::Norm::Layer => Norm::Layer,
        variant::Norm::Rms => Norm::Rms,
    }
}

/// Values of this format, scaled together by a rule.
pub(crate) const fn grid_of(format: NumberFormat, group: ScaleGroup, scale: Scale) -> Grid {
    Grid { format: format_of(format), group: group_of(group), scale }
}

const fn format_of(format: NumberFormat) -> Format {
    match format {
        NumberFormat::Int2 => Format::Int(2),
        NumberFormat::Int3 => Format::Int(3),
        NumberFormat::Int4 => Format::Int(4),
        NumberFormat::Int6 => Format::Int(6),
        NumberFormat::Int8 => Format::Int(8),
        NumberFormat::Fp4E2m1 => Format::E2m1,
        NumberFormat::Fp8E4m3 => Format::E4m3,
        NumberFormat::Fp8E5m2 => Format::E5m2,
    }
}

const fn group_of(group: ScaleGroup) -> Group {
    match group {
        ScaleGroup::Tensor => Group::Tensor,
        ScaleGroup::Channel => Group::Channel,
        ScaleGroup::Size(size) => Group::Size(size as usize),
    }
}

const fn scale_of(rule: ScaleRule) -> Scale {
    match rule {
        ScaleRule::Absmax => Scale::Absmax,
        ScaleRule::Statistics => Scale::Statistics,
        ScaleRule::Searched => Scale::Searched,
        ScaleRule::Learned => Scale::Learned,
    }
}

/// Inputs `[rows, inputs]` as the product sees them; the gradient passes straight through. `scales` are
/// the logarithms of trained ones.
pub(super) fn inputs(
    reduced: &Reduced,
    x: &Tensor,
    scales: Option<&Tensor>,
) -> Result<Tensor, Error> {
    match (reduced.inputs, scales) {
        (Some(grid), Some(scales)) => learned::inputs(grid, x, scales),
        (Some(grid), None) => straight_through(x, &rounded(grid, &x.detach())?),
        (None, _) => Ok(x.clone()),
    }
}

/// The same of weights, `[inputs, outputs]`.
pub(super) fn weights(
    reduced: &Reduced,
    w: &Tensor,
    scales: Option<&Tensor>,
) -> Result<Tensor, Error> {
    if reduced.weights.is_none() && reduced.keep.is_none() {
        return Ok(w.clone());
    }
    if let (Some(grid), Some(scales)) = (reduced.weights, scales) {
        let mut turned = w.t()?.contiguous()?;
        if let Some(keep) = reduced.keep {
            turned = straight_through(&turned, &masked(keep, &turned.detach())?)?;
        }
        return Ok(learned::weights(grid, &turned, scales)?.t()?.contiguous()?);
    }
    // The contraction is along the rows of the transposed matrix.
    let mut values = w.detach().t()?.contiguous()?;
    if let Some(keep) = reduced.keep {
        values = masked(keep, &values)?;
    }
    if let Some(grid) = reduced.weights {
        values = rounded(grid, &values)?;
    }
    straight_through(w, &values.t()?.contiguous()?)
}

/// `to`, with the gradient that `from` would have: what is added to it is exactly zero.
fn straight_through(from: &Tensor, to: &Tensor) -> Result<Tensor, Error> {
    Ok(((from - from.detach())? + to)?)
}

/// Weights `[inputs, outputs]` to their grid, groups along the inputs.
pub(crate) fn round_weights(grid: Grid, w: &Tensor) -> Result<Tensor, Error> {
    Ok(rounded(grid, &w.t()?.contiguous()?)?.t()?.contiguous()?)
}

/// Groups along the rows, each rounded on its own scale.
pub(super) fn rounded(
    Grid { format, group, scale }: Grid,
    values: &Tensor,
) -> Result<Tensor, Error> {
    let (rows, width) = values.dims2()?;
    let len = match group {
        Group::Tensor => {
            let row = of_one_scale(format, scale, &values.reshape((1, rows * width))?)?;
            return Ok(row.reshape((rows, width))?);
        }
        Group::Channel => width,
        Group::Size(size) => size,
    };
    let groups = (0..width).step_by(len).map(|start| {
        let group = values.narrow(1, start, len.min(width - start))?.contiguous()?;
        of_one_scale(format, scale, &group)
    });
    Ok(Tensor::cat(&groups.collect::<Result<Vec<_>, _>>()?, 1)?)
}

/// Every row on a scale of its own.
fn of_one_scale(format: Format, scale: Scale, values: &Tensor) -> Result<Tensor, Error> {
    let largest = values.abs()?.max_keepdim(D::Minus1)?;
    match (scale, format) {
        (Scale::Statistics, Format::Int(bits)) => halves(bits, values),
        (Scale::Searched, _) => {
            let mut best = on_magnitude(format, &largest, values)?;
            let error = |rounded: &Tensor| (rounded - values)?.sqr()?.sum_keepdim(D::Minus1);
            let mut least = error(&best)?;
            for step in 1..=16 {
                let tried = (&largest * (1.0 - f64::from(step) / 32.0))?;
                let tried = on_magnitude(format, &tried, values)?;
                let found = error(&tried)?;
                let better = found.lt(&least)?;
                best = better.broadcast_as(values.shape())?.where_cond(&tried, &best)?;
                least = better.where_cond(&found, &least)?;
            }
            Ok(best)
        }
        _ => on_magnitude(format, &largest, values),
    }
}

/// Halves of odd numbers of levels, by the mean magnitude of every row.
fn halves(bits: u8, values: &Tensor) -> Result<Tensor, Error> {
    let levels = f64::from(1_u32 << (bits - 1));
    let scale = (values.abs()?.mean_keepdim(D::Minus1)? * 2.0)?;
    let scale = scale.maximum(Reduced::MAGNITUDE_MIN)?;
    let scaled = values.broadcast_mul(&scale.recip()?)?.clamp(-1.0_f32, 1.0 - 1e-6)?;
    let rounded = whole(&((scaled * levels)? - 0.5)?)?.maximum(-levels as f32)?;
    Ok((rounded + 0.5)?.broadcast_mul(&(scale * (1.0 / levels))?)?)
}

/// Every row scaled so that this magnitude of it is the largest value.
pub(super) fn on_magnitude(
    format: Format,
    magnitude: &Tensor,
    values: &Tensor,
) -> Result<Tensor, Error> {
    let max = format.max();
    let magnitude = magnitude.maximum(Reduced::MAGNITUDE_MIN)?;
    let there = (magnitude.recip()? * f64::from(max))?;
    let back = (magnitude * f64::from(1.0 / max))?;
    let scaled = values.broadcast_mul(&there)?.clamp(-max, max)?;
    Ok(nearest(format, &scaled)?.broadcast_mul(&back)?)
}

/// The nearest values of the format to ones that are no larger than its largest.
fn nearest(format: Format, scaled: &Tensor) -> Result<Tensor, Error> {
    match format.float() {
        None => whole(scaled),
        Some(Float { splitter, normal_min, quantum }) => {
            let split = (scaled * f64::from(splitter))?;
            let normal = (&split - (&split - scaled)?)?;
            let small = (whole(&(scaled * f64::from(1.0 / quantum))?)? * f64::from(quantum))?;
            Ok(scaled.abs()?.lt(normal_min)?.where_cond(&small, &normal)?)
        }
    }
}

/// The nearest integers of values below 2^22.
fn whole(values: &Tensor) -> Result<Tensor, Error> {
    const ROUND: f64 = 12_582_912.0;
    Ok(((values + ROUND)? - ROUND)?)
}

/// Of every `of` neighbours in a row the `keep` largest, the first of equal ones.
fn masked(Keep { keep, of }: Keep, values: &Tensor) -> Result<Tensor, Error> {
    let groups = values.reshape((values.elem_count() / of, of))?;
    let sizes = groups.abs()?;
    let size = |place: usize| sizes.narrow(1, place, 1);
    let mut kept = Vec::with_capacity(of);
    for place in 0..of {
        let mut before = size(place)?.zeros_like()?;
        for other in (0..of).filter(|other| *other != place) {
            let goes = if other < place {
                size(other)?.ge(&size(place)?)?
            } else {
                size(other)?.gt(&size(place)?)?
            };
            before = (before + goes.to_dtype(values.dtype())?)?;
        }
        kept.push(before.lt(keep as f32)?.to_dtype(values.dtype())?);
    }
    Ok((groups * Tensor::cat(&kept, 1)?)?.reshape(values.dims())?)
}
