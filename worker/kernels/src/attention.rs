//! Causal multi-head attention, one (sequence, head) at a time in blocks of query rows.
//!
//! A block of queries meets only the keys up to its last row, so about half of the score matrix is
//! never computed and none of it is kept: the backward pass rebuilds the probabilities from the
//! saved log-sum-exp of each row (Dao et al., FlashAttention, arXiv:2205.14135, section 3.1).

use crate::dispatch::kernel;
use crate::math::{dot, exp, max, sum};
use crate::matmul::{View, ViewMut};
use crate::scratch::{Tiles, fit};
use crate::shape::Shape;
use crate::streams::Prefix;

/// Query rows per block.
const BLOCK: usize = 64;
/// Score rows are padded to a multiple of this, so that the vector loops have no remainder.
const PAD: usize = 16;

/// The slope of a head's linear position bias: `2^(-8 h / H)` for h = 0..H-1, so 1 for the first.
///
/// Scores fall by this much per token of distance. ALiBi (Press et al., arXiv:2108.12409, section
/// 3) counts h from 1. For the eight heads and more that it was made for that is nearly the same;
/// with two or four heads it leaves none that is steep enough to look at its neighbour, and the
/// model stays near the bigram plateau.
fn alibi_slope(head: usize, heads_n: usize) -> f32 {
    (-8.0 * head as f32 / heads_n as f32).exp2()
}

/// Keys and values that all tokens of a stream see, whatever their positions: rows of stream after
/// stream, head by head inside each.
#[derive(Clone, Copy)]
pub(crate) struct PrefixRows<'a> {
    pub(crate) of: Prefix,
    pub(crate) keys: &'a [f32],
    pub(crate) values: &'a [f32],
}

impl PrefixRows<'_> {
    /// First element of this head's keys, and of its values.
    fn start(&self, place: &Place<'_>) -> usize {
        let stream = place.sequence / (place.shape.batch / self.of.streams_n);
        stream * self.of.len * place.shape.inner() + place.head * place.shape.head_width
    }

    fn view<'a>(&self, rows: &'a [f32], place: &Place<'_>) -> View<'a> {
        let Shape { head_width, .. } = *place.shape;
        View::strided(&rows[self.start(place)..], self.of.len, head_width, place.shape.inner())
    }

    fn view_mut<'a>(&self, rows: &'a mut [f32], place: &Place<'_>) -> ViewMut<'a> {
        let Shape { head_width, .. } = *place.shape;
        let rows = &mut rows[self.start(place)..];
        ViewMut::strided(rows, self.of.len, head_width, place.shape.inner())
    }
}

/// Keys before the first token, and the columns that they take in a tile of scores.
fn columns(prefix: Option<PrefixRows<'_>>) -> (usize, usize) {
    let len = prefix.map_or(0, |prefix| prefix.of.len);
    (len, len.next_multiple_of(PAD))
}

/// One (sequence, head) within the packed matrices.
struct Place<'a> {
    shape: &'a Shape,
    sequence: usize,
    head: usize,
    bias_slope: f32,
}

fn places(shape: &Shape, alibi: bool) -> impl Iterator<Item = Place<'_>> {
    (0..shape.batch).flat_map(move |sequence| {
        (0..shape.heads_n).map(move |head| {
            let bias_slope = if alibi { alibi_slope(head, shape.heads_n) } else { 0.0 };
            Place { shape, sequence, head, bias_slope }
        })
    })
}

/// Which third of a packed query-key-value row.
#[derive(Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

