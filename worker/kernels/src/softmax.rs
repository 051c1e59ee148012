//! Softmax over short rows, and the way back.

use crate::dispatch::kernel;
use crate::math::{dot, exp, max, sum};

kernel! {
    /// Of every row of `count` logits.
    pub(crate) fn softmax(values: &mut [f32], count: usize) {
        for row in values.chunks_exact_mut(count) {
            let greatest = max(row);
            for value in row.iter_mut() {
                *value = exp(*value - greatest);
            }
            let norm = 1.0 / sum(row);
            for value in row {
                *value *= norm;
            }
        }
    }

    /// Replaces the gradient of the probabilities by that of the logits.
    pub(crate) fn softmax_backward(probs: &[f32], dprobs: &mut [f32], count: usize) {
        for (probs, dprobs) in probs.chunks_exact(count).zip(dprobs.chunks_exact_mut(count)) {
            let mean = dot(probs, dprobs);
            for (dprob, prob) in dprobs.iter_mut().zip(probs) {
                *dprob = prob * (*dprob - mean);
            }
        }
    }
}
