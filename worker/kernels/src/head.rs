//! Final norm, vocabulary projection and cross-entropy in one operation.

use crate::dispatch::kernel;
use crate::linear::{input_gradient, project, weight_gradient};
use crate::math::{exp, max, sum};
use crate::norm::{Norm, Stats};
use crate::scratch::{Scratch, fit};
use crate::shape::{Layout, Named, matrix, split, split_mut, vector};
use crate::streams::{self, Streams, StreamsSaved};

/// `loss = mean of -ln softmax(LN(x)·W)[target]`, in nats per token; W has no bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Targets; rows of `x` are as many, of each stream one after the other.
    pub tokens_n: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Logits per token.
    pub vocabulary_n: usize,
    /// Of the residual stream.
    pub norm: Norm,
    /// The gradient holds that of this weight times the mean square of `ln Σ exp(logit)`, which keeps
    /// logits small (Chowdhery et al., arXiv:2204.02311, section 5); the loss that is told does not.
    pub z_loss: f32,
    /// Where a token has several streams, which are weighed after the norm.
    pub streams: Option<Streams>,
}

/// What a [`Head`] keeps between forward and backward.
#[derive(Debug, Default)]
pub struct HeadSaved {
    normed: Vec<f32>,
    stats: Vec<Stats>,
    /// Logits, or their gradient once the forward pass is through.
    logits: Vec<f32>,
    nll: Vec<f32>,
    streams: StreamsSaved,
}

impl Head {
    fn params(&self) -> [Named; 7] {
        let [a, b, c, d] = streams::params(self.streams, self.width);
        [
            vector("lnf_gain", self.width),
            vector("lnf_bias", self.norm.bias_len(self.width)),
            a,
            b,
            c,
            d,
            matrix("head_w", self.width, self.vocabulary_n),
        ]
    }

    /// The parameters within the head's flat slice.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.params())
    }

    /// The parameters that stay a head's own where it shares its matrix with the embedding: those
    /// before the matrix.
    pub fn own_layout(&self) -> Layout {
        let [own @ .., _] = self.params();
        Layout::new(&own)
    }

    /// Rows of the residual stream, or of the streams.
    fn rows_n(&self) -> usize {
        self.tokens_n * self.streams.map_or(1, |streams| streams.count)
    }

    /// The mean negative log-likelihood of `targets`, in nats per token.
    ///
    /// # Panics
    /// If a target is not in the vocabulary or a slice has not the length that the sizes ask for.
    pub fn forward(
        &self,
        params: &[f32],
        x: &[f32],
        targets: &[u32],
        saved: &mut HeadSaved,
    ) -> f32 {
        self.project(params, x, targets, saved);
        let nll = fit(&mut saved.nll, self.tokens_n);
        let logits = fit(&mut saved.logits, self.tokens_n * self.vocabulary_n);
        cross_entropy(logits, targets, 1.0 / self.tokens_n as f32, self.z_loss, nll);
        let total: f64 = nll.iter().map(|&nll| f64::from(nll)).sum();
        (total / self.tokens_n as f64) as f32
    }

    /// The negative log-likelihood of each target in nats, for evaluation: no gradient follows.
    ///
    /// # Panics
    /// As [`Self::forward`].
    pub fn nll(
        &self,
        params: &[f32],
        x: &[f32],
        targets: &[u32],
        nll: &mut [f32],
        saved: &mut HeadSaved,
    ) {
        self.project(params, x, targets, saved);
        assert_eq!(nll.len(), self.tokens_n, "one value per token");
        let logits = fit(&mut saved.logits, self.tokens_n * self.vocabulary_n);
        cross_entropy(logits, targets, 1.0, self.z_loss, nll);
    }

    /// Writes the gradients of the mean loss that [`Self::forward`] returned.
    ///
    /// # Panics
    /// If a slice has not the length that the sizes ask for.
    pub fn backward(
        &self,
        params: &[f32],
        x: &[f32],
        dx: &mut [f32],
        dparams: &mut [f32],
        saved: &mut HeadSaved,
        scratch: &mut Scratch,
    ) {
        let [ln_gain, _, merging @ .., head_w] = split(params, &self.params());
        let [dln_gain, dln_bias, dmerging @ .., dhead_w] = split_mut(dparams, &self.params());
        let dlogits = fit(&mut saved.logits, self.tokens_n * self.vocabulary_n);
        let normed = fit(&mut saved.normed, self.rows_n() * self.width);
        let mut dnormed = std::mem::take(&mut scratch.dnormed);
        let dread = fit(&mut dnormed, normed.len());
        if let Some(streams) = self.streams {
            let merged = saved.streams.merged(self.tokens_n * self.width);
            weight_gradient(merged, dlogits, self.vocabulary_n, dhead_w);
            let mut dmerged = std::mem::take(&mut scratch.dwide);
            let of_merged = fit(&mut dmerged, merged.len());
            input_gradient(dlogits, head_w, self.vocabulary_n, of_merged);
            let (width, saved) = (self.width, &saved.streams);
            streams.backward(merging, normed, width, of_merged, dmerging, dread, saved, scratch);
            scratch.dwide = dmerged;
        } else {
            weight_gradient(normed, dlogits, self.vocabulary_n, dhead_w);
            input_gradient(dlogits, head_w, self.vocabulary_n, dread);
        }
        dx.fill(0.0);
        let stats = fit(&mut saved.stats, self.rows_n());
        self.norm.backward(x, ln_gain, stats, dread, dx, dln_gain, dln_bias);
        scratch.dnormed = dnormed;
    }

    fn project(&self, params: &[f32], x: &[f32], targets: &[u32], saved: &mut HeadSaved) {
        let [ln_gain, ln_bias, merging @ .., head_w] = split(params, &self.params());
        assert_eq!(targets.len(), self.tokens_n, "one target per token");
        let normed = fit(&mut saved.normed, self.rows_n() * self.width);
        self.norm.forward(x, ln_gain, ln_bias, normed, fit(&mut saved.stats, self.rows_n()));
        let logits = fit(&mut saved.logits, self.tokens_n * self.vocabulary_n);
        let read: &[f32] = if let Some(streams) = self.streams {
            streams.merge(merging, normed, self.width, &mut saved.streams);
            saved.streams.merged(self.tokens_n * self.width)
        } else {
            normed
        };
        project(read, head_w, self.vocabulary_n, logits);
    }
}

kernel! {
    /// Writes each row's `-ln softmax[target]` and replaces the logits by the gradient of their
    /// weighted sum, `weight (softmax (1 + 2 z_loss log_sum) - onehot)`.
    fn cross_entropy(
        logits: &mut [f32],
        targets: &[u32],
        weight: f32,
        z_loss: f32,
        nll: &mut [f32],
    ) {
        let vocabulary_n = logits.len() / targets.len();
        let rows = logits.chunks_exact_mut(vocabulary_n).zip(targets).zip(nll);
        for ((logits, &target), nll) in rows {
            let target = target as usize;
            let greatest = max(logits);
            let target_logit = logits[target] - greatest;
            for logit in logits.iter_mut() {
                *logit = exp(*logit - greatest);
            }
            let total = sum(logits);
            let log_sum = total.ln();
            let pull = 1.0 + 2.0 * z_loss * (greatest + log_sum);
            let norm = weight * pull / total;
            for prob in logits.iter_mut() {
                *prob *= norm;
            }
            logits[target] -= weight;
            *nll = log_sum - target_logit;
        }
    }
}