impl Place<'_> {
    fn scale(&self) -> f32 {
        1.0 / (self.shape.head_width as f32).sqrt()
    }

    /// First element of row `row` of this head in a tokens × 3·inner matrix.
    fn packed(&self, part: Part, row: usize) -> usize {
        let token = self.sequence * self.shape.sequence + row;
        let channel = self.head * self.shape.head_width;
        (token * 3 + part as usize) * self.shape.inner() + channel
    }

    /// First element of row `row` of this head in a tokens × inner matrix.
    fn mixed(&self, row: usize) -> usize {
        let token = self.sequence * self.shape.sequence + row;
        token * self.shape.inner() + self.head * self.shape.head_width
    }

    /// `rows` rows from `start` of one part of this head.
    fn view<'a>(&self, qkv: &'a [f32], part: Part, start: usize, rows: usize) -> View<'a> {
        let data = &qkv[self.packed(part, start)..];
        View::strided(data, rows, self.shape.head_width, 3 * self.shape.inner())
    }

    fn view_mut<'a>(
        &self,
        qkv: &'a mut [f32],
        part: Part,
        start: usize,
        rows: usize,
    ) -> ViewMut<'a> {
        let data = &mut qkv[self.packed(part, start)..];
        ViewMut::strided(data, rows, self.shape.head_width, 3 * self.shape.inner())
    }

    /// This head's log-sum-exp in a (sequence, head, row) vector.
    fn row_index(&self, row: usize) -> usize {
        (self.sequence * self.shape.heads_n + self.head) * self.shape.sequence + row
    }

    /// Keys or values of the whole sequence, channel by channel: head_width × sequence.
    fn transpose_into(&self, qkv: &[f32], part: Part, out: &mut Vec<f32>) {
        let sequence = self.shape.sequence;
        let out = fit(out, self.shape.head_width * sequence);
        transpose(&qkv[self.packed(part, 0)..], 3 * self.shape.inner(), sequence, out);
    }
}

/// Start, end and padded score width of each block of query rows, the last block first.
fn blocks(sequence: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..sequence.div_ceil(BLOCK)).rev().map(move |block| {
        let end = ((block + 1) * BLOCK).min(sequence);
        (block * BLOCK, end, end.next_multiple_of(PAD))
    })
}

/// Mixes `qkv` (tokens × 3·inner) into `mixed` (tokens × inner); keeps the rows' log-sum-exp.
pub(crate) fn forward(
    shape: &Shape,
    alibi: bool,
    prefix: Option<PrefixRows<'_>>,
    qkv: &[f32],
    mixed: &mut [f32],
    lse: &mut [f32],
    tiles: &mut Tiles,
) {
    let inner = shape.inner();
    let (before, pad) = columns(prefix);
    for place in places(shape, alibi) {
        place.transpose_into(qkv, Part::Key, &mut tiles.keys_t);
        for (start, end, seen) in blocks(shape.sequence) {
            let (rows, stride) = (end - start, pad + seen);
            let scores = fit(&mut tiles.scores, rows * stride);
            let keys_t = View::strided(&tiles.keys_t, shape.head_width, end, shape.sequence);
            let query = place.view(qkv, Part::Query, start, rows);
            ViewMut::strided(&mut scores[pad..], rows, end, stride).set(query, keys_t);
            if let Some(prefix) = prefix {
                let keys = prefix.view(prefix.keys, &place);
                ViewMut::strided(scores, rows, before, stride).set(query, keys.t());
            }
            let block_lse = &mut lse[place.row_index(start)..place.row_index(end)];
            let (scale, slope) = (place.scale(), place.bias_slope);
            softmax(scores, start, before, stride, scale, slope, block_lse);
            let output = || place.mixed(start);
            ViewMut::strided(&mut mixed[output()..], rows, shape.head_width, inner).set(
                View::strided(&scores[pad..], rows, end, stride),
                place.view(qkv, Part::Value, 0, end),
            );
            if let Some(prefix) = prefix {
                ViewMut::strided(&mut mixed[output()..], rows, shape.head_width, inner).add(
                    View::strided(scores, rows, before, stride),
                    prefix.view(prefix.values, &place),
                );
            }
        }
    }
}

