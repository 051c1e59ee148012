//! Several streams of one model that read the same tokens, and one head that reads all of them (Chen et
//! al., ParScale, arXiv:2505.10475, equations 6 and 7).
//!
//! ```text
//! p = softmax(silu([n_1 .. n_P] W_fc + b_fc) W_out + b_out)      n_i = norm(x_i), the stream i of a token
//! y = sum_i ((1 - smoothing) p_i + smoothing / P) n_i
//! ```
//!
//! Rows of all activations are those of the first stream, then those of the second, and so on.

use crate::dispatch::kernel;
use crate::linear::{
    add_input_gradient, add_product, affine, affine_backward_params, input_gradient,
    weight_gradient,
};
use crate::math::dot;
use crate::scratch::{Scratch, fit};
use crate::shape::{Named, matrix, vector};
use crate::softmax::{softmax, softmax_backward};
use crate::units::{Activation, activate, multiply};

/// What every token may look at before the first: keys and values of their own for each stream, which
/// are parameters and stand at no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The sequences of a batch are those of the first stream, then those of the next, as many each.
    pub streams_n: usize,
    /// Keys of a stream.
    pub len: usize,
}

/// How a head weighs the streams of a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streams {
    /// P, two or more.
    pub count: usize,
    /// This much of the weight is shared out evenly, so that no stream stops learning.
    pub smoothing: f32,
}

/// What the backward pass needs of the forward pass.
#[derive(Debug, Default)]
pub(crate) struct StreamsSaved {
    /// Hidden units, tokens × width, and what they are multiplied with on the way back.
    hidden: Vec<f32>,
    slope: Vec<f32>,
    /// Shares before they are smoothed, tokens × P.
    shares: Vec<f32>,
    /// What the head reads, tokens × width.
    merged: Vec<f32>,
}

impl StreamsSaved {
    pub(crate) fn merged(&self, len: usize) -> &[f32] {
        &self.merged[..len]
    }
}

/// The parameters of `streams`; those of no elements where there are none.
pub(crate) fn params(streams: Option<Streams>, width: usize) -> [Named; 4] {
    let count = streams.map_or(0, |streams| streams.count);
    let hidden = if count > 0 { width } else { 0 };
    [
        matrix("streams_fc_w", count * width, hidden),
        vector("streams_fc_b", hidden),
        matrix("streams_out_w", hidden, count),
        vector("streams_out_b", count),
    ]
}

impl Streams {
    /// Leaves the weighed sum of the streams of `normed` (P tokens × `width`) in `saved`.
    pub(crate) fn merge(
        self,
        [fc_w, fc_b, out_w, out_b]: [&[f32]; 4],
        normed: &[f32],
        width: usize,
        saved: &mut StreamsSaved,
    ) {
        let of_stream = normed.len() / self.count;
        let slope = fit(&mut saved.slope, of_stream);
        let pieces = normed.chunks_exact(of_stream).zip(fc_w.chunks_exact(width * width));
        for (index, (x, w)) in pieces.enumerate() {
            if index == 0 { affine(x, w, fc_b, slope) } else { add_product(x, w, width, slope) }
        }
        let hidden = fit(&mut saved.hidden, of_stream);
        activate(Activation::Silu, false, width, slope, hidden);
        let shares = fit(&mut saved.shares, of_stream / width * self.count);
        affine(hidden, out_w, out_b, shares);
        softmax(shares, self.count);
        let merged = fit(&mut saved.merged, of_stream);
        weigh(normed, shares, self.smoothing, width, merged);
    }

    /// Writes the gradients of the parameters and of `normed` from that of the sum.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    pub(crate) fn backward(
        self,
        [fc_w, _, out_w, _]: [&[f32]; 4],
        normed: &[f32],
        width: usize,
        dmerged: &[f32],
        [dfc_w, dfc_b, dout_w, dout_b]: [&mut [f32]; 4],
        dnormed: &mut [f32],
        saved: &StreamsSaved,
        scratch: &mut Scratch,
    ) {
        let of_stream = normed.len() / self.count;
        let shares = &saved.shares[..of_stream / width * self.count];
        let dshares = fit(&mut scratch.dprobs, shares.len());
        weigh_backward(normed, shares, self.smoothing, width, dmerged, dnormed, dshares);
        softmax_backward(shares, dshares, self.count);
        affine_backward_params(&saved.hidden[..of_stream], dshares, dout_w, dout_b);
        let dhidden = fit(&mut scratch.dmixed, of_stream);
        input_gradient(dshares, out_w, self.count, dhidden);
        multiply(dhidden, &saved.slope[..of_stream]);
        let square = width * width;
        for stream in 0..self.count {
            let rows = stream * of_stream..(stream + 1) * of_stream;
            let own = stream * square..(stream + 1) * square;
            let (x, dw) = (&normed[rows.clone()], &mut dfc_w[own.clone()]);
            if stream == 0 {
                affine_backward_params(x, dhidden, dw, dfc_b);
            } else {
                weight_gradient(x, dhidden, width, dw);
            }
            add_input_gradient(dhidden, &fc_w[own], width, &mut dnormed[rows]);
        }
    }
}

kernel! {
    /// `merged_t = sum_i ((1 - smoothing) share_ti + smoothing / P) x_it`.
    fn weigh(x: &[f32], shares: &[f32], smoothing: f32, width: usize, merged: &mut [f32]) {
        let tokens_n = merged.len() / width;
        let count = shares.len() / tokens_n;
        let even = smoothing / count as f32;
        merged.fill(0.0);
        for (stream, x) in x.chunks_exact(merged.len()).enumerate() {
            let rows = x.chunks_exact(width).zip(merged.chunks_exact_mut(width));
            for ((x, merged), shares) in rows.zip(shares.chunks_exact(count)) {
                let weight = (1.0 - smoothing) * shares[stream] + even;
                for (merged, x) in merged.iter_mut().zip(x) {
                    *merged += weight * x;
                }
            }
        }
    }

    /// Writes the gradients of the streams by the sum, and those of the shares.
    fn weigh_backward(
        x: &[f32],
        shares: &[f32],
        smoothing: f32,
        width: usize,
        dmerged: &[f32],
        dx: &mut [f32],
        dshares: &mut [f32],
    ) {
        let tokens_n = dmerged.len() / width;
        let count = shares.len() / tokens_n;
        let even = smoothing / count as f32;
        let streams = x.chunks_exact(dmerged.len()).zip(dx.chunks_exact_mut(dmerged.len()));
        for (stream, (x, dx)) in streams.enumerate() {
            let rows = x.chunks_exact(width).zip(dx.chunks_exact_mut(width));
            for (token, ((x, dx), dmerged)) in rows.zip(dmerged.chunks_exact(width)).enumerate() {
                let place = token * count + stream;
                let weight = (1.0 - smoothing) * shares[place] + even;
                for (dx, dmerged) in dx.iter_mut().zip(dmerged) {
                    *dx = weight * dmerged;
                }
                dshares[place] = (1.0 - smoothing) * dot(x, dmerged);
            }
        }
    }
}
