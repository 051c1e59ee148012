//! The block of a GPT: `x + attention(LN x)`, then `x + MLP(LN x)`.
//!
//! Causal softmax attention in heads. Position is known from vectors added to the embedding, from
//! ALiBi (Press et al., arXiv 2108.12409): head h of H, counted from 0, lowers its scores by
//! `2^(-8h/H)` per token of distance; or from turning queries and keys.

use candle_core::{D, Device, Tensor};
use sweep_kernels::{GptBlock, Prefix, Queries, Shape};

use super::block::Mixer;
use super::compose::{self, Parameters};
use super::reduce::Parts;
use super::streams;
use crate::error::Error;

/// How tokens see each other.
#[derive(Clone, Copy)]
pub(super) struct Gpt {
    pub(super) alibi: bool,
    pub(super) queries: Queries,
    /// What each stream sees before its first token.
    pub(super) prefix: Option<Prefix>,
}

impl Mixer for Gpt {
    type Kernel = GptBlock;

    const FIRST: &'static str = "qkv";

    fn kernel(&self, shape: Shape, Parts { mixer, mlp }: Parts) -> GptBlock {
        let Self { alibi, queries, prefix } = *self;
        GptBlock { shape, alibi, queries, prefix, mixer, mlp }
    }

    fn mix(
        &self,
        kernel: &GptBlock,
        parameters: &Parameters<'_>,
        qkv: &Tensor,
        _: &mut Option<Tensor>,
    ) -> Result<Tensor, Error> {
        attention(qkv, kernel.shape, *self, parameters)
    }

    fn max_attention_logit(
        &self,
        shape: Shape,
        parameters: &Parameters<'_>,
        qkv: &Tensor,
    ) -> Result<Option<f64>, Error> {
        let scores = scores(qkv, shape, self.queries, parameters)?;
        // What comes after a token is not seen, and does not count.
        let scores = scores.broadcast_add(&bias(shape, false, qkv.device())?)?;
        Ok(Some(f64::from(scores.max_all()?.to_scalar::<f32>()?)))
    }
}

/// `qkv` is `[batch, sequence, 3 x inner]`, the result `[batch, sequence, inner]`.
fn attention(
    qkv: &Tensor,
    shape: Shape,
    how: Gpt,
    parameters: &Parameters<'_>,
) -> Result<Tensor, Error> {
    let Shape { batch, sequence, .. } = shape;
    let Gpt { alibi, queries, prefix } = how;
    let scores = scores(qkv, shape, queries, parameters)?;
    let mut scores = scores.broadcast_add(&bias(shape, alibi, qkv.device())?)?;
    let mut values = heads(qkv, shape, 2)?;
    if let Some(prefix) = prefix {
        let before = |name| streams::before(parameters, name, prefix, shape);
        let queries = met(qkv, shape, queries, parameters, 0)?;
        let of_prefix = products(&queries, &before("prefix_k")?, shape)?;
        scores = Tensor::cat(&[of_prefix, scores], D::Minus1)?;
        values = Tensor::cat(&[before("prefix_v")?, values], 2)?;
    }
    let shifted = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?;
    let weights = shifted.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    let mixed = weights.matmul(&values)?.transpose(1, 2)?.contiguous()?;
    Ok(mixed.reshape((batch, sequence, shape.inner()))?)
}

/// Queries times keys over the root of the head's width, `[batch, heads, sequence, sequence]`.
fn scores(
    qkv: &Tensor,
    shape: Shape,
    how: Queries,
    parameters: &Parameters<'_>,
) -> Result<Tensor, Error> {
    let [queries, keys] = [0, 1].map(|index| met(qkv, shape, how, parameters, index));
    products(&queries?, &keys?, shape)
}

fn products(queries: &Tensor, keys: &Tensor, shape: Shape) -> Result<Tensor, Error> {
    Ok((queries.matmul(&keys.t()?.contiguous()?)? / (shape.head_width as f64).sqrt())?)
}

/// Queries (0) or keys (1) as they meet, `[batch, heads, sequence, head width]`.
fn met(
    qkv: &Tensor,
    shape: Shape,
    how: Queries,
    parameters: &Parameters<'_>,
    index: usize,
) -> Result<Tensor, Error> {
    let mut part = heads(qkv, shape, index)?;
    if how.normed {
        part = compose::rms_norm(&part, parameters.get(["q_gain", "k_gain"][index]))?;
    }
    if how.rotary { rotated(&part, shape) } else { Ok(part) }
}

/// Queries (0), keys (1) or values (2), `[batch, heads, sequence, head width]`.
fn heads(qkv: &Tensor, shape: Shape, index: usize) -> Result<Tensor, Error> {
    let Shape { batch, sequence, heads_n, head_width, .. } = shape;
    let part = qkv.narrow(D::Minus1, index * shape.inner(), shape.inner())?;
    let part = part.reshape((batch, sequence, heads_n, head_width))?;
    Ok(part.transpose(1, 2)?.contiguous()?)
}

/// Queries or keys, `[batch, heads, sequence, head width]`, turned by their positions.
fn rotated(x: &Tensor, shape: Shape) -> Result<Tensor, Error> {
    let (sequence, width) = (shape.sequence, shape.head_width);
    let half = width / 2;
    let mut angles = Vec::with_capacity(sequence * half);
    for position in 0..sequence {
        let turn = |pair| 10_000f64.powf(-2.0 * pair as f64 / width as f64);
        angles.extend((0..half).map(|pair| position as f64 * turn(pair)));
    }
    let table = |of: fn(f64) -> f64| {
        let values = angles.iter().map(|angle| of(*angle) as f32);
        Tensor::from_iter(values, x.device())?.reshape((sequence, half))
    };
    let (cos, sin) = (table(f64::cos)?, table(f64::sin)?);
    let (left, right) = (x.narrow(D::Minus1, 0, half)?, x.narrow(D::Minus1, half, half)?);
    let first = (left.broadcast_mul(&cos)? - right.broadcast_mul(&sin)?)?;
    let second = (left.broadcast_mul(&sin)? + right.broadcast_mul(&cos)?)?;
    Ok(Tensor::cat(&[first, second], D::Minus1)?)
}

/// Added to the scores, `[heads, sequence, sequence]`: the causal mask and ALiBi.
fn bias(shape: Shape, alibi: bool, device: &Device) -> Result<Tensor, Error> {
    let Shape { sequence, heads_n, .. } = shape;
    let mut values = Vec::with_capacity(heads_n * sequence * sequence);
    for head in 0..heads_n {
        let slope = if alibi { (-8.0 * head as f32 / heads_n as f32).exp2() } else { 0.0 };
        for query in 0..sequence {
            values.extend((0..sequence).map(|key| match query.checked_sub(key) {
                Some(distance) => -slope * distance as f32,
                None => f32::NEG_INFINITY,
            }));
        }
    }
    Ok(Tensor::from_vec(values, (heads_n, sequence, sequence), device)?)
}