/// Writes the gradient of `qkv` from that of `mixed`, and those of the prefix's keys and values.
#[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
pub(crate) fn backward(
    shape: &Shape,
    alibi: bool,
    prefix: Option<PrefixRows<'_>>,
    qkv: &[f32],
    mixed: &[f32],
    lse: &[f32],
    dmixed: &[f32],
    dqkv: &mut [f32],
    mut dprefix: [&mut [f32]; 2],
    tiles: &mut Tiles,
) {
    let (inner, width) = (shape.inner(), shape.head_width);
    let (before, pad) = columns(prefix);
    for gradient in &mut dprefix {
        gradient.fill(0.0);
    }
    for place in places(shape, alibi) {
        place.transpose_into(qkv, Part::Key, &mut tiles.keys_t);
        place.transpose_into(qkv, Part::Value, &mut tiles.values_t);
        for (start, end, seen) in blocks(shape.sequence) {
            let (rows, stride) = (end - start, pad + seen);
            let mixed_range = place.mixed(start)..place.mixed(end - 1) + width;
            let dmixed = &dmixed[mixed_range.clone()];
            let delta = fit(&mut tiles.delta, rows);
            row_dots(&mixed[mixed_range], dmixed, inner, width, delta);
            let dmixed = View::strided(dmixed, rows, width, inner);
            let query = place.view(qkv, Part::Query, start, rows);

            let probs = fit(&mut tiles.scores, rows * stride);
            let keys_t = View::strided(&tiles.keys_t, width, end, shape.sequence);
            ViewMut::strided(&mut probs[pad..], rows, end, stride).set(query, keys_t);
            let dscores = fit(&mut tiles.dscores, rows * stride);
            let values_t = View::strided(&tiles.values_t, width, end, shape.sequence);
            ViewMut::strided(&mut dscores[pad..], rows, end, stride).set(dmixed, values_t);
            if let Some(prefix) = prefix {
                let [keys, values] = [prefix.keys, prefix.values].map(|x| prefix.view(x, &place));
                ViewMut::strided(probs, rows, before, stride).set(query, keys.t());
                ViewMut::strided(dscores, rows, before, stride).set(dmixed, values.t());
            }
            let block_lse = &lse[place.row_index(start)..place.row_index(end)];
            let (scale, slope) = (place.scale(), place.bias_slope);
            softmax_backward(probs, dscores, start, before, stride, scale, slope, block_lse, delta);

            let tile = BlockTile { start, end, stride, pad, probs, dscores };
            tile.tokens_backward(&place, qkv, query, dmixed, dqkv);
            if let Some(prefix) = prefix {
                tile.prefix_backward(&place, prefix, query, dmixed, dqkv, &mut dprefix);
            }
        }
    }
}

/// Probabilities of a block of queries and the gradients of its scores.
struct BlockTile<'a> {
    start: usize,
    end: usize,
    stride: usize,
    /// Columns before those of the tokens.
    pad: usize,
    probs: &'a [f32],
    dscores: &'a [f32],
}

impl BlockTile<'_> {
    /// Writes the gradient of the queries and adds those of keys and values.
    fn tokens_backward(
        &self,
        place: &Place<'_>,
        qkv: &[f32],
        query: View<'_>,
        dmixed: View<'_>,
        dqkv: &mut [f32],
    ) {
        let Self { start, end, stride, pad, .. } = *self;
        let rows = end - start;
        let probs = View::strided(&self.probs[pad..], rows, end, stride);
        let dscores = View::strided(&self.dscores[pad..], rows, end, stride);
        place
            .view_mut(dqkv, Part::Query, start, rows)
            .set(dscores, place.view(qkv, Part::Key, 0, end));
        let dkeys = place.view_mut(dqkv, Part::Key, 0, end);
        // The last block comes first and reaches every key, so it sets what the others add to.
        if end == place.shape.sequence {
            dkeys.set(dscores.t(), query);
            place.view_mut(dqkv, Part::Value, 0, end).set(probs.t(), dmixed);
        } else {
            dkeys.add(dscores.t(), query);
            place.view_mut(dqkv, Part::Value, 0, end).add(probs.t(), dmixed);
        }
    }

    /// Adds what queries, keys and values have of the prefix.
    fn prefix_backward(
        &self,
        place: &Place<'_>,
        prefix: PrefixRows<'_>,
        query: View<'_>,
        dmixed: View<'_>,
        dqkv: &mut [f32],
        [dkeys, dvalues]: &mut [&mut [f32]; 2],
    ) {
        let rows = self.end - self.start;
        let [probs, dscores] = [self.probs, self.dscores]
            .map(|tile| View::strided(tile, rows, prefix.of.len, self.stride));
        place
            .view_mut(dqkv, Part::Query, self.start, rows)
            .add(dscores, prefix.view(prefix.keys, place));
        prefix.view_mut(dkeys, place).add(dscores.t(), query);
        prefix.view_mut(dvalues, place).add(probs.t(), dmixed);
    }
}

