//! What queries and keys go through before they meet: a norm of every head, then a rotation that
//! tells their position.

use crate::dispatch::kernel;
use crate::math::{dot, sum_map2};
use crate::scratch::fit;
use crate::shape::Shape;

/// Added to the mean square of a head.
const EPS: f32 = 1e-5;
/// The slowest channels turn by a radian in about as many tokens.
const BASE: f64 = 10_000.0;

/// What is done to queries and keys. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queries {
    /// Whether every head is divided by the root of its mean square and multiplied with a gain that
    /// all heads share (Henry et al., arXiv:2010.04245, in the form of Qwen3, arXiv:2505.09388).
    pub normed: bool,
    /// Whether channels `i` and `i + head_width/2` turn together by `position * 10000^(-2i/head_width)`
    /// (Su et al., arXiv:2104.09864, equation 15). Heads are then of even width.
    pub rotary: bool,
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Default)]
pub(crate) struct QueriesSaved {
    /// Queries and keys before the norm, tokens × 2 inner.
    raw: Vec<f32>,
    /// Reciprocal root mean squares, tokens × 2 heads.
    rstd: Vec<f32>,
    /// Cosine and sine by position and pair of channels, for heads of this width.
    turns: Vec<[f32; 2]>,
    head_width: usize,
}

impl Queries {
    /// Changes the first two thirds of each row of `qkv`.
    pub(crate) fn forward(
        self,
        shape: &Shape,
        gains: [&[f32]; 2],
        qkv: &mut [f32],
        saved: &mut QueriesSaved,
    ) {
        let (tokens_n, inner, width) = (shape.tokens_n(), shape.inner(), shape.head_width);
        if self.normed {
            let raw = fit(&mut saved.raw, tokens_n * 2 * inner);
            let rstd = fit(&mut saved.rstd, tokens_n * 2 * shape.heads_n);
            normalise(qkv, gains[0], gains[1], inner, raw, rstd);
        }
        if self.rotary {
            assert!(width.is_multiple_of(2), "pairs of channels turn together");
            if saved.head_width != width {
                saved.turns.clear();
                saved.head_width = width;
            }
            let half = width / 2;
            for index in saved.turns.len()..shape.sequence * half {
                let (position, pair) = (index / half, index % half);
                let slower = BASE.powf(-2.0 * pair as f64 / width as f64);
                let (sin, cos) = (position as f64 * slower).sin_cos();
                saved.turns.push([cos as f32, sin as f32]);
            }
            let turns = &saved.turns[..shape.sequence * half];
            rotate(qkv, turns, inner, half, 1.0);
        }
    }

    /// Turns the gradients of what [`Self::forward`] left into those of what it was given.
    pub(crate) fn backward(
        self,
        shape: &Shape,
        gains: [&[f32]; 2],
        dqkv: &mut [f32],
        [dquery, dkey]: [&mut [f32]; 2],
        saved: &QueriesSaved,
    ) {
        let (tokens_n, inner) = (shape.tokens_n(), shape.inner());
        if self.rotary {
            let half = shape.head_width / 2;
            rotate(dqkv, &saved.turns[..shape.sequence * half], inner, half, -1.0);
        }
        if self.normed {
            let raw = &saved.raw[..tokens_n * 2 * inner];
            let rstd = &saved.rstd[..tokens_n * 2 * shape.heads_n];
            dquery.fill(0.0);
            dkey.fill(0.0);
            normalise_backward(dqkv, gains[0], gains[1], inner, raw, rstd, dquery, dkey);
        }
    }
}

kernel! {
    /// Turns queries and keys of rows of `3 inner`, the other way where `direction` is -1.
    fn rotate(qkv: &mut [f32], turns: &[[f32; 2]], inner: usize, half: usize, direction: f32) {
        let sequence = turns.len() / half;
        for (token, row) in qkv.chunks_exact_mut(3 * inner).enumerate() {
            let turns = &turns[token % sequence * half..][..half];
            for head in row[..2 * inner].chunks_exact_mut(2 * half) {
                let (left, right) = head.split_at_mut(half);
                for ((left, right), [cos, sin]) in left.iter_mut().zip(right).zip(turns) {
                    let sin = sin * direction;
                    (*left, *right) = (*left * cos - *right * sin, *left * sin + *right * cos);
                }
            }
        }
    }

    fn normalise(
        qkv: &mut [f32],
        query_gain: &[f32],
        key_gain: &[f32],
        inner: usize,
        raw: &mut [f32],
        rstd: &mut [f32],
    ) {
        let width = query_gain.len();
        let heads_n = inner / width;
        let rows = qkv.chunks_exact_mut(3 * inner).zip(raw.chunks_exact_mut(2 * inner));
        for ((row, raw), rstd) in rows.zip(rstd.chunks_exact_mut(2 * heads_n)) {
            let row = &mut row[..2 * inner];
            raw.copy_from_slice(row);
            let heads = row.chunks_exact_mut(width).zip(raw.chunks_exact(width)).zip(rstd);
            for (head, ((x, raw), rstd)) in heads.enumerate() {
                let gain = if head < heads_n { query_gain } else { key_gain };
                *rstd = 1.0 / (dot(raw, raw) / width as f32 + EPS).sqrt();
                for ((x, raw), gain) in x.iter_mut().zip(raw).zip(gain) {
                    *x = raw * *rstd * gain;
                }
            }
        }
    }

    /// With x̂ the normalised head and g = dy·gain: `dx = rstd (g - x̂ mean(g x̂))`.
    fn normalise_backward(
        dqkv: &mut [f32],
        query_gain: &[f32],
        key_gain: &[f32],
        inner: usize,
        raw: &[f32],
        rstd: &[f32],
        dquery: &mut [f32],
        dkey: &mut [f32],
    ) {
        let width = query_gain.len();
        let heads_n = inner / width;
        let rows = dqkv.chunks_exact_mut(3 * inner).zip(raw.chunks_exact(2 * inner));
        for ((row, raw), rstd) in rows.zip(rstd.chunks_exact(2 * heads_n)) {
            let heads = row[..2 * inner].chunks_exact_mut(width).zip(raw.chunks_exact(width));
            for (head, ((dy, raw), rstd)) in heads.zip(rstd).enumerate() {
                let is_query = head < heads_n;
                let gain = if is_query { query_gain } else { key_gain };
                let dgain = if is_query { &mut *dquery } else { &mut *dkey };
                for i in 0..width {
                    dgain[i] += dy[i] * raw[i] * rstd;
                    dy[i] *= gain[i];
                }
                let mean = sum_map2(dy, raw, |g, x| g * x) * rstd / width as f32;
                for (dy, raw) in dy.iter_mut().zip(raw) {
                    *dy = rstd * (*dy - raw * rstd * mean);
                }
            }
        }
    }
}