kernel! {
    /// Turns raw scores into probabilities, row `i` seeing the keys up to `start + i`, and `before` keys
    /// ahead of them at no distance.
    fn softmax(
        scores: &mut [f32],
        start: usize,
        before: usize,
        stride: usize,
        scale: f32,
        slope: f32,
        lse: &mut [f32],
    ) {
        let pad = before.next_multiple_of(PAD);
        for (row, (scores, lse)) in scores.chunks_exact_mut(stride).zip(lse).enumerate() {
            let last = start + row;
            let (seen, unseen) = scores.split_at_mut(pad + (last + 1).next_multiple_of(PAD));
            for (key, score) in seen[..pad].iter_mut().enumerate() {
                *score = if key < before { *score * scale } else { f32::NEG_INFINITY };
            }
            for (key, score) in seen[pad..].iter_mut().enumerate() {
                let biased = *score * scale + slope * (key as i32 - last as i32) as f32;
                *score = if key as i32 <= last as i32 { biased } else { f32::NEG_INFINITY };
            }
            let greatest = max(seen);
            for score in seen.iter_mut() {
                let masked = *score == f32::NEG_INFINITY;
                let e = exp(*score - greatest);
                *score = if masked { 0.0 } else { e };
            }
            let total = sum(seen);
            let norm = 1.0 / total;
            for score in seen {
                *score *= norm;
            }
            unseen.fill(0.0);
            *lse = greatest + total.ln();
        }
    }

    /// Turns raw scores into probabilities and the gradient of the probabilities into that of the
    /// raw scores: `ds = p (dp - delta) scale`, delta the row's inner product of output and its
    /// gradient.
    fn softmax_backward(
        probs: &mut [f32],
        dscores: &mut [f32],
        start: usize,
        before: usize,
        stride: usize,
        scale: f32,
        slope: f32,
        lse: &[f32],
        delta: &[f32],
    ) {
        let pad = before.next_multiple_of(PAD);
        let rows = probs.chunks_exact_mut(stride).zip(dscores.chunks_exact_mut(stride));
        for (row, ((probs, dscores), (&lse, &delta))) in rows.zip(lse.iter().zip(delta)).enumerate()
        {
            let last = start + row;
            let seen = pad + (last + 1).next_multiple_of(PAD);
            probs[seen..].fill(0.0);
            dscores[seen..].fill(0.0);
            for (prob, dscore) in probs[..before].iter_mut().zip(&mut dscores[..before]) {
                *prob = exp(*prob * scale - lse);
                *dscore = *prob * (*dscore - delta) * scale;
            }
            let pairs = probs[pad..seen].iter_mut().zip(&mut dscores[pad..seen]);
            for (key, (prob, dscore)) in pairs.enumerate() {
                let biased = *prob * scale + slope * (key as i32 - last as i32) as f32;
                let p = exp(biased - lse);
                let ds = p * (*dscore - delta) * scale;
                let visible = key as i32 <= last as i32;
                *prob = if visible { p } else { 0.0 };
                *dscore = if visible { ds } else { 0.0 };
            }
        }
    }

    /// `out_i = a_i · b_i` over the first `width` elements of rows `stride` apart.
    fn row_dots(a: &[f32], b: &[f32], stride: usize, width: usize, out: &mut [f32]) {
        for (row, out) in out.iter_mut().enumerate() {
            let range = row * stride..row * stride + width;
            *out = dot(&a[range.clone()], &b[range]);
        }
    }

    /// `out[channel][row] = x[row][channel]`.
    fn transpose(x: &[f32], stride: usize, rows: usize, out: &mut [f32]) {
        for (channel, out) in out.chunks_exact_mut(rows).enumerate() {
            for (row, out) in out.iter_mut().enumerate() {
                *out = x[row * stride + channel];
            }
        }
    }
}
